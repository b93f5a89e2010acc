// Package developerpages is what those who write the integration see at a platform's
// desk: events, webhook endpoints with their attempts and replays, the log of API
// requests, API keys, the audit log, and the tools of the sandbox.
package developerpages

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
)

//go:embed all:templates catalogues
var files embed.FS

// Config is what the pages cannot know by themselves.
type Config struct {
	// Resources are what the scopes of restricted keys speak of, in order.
	Resources []string
	// Triggers are the types of event that Trigger makes happen in test mode.
	Triggers []string
	// Trigger makes an event happen and returns its id, and of which connected account
	// it is, "" for the platform's own.
	Trigger func(ctx context.Context, c *client.Client, typ string) (event, account string, err error)
	// MailInbox and WebhookInbox are where development shows what it sent; "" for none.
	MailInbox, WebhookInbox string
}

type section struct {
	cfg   Config
	pages *dashboard.Pages
}

const developers = "desk.group.developers"

// Pages gives a desk the pages of developers.
func Pages(d *dashboard.Desk, cfg Config) (err error) {
	s := &section{cfg: cfg}
	page := func(method, path, permission string, h dashboard.Handler) dashboard.Page {
		return dashboard.Page{Method: method, Path: path, Permission: permission, Handler: h}
	}
	const get, post = http.MethodGet, http.MethodPost
	s.pages, err = d.Add(dashboard.Section{
		Templates: sub("templates"), Catalogues: sub("catalogues"), Side: dashboard.ForPlatform,
		Nav: []dashboard.NavItem{
			{Key: "keys.title", Icon: "key", Path: "/api-keys", Permission: "api_keys:read", Group: developers},
			{Key: "webhooks.title", Icon: "webhook", Path: "/webhooks", Permission: "webhook_endpoints:read", Group: developers},
			{Key: "events.title", Icon: "activity", Path: "/events", Permission: "events:read", Group: developers},
			{Key: "requests.title", Icon: "square-terminal", Path: "/requests", Permission: "request_logs:read", Group: developers},
			{Key: "sandbox.title", Icon: "flask-conical", Path: "/sandbox", Permission: "test_helpers:read", Group: developers},
			{Key: "audit.title", Icon: "history", Path: "/audit", Permission: "audit_log:read", Group: "desk.group.settings"},
		},
		Pages: []dashboard.Page{
			page(get, "/api-keys", "api_keys:read", s.keys),
			page(get, "/api-keys/new", "api_keys:write", s.newKey),
			page(post, "/api-keys/new", "api_keys:write", s.createKey),
			page(get, "/api-keys/{id}", "api_keys:read", s.key),
			page(get, "/api-keys/{id}/edit", "api_keys:write", s.editKey),
			page(post, "/api-keys/{id}/edit", "api_keys:write", s.updateKey),
			page(get, "/api-keys/{id}/roll", "api_keys:write", s.askRoll),
			page(post, "/api-keys/{id}/roll", "api_keys:write", s.rollKey),
			page(get, "/api-keys/{id}/revoke", "api_keys:write", s.askRevoke),
			page(post, "/api-keys/{id}/revoke", "api_keys:write", s.revokeKey),

			page(get, "/webhooks", "webhook_endpoints:read", s.endpoints),
			page(get, "/webhooks/new", "webhook_endpoints:write", s.newEndpoint),
			page(post, "/webhooks/new", "webhook_endpoints:write", s.createEndpoint),
			page(get, "/webhooks/{id}", "webhook_endpoints:read", s.endpoint),
			page(get, "/webhooks/{id}/edit", "webhook_endpoints:write", s.editEndpoint),
			page(post, "/webhooks/{id}/edit", "webhook_endpoints:write", s.updateEndpoint),
			page(post, "/webhooks/{id}/test", "webhook_endpoints:write", s.sendTest),
			page(post, "/webhooks/{id}/pause", "webhook_endpoints:write", s.pauseEndpoint),
			page(get, "/webhooks/{id}/enable", "webhook_endpoints:write", s.askEnable),
			page(post, "/webhooks/{id}/enable", "webhook_endpoints:write", s.enableEndpoint),
			page(get, "/webhooks/{id}/roll", "webhook_endpoints:write", s.askRollSecret),
			page(post, "/webhooks/{id}/roll", "webhook_endpoints:write", s.rollSecret),
			page(get, "/webhooks/{id}/delete", "webhook_endpoints:write", s.askDelete),
			page(post, "/webhooks/{id}/delete", "webhook_endpoints:write", s.deleteEndpoint),
			page(get, "/webhooks/{id}/replay", "webhook_endpoints:write", s.askReplay),
			page(post, "/webhooks/{id}/replay", "webhook_endpoints:write", s.startReplay),
			page(get, "/deliveries/{id}", "webhook_endpoints:read", s.delivery),
			page(post, "/deliveries/{id}/resend", "webhook_endpoints:write", s.resendDelivery),
			page(get, "/replays/{id}", "webhook_endpoints:read", s.replay),
			page(post, "/replays/{id}/cancel", "webhook_endpoints:write", s.cancelReplay),

			page(get, "/events", "events:read", s.events),
			page(get, "/events/{id}", "events:read", s.event),
			page(post, "/events/{id}/resend", "events:write", s.resendEvent),

			page(get, "/requests", "request_logs:read", s.requests),
			page(get, "/requests/{id}", "request_logs:read", s.request),

			page(get, "/audit", "audit_log:read", s.audit),
			page(get, "/audit/export", "audit_log:read", s.exportAudit),
			page(get, "/audit/{id}", "audit_log:read", s.act),

			page(get, "/sandbox", "test_helpers:read", s.sandbox),
			page(post, "/sandbox/advance", "test_helpers:write", s.advance),
			page(post, "/sandbox/trigger", "test_helpers:write", s.trigger),
		},
		IDs: map[string]string{
			"key": "/api-keys/{id}", "we": "/webhooks/{id}", "whd": "/deliveries/{id}", "whr": "/replays/{id}",
			"evt": "/events/{id}", "req": "/requests/{id}", "act": "/audit/{id}",
		},
	})
	return err
}

// listed is an answer of the API that is a list.
type listed[T any] struct {
	Data    []T
	HasMore bool `json:"has_more"`
}

// some reads the first of a list.
func some[T any](r *http.Request, v *dashboard.Visit, path string, params url.Values) ([]T, error) {
	var found listed[T]
	err := v.API.Get(r.Context(), path, params, &found)
	return found.Data, err
}

// refusal shows what the API refused in the form; other errors come back.
func refusal(form *ui.Form, err error, fields ...string) error {
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status < 400 || refused.Status >= 500 || refused.Status == http.StatusForbidden {
		return err
	}
	field := ""
	for _, name := range fields {
		if refused.Param == name || strings.HasPrefix(refused.Param, name+"[") {
			field = name
		}
	}
	form.Fail(field, "developers.refused", "message", refused.Message)
	return nil
}

// back is the way up from a page.
func back(v *dashboard.Visit, key string, parts ...string) *ui.Link {
	return &ui.Link{Href: v.Path(parts...), Key: key}
}

// pretty is JSON for people; what is none stays as it is.
func pretty(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	if shown, err := dashboard.JSON(raw); err == nil {
		return shown
	}
	return string(raw)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func number(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// say is a text with values, in the page's language.
func say(v *dashboard.Visit, key string, args ...any) ui.Text { return v.Text(key, args...) }

package developerpages

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// Ids as the API makes them.
const (
	keyID, endpointID, deliveryID, replayID = "key_03578RvTlaNQmEV2YMYLux", "we_03578RvTlaNQmEV2YMYLux", "whd_03578RvTlaNQmEV2YMYLux", "whr_03578RvTlaNQmEV2YMYLux"
	eventID, requestID, actID               = "evt_03578RvTlaNQmEV2YMYLux", "req_03578RvTlaNQmEV2YMYLux", "act_03578RvTlaNQmEV2YMYLux"
	oneKey                                  = `{"id": "` + keyID + `", "object": "api_key", "created": 1795996800, "expires_at": null, "last4": "9Qx2", "last_used_at": 1796083200,
		"livemode": false, "name": "Lesson shop, server", "prefix": "rk_test_", "replaced_by": null, "revoked_at": null, "allowed_ips": ["203.0.113.0/24", "2001:db8::/32"], "scopes": ["charges:write", "refunds:read"],
		"status": "active", "type": "restricted"`
	oneEndpoint = `{"id": "` + endpointID + `", "object": "webhook_endpoint", "api_version": null, "application": null, "created": 1795996800, "description": "Lesson shop",
		"enabled_events": ["charge.succeeded", "payout.paid"], "livemode": false, "metadata": {}, "status": "enabled", "url": "https://lessons.example/a/rather/long/path/to/hooks",
		"connect": false, "disabled_at": null, "disabled_reason": null, "event_payload": "snapshot", "max_concurrency": null, "ordered": true, "paused": false,
		"health": {"state": "open", "failures": 12, "last_success": 1795996800, "last_failure": 1796083200, "open_until": 1796090000},
		"public_key": "whpk_MCowBQYDK2VwAyEAq8Zk3VbN1mX5cL7pR2tY9w", "rate_limit": 20, "retry_schedule": [5, 60, 600], "secret_created": 1795996800`
	goodAttempt = `{"id": "wha_2", "object": "webhook_attempt", "created": 1796083300, "duration_ms": 41, "event": "` + eventID + `", "event_type": "charge.succeeded",
		"expunged_at": null, "failure": null, "livemode": false, "number": 2, "remote_ip": "203.0.113.7",
		"request": {"method": "POST", "url": "https://lessons.example/hooks", "headers": {"Content-Type": "application/json", "Webhook-Id": "` + eventID + `"}},
		"response": {"status": 200, "body": "ok"}, "retry_at": null, "timing": {"dns_ms": 1, "connect_ms": 4, "tls_ms": 12, "first_byte_ms": 40},
		"webhook_delivery": "` + deliveryID + `", "webhook_endpoint": "` + endpointID + `"}`
	badAttempt = `{"id": "wha_1", "object": "webhook_attempt", "created": 1796083200, "duration_ms": 5000, "event": "` + eventID + `", "event_type": "charge.succeeded",
		"expunged_at": null, "failure": "response_timeout", "livemode": false, "number": 1, "remote_ip": null, "request": {"method": "POST", "url": "https://lessons.example/hooks", "headers": {}},
		"response": {"status": null, "body": ""}, "retry_at": 1796083260, "timing": {"dns_ms": null, "connect_ms": null, "tls_ms": null, "first_byte_ms": null},
		"webhook_delivery": "` + deliveryID + `", "webhook_endpoint": "` + endpointID + `"}`
	oneDelivery = `{"id": "` + deliveryID + `", "object": "webhook_delivery", "attempt_count": 2, "created": 1796083200, "delivered_at": 1796083300, "event": "` + eventID + `",
		"event_type": "charge.succeeded", "livemode": false, "next_attempt": null, "ordered": true, "related_object": "ch_03578RvTlaNQmEV2YMYLux", "status": "undelivered",
		"webhook_endpoint": "` + endpointID + `", "webhook_replay": null`
	oneReplay = `{"id": "` + replayID + `", "object": "webhook_replay", "created": 1796083200, "delivery_created": {"gte": 1795996800, "lte": null}, "dry_run": false, "ended_at": null,
		"livemode": false, "percent": 42, "rate_limit": null, "replayed": 4200, "status": "running", "statuses": ["failed", "undelivered"], "total": 10000, "types": ["charge.*"],
		"webhook_endpoint": "` + endpointID + `"}`
	oneEvent = `{"id": "` + eventID + `", "object": "event", "api_version": "2026-08-26.dahlia", "created": 1796083200, "livemode": false, "pending_webhooks": 1, "type": "charge.updated",
		"object_version": 3, "request": {"id": "` + requestID + `", "idempotency_key": "order-77"}, "data": {"object": {"id": "ch_03578RvTlaNQmEV2YMYLux", "amount": 60000,
		"description": "Piano, one hour", "outcome": {"risk": {"score": 12, "level": "normal"}, "reasons": ["a", "b"]}, "refunded": false, "metadata": {}},
		"previous_attributes": {"description": null}}}`
	oneRequest = `{"id": "` + requestID + `", "object": "request_log", "account": "acct_platform", "api_version": "2026-08-26.dahlia", "created": 1796083200, "duration_us": 8412,
		"error": {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "Your card has insufficient funds.", "param": "source"},
		"events": ["` + eventID + `"], "for_account": "acct_tutor", "idempotency_key": "order-77", "ip": "198.51.100.4", "key": "` + keyID + `", "livemode": false, "method": "POST",
		"params": {"amount": "60000", "currency": "hkd", "description": "[redacted]", "source": "tok_visa", "transfer_data": {"destination": "acct_1"}},
		"path": "/v1/charges", "person": null, "related_object": "ch_03578RvTlaNQmEV2YMYLux", "replayed": true, "route": "/v1/charges", "status": 402}`
	oneAct = `{"id": "` + actID + `", "object": "audit_record", "action": "webhook_endpoints.update", "actor": "usr_mei", "created": 1796083200, "ended_at": 1796083201, "error_code": null,
		"for_account": "acct_platform", "ip": "198.51.100.4", "livemode": false, "method": "POST", "outcome": "done", "params": {"paused": "true"}, "path": "/v1/webhook_endpoints/` + endpointID + `",
		"reason": "The server moves tonight", "related_object": "` + endpointID + `", "request": "` + requestID + `", "status": 200,
		"changes": [{"event": "` + eventID + `", "type": "account.updated", "related_object": "acct_platform", "before": {"paused": false}, "after": {"paused": true}}]}`
)

func listOf(items ...string) string {
	return `{"object": "list", "has_more": true, "url": "/x", "data": [` + strings.Join(items, ",") + `]}`
}

// answers are what the API says in these tests, by the beginning of method and path; the first that fits.
var answers = []struct{ asked, answer string }{
	{"POST /v1/api_keys", oneKey + `, "secret": "rk_test_1aAbBcCdDeEfFgG2hHiIjJkK9Qx2"}`},
	{"GET /v1/api_keys/", oneKey + "}"},
	{"GET /v1/api_keys", listOf(oneKey+"}", strings.ReplaceAll(oneKey, keyID, "key_2")+"}")},
	{"POST /v1/webhook_endpoints/" + endpointID + "/roll_secret", oneEndpoint + `, "secret": "whsec_q8Zk3VbN1mX5cL7pR2tY9w"}`},
	{"POST /v1/webhook_endpoints", oneEndpoint + `, "secret": "whsec_q8Zk3VbN1mX5cL7pR2tY9w"}`},
	{"GET /v1/webhook_endpoints/", oneEndpoint + "}"},
	{"GET /v1/webhook_endpoints", listOf(oneEndpoint + "}")},
	{"GET /v1/webhook_attempts", listOf(goodAttempt, badAttempt)},
	{"GET /v1/webhook_deliveries/", oneDelivery + `, "attempts": ` + listOf(badAttempt, goodAttempt) + `, "payload": ` + oneEvent + `}`},
	{"GET /v1/webhook_deliveries", listOf(oneDelivery + "}")},
	{"POST /v1/webhook_replays", oneReplay},
	{"GET /v1/webhook_replays/", oneReplay},
	{"GET /v1/webhook_replays", listOf(oneReplay)},
	{"GET /v1/events/", oneEvent},
	{"GET /v1/events", listOf(oneEvent)},
	{"GET /v1/event_types", listOf(`{"id": "charge.succeeded", "description": "A payment went through."}`, `{"id": "charge.updated", "description": "A payment's description or metadata changed."}`,
		`{"id": "payout.paid", "description": "The bank has it."}`)},
	{"GET /v1/request_logs/errors", listOf(`{"object": "request_log_errors", "code": "card_declined", "count": 12, "last_created": 1796083200, "last_request": "` + requestID + `",
		"method": "POST", "route": "/v1/charges/{id}/capture", "status": 402, "type": "card_error"}`)},
	{"GET /v1/request_logs/", oneRequest},
	{"GET /v1/request_logs", listOf(oneRequest)},
	{"GET /v1/audit_log/export", "PK archive"},
	{"GET /v1/audit_log/", oneAct},
	{"GET /v1/audit_log", listOf(oneAct)},
	{"GET /v1/test_helpers/world_clock", `{"object": "world_clock", "now": 1796083200, "ahead_seconds": 172800}`},
	{"GET /v1/balance_transactions", listOf(`{"id": "txn_1", "status": "pending", "available_on": 1796169600, "net": 51000, "currency": "hkd"}`)},
	{"GET /v1/payouts", listOf(`{"id": "po_03578RvTlaNQmEV2YMYLux", "status": "in_transit", "amount": 120000, "currency": "hkd", "arrival_date": 1796169600}`)},
}

// api answers from the list and remembers what was asked.
type api struct{ asked []string }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.asked = append(a.asked, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	for _, one := range answers {
		if strings.HasPrefix(r.Method+" "+r.URL.Path, one.asked) {
			_, _ = io.WriteString(w, one.answer)
			return
		}
	}
	http.NotFound(w, r)
}

// desk serves the pages before an API of fixtures.
func desk(t testing.TB) (*api, *ui.Kit, http.Handler) {
	t.Helper()
	a := &api{}
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := dashboardtest.New(t, kit, a)
	err = Pages(d, Config{
		Resources: []string{"charges", "refunds"}, Triggers: []string{"charge.succeeded", "charge.updated"}, MailInbox: "/_dev/mail", WebhookInbox: "/_dev/hooks",
		Trigger: func(context.Context, *client.Client, string) (event, account string, err error) {
			return eventID, "", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, kit, dashboardtest.Handler(d)
}

// addresses are all pages that can be opened.
var addressesOfPages = map[string]string{
	"keys": "/api-keys?columns=name,token,type,status,used,expires,created,scopes", "key-new": "/api-keys/new", "key": "/api-keys/" + keyID, "key-edit": "/api-keys/" + keyID + "/edit", "key-roll": "/api-keys/" + keyID + "/roll",
	"key-revoke": "/api-keys/" + keyID + "/revoke",
	"webhooks":   "/webhooks", "webhook-new": "/webhooks/new", "webhook": "/webhooks/" + endpointID, "webhook-deliveries": "/webhooks/" + endpointID + "?tab=deliveries",
	"webhook-replays": "/webhooks/" + endpointID + "?tab=replays", "webhook-settings": "/webhooks/" + endpointID + "?tab=settings", "webhook-edit": "/webhooks/" + endpointID + "/edit",
	"webhook-enable": "/webhooks/" + endpointID + "/enable", "webhook-roll": "/webhooks/" + endpointID + "/roll", "webhook-delete": "/webhooks/" + endpointID + "/delete",
	"replay-new": "/webhooks/" + endpointID + "/replay", "replay-counted": "/webhooks/" + endpointID + "/replay?count=yes&from=2026-11-01&status[]=failed", "replay": "/replays/" + replayID,
	"delivery": "/deliveries/" + deliveryID, "events": "/events", "event": "/events/" + eventID, "requests": "/requests", "request": "/requests/" + requestID,
	"audit": "/audit", "act": "/audit/" + actID, "sandbox": "/sandbox?advance=2d", "json": "/events/" + eventID + "?view=json",
}

const root = "/dashboard/" + dashboardtest.Platform + "/test"

func TestEveryPageIsSoundInABrowser(t *testing.T) {
	_, kit, pages := desk(t)
	url := uitest.Server(t, kit, pages)
	for _, language := range []string{"en", "zh-Hant-HK"} {
		for name, path := range addressesOfPages {
			t.Run(language+"/"+name, func(t *testing.T) {
				tab := uitest.Browser(t).Tab(t, uitest.Language(language))
				tab.Open(url + root + path)
				if tab.URL() != url+root+path {
					t.Errorf("%s: %s", path, tab.Text())
				}
				if language == "en" {
					uitest.Audit(t, tab)
				} else {
					uitest.Fits(t, tab) // languages share their markup
				}
				picture(tab, name+"-"+language)
			})
		}
	}
}

// picture keeps what a page looks like, if SLUICE_TEST_SCREENSHOTS says where.
func picture(tab *uitest.Tab, name string) {
	dir := os.Getenv("SLUICE_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, width := range []int{390, 1440} {
		for theme, dark := range map[string]bool{"light": false, "dark": true} {
			tab.SetWidth(width)
			tab.SetDark(dark)
			tab.Screenshot(filepath.Join(dir, name+"-"+theme+"-"+map[int]string{390: "phone", 1440: "desktop"}[width]+".png"))
		}
	}
	tab.SetDark(false)
}

package main

// Who may act: keys, people, and the connections that people give to platforms.

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/checkout"
	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/auditlog"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// buildAccess is who may act by themselves: keys, and people who sign in.
func (a *App) buildAccess(_ context.Context, ring *secret.Keyring) error {
	pepper, err := a.cfg.peppers()
	if err != nil {
		return err
	}
	a.auth = credential.NewAuthenticator(a.pool, pepper("api_keys"), clock.System{})
	a.keys = credential.NewService(a.auth, resources...)
	a.desks = credential.NewDesks()
	a.throttle = throttle.New(a.pool, pepper("throttle"), clock.System{})
	if a.mails, err = newPost(a.cfg, a.log); err != nil {
		return err
	}
	a.auditSeal = auditlog.NewSeal(pepper("audit_exports"))
	a.audit = auditlog.New(a.pool, clock.System{}, a.log, auditedResources...)
	a.people, err = session.New(a.pool, session.Config{
		Pepper: pepper("people"), Keyring: ring, Throttle: a.throttle, Mail: a.mails, BaseURL: a.cfg.origin(), Log: a.log,
		Team: a.auditTeam,
	})
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	return nil
}

// auditedResources are those whose every change is in the audit log: who may act, what
// is told to whom, and when and where money leaves.
var auditedResources = []string{
	"account_notes", "api_keys", "balance_settings", "oauth_clients", "payout_approvals", "payout_batches", "payout_calendars", "payout_holds", "payout_policy",
	"payout_runs", "test_helpers", "verification_reviews", "webhook_endpoints",
}

// auditTeam keeps what people do to the teams of accounts.
func (a *App) auditTeam(ctx context.Context, tx bun.Tx, c session.TeamChange) error {
	return a.audit.Record(ctx, tx, auditlog.Entry{
		Account: c.Seat.Account, Livemode: c.Seat.Livemode, Person: c.Actor, Action: "team." + c.Kind, Object: c.About, Role: string(c.Role),
		IP: c.IP, OccurredAt: c.At,
	})
}

// buildConnections is who may act for somebody else: the OAuth server.
func (a *App) buildConnections(_ context.Context, ring *secret.Keyring) error {
	pepper, err := a.cfg.peppers()
	if err != nil {
		return err
	}
	a.links = onboarding.NewLinks(a.pool, onboarding.LinksConfig{Accounts: a.accounts, Pepper: pepper("onboarding"), BaseURL: a.cfg.origin()})
	a.provider, err = oauth.New(oauth.Config{
		Pool: a.pool, Issuer: a.cfg.origin(), Pepper: pepper("oauth"), Successors: pepper("oauth_successors"), Keys: a.auth,
		Publishable: credential.NewPublished(a.keys, ring), Marketplace: a.market(), Members: members{a.people},
		Throttle: clientBrake{a.throttle}, Clocks: a.clocks, Log: a.log, Resources: tokenResources(),
	})
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	return nil
}

func (a *App) market() market { return market{accounts: a.accounts, links: a.links} }

// tokenResources are what an access token reaches: what a connected account has of
// its own, and nothing that manages keys, applications, reviews, holds or the sandbox.
func tokenResources() []string {
	closed := []string{"account_notes", "api_keys", "audit_log", "oauth_clients", "payout_approvals", "payout_calendars", "payout_holds", "payout_policy", "payout_runs",
		"request_logs", "test_helpers", "verification_reviews", "webhook_endpoints"}
	return slices.DeleteFunc(slices.Clone(resources), func(r string) bool { return slices.Contains(closed, r) })
}

// buildPages are what people see in their browsers.
func (a *App) buildPages(context.Context, *secret.Keyring) (err error) {
	plain := strings.HasPrefix(a.cfg.origin(), "http:") // this machine: everything else is https
	a.kit, err = ui.New(ui.Config{Dev: plain, Log: a.log})
	if err != nil {
		return err
	}
	flow, err := oauthhttp.NewFlow(oauthhttp.FlowConfig{
		Pool: a.pool, Kit: a.kit, Provider: a.provider, People: a.people, Market: a.market(), Details: a.links, Log: a.log,
	})
	if err != nil {
		return err
	}
	people, err := oauthhttp.PeopleRoutes(oauthhttp.PeopleConfig{
		Pool: a.pool, People: a.people, Kit: a.kit, Names: accountNames{a.accounts}, Asking: flow, Inbox: a.cfg.Dev, Log: a.log,
	})
	if err != nil {
		return err
	}
	wizard, err := onboarding.New(onboarding.Config{
		Pool: a.pool, Accounts: a.accounts, Links: a.links, Kit: a.kit, Documents: documents{a.pool, a.files}, StepUp: stepUp{a.pool, a.people},
		TermsURL: a.cfg.TermsURL, Dev: plain, Log: a.log,
	})
	if err != nil {
		return err
	}
	till, err := checkout.NewPages(checkout.PagesConfig{Sessions: a.checkout, Accounts: a.accounts, Kit: a.kit})
	if err != nil {
		return err
	}
	a.pages = slices.Concat(flow.Routes(), wizard.Routes(), till.Routes(), till.BankRoutes(a.sandbox, actionPath), people, a.kitRoutes())
	return nil
}

// kitRoutes are what all pages share.
func (a *App) kitRoutes() []rest.Route {
	return []rest.Route{
		{Method: http.MethodGet, Path: ui.AssetsPath, Public: true, Handler: a.kit.Assets()},
		{Method: http.MethodPost, Path: ui.PreferencesPath, Public: true, Handler: a.kit.Preferences()},
	}
}

// errorPage answers a browser that went astray, or a page of ours that failed.
func (a *App) errorPage(w http.ResponseWriter, r *http.Request, status int) {
	key := map[int]string{http.StatusNotFound: "ui.error.not_found", http.StatusMethodNotAllowed: "ui.error.method"}[status]
	if key == "" {
		key = "ui.error.internal"
	}
	a.kit.ErrorPage(w, r, status, key, "")
}

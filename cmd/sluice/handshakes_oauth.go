package main

// What the oauth room asks of the others.

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/file"
	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// market tells oauth of accounts: it satisfies oauth.Marketplace.
type market struct {
	accounts *connect.Accounts
	links    *onboarding.Links
}

func (m market) Platform(ctx context.Context, idb bun.IDB, platform string, livemode bool) (oauth.Party, error) {
	a, err := m.accounts.Get(ctx, idb, tenant.Scope{Platform: platform, Account: platform, Livemode: livemode}, platform)
	if fault.Is(err, fault.Forbidden) || err == nil && (!a.IsPlatform() || !a.ClosedAt.IsZero()) {
		return oauth.Party{}, fault.NoSuch("account", platform)
	}
	if err != nil {
		return oauth.Party{}, err
	}
	p := party(a)
	look := a.Settings.Branding
	if look.Logo != nil {
		p.LogoURL = "/brand/" + a.ID + "/logo"
	}
	p.PrimaryColor, p.SecondaryColor = valueOf(look.PrimaryColor), valueOf(look.SecondaryColor)
	return p, nil
}

func (m market) Accounts(ctx context.Context, idb bun.IDB, platform string, livemode bool, ids []string) ([]oauth.Party, error) {
	var parties []oauth.Party
	for _, id := range ids {
		if id == platform { // a platform does not connect itself
			continue
		}
		a, err := m.accounts.Get(ctx, idb, tenant.Scope{Platform: platform, Account: id, Livemode: livemode}, id)
		if fault.Is(err, fault.Forbidden) || err == nil && !a.ClosedAt.IsZero() {
			continue
		}
		if err != nil {
			return nil, err
		}
		parties = append(parties, party(a))
	}
	return parties, nil
}

// party is an account as its own people know it.
func party(a connect.Account) oauth.Party {
	return oauth.Party{
		ID: a.ID, Name: a.Name(), Country: a.Country, Email: a.Email, DetailsSubmitted: a.Standing().DetailsSubmitted, Live: a.Livemode,
	}
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (m market) Open(ctx context.Context, tx bun.Tx, p oauth.OpenParams) (string, error) {
	a, err := m.accounts.OpenForOAuth(ctx, tx, m.now(p.Livemode), connect.OpenParams{
		Platform: p.Platform, Livemode: p.Livemode, Express: p.Express, Email: p.Email, Prefill: p.Prefill, Capabilities: p.Capabilities,
	})
	return a.ID, err
}

func (m market) SetAccess(ctx context.Context, tx bun.Tx, platform, account string, livemode bool, access tenant.Access) error {
	if err := m.accounts.SetAccess(ctx, tx, m.now(livemode), platform, account, livemode, access); err != nil || access.Writes() {
		return err
	}
	return m.links.Revoke(ctx, tx, account, livemode)
}

func (m market) Reach(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (tenant.Access, bool, error) {
	return m.accounts.ReachNow(ctx, idb, platform, account, livemode)
}

func (m market) Onboarding(ctx context.Context, tx bun.Tx, account string, livemode bool, platform, returnURL string) (string, bool, error) {
	return m.links.Onboarding(ctx, tx, account, livemode, platform, returnURL)
}

func (m market) now(livemode bool) time.Time { return m.accounts.Clock(livemode).Now() }

// members tells oauth who may decide for an account: it satisfies oauth.Members.
type members struct{ people *session.People }

func (m members) MayConnect(ctx context.Context, idb bun.IDB, user, account string, livemode bool) (bool, error) {
	role, is, err := m.people.RoleOf(ctx, idb, user, account, livemode)
	return is && role.May(session.Connect), err
}

func (m members) Own(ctx context.Context, tx bun.Tx, at time.Time, user, account string, livemode bool) error {
	return m.people.Join(ctx, tx, at, user, account, livemode, session.Owner)
}

// clientBrake slows down whoever guesses at clients' secrets: it satisfies oauth.Throttle.
type clientBrake struct{ *throttle.Throttle }

// A server of a platform that is set up wrongly asks again and again from one
// address: twenty tries are free, and an hour later all is forgotten.
var clientGuesses = throttle.Policy{Name: "oauth_client", Free: 20, Base: time.Second, Max: 5 * time.Minute, Forget: time.Hour}

func (b clientBrake) Wait(ctx context.Context, subject string) (time.Duration, error) {
	return b.Throttle.Wait(ctx, clientGuesses, subject)
}

func (b clientBrake) Fail(ctx context.Context, subject string) error {
	return b.Throttle.Fail(ctx, clientGuesses, subject)
}

func (b clientBrake) Forgive(ctx context.Context, subject string) error {
	return b.Throttle.Forgive(ctx, clientGuesses, subject)
}

// accountNames tells people's pages what accounts are called.
type accountNames struct{ accounts *connect.Accounts }

func (n accountNames) AccountNames(ctx context.Context, ids []string) (map[string]string, error) {
	names := map[string]string{}
	for _, id := range ids {
		platform, err := n.accounts.PlatformOf(ctx, n.accounts.Pool(), id, false)
		livemode := false
		if fault.Is(err, fault.NotFound) {
			livemode = true
			platform, err = n.accounts.PlatformOf(ctx, n.accounts.Pool(), id, true)
		}
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		a, err := n.accounts.Get(ctx, n.accounts.Pool(), tenant.Scope{Platform: platform, Account: id, Livemode: livemode}, id)
		if err != nil {
			return nil, err
		}
		if name := a.Name(); name != "" {
			names[id] = name
		} else if a.Email != "" {
			names[id] = a.Email
		}
	}
	return names, nil
}

// documents keeps what people upload on the onboarding pages.
type documents struct {
	pool  *bun.DB
	files *file.Files
}

// KeepDocument satisfies onboarding.Documents. A file of the account's own can be
// named by nobody but the account and its platform.
func (d documents) KeepDocument(ctx context.Context, scope tenant.Scope, name string, content []byte) (string, error) {
	draft, err := d.files.Prepare(scope, file.Params{Purpose: "identity_document", Filename: name, Content: content})
	if err != nil {
		return "", err
	}
	var kept file.File
	err = db.InTx(ctx, d.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		kept, err = d.files.Store(ctx, tx, draft)
		return err
	})
	return kept.ID, err
}

// stepUp lets only a member who has just proven to be there say where payouts go.
type stepUp struct {
	pool   *bun.DB
	people *session.People
}

// ConfirmBank satisfies onboarding.StepUp.
func (s stepUp) ConfirmBank(r *http.Request, account string, livemode bool, back string) (ok bool, confirm string, err error) {
	team, err := s.people.Team(r.Context(), s.pool, account, livemode)
	if err != nil || len(team) == 0 {
		return err == nil, "", err
	}
	visit, known := s.people.Visit(r.Context(), r)
	is := func(m session.Member) bool { return known && m.User == visit.User.ID && m.Role.May(session.EditBank) }
	next := "?" + url.Values{"next": {back}}.Encode()
	switch {
	case !slices.ContainsFunc(team, is):
		return false, "/sign-in" + next, nil
	case !s.people.Fresh(visit):
		return false, "/security/confirm" + next, nil
	}
	return true, "", nil
}

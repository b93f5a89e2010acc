package main

// What one room asks of another is declared by the room that asks, as a narrow
// interface; here is who satisfies it.

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// payees tells payouts who is paid where.
type payees struct{ accounts *connect.Accounts }

func (p payees) Payable(ctx context.Context, idb bun.IDB, scope tenant.Scope) (payouts.Payable, error) {
	a, err := p.accounts.Get(ctx, idb, scope, scope.Account)
	if err != nil {
		return payouts.Payable{}, err
	}
	return payableOf(a)
}

func (p payees) Payables(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string]payouts.Payable, error) {
	found, err := p.accounts.Many(ctx, idb, livemode, accounts)
	if err != nil {
		return nil, err
	}
	payables := make(map[string]payouts.Payable, len(found))
	for _, a := range found {
		if payables[a.ID], err = payableOf(a); err != nil {
			return nil, err
		}
	}
	return payables, nil
}

func payableOf(a connect.Account) (payouts.Payable, error) {
	schedule, err := payouts.ScheduleOf(a.Settings.Payouts.Schedule, zoneOf(a.Settings.Dashboard))
	if err != nil {
		return payouts.Payable{}, err
	}
	payable := payouts.Payable{
		Schedule: schedule, PayoutsEnabled: a.Standing().PayoutsEnabled, DebitNegative: a.Settings.Payouts.DebitNegativeBalances,
		Retain: amounts(a.Settings.Payouts.MinimumBalance), Trigger: amounts(a.Settings.Payouts.TriggerBalance),
	}
	if d := a.Settings.Payouts.StatementDescriptor; d != nil {
		payable.StatementDescriptor = *d
	}
	for _, e := range a.ExternalAccounts {
		share, since, err := a.PayoutShare(e.ID)
		if err != nil {
			return payouts.Payable{}, err
		}
		to := payouts.Destination{
			ID: e.ID, Currency: money.Currency(e.Currency), Country: e.Country, Default: e.Default, Share: share, ChangedAt: e.ChangedAt(),
			Errored: e.Status == connect.ExternalErrored || e.Status == connect.ExternalRefused,
		}
		if since.After(to.ChangedAt) {
			to.ChangedAt = since
		}
		payable.Destinations = append(payable.Destinations, to)
	}
	return payable, nil
}

func amounts(byCode map[string]int64) map[money.Currency]int64 {
	by := make(map[money.Currency]int64, len(byCode))
	for code, amount := range byCode {
		by[money.Currency(code)] = amount
	}
	return by
}

// zoneOf is the account's time zone; UTC if it has none.
func zoneOf(d wire.DashboardSettings) string {
	if d.Timezone == nil {
		return ""
	}
	return *d.Timezone
}

func (p payees) Creditor(ctx context.Context, idb bun.IDB, scope tenant.Scope, destination string) (rail.Creditor, error) {
	a, err := p.accounts.Get(ctx, idb, scope, scope.Account)
	if err != nil {
		return rail.Creditor{}, err
	}
	e, err := a.ExternalAccount(destination)
	if err != nil {
		return rail.Creditor{}, err
	}
	number, err := p.accounts.Number(e)
	return rail.Creditor{
		Name: e.HolderName, Country: e.Country, Routing: e.RoutingNumber, Number: number, Proxy: rail.ProxyKind(e.Proxy),
		HolderType: e.HolderType, AccountType: e.AccountType,
	}, err
}

func (p payees) MarkErrored(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, destination string) error {
	return p.accounts.MarkErrored(ctx, tx, at, scope, destination)
}

func (p payees) Correct(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, destination string, said rail.Change) (string, error) {
	e, err := p.accounts.CorrectExternalAccount(ctx, tx, at, scope, scope.Account, destination, connect.BankCorrection{
		RoutingNumber: said.Routing, AccountNumber: said.Number, HolderName: said.Holder, AccountType: said.AccountType,
	})
	return e.ID, err
}

// settledBalances tells connect whether an account may be closed.
type settledBalances struct{}

func (settledBalances) Settled(ctx context.Context, tx bun.Tx, livemode bool, account string) (bool, error) {
	return balance.Settled(ctx, tx, livemode, account)
}

// owners tells the ledger's door about the accounts behind its owners.
type owners struct{ accounts *connect.Accounts }

func (o owners) DefaultCurrency(ctx context.Context, scope tenant.Scope) (money.Currency, error) {
	summary, err := o.accounts.Lookup(ctx, scope, scope.Account)
	return money.Currency(summary.DefaultCurrency), err
}

// PlatformOf tells whose reserve covers an account.
func (o owners) PlatformOf(ctx context.Context, account string, livemode bool) (string, error) {
	return o.accounts.PlatformOf(ctx, o.accounts.Pool(), account, livemode)
}

func (o owners) ConnectedTo(ctx context.Context, platform, account string, livemode bool) (bool, error) {
	access, err := o.accounts.Reach(ctx, platform, account, livemode)
	return access != tenant.NoAccess, err
}

func (o owners) ConnectedAccounts(ctx context.Context, platform string, livemode bool) ([]string, error) {
	return o.accounts.IDs(ctx, o.accounts.Pool(), platform, livemode)
}

// liveKeys tells whether the key that a listener's session was opened with is still good.
type liveKeys struct {
	pool *bun.DB
	keys *credential.Service
}

func (k liveKeys) Good(ctx context.Context, account string, livemode bool, keyID string) (bool, error) {
	key, err := k.keys.Get(ctx, k.pool, credential.Owner{Account: account, Livemode: livemode}, keyID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && key.Status(clock.System{}.Now()) == "active", err
}

// endpointAlarms mails an account about its webhook endpoint.
type endpointAlarms struct {
	accounts *connect.Accounts
	mails    post
	log      *slog.Logger
}

// Notify shows the endpoint's URL without its query, which may hold a secret.
func (n endpointAlarms) Notify(ctx context.Context, w webhook.Notice) {
	log := n.log.With("account", w.Account, "endpoint", w.Endpoint.ID, "disabled", w.Disabled)
	platform, err := n.accounts.PlatformOf(ctx, n.accounts.Pool(), w.Account, w.Livemode)
	if err != nil {
		log.WarnContext(ctx, "nobody was mailed about a failing webhook endpoint", "error", err)
		return
	}
	a, err := n.accounts.Get(ctx, n.accounts.Pool(), tenant.Scope{Platform: platform, Account: w.Account, Livemode: w.Livemode}, w.Account)
	if err != nil || a.Email == "" || !n.mails.Post(mail.Message{To: a.Email, Subject: alarmSubject(w), Text: alarmText(w)}) {
		log.WarnContext(ctx, "nobody was mailed about a failing webhook endpoint", "error", err)
	}
}

func alarmSubject(w webhook.Notice) string {
	if w.Disabled {
		return "Your webhook endpoint was disabled"
	}
	return "Your webhook endpoint is failing"
}

func alarmText(w webhook.Notice) string {
	where := w.Endpoint.ID
	if u, err := url.Parse(w.Endpoint.URL); err == nil {
		where += " (" + u.Scheme + "://" + u.Host + u.Path + ")"
	}
	since := ""
	if !w.Since.IsZero() {
		since = " since " + w.Since.Format("2 January 2006, 15:04") + " UTC"
	}
	switch {
	case w.Disabled && w.Endpoint.DisabledReason == "gone":
		return "The webhook endpoint " + where + " answered 410 Gone, so we have stopped sending to it.\n\n" + keptText
	case w.Disabled:
		return "The webhook endpoint " + where + " has not taken a single event" + since + ", so we have stopped sending to it.\n\n" + keptText
	}
	return "The webhook endpoint " + where + " has not taken a single event" + since + ".\n\n" +
		"We go on trying. If nothing changes, we will disable it five days after the first failure.\n"
}

const keptText = "What happens meanwhile is kept. Enable the endpoint again, and it receives everything it missed, in order.\n"

// answerOrphan renders the answer to a request that nobody waits for any more.
func answerOrphan(object any, failure error) (idempotency.Response, error) {
	if failure != nil {
		f := fault.As(failure)
		if f == nil {
			return idempotency.Response{}, failure
		}
		status, body := rest.RenderFault(f)
		return idempotency.Response{Status: status, Body: body}, nil
	}
	body, err := rest.Render(object)
	return idempotency.Response{Status: 200, Body: body}, err
}

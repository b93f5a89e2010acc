package ledgerhttp

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

type debtDoor struct {
	pool     *bun.DB
	accounts Accounts
	clocks   clock.Modes
}

// DebtRoutes is what connected accounts owe their platform.
func DebtRoutes(s *rest.Server, pool *bun.DB, accounts Accounts, clocks clock.Modes) []rest.Route {
	d := debtDoor{pool: pool, accounts: accounts, clocks: clocks}
	return []rest.Route{{Method: http.MethodGet, Path: "/v1/negative_balances", Resource: "balance", Handler: s.Read(d.list),
		Returns: wire.List[wire.NegativeBalance]{}}}
}

// list shows what the platform's connected accounts owe, the oldest
// debt first. There are few, so they are narrowed and cut in memory.
func (d debtDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Account  string         `form:"account"`
		Bucket   string         `form:"bucket"`
		Currency money.Currency `form:"currency"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	size, err := p.Size()
	if err != nil {
		return nil, err
	}
	shown := []wire.NegativeBalance{}
	if !r.Scope.Connected() {
		if shown, err = d.debts(ctx, r); err != nil {
			return nil, err
		}
	}
	shown = slices.DeleteFunc(shown, func(b wire.NegativeBalance) bool {
		return p.Account != "" && b.Account.ID != p.Account || p.Bucket != "" && b.Bucket != p.Bucket || p.Currency != "" && b.Currency != string(p.Currency)
	})
	from, to := 0, min(size, len(shown))
	if cursor := p.StartingAfter + p.EndingBefore; cursor != "" {
		i := slices.IndexFunc(shown, func(b wire.NegativeBalance) bool { return b.ID == cursor })
		switch {
		case i < 0:
			return nil, fault.Invalidf("resource_missing", "", "No such negative balance: '%s'", cursor)
		case p.EndingBefore != "":
			from, to = max(0, i-size), i
			return wire.ListOf("/v1/negative_balances", from > 0, shown[from:to]), nil
		}
		from, to = i+1, min(i+1+size, len(shown))
	}
	return wire.ListOf("/v1/negative_balances", to < len(shown), shown[from:to]), nil
}

func (d debtDoor) debts(ctx context.Context, r *rest.Request) ([]wire.NegativeBalance, error) {
	debts, err := balance.Debts(ctx, d.pool, r.Scope.Livemode)
	if err != nil {
		return nil, err
	}
	now, shown := d.clocks.For(r.Scope.Livemode).Now(), []wire.NegativeBalance{}
	for _, debt := range debts {
		if debt.Account == r.Scope.Platform {
			continue
		}
		ours, err := d.accounts.ConnectedTo(ctx, r.Scope.Platform, debt.Account, debt.Livemode)
		if err != nil {
			return nil, err
		}
		if ours {
			shown = append(shown, showDebt(debt, now))
		}
	}
	return shown, nil
}

func showDebt(d balance.Debt, now time.Time) wire.NegativeBalance {
	days := int64(now.Sub(d.Since) / (24 * time.Hour))
	return wire.NegativeBalance{
		ID: d.Account + "." + string(d.Currency), Object: "negative_balance", Account: wire.To(d.Account), AgeDays: days,
		Amount: -d.Amount, Bucket: bucketOf(days), Currency: string(d.Currency), Livemode: d.Livemode, Since: wire.Unix(d.Since),
	}
}

func bucketOf(days int64) string {
	switch {
	case days <= 1:
		return "0-1"
	case days <= 3:
		return "2-3"
	case days <= 7:
		return "4-7"
	case days <= 30:
		return "8-30"
	}
	return ">30"
}

package ledgerhttp

import (
	"context"
	"strings"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// running lists the lines of one currency, each with the balance after it.
func (d door) running(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Created  page.Range `form:"created"`
		Currency string     `form:"currency"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	currency := money.Currency(strings.ToLower(p.Currency))
	if currency == "" {
		funds, err := balance.Of(ctx, d.pool, r.Scope)
		if err != nil {
			return nil, err
		}
		standard, err := d.accounts.DefaultCurrency(ctx, r.Scope)
		if err != nil {
			return nil, err
		}
		currency = balance.RunningCurrency(funds, standard)
	}
	purse := balance.Purse{Livemode: r.Scope.Livemode, Account: r.Scope.Account, Currency: currency}
	found, err := balance.Running(ctx, d.pool, purse, p.Created, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/balance_transactions/running", func(l balance.RunningLine) wire.RunningBalanceTransaction {
		return wire.RunningBalanceTransaction{BalanceTransaction: Show(l.Transaction), Balance: l.Balance}
	}), nil
}

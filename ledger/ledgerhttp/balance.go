package ledgerhttp

import (
	"context"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

func (d door) balance(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	funds, err := balance.Of(ctx, d.pool, r.Scope)
	if err != nil {
		return nil, err
	}
	if len(funds) == 0 { // clients read available[0] without asking
		currency, err := d.accounts.DefaultCurrency(ctx, r.Scope)
		if err != nil {
			return nil, err
		}
		funds = []balance.Funds{{Currency: currency}}
	}
	return ShowBalance(r.Scope, funds), nil
}

// ShowBalance is what an account has, as the API shows it.
func ShowBalance(scope tenant.Scope, funds []balance.Funds) wire.Balance {
	b := wire.Balance{Object: "balance", Livemode: scope.Livemode}
	for _, f := range funds {
		b.Available = append(b.Available, amountOf(f, f.Available))
		b.Pending = append(b.Pending, amountOf(f, f.Pending))
		b.InstantAvailable = append(b.InstantAvailable, amountOf(f, max(0, f.Available)))
		if f.Held != 0 {
			b.Held = append(b.Held, amountOf(f, f.Held))
		}
		if !scope.Connected() {
			b.ConnectReserved = append(b.ConnectReserved, amountOf(f, f.Reserved))
		}
	}
	return b
}

func amountOf(f balance.Funds, amount int64) wire.BalanceAmount {
	return wire.BalanceAmount{Amount: amount, Currency: string(f.Currency), SourceTypes: wire.BalanceSourceTypes{Card: amount}}
}

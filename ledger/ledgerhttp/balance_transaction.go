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

func (d door) list(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Created  page.Range `form:"created"`
		Currency string     `form:"currency"`
		Payout   string     `form:"payout"`
		Source   string     `form:"source"`
		Type     string     `form:"type"`
		Types    []string   `form:"types"` // ours: any of them
		Items    bool       `form:"items"` // ours
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := balance.List(ctx, d.pool, r.Scope, balance.Filter{
		Payout: p.Payout, Source: p.Source, Type: p.Type, Types: p.Types, Created: p.Created, Items: p.Items,
		Currency: money.Currency(strings.ToLower(p.Currency)),
	}, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/balance_transactions", Show), nil
}

func (d door) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	t, err := balance.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return Show(t), nil
}

// Show is a balance transaction as the API shows it.
func Show(t balance.Transaction) wire.BalanceTransaction {
	status := "pending"
	if t.Available {
		status = "available"
	}
	fees := make([]wire.LineFee, len(t.FeeDetails))
	for i, f := range t.FeeDetails {
		fees[i] = wire.LineFee{Amount: f.Amount, Application: wire.Nullable(f.Application), Currency: f.Currency,
			Description: wire.Nullable(f.Description), Type: f.Type}
	}
	return wire.BalanceTransaction{
		ID: t.ID, Object: "balance_transaction",
		Amount: t.Amount, Fee: t.Fee, FeeDetails: fees, Net: t.Net, Currency: string(t.Currency),
		AvailableOn: wire.Unix(t.AvailableOn), BalanceType: "payments", Created: wire.Unix(t.CreatedAt),
		Description: wire.Nullable(t.Description), ReportingCategory: balance.Category(t.Type),
		Source: wire.To(t.Source), Status: status, Type: t.Type,
		Payout: wire.To(t.Payout), LedgerEntry: entryID(t.EntryID),
	}
}

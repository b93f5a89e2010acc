package connect

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Earning is one payment that an account was paid: its line, and what has become of
// the payment since.
type Earning struct {
	Line balance.Transaction
	fate
}

// fate is what is known of a payment beyond its line, in minor units.
type fate struct {
	Source      string
	Paid        *int64 // by the payer, for all who have a part of it
	Refunded    int64  // taken back of the line's amount
	FeeRefunded int64  // of the application fee
}

// EarningFilter narrows a list of earnings.
type EarningFilter struct {
	page.Params
	Created  page.Range     `form:"created"`
	Currency money.Currency `form:"currency"`
	Payout   string         `form:"payout"`
	Source   string         `form:"source"` // ch_… or py_…
}

// earningTypes are the lines by which payments arrive.
var earningTypes = []string{"charge", "payment"}

// Earnings is one page of what the account was paid, newest first: charges that were
// made on it, and payments that came to it by transfer.
func Earnings(ctx context.Context, idb bun.IDB, scope tenant.Scope, f EarningFilter) (page.Of[Earning], error) {
	lines, err := balance.List(ctx, idb, scope, balance.Filter{
		Types: earningTypes, Created: f.Created, Currency: f.Currency, Payout: f.Payout, Source: f.Source,
	}, f.Params)
	if err != nil {
		return page.Of[Earning]{}, err
	}
	sources := make([]string, len(lines.Items))
	for i, line := range lines.Items {
		sources[i] = line.Source
	}
	fates, err := fatesOf(ctx, idb, scope, sources)
	if err != nil {
		return page.Of[Earning]{}, err
	}
	found := page.Of[Earning]{HasMore: lines.HasMore}
	for _, line := range lines.Items {
		found.Items = append(found.Items, Earning{Line: line, fate: fates[line.Source]})
	}
	return found, nil
}

// Both halves find their rows by a key: a page costs the same however many there are.
const selectFates = `
SELECT t.destination_payment AS source, c.amount_captured AS paid, t.amount_reversed AS refunded, coalesce(f.amount_refunded, 0) AS fee_refunded
FROM connect.transfers t
LEFT JOIN connect.charges c ON c.id = t.source_transaction AND t.source_transaction <> ''
LEFT JOIN connect.application_fees f ON f.id = t.application_fee AND t.application_fee <> ''
WHERE t.destination_payment = ANY(?0) AND t.destination = ?1 AND t.livemode = ?2
UNION ALL
SELECT c.id, c.amount_captured, c.amount_refunded, coalesce(f.amount_refunded, 0)
FROM connect.charges c
LEFT JOIN connect.application_fees f ON f.id = c.application_fee AND c.application_fee <> ''
WHERE c.id = ANY(?0) AND c.account = ?1 AND c.livemode = ?2`

func fatesOf(ctx context.Context, idb bun.IDB, scope tenant.Scope, sources []string) (map[string]fate, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	var rows []fate
	if err := idb.NewRaw(selectFates, pgdialect.Array(sources), scope.Account, scope.Livemode).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("find what became of payments: %w", err)
	}
	fates := make(map[string]fate, len(rows))
	for _, row := range rows {
		fates[row.Source] = row
	}
	return fates, nil
}

// Wire is the earning as the API shows it.
func (e Earning) Wire() wire.Earning {
	w := wire.Earning{
		ID: e.Line.ID, Object: "earning", Amount: e.Line.Amount, AvailableOn: wire.Unix(e.Line.AvailableOn), Created: wire.Unix(e.Line.CreatedAt),
		Currency: string(e.Line.Currency), Description: wire.Nullable(e.Line.Description), FeeRefunded: e.FeeRefunded, Livemode: e.Line.Livemode,
		Net: e.Line.Net - e.Refunded + e.FeeRefunded, Paid: e.Paid, Payout: wire.To(e.Line.Payout), Refunded: e.Refunded,
		Source: wire.To(e.Line.Source), Status: "pending",
	}
	if e.Line.Available {
		w.Status = "available"
	}
	for _, fee := range e.Line.FeeDetails {
		if fee.Type == "application_fee" {
			w.ApplicationFee += fee.Amount
		} else {
			w.ProcessingFee += fee.Amount
		}
	}
	return w
}

package payouts

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Delivery is how a payout goes to its bank: in which file, on which line of it, and
// what the attempts to bring it there came to.
type Delivery struct {
	Payout  *Payout
	Batch   *Batch // nil: it goes without a file, or waits for one
	Line    int64  // its place in the file, from 1
	Trace   string // what the bank's answer may know it by, or ""
	Uploads []Upload
}

// Delivery is how a payout of any account that the scope reaches goes to its bank.
func (s *Service) Delivery(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string) (*Delivery, error) {
	p, err := ofPlatform(ctx, idb, scope, payout, false)
	if err != nil {
		return nil, err
	}
	d := &Delivery{Payout: p}
	if p.Batch == "" {
		return d, nil
	}
	if d.Batch, d.Uploads, err = s.Batch(ctx, idb, scope.For(scope.Platform), p.Batch); err != nil {
		return nil, err
	}
	var place struct {
		N     int64
		Trace string
	}
	err = idb.NewSelect().Model((*itemRow)(nil)).Column("n", "trace").Where("i.payout = ?", p.ID).Scan(ctx, &place)
	if err != nil {
		return nil, fmt.Errorf("find the line of payout %s: %w", p.ID, err)
	}
	d.Line, d.Trace = place.N+1, place.Trace
	return d, nil
}

// Wire is the delivery as the API shows it; what the bank's statements say of it
// comes from whoever reads them.
func (d *Delivery) Wire(lines []wire.BankStatementLine) wire.PayoutDelivery {
	w := wire.PayoutDelivery{
		Object: "payout_delivery", Payout: d.Payout.ID, Account: d.Payout.Account, Livemode: d.Payout.Livemode, Rail: d.Payout.Rail,
		HandedOverAt: wire.NullableUnix(d.Payout.HandedOverAt), SendAfter: wire.Unix(d.Payout.SendAfter),
		CreatedBy: wire.Nullable(d.Payout.CreatedBy), StatementLines: append([]wire.BankStatementLine{}, lines...),
	}
	if d.Batch != nil {
		batch := d.Batch.Detail(d.Uploads, nil)
		w.Batch, w.Line, w.LineTrace = &batch, &d.Line, wire.Nullable(d.Trace)
	}
	return w
}

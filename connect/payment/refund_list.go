package payment

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// ShowRefund is the refund with this id in the scope, or NotFound. A pyr_… id is
// how a connected account sees the reversal of a transfer.
func (s *Service) ShowRefund(ctx context.Context, idb bun.IDB, scope tenant.Scope, refund string) (wire.Refund, error) {
	if id.Prefix(refund) == "pyr" {
		r, t, err := s.Transfers.PaymentReversal(ctx, idb, scope, refund)
		if err != nil {
			return wire.Refund{}, err
		}
		return PaymentRefundWire(r, t), nil
	}
	r, err := s.GetRefund(ctx, idb, scope, refund)
	if err != nil {
		return wire.Refund{}, err
	}
	return RefundWire(r), nil
}

// ShowRefunds is a page of the scope's refunds, newest first. The refunds of a
// payment (charge=py_…) are the reversals of its transfer.
func (s *Service) ShowRefunds(ctx context.Context, idb bun.IDB, scope tenant.Scope, f RefundFilter) (page.Of[wire.Refund], error) {
	if id.Prefix(f.Charge) == "py" {
		return s.paymentRefunds(ctx, idb, scope, f)
	}
	refunds, err := s.ListRefunds(ctx, idb, scope, f)
	return shownPage(refunds, RefundWire), err
}

func (s *Service) paymentRefunds(ctx context.Context, idb bun.IDB, scope tenant.Scope, f RefundFilter) (page.Of[wire.Refund], error) {
	t, err := s.Transfers.PaymentTransfer(ctx, idb, scope, f.Charge)
	if err != nil {
		return page.Of[wire.Refund]{}, err
	}
	// The list is that of the reversals: so are its cursors.
	for param, cursor := range map[string]*string{"starting_after": &f.StartingAfter, "ending_before": &f.EndingBefore} {
		if *cursor == "" {
			continue
		}
		r, _, err := s.Transfers.PaymentReversal(ctx, idb, scope, *cursor)
		if fault.Is(err, fault.NotFound) {
			return page.Of[wire.Refund]{}, page.NoCursor(param, "refund", *cursor)
		}
		if err != nil {
			return page.Of[wire.Refund]{}, err
		}
		*cursor = r.ID
	}
	reversals, err := s.Transfers.Reversals(ctx, idb, t.ID, f.Params)
	return shownPage(reversals, func(r *connect.Reversal) wire.Refund { return PaymentRefundWire(r, t) }), err
}

func shownPage[T, W any](p page.Of[T], show func(T) W) page.Of[W] {
	out := page.Of[W]{HasMore: p.HasMore, Items: make([]W, len(p.Items))}
	for i, item := range p.Items {
		out.Items[i] = show(item)
	}
	return out
}

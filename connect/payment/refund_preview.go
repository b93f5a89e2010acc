package payment

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// RefundPreview is what a refund would do if it were made now and the processor
// accepted it.
type RefundPreview struct {
	Charge    *Charge
	Refund    *Refund
	Left      int64 // of the charge, to be refunded afterwards
	Reversals []RefundLeg
	Fee       *connect.ApplicationFee // as it would be; nil if none goes back
	FeeBack   int64
	Ledger    ledger.Preview
}

// RefundLeg is what would come back of one transfer.
type RefundLeg struct {
	Transfer *connect.Transfer // as it would be
	Amount   int64
}

// PreviewRefund works a refund out as CreateRefund does and writes nothing: it
// reads one snapshot, holds no row, and asks no processor.
func (s *Service) PreviewRefund(ctx context.Context, scope tenant.Scope, p RefundParams) (RefundPreview, error) {
	if err := s.checkRefund(ctx, scope, &p); err != nil {
		return RefundPreview{}, err
	}
	port, err := s.processor(scope.Livemode)
	if err != nil {
		return RefundPreview{}, err
	}
	tx, err := s.Pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return RefundPreview{}, fmt.Errorf("preview refund: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	c, err := s.GetCharge(ctx, tx, scope, p.Charge)
	if err != nil {
		return RefundPreview{}, err
	}
	r, err := s.draftRefund(port, c, p, id.New("re"))
	if err != nil {
		return RefundPreview{}, err
	}
	legs, err := connect.Legs(ctx, tx, c.ID)
	if err != nil {
		return RefundPreview{}, err
	}
	var fee *connect.ApplicationFee
	if c.ApplicationFee != "" {
		if fee, err = connect.FindApplicationFee(ctx, tx, c.ApplicationFee); err != nil {
			return RefundPreview{}, err
		}
	}
	u, err := unwindOf(c, r, legs, fee, r.CreatedAt)
	if err != nil {
		return RefundPreview{}, err
	}
	preview := RefundPreview{Charge: c, Refund: r, Left: c.Refundable() - r.Amount}
	if preview.Ledger, err = s.Book.Preview(ctx, tx, u.entries()...); err != nil {
		return RefundPreview{}, err
	}
	for _, result := range preview.Ledger.Results {
		if result.Err != nil {
			return RefundPreview{}, result.Err
		}
	}
	for _, reversal := range u.reversals {
		for _, t := range u.transfers {
			if t.ID == reversal.Transfer {
				preview.Reversals = append(preview.Reversals, RefundLeg{Transfer: t, Amount: reversal.Amount})
			}
		}
	}
	if u.feeRefund != nil {
		preview.Fee, preview.FeeBack = u.fee, u.feeRefund.Amount
	}
	return preview, nil
}

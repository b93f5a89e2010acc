package payment

import (
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
)

// ChargeFilter narrows a list of charges. What follows TransferGroup is ours.
type ChargeFilter struct {
	page.Params
	Created       page.Range `form:"created"`
	Customer      string     `form:"customer"`
	PaymentIntent string     `form:"payment_intent"`
	TransferGroup string     `form:"transfer_group"`

	Status      string         `form:"status"` // succeeded, pending, failed; uncaptured, refunded
	Currency    money.Currency `form:"currency"`
	AmountFrom  *int64         `form:"amount_from"`
	AmountTo    *int64         `form:"amount_to"`
	Destination string         `form:"destination"` // who got a transfer of it
	Last4       string         `form:"last4"`       // of the card
}

var chargeStates = []string{"succeeded", "pending", "failed", "uncaptured", "refunded"}

func (f ChargeFilter) check() error {
	if f.Status != "" && !slices.Contains(chargeStates, f.Status) {
		return fault.Invalidf("parameter_invalid", "status", "Invalid status: must be one of succeeded, pending, failed, uncaptured, refunded.")
	}
	return nil
}

// charges reports whether only charges can fit: a payment has none of these.
func (f ChargeFilter) charges() bool {
	return f.Customer != "" || f.PaymentIntent != "" || f.TransferGroup != "" || f.Status != "" || f.Currency != "" ||
		f.AmountFrom != nil || f.AmountTo != nil || f.Destination != "" || f.Last4 != ""
}

func (f ChargeFilter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = f.Created.Apply(q, "charge.created_at")
	q = where(q, map[string]string{
		"customer": f.Customer, "payment_intent": f.PaymentIntent, "transfer_group": f.TransferGroup, "currency": string(f.Currency),
	})
	switch f.Status { // in the words of the partial indexes
	case "uncaptured":
		q = q.Where("charge.status = 'succeeded' AND NOT charge.captured AND NOT charge.canceled")
	case "refunded":
		q = q.Where("charge.amount_refunded > 0")
	case "failed":
		q = q.Where("charge.status = 'failed'")
	case "":
	default:
		q = q.Where("charge.status = ?", f.Status)
	}
	if f.AmountFrom != nil {
		q = q.Where("charge.amount >= ?", *f.AmountFrom)
	}
	if f.AmountTo != nil {
		q = q.Where("charge.amount <= ?", *f.AmountTo)
	}
	if f.Last4 != "" {
		q = q.Where("charge.method ->> 'last4' = ?", f.Last4)
	}
	if f.Destination != "" {
		q = q.Where("charge.id IN (SELECT t.source_transaction FROM connect.transfers t WHERE t.destination = ? AND t.source_transaction <> '')", f.Destination)
	}
	return q
}

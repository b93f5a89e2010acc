package connect

import (
	"time"

	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// TransferWire is the transfer as the API shows it, with up to ten of its newest reversals.
func TransferWire(t *Transfer, reversals []wire.TransferReversal, more bool) wire.Transfer {
	w := wire.Transfer{
		ID: t.ID, Object: "transfer", Amount: t.Amount, AmountReversed: t.AmountReversed,
		BalanceTransaction: wire.To(t.BalanceTransaction), Created: t.CreatedAt.Unix(), Currency: string(t.Currency),
		Description: t.Description, Destination: wire.To(t.Destination), DestinationPayment: wire.To(t.DestinationPayment),
		Livemode: t.Livemode, Metadata: t.Metadata, Reversed: t.AmountReversed == t.Amount,
		Reversals:         wire.ListOf("/v1/transfers/"+t.ID+"/reversals", more, reversals),
		SourceTransaction: wire.To(t.SourceTransaction), SourceType: "card",
		AmountOnHold: t.Held, OnHold: t.Held > 0, OnHoldUntil: wire.NullableUnix(t.HeldUntil),
	}
	if t.TransferGroup != "" {
		w.TransferGroup = &t.TransferGroup
	}
	return w
}

// RefundsOfCharge is the kind of the part of a charge that lists its refunds.
const RefundsOfCharge = "charge.refunds"

// PaymentWire is a transfer as its destination sees it: a charge of type
// payment, paid by the platform.
func PaymentWire(t *Transfer) wire.Charge {
	w := wire.Charge{
		ID: t.DestinationPayment, Object: "charge", Amount: t.Amount, AmountCaptured: t.Amount, AmountRefunded: t.AmountReversed,
		ApplicationFee: wire.To(t.ApplicationFee), BalanceTransaction: wire.To(t.DestinationBalanceTransaction),
		Captured: true, Created: t.CreatedAt.Unix(), Currency: string(t.Currency), Description: t.Description,
		Livemode: t.Livemode, Metadata: map[string]string{}, Paid: true,
		PaymentMethodDetails: &wire.PaymentMethodDetails{Type: "stripe_account", StripeAccount: &struct{}{}},
		Refunded:             t.AmountReversed == t.Amount, Refunds: wire.Lazy{Kind: RefundsOfCharge, ID: t.DestinationPayment},
		SourceTransfer: wire.To(t.ID), Status: "succeeded",
	}
	if t.ApplicationFee != "" {
		w.Application = wire.To(wire.ApplicationID(t.Platform))
		w.ApplicationFeeAmount = &t.ApplicationFeeAmount
	}
	return w
}

// ReversalWire is the reversal as the API shows it.
func ReversalWire(r *Reversal) wire.TransferReversal {
	return wire.TransferReversal{
		ID: r.ID, Object: "transfer_reversal", Amount: r.Amount, BalanceTransaction: wire.To(r.BalanceTransaction),
		Created: r.CreatedAt.Unix(), Currency: string(r.Currency), DestinationPaymentRefund: wire.To(r.DestinationPaymentRefund),
		Metadata: r.Metadata, SourceRefund: wire.To(r.SourceRefund), Transfer: wire.To(r.Transfer),
		PendingReversal: wire.Nullable(r.PendingReversal),
	}
}

// ApplicationFeeWire is the fee as the API shows it, with up to ten of its newest refunds.
func ApplicationFeeWire(f *ApplicationFee, refunds []wire.FeeRefund, more bool) wire.ApplicationFee {
	return wire.ApplicationFee{
		ID: f.ID, Object: "application_fee", Account: wire.To(f.Account), Amount: f.Amount, AmountRefunded: f.AmountRefunded,
		Application: wire.To(wire.ApplicationID(f.Platform)), BalanceTransaction: wire.To(f.BalanceTransaction),
		Charge: wire.To(f.Charge), Created: f.CreatedAt.Unix(), Currency: string(f.Currency),
		FeeSource: &wire.FeeSource{Charge: f.Charge, Type: "charge"}, Livemode: f.Livemode,
		OriginatingTransaction: wire.To(f.OriginatingTransaction), Refunded: f.AmountRefunded == f.Amount,
		Refunds: wire.ListOf("/v1/application_fees/"+f.ID+"/refunds", more, refunds),
	}
}

// FeeRefundWire is the fee refund as the API shows it.
func FeeRefundWire(r *FeeRefund) wire.FeeRefund {
	return wire.FeeRefund{
		ID: r.ID, Object: "fee_refund", Amount: r.Amount, BalanceTransaction: wire.To(r.BalanceTransaction),
		Created: r.CreatedAt.Unix(), Currency: string(r.Currency), Fee: wire.To(r.Fee), Metadata: r.Metadata,
	}
}

// Created is the event of a new transfer.
func (t *Transfer) Created(origin event.Origin) (event.Event, error) {
	return t.event("transfer.created", t.CreatedAt, origin)
}

// Arrived tells the receiver of a new transfer that a payment has come.
func (t *Transfer) Arrived(origin event.Origin) (event.Event, error) {
	scope := tenant.Scope{Platform: t.Platform, Account: t.Destination, Livemode: t.Livemode}
	return newEvent("payment.created", scope, t.DestinationPayment, 1, PaymentWire(t), t.CreatedAt, origin)
}

// ReversedEvent is the event of a transfer after a reversal.
func (t *Transfer) ReversedEvent(at time.Time, origin event.Origin) (event.Event, error) {
	return t.event("transfer.reversed", at, origin)
}

// updated is the event of a changed transfer; before is how the API showed it.
func (t *Transfer) updated(before wire.Transfer, at time.Time, origin event.Origin) (event.Event, error) {
	e, err := t.event("transfer.updated", at, origin)
	if err != nil {
		return e, err
	}
	e.Previous, err = patch.Changed(before, TransferWire(t, nil, t.AmountReversed > 0))
	return e, err
}

func (t *Transfer) event(kind string, at time.Time, origin event.Origin) (event.Event, error) {
	return newEvent(kind, t.Scope(), t.ID, t.Version, TransferWire(t, nil, t.AmountReversed > 0), at, origin)
}

// Created is the event of a new application fee.
func (f *ApplicationFee) Created(origin event.Origin) (event.Event, error) {
	return newEvent("application_fee.created", f.Scope(), f.ID, f.Version, ApplicationFeeWire(f, nil, false), f.CreatedAt, origin)
}

// RefundedEvent is the event of a fee after a refund of it.
func (f *ApplicationFee) RefundedEvent(at time.Time, origin event.Origin) (event.Event, error) {
	return newEvent("application_fee.refunded", f.Scope(), f.ID, f.Version, ApplicationFeeWire(f, nil, true), at, origin)
}

func newEvent(kind string, scope tenant.Scope, objectID string, version int64, object any, at time.Time, origin event.Origin) (event.Event, error) {
	body, err := wire.Marshal(object)
	return event.Event{
		ID: id.New("evt"), Type: kind, Account: scope.Account, Platform: scope.Platform, Livemode: scope.Livemode,
		ObjectID: objectID, ObjectVersion: version, Object: body,
		RequestID: origin.RequestID, IdempotencyKey: origin.IdempotencyKey, CreatedAt: at,
	}, err
}

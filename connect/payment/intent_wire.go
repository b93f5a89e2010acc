package payment

import (
	"github.com/sluicepay/sluice/platform/wire"
)

// IntentWire is the intent as the API shows it.
func IntentWire(i *Intent) wire.PaymentIntent {
	w := wire.PaymentIntent{
		ID: i.ID, Object: "payment_intent", Amount: i.Amount, AmountCapturable: i.AmountCapturable, AmountReceived: i.AmountReceived,
		ApplicationFeeAmount: i.Terms.ApplicationFee, CancellationReason: i.CancellationReason, CaptureMethod: i.CaptureMethod,
		ClientSecret: i.ClientSecret, ConfirmationMethod: i.ConfirmationMethod, Created: i.CreatedAt.Unix(),
		Currency: string(i.Currency), Customer: wire.To(i.Customer), Description: i.Description,
		LastPaymentError: i.LastPaymentError, LatestCharge: wire.To(i.LatestCharge), Livemode: i.Livemode,
		Metadata: i.Metadata, NextAction: i.NextAction, OnBehalfOf: wire.To(i.OnBehalfOf),
		PaymentMethod: wire.To(i.PaymentMethod), PaymentMethodTypes: i.PaymentMethodTypes, ReceiptEmail: i.ReceiptEmail,
		SetupFutureUsage: i.SetupFutureUsage, Shipping: i.Shipping, Splits: splitsWire(i.Terms),
		StatementDescriptor: i.StatementDescriptor, StatementDescriptorSuffix: i.StatementDescriptorSuffix,
		Status: string(i.Status), TransferGroup: optional(i.TransferGroup),
	}
	if !i.CanceledAt.IsZero() {
		at := i.CanceledAt.Unix()
		w.CanceledAt = &at
	}
	if i.Status == RequiresAction {
		w.LatestCharge = wire.Ref{} // no charge to see before the payer has acted
	}
	if i.Status == Processing {
		w.Processing = &wire.IntentProcessing{Type: "card"}
	}
	if i.Account != i.Platform {
		w.Application = wire.To(wire.ApplicationID(i.Platform))
	}
	if d := i.Terms.TransferData; d != nil {
		w.TransferData = &wire.IntentTransferData{Amount: d.Amount, Destination: wire.To(d.Destination)}
	}
	return w
}

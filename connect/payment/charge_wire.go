package payment

import (
	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

// ChargeWire is the charge as the API shows it.
func ChargeWire(c *Charge) wire.Charge {
	w := wire.Charge{
		ID: c.ID, Object: "charge", Amount: c.Amount, AmountCaptured: c.AmountCaptured, AmountRefunded: c.AmountRefunded,
		ApplicationFee: wire.To(c.ApplicationFee), ApplicationFeeAmount: c.Terms.ApplicationFee,
		BalanceTransaction: wire.To(c.BalanceTransaction), Captured: c.Captured, Created: c.CreatedAt.Unix(),
		Currency: string(c.Currency), Customer: wire.To(c.Customer), Description: c.Description,
		FailureCode: optional(c.FailureCode), FailureMessage: optional(c.FailureMessage), Livemode: c.Livemode,
		Metadata: c.Metadata, OnBehalfOf: wire.To(c.OnBehalfOf), Outcome: outcome(c),
		Paid: c.Status == ChargeSucceeded, PaymentIntent: wire.To(c.PaymentIntent), PaymentMethod: optional(c.methodID()),
		PaymentMethodDetails: cardDetails(c.Method), ReceiptEmail: c.ReceiptEmail, ReceiptURL: c.ReceiptURL,
		Refunded: c.AmountCaptured > 0 && c.AmountRefunded == c.AmountCaptured || c.Canceled,
		Refunds:  wire.Lazy{Kind: connect.RefundsOfCharge, ID: c.ID},
		Shipping: c.Shipping, Splits: splitsWire(c.Terms),
		StatementDescriptor: c.StatementDescriptor, StatementDescriptorSuffix: c.StatementDescriptorSuffix,
		Status: string(c.Status), TransferGroup: optional(c.TransferGroup),
	}
	if c.Direct() {
		w.Application = wire.To(wire.ApplicationID(c.Platform))
	}
	if c.Transfer != "" {
		w.Transfer = &wire.Ref{ID: c.Transfer}
	}
	if d := c.Terms.TransferData; d != nil {
		w.TransferData = &wire.ChargeTransferData{Amount: d.Amount, Destination: wire.To(d.Destination)}
	}
	return w
}

// PaymentRefundWire is the reversal of a transfer as its destination sees it: a
// refund pyr_… of the payment.
func PaymentRefundWire(r *connect.Reversal, t *connect.Transfer) wire.Refund {
	return wire.Refund{
		ID: r.DestinationPaymentRefund, Object: "refund", Amount: r.Amount, BalanceTransaction: wire.To(r.DestinationBalanceTransaction),
		Charge: wire.To(t.DestinationPayment), Created: r.CreatedAt.Unix(), Currency: string(r.Currency), Metadata: map[string]string{},
		SourceTransferReversal: wire.To(r.ID), Status: string(RefundSucceeded),
	}
}

// methodID is what payment_method shows: the method, or the token's card.
func (c *Charge) methodID() string {
	if c.PaymentMethod != "" {
		return c.PaymentMethod
	}
	return c.Method.SourceID
}

func outcome(c *Charge) *wire.ChargeOutcome {
	switch c.Status {
	case ChargeSucceeded:
		return &wire.ChargeOutcome{
			NetworkStatus: optional("approved_by_network"), RiskLevel: "normal",
			SellerMessage: optional("Payment complete."), Type: "authorized",
		}
	case ChargeFailed:
		reason := c.DeclineCode
		if reason == "" {
			reason = c.FailureCode
		}
		return &wire.ChargeOutcome{
			NetworkStatus: optional("declined_by_network"), Reason: optional(reason), RiskLevel: "normal",
			SellerMessage: optional(c.FailureMessage), Type: "issuer_declined",
		}
	case ChargePending, ChargeRequiresAction:
	}
	return nil
}

func cardDetails(m Card) *wire.PaymentMethodDetails {
	return &wire.PaymentMethodDetails{Type: "card", Card: &wire.ChargeCard{
		Brand: m.Brand, Checks: &wire.CardChecks{}, Country: optional(m.Country), ExpMonth: m.ExpMonth, ExpYear: m.ExpYear,
		Fingerprint: optional(m.Fingerprint), Funding: m.Funding, Last4: m.Last4, Network: m.Brand,
	}}
}

// splitsWire shows the terms of a split as they were asked for; what each
// receiver got is on its transfer (GET /v1/transfers?transfer_group=…).
func splitsWire(t split.Terms) []wire.Split {
	var out []wire.Split
	for _, share := range t.Shares {
		s := wire.Split{Destination: share.Destination, Amount: share.Amount, FeeBearer: share.FeeBearer, Description: share.Description}
		switch {
		case share.Amount != nil:
			s.Type = "fixed"
		case share.Percent != nil:
			s.Type, s.Percent = "percent", percentText(*share.Percent)
		default:
			s.Type = "remainder"
		}
		out = append(out, s)
	}
	return out
}

func percentText(r money.Rate) *string {
	text := r.String()
	return &text
}

// optional is nil for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

package processor

import (
	"slices"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// Capabilities is what an adapter can do, as data; what is not declared is
// refused before any call.
type Capabilities struct {
	// Currencies lists what can be charged; empty means every known currency.
	Currencies     []money.Currency
	ManualCapture  bool
	PartialCapture bool
	Refunds        bool
	PartialRefunds bool
	// ClosesUnseen: Void of a reference never seen closes it for good.
	ClosesUnseen bool
	// Steps gives per currency the number of minor units every amount must be a
	// multiple of; currencies without an entry have step 1.
	Steps map[money.Currency]int64
	// Minimums and Maximums override money.MinimumCharge and money.MaximumCharge, in minor units.
	Minimums map[money.Currency]int64
	Maximums map[money.Currency]int64
}

// CheckCharge refuses amounts this processor cannot charge. Its faults name the
// parameters amount, currency and capture_method.
func (c Capabilities) CheckCharge(amount money.Amount, capture bool) error {
	switch {
	case !amount.Currency.Known() || len(c.Currencies) > 0 && !slices.Contains(c.Currencies, amount.Currency):
		return fault.Invalidf("currency_not_supported", "currency", "Invalid currency: %s. This processor does not take it.", amount.Currency)
	case !amount.Positive():
		return fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount.Minor < c.Minimum(amount.Currency).Minor:
		return fault.Invalidf("amount_too_small", "amount", "Amount must be at least %s.", c.Minimum(amount.Currency))
	case amount.Minor > c.Maximum(amount.Currency).Minor:
		return fault.Invalidf("amount_too_large", "amount", "Amount must be no more than %s.", c.Maximum(amount.Currency))
	case amount.Minor%c.Step(amount.Currency) != 0:
		return fault.Invalidf("invalid_charge_amount", "amount", "Amount must be a multiple of %d in %s.", c.Step(amount.Currency), amount.Currency)
	case !capture && !c.ManualCapture:
		return fault.Invalidf("parameter_invalid", "capture_method", "This processor cannot capture later; use automatic capture.")
	}
	return nil
}

// CheckCapture refuses a part of an authorization this processor cannot capture.
func (c Capabilities) CheckCapture(authorized, capture money.Amount) error {
	switch {
	case capture.Currency != authorized.Currency || !capture.Positive():
		return fault.Invalidf("parameter_invalid_integer", "amount_to_capture", "This value must be greater than or equal to 1.")
	case capture.Minor > authorized.Minor:
		return fault.Invalidf("amount_too_large", "amount_to_capture",
			"The requested capture amount (%s) is greater than the authorized amount (%s).", capture, authorized)
	case capture.Minor < authorized.Minor && !c.PartialCapture:
		return fault.Invalidf("parameter_invalid", "amount_to_capture", "This processor captures the authorized amount as a whole.")
	case capture.Minor%c.Step(capture.Currency) != 0:
		return fault.Invalidf("invalid_charge_amount", "amount_to_capture", "Amount must be a multiple of %d in %s.", c.Step(capture.Currency), capture.Currency)
	}
	return nil
}

// CheckRefund refuses refunds this processor cannot make of a charge.
func (c Capabilities) CheckRefund(captured, refund money.Amount) error {
	switch {
	case !c.Refunds:
		return fault.Invalidf("charge_not_refundable", "charge", "This payment method cannot be refunded.")
	case refund.Currency != captured.Currency || !refund.Positive():
		return fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case refund.Minor < captured.Minor && !c.PartialRefunds:
		return fault.Invalidf("parameter_invalid", "amount", "This payment method can only be refunded as a whole.")
	case refund.Minor%c.Step(refund.Currency) != 0:
		return fault.Invalidf("invalid_charge_amount", "amount", "Amount must be a multiple of %d in %s.", c.Step(refund.Currency), refund.Currency)
	}
	return nil
}

// Minimum is the smallest charge.
func (c Capabilities) Minimum(currency money.Currency) money.Amount {
	if minor, ok := c.Minimums[currency]; ok {
		return money.New(minor, currency)
	}
	return money.MinimumCharge(currency)
}

// Maximum is the largest charge.
func (c Capabilities) Maximum(currency money.Currency) money.Amount {
	if minor, ok := c.Maximums[currency]; ok {
		return money.New(minor, currency)
	}
	return money.MaximumCharge(currency)
}

// Step is what amounts must be a multiple of, in minor units; at least 1.
func (c Capabilities) Step(currency money.Currency) int64 { return max(1, c.Steps[currency]) }

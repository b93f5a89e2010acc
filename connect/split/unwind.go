package split

import (
	"fmt"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// Options say what else comes back with a refund; without them the charge's
// account pays all of it.
type Options struct {
	ReverseTransfer      bool // take the refunded part back from every leg
	RefundApplicationFee bool // give the refunded part of the application fee back
}

// Before is what has happened to the charge already, in minor units of its currency.
type Before struct {
	Refunded    int64   // by earlier refunds
	Reversed    []int64 // per leg: everything reversed so far, with refunds or by hand; nil means nothing
	FeeRefunded int64   // of the application fee, with refunds or by hand
}

// Back is what one refund brings back.
type Back struct {
	Legs           []money.Amount // per leg of the plan, from its destination to the charge's account; may be zero
	ApplicationFee money.Amount   // from the platform account to where the fee came from
}

// Unwind says how much of each leg and of the application fee comes back with
// a refund. Each is the refund's part by the cumulative method, so a sequence
// of refunds that reaches the charge returns everything exactly. A leg or fee
// that was reversed by hand before never returns more than it has left.
//
// It fails with a fault if the refund exceeds what is not refunded yet, if
// ReverseTransfer is asked for a charge that moved nothing, and if
// RefundApplicationFee is asked for a charge without such a fee.
func Unwind(plan Plan, before Before, refund money.Amount, options Options) (Back, error) {
	if err := checkUnwind(plan, before, refund, options); err != nil {
		return Back{}, err
	}
	back := Back{Legs: make([]money.Amount, len(plan.Legs)), ApplicationFee: money.Zero(refund.Currency)}
	due := func(part, returned int64) (money.Amount, error) {
		minor, err := money.Cumulative(part, plan.Amount.Minor, before.Refunded, refund.Minor)
		return money.New(max(0, min(minor, part-returned)), refund.Currency), err
	}
	var err error
	for i, leg := range plan.Legs {
		back.Legs[i] = money.Zero(refund.Currency)
		if !options.ReverseTransfer {
			continue
		}
		if back.Legs[i], err = due(leg.Amount.Minor, reversed(before, i)); err != nil {
			return Back{}, fmt.Errorf("split: leg %d: %w", i, err)
		}
	}
	if options.RefundApplicationFee {
		if back.ApplicationFee, err = due(plan.ApplicationFee.Minor, before.FeeRefunded); err != nil {
			return Back{}, fmt.Errorf("split: application fee: %w", err)
		}
	}
	return back, nil
}

func checkUnwind(plan Plan, before Before, refund money.Amount, options Options) error {
	switch {
	case refund.Currency != plan.Amount.Currency:
		return fmt.Errorf("split: refund %s of %s: %w", refund, plan.Amount, money.ErrCurrency)
	case before.Reversed != nil && len(before.Reversed) != len(plan.Legs):
		return fmt.Errorf("split: %d reversed amounts for %d legs", len(before.Reversed), len(plan.Legs))
	case before.Refunded < 0 || before.Refunded > plan.Amount.Minor:
		return fmt.Errorf("split: %d of %s refunded before", before.Refunded, plan.Amount)
	case !refund.Positive():
		return fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case before.Refunded == plan.Amount.Minor:
		return fault.Invalidf("charge_already_refunded", "", "The charge has already been refunded.")
	case refund.Minor > plan.Amount.Minor-before.Refunded:
		left := money.New(plan.Amount.Minor-before.Refunded, refund.Currency)
		return fault.Invalidf("amount_too_large", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s).", refund, left)
	case options.ReverseTransfer && len(plan.Legs) == 0:
		return fault.Invalidf("parameter_invalid", "reverse_transfer", "Attempting to reverse_transfer on a charge that has no transfer.")
	case options.RefundApplicationFee && plan.ApplicationFee.IsZero():
		return fault.Invalidf("parameter_invalid", "refund_application_fee", "Attempting to refund_application_fee on a charge that has no application fee.")
	}
	return nil
}

func reversed(before Before, leg int) int64 {
	if before.Reversed == nil {
		return 0
	}
	return before.Reversed[leg]
}

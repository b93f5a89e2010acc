package split

import (
	"fmt"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// Plan is what moves when a charge of Amount succeeds.
//
//	Remains = Amount − ProcessingFee − Σ Legs.Amount ± ApplicationFee
//
// where the application fee leaves the account of a direct charge and reaches
// the account of a destination charge.
type Plan struct {
	Amount        money.Amount // the captured charge
	ProcessingFee money.Amount
	// ApplicationFee goes to the platform account: from the charge's own account
	// on a direct charge, else out of what the only leg brought its destination.
	ApplicationFee money.Amount
	Legs           []Leg // transfers to make, in the order asked for; none is zero
	// Remains is what the charge's account has of it in the end. It is negative if
	// that account pays a processing fee out of its own pocket.
	Remains money.Amount
}

// Leg is one transfer from the charge's account to a receiver.
type Leg struct {
	Share       int // index in Terms.Shares; 0 for transfer_data
	Destination string
	Amount      money.Amount // what is transferred; positive
	// ProcessingFee is the receiver's part of it, already taken off Amount; it
	// stays with the account that pays the processor, also after a refund.
	ProcessingFee money.Amount
	Description   string
	Metadata      map[string]string
}

// Compute turns terms into a plan for a charge captured as a whole. Its faults
// name the parameters at fault. Terms it accepts with one processing fee it
// accepts with every other, so terms checked before authorization (with a zero
// fee) cannot fail after it.
func Compute(terms Terms, amount, processingFee money.Amount) (Plan, error) {
	return ComputeCaptured(terms, amount, amount, processingFee)
}

// ComputeCaptured is Compute for a charge of which only a part was captured:
// split legs shrink in proportion, the application fee and transfer_data[amount]
// are capped at what was captured. Terms that Compute accepts for the
// authorized amount it accepts for every part of it.
func ComputeCaptured(terms Terms, authorized, captured, processingFee money.Amount) (Plan, error) {
	if err := checkAmounts(authorized, captured, processingFee); err != nil {
		return Plan{}, err
	}
	if err := checkForm(terms); err != nil {
		return Plan{}, err
	}
	plan := Plan{Amount: captured, ProcessingFee: processingFee, ApplicationFee: money.Zero(captured.Currency)}
	fee, err := applicationFee(terms, authorized)
	if err != nil {
		return Plan{}, err
	}
	plan.ApplicationFee.Minor = min(fee, captured.Minor)

	switch {
	case terms.TransferData != nil:
		plan.Legs, err = destinationLeg(*terms.TransferData, authorized, captured)
	case len(terms.Shares) > 0:
		plan.Legs, err = shareLegs(terms.Shares, authorized, captured, processingFee)
	}
	if err != nil {
		return Plan{}, err
	}
	plan.Remains = remains(plan, terms.Direct)
	return plan, nil
}

// checkAmounts guards against callers, not users: these never come from a request unchecked.
func checkAmounts(authorized, captured, processingFee money.Amount) error {
	for _, a := range []money.Amount{authorized, captured, processingFee} {
		if err := a.Check(); err != nil {
			return fmt.Errorf("split: %w", err)
		}
		if a.Currency != authorized.Currency {
			return fmt.Errorf("split: %s with %s: %w", a.Currency, authorized.Currency, money.ErrCurrency)
		}
	}
	if !captured.Positive() || captured.Minor > authorized.Minor || processingFee.Minor < 0 {
		return fmt.Errorf("split: capture %s of %s with a fee of %s", captured, authorized, processingFee)
	}
	return nil
}

// checkForm refuses terms that mix the four forms of the package comment.
func checkForm(t Terms) error {
	transfer := t.TransferData != nil
	switch {
	case t.Direct && transfer:
		return fault.Invalidf("parameter_invalid", "transfer_data", "A direct charge cannot have transfer_data: create the charge on your platform account.")
	case t.Direct && len(t.Shares) > 0:
		return fault.Invalidf("parameter_invalid", "splits", "A direct charge cannot have splits: create the charge on your platform account.")
	case transfer && len(t.Shares) > 0:
		return fault.Invalidf("parameters_exclusive", "splits", "You may only specify one of these parameters: transfer_data, splits.")
	case t.ApplicationFee != nil && len(t.Shares) > 0:
		return fault.Invalidf("parameters_exclusive", "splits", "You may only specify one of these parameters: application_fee_amount, splits. With splits, your platform keeps what is not allocated.")
	case t.ApplicationFee != nil && transfer && t.TransferData.Amount != nil:
		return fault.Invalidf("parameters_exclusive", "transfer_data[amount]", "You may only specify one of these parameters: application_fee_amount, transfer_data[amount].")
	case t.ApplicationFee != nil && !t.Direct && !transfer:
		return fault.Invalidf("parameter_invalid", "application_fee_amount",
			"Can only apply an application_fee_amount when attempting a direct payment (using an OAuth key or Stripe-Account header) or destination payment (using `transfer_data[destination]`).")
	case transfer && t.TransferData.Destination == "":
		return fault.Missing("transfer_data[destination]")
	case len(t.Shares) > MaxLegs:
		return fault.Invalidf("parameter_invalid", "splits", "A charge can have at most %d splits, not %d.", MaxLegs, len(t.Shares))
	}
	return nil
}

func applicationFee(t Terms, amount money.Amount) (int64, error) {
	switch {
	case t.ApplicationFee == nil:
		return 0, nil
	case *t.ApplicationFee < 0:
		return 0, fault.Invalidf("parameter_invalid_integer", "application_fee_amount", "This value must be greater than or equal to 0.")
	case *t.ApplicationFee > amount.Minor:
		return 0, fault.Invalidf("amount_too_large", "application_fee_amount", "The application fee cannot be greater than the amount of %s.", amount)
	}
	return *t.ApplicationFee, nil
}

func destinationLeg(t TransferData, authorized, captured money.Amount) ([]Leg, error) {
	amount := captured
	if t.Amount != nil {
		switch {
		case *t.Amount < 0:
			return nil, fault.Invalidf("parameter_invalid_integer", "transfer_data[amount]", "This value must be greater than or equal to 0.")
		case *t.Amount > authorized.Minor:
			return nil, fault.Invalidf("amount_too_large", "transfer_data[amount]", "The transfer amount cannot be greater than the amount of %s.", authorized)
		}
		amount.Minor = min(*t.Amount, captured.Minor)
	}
	if amount.IsZero() {
		return nil, nil
	}
	return []Leg{{Destination: t.Destination, Amount: amount, ProcessingFee: money.Zero(amount.Currency)}}, nil
}

// shareLegs gives each receiver its part of the captured amount, less its part
// of the processing fee if it bears it. What rounds to nothing is no leg.
func shareLegs(shares []Share, authorized, captured, processingFee money.Amount) ([]Leg, error) {
	gross, err := grossParts(shares, authorized)
	if err != nil {
		return nil, err
	}
	// The last part is the charge's own account; it takes part in every proportion.
	if captured != authorized {
		if gross, err = money.Allocate(captured.Minor, gross); err != nil {
			return nil, fmt.Errorf("split: shrink to the captured part: %w", err)
		}
	}
	fees, err := money.Allocate(processingFee.Minor, gross)
	if err != nil {
		return nil, fmt.Errorf("split: allocate the processing fee: %w", err)
	}
	var legs []Leg
	for i, share := range shares {
		fee := money.Zero(captured.Currency)
		if share.FeeBearer {
			fee.Minor = min(fees[i], gross[i])
		}
		if gross[i] == fee.Minor {
			continue
		}
		legs = append(legs, Leg{
			Share: i, Destination: share.Destination, Amount: money.New(gross[i]-fee.Minor, captured.Currency),
			ProcessingFee: fee, Description: share.Description, Metadata: share.Metadata,
		})
	}
	return legs, nil
}

// grossParts is each share's part of the amount and, last, what is not
// allocated: fixed amounts as they stand, percentages of the whole amount by
// largest remainder, the remainder leg what the others leave.
func grossParts(shares []Share, amount money.Amount) ([]int64, error) {
	parts := make([]int64, len(shares)+1)
	weights := make([]int64, len(shares)+1) // parts per million; last: what no percentage claims
	unclaimed, remainder, left := money.Whole, len(shares), amount.Minor
	for i, share := range shares {
		if err := checkShare(i, share); err != nil {
			return nil, err
		}
		switch {
		case share.Amount != nil:
			if *share.Amount > left {
				return nil, overallocated(param(i, "amount"), amount)
			}
			parts[i] = *share.Amount
			left -= parts[i]
		case share.Percent != nil:
			if *share.Percent > unclaimed {
				return nil, fault.Invalidf("parameter_invalid", param(i, "percent"), "The percentages of splits add up to more than 100.")
			}
			weights[i] = int64(*share.Percent)
			unclaimed -= *share.Percent
		case remainder < len(shares):
			return nil, fault.Invalidf("parameter_invalid", param(i, "remainder"), "Only one of splits can receive the remainder; splits[%d] does already.", remainder)
		default:
			remainder = i
		}
	}
	weights[len(shares)] = int64(unclaimed)
	percents, err := money.Allocate(amount.Minor, weights)
	if err != nil {
		return nil, fmt.Errorf("split: allocate percentages: %w", err)
	}
	for i, share := range shares {
		if share.Percent == nil {
			continue
		}
		if percents[i] > left {
			return nil, overallocated(param(i, "percent"), amount)
		}
		parts[i] = percents[i]
		left -= parts[i]
	}
	parts[remainder] = left
	return parts, nil
}

func checkShare(i int, s Share) error {
	claims := 0
	for _, claimed := range []bool{s.Amount != nil, s.Percent != nil, s.Remainder} {
		if claimed {
			claims++
		}
	}
	switch {
	case s.Destination == "":
		return fault.Missing(param(i, "destination"))
	case claims == 0:
		return fault.Invalidf("parameter_missing", param(i, "amount"), "You must specify one of these parameters: amount, percent, remainder.")
	case claims > 1:
		return fault.Invalidf("parameters_exclusive", fmt.Sprintf("splits[%d]", i), "You may only specify one of these parameters: amount, percent, remainder.")
	case s.Amount != nil && *s.Amount < 1:
		return fault.Invalidf("parameter_invalid_integer", param(i, "amount"), "This value must be greater than or equal to 1.")
	case s.Percent != nil && (*s.Percent <= 0 || *s.Percent > money.Whole):
		return fault.Invalidf("parameter_invalid", param(i, "percent"), "A percentage must be greater than 0 and at most 100.")
	}
	return nil
}

func overallocated(param string, amount money.Amount) error {
	return fault.Invalidf("amount_too_large", param, "The splits add up to more than the amount of %s.", amount)
}

// remains books the plan on the charge's account. All terms are within
// MaxMinor and there are at most MaxLegs of them, so int64 cannot wrap.
func remains(p Plan, direct bool) money.Amount {
	left := p.Amount.Minor - p.ProcessingFee.Minor
	for _, leg := range p.Legs {
		left -= leg.Amount.Minor
	}
	if direct {
		left -= p.ApplicationFee.Minor
	} else {
		left += p.ApplicationFee.Minor
	}
	return money.New(left, p.Amount.Currency)
}

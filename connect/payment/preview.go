package payment

import (
	"context"

	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// PreviewParams are the split parameters of a payment that may never be made.
type PreviewParams struct {
	TermsParams
	Amount   *int64 `form:"amount"`
	Currency string `form:"currency"`
	// ProcessingFee is what the processor is expected to keep, in minor units; 0 if absent.
	ProcessingFee *int64 `form:"processing_fee"`
}

// Preview is the plan a payment with these parameters would follow. It posts nothing.
func (s *Service) Preview(ctx context.Context, scope tenant.Scope, p PreviewParams) (split.Plan, error) {
	amount, err := amountOf(p.Amount, p.Currency)
	if err != nil {
		return split.Plan{}, err
	}
	fee := money.Zero(amount.Currency)
	if p.ProcessingFee != nil {
		if fee.Minor = *p.ProcessingFee; fee.Minor < 0 || fee.Minor > amount.Minor {
			return split.Plan{}, fault.Invalidf("parameter_invalid_integer", "processing_fee", "This value must be between 0 and the amount.")
		}
	}
	terms, err := s.terms(ctx, scope, p.TermsParams, amount)
	if err != nil {
		return split.Plan{}, err
	}
	return split.Compute(terms, amount, fee)
}

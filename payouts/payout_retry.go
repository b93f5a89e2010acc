package payouts

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
)

// RetryParams ask to try a failed payout again.
type RetryParams struct {
	Actor       string         `form:"-"`           // who asks for it
	Destination string         `form:"destination"` // another bank account; or the same by name, mended at the bank
	Metadata    metadata.Patch `form:"metadata"`
}

// Retry makes a new payout of the same amount for one that failed. The old one
// stays as it is: the bank knows its id, which is never used again. A bank account
// that a payout failed to is taken again only if it was changed since, or is named.
func (s *Service) Retry(ctx context.Context, tx bun.Tx, scope tenant.Scope, payout string, params RetryParams) (*Payout, error) {
	old, err := find(ctx, tx, scope, payout, true)
	if err != nil {
		return nil, err
	}
	switch {
	case old.Status != Failed:
		return nil, fault.Invalidf("payout_not_retryable", "", "Only failed payouts can be tried again; this one is %s.", old.Status)
	case old.RetriedBy != "":
		return nil, fault.Invalidf("payout_not_retryable", "", "This payout was tried again already, by %s.", old.RetriedBy)
	case old.Debit():
		return nil, fault.Invalidf("payout_not_retryable", "", "Reverse the original payout again instead.")
	}
	if params.Destination == "" {
		if params.Destination, err = s.retryTo(ctx, tx, scope, old); err != nil {
			return nil, err
		}
	}
	p, err := s.Create(ctx, tx, scope, CreateParams{
		Amount: old.Amount, Currency: string(old.Currency), Description: old.Description, Destination: params.Destination,
		Metadata: params.Metadata, Method: old.Method, StatementDescriptor: old.StatementDescriptor, retryOf: old.ID,
		Actor: params.Actor,
	})
	if err != nil {
		return nil, err
	}
	if err := repaid(ctx, tx, old); err != nil {
		return nil, err
	}
	old.RetriedBy = p.ID
	return p, s.finish(ctx, tx, old, "payout.updated", p.CreatedAt, map[string]any{"retried_by": nil})
}

// retryTo is where a payout goes again if nobody says: where it went, if that
// works, else the account's default.
func (s *Service) retryTo(ctx context.Context, tx bun.Tx, scope tenant.Scope, old *Payout) (string, error) {
	payable, err := s.cfg.Accounts.Payable(ctx, tx, scope)
	if err != nil {
		return "", err
	}
	if to, ok := payable.named(old.Destination); ok && !to.Errored {
		return to.ID, nil
	}
	if to, ok := payable.standard(old.Currency); ok {
		return to.ID, nil
	}
	return "", fault.Invalidf("bank_account_unusable", "destination",
		"The bank account that this payout failed to has not been changed since. Change it, or name the destination.")
}

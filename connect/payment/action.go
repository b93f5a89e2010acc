package payment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/wire"
)

// nextAction is what the payer has to do, as the API shows it.
func nextAction(a *processor.Action, returnURL string) *wire.NextAction {
	if a == nil || a.URL == "" {
		return &wire.NextAction{Type: "use_stripe_sdk"}
	}
	return &wire.NextAction{Type: "redirect_to_url", RedirectToURL: &wire.RedirectToURL{URL: &a.URL, ReturnURL: optional(returnURL)}}
}

// resumeAction looks whether the payer has acted. It is done unless the caller
// brings another method: then the old attempt is closed and a new one may start.
func (s *Service) resumeAction(ctx context.Context, intent *Intent, p ConfirmParams) (object any, done bool, err error) {
	if p.PaymentMethod != "" || p.PaymentMethodData != nil {
		return nil, false, s.abandonAction(ctx, intent)
	}
	object, err = s.ResolveAction(ctx, intent.LatestCharge)
	return object, true, err
}

// abandonAction closes the attempt that waits for the payer, so that it can no
// longer succeed; giveUp then notes it. If the payer was faster the outcome is
// settled instead and the intent's new state refuses the caller.
func (s *Service) abandonAction(ctx context.Context, intent *Intent) error {
	port, err := s.processor(intent.Livemode)
	if err != nil {
		return err
	}
	result, err := port.Void(ctx, intent.LatestCharge)
	switch {
	case err == nil && (result.Status == processor.Voided || result.Status == processor.Failed):
		return nil
	case err != nil && !refused(err):
		return err
	}
	if _, err := s.ResolveAction(ctx, intent.LatestCharge); err != nil {
		return err
	}
	return fault.Invalidf("payment_intent_unexpected_state", "", "The payer is authenticating this PaymentIntent right now. Retrieve it to see the outcome.")
}

// giveUp notes attempts that abandonAction has closed: whatever is heard of them
// later moves nothing. Their intents are locked.
func giveUp(ctx context.Context, tx bun.Tx, charges ...string) error {
	if len(charges) == 0 {
		return nil
	}
	_, err := tx.NewUpdate().Model((*chargeRow)(nil)).Set("canceled = true").
		Where("id = ANY(?)", pgdialect.Array(charges)).Where("status = ?", ChargeRequiresAction).Exec(ctx)
	return err
}

// refused reports whether an error of the processor is its decision not to do
// what was asked (see package processor); being busy is none.
func refused(err error) bool {
	return fault.As(err) != nil && !fault.Is(err, fault.Unavailable)
}

// ResolveAction asks the processor how the payer's action on a charge ended and
// settles it. While the payer has not acted it returns the intent unchanged.
func (s *Service) ResolveAction(ctx context.Context, charge string) (any, error) {
	row, err := s.chargeByID(ctx, charge)
	if err != nil {
		return nil, err
	}
	port, err := s.processor(row.Livemode)
	if err != nil {
		return nil, err
	}
	result, err := port.Lookup(ctx, charge)
	if err != nil {
		return nil, err
	}
	owner, err := s.Accounts.Lookup(ctx, row.Scope(), row.Account)
	if err != nil {
		return nil, err
	}
	item := &settlement{
		charge: row.ID, intent: row.PaymentIntent, result: result, origin: event.OriginOf(ctx),
		at: s.Clocks.For(row.Livemode).Now(), delayDays: owner.DelayDays,
	}
	if err := s.settles.Do(ctx, item); err != nil {
		return nil, fmt.Errorf("settle %s: %w", row.ID, err)
	}
	return item.reply()
}

// IntentOfCharge is the intent a charge was made for.
func (s *Service) IntentOfCharge(ctx context.Context, charge string) (*Intent, error) {
	row, err := s.chargeByID(ctx, charge)
	if err != nil {
		return nil, err
	}
	return s.GetIntent(ctx, s.Pool, row.Scope(), row.PaymentIntent)
}

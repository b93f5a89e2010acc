package payment

import (
	"context"
	"crypto/rand"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ConfirmIntent starts an attempt on an intent. It returns a wire.PaymentIntent
// or the answer given earlier for the same idempotency key.
func (s *Service) ConfirmIntent(ctx context.Context, scope tenant.Scope, intentID string, p ConfirmParams) (any, error) {
	before, err := s.GetIntent(ctx, s.Pool, scope, intentID)
	if err != nil {
		return nil, err
	}
	if err := before.confirmable(); err != nil {
		return nil, err
	}
	if agreed := p.Agreed; agreed.Positive() && agreed != money.New(before.Amount, before.Currency) {
		return nil, fault.Invalidf("payment_intent_unexpected_state", "amount", "This PaymentIntent is for another amount than the payer agreed to.")
	}
	if before.Status == RequiresAction {
		if object, done, err := s.resumeAction(ctx, before, p); done || err != nil {
			return object, err
		}
	}
	// Receivers were checked when the intent was made, which may be long ago.
	if err := s.checkReceivers(ctx, scope, before.Terms); err != nil {
		return nil, err
	}
	intent := *before
	method, err := s.applyConfirm(ctx, scope, &intent, p)
	if err != nil {
		return nil, err
	}
	return s.attempt(ctx, scope, &intent, before, method, p)
}

// attempt makes the charge of an intent and takes it through its three steps.
// before is the intent as it was read, nil if it is new.
func (s *Service) attempt(ctx context.Context, scope tenant.Scope, intent, before *Intent, method Method, p ConfirmParams) (any, error) {
	if method.ID == "" {
		return nil, fault.Invalidf("payment_intent_unexpected_state", "payment_method",
			"You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method.")
	}
	owner, err := s.owner(ctx, scope)
	if err != nil {
		return nil, err
	}
	c := &Charge{
		ID: id.New("ch"), Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode,
		Amount: intent.Amount, Currency: intent.Currency, Status: ChargePending, Capture: intent.CaptureMethod != "manual",
		PaymentIntent: intent.ID, PaymentMethod: method.ID, Method: cardOf(method), Customer: intent.Customer,
		Terms: intent.Terms, FeePayer: owner.FeesPayer, OnBehalfOf: intent.OnBehalfOf, TransferGroup: intent.TransferGroup,
		Description: intent.Description, ReceiptEmail: intent.ReceiptEmail, StatementDescriptor: intent.StatementDescriptor,
		StatementDescriptorSuffix: intent.StatementDescriptorSuffix, Shipping: intent.Shipping, Metadata: intent.Metadata,
		CreatedAt: s.Clocks.For(scope.Livemode).Now(), BegunAt: clockOfClaims.Now(),
	}
	intent.Status, intent.LatestCharge = Processing, c.ID
	a := &attempt{method: method, charge: c, intent: intent, before: before, at: c.CreatedAt}
	return s.take(ctx, a, owner.DelayDays, payer{offSession: bool(p.OffSession), returnURL: intent.ReturnURL})
}

// newSecret is the unguessable part of a client secret: 128 bits.
func newSecret() string { return rand.Text() }

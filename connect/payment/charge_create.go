package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// TransferDataParams says where the money of a destination charge goes.
type TransferDataParams struct {
	Destination string `form:"destination"`
	Amount      *int64 `form:"amount"`
}

// TermsParams are the split parameters that charges and intents share.
type TermsParams struct {
	ApplicationFeeAmount *int64              `form:"application_fee_amount"`
	TransferData         *TransferDataParams `form:"transfer_data"`
	Splits               []split.Param       `form:"splits"`
	OnBehalfOf           string              `form:"on_behalf_of"`
	TransferGroup        string              `form:"transfer_group"`
}

// ChargeParams asks for a charge without an intent.
type ChargeParams struct {
	TermsParams
	Amount                    *int64          `form:"amount"`
	Currency                  string          `form:"currency"`
	Source                    string          `form:"source"`
	Customer                  string          `form:"customer"`
	Capture                   *bool           `form:"capture"`
	Description               *string         `form:"description"`
	ReceiptEmail              *string         `form:"receipt_email"`
	StatementDescriptor       *string         `form:"statement_descriptor"`
	StatementDescriptorSuffix *string         `form:"statement_descriptor_suffix"`
	Shipping                  *ShippingParams `form:"shipping"`
	Metadata                  metadata.Patch  `form:"metadata"`
	// The legacy spellings of application_fee_amount and transfer_data.
	ApplicationFee *int64             `form:"application_fee"`
	Destination    *LegacyDestination `form:"destination"`
}

// ShippingParams is where the goods go; kept and shown, not used.
type ShippingParams struct {
	Address        map[string]string `form:"address" json:"address,omitempty"`
	Carrier        *string           `form:"carrier" json:"carrier"`
	Name           string            `form:"name" json:"name,omitempty"`
	Phone          *string           `form:"phone" json:"phone"`
	TrackingNumber *string           `form:"tracking_number" json:"tracking_number"`
}

// LegacyDestination is destination=acct_… or destination[account]=acct_….
type LegacyDestination struct {
	Account string
	Amount  *int64
}

// DecodeParam reads both spellings (see rest.ParamDecoder).
func (d *LegacyDestination) DecodeParam(name string, v any) error {
	switch v := v.(type) {
	case string:
		d.Account = v
		return nil
	case map[string]any:
		d.Account, _ = v["account"].(string)
		if d.Account == "" {
			return fault.Missing(name + "[account]")
		}
		return nil
	}
	return fault.Invalidf("parameter_invalid", name, "Invalid %s: must be an account id.", name)
}

// CreateCharge takes a payment in one call. It returns a wire.Charge, or the
// answer given earlier for the same idempotency key. A decline is a fault of
// kind Declined that names the stored failed charge.
func (s *Service) CreateCharge(ctx context.Context, scope tenant.Scope, p ChargeParams) (any, error) {
	p.acceptLegacy()
	if err := (words{p.Description, p.StatementDescriptor, p.StatementDescriptorSuffix, p.Metadata}).check(); err != nil {
		return nil, err
	}
	amount, err := amountOf(p.Amount, p.Currency)
	if err != nil {
		return nil, err
	}
	terms, err := s.terms(ctx, scope, p.TermsParams, amount)
	if err != nil {
		return nil, err
	}
	method, err := s.chargeMethod(ctx, scope, p)
	if err != nil {
		return nil, err
	}
	if err := s.checkParties(ctx, scope, p.Customer, method, p.OnBehalfOf); err != nil {
		return nil, err
	}
	meta, err := p.Metadata.Apply(nil)
	if err != nil {
		return nil, err
	}
	owner, err := s.owner(ctx, scope)
	if err != nil {
		return nil, err
	}
	c := &Charge{
		ID: id.New("ch"), Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode,
		Amount: amount.Minor, Currency: amount.Currency, Status: ChargePending, Capture: p.Capture == nil || *p.Capture,
		Method: cardOf(method), Customer: p.Customer, Terms: terms, FeePayer: owner.FeesPayer,
		OnBehalfOf: p.OnBehalfOf, TransferGroup: p.TransferGroup, Description: p.Description, ReceiptEmail: p.ReceiptEmail,
		StatementDescriptor: p.StatementDescriptor, StatementDescriptorSuffix: p.StatementDescriptorSuffix,
		Shipping: shippingJSON(p.Shipping), Metadata: meta, CreatedAt: s.Clocks.For(scope.Livemode).Now(), BegunAt: clockOfClaims.Now(),
	}
	return s.take(ctx, &attempt{method: method, charge: c, at: c.CreatedAt}, owner.DelayDays, payer{offSession: true})
}

func (p *ChargeParams) acceptLegacy() {
	if p.ApplicationFeeAmount == nil {
		p.ApplicationFeeAmount = p.ApplicationFee
	}
	if p.TransferData == nil && p.Destination != nil {
		p.TransferData = &TransferDataParams{Destination: p.Destination.Account, Amount: p.Destination.Amount}
	}
}

// payer is what the payer's side of an attempt allows.
type payer struct {
	offSession bool
	setUp      bool
	returnURL  string
}

// take runs the three steps of a payment: begin, authorize, settle.
func (s *Service) take(ctx context.Context, a *attempt, delayDays int64, who payer) (any, error) {
	c := a.charge
	port, err := s.processor(c.Livemode)
	if err != nil {
		return nil, err
	}
	if err := port.Capabilities().CheckCharge(c.Total(), c.Capture); err != nil {
		return nil, err
	}
	if replayed, err := s.start(ctx, a); replayed != nil || err != nil {
		return replayed, err
	}
	s.Step("begun")

	// The caller may hang up; the payment goes on to an end of its own.
	ctx = context.WithoutCancel(ctx)
	asking, answered := context.WithTimeout(ctx, processorTimeout)
	result, err := port.Authorize(asking, processor.AuthorizeRequest{
		Reference: c.ID, Amount: c.Total(), Method: c.Method.Handle, Capture: c.Capture, OffSession: who.offSession,
		SetUp: who.setUp, ReturnURL: who.returnURL, Customer: c.Customer, Description: value(c.Description),
		StatementDescriptor: value(c.StatementDescriptor),
	})
	answered()
	if err != nil {
		result = processor.Result{Status: processor.Unknown}
		s.Log.ErrorContext(ctx, "authorize", "charge", c.ID, "error", err)
	}
	s.Step("authorized")

	item := &settlement{
		charge: c.ID, intent: c.PaymentIntent, begun: c, result: result, claim: a.claim, origin: a.origin,
		at: s.Clocks.For(c.Livemode).Now(), delayDays: delayDays,
	}
	if err := s.settles.Do(ctx, item); err != nil {
		return nil, fmt.Errorf("settle %s: %w", c.ID, err)
	}
	s.Step("settled")
	return item.reply()
}

// start commits the begin of an attempt. If the key was used before it returns
// the earlier answer, or the reason why there is none.
func (s *Service) start(ctx context.Context, a *attempt) (any, error) {
	a.claim, a.origin = idempotency.From(ctx), event.OriginOf(ctx)
	if a.claim != nil && a.charge != nil {
		a.claim.Object, a.charge.Claim = a.charge.ID, a.claim.Hash[:]
	}
	if err := s.begins.Do(ctx, a); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	switch {
	case a.err != nil:
		return nil, a.err
	case a.outcome.State == idempotency.Replay:
		return a.outcome, nil
	}
	return nil, a.outcome.Err()
}

// terms checks the split parameters against an amount, and that every receiver can receive.
func (s *Service) terms(ctx context.Context, scope tenant.Scope, p TermsParams, amount money.Amount) (split.Terms, error) {
	shares, err := split.ParseShares(p.Splits)
	if err != nil {
		return split.Terms{}, err
	}
	terms := split.Terms{Direct: scope.Connected(), ApplicationFee: p.ApplicationFeeAmount, Shares: shares}
	if p.TransferData != nil {
		terms.TransferData = &split.TransferData{Destination: p.TransferData.Destination, Amount: p.TransferData.Amount}
	}
	if _, err := split.Compute(terms, amount, money.Zero(amount.Currency)); err != nil {
		return terms, err
	}
	return terms, s.checkReceivers(ctx, scope, terms)
}

// checkReceivers refuses terms of which a receiver cannot receive now.
func (s *Service) checkReceivers(ctx context.Context, scope tenant.Scope, terms split.Terms) error {
	if terms.TransferData != nil {
		return connect.CheckDestination(ctx, s.Accounts, scope, terms.TransferData.Destination, "transfer_data[destination]")
	}
	for i, share := range terms.Shares {
		if err := connect.CheckDestination(ctx, s.Accounts, scope, share.Destination, fmt.Sprintf("splits[%d][destination]", i)); err != nil {
			return err
		}
	}
	return nil
}

// owner is the account the charge lives on; a connected account must be able to take card payments.
func (s *Service) owner(ctx context.Context, scope tenant.Scope) (connect.Summary, error) {
	owner, err := s.Accounts.Lookup(ctx, scope, scope.Account)
	if err != nil {
		return owner, err
	}
	if scope.Connected() && !owner.CardPayments {
		return owner, fault.Invalidf("insufficient_capabilities_for_transfer", "",
			"Your account cannot currently make live charges: the card_payments capability of account %s is not active.", owner.ID)
	}
	return owner, nil
}

// chargeMethod finds what to charge: source, or the customer's default.
func (s *Service) chargeMethod(ctx context.Context, scope tenant.Scope, p ChargeParams) (Method, error) {
	if p.Source == "" && p.Customer == "" {
		return Method{}, fault.Invalidf("parameter_missing", "source", "Must provide source or customer.")
	}
	source := p.Source
	if source == "" {
		var err error
		if source, err = s.Methods.DefaultOf(ctx, s.Pool, scope, p.Customer); err != nil {
			return Method{}, err
		}
	}
	return s.Methods.Resolve(ctx, s.Pool, scope, "source", source)
}

// cardOf is the instrument as a charge keeps it.
func cardOf(m Method) Card {
	return Card{
		Handle: m.Handle, Brand: m.Brand, Last4: m.Last4, ExpMonth: m.ExpMonth, ExpYear: m.ExpYear,
		Country: m.Country, Funding: m.Funding, Fingerprint: m.Fingerprint, SourceID: m.ID,
	}
}

// amountOf checks the amount and currency parameters; bounds are the processor's to check.
func amountOf(amount *int64, currency string) (money.Amount, error) {
	switch {
	case amount == nil:
		return money.Amount{}, fault.Missing("amount")
	case currency == "":
		return money.Amount{}, fault.Missing("currency")
	case *amount < 1:
		return money.Amount{}, fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	}
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return money.Amount{}, fault.Invalidf("currency_not_supported", "currency", "Invalid currency: %s", strings.ToLower(currency))
	}
	if *amount > money.MaxMinor {
		return money.Amount{}, fault.Invalidf("amount_too_large", "amount", "Amount must be no more than %s.", money.MaximumCharge(c))
	}
	return money.New(*amount, c), nil
}

func shippingJSON(p *ShippingParams) json.RawMessage {
	if p == nil {
		return nil
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("payment: shipping does not marshal: " + err.Error()) // strings only
	}
	return body
}

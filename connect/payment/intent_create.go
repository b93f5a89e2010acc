package payment

import (
	"context"
	"slices"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
)

// IntentParams asks for a payment intent.
type IntentParams struct {
	TermsParams
	ConfirmParams
	Amount                    *int64         `form:"amount"`
	Currency                  string         `form:"currency"`
	Confirm                   bool           `form:"confirm"`
	ConfirmationMethod        string         `form:"confirmation_method"`
	Customer                  string         `form:"customer"`
	Description               *string        `form:"description"`
	StatementDescriptor       *string        `form:"statement_descriptor"`
	StatementDescriptorSuffix *string        `form:"statement_descriptor_suffix"`
	Metadata                  metadata.Patch `form:"metadata"`
}

// ConfirmParams are what a confirmation may say; an intent created with
// confirm=true says it at once.
type ConfirmParams struct {
	PaymentMethod      string            `form:"payment_method"`
	PaymentMethodTypes []string          `form:"payment_method_types"`
	PaymentMethodData  *MethodDataParams `form:"payment_method_data"`
	CaptureMethod      string            `form:"capture_method"`
	OffSession         OffSession        `form:"off_session"`
	ReturnURL          string            `form:"return_url"`
	ReceiptEmail       *string           `form:"receipt_email"`
	SetupFutureUsage   *string           `form:"setup_future_usage"`
	Shipping           *ShippingParams   `form:"shipping"`
	ErrorOnAction      bool              `form:"error_on_requires_action"`

	AutomaticPaymentMethods    rest.Ignored `form:"automatic_payment_methods"`
	PaymentMethodOptions       rest.Ignored `form:"payment_method_options"`
	PaymentMethodConfiguration rest.Ignored `form:"payment_method_configuration"`
	UseStripeSDK               rest.Ignored `form:"use_stripe_sdk"`
	Mandate                    rest.Ignored `form:"mandate"`
	MandateData                rest.Ignored `form:"mandate_data"`
	RadarOptions               rest.Ignored `form:"radar_options"`
	ClientSecret               string       `form:"client_secret"` // the door has checked it

	// Agreed is what the payer has been shown, if that is known here: an intent of
	// another amount is not confirmed. The zero value agrees to whatever it is.
	Agreed money.Amount `form:"-"`
}

// OffSession is true, false, "one_off" or "recurring".
type OffSession bool

// DecodeParam reads it (see rest.ParamDecoder).
func (o *OffSession) DecodeParam(name string, v any) error {
	text, _ := v.(string)
	switch text {
	case "true", "one_off", "recurring":
		*o = true
	case "false", "":
		*o = false
	default:
		return fault.Invalidf("parameter_invalid", name, "Invalid %s: must be true, false, one_off or recurring.", name)
	}
	return nil
}

// MethodDataParams names a card by the token it was exchanged for.
type MethodDataParams struct {
	Type           string       `form:"type"`
	Card           MethodCard   `form:"card"`
	BillingDetails rest.Ignored `form:"billing_details"`
}

// MethodCard is card[token]; card numbers belong to /v1/tokens alone.
type MethodCard struct {
	Token string `form:"token"`
}

// CreateIntent makes an intent and, with confirm, takes the payment. It returns
// a wire.PaymentIntent or the answer given earlier for the same idempotency key.
func (s *Service) CreateIntent(ctx context.Context, scope tenant.Scope, p IntentParams) (any, error) {
	intent, method, err := s.draftIntent(ctx, scope, p)
	if err != nil {
		return nil, err
	}
	if !p.Confirm {
		a := &attempt{method: method, intent: intent, at: intent.CreatedAt}
		if replayed, err := s.start(ctx, a); replayed != nil || err != nil {
			return replayed, err
		}
		if a.answer != nil {
			return *a.answer, nil
		}
		return IntentWire(intent), nil
	}
	return s.attempt(ctx, scope, intent, nil, method, p.ConfirmParams)
}

// CheckIntent refuses what CreateIntent would refuse now, and makes nothing.
func (s *Service) CheckIntent(ctx context.Context, scope tenant.Scope, p IntentParams) error {
	_, _, err := s.draftIntent(ctx, scope, p)
	return err
}

// draftIntent checks the parameters and makes the intent they ask for, in memory.
func (s *Service) draftIntent(ctx context.Context, scope tenant.Scope, p IntentParams) (*Intent, Method, error) {
	if err := (words{p.Description, p.StatementDescriptor, p.StatementDescriptorSuffix, p.Metadata}).check(); err != nil {
		return nil, Method{}, err
	}
	amount, err := amountOf(p.Amount, p.Currency)
	if err != nil {
		return nil, Method{}, err
	}
	if err := s.checkIntent(scope, amount, p); err != nil {
		return nil, Method{}, err
	}
	terms, err := s.terms(ctx, scope, p.TermsParams, amount)
	if err != nil {
		return nil, Method{}, err
	}
	meta, err := p.Metadata.Apply(nil)
	if err != nil {
		return nil, Method{}, err
	}
	intent := &Intent{
		ID: id.New("pi"), Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode,
		Amount: amount.Minor, Currency: amount.Currency, Status: RequiresPaymentMethod, CaptureMethod: "automatic",
		ConfirmationMethod: p.ConfirmationMethod, PaymentMethodTypes: []string{"card"}, Customer: p.Customer, Terms: terms,
		OnBehalfOf: p.OnBehalfOf, TransferGroup: p.TransferGroup, Description: p.Description,
		StatementDescriptor: p.StatementDescriptor, StatementDescriptorSuffix: p.StatementDescriptorSuffix,
		Metadata: meta, CreatedAt: s.Clocks.For(scope.Livemode).Now(), Version: 1,
	}
	intent.ClientSecret = intent.ID + "_secret_" + newSecret()
	if intent.ConfirmationMethod == "" {
		intent.ConfirmationMethod = "automatic"
	}
	method, err := s.applyConfirm(ctx, scope, intent, p.ConfirmParams)
	return intent, method, err
}

func (s *Service) checkIntent(scope tenant.Scope, amount money.Amount, p IntentParams) error {
	port, err := s.processor(scope.Livemode)
	if err != nil {
		return err
	}
	if err := port.Capabilities().CheckCharge(amount, p.CaptureMethod != "manual"); err != nil {
		return err
	}
	switch {
	case bool(p.OffSession) && !p.Confirm:
		return fault.Invalidf("parameter_invalid", "off_session", "You can only set off_session if confirm is true.")
	case !slices.Contains([]string{"", "automatic", "manual"}, p.ConfirmationMethod):
		return fault.Invalidf("parameter_invalid", "confirmation_method", "Invalid confirmation_method: must be one of automatic or manual")
	}
	return nil
}

// applyConfirm puts what a confirmation says on the intent and resolves its method, if it has one.
func (s *Service) applyConfirm(ctx context.Context, scope tenant.Scope, intent *Intent, p ConfirmParams) (Method, error) {
	if !slices.Contains([]string{"", "automatic", "automatic_async", "manual"}, p.CaptureMethod) {
		return Method{}, fault.Invalidf("parameter_invalid", "capture_method", "Invalid capture_method: must be one of automatic, automatic_async, or manual")
	}
	for _, kind := range p.PaymentMethodTypes {
		if kind != "card" {
			return Method{}, fault.Invalidf("payment_method_unactivated", "payment_method_types", "The payment method type %q is not set up here; use card.", kind)
		}
	}
	if p.CaptureMethod != "" {
		intent.CaptureMethod = p.CaptureMethod
	}
	if p.ReturnURL != "" {
		intent.ReturnURL = p.ReturnURL
	}
	if p.ReceiptEmail != nil {
		intent.ReceiptEmail = p.ReceiptEmail
	}
	if p.SetupFutureUsage != nil {
		intent.SetupFutureUsage = p.SetupFutureUsage
	}
	if p.Shipping != nil {
		intent.Shipping = shippingJSON(p.Shipping)
	}
	method, err := s.confirmMethod(ctx, scope, intent, p)
	if err != nil {
		return Method{}, err
	}
	if err := s.checkParties(ctx, scope, intent.Customer, method, intent.OnBehalfOf); err != nil {
		return Method{}, err
	}
	if method.ID == "" {
		return method, nil
	}
	intent.PaymentMethod = method.ID
	if intent.Status == RequiresPaymentMethod {
		intent.Status = RequiresConfirmation
	}
	return method, nil
}

// confirmMethod is the method named by a confirmation, or the intent's own, or none.
func (s *Service) confirmMethod(ctx context.Context, scope tenant.Scope, intent *Intent, p ConfirmParams) (Method, error) {
	ref, param := p.PaymentMethod, "payment_method"
	if ref == "" && p.PaymentMethodData != nil {
		ref, param = p.PaymentMethodData.Card.Token, "payment_method_data[card][token]"
	}
	if ref == "" {
		ref = intent.PaymentMethod
	}
	if ref == "" {
		return Method{}, nil
	}
	return s.Methods.Resolve(ctx, s.Pool, scope, param, ref)
}

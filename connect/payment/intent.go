package payment

import (
	"encoding/json"
	"time"

	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// IntentStatus is where a payment intent stands.
//
//	requires_payment_method ─▶ requires_confirmation ─▶ processing ─▶ succeeded
//	        ▲    ▲                                        │ │ └─────▶ requires_capture ─▶ succeeded
//	        │    └──────────── declined ──────────────────┘ └───────▶ requires_action ─▶ processing
//	        └── any state before succeeded and processing may be canceled
type IntentStatus string

// The states of a payment intent, named as in the Stripe API.
const (
	RequiresPaymentMethod IntentStatus = "requires_payment_method"
	RequiresConfirmation  IntentStatus = "requires_confirmation"
	RequiresAction        IntentStatus = "requires_action"
	Processing            IntentStatus = "processing"
	RequiresCapture       IntentStatus = "requires_capture"
	Succeeded             IntentStatus = "succeeded"
	Canceled              IntentStatus = "canceled"
)

// Intent is the wish to be paid; each attempt is a Charge.
type Intent struct {
	ID       string `bun:",pk"`
	Platform string
	Account  string
	Livemode bool

	Amount             int64
	Currency           money.Currency
	Status             IntentStatus
	CaptureMethod      string // "automatic", "automatic_async" or "manual"
	ConfirmationMethod string
	ClientSecret       string
	PaymentMethod      string
	PaymentMethodTypes []string `bun:",array"`
	Customer           string
	LatestCharge       string
	AmountCapturable   int64
	AmountReceived     int64
	Terms              split.Terms `bun:"type:jsonb"`
	OnBehalfOf         string
	TransferGroup      string

	Description               *string
	ReceiptEmail              *string
	SetupFutureUsage          *string
	StatementDescriptor       *string
	StatementDescriptorSuffix *string
	ReturnURL                 string
	Shipping                  json.RawMessage    `bun:"type:jsonb"`
	LastPaymentError          *wire.PaymentError `bun:"type:jsonb"`
	NextAction                *wire.NextAction   `bun:"type:jsonb"`
	CanceledAt                time.Time          `bun:",nullzero"`
	CancellationReason        *string
	Metadata                  map[string]string `bun:"type:jsonb"`

	CreatedAt time.Time
	Version   int64
}

// Scope is the view the intent lives in.
func (i *Intent) Scope() tenant.Scope {
	return tenant.Scope{Platform: i.Platform, Account: i.Account, Livemode: i.Livemode}
}

// confirmable refuses an intent that cannot start an attempt now.
func (i *Intent) confirmable() error {
	switch i.Status {
	case RequiresPaymentMethod, RequiresConfirmation, RequiresAction:
		return nil
	}
	return i.unexpected("confirm", "requires_payment_method, requires_confirmation, requires_action")
}

// cancelable refuses an intent whose money has moved or may be moving.
func (i *Intent) cancelable() error {
	switch i.Status {
	case RequiresPaymentMethod, RequiresConfirmation, RequiresAction, RequiresCapture:
		return nil
	}
	return i.unexpected("cancel", "requires_payment_method, requires_capture, requires_confirmation, requires_action")
}

// updatable refuses changes to an intent under way or at its end. The payer who
// is asked to authenticate has been shown an amount.
func (i *Intent) updatable() error {
	switch i.Status {
	case RequiresPaymentMethod, RequiresConfirmation:
		return nil
	}
	return i.unexpected("update", "requires_payment_method, requires_confirmation")
}

func (i *Intent) unexpected(verb, allowed string) error {
	return &fault.Error{
		Kind: fault.Invalid, Code: "payment_intent_unexpected_state",
		Message: "This PaymentIntent's status is " + string(i.Status) + ": you cannot " + verb +
			" it. Only a PaymentIntent with one of the following statuses may be: " + allowed + ".",
		Fields: map[string]any{"payment_intent": IntentWire(i)},
	}
}

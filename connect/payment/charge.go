package payment

import (
	"encoding/json"
	"time"

	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ChargeStatus is where a charge stands.
//
//	pending ──▶ succeeded     the processor took or reserved the money
//	   │  └───▶ failed        the issuer or the processor said no
//	   └──────▶ requires_action  the payer must authenticate; a new attempt follows
//
// A charge stays pending while its outcome is not known; only the processor's
// answer moves it. Nothing ever leaves succeeded or failed.
type ChargeStatus string

// The states of a charge; RequiresAction never shows in the API.
const (
	ChargePending        ChargeStatus = "pending"
	ChargeSucceeded      ChargeStatus = "succeeded"
	ChargeFailed         ChargeStatus = "failed"
	ChargeRequiresAction ChargeStatus = "requires_action"
)

// Charge is one attempt to take money. Amounts are minor units of Currency.
type Charge struct {
	ID       string `bun:",pk"`
	Platform string
	Account  string // the account the charge lives on: the platform, or the connected account of a direct charge
	Livemode bool

	Amount          int64
	Currency        money.Currency
	Status          ChargeStatus
	Capture         bool // take the money at once; else only reserve it
	Captured        bool
	AmountCaptured  int64
	AmountRefunding int64 // asked back, outcome open
	AmountRefunded  int64
	Canceled        bool // the reservation was released
	ProcessingFee   int64

	PaymentIntent string
	PaymentMethod string // pm_…, or "" for a one-time token
	Method        Card   `bun:"type:jsonb"`
	Customer      string
	Terms         split.Terms `bun:"type:jsonb"`
	FeePayer      string      // "account" or "application": who bears the processing fee of a direct charge
	OnBehalfOf    string
	TransferGroup string

	MaturesOn          time.Time `bun:",nullzero,type:date"` // zero: available at once
	BalanceTransaction string
	Transfer           string // of a destination charge
	ApplicationFee     string
	ReceiptURL         *string `bun:"receipt_url"` // where its payer reads the receipt; nil unless it succeeded

	FailureCode    string
	FailureMessage string
	DeclineCode    string

	Description               *string
	ReceiptEmail              *string
	StatementDescriptor       *string
	StatementDescriptorSuffix *string
	Shipping                  json.RawMessage   `bun:"type:jsonb"`
	Metadata                  map[string]string `bun:"type:jsonb"`

	Claim     []byte // hash of the idempotency claim that waits for this charge, or nil
	CreatedAt time.Time
	BegunAt   time.Time // by the machine's clock: when its request started
	Version   int64
}

// Card is the instrument of a charge as it was at that time.
type Card struct {
	Handle      string `json:"handle"` // what the processor knows the instrument by; never a card number
	Brand       string `json:"brand"`
	Last4       string `json:"last4"`
	ExpMonth    int    `json:"exp_month"`
	ExpYear     int    `json:"exp_year"`
	Country     string `json:"country"`
	Funding     string `json:"funding"`
	Fingerprint string `json:"fingerprint"`
	SourceID    string `json:"source_id"` // card_… shown as the legacy source
}

// Scope is the view the charge lives in.
func (c *Charge) Scope() tenant.Scope {
	return tenant.Scope{Platform: c.Platform, Account: c.Account, Livemode: c.Livemode}
}

// Direct reports whether the charge lives on a connected account.
func (c *Charge) Direct() bool { return c.Account != c.Platform }

// Total is the amount of the charge.
func (c *Charge) Total() money.Amount { return money.New(c.Amount, c.Currency) }

// Refundable is what may still be asked back, in minor units.
func (c *Charge) Refundable() int64 { return c.AmountCaptured - c.AmountRefunded - c.AmountRefunding }

// maturityDay is the UTC day on which money taken at t becomes available: delay
// days later, from the midnight that opens the day.
func maturityDay(t time.Time, delayDays int64) time.Time {
	return t.UTC().Truncate(24*time.Hour).AddDate(0, 0, int(delayDays))
}

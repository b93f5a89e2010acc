package connect

import (
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ByHand is the leg of a transfer that no charge made.
const ByHand = -1

// Transfer is money moved from the platform's balance to a connected account's.
// On the destination it arrives as the payment DestinationPayment (py_…).
// Amounts are minor units of Currency.
type Transfer struct {
	ID                            string `bun:",pk"`
	Platform                      string
	Livemode                      bool
	Amount                        int64
	Currency                      money.Currency
	AmountReversed                int64
	Destination                   string
	DestinationPayment            string
	SourceTransaction             string // the charge it draws on, or ""
	Leg                           int    // its place in that charge's split, or ByHand
	TransferGroup                 string
	ApplicationFee                string // taken out of it on arrival, or ""
	ApplicationFeeAmount          int64
	MaturesOn                     time.Time `bun:",nullzero,type:date"` // with its charge; zero: available at once
	BalanceTransaction            string
	DestinationBalanceTransaction string
	Held                          int64     // on hold with the receiver, at most what is not reversed
	HeldUntil                     time.Time `bun:",nullzero"` // released then; zero: when the platform says so
	Description                   *string
	Metadata                      map[string]string `bun:"type:jsonb"`
	CreatedAt                     time.Time
	Version                       int64
}

// Scope is the platform's view, where the transfer lives.
func (t *Transfer) Scope() tenant.Scope {
	return tenant.Scope{Platform: t.Platform, Account: t.Platform, Livemode: t.Livemode}
}

// Reversible is what may still be taken back.
func (t *Transfer) Reversible() int64 { return t.Amount - t.AmountReversed }

// Reversal takes a transfer back, in whole or in part.
type Reversal struct {
	ID                 string `bun:",pk"`
	Transfer           string
	Amount             int64
	Currency           money.Currency
	BalanceTransaction string
	// How the destination sees it: as the refund pyr_… of its payment, with a line of its own.
	DestinationPaymentRefund      string
	DestinationBalanceTransaction string
	SourceRefund                  string            // the refund that caused it, or ""
	PendingReversal               string            // the pending reversal that it is a part of, or ""
	Metadata                      map[string]string `bun:"type:jsonb"`
	CreatedAt                     time.Time
}

// ApplicationFee is the platform's share of a payment on a connected account.
type ApplicationFee struct {
	ID                     string `bun:",pk"`
	Platform               string
	Livemode               bool
	Account                string // who paid it
	Amount                 int64
	Currency               money.Currency
	AmountRefunded         int64
	Charge                 string    // the payment it was taken from: ch_… of a direct, py_… of a destination charge
	OriginatingTransaction string    // the platform's charge behind a py_…, or ""
	MaturesOn              time.Time `bun:",nullzero,type:date"`
	BalanceTransaction     string
	CreatedAt              time.Time
	Version                int64
}

// Scope is the platform's view, where the fee lives.
func (f *ApplicationFee) Scope() tenant.Scope {
	return tenant.Scope{Platform: f.Platform, Account: f.Platform, Livemode: f.Livemode}
}

// FeeRefund gives an application fee back, in whole or in part.
type FeeRefund struct {
	ID                 string `bun:",pk"`
	Fee                string
	Amount             int64
	Currency           money.Currency
	BalanceTransaction string
	Metadata           map[string]string `bun:"type:jsonb"`
	CreatedAt          time.Time
}

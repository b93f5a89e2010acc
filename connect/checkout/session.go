package checkout

import (
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Status is where a session stands, see the package comment.
type Status string

// The states of a session, named as in the Stripe API.
const (
	Open     Status = "open"
	Complete Status = "complete"
	Expired  Status = "expired"
)

// The lives a session may have.
const (
	shortest = 30 * time.Minute
	longest  = 24 * time.Hour
)

// maxAttempts is how many cards one page tries. It is above what an honest buyer
// needs and far below what makes the page worth anything to who tests stolen cards.
const maxAttempts = 20

// Session is what a buyer is asked to pay on our page.
type Session struct {
	ID       string `bun:",pk"`
	Platform string
	Account  string // on which the payment is made
	Livemode bool

	Status        Status
	PaymentStatus string // "paid" or "unpaid"; a reservation ends a session unpaid
	Amount        int64
	Currency      money.Currency
	LineItems     []Item     `bun:"type:jsonb"`
	IntentData    IntentData `bun:"type:jsonb"`
	PaymentIntent string     // "" until the buyer first pays

	Customer          string
	CustomerEmail     *string
	ClientReferenceID *string
	BuyerName         string
	BuyerEmail        string
	Attempts          int

	SuccessURL string            `bun:"success_url"`
	CancelURL  string            `bun:"cancel_url"`
	Locale     string            // as asked for; "" and "auto" follow the browser
	Metadata   map[string]string `bun:"type:jsonb"`

	CreatedAt time.Time
	ExpiresAt time.Time
	Version   int64 // events so far: making one is none
}

// Item is one line of what is bought. Its price and product exist here only.
type Item struct {
	ID          string `json:"id"`
	Price       string `json:"price"`
	Product     string `json:"product"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	UnitAmount  int64  `json:"unit_amount"`
	Quantity    int64  `json:"quantity"`
}

// IntentData is what a session's intent is made with: the parameter payment_intent_data.
type IntentData struct {
	ApplicationFeeAmount      *int64                      `form:"application_fee_amount"      json:"application_fee_amount,omitempty"`
	TransferData              *payment.TransferDataParams `form:"transfer_data"               json:"transfer_data,omitempty"`
	Splits                    []split.Param               `form:"splits"                      json:"splits,omitempty"`
	OnBehalfOf                string                      `form:"on_behalf_of"                json:"on_behalf_of,omitempty"`
	TransferGroup             string                      `form:"transfer_group"              json:"transfer_group,omitempty"`
	CaptureMethod             string                      `form:"capture_method"              json:"capture_method,omitempty"`
	Description               *string                     `form:"description"                 json:"description,omitempty"`
	ReceiptEmail              *string                     `form:"receipt_email"               json:"receipt_email,omitempty"`
	StatementDescriptor       *string                     `form:"statement_descriptor"        json:"statement_descriptor,omitempty"`
	StatementDescriptorSuffix *string                     `form:"statement_descriptor_suffix" json:"statement_descriptor_suffix,omitempty"`
	Metadata                  metadata.Patch              `form:"metadata"                    json:"metadata,omitzero"`
}

// Scope is the view the session lives in.
func (s *Session) Scope() tenant.Scope {
	return tenant.Scope{Platform: s.Platform, Account: s.Account, Livemode: s.Livemode}
}

// Total is what the buyer pays.
func (s *Session) Total() money.Amount { return money.New(s.Amount, s.Currency) }

// over reports whether the session can be paid no more, whether or not that was noted.
func (s *Session) over(now time.Time) bool { return s.Status == Open && !now.Before(s.ExpiresAt) }

// success is where the buyer goes after paying.
func (s *Session) success() string {
	return strings.ReplaceAll(s.SuccessURL, "{CHECKOUT_SESSION_ID}", s.ID)
}

// payee is the one account that the money is passed on to, "" if there are none or several.
func (s *Session) payee() string {
	switch d := s.IntentData; {
	case s.Account != s.Platform:
		return ""
	case d.TransferData != nil:
		return d.TransferData.Destination
	case len(d.Splits) > 0:
		for _, share := range d.Splits {
			if share.Destination != d.Splits[0].Destination {
				return ""
			}
		}
		return d.Splits[0].Destination
	}
	return ""
}

// params are those of the session's intent.
func (s *Session) params() payment.IntentParams {
	d := s.IntentData
	return payment.IntentParams{
		TermsParams: payment.TermsParams{
			ApplicationFeeAmount: d.ApplicationFeeAmount, TransferData: d.TransferData, Splits: d.Splits,
			OnBehalfOf: d.OnBehalfOf, TransferGroup: d.TransferGroup,
		},
		ConfirmParams: payment.ConfirmParams{CaptureMethod: d.CaptureMethod, ReceiptEmail: d.ReceiptEmail},
		Amount:        &s.Amount, Currency: string(s.Currency), Customer: s.Customer, Description: d.Description,
		StatementDescriptor: d.StatementDescriptor, StatementDescriptorSuffix: d.StatementDescriptorSuffix, Metadata: d.Metadata,
	}
}

package processor

import (
	"context"
	"errors"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
)

// Processor takes payments and gives them back.
type Processor interface {
	// Name is the adapter's name as stored with a payment, "cardsim".
	Name() string
	Capabilities() Capabilities
	// Authorize takes (or, without Capture, only reserves) the amount.
	Authorize(ctx context.Context, request AuthorizeRequest) (Result, error)
	// Capture takes reserved money, once and at most what was authorized; what is not captured is released.
	Capture(ctx context.Context, request CaptureRequest) (Result, error)
	// Void releases reserved money. Voiding a reference the processor has never
	// seen closes it (Capabilities.ClosesUnseen): a request of it that is still on
	// its way can then no longer succeed.
	Void(ctx context.Context, reference string) (Result, error)
	// Refund gives back captured money.
	Refund(ctx context.Context, request RefundRequest) (RefundResult, error)
	// Lookup is what the processor knows of a payment: its present state with
	// every field of Result, or Absent.
	Lookup(ctx context.Context, reference string) (Result, error)
	// LookupRefund is what the processor knows of a refund, or Absent.
	LookupRefund(ctx context.Context, reference string) (RefundResult, error)
}

// AuthorizeRequest asks for a payment.
type AuthorizeRequest struct {
	Reference string // our charge id, ch_…
	Amount    money.Amount
	// Method is the adapter's own opaque handle of a card or wallet, never a card
	// number. With the sandbox processor it is a test handle such as "visa".
	Method  string
	Capture bool
	// OffSession: the payer is not there, so no action can be asked of them.
	OffSession bool
	// SetUp: the method was authenticated earlier for use of this kind.
	SetUp bool
	// ReturnURL is where the payer goes after an action.
	ReturnURL           string
	Customer            string // cus_…, may be empty
	Description         string
	StatementDescriptor string
}

// CaptureRequest takes money reserved earlier.
type CaptureRequest struct {
	Reference string // of the payment
	Amount    money.Amount
}

// RefundRequest gives money back.
type RefundRequest struct {
	Reference string // our refund id, re_…
	Payment   string // reference of the payment
	Amount    money.Amount
}

// Status is what became of a payment.
type Status string

const (
	// Succeeded means the money is reserved, or taken if Result.Captured is positive.
	Succeeded Status = "succeeded"
	// RequiresAction means the payer must do something first; see Result.Action. Lookup tells how it ended.
	RequiresAction Status = "requires_action"
	// Processing means the processor has accepted it and decides later.
	Processing Status = "processing"
	// Failed is a decision: no money moves under this reference, ever.
	Failed Status = "failed"
	// Unknown means the processor's decision has not reached us. Look it up; never guess.
	Unknown Status = "unknown"
	// Voided means the reservation was released, or the reference closed.
	Voided Status = "voided"
	// Absent is Lookup's answer for a reference the processor has not seen (yet).
	Absent Status = "absent"
)

// Result is the state of a payment.
type Result struct {
	Status             Status
	ProcessorReference string // the processor's own id
	Authorized         money.Amount
	Captured           money.Amount // zero until captured
	// ProcessingFee is what the processor keeps of the captured money.
	ProcessingFee money.Amount
	Failure       *Failure // set exactly if Failed
	Action        *Action  // set exactly if RequiresAction
	Network       Network
	Risk          Risk
	// AvailableAtOnce: the funds need not wait for settlement.
	AvailableAtOnce bool
	// Dispute is set by the sandbox for cards that will be disputed.
	Dispute *DisputeHint
}

// Decided reports whether the result is an end of an attempt.
func (r Result) Decided() bool {
	switch r.Status {
	case Succeeded, Failed, Voided:
		return true
	case RequiresAction, Processing, Unknown, Absent:
	}
	return false
}

// Failure is a refusal, in the public words of the API.
type Failure struct {
	Code    string // "card_declined", "expired_card", …
	Decline string // "insufficient_funds", …; empty unless the issuer gave a reason
	Message string // for the payer
	Blocked bool   // refused by risk rules before the issuer was asked
}

// Action is what the payer has to do.
type Action struct {
	Kind string // "redirect_to_url" or "use_stripe_sdk"
	URL  string // where to do it, empty if the adapter has no page of its own
}

// Network is what the card network tells of the method and the payment.
type Network struct {
	Brand             string // "visa", as in payment_method_details[card][brand]
	Last4             string
	Funding           string // credit, debit, prepaid, unknown
	Country           string // ISO 3166 alpha-2 of the issuer
	Fingerprint       string // the same for the same card number
	AuthorizationCode string
	TransactionID     string
	CVCCheck          string // pass, fail, unavailable, unchecked or empty
	AddressLineCheck  string
	PostalCodeCheck   string
	ThreeDSecure      string // authenticated, attempt_acknowledged, exempted, failed, not_supported or empty
}

// Risk is the processor's opinion of a payment.
type Risk struct {
	Level string // normal, elevated, highest
	Score int    // 0 to 99
}

// DisputeHint says how a sandbox payment will be disputed.
type DisputeHint struct {
	Reason  string // "fraudulent", "product_not_received", …
	Inquiry bool   // starts as an inquiry (warning_needs_response)
	Warning bool   // only an early fraud warning, no dispute
	Count   int    // how many disputes follow
}

// RefundStatus is what became of a refund.
type RefundStatus string

// The states of a refund; Unknown and Absent have the meaning they have for payments.
const (
	RefundSucceeded RefundStatus = "succeeded"
	RefundPending   RefundStatus = "pending"
	RefundFailed    RefundStatus = "failed"
	RefundUnknown   RefundStatus = "unknown"
	RefundAbsent    RefundStatus = "absent"
)

// RefundResult is the state of a refund.
type RefundResult struct {
	Status             RefundStatus
	ProcessorReference string // the processor's own id; for cards the acquirer reference
	Amount             money.Amount
	Provisional        bool   // succeeded, but the payer's bank may still send it back: ask again
	FailureReason      string // set if failed: "expired_or_canceled_card", "charge_not_refundable", …
}

// ErrInsideTransaction is returned by every adapter called inside a database
// transaction: a slow processor would hold row locks for as long as it likes.
var ErrInsideTransaction = errors.New("processor: called inside a database transaction")

// Outside fails with ErrInsideTransaction if ctx belongs to an open
// transaction. Adapters call it first.
func Outside(ctx context.Context) error {
	if db.Inside(ctx) {
		return ErrInsideTransaction
	}
	return nil
}

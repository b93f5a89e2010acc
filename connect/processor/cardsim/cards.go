package cardsim

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/fault"
)

// Card is one test card. Its Handle is all that a stored payment method keeps
// and all that Authorize needs; Number stays inside this package.
type Card struct {
	Handle   string // "visa", "chargeDeclinedLostCard": the part of tok_… and pm_card_… after the prefix
	Brand    string // visa, mastercard, amex, discover, diners, jcb, unionpay
	Last4    string
	Funding  string // credit, debit, prepaid
	Country  string // of the issuer
	CVCCheck string // what a given CVC turns out to be: pass, fail, unavailable
	// AddressLineCheck and PostalCodeCheck are what a given address turns out to be.
	AddressLineCheck string
	PostalCodeCheck  string

	number   string
	behavior behavior
}

// Fingerprint is the same for the same card number and says nothing about it.
func (c Card) Fingerprint() string {
	sum := sha256.Sum256([]byte("cardsim fingerprint " + c.number))
	return hex.EncodeToString(sum[:8])
}

// behavior is what a card does when it is charged; the zero value succeeds.
type behavior struct {
	failure  *processor.Failure
	onAttach *processor.Failure // when the card is tokenized or saved already
	secure   secureRule
	risk     processor.Risk
	atOnce   bool
	dispute  *processor.DisputeHint
	refund   refundRule
	fault    faultRule
}

// secureRule says when the payer is asked to authenticate (3-D Secure).
type secureRule int

const (
	secureOptional     secureRule = iota // never asked here
	secureAlways                         // every payment, so off-session payments are declined
	secureUnlessSetUp                    // every payment unless the card was set up before
	secureOnSession                      // on-session payments; set up cards pass off-session
	secureError                          // asked, and the authentication itself breaks down
	secureNotSupported                   // the card cannot authenticate
)

type refundRule int

const (
	refundAtOnce    refundRule = iota
	refundPends                // pending, succeeds after settleDelay
	refundBounces              // succeeded, fails after settleDelay
	refundIsNoReply            // carried out, but the answer is lost
)

// faultRule is a fault of the network or the processor.
type faultRule int

const (
	faultNone                faultRule = iota
	faultTimeoutBeforeCommit           // the first request is lost: nothing is booked, no answer
	faultTimeoutAfterCommit            // booked, but the answer is lost
	faultServerError                   // the first request ends in a 5xx, nothing is booked
	faultUnknownThenSucceeds           // no answer, processing for settleDelay, then succeeded
	faultUnknownThenFails              // no answer, processing for settleDelay, then declined
	faultProcessing                    // answers processing, succeeds after settleDelay
	faultProcessingThenFails           // answers processing, declined after settleDelay
	faultCaptureTimeout                // authorizes; the answer to the capture is lost
)

// ByHandle finds a card by "tok_visa", "pm_card_visa", "card_visa" or "visa".
func ByHandle(handle string) (Card, bool) {
	for _, prefix := range []string{"pm_card_", "tok_", "card_"} {
		if rest, ok := strings.CutPrefix(handle, prefix); ok {
			handle = rest
			break
		}
	}
	if canonical, ok := aliases[handle]; ok {
		handle = canonical
	}
	card, ok := byHandle[handle]
	return card, ok
}

// ByNumber finds a card by its number, spaces and dashes allowed. Its faults are
// card errors: incorrect_number if it cannot be a card number, card_declined
// with test_mode_live_card if it may be a real one.
func ByNumber(number string) (Card, error) {
	number = strings.NewReplacer(" ", "", "-", "").Replace(number)
	if card, ok := byNumber[number]; ok {
		return card, nil
	}
	if len(number) < 12 || len(number) > 19 || !luhn(number) {
		return Card{}, declined("incorrect_number", "", "Your card number is incorrect.")
	}
	return Card{}, declined("card_declined", "test_mode_live_card", "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing.")
}

// CheckDetails refuses what can be seen wrong before the issuer is asked: the
// expiry (year with two or four digits) and the form of the CVC (empty is allowed).
func (c Card) CheckDetails(month, year int64, cvc string, now time.Time) error {
	if year >= 0 && year < 100 {
		year += 2000
	}
	length := 3
	if c.Brand == "amex" {
		length = 4
	}
	ends := time.Date(int(year), time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case month < 1 || month > 12:
		return invalidDetail("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.")
	case year > int64(now.Year())+50 || year < int64(now.Year()):
		return invalidDetail("invalid_expiry_year", "exp_year", "Your card's expiration year is invalid.")
	case !now.Before(ends):
		return invalidDetail("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.")
	case cvc != "" && (len(cvc) != length && len(cvc) != 3 || strings.Trim(cvc, "0123456789") != ""):
		return invalidDetail("invalid_cvc", "cvc", "Your card's security code is invalid.")
	}
	return nil
}

// CheckAttach refuses cards that cannot be saved to a customer: issuers check a
// card then, so cards that are always declined are declined already.
func (c Card) CheckAttach() error {
	f := c.behavior.onAttach
	if f == nil {
		return nil
	}
	return declined(f.Code, f.Decline, f.Message)
}

func declined(code, decline, message string) *fault.Error {
	return &fault.Error{Kind: fault.Declined, Code: code, Decline: decline, Param: declinedParam[code], Message: message}
}

func invalidDetail(code, param, message string) *fault.Error {
	return &fault.Error{Kind: fault.Declined, Code: code, Param: param, Message: message}
}

// declinedParam is the parameter the API names with a card error.
var declinedParam = map[string]string{"incorrect_number": "number", "incorrect_cvc": "cvc", "expired_card": "exp_month"}

// luhn checks the number's last digit (ISO/IEC 7812-1).
func luhn(number string) bool {
	sum, double := 0, false
	for i := len(number) - 1; i >= 0; i-- {
		if number[i] < '0' || number[i] > '9' {
			return false
		}
		digit := int(number[i] - '0')
		if double {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum, double = sum+digit, !double
	}
	return sum%10 == 0
}

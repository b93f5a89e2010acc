package cardsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// lost is the state of a payment whose first request never arrived: invisible
// to Lookup, and decided anew by the next request.
const lost processor.Status = "lost"

// payment is one payment as the sandbox knows it.
type payment struct {
	reference  string
	card       Card // zero for a reference closed before it was seen
	amount     money.Amount
	capture    bool
	status     processor.Status
	captured   int64
	fee        int64
	refunded   int64
	failure    *processor.Failure
	secured    bool             // the payer has authenticated
	resolvesAt time.Time        // when a processing payment is decided; zero: it is not waiting
	resolvesTo processor.Status // what it becomes then
	createdAt  time.Time
}

// decide is what becomes of a request on its first arrival.
func (s *Sim) decide(request processor.AuthorizeRequest, card Card, now time.Time) (payment, error) {
	p := payment{reference: request.Reference, card: card, amount: request.Amount, capture: request.Capture, createdAt: now}
	switch card.behavior.fault {
	case faultTimeoutBeforeCommit, faultServerError:
		p.status = lost
		return p, nil
	case faultUnknownThenSucceeds, faultProcessing:
		return p.waiting(processor.Succeeded, now.Add(s.cfg.Delay)), nil
	case faultUnknownThenFails, faultProcessingThenFails:
		return p.waiting(processor.Failed, now.Add(s.cfg.Delay)), nil
	}
	switch rule := card.behavior.secure; {
	case asksPayer(rule, request) && request.OffSession:
		p.fail(authenticationRequired)
		return p, nil
	case asksPayer(rule, request):
		p.status = processor.RequiresAction
		return p, nil
	}
	return p, s.conclude(&p)
}

// asksPayer reports whether the issuer wants the payer to authenticate.
func asksPayer(rule secureRule, request processor.AuthorizeRequest) bool {
	switch rule {
	case secureAlways, secureError:
		return true
	case secureUnlessSetUp:
		return !request.OffSession || !request.SetUp
	case secureOnSession:
		return !request.OffSession
	}
	return false
}

// conclude is the issuer's decision once nothing more is asked of the payer.
func (s *Sim) conclude(p *payment) error {
	if p.card.behavior.failure != nil {
		p.fail(*p.card.behavior.failure)
		return nil
	}
	p.status = processor.Succeeded
	if p.capture {
		return s.take(p, p.amount.Minor)
	}
	return nil
}

// take captures minor units and books the processing fee.
func (s *Sim) take(p *payment, minor int64) error {
	fee, err := s.cfg.Fees.Fee(money.New(minor, p.amount.Currency))
	if err != nil {
		return fmt.Errorf("cardsim: processing fee: %w", err)
	}
	p.captured, p.fee = minor, fee.Minor
	return nil
}

// resolve brings a waiting payment to where it is at now.
func (s *Sim) resolve(p *payment, now time.Time) error {
	if !p.due(now) {
		return nil
	}
	becomes := p.resolvesTo
	p.resolvesAt, p.resolvesTo = time.Time{}, ""
	if becomes == processor.Failed {
		p.fail(genericDecline)
		return nil
	}
	return s.conclude(p)
}

// due reports whether a waiting payment is decided by now.
func (p payment) due(now time.Time) bool { return !p.resolvesAt.IsZero() && !now.Before(p.resolvesAt) }

func (p payment) waiting(becomes processor.Status, until time.Time) payment {
	p.status, p.resolvesTo, p.resolvesAt = processor.Processing, becomes, until
	return p
}

func (p *payment) fail(why processor.Failure) {
	p.status, p.failure = processor.Failed, &why
}

// sameRequest reports whether the payment was asked for with the same values.
func (p payment) sameRequest(request processor.AuthorizeRequest, card Card) bool {
	return p.card.Handle == card.Handle && p.amount == request.Amount && p.capture == request.Capture
}

// result is the payment as the port shows it.
func (s *Sim) result(p payment) processor.Result {
	if p.status == lost {
		return processor.Result{Status: processor.Absent}
	}
	zero := money.Zero(p.amount.Currency)
	r := processor.Result{
		Status: p.status, ProcessorReference: "sim_" + digest("payment", p.reference),
		Authorized: zero, Captured: money.New(p.captured, p.amount.Currency), ProcessingFee: money.New(p.fee, p.amount.Currency),
		Failure: p.failure,
	}
	if p.card.Handle == "" {
		return r
	}
	r.Network, r.Risk = network(p), p.card.behavior.risk
	switch p.status {
	case processor.Succeeded:
		r.Authorized = p.amount
		r.AvailableAtOnce = p.card.behavior.atOnce
		r.Dispute = p.card.behavior.dispute
		r.Network.AuthorizationCode = strings.ToUpper(digest("authorization", p.reference)[:6])
	case processor.RequiresAction:
		r.Action = &processor.Action{Kind: "redirect_to_url", URL: s.cfg.ActionURL + p.reference}
	}
	return r
}

func network(p payment) processor.Network {
	n := processor.Network{
		Brand: p.card.Brand, Last4: p.card.Last4, Funding: p.card.Funding, Country: p.card.Country, Fingerprint: p.card.Fingerprint(),
		CVCCheck: p.card.CVCCheck, AddressLineCheck: p.card.AddressLineCheck, PostalCodeCheck: p.card.PostalCodeCheck,
		TransactionID: digest("network", p.reference),
	}
	switch {
	case p.secured:
		n.ThreeDSecure = "authenticated"
	case p.card.behavior.secure == secureNotSupported:
		n.ThreeDSecure = "not_supported"
	}
	return n
}

// digest makes the sandbox's own ids from our reference: always the same, never equal by chance.
func digest(kind, reference string) string {
	sum := sha256.Sum256([]byte(kind + " " + reference))
	return hex.EncodeToString(sum[:12])
}

var (
	authenticationRequired = processor.Failure{Code: "authentication_required", Decline: "authentication_required",
		Message: "Your card was declined. This transaction requires authentication."}
	authenticationFailed = processor.Failure{Code: "payment_intent_authentication_failure",
		Message: "We are unable to authenticate your payment method. Please choose a different payment method and try again."}
)

func reused(reference string) error {
	return fault.Invalidf("parameter_invalid", "", "The reference %s was used before with other values.", reference)
}

func unexpected(p payment) error {
	if p.captured > 0 {
		return fault.Invalidf("charge_already_captured", "", "The payment %s has already been captured.", p.reference)
	}
	return fault.Invalidf("payment_intent_unexpected_state", "", "The payment %s is %s.", p.reference, p.status)
}

package processortest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// Subject is an adapter with what the suite needs to know about it.
type Subject struct {
	Processor processor.Processor
	Amount    money.Amount // an amount it takes, a multiple of 100 steps
	Approved  string       // a method that succeeds at once
	Declined  string       // a method that is always declined
	// Unanswered are methods whose first authorization ends Unknown; none if the
	// outside cannot be made to fail.
	Unanswered []string
	// Settle lets everything that waits be decided.
	Settle func(t *testing.T)
	// Inside runs fn with the context of an open database transaction.
	Inside func(t *testing.T, fn func(ctx context.Context))
}

// Run checks the contract; each rule gets a fresh subject.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	for _, rule := range []struct {
		name  string
		check func(t *testing.T, s Subject)
	}{
		{"OneReferenceChargesOnce", oneReferenceChargesOnce},
		{"ConcurrentRequestsOfOneReferenceChargeOnce", concurrentRequestsChargeOnce},
		{"AReferenceIsNotReusedWithOtherValues", referenceIsNotReused},
		{"ADeclineIsFinalAndExplained", declineIsFinal},
		{"AuthorizedMoneyIsCapturedOnce", capturedOnce},
		{"NoMoreIsCapturedThanAuthorized", captureIsBounded},
		{"VoidReleasesAndIsFinal", voidIsFinal},
		{"CapturedMoneyIsNotVoided", capturedIsNotVoided},
		{"VoidClosesAReferenceNeverSeen", voidClosesUnseen},
		{"WhatWasNeverSeenIsAbsent", unseenIsAbsent},
		{"OneReferenceRefundsOnce", oneReferenceRefundsOnce},
		{"RefundsNeverExceedTheCapture", refundsAreBounded},
		{"ConcurrentRefundsNeverExceedTheCapture", concurrentRefundsAreBounded},
		{"UnknownIsResolvedByLookupAndResend", unknownIsResolved},
		{"WhatIsNotDeclaredIsRefused", undeclaredIsRefused},
		{"NothingIsCalledInsideATransaction", refusesTransactions},
	} {
		t.Run(rule.name, func(t *testing.T) { rule.check(t, subject(t)) })
	}
}

func oneReferenceChargesOnce(t *testing.T, s Subject) {
	request := s.request(s.Approved, true)
	first := s.authorize(t, request)
	if first.Status != processor.Succeeded || first.Captured != s.Amount || first.Authorized != s.Amount {
		t.Fatalf("got %+v", first)
	}
	if first.ProcessorReference == "" || first.Network.Last4 == "" || first.ProcessingFee.Currency != s.Amount.Currency || first.ProcessingFee.Minor < 0 {
		t.Fatalf("incomplete result %+v", first)
	}
	same(t, "second request", s.authorize(t, request), first)
	same(t, "lookup", s.lookup(t, request.Reference), first)
}

func concurrentRequestsChargeOnce(t *testing.T, s Subject) {
	request := s.request(s.Approved, true)
	results := make([]processor.Result, 20)
	errs := make([]error, len(results))
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i], errs[i] = s.Processor.Authorize(t.Context(), request) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i := range results {
		same(t, "concurrent request", results[i], results[0])
	}
	if results[0].Captured != s.Amount {
		t.Fatalf("captured %v", results[0].Captured)
	}
}

func referenceIsNotReused(t *testing.T, s Subject) {
	request := s.request(s.Approved, true)
	first := s.authorize(t, request)
	other := request
	other.Amount.Minor -= s.step()
	_, err := s.Processor.Authorize(t.Context(), other)
	refused(t, "other amount", err)
	same(t, "lookup", s.lookup(t, request.Reference), first)
}

func declineIsFinal(t *testing.T, s Subject) {
	request := s.request(s.Declined, true)
	first := s.authorize(t, request)
	if first.Status != processor.Failed || first.Failure == nil || first.Failure.Code == "" || first.Failure.Message == "" {
		t.Fatalf("got %+v", first)
	}
	if !first.Captured.IsZero() || !first.Authorized.IsZero() || !first.ProcessingFee.IsZero() {
		t.Fatalf("a declined payment moved money: %+v", first)
	}
	same(t, "second request", s.authorize(t, request), first)
	same(t, "lookup", s.lookup(t, request.Reference), first)
}

func capturedOnce(t *testing.T, s Subject) {
	request := s.authorized(t)
	part := processor.CaptureRequest{Reference: request.Reference, Amount: s.part(60)}
	first, err := s.Processor.Capture(t.Context(), part)
	if err != nil || first.Status != processor.Succeeded || first.Captured != part.Amount {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, err := s.Processor.Capture(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "second capture", second, first)
	_, err = s.Processor.Capture(t.Context(), processor.CaptureRequest{Reference: request.Reference, Amount: s.part(40)})
	refused(t, "capture of the rest", err)
	same(t, "lookup", s.lookup(t, request.Reference), first)
	same(t, "repeated authorization", s.authorize(t, request), first)
}

func captureIsBounded(t *testing.T, s Subject) {
	request := s.authorized(t)
	more := s.Amount
	more.Minor += s.step()
	_, err := s.Processor.Capture(t.Context(), processor.CaptureRequest{Reference: request.Reference, Amount: more})
	refused(t, "capture of too much", err)
	if got := s.lookup(t, request.Reference); !got.Captured.IsZero() {
		t.Fatalf("captured %v", got.Captured)
	}
}

func voidIsFinal(t *testing.T, s Subject) {
	request := s.authorized(t)
	for range 2 {
		if got := s.void(t, request.Reference); got.Status != processor.Voided || !got.Captured.IsZero() {
			t.Fatalf("got %+v", got)
		}
	}
	_, err := s.Processor.Capture(t.Context(), processor.CaptureRequest{Reference: request.Reference, Amount: s.Amount})
	refused(t, "capture after void", err)
	if got := s.lookup(t, request.Reference); got.Status != processor.Voided {
		t.Fatalf("lookup says %s", got.Status)
	}
	if got := s.authorize(t, request); got.Status != processor.Voided {
		t.Fatalf("a repeated authorization says %s", got.Status)
	}
}

func capturedIsNotVoided(t *testing.T, s Subject) {
	request := s.request(s.Approved, true)
	first := s.authorize(t, request)
	_, err := s.Processor.Void(t.Context(), request.Reference)
	refused(t, "void of a captured payment", err)
	same(t, "lookup", s.lookup(t, request.Reference), first)
}

func voidClosesUnseen(t *testing.T, s Subject) {
	if !s.Processor.Capabilities().ClosesUnseen {
		return
	}
	request := s.request(s.Approved, true)
	if got := s.void(t, request.Reference); got.Status != processor.Voided {
		t.Fatalf("void says %s", got.Status)
	}
	if got := s.authorize(t, request); got.Status != processor.Voided {
		t.Fatalf("a late request says %s", got.Status)
	}
}

func unseenIsAbsent(t *testing.T, s Subject) {
	if got := s.lookup(t, id.New("ch")); got.Status != processor.Absent {
		t.Fatalf("payment is %s", got.Status)
	}
	refund, err := s.Processor.LookupRefund(t.Context(), id.New("re"))
	if err != nil || refund.Status != processor.RefundAbsent {
		t.Fatalf("refund is %+v, %v", refund, err)
	}
	got, err := s.Processor.Capture(t.Context(), processor.CaptureRequest{Reference: id.New("ch"), Amount: s.Amount})
	if err != nil || got.Status != processor.Absent {
		t.Fatalf("capture says %+v, %v", got, err)
	}
}

func oneReferenceRefundsOnce(t *testing.T, s Subject) {
	payment := s.charged(t)
	request := processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: s.part(30)}
	for range 2 {
		got, err := s.Processor.Refund(t.Context(), request)
		if err != nil || got.Status != processor.RefundSucceeded || got.Amount != request.Amount || got.ProcessorReference == "" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	got, err := s.Processor.LookupRefund(t.Context(), request.Reference)
	if err != nil || got.Status != processor.RefundSucceeded || got.Amount != request.Amount {
		t.Fatalf("lookup says %+v, %v", got, err)
	}
	other := request
	other.Amount = s.part(31)
	_, err = s.Processor.Refund(t.Context(), other)
	refused(t, "another amount under the same reference", err)
	// The repetitions took nothing: exactly the rest is left.
	s.refund(t, payment, s.part(70))
}

func refundsAreBounded(t *testing.T, s Subject) {
	payment := s.charged(t)
	s.refund(t, payment, s.part(99))
	_, err := s.Processor.Refund(t.Context(), processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: s.part(2)})
	refused(t, "refund of too much", err)
	s.refund(t, payment, s.part(1))

	reserved := s.authorized(t)
	_, err = s.Processor.Refund(t.Context(), processor.RefundRequest{Reference: id.New("re"), Payment: reserved.Reference, Amount: s.part(1)})
	refused(t, "refund of money that was not captured", err)
}

func concurrentRefundsAreBounded(t *testing.T, s Subject) {
	payment := s.charged(t)
	errs := make([]error, 10)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			request := processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: s.part(25)}
			_, errs[i] = s.Processor.Refund(t.Context(), request)
		})
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		refused(t, "refund of too much", err)
	}
	if made != 4 {
		t.Fatalf("%d refunds of a quarter each", made)
	}
}

// Whatever was lost on the way, a lookup and a second request end in one
// certain outcome, and at most one charge.
func unknownIsResolved(t *testing.T, s Subject) {
	for _, method := range s.Unanswered {
		request := s.request(method, true)
		if got := s.authorize(t, request); got.Status != processor.Unknown {
			t.Fatalf("%s: the first request says %s", method, got.Status)
		}
		if got := s.lookup(t, request.Reference); got.Status == processor.Absent {
			s.authorize(t, request)
		}
		s.Settle(t)
		settled := s.lookup(t, request.Reference)
		switch settled.Status {
		case processor.Succeeded:
			if settled.Captured != s.Amount {
				t.Fatalf("%s: captured %v", method, settled.Captured)
			}
		case processor.Failed:
			if !settled.Captured.IsZero() {
				t.Fatalf("%s: failed with %v captured", method, settled.Captured)
			}
		default:
			t.Fatalf("%s: still %s", method, settled.Status)
		}
		same(t, method+": a further request", s.authorize(t, request), settled)
	}
}

func undeclaredIsRefused(t *testing.T, s Subject) {
	able := s.Processor.Capabilities()
	for name, amount := range map[string]money.Amount{
		"nothing":          money.Zero(s.Amount.Currency),
		"a negative sum":   s.Amount.Neg(),
		"less than enough": money.New(able.Minimum(s.Amount.Currency).Minor-1, s.Amount.Currency),
		"too much":         money.New(able.Maximum(s.Amount.Currency).Minor+1, s.Amount.Currency),
		"unknown currency": money.New(s.Amount.Minor, "zzz"),
	} {
		request := s.request(s.Approved, true)
		request.Amount = amount
		_, err := s.Processor.Authorize(t.Context(), request)
		refused(t, name, err)
		if got := s.lookup(t, request.Reference); got.Status != processor.Absent {
			t.Errorf("%s: the processor was asked: %s", name, got.Status)
		}
	}
}

func refusesTransactions(t *testing.T, s Subject) {
	s.Inside(t, func(ctx context.Context) {
		p := s.Processor
		_, authorize := p.Authorize(ctx, s.request(s.Approved, true))
		_, capture := p.Capture(ctx, processor.CaptureRequest{Reference: id.New("ch"), Amount: s.Amount})
		_, void := p.Void(ctx, id.New("ch"))
		_, refund := p.Refund(ctx, processor.RefundRequest{Reference: id.New("re"), Payment: id.New("ch"), Amount: s.Amount})
		_, lookup := p.Lookup(ctx, id.New("ch"))
		_, lookupRefund := p.LookupRefund(ctx, id.New("re"))
		for call, err := range map[string]error{
			"Authorize": authorize, "Capture": capture, "Void": void, "Refund": refund, "Lookup": lookup, "LookupRefund": lookupRefund,
		} {
			if !errors.Is(err, processor.ErrInsideTransaction) {
				t.Errorf("%s: %v", call, err)
			}
		}
	})
}

func (s Subject) request(method string, capture bool) processor.AuthorizeRequest {
	return processor.AuthorizeRequest{Reference: id.New("ch"), Amount: s.Amount, Method: method, Capture: capture}
}

func (s Subject) authorize(t *testing.T, request processor.AuthorizeRequest) processor.Result {
	t.Helper()
	result, err := s.Processor.Authorize(t.Context(), request)
	if err != nil {
		t.Fatalf("authorize: %v", err)
	}
	return result
}

func (s Subject) lookup(t *testing.T, reference string) processor.Result {
	t.Helper()
	result, err := s.Processor.Lookup(t.Context(), reference)
	if err != nil {
		t.Fatalf("lookup: %v", err)
	}
	return result
}

func (s Subject) void(t *testing.T, reference string) processor.Result {
	t.Helper()
	result, err := s.Processor.Void(t.Context(), reference)
	if err != nil {
		t.Fatalf("void: %v", err)
	}
	return result
}

func (s Subject) refund(t *testing.T, payment string, amount money.Amount) {
	t.Helper()
	result, err := s.Processor.Refund(t.Context(), processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: amount})
	if err != nil || result.Status != processor.RefundSucceeded {
		t.Fatalf("refund %v: %+v, %v", amount, result, err)
	}
}

// charged is a payment that was captured as a whole.
func (s Subject) charged(t *testing.T) string {
	t.Helper()
	request := s.request(s.Approved, true)
	if got := s.authorize(t, request); got.Status != processor.Succeeded {
		t.Fatalf("got %+v", got)
	}
	return request.Reference
}

// authorized is a payment whose money is reserved only.
func (s Subject) authorized(t *testing.T) processor.AuthorizeRequest {
	t.Helper()
	request := s.request(s.Approved, false)
	got := s.authorize(t, request)
	if got.Status != processor.Succeeded || got.Authorized != s.Amount || !got.Captured.IsZero() || !got.ProcessingFee.IsZero() {
		t.Fatalf("got %+v", got)
	}
	return request
}

// part is so many hundredths of the amount.
func (s Subject) part(hundredths int64) money.Amount {
	return money.New(s.Amount.Minor/100*hundredths, s.Amount.Currency)
}

func (s Subject) step() int64 { return s.Processor.Capabilities().Step(s.Amount.Currency) }

func same(t *testing.T, what string, got, want processor.Result) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s differs (-first +now):\n%s", what, diff)
	}
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("%s: want a fault of kind Invalid, got %v", what, err)
	}
}

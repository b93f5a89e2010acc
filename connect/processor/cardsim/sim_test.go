package cardsim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/connect/processor/processortest"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

type bench struct {
	*Sim
	pool  *bun.DB
	clock *clock.Fixed
}

func newBench(t testing.TB) bench {
	t.Helper()
	pool := dbtest.New(t)
	world := clock.NewFixed(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	sim := New(pool, world, Config{ActionURL: "https://sandbox.example/authenticate/"})
	t.Cleanup(sim.Close)
	return bench{sim, pool, world}
}

func (b bench) charge(t *testing.T, method string, change ...func(*processor.AuthorizeRequest)) (string, processor.Result) {
	t.Helper()
	request := processor.AuthorizeRequest{Reference: id.New("ch"), Amount: money.New(60000, "hkd"), Method: method, Capture: true}
	for _, c := range change {
		c(&request)
	}
	result, err := b.Authorize(t.Context(), request)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return request.Reference, result
}

func offSession(r *processor.AuthorizeRequest) { r.OffSession = true }
func setUp(r *processor.AuthorizeRequest)      { r.OffSession, r.SetUp = true, true }

func TestConformance(t *testing.T) {
	processortest.Run(t, func(t *testing.T) processortest.Subject {
		b := newBench(t)
		return processortest.Subject{
			Processor: b, Amount: money.New(60000, "hkd"), Approved: "pm_card_visa", Declined: "tok_visa_chargeDeclined",
			Unanswered: []string{
				"pm_card_timeoutBeforeCommit", "pm_card_timeoutAfterCommit", "pm_card_serverError",
				"pm_card_unknownThenSucceeds", "pm_card_unknownThenFails",
			},
			Settle: func(*testing.T) { b.clock.Advance(time.Hour) },
			Inside: func(t *testing.T, fn func(ctx context.Context)) {
				err := db.InTx(t.Context(), b.pool, func(ctx context.Context, _ bun.Tx) error { fn(ctx); return nil })
				if err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func TestDeclinedCardsSayWhy(t *testing.T) {
	b := newBench(t)
	for handle, want := range map[string][2]string{
		"pm_card_visa_chargeDeclined":                      {"card_declined", "generic_decline"},
		"tok_chargeDeclined":                               {"card_declined", "generic_decline"},
		"pm_card_visa_chargeDeclinedInsufficientFunds":     {"card_declined", "insufficient_funds"},
		"pm_card_visa_chargeDeclinedLostCard":              {"card_declined", "lost_card"},
		"pm_card_visa_chargeDeclinedStolenCard":            {"card_declined", "stolen_card"},
		"pm_card_visa_chargeDeclinedVelocityLimitExceeded": {"card_declined", "card_velocity_exceeded"},
		"pm_card_chargeDeclinedExpiredCard":                {"expired_card", "expired_card"},
		"pm_card_chargeDeclinedIncorrectCvc":               {"incorrect_cvc", "incorrect_cvc"},
		"pm_card_chargeDeclinedProcessingError":            {"processing_error", "processing_error"},
		"pm_card_chargeCustomerFail":                       {"card_declined", "generic_decline"},
		"pm_card_radarBlock":                               {"card_declined", "fraudulent"},
	} {
		_, got := b.charge(t, handle)
		if got.Status != processor.Failed || got.Failure.Code != want[0] || got.Failure.Decline != want[1] {
			t.Errorf("%s: %s %+v", handle, got.Status, got.Failure)
		}
	}
}

func TestTheProcessorKeepsItsFee(t *testing.T) {
	b := newBench(t)
	if _, got := b.charge(t, "pm_card_visa"); got.ProcessingFee != money.New(2275, "hkd") { // 3.4 % of 600.00 is 20.40, and 2.35
		t.Fatalf("fee %v", got.ProcessingFee)
	}
}

func TestSpecialCardsShowWhatComes(t *testing.T) {
	b := newBench(t)
	if _, got := b.charge(t, "tok_bypassPending"); !got.AvailableAtOnce {
		t.Error("bypassPending is not available at once")
	}
	if _, got := b.charge(t, "pm_card_createDisputeInquiry"); got.Dispute == nil || !got.Dispute.Inquiry || got.Status != processor.Succeeded {
		t.Errorf("inquiry: %+v", got)
	}
	if _, got := b.charge(t, "pm_card_createDispute"); got.Dispute == nil || got.Dispute.Reason != "fraudulent" || got.Dispute.Count != 1 {
		t.Errorf("dispute: %+v", got)
	}
	if _, got := b.charge(t, "pm_card_visa"); got.AvailableAtOnce || got.Dispute != nil {
		t.Errorf("an ordinary card: %+v", got)
	}
}

// What the issuer wants of the payer, by card and kind of payment.
func TestAuthenticationIsAskedByTheRulesOfTheCard(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		method string
		change func(*processor.AuthorizeRequest)
		want   processor.Status
	}{
		{"pm_card_authenticationRequired", nil, processor.RequiresAction},
		{"pm_card_authenticationRequired", offSession, processor.Failed},
		{"pm_card_authenticationRequired", setUp, processor.Failed},
		{"pm_card_authenticationRequiredOnSetup", nil, processor.RequiresAction},
		{"pm_card_authenticationRequiredOnSetup", offSession, processor.Failed},
		{"pm_card_authenticationRequiredOnSetup", setUp, processor.Succeeded},
		{"pm_card_authenticationRequiredSetupForOffSession", nil, processor.RequiresAction},
		{"pm_card_authenticationRequiredSetupForOffSession", offSession, processor.Succeeded},
		{"pm_card_threeDSecureOptional", nil, processor.Succeeded},
		{"pm_card_amex_threeDSecureNotSupported", nil, processor.Succeeded},
	} {
		change := c.change
		if change == nil {
			change = func(*processor.AuthorizeRequest) {}
		}
		_, got := b.charge(t, c.method, change)
		if got.Status != c.want {
			t.Errorf("%s: %s, want %s", c.method, got.Status, c.want)
		}
		if got.Status == processor.Failed && got.Failure.Code != "authentication_required" {
			t.Errorf("%s: %+v", c.method, got.Failure)
		}
	}
}

func TestAPaymentGoesOnWhenItsPayerHasAuthenticated(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		method        string
		authenticated bool
		want          processor.Status
	}{
		{"pm_card_threeDSecure2Required", true, processor.Succeeded},
		{"pm_card_threeDSecure2Required", false, processor.Failed},
		{"pm_card_threeDSecureRequiredChargeDeclined", true, processor.Failed},
		{"pm_card_threeDSecureRequiredProcessingError", true, processor.Failed},
	} {
		reference, got := b.charge(t, c.method)
		if got.Action == nil || got.Action.URL != "https://sandbox.example/authenticate/"+reference {
			t.Fatalf("%s: action %+v", c.method, got.Action)
		}
		done, err := b.CompleteAction(t.Context(), reference, c.authenticated)
		if err != nil || done.Status != c.want {
			t.Errorf("%s, authenticated %v: %+v, %v", c.method, c.authenticated, done, err)
		}
		again, err := b.CompleteAction(t.Context(), reference, !c.authenticated)
		if err != nil || again.Status != c.want {
			t.Errorf("%s: a second answer changes %s to %s (%v)", c.method, c.want, again.Status, err)
		}
		if c.want == processor.Succeeded && (done.Captured != money.New(60000, "hkd") || done.Network.ThreeDSecure != "authenticated") {
			t.Errorf("%s: %+v", c.method, done)
		}
	}
}

func TestProcessingIsDecidedByTheClock(t *testing.T) {
	b := newBench(t)
	for method, want := range map[string]processor.Status{"pm_card_processing": processor.Succeeded, "pm_card_processingThenFails": processor.Failed} {
		reference, got := b.charge(t, method)
		if got.Status != processor.Processing {
			t.Fatalf("%s: %s", method, got.Status)
		}
		b.clock.Advance(time.Minute - time.Microsecond)
		if early, err := b.Lookup(t.Context(), reference); err != nil || early.Status != processor.Processing {
			t.Fatalf("%s: too early %s, %v", method, early.Status, err)
		}
		b.clock.Advance(time.Microsecond)
		if due, err := b.Lookup(t.Context(), reference); err != nil || due.Status != want {
			t.Fatalf("%s: %s, %v", method, due.Status, err)
		}
	}
}

func TestACaptureWithoutAnAnswerIsFoundByLookup(t *testing.T) {
	b := newBench(t)
	reference, _ := b.charge(t, "pm_card_captureTimeoutAfterCommit", func(r *processor.AuthorizeRequest) { r.Capture = false })
	capture := processor.CaptureRequest{Reference: reference, Amount: money.New(60000, "hkd")}
	if got, err := b.Capture(t.Context(), capture); err != nil || got.Status != processor.Unknown {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := b.Lookup(t.Context(), reference); err != nil || got.Captured != capture.Amount {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := b.Capture(t.Context(), capture); err != nil || got.Captured != capture.Amount {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestRefundsOfSpecialCards(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		method       string
		first, later processor.RefundStatus
	}{
		{"pm_card_pendingRefund", processor.RefundPending, processor.RefundSucceeded},
		{"pm_card_refundFail", processor.RefundSucceeded, processor.RefundFailed},
		{"pm_card_refundTimeoutAfterCommit", processor.RefundUnknown, processor.RefundSucceeded},
	} {
		payment, _ := b.charge(t, c.method)
		request := processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: money.New(60000, "hkd")}
		if got, err := b.Refund(t.Context(), request); err != nil || got.Status != c.first {
			t.Fatalf("%s: %+v, %v", c.method, got, err)
		}
		b.clock.Advance(time.Hour)
		got, err := b.LookupRefund(t.Context(), request.Reference)
		if err != nil || got.Status != c.later || (got.FailureReason != "") != (c.later == processor.RefundFailed) {
			t.Fatalf("%s: later %+v, %v", c.method, got, err)
		}
		if again, err := b.Refund(t.Context(), request); err != nil || again != got {
			t.Fatalf("%s: a second request says %+v, %v", c.method, again, err)
		}
	}
}

func TestMoneyOfAFailedRefundCanBeRefundedAgain(t *testing.T) {
	b := newBench(t)
	payment, _ := b.charge(t, "pm_card_refundFail")
	whole := money.New(60000, "hkd")
	for range 3 {
		if _, err := b.Refund(t.Context(), processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: whole}); err != nil {
			t.Fatal(err)
		}
		_, err := b.Refund(t.Context(), processor.RefundRequest{Reference: id.New("re"), Payment: payment, Amount: whole})
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("refunded twice: %v", err)
		}
		b.clock.Advance(time.Hour)
	}
}

func TestThreeDecimalCurrenciesGoInStepsOfTen(t *testing.T) {
	b := newBench(t)
	request := processor.AuthorizeRequest{Reference: id.New("ch"), Amount: money.New(5005, "kwd"), Method: "visa", Capture: true}
	if _, err := b.Authorize(t.Context(), request); fault.As(err) == nil || fault.As(err).Code != "invalid_charge_amount" {
		t.Fatalf("got %v", err)
	}
}

func TestUnknownMethodsAreRefused(t *testing.T) {
	b := newBench(t)
	for _, method := range []string{"", "pm_card_none", "4242424242424242"} {
		_, err := b.Authorize(t.Context(), processor.AuthorizeRequest{Reference: id.New("ch"), Amount: money.New(60000, "hkd"), Method: method})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", method, err)
		}
	}
}

// Many payers at once, every request sent three times: the books hold each
// payment once.
func TestAStormOfRepeatedRequestsChargesEachPaymentOnce(t *testing.T) {
	b := newBench(t)
	const payments, repeats = 100, 3
	var all sync.WaitGroup
	for n := range payments * repeats {
		all.Go(func() {
			request := processor.AuthorizeRequest{Reference: fmt.Sprint("ch_", n%payments), Amount: money.New(1000, "hkd"), Method: "visa", Capture: true}
			if got, err := b.Authorize(t.Context(), request); err != nil || got.Captured != request.Amount {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	all.Wait()
	var count, captured int64
	if err := b.pool.NewRaw("SELECT count(*), sum(captured) FROM cardsim.payments").Scan(t.Context(), &count, &captured); err != nil {
		t.Fatal(err)
	}
	if count != payments || captured != payments*1000 {
		t.Fatalf("%d payments, %d captured", count, captured)
	}
}

func TestTheBooksHoldNoCardNumber(t *testing.T) {
	b := newBench(t)
	b.charge(t, "pm_card_visa")
	var text string
	if err := b.pool.NewRaw("SELECT p::text FROM cardsim.payments AS p").Scan(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	for number := range byNumber {
		if strings.Contains(text, number) {
			t.Fatalf("the row holds a number ending in %s", number[len(number)-4:])
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	sim := newBench(b)
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			request := processor.AuthorizeRequest{Reference: id.New("ch"), Amount: money.New(60000, "hkd"), Method: "visa", Capture: true}
			if _, err := sim.Authorize(b.Context(), request); err != nil {
				b.Error(err)
			}
		}
	})
}

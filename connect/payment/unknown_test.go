package payment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What we do not know is pending, never failed; the processor's word ends it.
func TestAnUnknownOutcomeIsPendingUntilTheProcessorDecides(t *testing.T) {
	for _, c := range []struct {
		card         string
		then, waited string // the intent after a sweep at once, and after one when the processor has decided
	}{
		{"timeoutBeforeCommit", "requires_payment_method", "requires_payment_method"},
		{"serverError", "requires_payment_method", "requires_payment_method"},
		{"timeoutAfterCommit", "succeeded", "succeeded"},
		{"unknownThenSucceeds", "processing", "succeeded"},
		{"unknownThenFails", "processing", "requires_payment_method"},
		{"processing", "processing", "succeeded"},
		{"processingThenFails", "processing", "requires_payment_method"},
	} {
		t.Run(c.card, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			pay := []string{"amount=60000", "currency=hkd", "payment_method=pm_card_" + c.card, "confirm=true",
				"transfer_data[destination]=" + may, "application_fee_amount=9000", "Idempotency-Key: k"}
			r := w.want(200, "/v1/payment_intents", pay...)
			if r.field("status") != "processing" {
				t.Errorf("it says %s", r.field("status"))
			}
			bare := w.want(200, "/v1/charges", "amount=1000", "currency=hkd", "source=tok_"+c.card)
			if bare.field("status") != "pending" || bare.field("paid") != "false" {
				t.Errorf("the charge says %s", bare)
			}
			status := func() string {
				return w.value("SELECT status FROM connect.payment_intents WHERE id = ?", r.field("id"))
			}
			if n := w.value("SELECT count(*) FROM ledger.entries"); n != "0" {
				t.Errorf("%s entries before the processor has decided", n)
			}
			w.sweep()
			if got := status(); got != c.then {
				t.Errorf("after a sweep: %s, want %s", got, c.then)
			}
			w.now.Advance(2 * time.Minute)
			w.sweep()
			if got := status(); got != c.waited {
				t.Errorf("in the end: %s, want %s", got, c.waited)
			}
			if again := w.want(200, "/v1/payment_intents", pay...); string(again.body) != string(r.body) {
				t.Errorf("the key's answer changed: %s", again)
			}
			if n := w.life.witness.count("authorize"); n != 2 {
				t.Errorf("%d payments were asked for, not 2", n)
			}
			w.settled()
			if c.waited == "succeeded" {
				w.money(`
					hub processor_clearing -61000
					hub processor_fees       2544
					hub pending              7456
					may pending             51000`)
			} else {
				w.money("")
			}
		})
	}
}

// An intent under way can be neither confirmed, cancelled nor changed.
func TestAnIntentUnderWayIsLeftAlone(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_unknownThenSucceeds", "confirm=true").field("id")
	for _, r := range []reply{
		w.call("/v1/payment_intents/" + id + "/confirm"), w.call("/v1/payment_intents/" + id + "/cancel"),
		w.call("/v1/payment_intents/"+id, "amount=1"), w.call("/v1/refunds", "payment_intent="+id),
	} {
		if r.status != 400 || r.field("error.code") != "payment_intent_unexpected_state" {
			t.Errorf("%s", r)
		}
	}
	w.now.Advance(2 * time.Minute)
	w.sweep()
	w.settled()
}

// Payments that the processor has not decided must not hide later ones from the sweeper.
func TestManyUndecidedPaymentsHideNoOther(t *testing.T) {
	w := open(t)
	together(505, func(i int) { w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_processing") })
	w.call("/v1/charges", "amount=7000", "currency=hkd", "source=tok_timeoutAfterCommit")
	w.sweep()
	if got := w.value("SELECT status FROM connect.charges WHERE amount = 7000"); got != "succeeded" {
		t.Errorf("the last one is %s", got)
	}
	w.now.Advance(2 * time.Minute)
	w.sweep()
	w.settled()
}

func TestAnUnknownCaptureIsFinishedOnce(t *testing.T) {
	w := open(t)
	pi := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_captureTimeoutAfterCommit", "confirm=true",
		"capture_method=manual", "transfer_data[destination]="+may, "application_fee_amount=9000").field("id")
	r := w.want(200, "/v1/payment_intents/"+pi+"/capture", "Idempotency-Key: k")
	if r.field("status") != "requires_capture" {
		t.Errorf("it says %s", r.field("status"))
	}
	for _, other := range []reply{w.call("/v1/payment_intents/"+pi+"/capture", "amount_to_capture=1"), w.call("/v1/payment_intents/" + pi + "/cancel")} {
		if other.status != 409 {
			t.Errorf("while it is open: %s", other)
		}
	}
	w.sweep()
	if got := w.value("SELECT status || ' ' || amount_received FROM connect.payment_intents"); got != "succeeded 60000" {
		t.Errorf("in the end: %s", got)
	}
	w.settled()
	w.money(`
		hub processor_clearing -60000
		hub processor_fees       2275
		hub pending              6725
		may pending             51000`)
}

func TestAnUnknownRefundStaysSetAsideUntilItIsKnown(t *testing.T) {
	w := open(t)
	ch := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_refundTimeoutAfterCommit",
		"transfer_data[destination]="+may, "transfer_data[amount]=8000").field("id")
	r := w.want(200, "/v1/refunds", "charge="+ch, "amount=6000", "reverse_transfer=true", "Idempotency-Key: k")
	if r.field("status") != "pending" {
		t.Errorf("it says %s", r.field("status"))
	}
	if over := w.call("/v1/refunds", "charge="+ch, "amount=4001"); over.status != 400 {
		t.Errorf("more than the charge: %s", over)
	}
	w.sweep()
	if got := w.value("SELECT status FROM connect.refunds"); got != "succeeded" {
		t.Errorf("in the end: %s", got)
	}
	w.settled()
	w.money(`
		hub processor_clearing -4000
		hub processor_fees       575
		hub pending              225
		may pending             3200`)
}

// The processor's "no" to a capture or a refund is an end, not an unknown outcome:
// nothing may wait for it for ever.
func TestARefusedCaptureOrRefundEnds(t *testing.T) {
	w := open(t)
	reserved := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_visa", "capture=false").field("id")
	_, err := w.life.sim.Void(t.Context(), reserved) // the reservation expires at the processor
	w.must(err)
	if r := w.call("/v1/charges/" + reserved + "/capture"); r.status != 400 || r.field("error.code") != "charge_expired_for_capture" {
		t.Errorf("capture: %s", r)
	}
	w.sweep()
	if got := w.value("SELECT count(*) FROM connect.captures WHERE status = 'pending'"); got != "0" {
		t.Errorf("%s captures are open", got)
	}
	if r := w.call("/v1/charges/" + reserved + "/capture"); r.status != 400 {
		t.Errorf("a second try: %s", r)
	}

	paid := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_visa").field("id")
	_, err = w.pool.Exec("UPDATE cardsim.payments SET refunded = 9000 WHERE reference = ?", paid) // somebody refunded at the processor's own desk
	w.must(err)
	r := w.want(200, "/v1/refunds", "charge="+paid, "amount=5000")
	if r.field("status") != "failed" {
		t.Errorf("refund: %s", r)
	}
	if got := w.value("SELECT amount_refunding FROM connect.charges WHERE id = ?", paid); got != "0" {
		t.Errorf("%s stay set aside", got)
	}
}

// A refund the bank takes its time for is pending, then succeeded; both are told.
func TestAPendingRefundSucceedsInTheEnd(t *testing.T) {
	w := open(t)
	ch := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_pendingRefund").field("id")
	r := w.want(200, "/v1/refunds", "charge="+ch, "amount=6000")
	if r.field("status") != "pending" {
		t.Errorf("it says %s", r.field("status"))
	}
	w.sweep()
	if got := w.value("SELECT status FROM connect.refunds"); got != "pending" {
		t.Errorf("too early: %s", got)
	}
	w.now.Advance(2 * time.Minute)
	w.sweep()
	if got := w.value("SELECT status FROM connect.refunds"); got != "succeeded" {
		t.Errorf("in the end: %s", got)
	}
	w.settled()
}

// A refund the bank sends back: the money returns to whose it was, once, and may be refunded again.
func TestMoneyOfAFailedRefundComesBackToTheAccount(t *testing.T) {
	w := open(t)
	ch := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_refundFail").field("id")
	before := w.value(owing)
	r := w.want(200, "/v1/refunds", "charge="+ch, "amount=6000")
	re := r.field("id")
	if r.field("status") != "succeeded" {
		t.Errorf("at first it is %s", r.field("status"))
	}
	w.sweep()
	if got := w.value("SELECT status FROM connect.refunds"); got != "succeeded" {
		t.Errorf("too early: %s", got)
	}
	w.now.Advance(2 * time.Minute)
	w.sweep()
	w.sweep()
	if got := w.value("SELECT status || ' ' || failure_reason FROM connect.refunds"); got != "failed expired_or_canceled_card" {
		t.Errorf("in the end: %s", got)
	}
	if got := w.value("SELECT amount FROM ledger.balance_transactions WHERE type = 'refund_failure' AND source = ? AND id = (SELECT failure_balance_transaction FROM connect.refunds)", re); got != "6000" {
		t.Errorf("the line of the failure: %s", got)
	}
	if got := w.value(owing); got != before {
		t.Errorf("the platform has %s, had %s", got, before)
	}
	if got := w.value("SELECT string_agg(type, ' ' ORDER BY seq) FROM platform.events WHERE object_id = ?", re); got != "refund.created refund.failed" {
		t.Errorf("told: %s", got)
	}
	w.settled()
	if r := w.want(200, "/v1/refunds", "charge="+ch, "amount=10000"); r.field("amount") != "10000" {
		t.Errorf("again: %s", r)
	}
	w.settled()
}

// owing is what all accounts have, pending or available.
const owing = "SELECT sum(credits - debits) FROM ledger.accounts WHERE kind IN ('pending', 'available')"

// latest is the last attempt on an intent, shown or not.
func latest(w *world, intent string) string {
	return w.value("SELECT latest_charge FROM connect.payment_intents WHERE id = ?", intent)
}

// The payer's way back: they authenticate, fail to, or never return.
func TestAuthenticationIsResumedOrAbandoned(t *testing.T) {
	start := func(w *world) (pi, ch string) {
		r := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_threeDSecureRequired", "confirm=true")
		if r.field("status") != "requires_action" || !strings.HasPrefix(r.field("next_action.redirect_to_url.url"), "https://bank.example/ch_") {
			w.Fatalf("%s", r)
		}
		if r.field("latest_charge") != "" {
			w.Errorf("an attempt that waits for its payer is shown: %s", r.field("latest_charge"))
		}
		return r.field("id"), latest(w, r.field("id"))
	}
	status := func(w *world, pi string) string {
		return w.value("SELECT status FROM connect.payment_intents WHERE id = ?", pi)
	}
	acts := func(w *world, ch string, authenticated bool) {
		_, err := w.life.sim.CompleteAction(w.Context(), ch, authenticated)
		w.must(err)
	}

	t.Run("authenticated, and many look at once", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		acts(w, ch, true)
		together(20, func(int) {
			if r := w.call("/v1/payment_intents/" + pi + "/confirm"); r.status != 200 && r.status != 400 {
				t.Errorf("%s", r)
			}
		})
		if got := status(w, pi); got != "succeeded" {
			t.Errorf("it is %s", got)
		}
		w.settled()
	})
	t.Run("failed", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		acts(w, ch, false)
		w.want(402, "/v1/payment_intents/"+pi+"/confirm")
		if got := status(w, pi); got != "requires_payment_method" {
			t.Errorf("it is %s", got)
		}
		w.settled()
	})
	t.Run("not yet: looking changes nothing", func(t *testing.T) {
		w := open(t)
		pi, _ := start(w)
		events := w.value("SELECT count(*) FROM platform.events")
		w.want(200, "/v1/payment_intents/"+pi+"/confirm")
		if got := w.value("SELECT count(*) FROM platform.events"); got != events || status(w, pi) != "requires_action" {
			t.Errorf("%s, %s events instead of %s", status(w, pi), got, events)
		}
		w.settled()
	})
	// The payer authenticates at the bank and closes the browser, or we die before we look.
	t.Run("authenticated, and never came back", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		acts(w, ch, true)
		w.sweep()
		if got := status(w, pi); got != "succeeded" {
			t.Errorf("the money is taken and the intent is %s", got)
		}
		w.settled()
	})
	t.Run("never came at all: closed after a day", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		w.sweep()
		if got := status(w, pi); got != "requires_action" {
			t.Errorf("too early: %s", got)
		}
		_, err := w.pool.Exec("UPDATE connect.charges SET begun_at = begun_at - interval '25 hours'")
		w.must(err)
		w.sweep()
		acts(w, ch, true)
		w.sweep()
		if got := status(w, pi); got != "requires_payment_method" {
			t.Errorf("it is %s", got)
		}
		w.settled()
	})
	// An attempt given up stays given up: a late visit to the bank's page moves nothing.
	t.Run("cancelled, then a late visit", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		w.want(200, "/v1/payment_intents/"+pi+"/cancel")
		acts(w, ch, true)
		_, _ = w.life.payments.ResolveAction(t.Context(), ch)
		if got := status(w, pi); got != "canceled" {
			t.Errorf("it is %s", got)
		}
		w.settled()
	})
	t.Run("another card, then a late visit", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		w.want(200, "/v1/payment_intents/"+pi+"/confirm", "payment_method=pm_card_visa")
		acts(w, ch, true)
		_, _ = w.life.payments.ResolveAction(t.Context(), ch)
		w.sweep()
		if got := status(w, pi); got != "succeeded" {
			t.Errorf("it is %s", got)
		}
		w.settled()
	})
	// Cancelling meets the payer's authentication: whoever is first at the processor wins.
	t.Run("cancelled too late", func(t *testing.T) {
		w := open(t)
		pi, ch := start(w)
		acts(w, ch, true)
		if r := w.call("/v1/payment_intents/" + pi + "/cancel"); r.status != 400 {
			t.Errorf("%s", r)
		}
		w.sweep()
		if got := status(w, pi); got != "succeeded" {
			t.Errorf("it is %s", got)
		}
		w.settled()
	})
	t.Run("cancelled while another card asks too", func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				w := open(t)
				pi, _ := start(w)
				together(2, func(i int) {
					if i == 0 {
						w.call("/v1/payment_intents/"+pi+"/confirm", "payment_method=pm_card_threeDSecureRequired")
					} else {
						w.call("/v1/payment_intents/" + pi + "/cancel")
					}
				})
				before := status(w, pi)
				acts(w, latest(w, pi), true)
				w.sweep()
				if after := status(w, pi); before == "canceled" && after != "canceled" {
					t.Errorf("it was canceled, then %s", after)
				}
				w.settled()
			})
		}
	})
	// Nobody asks about a payment that is only waiting to be called: not found there is no "no".
	t.Run("a look at a payment on its way", func(t *testing.T) {
		w := open(t)
		seen := make(chan string)
		looked := make(chan struct{})
		w.life.witness.hook(func(call, reference string) {
			if call == "authorize" {
				seen <- reference
				<-looked
			}
		})
		done := make(chan reply)
		go func() {
			done <- w.call("/v1/payment_intents", "amount=1000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true")
		}()
		_, _ = w.life.payments.ResolveAction(t.Context(), <-seen)
		close(looked)
		if r := <-done; r.field("status") != "succeeded" {
			t.Errorf("%s", r)
		}
		w.settled()
	})
}

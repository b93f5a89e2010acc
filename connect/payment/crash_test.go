package payment_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/payment/paymenttest"
)

// dieAt makes the process die the first time it reaches a step: the request that
// was there gets no answer, and what it had not done by then never happens.
func (w *world) dieAt(step string) {
	w.life.at(func(name string) {
		if name == step {
			panic("the process dies at " + name)
		}
	})
}

// operation is one request with a key, and what it needs to stand on.
type operation struct {
	name    string
	steps   []string
	prepare func(w *world) (path string, parts []string)
	// want is the status of the final answer when the process died before the processor
	// was asked, and after. An operation that is asked again meets both with 200.
	early, late int
}

var operations = []operation{
	{"charge", []string{"begun", "authorized", "settled"}, func(w *world) (string, []string) {
		return "/v1/charges", []string{"amount=60000", "currency=hkd", "source=tok_visa", "splits[0][destination]=" + may, "splits[0][percent]=80"}
	}, 402, 200},
	{"declined charge", []string{"begun", "authorized", "settled"}, func(w *world) (string, []string) {
		return "/v1/charges", []string{"amount=60000", "currency=hkd", "source=tok_chargeDeclinedLostCard"}
	}, 402, 402},
	{"intent", []string{"begun", "authorized", "settled"}, func(w *world) (string, []string) {
		return "/v1/payment_intents", []string{"amount=60000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true",
			"transfer_data[destination]=" + may, "application_fee_amount=9000"}
	}, 402, 200},
	{"confirmation", []string{"begun", "authorized", "settled"}, func(w *world) (string, []string) {
		id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_visa").field("id")
		return "/v1/payment_intents/" + id + "/confirm", nil
	}, 402, 200},
	{"authorization", []string{"begun", "authorized", "settled"}, func(w *world) (string, []string) {
		return "/v1/payment_intents", []string{"amount=60000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true", "capture_method=manual"}
	}, 402, 200},
	{"3DS", []string{"begun", "authorized", "settled"}, func(w *world) (string, []string) {
		return "/v1/payment_intents", []string{"amount=60000", "currency=hkd", "payment_method=pm_card_threeDSecureRequired", "confirm=true"}
	}, 402, 200},
	{"capture", []string{"capture_begun", "capture_authorized", "capture_settled"}, func(w *world) (string, []string) {
		id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true",
			"capture_method=manual", "transfer_data[destination]="+may, "application_fee_amount=9000").field("id")
		return "/v1/payment_intents/" + id + "/capture", []string{"amount_to_capture=50000"}
	}, 200, 200},
	{"cancellation", []string{"void_begun", "void_authorized", "void_settled"}, func(w *world) (string, []string) {
		id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true", "capture_method=manual").field("id")
		return "/v1/payment_intents/" + id + "/cancel", []string{"cancellation_reason=duplicate"}
	}, 200, 200},
	{"refund", []string{"refund_begun", "refund_authorized", "refund_settled"}, func(w *world) (string, []string) {
		id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true",
			"transfer_data[destination]="+may, "application_fee_amount=9000").field("id")
		return "/v1/refunds", []string{"payment_intent=" + id, "amount=20000", "reverse_transfer=true", "refund_application_fee=true"}
	}, 200, 200},
}

// Whatever step the process dies at, the next one finds out what happened, finishes
// it once and answers the client's retry with the end.
func TestADeathAtAnyStepLosesAndDoublesNothing(t *testing.T) {
	for _, op := range operations {
		for i, step := range op.steps {
			t.Run(op.name+" at "+step, func(t *testing.T) {
				t.Parallel()
				w := open(t)
				path, parts := op.prepare(w)
				parts = append(parts, "Idempotency-Key: k")
				const ofNobody = "SELECT count(*) FROM platform.events WHERE request_id = ''"
				before := w.value(ofNobody)
				w.dieAt(step)
				if r := w.call(path, parts...); r.status != 500 {
					t.Fatalf("it did not die: %s", r)
				}
				w.restart()
				paymenttest.Sound(t, w.pool)
				want := op.late
				if i == 0 {
					want = op.early
				}
				if i < 2 {
					if r := w.call(path, parts...); r.status != 409 {
						t.Errorf("before the sweep: %s", r)
					}
				}
				w.sweep()
				first := w.want(want, path, parts...)
				w.sweep()
				if again := w.want(want, path, parts...); string(again.body) != string(first.body) || !again.replayed {
					t.Errorf("two answers: %s\n%s", first, again)
				}
				w.settled()
				if now := w.value(ofNobody); now != before {
					t.Errorf("events of no request: %s, were %s: the sweeper did not say whose work it finished", now, before)
				}
			})
		}
	}
}

// A request whose answer is slow and the sweeper meet: one of them settles, both say the same.
func TestTheSweeperAndAnAliveRequestSettleOnce(t *testing.T) {
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			path, parts := op.prepare(w)
			met := make(chan struct{})
			meet := sync.OnceFunc(func() { close(met) })
			defer meet() // a test that ends early does not leave its request waiting
			w.life.at(func(name string) {
				if name == op.steps[1] {
					<-met
				}
			})
			asked := make(chan string, 8)
			w.life.witness.hook(func(call, _ string) { asked <- call })
			answered := make(chan reply)
			go func() { answered <- w.call(path, append(parts, "Idempotency-Key: k")...) }()
			<-asked
			w.life.witness.hook(nil)
			for w.value("SELECT count(*) FROM platform.idempotency_keys WHERE status IS NULL") != "0" {
				w.sweep() // until it finds that the processor has been asked
			}
			meet()
			r := <-answered
			if again := w.call(path, append(parts, "Idempotency-Key: k")...); again.status != r.status || again.field("id") != r.field("id") || again.field("status") != r.field("status") {
				t.Errorf("%s\n%s", r, again)
			}
			w.settled()
		})
	}
}

// Deaths under load: clients that retry their key until it is answered each have
// exactly one payment.
func TestClientsThatRetryThroughDeathsPayOnce(t *testing.T) {
	w := open(t)
	for round, step := range []string{"begun", "authorized", "settled"} {
		w.life.at(func(name string) {
			if name == step {
				panic("the process dies at " + name)
			}
		})
		pay := func(i int) reply {
			return w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa", fmt.Sprintf("Idempotency-Key: %d-%d", round, i))
		}
		together(60, func(i int) { pay(i) })
		w.restart()
		w.sweep()
		together(60, func(i int) {
			if r := pay(i); r.status != 200 && (step != "begun" || r.status != 402) {
				t.Errorf("%s: %s", step, r)
			}
		})
		if n := w.life.witness.count("authorize"); n != 0 {
			t.Errorf("%d payments were asked for again", n)
		}
	}
	if n := w.value("SELECT count(*) FROM connect.charges"); n != "180" {
		t.Errorf("%s charges of 180 keys", n)
	}
	w.settled()
}

// What the processor has never seen is closed before it is called failed: a
// request that is still on its way there finds the door shut.
func TestWhatTheProcessorHasNotSeenIsClosedBeforeItFails(t *testing.T) {
	w := open(t)
	w.dieAt("begun")
	w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa")
	w.restart()
	w.sweep()
	ch := w.value("SELECT id FROM connect.charges")
	if got := w.value("SELECT status FROM cardsim.payments WHERE reference = ?", ch); got != "voided" {
		t.Errorf("the reference is %q at the processor", got)
	}
	if got := w.value("SELECT status || ' ' || failure_code FROM connect.charges"); got != "failed processing_error" {
		t.Errorf("the charge is %q", got)
	}
	w.settled()
}

// A running system leaves young operations to their own requests.
func TestTheSweeperLeavesYoungOperationsAlone(t *testing.T) {
	w := open(t)
	w.dieAt("begun")
	w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa")
	w.restart()
	w.must(w.life.sweeper.SweepOld(t.Context()))
	if got := w.value("SELECT status FROM connect.charges"); got != "pending" {
		t.Errorf("the charge is %s", got)
	}
	_, err := w.pool.Exec("UPDATE connect.charges SET begun_at = begun_at - ?::interval", time.Minute.String())
	w.must(err)
	w.must(w.life.sweeper.SweepOld(t.Context()))
	if got := w.value("SELECT status FROM connect.charges"); got != "failed" {
		t.Errorf("the charge is %s", got)
	}
	w.settled()
}

package payment_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
)

// mature lets everything earned so far become available.
func (w *world) mature() {
	w.Helper()
	w.now.Advance(72 * time.Hour)
	in(w, func(ctx context.Context, tx bun.Tx) error {
		_, err := balance.Mature(ctx, tx, ledger.NewBook(), false, w.now.Now(), 100)
		return err
	})
}

func TestConcurrentConfirmationsAreOneCharge(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_visa").field("id")
	var paid atomic.Int64
	together(50, func(i int) {
		r := w.call("/v1/payment_intents/"+id+"/confirm", fmt.Sprintf("Idempotency-Key: %d", i))
		switch {
		case r.status == 200:
			paid.Add(1)
		case r.field("error.code") != "lock_timeout" && r.field("error.code") != "payment_intent_unexpected_state":
			t.Errorf("%s", r)
		}
	})
	if n := w.life.witness.count("authorize"); paid.Load() != 1 || n != 1 {
		t.Errorf("confirmed %d times, the processor was called %d times", paid.Load(), n)
	}
	w.settled()
	w.money(`
		hub processor_clearing -60000
		hub processor_fees       2275
		hub pending             57725`)
}

// Confirm, cancel and update meet: whoever comes second sees what the first did.
func TestConfirmCancelAndUpdateOfOneIntentAgreeOnAnEnd(t *testing.T) {
	w := open(t)
	together(20, func(i int) {
		id := w.call("/v1/payment_intents", "amount=1000", "currency=hkd", "payment_method=pm_card_visa").field("id")
		replies := make([]reply, 3)
		together(3, func(k int) {
			path := "/v1/payment_intents/" + id
			replies[k] = [3]func() reply{
				func() reply { return w.call(path + "/confirm") },
				func() reply { return w.call(path + "/cancel") },
				func() reply { return w.call(path, "amount=2000") },
			}[k]()
		})
		for _, r := range replies {
			if r.status != 200 && r.status != 400 && r.status != 409 {
				t.Errorf("%s", r)
			}
		}
		if replies[0].status == 200 && replies[1].status == 200 {
			t.Errorf("%s is both paid and canceled", id)
		}
		received, amount := replies[0].field("amount_received"), w.value("SELECT amount FROM connect.payment_intents WHERE id = ?", id)
		if replies[0].status == 200 && received != amount {
			t.Errorf("%s asks for %s and took %s", id, amount, received)
		}
	})
	w.settled()
}

// Two updates at once: neither undoes the other; the second is told to try again.
func TestUpdatesOfAnIntentDoNotUndoOneAnother(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/payment_intents", "amount=1000", "currency=hkd").field("id")
	changes := []string{"description=a lesson", "receipt_email=may@example.hk", "transfer_group=monday", "statement_descriptor=TUTORHUB", "amount=2000"}
	together(len(changes), func(i int) {
		for w.call("/v1/payment_intents/"+id, changes[i]).status == 409 {
		}
	})
	got := w.value("SELECT concat_ws('|', description, receipt_email, transfer_group, statement_descriptor, amount) FROM connect.payment_intents")
	if want := "a lesson|may@example.hk|monday|TUTORHUB|2000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCaptureAndCancelOfOneReservationAgreeOnAnEnd(t *testing.T) {
	w := open(t)
	var captured, canceled atomic.Int64
	together(16, func(int) {
		id := w.call("/v1/payment_intents", "amount=1000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true", "capture_method=manual").field("id")
		together(4, func(k int) {
			path, won := "/capture", &captured
			if k%2 == 1 {
				path, won = "/cancel", &canceled
			}
			if r := w.call("/v1/payment_intents/" + id + path); r.status == 200 {
				won.Add(1)
			} else if r.status != 400 && r.status != 409 {
				t.Errorf("%s", r)
			}
		})
	})
	if captured.Load()+canceled.Load() != 16 {
		t.Errorf("16 reservations: %d captured, %d canceled", captured.Load(), canceled.Load())
	}
	w.settled()
}

// Half of a split is captured: every leg gets its share of it, the rest is released.
func TestAPartialCaptureSplitsWhatIsCaptured(t *testing.T) {
	w := open(t)
	ch := w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_visa", "capture=false",
		"splits[0][destination]="+may, "splits[0][percent]=70", "splits[1][destination]="+lee, "splits[1][amount]=6000").field("id")
	w.money("")
	w.want(200, "/v1/charges/"+ch+"/capture", "amount=30001")
	w.settled()
	w.money(`
		hub processor_clearing -30001
		hub processor_fees       1255
		hub pending              4745
		may pending             21001
		lee pending              3000`)
	if r := w.call("/v1/charges/" + ch + "/capture"); r.field("error.code") != "charge_already_captured" {
		t.Errorf("%s", r)
	}
	w.want(200, "/v1/refunds", "charge="+ch, "reverse_transfer=true")
	w.settled()
	w.money(`
		hub processor_fees  1255
		hub pending        -1255`)
}

// Whatever is asked for at once, no more comes back than was taken, and a full
// refund in parts returns every leg and fee exactly.
func TestConcurrentRefundsNeverExceedTheCharge(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/payment_intents", "amount=10001", "currency=hkd", "payment_method=pm_card_visa", "confirm=true",
		"transfer_data[destination]="+may, "application_fee_amount=777").field("id")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	amounts := rand.New(rand.NewPCG(seed, 1))
	asked := make([]string, 40)
	for i := range asked {
		asked[i] = strconv.FormatInt(1+amounts.Int64N(1500), 10)
	}
	var refunded atomic.Int64
	together(len(asked), func(i int) {
		r := w.call("/v1/refunds", "payment_intent="+id, "amount="+asked[i], "reverse_transfer=true", "refund_application_fee=true", fmt.Sprintf("Idempotency-Key: %d", i))
		switch {
		case r.status == 200:
			n, _ := strconv.ParseInt(r.field("amount"), 10, 64)
			refunded.Add(n)
		case r.field("error.code") != "amount_too_large" && r.field("error.code") != "charge_already_refunded":
			t.Errorf("%s", r)
		}
	})
	if refunded.Load() > 10001 {
		t.Errorf("%d of 10001 refunded", refunded.Load())
	}
	w.call("/v1/refunds", "payment_intent="+id, "reverse_transfer=true", "refund_application_fee=true") // the rest
	w.settled()
	w.money(`
		hub processor_fees  575
		hub pending        -575`)
}

// A transfer is reversed by hand while its charge is refunded: together they take
// back what the tutor got, never more, and no refund the processor made is left unbooked.
func TestRefundsAndReversalsByHandTogetherTakeBackATransferOnce(t *testing.T) {
	w := open(t)
	for range 6 {
		w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_visa",
			"transfer_data[destination]="+may, "application_fee_amount=1000")
	}
	w.mature()
	var charges []struct{ ID, Transfer string }
	w.must(w.pool.NewRaw("SELECT id, transfer FROM connect.charges").Scan(t.Context(), &charges))
	together(24, func(i int) {
		c := charges[i%len(charges)]
		var r reply
		if i/len(charges)%2 == 0 {
			r = w.call("/v1/refunds", "charge="+c.ID, "amount=6000", "reverse_transfer=true", "refund_application_fee=true")
		} else {
			r = w.call("/v1/transfers/"+c.Transfer+"/reversals", "amount=7000", "refund_application_fee=true")
		}
		if r.status != 200 && r.status != 400 && r.status != 409 && r.status != 429 {
			t.Errorf("%s", r)
		}
	})
	if got := w.value("SELECT count(*) FROM connect.transfers WHERE amount_reversed > amount"); got != "0" {
		t.Errorf("%s transfers gave back more than they were", got)
	}
	w.settled()
}

// Two processes settle and refund the same payments in every order: locks are
// taken in one order, so nobody waits for ever.
func TestMixedTrafficOnFewObjectsNeitherDeadlocksNorDrifts(t *testing.T) {
	w := open(t)
	other := &world{T: t, pool: w.pool, now: w.now}
	other.restart()
	lives := []*world{w, other}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = w.want(200, "/v1/payment_intents", "amount=50000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true",
			"capture_method=manual", "splits[0][destination]="+may, "splits[0][percent]=40", "splits[1][destination]="+lee, "splits[1][percent]=40").field("id")
	}
	together(96, func(i int) {
		dice := rand.New(rand.NewPCG(seed, uint64(i)))
		at, id := lives[i%2], ids[dice.IntN(len(ids))]
		var r reply
		switch dice.IntN(5) {
		case 0:
			r = at.call("/v1/payment_intents/" + id + "/capture")
		case 1:
			r = at.call("/v1/payment_intents/"+id+"/capture", "amount_to_capture=33333")
		case 2:
			r = at.call("/v1/refunds", "payment_intent="+id, "amount=999", "reverse_transfer=true")
		case 3:
			r = at.call("/v1/payment_intents", "amount=1000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true", "transfer_data[destination]="+lee)
		case 4:
			r = at.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_chargeDeclined")
		}
		if r.status >= 500 {
			t.Errorf("%s", r)
		}
	})
	w.settled()
}

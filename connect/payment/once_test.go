package payment_test

import (
	"sync/atomic"
	"testing"
)

// A thousand impatient clients, one key: one charge, one call of the processor,
// and every 200 is the same bytes.
func TestAThousandRequestsWithOneKeyAreOneCharge(t *testing.T) {
	w := open(t)
	pay := []string{"amount=60000", "currency=hkd", "source=tok_visa", "Idempotency-Key: lesson-1"}
	var bodies atomic.Pointer[string]
	var ok, busy atomic.Int64
	together(1000, func(int) {
		r := w.call("/v1/charges", pay...)
		switch r.status {
		case 200:
			ok.Add(1)
			if body := string(r.body); !bodies.CompareAndSwap(nil, &body) && *bodies.Load() != body {
				t.Errorf("two answers:\n%s\n%s", *bodies.Load(), body)
			}
		case 409:
			busy.Add(1)
		default:
			t.Errorf("%s", r)
		}
	})
	if ok.Load() == 0 || ok.Load()+busy.Load() != 1000 {
		t.Errorf("%d answered, %d told to wait", ok.Load(), busy.Load())
	}
	if again := w.want(200, "/v1/charges", pay...); !again.replayed || string(again.body) != *bodies.Load() {
		t.Errorf("a later retry got %s", again)
	}
	if n := w.life.witness.count("authorize"); n != 1 {
		t.Errorf("the processor was called %d times", n)
	}
	if n := w.value("SELECT count(*) FROM connect.charges"); n != "1" {
		t.Errorf("%s charges", n)
	}
	w.settled()
	w.money(`
		hub processor_clearing -60000
		hub processor_fees       2275
		hub pending             57725`)
}

// The same through four processes at once: the database decides, not memory.
func TestOneKeyIsOneChargeAcrossProcesses(t *testing.T) {
	w := open(t)
	lives := []*world{w}
	for range 3 {
		other := &world{T: t, pool: w.pool, now: w.now}
		other.restart()
		lives = append(lives, other)
	}
	together(200, func(i int) {
		r := lives[i%4].call("/v1/payment_intents", "amount=1000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true", "Idempotency-Key: k")
		if r.status != 200 && r.status != 409 {
			t.Errorf("%s", r)
		}
	})
	calls := 0
	for _, l := range lives {
		calls += l.life.witness.count("authorize")
	}
	if n := w.value("SELECT count(*) FROM connect.charges"); n != "1" || calls != 1 {
		t.Errorf("%s charges, %d calls", n, calls)
	}
	w.settled()
}

// A token is a promise to pay once, whoever is faster.
func TestATokenIsUsedOnce(t *testing.T) {
	w := open(t)
	token := w.want(200, "/v1/tokens", "card[number]=4242424242424242", "card[exp_month]=12", "card[exp_year]=2034", "card[cvc]=123").field("id")
	var paid atomic.Int64
	together(40, func(i int) {
		r := w.call("/v1/charges", "amount=1000", "currency=hkd", "source="+token)
		switch {
		case r.status == 200:
			paid.Add(1)
		case r.field("error.code") != "token_already_used":
			t.Errorf("%s", r)
		}
	})
	if paid.Load() != 1 {
		t.Errorf("paid %d times", paid.Load())
	}
	w.settled()
}

// Requests that end badly in begin share a commit with good ones and harm none.
func TestABadPaymentNeverFailsItsNeighbours(t *testing.T) {
	w := open(t)
	used := w.want(200, "/v1/tokens", "card[number]=4242424242424242", "card[exp_month]=12", "card[exp_year]=2034").field("id")
	var good, bad atomic.Int64
	together(120, func(i int) {
		source := "tok_visa"
		if i%10 == 0 {
			source = used
		}
		r := w.call("/v1/charges", "amount=1000", "currency=hkd", "source="+source)
		switch {
		case r.status == 200:
			good.Add(1)
		case source == used && r.field("error.code") == "token_already_used":
			bad.Add(1)
		default:
			t.Errorf("%s: %s", source, r)
		}
	})
	if good.Load() != 109 || bad.Load() != 11 {
		t.Errorf("%d good, %d bad", good.Load(), bad.Load())
	}
	w.settled()
}

func TestADestinationNeedsItsCapability(t *testing.T) {
	w := open(t)
	for _, split := range []string{"transfer_data[destination]=" + cold, "transfer_data[destination]=acct_nobody", "transfer_data[destination]=" + hub} {
		if r := w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa", split); r.status != 400 {
			t.Errorf("%s: %s", split, r)
		}
	}
	if r := w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa", "splits[0][destination]="+cold, "splits[0][percent]=50"); r.status != 400 || r.field("error.param") != "splits[0][destination]" {
		t.Errorf("%s", r)
	}
	if r := w.call("/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa", "Stripe-Account: "+cold); r.status != 400 {
		t.Errorf("%s", r)
	}
	if n := w.life.witness.count("authorize"); n != 0 {
		t.Errorf("the processor was called %d times", n)
	}
	w.settled()
}

func TestALiveKeyNeedsALiveProcessor(t *testing.T) {
	w := open(t)
	for _, path := range []string{"/v1/charges", "/v1/payment_intents"} {
		r := w.call(path, "amount=1000", "currency=hkd", "source=tok_visa", "Authorization: Bearer live_"+hub)
		if path == "/v1/payment_intents" {
			r = w.call(path, "amount=1000", "currency=hkd", "Authorization: Bearer live_"+hub)
		}
		if r.status != 400 {
			t.Errorf("%s: %s", path, r)
		}
	}
	if n := w.value("SELECT count(*) FROM connect.charges") + w.value("SELECT count(*) FROM connect.payment_intents"); n != "00" {
		t.Errorf("charges and intents: %s", n)
	}
}

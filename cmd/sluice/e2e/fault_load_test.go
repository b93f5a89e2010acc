package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment/paymenttest"
)

// order is one request of a client with the key it repeats until it is answered.
type order struct {
	key, path string
	form      url.Values
	pays      bool // it makes a charge

	status int // of the answer, 0 while there is none
	body   []byte
}

// crowd is many clients of a server that dies under them. Each takes payments,
// captures, cancels and refunds them, and repeats what it got no answer to.
type crowd struct {
	t       testing.TB
	s       *server
	seed    uint64
	dice    *rand.Rand
	http    *http.Client
	tutors  [2]string
	rounds  int
	answers atomic.Int64 // so far; a fact to kill at

	mu       sync.Mutex
	answered []*order
	open     []*order
}

func newCrowd(t testing.TB, s *server) *crowd {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := &crowd{t: t, s: s, seed: seed, dice: rand.New(rand.NewPCG(seed, 0)),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	for i := range c.tutors {
		o := &order{key: fmt.Sprintf("tutor-%d", i), path: "/v1/accounts", form: url.Values{
			"type": {"custom"}, "country": {"HK"}, "capabilities[transfers][requested]": {"true"}}}
		c.send(o)
		c.tutors[i] = o.field("id")
		if o.status != 200 || c.tutors[i] == "" {
			t.Fatalf("no tutor: %d %s", o.status, o.body)
		}
	}
	return c
}

func (o *order) field(name string) string {
	var members map[string]any
	_ = json.Unmarshal(o.body, &members)
	v, _ := members[name].(string)
	return v
}

// send tries once; the order is answered if the answer is an end.
func (c *crowd) send(o *order) bool {
	r, err := http.NewRequestWithContext(c.t.Context(), "POST", c.s.Direct+o.path, strings.NewReader(o.form.Encode()))
	if err != nil {
		c.t.Error(err)
		return false
	}
	r.Header.Set("Authorization", "Bearer "+c.s.Secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Idempotency-Key", o.key)
	res, err := c.http.Do(r)
	if err != nil {
		return false // nobody is there any more
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode == http.StatusConflict || res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 {
		return false
	}
	c.answers.Add(1)
	if o.status != 0 && (o.status != res.StatusCode || !bytes.Equal(o.body, body)) {
		c.t.Errorf("%s %s was answered %d %s and then %d %s", o.path, o.key, o.status, o.body, res.StatusCode, body)
	}
	o.status, o.body = res.StatusCode, body
	return true
}

// do sends an order and keeps it; false ends the client: its server is gone.
func (c *crowd) do(o *order) bool {
	done := c.send(o)
	c.mu.Lock()
	defer c.mu.Unlock()
	if done {
		c.answered = append(c.answered, o)
	} else {
		c.open = append(c.open, o)
	}
	return done
}

// rush lets clients work until their server is gone or stop is true.
func (c *crowd) rush(clients int, stop func() bool) {
	c.rounds++
	var done sync.WaitGroup
	for i := range clients {
		dice := rand.New(rand.NewPCG(c.seed, uint64(c.rounds)<<32|uint64(i)))
		done.Go(func() {
			for n := 0; !stop(); n++ {
				if !c.lesson(dice, fmt.Sprintf("%d-%d-%d", c.rounds, i, n)) {
					return
				}
			}
		})
	}
	done.Wait()
}

// lesson is paid one way or another, and sometimes given back.
func (c *crowd) lesson(dice *rand.Rand, name string) bool {
	pay := &order{key: name, path: "/v1/payment_intents", pays: true, form: url.Values{
		"amount": {fmt.Sprint(1000 + dice.IntN(90000))}, "currency": {"hkd"}, "payment_method": {"pm_card_visa"}, "confirm": {"true"}}}
	tutor := c.tutors[dice.IntN(2)]
	back := url.Values{}
	kind := dice.IntN(6)
	switch kind {
	case 0:
		pay.path = "/v1/charges"
		pay.form = url.Values{"amount": {"60000"}, "currency": {"hkd"}, "source": {"tok_visa"},
			"splits[0][destination]": {c.tutors[0]}, "splits[0][percent]": {"50"}, "splits[1][destination]": {c.tutors[1]}, "splits[1][amount]": {"7000"}}
	case 1:
		pay.form.Set("payment_method", "pm_card_chargeDeclined")
	case 2, 3:
		pay.form.Set("capture_method", "manual")
	default:
		pay.form.Set("transfer_data[destination]", tutor)
		pay.form.Set("application_fee_amount", "500")
		back = url.Values{"reverse_transfer": {"true"}, "refund_application_fee": {"true"}}
	}
	if !c.do(pay) {
		return false
	}
	id := pay.field("id")
	switch {
	case pay.status != 200 || kind == 0:
		return true
	case kind == 2:
		return c.do(&order{key: name + "-capture", path: pay.path + "/" + id + "/capture", form: url.Values{}})
	case kind == 3:
		return c.do(&order{key: name + "-cancel", path: pay.path + "/" + id + "/cancel", form: url.Values{}})
	}
	back.Set("payment_intent", id)
	back.Set("amount", fmt.Sprint(1+dice.IntN(1000)))
	return c.do(&order{key: name + "-refund", path: "/v1/refunds", form: back})
}

// retry repeats every open order once.
func (c *crowd) retry() {
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	for _, o := range open {
		c.do(o)
	}
}

// waited makes half a minute pass in the database of a server that died: leases
// run out, and the sweeper no longer takes operations for young.
func waited(t testing.TB, pool *bun.DB) {
	t.Helper()
	for _, statement := range []string{
		`UPDATE connect.charges SET begun_at = begun_at - interval '1 minute' WHERE status = 'pending'`,
		`UPDATE connect.captures SET created_at = created_at - interval '1 minute' WHERE status = 'pending'`,
		`UPDATE connect.refunds SET begun_at = begun_at - interval '1 minute' WHERE status = 'pending'`,
		`UPDATE platform.leases SET expires_at = expires_at - interval '1 minute', due_at = due_at - interval '1 minute'`,
	} {
		if _, err := pool.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// reckon is the end: every key is answered, the first answers still stand, each
// paying key made one charge, and all books tell one story.
func (c *crowd) reckon(pool *bun.DB) {
	c.t.Helper()
	c.s.Eventually("every key is answered", func() (bool, error) {
		c.retry()
		return len(c.open) == 0, nil
	})
	paying, status := 0, map[int]int{}
	var again sync.WaitGroup
	turns := make(chan struct{}, 16)
	for _, o := range c.answered {
		status[o.status]++
		if o.status != 200 && o.status != 402 {
			c.t.Errorf("%s %s: %d %s", o.path, o.key, o.status, o.body)
		}
		if o.pays {
			paying++
		}
		again.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if !c.send(o) {
				c.t.Errorf("%s %s is no longer answered", o.path, o.key)
			}
		})
	}
	again.Wait()
	var charges int
	if err := pool.NewRaw("SELECT count(*) FROM connect.charges").Scan(c.t.Context(), &charges); err != nil {
		c.t.Fatal(err)
	}
	if charges != paying {
		c.t.Errorf("%d charges of %d keys", charges, paying)
	}
	paymenttest.Settled(c.t, pool)
	c.s.Sluice("ledger", "verify")
	c.t.Logf("%d requests, %d charges, answers by status %v", len(c.answered), charges, status)
}

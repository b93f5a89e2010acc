package e2e_test

import (
	"fmt"
	"testing"

	"github.com/sluicepay/sluice/connect/payment/paymenttest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// The steps of a payment, and of what follows it; see Config.Step.
var steps = []string{
	"begun", "authorized", "settled",
	"capture_begun", "capture_authorized", "capture_settled",
	"void_begun", "void_authorized", "void_settled",
	"refund_begun", "refund_authorized", "refund_settled",
}

// The server is killed at every step of everything that moves money, and then at
// moments nobody chose, while 24 clients pay. What anybody was told stays true,
// and what nobody was told is finished or given up, once.
func TestKilledAtEveryStepUnderLoadNothingIsLostOrDoubled(t *testing.T) {
	s := newServer(t)
	pool := s.Database()
	c := newCrowd(t, s)
	s.Kill()
	for _, step := range steps {
		s.Start(fmt.Sprintf("SLUICE_CRASH_AT=%s:%d", step, 2+c.dice.IntN(6)))
		c.retry()
		c.rush(24, func() bool { return false })
		if err := s.AwaitExit(); err == nil {
			t.Errorf("it ended in peace at %s", step)
		}
	}
	for range 3 {
		s.Start()
		enough := c.answers.Load() + 30 + c.dice.Int64N(200)
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			c.rush(24, func() bool { return false })
		}()
		s.Eventually("there is load", func() (bool, error) { return c.answers.Load() >= enough, nil })
		s.Kill()
		<-killed
		paymenttest.Sound(t, pool)
	}
	waited(t, pool)
	s.Start()
	c.reckon(pool)
}

// PostgreSQL is killed under load, twice. The server outlives it, answers again
// by itself, and acknowledged payments are there.
func TestTheDatabaseIsKilledUnderLoad(t *testing.T) {
	private := dbtest.Postgres(t)
	pool, err := db.Open(t.Context(), db.Config{URL: private.URL(), Name: "e2e", MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	_ = pool.Close()
	s := newServerOn(t, private.URL())
	c := newCrowd(t, s)
	for range 2 {
		enough := c.answers.Load() + 100 + c.dice.Int64N(200)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.rush(24, func() bool { return false }) // until an answer is a 5xx
		}()
		s.Eventually("there is load", func() (bool, error) { return c.answers.Load() >= enough, nil })
		private.Kill()
		<-ended
		if err := private.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Eventually("payments are taken again", func() (bool, error) {
			c.retry()
			return c.answers.Load() > enough+200 || len(c.open) == 0 || c.probe(), nil
		})
	}
	pool = s.Database()
	waited(t, pool)
	c.reckon(pool)
}

// probe reports whether one more payment succeeds.
func (c *crowd) probe() bool {
	c.rounds++
	o := &order{key: fmt.Sprintf("probe-%d", c.rounds), path: "/v1/charges", pays: true,
		form: map[string][]string{"amount": {"1000"}, "currency": {"hkd"}, "source": {"tok_visa"}}}
	return c.do(o) && o.status == 200
}

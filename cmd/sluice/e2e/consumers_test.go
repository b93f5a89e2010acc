package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// consumer is a `sluice serve` that does nothing but turn events into deliveries.
type consumer struct {
	*process
	metrics string
}

// session is how long a killed consumer keeps its share.
const session = 2 * time.Second

func (s *server) consumer() *consumer {
	s.t.Helper()
	c := &consumer{process: &process{cmd: s.command(context.Background(), "serve"), log: &tail{}, exited: make(chan struct{})}, metrics: freeAddr(s.t)}
	c.cmd.Env = append(c.cmd.Env, "SLUICE_ROLES=webhooks", "SLUICE_METRICS_ADDR="+c.metrics, "SLUICE_KAFKA_SESSION="+session.String())
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := c.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	s.t.Cleanup(c.kill)
	return c
}

// kill is SIGKILL: it says good-bye to nobody.
func (c *consumer) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

var lagLine = regexp.MustCompile(`^sluice_bus_consumer_lag_messages\{group="sluice.webhooks",partition="(\d+)"\}`)

// share is the partitions that the consumer's metrics show.
func (c *consumer) share() (partitions []int) {
	res, err := http.Get("http://" + c.metrics + "/metrics")
	if err != nil {
		return nil // not there yet
	}
	defer res.Body.Close()
	for page := bufio.NewScanner(res.Body); page.Scan(); {
		if found := lagLine.FindStringSubmatch(page.Text()); found != nil {
			n, _ := strconv.Atoi(found[1])
			partitions = append(partitions, n)
		}
	}
	return partitions
}

// shared reports whether these consumers have all six partitions, each one once,
// and no consumer many more than another.
func shared(consumers []*consumer) bool {
	var all, sizes []int
	for _, c := range consumers {
		share := c.share()
		all, sizes = append(all, share...), append(sizes, len(share))
	}
	slices.Sort(all)
	return slices.Equal(all, []int{0, 1, 2, 3, 4, 5}) && slices.Max(sizes)-slices.Min(sizes) <= 1
}

// happenings writes events of many accounts until stop is called.
type happenings struct {
	t        *testing.T
	pool     *bun.DB
	platform string
	accounts []string
}

func (h *happenings) start() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			h.once(context.WithoutCancel(ctx))
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); work.Wait() }
}

// once is one event of each account.
func (h *happenings) once(ctx context.Context) {
	events := make([]event.Event, len(h.accounts))
	for i, account := range h.accounts {
		charge := id.New("ch")
		events[i] = event.Event{
			Type: "charge.succeeded", Account: account, Platform: h.platform, ObjectID: charge, ObjectVersion: 1,
			Object: json.RawMessage(fmt.Sprintf(`{"id":%q,"object":"charge"}`, charge)), CreatedAt: time.Now().UTC(),
		}
	}
	err := db.InTx(ctx, h.pool, func(ctx context.Context, tx bun.Tx) error { return event.Log{}.Append(ctx, tx, events...) })
	if err != nil {
		h.t.Error(err)
	}
}

// settled waits until every event that has happened by now has had its effect, and tells how long that took.
func (h *happenings) settled(s *server, what string) time.Duration {
	h.t.Helper()
	began := time.Now()
	var newest string
	if err := h.pool.NewRaw(`SELECT max(id COLLATE "C") FROM platform.events`).Scan(h.t.Context(), &newest); err != nil {
		h.t.Fatal(err)
	}
	s.Eventually(what, func() (bool, error) {
		var open int
		err := h.pool.NewRaw(`
SELECT count(*) FROM platform.events e WHERE e.id COLLATE "C" <= ? AND NOT EXISTS (
	SELECT FROM platform.inbox i WHERE i.consumer = 'sluice.webhooks' AND i.event_id = e.id COLLATE "C")`, newest).Scan(h.t.Context(), &open)
		return open == 0, err
	})
	return time.Since(began)
}

// Two and then four processes of one role share the partitions of the event topic.
// One is killed under load: the others take its share over, and every event has
// had its effect, once.
func TestConsumersShareTheEventsAndTakeOverFromOneThatIsKilled(t *testing.T) {
	s := newServer(t, "SLUICE_ROLES=api,relay,jobs")
	pool := s.Database()
	ada := s.Stripe()
	h := &happenings{t: t, pool: pool, platform: s.Platform}
	for range 24 {
		tutor, err := ada.V1Accounts.Create(t.Context(), &stripe.AccountCreateParams{Type: stripe.String("custom"), Country: stripe.String("HK")})
		if err != nil {
			t.Fatal(err)
		}
		h.accounts = append(h.accounts, tutor.ID)
	}
	if _, err := ada.V1WebhookEndpoints.Create(t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String("https://tutorhub.invalid/hooks"), Connect: stripe.Bool(true), EnabledEvents: stripe.StringSlice([]string{"charge.succeeded"}),
	}); err != nil {
		t.Fatal(err)
	}

	var consumers []*consumer
	for _, many := range []int{2, 4} {
		for len(consumers) < many {
			consumers = append(consumers, s.consumer())
		}
		began := time.Now()
		s.Eventually(fmt.Sprintf("%d processes share the partitions", many), func() (bool, error) { return shared(consumers), nil })
		t.Logf("%d processes share the partitions after %s: %v", many, time.Since(began).Round(time.Millisecond), shares(consumers))

		stop := h.start()
		h.settled(s, "events flow")
		last := len(consumers) - 1
		lost := consumers[last].share()
		consumers[last].kill()
		consumers = consumers[:last]
		killed := time.Now()
		s.Eventually("the others have its share", func() (bool, error) { return shared(consumers), nil })
		took := time.Since(killed)
		h.settled(s, "events flow again")
		t.Logf("partitions %v of a killed process were taken over after %s, a session is %s; all events had their effect after %s: %v",
			lost, took.Round(time.Millisecond), session, time.Since(killed).Round(time.Millisecond), shares(consumers))
		stop()
	}
	h.settled(s, "everything has had its effect")

	var happened, delivered, events int
	err := pool.NewRaw(`
SELECT (SELECT count(*) FROM platform.events WHERE type = 'charge.succeeded'),
	(SELECT count(*) FROM connect.webhook_deliveries), (SELECT count(DISTINCT event) FROM connect.webhook_deliveries)`).
		Scan(t.Context(), &happened, &delivered, &events)
	if err != nil || delivered != happened || events != happened {
		t.Errorf("%d events, %d deliveries of %d of them, %v", happened, delivered, events, err)
	}
	t.Logf("%d events, one delivery each", happened)
}

func shares(consumers []*consumer) (all [][]int) {
	for _, c := range consumers {
		all = append(all, c.share())
	}
	return all
}

package webhook_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// past gives the endpoint n deliveries that came to this, of a hundred objects, a second apart, the first at noon.
func (p *post) past(t *testing.T, endpointID string, n int, status webhook.Status) {
	t.Helper()
	_, err := p.pool.ExecContext(t.Context(), `
WITH past AS (SELECT i, 'evt_missed' || lpad(i::text, 6, '0') AS event, timestamptz '2026-11-25 12:00:00Z' + i * interval '1 second' AS at FROM generate_series(0, ?0 - 1) AS i),
paid AS (INSERT INTO connect.webhook_payloads (event, account, body, created_at)
    SELECT event, ?1, convert_to('{"id":"' || event || '","object":"event"}', 'UTF8'), at FROM past)
INSERT INTO connect.webhook_deliveries (id, endpoint, event, event_type, object_id, status, attempts, next_attempt_at, created_at, delivered_at)
SELECT 'whd_missed' || lpad(i::text, 6, '0'), ?2, event, CASE WHEN i % 10 = 0 THEN 'payout.paid' ELSE 'charge.updated' END, 'ch_' || i % 100, ?3, 3, at, at,
    CASE WHEN ?3 = 'delivered' THEN at END
FROM past ORDER BY i`, n, tutorHub, endpointID, status)
	if err != nil {
		t.Fatal(err)
	}
}

// sent lets everything that is due have arrived, and tells how much that was.
func (p *post) sent(t *testing.T) int64 {
	t.Helper()
	res, err := p.pool.ExecContext(t.Context(), `UPDATE connect.webhook_deliveries SET status = 'delivered', delivered_at = next_attempt_at, attempts = attempts + 1 WHERE status = 'pending'`)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := res.RowsAffected()
	return n
}

func (p *post) count(t *testing.T, condition string) (n int) {
	t.Helper()
	if err := p.pool.NewRaw("SELECT count(*) FROM connect.webhook_deliveries WHERE "+condition).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *post) replay(t *testing.T, replays *webhook.Replays, scope tenant.Scope, want webhook.NewReplay) (r webhook.Replay, err error) {
	t.Helper()
	err = db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		r, err = replays.Create(ctx, tx, clock.System{}.Now(), scope, want)
		return err
	})
	return r, err
}

func (p *post) progress(t *testing.T, replays *webhook.Replays, replayID string) webhook.Replay {
	t.Helper()
	r, err := replays.Get(t.Context(), p.pool, hub, replayID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReplayOfTwelveThousandGoesOnAfterEveryRestartAndSendsNothingTwice(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	const n = 12_000
	p.past(t, e.ID, n, webhook.Failed)

	r, err := p.replay(t, webhook.NewReplays(p.pool, clock.System{}), hub, webhook.NewReplay{Endpoint: e.ID})
	if err != nil || r.Total != n || r.Status != webhook.Running || r.Percent() != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	var sent, last int64
	patience := 150 // milliseconds
	for range 200 { // each round is two processes that start, work at the same time, and are stopped somewhere
		var group sync.WaitGroup
		for range 2 {
			stop, cancel := context.WithTimeout(t.Context(), time.Duration(chance.IntN(patience))*time.Millisecond)
			group.Go(func() {
				defer cancel()
				_ = webhook.NewReplays(p.pool, clock.System{}).Run(stop)
			})
		}
		group.Wait()
		if waiting := p.count(t, "status = 'pending'"); waiting > 2000 {
			t.Fatalf("%d are due at a time", waiting)
		}
		now := p.progress(t, webhook.NewReplays(p.pool, clock.System{}), r.ID)
		if now.Replayed < last || now.Status == webhook.Done && now.Replayed != n {
			t.Fatalf("%d after %d: %+v", now.Replayed, last, now)
		}
		if now.Replayed == last {
			patience = min(patience+20, 2000) // on a busy machine nothing gets done in less
		}
		last = now.Replayed
		sent += p.sent(t)
		if now.Status == webhook.Done {
			break
		}
	}
	if end := p.progress(t, webhook.NewReplays(p.pool, clock.System{}), r.ID); end.Status != webhook.Done || end.Percent() != 100 || end.EndedAt.IsZero() || sent != n {
		t.Fatalf("%d sent: %+v", sent, end)
	}
	if twice := p.count(t, "attempts <> 4 OR attempts_before <> 3 OR NOT ordered"); twice != 0 {
		t.Errorf("%d were not sent exactly once, in order, on a schedule of their own", twice)
	}
}

func TestACanceledReplayLeavesTheRestAsItWas(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.past(t, e.ID, 10_000, webhook.Undelivered)
	replays := webhook.NewReplays(p.pool, clock.System{})
	r, err := p.replay(t, replays, hub, webhook.NewReplay{Endpoint: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds the window full
		if err := replays.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if now := p.progress(t, replays, r.ID); now.Replayed != 2000 || now.Percent() != 20 {
		t.Fatalf("%+v", now)
	}
	cancel := func() (ended webhook.Replay) {
		if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
			ended, err = replays.Cancel(ctx, tx, clock.System{}.Now(), hub, r.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return ended
	}
	first, again := cancel(), cancel()
	if first.Status != webhook.Canceled || first.EndedAt.IsZero() || !again.EndedAt.Equal(first.EndedAt) {
		t.Fatalf("%+v, then %+v", first, again)
	}
	p.sent(t)
	if err := replays.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := p.count(t, "status = 'undelivered' AND replay IS NULL AND attempts = 3"); left != 8000 {
		t.Errorf("%d are as they were", left)
	}
	if _, err := p.replay(t, replays, hub, webhook.NewReplay{Endpoint: e.ID}); err != nil {
		t.Errorf("after the cancellation another one is refused: %v", err)
	}
}

func TestALimitedReplayMakesNoMoreDueInAnySecond(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.past(t, e.ID, 95, webhook.Failed)
	replays := webhook.NewReplays(p.pool, clk)
	ten := int64(10)
	r, err := p.replay(t, replays, hub, webhook.NewReplay{Endpoint: e.ID, RateLimit: &ten})
	if err != nil {
		t.Fatal(err)
	}
	start, rounds := clk.Now(), 0
	for ; p.progress(t, replays, r.ID).Status == webhook.Running; rounds++ {
		for range 2 {
			if err := replays.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		clk.Advance(time.Second)
	}
	var worst int
	err = p.pool.NewRaw(`
SELECT max(n) FROM (SELECT count(*) OVER (ORDER BY next_attempt_at RANGE BETWEEN CURRENT ROW AND interval '999999 microseconds' FOLLOWING) AS n
    FROM connect.webhook_deliveries WHERE next_attempt_at >= ?) AS window_of_a_second`, start).Scan(t.Context(), &worst)
	if err != nil || worst != 10 || rounds != 10 {
		t.Errorf("%d in one second, %d seconds, %v", worst, rounds, err)
	}
}

func TestAReplayIsOfWhatWasAskedFor(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.past(t, e.ID, 100, webhook.Delivered)
	if _, err := p.pool.ExecContext(t.Context(), "UPDATE connect.webhook_payloads SET body = '' WHERE event = 'evt_missed000099'"); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).Unix()
	second := func(s int64) *int64 { s += noon; return &s }
	replays := webhook.NewReplays(p.pool, clock.System{})
	for _, c := range []struct {
		rule string
		want webhook.NewReplay
		n    int64
	}{
		{"what was delivered is not missed", webhook.NewReplay{}, 0},
		{"all that can still be sent", webhook.NewReplay{Statuses: []webhook.Status{webhook.Delivered}}, 99},
		{"a time, both ends in it", webhook.NewReplay{Statuses: []webhook.Status{webhook.Delivered}, Created: page.Range{From: second(20), Until: second(30)}}, 10},
		{"a type", webhook.NewReplay{Statuses: []webhook.Status{webhook.Delivered}, Types: []string{"payout.paid"}}, 10},
		{"a family", webhook.NewReplay{Statuses: []webhook.Status{webhook.Delivered}, Types: []string{"charge.*"}}, 89},
	} {
		c.want.Endpoint, c.want.DryRun = e.ID, true
		if r, err := p.replay(t, replays, hub, c.want); err != nil || r.Total != c.n || r.ID != "" {
			t.Errorf("%s: %+v, %v", c.rule, r, err)
		}
	}
	if n := p.count(t, "status <> 'delivered' OR replay IS NOT NULL"); n != 0 {
		t.Errorf("a dry run changed %d deliveries", n)
	}
	if list, err := replays.List(t.Context(), p.pool, hub, "", page.Params{}); err != nil || len(list.Items) != 0 {
		t.Errorf("a dry run is kept: %v, %v", list, err)
	}
}

func TestAReplayThatMakesNoSenseSaysWhy(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	off, _ := p.endpoint(t, hub, all("https://example.com/"))
	yes, zero := true, int64(0)
	p.update(t, off.ID, webhook.EndpointPatch{Disabled: &yes})
	p.past(t, e.ID, 10, webhook.Failed)
	replays := webhook.NewReplays(p.pool, clock.System{})
	r, err := p.replay(t, replays, hub, webhook.NewReplay{Endpoint: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scope       tenant.Scope
		want        webhook.NewReplay
		kind        fault.Kind
		code, param string
	}{
		{hub, webhook.NewReplay{}, fault.Invalid, "parameter_missing", "webhook_endpoint"},
		{hub, webhook.NewReplay{Endpoint: e.ID}, fault.Conflict, "webhook_replay_running", "webhook_endpoint"},
		{hub, webhook.NewReplay{Endpoint: off.ID}, fault.Invalid, "webhook_endpoint_disabled", "webhook_endpoint"},
		{hub, webhook.NewReplay{Endpoint: e.ID, Statuses: []webhook.Status{"failed", "pending"}}, fault.Invalid, "parameter_invalid", "status[1]"},
		{hub, webhook.NewReplay{Endpoint: e.ID, Types: []string{"no way"}}, fault.Invalid, "parameter_invalid", "types[0]"},
		{hub, webhook.NewReplay{Endpoint: e.ID, RateLimit: &zero}, fault.Invalid, "parameter_invalid_integer", "rate_limit"},
		{hub.For(tutor), webhook.NewReplay{Endpoint: e.ID}, fault.NotFound, "resource_missing", "webhook_endpoint"},
		{tenant.Scope{Platform: tutorHub, Account: tutorHub, Livemode: true}, webhook.NewReplay{Endpoint: e.ID}, fault.NotFound, "resource_missing", "webhook_endpoint"},
	} {
		_, err := p.replay(t, replays, c.scope, c.want)
		if f := fault.As(err); f == nil || f.Kind != c.kind || f.Code != c.code || f.Param != c.param {
			t.Errorf("%+v: %v", c.want, err)
		}
	}
	if _, err := replays.Get(t.Context(), p.pool, hub.For(tutor), r.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another account reads it: %v", err)
	}
}

func TestAReplayOfADisabledEndpointWaitsAndOfADeletedOneIsOver(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.past(t, e.ID, 10, webhook.Failed)
	replays := webhook.NewReplays(p.pool, clock.System{})
	r, err := p.replay(t, replays, hub, webhook.NewReplay{Endpoint: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
	if err := replays.Run(t.Context()); err != nil || p.progress(t, replays, r.ID).Replayed != 0 {
		t.Fatalf("it went on: %v", err)
	}
	if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) error {
		return p.endpoints.Delete(ctx, tx, clock.System{}.Now(), hub, e.ID)
	}); err != nil {
		t.Fatal(err)
	}
	if err := replays.Run(t.Context()); err != nil || p.progress(t, replays, r.ID).Status != webhook.Canceled {
		t.Fatalf("it is not over: %v", err)
	}
}

func TestAReplayArrivesInTheOrderOfEachObject(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	server := newReceiver(t, func(n int, w http.ResponseWriter) {})
	e, _ := p.endpoint(t, hub, all(server.URL))
	const n = 600
	p.past(t, e.ID, n, webhook.Failed)
	replays := webhook.NewReplays(p.pool, clock.System{})
	if _, err := p.replay(t, replays, hub, webhook.NewReplay{Endpoint: e.ID}); err != nil {
		t.Fatal(err)
	}
	p.run(t)
	if err := replays.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "all arrived", func() bool { return p.count(t, "status = 'delivered'") == n })
	server.mu.Lock()
	defer server.mu.Unlock()
	if len(server.got) != n {
		t.Errorf("%d requests", len(server.got))
	}
	last := map[string]string{}
	for _, req := range server.got {
		event := req.Header.Get("webhook-id")
		object := event[len(event)-2:] // of a hundred
		if event < last[object] {
			t.Errorf("%s after %s", event, last[object])
		}
		last[object] = event
	}
}

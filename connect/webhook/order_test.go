package webhook_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
)

// history is what a receiver took: which versions of which object it took, in what order.
type history struct {
	*httptest.Server
	mu    sync.Mutex
	taken map[string][]int64
	count int
}

// newHistory refuses what refuse says.
func newHistory(t *testing.T, refuse func(object string, version int64) bool) *history {
	h := &history{taken: map[string][]int64{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			ObjectVersion int64 `json:"object_version"`
			Data          struct{ Object struct{ ID string } }
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if refuse(e.Data.Object.ID, e.ObjectVersion) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.taken[e.Data.Object.ID] = append(h.taken[e.Data.Object.ID], e.ObjectVersion)
		h.count++
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *history) total() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// check that every object came as versions 1..n, each once.
func (h *history) check(t *testing.T, objects, versions int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.taken) != objects {
		t.Errorf("%d objects came, want %d", len(h.taken), objects)
	}
	for object, got := range h.taken {
		for i := range max(len(got), versions) {
			if i >= len(got) || got[i] != int64(i+1) {
				t.Errorf("%s came as %v", object, got)
				break
			}
		}
	}
}

func never(string, int64) bool { return false }

func chance(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func (p *post) ordered(t *testing.T, url string) webhook.Endpoint {
	t.Helper()
	e, _ := p.endpoint(t, hub, all(url))
	yes := true
	return p.update(t, e.ID, webhook.EndpointPatch{Terms: webhook.Terms{Ordered: &yes}})
}

func object(n int) string { return fmt.Sprintf("ch_%03d", n) }

// advance moves the clock until a fact holds, by less than a lease and only while
// nothing is leased: so that no lease runs out under a send that is slow in real time.
func (p *post) advance(t *testing.T, clk *clock.Fixed, fact string, holds func() bool) {
	t.Helper()
	until(t, fact, func() bool {
		if p.number(t, "SELECT count(*) FROM connect.webhook_deliveries WHERE leased_until IS NOT NULL") == 0 {
			clk.Advance(20 * time.Second)
		}
		return holds()
	})
}

func TestOrderedEndpointSeesEachObjectsVersionsInOrderThroughFailures(t *testing.T) {
	const objects, versions = 12, 15
	clk := clock.NewFixed(clock.System{}.Now())
	cfg := webhook.DispatcherConfig{Poll: 5 * time.Millisecond}
	p := newPost(t, clk, cfg)
	random := chance(t)
	h := newHistory(t, func(string, int64) bool { return random.IntN(4) == 0 }) // under the history's lock
	p.ordered(t, h.URL)
	other := p.twin(clk, cfg)
	p.run(t)
	other.run(t)
	for v := range versions {
		for o := range objects {
			[]*post{p, other}[o%2].take(t, incoming(tutorHub, "charge.updated", object(o), int64(v+1)))
		}
	}
	p.advance(t, clk, "everything has come", func() bool { return p.with(t, webhook.Delivered) == objects*versions })
	h.check(t, objects, versions)
}

func TestAnObjectThatDoesNotGetThroughHoldsUpNoOther(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	h := newHistory(t, func(object string, _ int64) bool { return object == "ch_stuck" })
	p.ordered(t, h.URL)
	var batch []webhook.Incoming
	for v := range 400 { // more than a lease looks at
		batch = append(batch, incoming(tutorHub, "charge.updated", "ch_stuck", int64(v+1)))
	}
	for o := range 20 {
		for v := range 3 {
			batch = append(batch, incoming(tutorHub, "charge.updated", object(o), int64(v+1)))
		}
	}
	p.take(t, batch...) // before the dispatcher runs: all wait in the table
	p.run(t)
	until(t, "the other objects have come", func() bool { return h.total() == 60 })
	h.check(t, 20, 3)
	until(t, "only the stuck object's wait", func() bool { return p.with(t, webhook.Pending) == 400 })
}

// pass lets events of many objects come in for three days while the endpoint does not take them.
func (p *post) pass(t *testing.T, clk *clock.Fixed, objects, versions int) {
	t.Helper()
	for v := range versions {
		var batch []webhook.Incoming
		for o := range objects {
			batch = append(batch, incoming(tutorHub, "charge.updated", object(o), int64(v+1)))
		}
		p.take(t, batch...)
		clk.Advance(72 * time.Hour / time.Duration(versions))
	}
}

const (
	missedObjects  = 30
	missedVersions = 8
)

func TestAnEndpointThatWasOffForThreeDaysReceivesEverythingInOrderOnce(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	h := newHistory(t, never)
	e, _ := p.endpoint(t, hub, all(h.URL))
	p.run(t)
	yes, no := true, false
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
	p.pass(t, clk, missedObjects, missedVersions)
	if n := p.with(t, webhook.Undelivered); n != missedObjects*missedVersions || h.total() != 0 {
		t.Fatalf("%d kept, %d sent to a disabled endpoint", n, h.total())
	}
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no})
	until(t, "everything has come", func() bool { return p.with(t, webhook.Delivered) == missedObjects*missedVersions })
	h.check(t, missedObjects, missedVersions)
}

func TestAnOrderedEndpointThatWasOffTakesNewVersionsBehindMissedOnes(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	h := newHistory(t, never)
	e := p.ordered(t, h.URL)
	p.run(t)
	yes, no := true, false
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
	p.pass(t, clk, missedObjects, missedVersions)
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no})
	for o := range missedObjects {
		p.take(t, incoming(tutorHub, "charge.updated", object(o), missedVersions+1))
	}
	until(t, "everything has come", func() bool { return p.with(t, webhook.Delivered) == missedObjects*(missedVersions+1) })
	h.check(t, missedObjects, missedVersions+1)
}

func TestAPausedEndpointGoesOnInOrderWhereItStopped(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	h := newHistory(t, never)
	e := p.ordered(t, h.URL)
	yes, no := true, false
	p.update(t, e.ID, webhook.EndpointPatch{EnabledEvents: []string{"charge.*"}, Terms: webhook.Terms{Paused: &yes}})
	p.run(t)
	p.pass(t, clk, missedObjects, missedVersions)
	other := newReceiver(t, nil)
	p.endpoint(t, hub, webhook.NewEndpoint{URL: other.URL, EnabledEvents: []string{"payout.paid"}})
	p.happen(t, tutorHub, "payout.paid")
	until(t, "the dispatcher has looked", func() bool { return other.count() == 1 })
	if n := p.number(t, "SELECT max(attempts) FROM connect.webhook_deliveries WHERE endpoint = ?", e.ID); n != 0 || h.total() != 0 {
		t.Fatalf("a paused endpoint was sent %d, %d attempts", h.total(), n)
	}
	p.update(t, e.ID, webhook.EndpointPatch{Terms: webhook.Terms{Paused: &no}})
	until(t, "everything has come", func() bool { return p.with(t, webhook.Delivered) == missedObjects*missedVersions+1 })
	h.check(t, missedObjects, missedVersions)
}

func TestABrokenEndpointReceivesEverythingInOrderWhenItIsBack(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	p := newPost(t, clk, webhook.DispatcherConfig{Poll: 5 * time.Millisecond})
	broken := true
	h := newHistory(t, func(string, int64) bool { return broken })
	p.ordered(t, h.URL)
	p.run(t)
	p.pass(t, clk, missedObjects, missedVersions)
	until(t, "nothing is being sent", func() bool {
		stats, err := p.dispatcher.Stats(t.Context())
		return err == nil && stats.InFlight == 0 && p.number(t, "SELECT count(*) FROM connect.webhook_deliveries WHERE leased_until IS NOT NULL") == 0
	})
	h.mu.Lock()
	broken = false
	h.mu.Unlock()
	p.advance(t, clk, "everything has come", func() bool { return p.with(t, webhook.Delivered) == missedObjects*missedVersions })
	h.check(t, missedObjects, missedVersions)
}

func TestNothingIsLostWhenTheProcessIsKilledWhileAnEndpointCatchesUp(t *testing.T) {
	clk := clock.NewFixed(clock.System{}.Now())
	cfg := webhook.DispatcherConfig{Poll: 5 * time.Millisecond}
	p := newPost(t, clk, cfg)
	h := newHistory(t, never)
	e, _ := p.endpoint(t, hub, all(h.URL))
	yes, no := true, false
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
	p.pass(t, clk, missedObjects, missedVersions)
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no})

	// The process that dies has leased some and tells nobody: as a lease that never answers.
	p.exec(t, `UPDATE connect.webhook_deliveries SET attempts = attempts + 1, leased_until = ?0, next_attempt_at = ?0
		WHERE id IN (SELECT min(id) FROM connect.webhook_deliveries WHERE object_id < ?1 GROUP BY object_id)`, clk.Now().Add(30*time.Second), object(20))
	p.run(t)
	// Recorded, not only received: the clock is about to end every lease that is still held.
	until(t, "what is not leased has come", func() bool { return p.with(t, webhook.Delivered) == (missedObjects-20)*missedVersions })
	clk.Advance(31 * time.Second)
	until(t, "the rest has come", func() bool { return p.with(t, webhook.Delivered) == missedObjects*missedVersions })
	h.check(t, missedObjects, missedVersions)
}

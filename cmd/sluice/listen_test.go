package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v85/webhook"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/catalogue"
)

// workshop is a developer's application: it keeps what is posted to it, by object.
type workshop struct {
	t       *testing.T
	url     string
	news    chan struct{} // room for one
	mu      sync.Mutex
	secret  string
	came    map[string][]int64 // by object: the versions, as they came
	total   int
	answers func(object string, version int64) int // nil: 200
}

func openWorkshop(t *testing.T) *workshop {
	w := &workshop{t: t, news: make(chan struct{}, 1), came: map[string][]int64{}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *workshop) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var e struct {
		ID, Account   string
		ObjectVersion int64 `json:"object_version"`
		Data          struct{ Object struct{ ID string } }
	}
	if err != nil || json.Unmarshal(body, &e) != nil {
		return // cut off: the listener was killed as it spoke
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.URL.Path == "/connect" != (e.Account != "") {
		w.t.Errorf("%s of %q came to %s", e.ID, e.Account, r.URL.Path)
	}
	if w.secret != "" {
		if err := stripewebhook.ValidatePayload(body, r.Header.Get("Stripe-Signature"), w.secret); err != nil {
			w.t.Errorf("%s: %v", e.ID, err)
		}
	}
	w.came[e.Data.Object.ID] = append(w.came[e.Data.Object.ID], e.ObjectVersion)
	w.total++
	if w.answers != nil {
		out.WriteHeader(w.answers(e.Data.Object.ID, e.ObjectVersion))
	}
	select {
	case w.news <- struct{}{}:
	default: // who waits looks anyway
	}
}

// await waits until holds is true of what came.
func (w *workshop) await(fact string, holds func() bool) {
	w.t.Helper()
	patience := time.NewTimer(2 * time.Minute)
	defer patience.Stop()
	for {
		w.mu.Lock()
		ok := holds()
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-w.news:
		case <-patience.C:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.t.Fatalf("never came true: %s; %d came", fact, w.total)
		}
	}
}

// terminal is a `sluice listen` that runs as a process of its own.
type terminal struct {
	cmd *exec.Cmd
	out *strings.Builder // complete once ended
}

func (h *house) starts(t *testing.T, args ...string) *terminal {
	t.Helper()
	term := &terminal{cmd: exec.Command(os.Args[0], args...), out: &strings.Builder{}}
	term.cmd.Env = append(os.Environ(), asProgram+"=1", "SLUICE_BASE_URL="+h.url, "SLUICE_API_KEY="+h.key)
	term.cmd.Dir = t.TempDir()
	term.cmd.Stdout, term.cmd.Stderr = term.out, term.out
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return term
}

// kill ends it without a word.
func (term *terminal) kill() {
	_ = term.cmd.Process.Kill()
	_ = term.cmd.Wait()
}

// happens writes the next versions of objects into the log, a few in each transaction.
func (h *house) happens(ctx context.Context, events []event.Event) error {
	const together = 20
	for len(events) > 0 {
		n := min(together, len(events))
		if err := db.InTx(ctx, h.app.pool, func(ctx context.Context, tx bun.Tx) error { return event.Log{}.Append(ctx, tx, events[:n]...) }); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// story is rounds of one event for each of some objects of each account.
func (h *house) story(accounts []string, objects, rounds int) (events []event.Event) {
	for round := range rounds {
		for n := range objects {
			account := accounts[n%len(accounts)]
			events = append(events, h.chapter("payout.updated", account, fmt.Sprintf("po_story%03d", n), int64(round+1)))
		}
	}
	return events
}

// chapter is the catalogue's example of an event, about version n of an object.
func (h *house) chapter(eventType, account, object string, n int64) event.Event {
	h.t.Helper()
	of, _ := catalogue.Find(eventType)
	var example struct {
		Data struct {
			Object             map[string]any
			PreviousAttributes json.RawMessage `json:"previous_attributes"`
		}
	}
	if err := json.Unmarshal(of.Example(), &example); err != nil {
		h.t.Fatal(err)
	}
	example.Data.Object["id"] = object
	shown, err := json.Marshal(example.Data.Object)
	if err != nil {
		h.t.Fatal(err)
	}
	return event.Event{
		Type: eventType, Account: account, Platform: h.platform, ObjectID: object, ObjectVersion: n,
		Object: shown, Previous: example.Data.PreviousAttributes, CreatedAt: time.Now().UTC(),
	}
}

// inOrder says what is wrong with the versions that came of an object: each must
// come, and none after its successor. One may come again as the next.
func inOrder(came []int64, last int64) string {
	next := int64(1)
	for _, version := range came {
		switch version {
		case next:
			next++
		case next - 1: // again: the listener was killed before it could tell
		default:
			return fmt.Sprintf("version %d came when %d was due", version, next)
		}
	}
	if next != last+1 {
		return fmt.Sprintf("version %d never came", next)
	}
	return ""
}

func TestListenKilledAndRestartedForwardsEverythingInOrder(t *testing.T) {
	t.Parallel()
	const objects, rounds, kills = 25, 40, 8
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	h := newHouse(t)
	ada, shop := clerk{house: h}, openWorkshop(t)
	events := h.story([]string{h.platform, ada.tutor(), h.platform, ada.tutor(), ada.tutor()}, objects, rounds)
	command := []string{
		"listen", "--forward-to", shop.url + "/own", "--forward-connect-to", shop.url + "/connect", "--events", "payout.updated", "--device", "bench",
	}
	print := h.starts(t, "listen", "--print-secret", "--device", "bench", "--events", "payout.updated")
	if err := print.cmd.Wait(); err != nil {
		t.Fatal(err, print.out)
	}
	shop.secret = strings.TrimSpace(print.out.String())

	wrote := make(chan error, 1)
	go func() { wrote <- h.happens(t.Context(), events) }()
	for range kills {
		listener := h.starts(t, command...)
		until := shop.count() + 1 + chance.IntN(2*len(events)/3/kills)
		shop.await("the listener came to where it is killed", func() bool { return shop.total >= until || shop.all(objects, rounds) })
		listener.kill()
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	last := h.starts(t, command...)
	shop.await("all 1,000 events", func() bool { return shop.all(objects, rounds) })
	shop.mu.Lock()
	for object, came := range shop.came {
		if wrong := inOrder(came, rounds); wrong != "" {
			t.Errorf("%s: %s (%v)", object, wrong, came)
		}
	}
	t.Logf("%d posts of %d events, %d kills", shop.total, len(events), kills)
	shop.mu.Unlock()

	if err := last.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := last.cmd.Wait(); err != nil {
		t.Fatalf("Ctrl-C: %v\n%s", err, last.out)
	}
	bustest.Eventually(t, "no delivery is open once all was answered", func() bool {
		var open int
		err := h.app.pool.NewRaw(`SELECT count(*) FROM connect.webhook_deliveries AS d JOIN connect.webhook_endpoints AS e ON e.id = d.endpoint
			WHERE e.listener = 'bench' AND d.status <> 'delivered'`).Scan(t.Context(), &open)
		return err == nil && open == 0
	})
}

func (w *workshop) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// all reports whether the last version of every object came. The caller holds w.mu.
func (w *workshop) all(objects, rounds int) bool {
	done := 0
	for _, came := range w.came {
		if came[len(came)-1] == int64(rounds) {
			done++
		}
	}
	return done == objects
}

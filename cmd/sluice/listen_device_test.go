package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/event"
)

// prompt is a command that runs in this process.
type prompt struct {
	t           *testing.T
	mu          sync.Mutex
	out, errout bytes.Buffer
	stop        context.CancelFunc
	ended       chan int
}

// screen lets a buffer be read while it is written.
type screen struct {
	p *prompt
	b *bytes.Buffer
}

func (l screen) Write(b []byte) (int, error) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.b.Write(b)
}

func (h *house) prompts(t *testing.T, args ...string) *prompt {
	t.Helper()
	t.Setenv("SLUICE_BASE_URL", h.url)
	t.Setenv("SLUICE_API_KEY", h.key)
	p := &prompt{t: t, ended: make(chan int, 1)}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() { p.ended <- cli.Execute(ctx, newRoot(), args, screen{p, &p.out}, screen{p, &p.errout}) }()
	t.Cleanup(stop)
	return p
}

// says waits until it is on the screen.
func (p *prompt) says(text string) {
	p.t.Helper()
	bustest.Eventually(p.t, "it says "+text, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strings.Contains(p.out.String()+p.errout.String(), text)
	})
}

// ends waits for the exit code and returns it with all that was said.
func (p *prompt) ends() (code int, out, errout string) {
	p.t.Helper()
	select {
	case code = <-p.ended:
	case <-time.After(time.Minute):
		p.t.Fatalf("it does not end:\n%s\n%s", &p.out, &p.errout)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return code, p.out.String(), p.errout.String()
}

func (p *prompt) interrupts() (out, errout string) {
	p.t.Helper()
	p.stop()
	code, out, errout := p.ends()
	if code != 0 {
		p.t.Errorf("exit %d\n%s", code, errout)
	}
	return out, errout
}

func (h *house) write(t *testing.T, events []event.Event) {
	t.Helper()
	if err := h.happens(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// storyOf is one object's events from a version on.
func (h *house) storyOf(object string, from, to int64) (events []event.Event) {
	for v := from; v <= to; v++ {
		events = append(events, h.chapter("payout.updated", h.platform, object, v))
	}
	return events
}

func TestAnApplicationThatIsDownIsTriedUntilItIsThere(t *testing.T) {
	h := newHouse(t)
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := shut.Addr().String()
	_ = shut.Close()
	p := h.prompts(t, "listen", "--forward-to", address+"/own?token=topsecret", "--events", "payout.*", "--headers", "X-Shop: hk")
	p.says("ready, signing secret whsec_")
	h.write(t, h.storyOf("po_1", 1, 3))
	p.says("http://" + address + "/own does not answer")
	shop := openWorkshop(t)
	var marked sync.Once
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		marked.Do(func() {
			if r.Header.Get("X-Shop") != "hk" || r.URL.RawQuery != "token=topsecret" {
				t.Errorf("%s %v", r.URL, r.Header)
			}
		})
		shop.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	shop.await("all three", func() bool { return len(shop.came["po_1"]) >= 3 })
	p.says("answers again")
	out, errout := p.interrupts()
	if wrong := inOrder(shop.came["po_1"], 3); wrong != "" || shop.total != 3 {
		t.Errorf("%s: %v", wrong, shop.came)
	}
	if strings.Count(out, "-->") != 3 || strings.Count(out, "200 in ") != 3 || strings.Contains(out+errout, "topsecret") || strings.Count(errout, "does not answer") != 1 {
		t.Errorf("%s\n%s", out, errout)
	}
}

func TestWhatAnApplicationRefusesIsShownAndTheNextComes(t *testing.T) {
	h, shop := newHouse(t), openWorkshop(t)
	shop.answers = func(_ string, version int64) int { return map[int64]int{1: 500, 2: 404, 3: 200}[version] }
	p := h.prompts(t, "listen", "-f", shop.url, "-o", "json", "--events", "payout.updated")
	p.says("ready")
	h.write(t, h.storyOf("po_1", 1, 3))
	shop.await("all three", func() bool { return len(shop.came["po_1"]) == 3 })
	bustest.Eventually(t, "three lines", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return strings.Count(p.out.String(), "\n") == 3 })
	out, _ := p.interrupts()
	var statuses []int
	for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
		var l struct {
			Event   struct{ Type string }
			Outcome struct {
				URL    string
				Status int
			}
		}
		if err := lines.Decode(&l); err != nil || l.Event.Type != "payout.updated" || l.Outcome.URL != shop.url {
			t.Fatalf("%v %+v", err, l)
		}
		statuses = append(statuses, l.Outcome.Status)
	}
	if len(statuses) != 3 || statuses[0] != 500 || statuses[1] != 404 || statuses[2] != 200 {
		t.Errorf("%v\n%s", statuses, out)
	}
}

func TestCtrlCGivesBackWhatTheApplicationHasNotAnswered(t *testing.T) {
	h, shop := newHouse(t), openWorkshop(t)
	held := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { held <- struct{}{}; <-held }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(held) })
	p := h.prompts(t, "listen", "-f", slow.URL, "--events", "payout.updated", "--device", "bench")
	p.says("ready")
	h.write(t, h.storyOf("po_1", 1, 2))
	<-held
	p.interrupts()
	next := h.prompts(t, "listen", "-f", shop.url, "--events", "payout.updated", "--device", "bench")
	shop.await("both", func() bool { return len(shop.came["po_1"]) == 2 })
	next.interrupts()
}

func TestASecondListenerOfADeviceEndsTheFirst(t *testing.T) {
	h := newHouse(t)
	first := h.prompts(t, "listen", "--device", "bench")
	first.says("ready")
	second := h.prompts(t, "listen", "--device", "bench")
	second.says("ready")
	if code, _, errout := first.ends(); code != cli.ExitConflict || !strings.Contains(errout, "--device") {
		t.Errorf("exit %d %s", code, errout)
	}
	third := h.prompts(t, "listen", "--device", "other")
	third.says("ready")
	third.interrupts()
	second.interrupts()
}

func TestListenCanBeginEarlier(t *testing.T) {
	h := newHouse(t)
	tail := h.prompts(t, "listen", "--device", "first", "--events", "payout.updated") // the log is handled up to what it shows
	tail.says("ready")
	h.write(t, h.storyOf("po_1", 1, 6))
	bustest.Eventually(t, "all are handled", func() bool {
		tail.mu.Lock()
		defer tail.mu.Unlock()
		return strings.Count(tail.out.String(), "-->") == 6
	})
	tail.interrupts()

	shop := openWorkshop(t) // of a device that was never there
	p := h.prompts(t, "listen", "-f", shop.url, "--device", "new", "--events", "payout.updated", "--since", "1h")
	shop.await("the past", func() bool { return len(shop.came["po_1"]) == 6 })
	p.interrupts()
	if wrong := inOrder(shop.came["po_1"], 6); wrong != "" {
		t.Errorf("%s: %v", wrong, shop.came)
	}

	var page struct{ Data []struct{ ID string } }
	if err := json.Unmarshal(h.send(200, letter{method: "GET", path: "/v1/events?type=payout.updated"}).raw, &page); err != nil {
		t.Fatal(err)
	}
	third := page.Data[len(page.Data)-3].ID
	shop = openWorkshop(t) // of one that had everything
	h.write(t, h.storyOf("po_1", 7, 7))
	p = h.prompts(t, "listen", "-f", shop.url, "--device", "first", "--events", "payout.updated", "--since", third)
	shop.await("what came after the third", func() bool { return len(shop.came["po_1"]) == 4 })
	p.interrupts()
	if got := shop.came["po_1"]; got[0] != 4 || got[3] != 7 {
		t.Errorf("%v", got)
	}

	h.write(t, h.storyOf("po_1", 8, 8))
	h.awaitHandled(t)
	shop = openWorkshop(t)
	p = h.prompts(t, "listen", "-f", shop.url, "--device", "first", "--events", "payout.updated", "--since", "now")
	p.says("ready")
	h.write(t, h.storyOf("po_1", 9, 9))
	shop.await("the next one", func() bool { return len(shop.came["po_1"]) == 1 })
	p.interrupts()
	if got := shop.came["po_1"]; got[0] != 9 {
		t.Errorf("%v", got)
	}
}

// awaitHandled waits until the webhooks have taken all that is in the log.
func (h *house) awaitHandled(t *testing.T) {
	t.Helper()
	bustest.Eventually(t, "the webhooks have taken all", func() bool {
		n, err := event.Behind(t.Context(), h.app.pool, "sluice.webhooks", nil)
		return err == nil && n == 0
	})
}

func TestTailShowsConnectedAccountsToo(t *testing.T) {
	h := newHouse(t)
	tutor := clerk{house: h}.tutor()
	before := h.prompts(t, "events", "tail", "--type", "payout.updated")
	connected := h.prompts(t, "events", "tail", "--connected", "--type", "payout.updated", "-o", "json")
	bustest.Eventually(t, "the tail listens", func() bool {
		var n int
		err := h.app.pool.NewRaw(`SELECT count(*) FROM connect.webhook_endpoints WHERE listener LIKE '% (tail)' AND enabled_events = '{payout.updated}'`).Scan(t.Context(), &n)
		return err == nil && n == 2
	})
	theirs := h.storyOf("po_theirs", 1, 1)
	theirs[0].Account = tutor
	other := h.chapter("payout.created", h.platform, "po_other", 1)
	h.write(t, append(append(theirs, other), h.storyOf("po_ours", 1, 1)...))
	connected.says("po_ours")
	connected.says("po_theirs")
	before.says("po_ours")
	out, _ := before.interrupts()
	if strings.Contains(out, "po_theirs") || strings.Contains(out, "po_other") {
		t.Error(out)
	}
	if out, _ := connected.interrupts(); strings.Contains(out, "po_other") || strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
}

func TestResendShowsWhatTheEndpointAnswers(t *testing.T) {
	h, shop := newHouse(t), openWorkshop(t)
	shop.answers = func(string, int64) int { return 200 }
	ada := clerk{house: h}
	endpoint := ada.post("/v1/webhook_endpoints", "url="+shop.url+"&enabled_events[]=payout.updated")["id"].(string)
	h.write(t, h.storyOf("po_1", 1, 1))
	shop.await("the first time", func() bool { return shop.total == 1 })
	id := idsOf(ada.get("/v1/events?type=payout.updated"))[0]
	p := h.prompts(t, "events", "resend", id, "--endpoint", endpoint)
	if code, out, errout := p.ends(); code != 0 || !strings.Contains(out, "delivered  200 in ") {
		t.Errorf("exit %d %s %s", code, out, errout)
	}
	if shop.count() != 2 {
		t.Errorf("%d posts", shop.count())
	}
	shop.answers = func(string, int64) int { return 503 }
	p = h.prompts(t, "events", "resend", id, "--endpoint", endpoint)
	if code, out, _ := p.ends(); code != cli.ExitConflict || !strings.Contains(out, "503 (status)") {
		t.Errorf("exit %d %s", code, out)
	}
	p = h.prompts(t, "events", "resend", "evt_none", "--endpoint", endpoint)
	if code, _, _ := p.ends(); code != cli.ExitNotFound {
		t.Errorf("exit %d", code)
	}
}

func TestAnEventSentToListenersAgainIsForwardedAgain(t *testing.T) {
	h, shop := newHouse(t), openWorkshop(t)
	p := h.prompts(t, "listen", "-f", shop.url, "--events", "payout.updated")
	p.says("ready")
	h.write(t, h.storyOf("po_1", 1, 1))
	p.says("200 in ")
	id := idsOf(clerk{house: h}.get("/v1/events?type=payout.updated"))[0]
	h.send(http.StatusOK, letter{method: "POST", path: "/v1/events/" + id + "/retry", form: "for_stripecli=true"})
	shop.await("it comes again", func() bool { return shop.total == 2 })
	p.interrupts()
}

// A server that is replaced by another: what is under way is handed on once.
func TestListenOutlivesTheServer(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") // an address that stays the same
	if err != nil {
		t.Fatal(err)
	}
	addr := taken.Addr().String()
	_ = taken.Close()
	first := newApplication(t, allRoles, 8, func(cfg *Config) { cfg.Addr, cfg.BaseURL = addr, "http://"+addr })
	runs := func(app *App) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- app.Run(ctx) }()
		stop = sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(stop)
		return stop
	}
	stop := runs(first)
	h, shop := &house{t: t, app: first, url: "http://" + addr}, openWorkshop(t)
	h.moveIn(t.Context())
	var p *prompt
	bustest.Eventually(t, "the server answers", func() bool {
		res, err := http.Get(h.url + "/livez")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return true
	})
	p = h.prompts(t, "listen", "-f", shop.url, "--events", "payout.updated")
	p.says("ready")
	h.write(t, h.storyOf("po_1", 1, 50))
	shop.await("half", func() bool { return len(shop.came["po_1"]) >= 25 })
	cfg := first.cfg
	stop()
	p.says("connection lost")
	again, err := newApp(t.Context(), cfg, first.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	runs(again)
	shop.await("the rest", func() bool { return len(shop.came["po_1"]) >= 50 })
	p.interrupts()
	if wrong := inOrder(shop.came["po_1"], 50); wrong != "" || shop.total != 50 {
		t.Errorf("%s: %d posts, %v", wrong, shop.total, shop.came)
	}
}

package webhook_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
)

// silent accepts connections and never says a word.
type silent struct {
	net.Listener
	mu   sync.Mutex
	held []net.Conn
}

func newSilent(t testing.TB) *silent {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{Listener: listener}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.held = append(s.held, c)
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		for _, c := range s.held {
			_ = c.Close()
		}
	})
	return s
}

func (s *silent) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// newDripping answers 500 at once and its body a byte at a time, for ever.
func newDripping(t testing.TB) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := w.Write([]byte(".")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// crowd are 1,000 endpoints that do not answer, of ten accounts, and an event for each account.
func (p *post) crowd(t testing.TB, urls ...string) (events []webhook.Incoming) {
	t.Helper()
	for n := range 10 {
		account := fmt.Sprintf("acct_dead_%d", n)
		if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) error {
			for i := range 100 {
				if _, _, err := p.endpoints.Create(ctx, tx, clock.System{}.Now(), hub.For(account), all(urls[i%len(urls)])); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		events = append(events, incoming(account, "charge.succeeded", "ch_dead", 1))
	}
	return events
}

func TestAThousandDeadReceiversDoNotHoldUpThoseThatAnswer(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	dead, drips := newSilent(t), newDripping(t)
	events := p.crowd(t, "http://"+dead.Addr().String(), drips.URL)
	healthy := newReceiver(t, nil)
	for range 10 {
		p.endpoint(t, hub, all(healthy.URL))
	}
	p.run(t)
	p.take(t, events...)
	until(t, "all silent ones have been connected to", func() bool { return dead.accepted() == 500 })
	var batch []webhook.Incoming
	for range 50 {
		batch = append(batch, incoming(tutorHub, "charge.succeeded", "ch_1", 1))
	}
	p.take(t, batch...) // to endpoints that nobody knows yet
	until(t, "the healthy ones have everything", func() bool { return healthy.count() == 500 })
	if n := p.number(t, "SELECT max(attempts) FROM connect.webhook_deliveries WHERE endpoint IN (SELECT id FROM connect.webhook_endpoints WHERE url LIKE ?)",
		"http://"+dead.Addr().String()+"%"); n != 1 {
		t.Errorf("a silent receiver is in its send %d", n)
	}
	stats, err := p.dispatcher.Stats(t.Context())
	if err != nil || stats.InFlight == 0 {
		t.Errorf("the silent ones are not in their first sends any more: %+v, %v", stats, err)
	}
}

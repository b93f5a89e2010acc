package dashboard

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// News is that something happened on an account.
type News struct {
	Type     string // of the event
	Account  string
	Platform string // that the account belongs to; itself for a platform
	Livemode bool
}

// Ear hears what happened since it was last asked.
type Ear interface {
	Hear(ctx context.Context) ([]News, error)
}

// Watching is an Ear that wants to know which desks have pages open, before it hears:
// what is too much to be heard of everybody.
type Watching interface {
	Watch(seats []Seat)
}

const (
	lookEvery  = time.Second      // how often the ear is asked while anybody watches
	quietAfter = 15 * time.Second // a sign of life, so that proxies keep the stream
	streamLife = 10 * time.Minute // then the browser asks again, and the gate with it
	maxStreams = 2000             // of one process; who comes later has pages that stand still
	maxTold    = 32               // events of one look that are named; more are told as "*"
)

// hub tells open pages what happens. It asks the ear only while somebody watches.
type hub struct {
	mu      sync.Mutex
	streams map[*stream]struct{}
	woken   chan struct{}
	over    chan struct{}
}

// stream is one open page.
type stream struct {
	seat  Seat
	types map[string]bool // not yet told
	ready chan struct{}
}

func newHub() *hub {
	return &hub{streams: map[*stream]struct{}{}, woken: make(chan struct{}, 1), over: make(chan struct{})}
}

// join is false when there are too many.
func (h *hub) join(seat Seat) (*stream, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) >= maxStreams {
		return nil, false
	}
	s := &stream{seat: seat, types: map[string]bool{}, ready: make(chan struct{}, 1)}
	h.streams[s] = struct{}{}
	select {
	case h.woken <- struct{}{}:
	default:
	}
	return s, true
}

func (h *hub) leave(s *stream) {
	h.mu.Lock()
	delete(h.streams, s)
	h.mu.Unlock()
}

// seats are those whose pages are open, each once.
func (h *hub) seats() []Seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	open := map[Seat]bool{}
	for s := range h.streams {
		open[s.seat] = true
	}
	return slices.Collect(maps.Keys(open))
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams) > 0
}

// tell notes news for the pages that they concern. It never waits for a browser: what
// a slow one has not taken is put together.
func (h *hub) tell(news []News) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		for _, n := range news {
			if n.Livemode != s.seat.Livemode || n.Account != s.seat.Account && n.Platform != s.seat.Account {
				continue
			}
			if len(s.types) >= maxTold {
				s.types = map[string]bool{"*": true}
			}
			s.types[n.Type] = true
			select {
			case s.ready <- struct{}{}:
			default:
			}
		}
	}
}

// take is what a page has not been told yet.
func (h *hub) take(s *stream) (types []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range s.types {
		types = append(types, name)
	}
	s.types = map[string]bool{}
	return types
}

// ByItself reports whether a page asks and not a person: to be told what happens, or
// to refresh itself.
func ByItself(r *http.Request) bool {
	return r.Header.Get("Sluice-Refresh") != "" || strings.HasSuffix(r.URL.Path, livePath)
}

// Run asks the ear and tells open pages, until ctx ends; then the pages' streams end.
func (d *Desk) Run(ctx context.Context) error {
	defer close(d.hub.over)
	if d.cfg.Ear == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var ear Ear
	for {
		if !d.hub.watched() {
			ear = nil // what happens while nobody watches is nobody's business
			select {
			case <-ctx.Done():
				return nil
			case <-d.hub.woken:
			}
		}
		if err := d.look(ctx, &ear); err != nil && ctx.Err() == nil {
			d.cfg.Log.WarnContext(ctx, "open pages are not told what happens", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Desk) look(ctx context.Context, ear *Ear) (err error) {
	if *ear == nil {
		if *ear, err = d.cfg.Ear(ctx); err != nil {
			*ear = nil
		}
		return err
	}
	if w, asks := (*ear).(Watching); asks {
		w.Watch(d.hub.seats())
	}
	news, err := (*ear).Hear(ctx)
	if err == nil && len(news) > 0 {
		d.hub.tell(news)
	}
	return err
}

// live is the stream of one page: the types of what happened on the account or on one
// of its connected accounts. It says nothing else; the page asks again for what it shows.
func (d *Desk) live(w http.ResponseWriter, r *http.Request, v *Visit) error {
	s, ok := d.hub.join(v.Chair.Seat)
	if !ok {
		w.WriteHeader(http.StatusNoContent) // the browser does not ask again
		return nil
	}
	defer d.hub.leave(s)
	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	say := func(format string, args ...any) bool {
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && out.Flush() == nil
	}
	if !say("retry: 3000\n\n") {
		return nil
	}
	quiet, end := time.NewTicker(quietAfter), time.NewTimer(streamLife)
	defer quiet.Stop()
	defer end.Stop()
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-d.hub.over:
			return nil
		case <-end.C:
			return nil
		case <-quiet.C:
			if !say(": \n\n") {
				return nil
			}
		case <-s.ready:
			for _, name := range d.hub.take(s) {
				if !say("data: %s\n\n", name) {
					return nil
				}
			}
		}
	}
}

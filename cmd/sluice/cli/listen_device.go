package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

const (
	// silentServer is how long the server may send nothing, not even a ping.
	silentServer = 45 * time.Second
	// slowServer is how long a frame may take to leave us.
	slowServer = 10 * time.Second
	// remembered is how many answers are kept for a server that may not have got them,
	// lostFor is how old one may be: the connection broke as it was on its way.
	remembered = 1024
	lostFor    = time.Minute
	// maxKept is how much of an answer is worth sending on: the attempt log keeps as much.
	maxKept = 16 << 10
	// firstPause and longestPause bound the wait before connecting again.
	firstPause, longestPause = 250 * time.Millisecond, 10 * time.Second
)

// The server's close codes that say not to come back.
const (
	closeTakenOver = 4001
	closeRevoked   = 4003
)

// pushed is an event as it comes through the socket.
type pushed struct {
	Type     string            `json:"type"` // webhook_event
	Payload  string            `json:"event_payload"`
	Headers  map[string]string `json:"http_headers"`
	Delivery string            `json:"webhook_conversation_id"`
	Endpoint string            `json:"webhook_id"`
}

// answered is what became of one. Without a URL it was only taken.
type answered struct {
	Type     string            `json:"type"` // webhook_response, or event_ack
	Delivery string            `json:"webhook_conversation_id"`
	Endpoint string            `json:"webhook_id"`
	Status   int               `json:"status"`
	Body     string            `json:"body"`
	Headers  map[string]string `json:"http_headers,omitempty"`
}

// told is an answer, and the connection it was sent through.
type told struct {
	answered
	through *websocket.Conn
	at      time.Time
}

// device is this machine as a listener. It connects again whenever the connection
// breaks, and does not hand an event on twice because of that: what comes again
// through a new connection is answered as before. What comes again through the same
// one was asked for, and is handed on again.
type device struct {
	client  *client.Client
	params  url.Values                                           // of the session
	ready   func(wire.CLISession)                                // at every connection
	trouble func(text string)                                    // what goes wrong on the way
	handle  func(ctx context.Context, p pushed) (answered, bool) // false: given up, the event is to come again

	working sync.WaitGroup
	mu      sync.Mutex
	conn    *websocket.Conn // nil while not connected
	running map[string]bool // deliveries being handled
	done    map[string]told
	order   []string // of done, oldest first
}

// run listens until ctx is done, or until the server says not to come back. What is
// under way then gets a second to end; the server has the rest back at once.
func (d *device) run(ctx context.Context) error {
	d.running, d.done = map[string]bool{}, map[string]told{}
	working, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer d.working.Wait()
	defer cut()
	pause, everMet, said := firstPause, false, ""
	for {
		met, err := d.once(ctx, working, cut)
		if met {
			pause, everMet, said = firstPause, true, ""
		}
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is how listening ends
		case !everMet || final(err):
			return advise(err)
		}
		if text := fmt.Sprintf("connection lost (%v), trying again", err); text != said {
			d.trouble(text)
			said = text
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// final is true of an error that trying again does not mend.
func final(err error) bool {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused.Status >= 400 && refused.Status < 500 && refused.Status != http.StatusTooManyRequests && refused.Status != http.StatusConflict
	}
	return websocket.IsCloseError(err, closeTakenOver, closeRevoked)
}

// advise says what to do about an error.
func advise(err error) error {
	switch {
	case websocket.IsCloseError(err, closeTakenOver):
		return coded{errors.New("another listener of this device took over: give each its own --device"), ExitConflict}
	case websocket.IsCloseError(err, closeRevoked):
		return coded{errors.New("the API key was revoked"), ExitAuth}
	}
	return err
}

// once is one session with one connection; met tells whether it came to be.
func (d *device) once(ctx, working context.Context, cut context.CancelFunc) (met bool, err error) {
	session, err := d.open(ctx)
	if err != nil {
		return false, err
	}
	conn, err := d.dial(ctx, session)
	if err != nil {
		return false, err
	}
	d.params.Del("since") // that was for the first time
	d.params.Del("since_seconds")
	d.ready(session)
	return true, d.serve(ctx, conn, working, cut)
}

func (d *device) open(ctx context.Context) (wire.CLISession, error) {
	var session wire.CLISession
	err := d.client.Post(ctx, "/v1/stripecli/sessions", d.params, &session)
	return session, err
}

func (d *device) dial(ctx context.Context, session wire.CLISession) (*websocket.Conn, error) {
	dialer := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: slowServer, Subprotocols: []string{"stripecli-devproxy-v1"},
	}
	conn, resp, err := dialer.DialContext(ctx, session.WebSocketURL+"?websocket_feature="+url.QueryEscape(session.WebSocketAuthorizedFeature),
		http.Header{"Websocket-Id": {session.WebSocketID}})
	switch {
	case err == nil:
		return conn, nil
	case resp != nil:
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	}
	return nil, unreachablef("%s does not answer: %w", d.client.BaseURL, err)
}

// serve works on one connection until it breaks or ctx is done.
func (d *device) serve(ctx context.Context, conn *websocket.Conn, working context.Context, cut context.CancelFunc) (err error) {
	d.mu.Lock()
	d.conn = conn
	d.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- d.read(conn, working) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		d.finishUp(cut)
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	}
	d.mu.Lock()
	d.conn = nil
	d.mu.Unlock()
	_ = conn.Close()
	return err
}

// finishUp lets what is under way end by itself for a second.
func (d *device) finishUp(cut context.CancelFunc) {
	idle := make(chan struct{})
	go func() {
		d.working.Wait()
		close(idle)
	}()
	grace := time.NewTimer(time.Second)
	defer grace.Stop()
	select {
	case <-idle:
	case <-grace.C:
	}
	cut()
}

// read starts work on every event that comes. The server sends no more than it
// wants answered at a time, so there is no bound of our own.
func (d *device) read(conn *websocket.Conn, working context.Context) error {
	answer := conn.PingHandler()
	alive := func() error { return conn.SetReadDeadline(time.Now().Add(silentServer)) }
	conn.SetPingHandler(func(data string) error { return errors.Join(alive(), answer(data)) })
	for {
		if err := alive(); err != nil {
			return err
		}
		var p pushed
		if err := conn.ReadJSON(&p); err != nil {
			return err
		}
		if p.Type == "webhook_event" {
			d.take(working, p)
		}
	}
}

// take hands an event on, unless that was done or is being done.
func (d *device) take(working context.Context, p pushed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if before, known := d.done[p.Delivery]; known && before.through != d.conn && time.Since(before.at) < lostFor {
		d.answer(before.answered)
		return
	}
	if d.running[p.Delivery] || working.Err() != nil {
		return
	}
	d.running[p.Delivery] = true
	d.working.Go(func() {
		a, ok := d.handle(working, p)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.running, p.Delivery)
		if !ok {
			return
		}
		a.Delivery, a.Endpoint = p.Delivery, p.Endpoint
		d.answer(a)
	})
}

// answer sends what became of an event, to whoever is connected now. What does not
// get through is sent when the event comes again. The caller holds d.mu.
func (d *device) answer(a answered) {
	d.done[a.Delivery] = told{answered: a, through: d.conn, at: time.Now()}
	if d.order = append(d.order, a.Delivery); len(d.order) > remembered {
		delete(d.done, d.order[0])
		d.order = slices.Delete(d.order, 0, 1)
	}
	if d.conn == nil {
		return
	}
	_ = d.conn.SetWriteDeadline(time.Now().Add(slowServer))
	_ = d.conn.WriteJSON(a)
}

// clip reads as much of a body as is worth keeping.
func clip(r io.Reader) string {
	kept, _ := io.ReadAll(io.LimitReader(r, maxKept)) // the status has decided
	return string(kept)
}

// summary is what one line tells of an event.
type summary struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Account string `json:"account"`
	Data    struct {
		Object struct{ ID string }
	}
}

func summarize(payload string) (summary, error) {
	var s summary
	err := json.Unmarshal([]byte(payload), &s)
	return s, err
}

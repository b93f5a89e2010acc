package connecthttp

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
)

// The socket speaks what Stripe's CLI speaks, in JSON text frames.
//
// To the device, webhook_event: the body as it would be posted and its headers.
// endpoint.api_version is null, which means the account's version: there is one.
// From the device, event_ack: it has the event; webhook_response: what the
// application behind it answered. An answer needs no acknowledgement before it; a
// device that wants an event again after a crash acknowledges only what is done.
const subprotocol = "stripecli-devproxy-v1"

const (
	// slowDevice is how long a frame may take to leave us.
	slowDevice = 10 * time.Second
	// silentDevice is how long a device may send nothing, not even a pong.
	silentDevice = 45 * time.Second
	pingEvery    = silentDevice / 3
	// maxFrame bounds what a device sends at once: an answer, and with Stripe's CLI
	// the event that it answers.
	maxFrame = 2 << 20
	// maxAnswer is what is kept of an answer: replies wait here while a frame is on its
	// way to a device that does not read.
	maxAnswer = 16 << 10
	// goodbye is how long a device may take to answer our close frame.
	goodbye = 500 * time.Millisecond
)

// Close codes beside those of RFC 6455.
const (
	closeTakenOver = 4001 // a newer connection of the device is there: do not come back by yourself
	closeRevoked   = 4003 // the API key is not good any more
)

var upgrader = websocket.Upgrader{
	HandshakeTimeout: slowDevice,
	Subprotocols:     []string{subprotocol},
	// A session travels in a header of its own, which no browser's page can set.
	CheckOrigin: func(*http.Request) bool { return true },
}

type pushFrame struct {
	Endpoint struct {
		APIVersion *string `json:"api_version"`
	} `json:"endpoint"`
	EventPayload          string            `json:"event_payload"`
	HTTPHeaders           map[string]string `json:"http_headers"`
	Type                  string            `json:"type"` // webhook_event
	WebhookConversationID string            `json:"webhook_conversation_id"`
	WebhookID             string            `json:"webhook_id"`
}

type replyFrame struct {
	Type                  string `json:"type"` // event_ack or webhook_response
	WebhookConversationID string `json:"webhook_conversation_id"`
	Status                int    `json:"status"`
	Body                  string `json:"body"`
}

func (d listenDoor) connect(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		refuse(w, r, fault.Invalidf("", "", "This URL is for WebSocket connections."))
		return
	}
	pull, err := d.listeners.Connect(r.Context(), r.Header.Get("Websocket-Id"))
	if err != nil {
		refuse(w, r, err)
		return
	}
	defer pull.Close()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	s := socket{conn: conn, replies: make(chan webhook.Reply, 256), ended: make(chan struct{})}
	go s.read(pull)
	go s.keep(pull)
	s.close(pull.Run(s.send, s.replies))
}

func refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.As(err)
	if f == nil {
		slog.ErrorContext(r.Context(), "device not connected", "request", rest.RequestID(r.Context()), "error", err)
		f = &fault.Error{Kind: fault.Unavailable, Message: "The device could not be connected. Try again."}
	}
	status, body := rest.RenderFault(f)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a device that went away is no error of ours
}

// socket is one connected device. send is called by one goroutine, which owns
// writing; pings and the close frame may be written beside it.
type socket struct {
	conn    *websocket.Conn
	replies chan webhook.Reply
	ended   chan struct{} // closed when nothing more is read
}

func (s socket) send(p webhook.Push) error {
	frame := pushFrame{
		EventPayload: string(p.Body), HTTPHeaders: make(map[string]string, len(p.Header)), Type: "webhook_event",
		WebhookConversationID: p.Delivery, WebhookID: p.Endpoint,
	}
	for name := range p.Header {
		frame.HTTPHeaders[name] = p.Header.Get(name)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(slowDevice)); err != nil {
		return err
	}
	return s.conn.WriteJSON(frame)
}

// read passes on what the device says until it goes, or is silent too long.
func (s socket) read(pull *webhook.Pull) {
	defer close(s.ended)
	defer close(s.replies)
	alive := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(silentDevice)) }
	s.conn.SetReadLimit(maxFrame)
	s.conn.SetPongHandler(alive)
	answer := s.conn.PingHandler()
	s.conn.SetPingHandler(func(data string) error { return errors.Join(alive(""), answer(data)) })
	for {
		_ = alive("") // a broken connection shows at the read
		_, text, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		reply, ok := replyOf(text)
		if !ok {
			continue // later devices may say more than we know
		}
		select {
		case s.replies <- reply:
		case <-pull.Done():
			return
		}
	}
}

func replyOf(text []byte) (webhook.Reply, bool) {
	var frame replyFrame
	if json.Unmarshal(text, &frame) != nil || frame.Type != "event_ack" && frame.Type != "webhook_response" {
		return webhook.Reply{}, false
	}
	return webhook.Reply{
		Delivery: strings.Clone(frame.WebhookConversationID[:min(len(frame.WebhookConversationID), maxAnswer)]),
		Answered: frame.Type == "webhook_response", Status: frame.Status, Body: []byte(frame.Body[:min(len(frame.Body), maxAnswer)]),
	}, true
}

// keep pings the device, and cuts short a write to a slow one when the connection is
// to end: a stopping server does not wait for it.
func (s socket) keep(pull *webhook.Pull) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-pull.Done():
			_ = s.conn.NetConn().SetWriteDeadline(time.Now().Add(goodbye)) // a broken connection shows at the read
			return
		case <-tick.C:
			_ = s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(slowDevice)) // a broken connection shows at the read
		}
	}
}

// close says why, waits a moment for the device to say the same, and hangs up.
func (s socket) close(why error) {
	code, text := websocket.CloseInternalServerErr, ""
	switch {
	case errors.Is(why, webhook.ErrTakenOver):
		code, text = closeTakenOver, "A newer connection of this device took over."
	case errors.Is(why, webhook.ErrRevoked):
		code, text = closeRevoked, "The API key of this session was revoked."
	case errors.Is(why, webhook.ErrEnded):
		code, text = websocket.CloseGoingAway, "The session is at its end. Open another."
	case errors.Is(why, webhook.ErrStopping):
		code, text = websocket.CloseGoingAway, "The server is stopping. Connect again."
	}
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(goodbye)) // it may be gone
	patience := time.NewTimer(goodbye)
	defer patience.Stop()
	select {
	case <-s.ended:
	case <-patience.C:
	}
	_ = s.conn.Close()
	<-s.ended
}

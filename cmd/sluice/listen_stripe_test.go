package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/id"
)

// stripeCLI speaks to the server what the `listen` of Stripe's own command line
// speaks, version 1.52: the same request, headers, frames and names, and not one more.
type stripeCLI struct {
	h       *house
	key     string
	session struct {
		DisplayConnectFilterWarning bool   `json:"display_connect_filter_warning"`
		ReconnectDelay              int    `json:"reconnect_delay"`
		Secret                      string `json:"secret"`
		WebSocketAuthorizedFeature  string `json:"websocket_authorized_feature"`
		WebSocketID                 string `json:"websocket_id"`
		WebSocketURL                string `json:"websocket_url"`
		DefaultVersion              string `json:"default_version"`
		LatestVersion               string `json:"latest_version"`
	}
	conn *websocket.Conn
}

// stripeFrame is what comes: read strictly, so that nothing is sent that the CLI would not know.
type stripeFrame struct {
	Endpoint struct {
		APIVersion *string `json:"api_version"`
	} `json:"endpoint"`
	EventPayload          string            `json:"event_payload"`
	HTTPHeaders           map[string]string `json:"http_headers"`
	Type                  string            `json:"type"`
	WebhookConversationID string            `json:"webhook_conversation_id"`
	WebhookID             string            `json:"webhook_id"`
}

func (h *house) stripeCLI(key string) *stripeCLI { return &stripeCLI{h: h, key: key} }

func (c *stripeCLI) authorize(form string) {
	c.h.t.Helper()
	r := c.h.send(http.StatusOK, letter{method: "POST", path: "/v1/stripecli/sessions", form: form, header: map[string]string{
		"Authorization": "Bearer " + c.key, "User-Agent": "Stripe/v1 stripe-cli/1.52.0",
	}})
	if err := json.Unmarshal(r.raw, &c.session); err != nil {
		c.h.t.Fatal(err)
	}
}

func (c *stripeCLI) dial() (*http.Response, error) {
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: []string{"stripecli-devproxy-v1"}}
	conn, res, err := dialer.DialContext(c.h.t.Context(), c.session.WebSocketURL+"?websocket_feature="+c.session.WebSocketAuthorizedFeature,
		http.Header{"Accept-Encoding": {"identity"}, "Websocket-Id": {c.session.WebSocketID}})
	if err == nil {
		c.conn = conn
		c.h.t.Cleanup(func() { _ = conn.Close() })
	}
	return res, err
}

func (c *stripeCLI) connect() {
	c.h.t.Helper()
	if _, err := c.dial(); err != nil {
		c.h.t.Fatal(err)
	}
}

func (c *stripeCLI) read() (f stripeFrame) {
	c.h.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, text, err := c.conn.ReadMessage()
	if err != nil {
		c.h.t.Fatal(err)
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&f); err != nil {
		c.h.t.Fatalf("%v: %s", err, text)
	}
	return f
}

func (c *stripeCLI) write(frame map[string]any) {
	c.h.t.Helper()
	if err := c.conn.WriteJSON(frame); err != nil {
		c.h.t.Fatal(err)
	}
}

// ended is the close code the connection ends with.
func (c *stripeCLI) ended() int {
	c.h.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		_, _, err := c.conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			c.h.t.Fatal(err)
		}
	}
}

const stripeForm = "device_name=st-laptop&websocket_features%5B%5D=webhooks&forward_to_url=http%3A%2F%2Flocalhost%3A3000%2Fa%3Fx%3D1&forward_connect_to_url=http%3A%2F%2Flocalhost%3A3000%2Fb"

func TestStripesCLIListensAsAtHome(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, c := clerk{house: h}, h.stripeCLI(h.key)
	c.authorize(stripeForm)
	if s := c.session; s.Secret == "" || s.WebSocketAuthorizedFeature != "webhooks" || s.ReconnectDelay < 60 || s.DefaultVersion == "" || s.LatestVersion == "" ||
		s.DisplayConnectFilterWarning || !strings.HasPrefix(s.WebSocketURL, "ws://") || strings.Contains(s.WebSocketURL, "?") {
		t.Errorf("%+v", s)
	}
	c.connect()
	if c.conn.Subprotocol() != "stripecli-devproxy-v1" {
		t.Errorf("subprotocol %q", c.conn.Subprotocol())
	}
	if err := c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	tutor := ada.tutor()
	ada.of(tutor).post("/v1/charges", "amount=5000&currency=hkd&source=tok_visa")
	connected := false
	for !connected {
		f := c.read()
		var e struct{ ID, Type, Account string }
		if err := json.Unmarshal([]byte(f.EventPayload), &e); err != nil {
			t.Fatal(err)
		}
		if f.Type != "webhook_event" || f.Endpoint.APIVersion != nil || !strings.HasPrefix(f.WebhookID, "we_") {
			t.Errorf("%+v", f)
		}
		if err := stripewebhook.ValidatePayload([]byte(f.EventPayload), f.HTTPHeaders["Stripe-Signature"], c.session.Secret); err != nil {
			t.Error(err)
		}
		c.write(map[string]any{"type": "event_ack", "webhook_conversation_id": f.WebhookConversationID, "event_id": e.ID, "webhook_id": f.WebhookID})
		c.write(map[string]any{
			"forward_url": "http://localhost:3000/a", "status": 202, "http_headers": map[string]string{"X": "y"}, "body": "thank you " + e.ID,
			"type": "webhook_response", "webhook_conversation_id": f.WebhookConversationID, "webhook_id": f.WebhookID,
			"request_headers": f.HTTPHeaders, "request_body": f.EventPayload, "notification_id": e.ID,
		})
		connected = e.Account == tutor && e.Type == "charge.succeeded"
		bustest.Eventually(t, "the answer is in the log", func() bool {
			var body string
			err := h.app.pool.NewRaw(`SELECT convert_from(a.response, 'UTF8') FROM connect.webhook_attempts AS a JOIN connect.webhook_deliveries AS d ON d.id = a.delivery
				WHERE d.id = ? AND d.status = 'delivered' AND a.status = 202`, f.WebhookConversationID).Scan(t.Context(), &body)
			return err == nil && body == "thank you "+e.ID
		})
	}
}

// The CLI opens a new session when it reads exactly this.
func TestAnUnknownSessionIsToldInTheWordsThatStripesCLIKnows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.stripeCLI(h.key)
	c.authorize(stripeForm)
	c.session.WebSocketID = "cliws_gone"
	res, err := c.dial()
	if err == nil || res == nil {
		t.Fatalf("connected: %v", err)
	}
	body, _ := io.ReadAll(res.Body)
	var refused struct{ Error struct{ Message string } }
	if err := json.Unmarshal(body, &refused); err != nil || refused.Error.Message != "Unknown WebSocket ID." || res.StatusCode != 401 {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if r := h.exchange(letter{method: "GET", path: "/v1/stripecli/subscribe"}); r.status != 400 {
		t.Errorf("without an upgrade: %d %s", r.status, r.raw)
	}
}

func TestWhoMayOpenASession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	connected := h.welcome()
	for name, c := range map[string]struct {
		key, account, form string
		status             int
		param              string
	}{
		"a secret key":                             {key: h.key, status: 200},
		"a restricted key for webhook endpoints":   {key: h.restricted("webhook_endpoints:write"), status: 200},
		"a restricted key that reads them":         {key: h.restricted("webhook_endpoints:read"), status: 403},
		"a restricted key for events":              {key: h.restricted("events:write"), status: 403},
		"a publishable key":                        {key: h.newKey(h.platform, false, credential.NewKey{Kind: credential.Publishable}), status: 401},
		"a live key":                               {key: h.newKey(h.platform, true, credential.NewKey{Kind: credential.Secret}), status: 200},
		"an access token":                          {key: connected["acts"].token.AccessToken, status: 403},
		"a key for a connected account":            {key: h.key, account: ada.tutor(), status: 400},
		"other features of Stripe's":               {key: h.key, form: "&websocket_features[]=request_logs", status: 400, param: "websocket_features"},
		"features of Stripe's, the one among them": {key: h.key, form: "&websocket_features[]=v2_events&websocket_features[]=webhooks", status: 200},
		"since what is no event":                   {key: h.key, form: "&since=ch_1", status: 400, param: "since"},
		"since a made-up event":                    {key: h.key, form: "&since=evt_0", status: 400, param: "since"},
		"since an event long ago":                  {key: h.key, form: "&since=" + id.First("evt", time.Now().Add(-31*24*time.Hour)), status: 400, param: "since"},
		"since twice":                              {key: h.key, form: "&since=evt_1&since_seconds=1", status: 400, param: "since"},
		"since long ago":                           {key: h.key, form: "&since_seconds=99999999", status: 400, param: "since_seconds"},
	} {
		header := map[string]string{"Authorization": "Bearer " + c.key}
		if c.account != "" {
			header["Stripe-Account"] = c.account
		}
		r := h.exchange(letter{method: "POST", path: "/v1/stripecli/sessions", form: "device_name=x" + c.form, header: header})
		param, _ := r.at("error", "param").(string)
		if r.status != c.status || param != c.param {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
}

func TestTheSecretOfASessionIsNotRememberedForItsIdempotencyKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := letter{method: "POST", path: "/v1/stripecli/sessions", form: "device_name=x", header: map[string]string{"Idempotency-Key": "once"}}
	first, second := h.send(200, ask), h.send(200, ask)
	if first.body["secret"] == nil || first.body["websocket_id"] == nil || second.body["secret"] != nil || second.body["websocket_id"] != nil {
		t.Errorf("%s\n%s", first.raw, second.raw)
	}
}

func TestARevokedKeyClosesItsSockets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	made := ada.post("/v1/api_keys", "type=secret&name=laptop")
	c := h.stripeCLI(made["secret"].(string))
	c.authorize(stripeForm)
	c.connect()
	ada.post("/v1/api_keys/"+made["id"].(string)+"/revoke", "")
	if code := c.ended(); code != 4003 {
		t.Errorf("close code %d", code)
	}
}

func TestANewerSocketOfADeviceClosesTheOlder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, next := h.stripeCLI(h.key), h.stripeCLI(h.key)
	old.authorize(stripeForm)
	old.connect()
	next.authorize(stripeForm)
	next.connect()
	if code := old.ended(); code != 4001 {
		t.Errorf("close code %d", code)
	}
}

func TestAStoppingServerSaysGoodbyeToItsSockets(t *testing.T) {
	t.Parallel()
	ready := make(chan string, 1)
	app := newApplication(t, allRoles, 4, func(cfg *Config) { cfg.OnReady = func(base string) { ready <- base } })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	h := &house{t: t, app: app, url: <-ready}
	h.moveIn(t.Context())
	c := h.stripeCLI(h.key)
	c.authorize(stripeForm)
	base, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	if c.session.WebSocketURL != "ws://"+base.Host+"/v1/stripecli/subscribe" {
		t.Errorf("without an address of its own the server says %s", c.session.WebSocketURL)
	}
	c.connect()
	stop()
	if code := c.ended(); code != websocket.CloseGoingAway {
		t.Errorf("close code %d", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

package webhook

import (
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	inboxSize    = 200
	inboxMaxBody = 1 << 20
)

// Received is a webhook that reached an inbox.
type Received struct {
	At     time.Time         `json:"at"`
	Path   string            `json:"path"`
	ID     string            `json:"id"` // webhook-id
	Type   string            `json:"type"`
	Header map[string]string `json:"header"`
	Body   json.RawMessage   `json:"body"`
}

// DevInbox is a receiver for development: POST keeps a webhook in memory, GET
// shows the newest 200, as HTML to browsers and as JSON to everybody else.
type DevInbox struct {
	mu   sync.Mutex
	kept []Received // oldest first
}

// NewInbox makes an empty inbox.
func NewInbox() *DevInbox { return &DevInbox{} }

// ServeHTTP stores or lists.
func (b *DevInbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		b.store(w, r)
	case http.MethodGet, http.MethodHead:
		b.list(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

func (b *DevInbox) store(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, inboxMaxBody))
	var event struct {
		Type string `json:"type"`
	}
	if err != nil || json.Unmarshal(body, &event) != nil {
		http.Error(w, "not a JSON object of at most 1 MiB", http.StatusBadRequest)
		return
	}
	got := Received{
		At: time.Now().UTC(), Path: r.URL.Path, ID: r.Header.Get("webhook-id"), Type: event.Type,
		Header: make(map[string]string, len(r.Header)), Body: body,
	}
	for name := range r.Header {
		got.Header[name] = r.Header.Get(name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, got)
	if over := len(b.kept) - inboxSize; over > 0 {
		b.kept = append([]Received(nil), b.kept[over:]...)
	}
}

// newest is what the inbox holds, newest first.
func (b *DevInbox) newest() []Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Received, len(b.kept))
	for i, got := range b.kept {
		out[len(out)-1-i] = got
	}
	return out
}

func (b *DevInbox) list(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = inboxPage.Execute(w, b.newest()) // the browser has gone away
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(map[string]any{"object": "list", "data": b.newest()}) // the client has gone away
}

// Text is the body as a person reads it.
func (r Received) Text() string { return string(r.Body) }

var inboxPage = template.Must(template.New("inbox").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Webhook inbox</title>
<style>body{font:15px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}summary{cursor:pointer}
pre{background:#f5f5f5;padding:1rem;overflow:auto}time{color:#555}</style>
<h1>Webhook inbox</h1>
{{range .}}<details><summary><code>{{.Type}}</code> {{.ID}} <time>{{.At.Format "15:04:05.000"}}</time></summary>
<pre>{{range $name, $value := .Header}}{{$name}}: {{$value}}
{{end}}
{{.Text}}</pre></details>
{{else}}<p>Nothing has arrived yet. Reload after your next payment.</p>{{end}}
</html>
`))

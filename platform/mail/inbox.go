package mail

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxInbox bounds the memory; older messages are dropped.
const maxInbox = 200

// Inbox keeps mails instead of sending them, for development and tests, and shows
// them as a page. It must not be mounted where strangers come: mails hold codes.
type Inbox struct {
	mu    sync.Mutex
	mails []Received // oldest first
	next  int
	pages http.Handler
}

// Received is a mail in the inbox.
type Received struct {
	ID      int       `json:"id"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	At      time.Time `json:"received_at"`
}

// NewInbox is empty.
func NewInbox() *Inbox {
	i := &Inbox{}
	i.pages = http.NewCrossOriginProtection().Handler(http.HandlerFunc(i.serve))
	return i
}

// Send keeps the message.
func (i *Inbox) Send(_ context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next++
	i.mails = append(i.mails, Received{ID: i.next, To: m.To, Subject: m.Subject, Text: m.Text, At: time.Now().UTC().Truncate(time.Millisecond)})
	if len(i.mails) > maxInbox {
		i.mails = slices.Delete(i.mails, 0, len(i.mails)-maxInbox)
	}
	return nil
}

// Mails are the newest first, those to one address ("" for all).
func (i *Inbox) Mails(to string) []Received {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := []Received{}
	for _, m := range slices.Backward(i.mails) {
		if to == "" || strings.EqualFold(m.To, to) {
			out = append(out, m)
		}
	}
	return out
}

// Clear forgets everything.
func (i *Inbox) Clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mails = nil
}

// ServeHTTP shows the mails (?to=… those of one address), as JSON if asked for;
// POST clears.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.pages.ServeHTTP(w, r) }

func (i *Inbox) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", inboxPolicy)
	switch {
	case r.Method == http.MethodPost:
		i.Clear()
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case strings.Contains(r.Header.Get("Accept"), "application/json"):
		h.Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": i.Mails(r.URL.Query().Get("to"))})
	default:
		h.Set("Content-Type", "text/html; charset=utf-8")
		to := r.URL.Query().Get("to")
		_ = inboxPage.Execute(w, map[string]any{"Mails": i.Mails(to), "To": to, "Style": template.CSS(inboxStyle), "Most": maxInbox})
	}
}

const inboxStyle = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;background:light-dark(#f6f7f9,#14161a);color:light-dark(#1b1f27,#e8eaee)}
main{max-width:44rem;margin:0 auto;padding:2rem 1rem}
header{display:flex;gap:1rem;align-items:center;justify-content:space-between;flex-wrap:wrap}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:0;overflow-wrap:anywhere}
article{background:light-dark(#fff,#1d2026);border:1px solid light-dark(#dfe3e9,#333842);border-radius:12px;padding:1rem 1.25rem;margin:1rem 0}
.meta{color:light-dark(#596173,#a3abba);font-size:.875rem;margin:.15rem 0 0;overflow-wrap:anywhere}
.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:.75rem 0 0}
a{color:light-dark(#3d43c6,#a9b0ff)}
button{font:inherit;padding:.45rem .9rem;border-radius:8px;border:1px solid light-dark(#c6ccd6,#454c59);background:light-dark(#fff,#262a32);color:inherit;cursor:pointer}
:focus-visible{outline:3px solid light-dark(#3d43c6,#a9b0ff);outline-offset:2px}
`

// inboxPolicy lets in exactly the page's own style, by its hash, and nothing else.
var inboxPolicy = func() string {
	sum := sha256.Sum256([]byte(inboxStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

var inboxPage = template.Must(template.New("inbox").Funcs(template.FuncMap{"pieces": pieces}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mails · Sluice development</title><style>{{.Style}}</style></head>
<body><main><header><h1>Mails{{with .To}} to {{.}}{{end}}</h1>
{{if .Mails}}<form method="post"><button>Clear</button></form>{{end}}</header>
<p class="meta">Nothing is sent in development: the newest {{.Most}} mails stay here until the process ends.{{if .To}} <a href="?">Show all</a>{{end}}</p>
{{range .Mails}}<article aria-labelledby="mail-{{.ID}}"><h2 id="mail-{{.ID}}">{{.Subject}}</h2>
<p class="meta">To <a href="?to={{.To}}">{{.To}}</a> · <time datetime="{{.At.Format "2006-01-02T15:04:05Z07:00"}}">{{.At.Format "15:04:05"}} UTC</time></p>
<p class="text">{{range pieces .Text}}{{if .Link}}<a href="{{.Text}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}{{end}}</p></article>
{{else}}<p>No mails yet.</p>{{end}}</main></body></html>
`))

var links = regexp.MustCompile(`https?://[^\s<>"]+`)

type piece struct {
	Text string
	Link bool
}

// pieces are a text cut at its links.
func pieces(text string) (out []piece) {
	text, at := strings.TrimSpace(text), 0
	for _, m := range links.FindAllStringIndex(text, -1) {
		out = append(out, piece{Text: text[at:m[0]]}, piece{Text: text[m[0]:m[1]], Link: true})
		at = m[1]
	}
	return append(out, piece{Text: text[at:]})
}

package requestlog

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// entry is one row: a request as it may be kept.
type entry struct {
	bun.BaseModel `bun:"table:platform.request_logs,alias:r"`

	ID             string
	Account        string
	Livemode       bool
	ForAccount     string
	KeyID          string
	Person         string
	Method         string
	Path           string
	Route          string
	Status         int
	TookUS         int64 `bun:"took_us"`
	IdempotencyKey string
	Replayed       bool
	ObjectID       string
	APIVersion     string          `bun:"api_version"`
	IP             string          `bun:"ip"`
	Params         json.RawMessage `bun:"type:json"`
	ErrorType      string
	ErrorCode      string
	ErrorParam     string
	Error          json.RawMessage `bun:"type:json"`
	CreatedAt      time.Time
}

// entryOf redacts.
func entryOf(s rest.Served) entry {
	var r redaction
	e := entry{
		ID: s.ID, Account: s.Account, Livemode: s.Scope.Livemode, ForAccount: s.Scope.Account, KeyID: s.Key, Person: s.Person,
		Method: s.Method, Route: s.Route, Status: s.Status, TookUS: s.Took.Microseconds(), Replayed: s.Replayed, IP: s.IP,
		Params: r.params(s.Params, s.Size), CreatedAt: s.At,
	}
	e.Path = r.path(s.Path, s.Route)
	e.IdempotencyKey = keyShown(s.IdempotencyKey)
	if s.Version == wire.APIVersion || versions.MatchString(s.Version) {
		e.APIVersion = s.Version
	}
	if s.Status >= 400 {
		e.fail(&r, s)
	}
	e.ObjectID = Object(s)
	return e
}

// keyShown is an idempotency key: callers make them of anything, most of a UUID.
func keyShown(s string) string {
	if uuid(s) || isWord(s) {
		return s
	}
	return Redacted
}

func uuid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range s {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !strings.Contains("0123456789abcdefABCDEF", s[i:i+1]) {
			return false
		}
	}
	return true
}

// Object is the id of what a request made or was about: of its answer, or the last one in its path.
func Object(s rest.Served) string {
	if s.Status < 400 {
		if id, ok := rendered(s.Answer); ok {
			return id
		}
		if found := firstID.FindSubmatch(s.Answer[:min(len(s.Answer), 200)]); found != nil {
			return string(found[1])
		}
	}
	parts := strings.Split(s.Path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if isID(parts[i]) {
			return parts[i]
		}
	}
	return ""
}

// rendered is the id of an answer that begins as all answers of ours do.
func rendered(answer []byte) (id string, ok bool) {
	rest, ok := bytes.CutPrefix(answer, []byte("{\n  \"id\": \""))
	end := bytes.IndexByte(rest, '"')
	if !ok || end < 0 || end > 40 {
		return "", false
	}
	id = string(rest[:end])
	return id, idShaped(id)
}

// fail adds the error that was answered.
func (e *entry) fail(r *redaction, s rest.Served) {
	var answer struct{ Error map[string]any }
	if s.Fault != nil {
		_, s.Answer = rest.RenderFault(s.Fault)
	}
	decoder := json.NewDecoder(bytes.NewReader(s.Answer))
	decoder.UseNumber()
	if decoder.Decode(&answer) != nil {
		return
	}
	shown := make(map[string]string, len(answer.Error))
	for name, v := range answer.Error {
		text, ok := v.(string)
		switch {
		case !ok:
		case name == "message":
			shown[name] = r.message(text)
		case name == "param":
			shown[name] = r.param(text)
		case isWord(text):
			shown[name] = text
		}
	}
	e.ErrorType, e.ErrorCode, e.ErrorParam = shown["type"], shown["code"], shown["param"]
	e.Error, _ = json.Marshal(shown) // a map of strings
}

// wire is the entry as the API shows it.
func (e *entry) wire() *wire.RequestLog {
	out := &wire.RequestLog{
		ID: e.ID, Object: "request_log", Account: e.Account, APIVersion: wire.Nullable(e.APIVersion), Created: wire.Unix(e.CreatedAt),
		DurationUS: e.TookUS, ForAccount: e.ForAccount, IdempotencyKey: wire.Nullable(e.IdempotencyKey), IP: wire.Nullable(e.IP),
		Key: e.KeyID, Livemode: e.Livemode, Method: e.Method, Params: e.Params, Path: e.Path, Person: wire.Nullable(e.Person),
		RelatedObject: wire.Nullable(e.ObjectID), Replayed: e.Replayed, Route: e.Route, Status: e.Status,
	}
	if e.ErrorType != "" {
		out.Error = &wire.RequestLogError{}
		_ = json.Unmarshal(e.Error, out.Error) // we wrote it
	}
	return out
}

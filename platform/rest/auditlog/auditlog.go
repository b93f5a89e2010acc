// Package auditlog remembers who changed what: everything that people change through
// a dashboard, and what keys change that decides about access and about where money
// goes. A key that was used from an address it is not limited to is remembered too.
//
// An act is written before it is tried, and how it ended after; both are append-only.
// So no change goes unrecorded: when the record cannot be written, the request is
// refused and nothing has happened. An act without an outcome was cut short by a
// crash; the objects say what became of it.
package auditlog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/telemetry"
	"github.com/sluicepay/sluice/platform/wire"
)

// Log is the audit log. It satisfies rest.AuditLog.
type Log struct {
	pool  *bun.DB
	clock clock.Clock
	log   *slog.Logger
	// watched are the resources whose changes are remembered for keys too.
	watched []string
	// strays are when the use of a key from a network elsewhere was last remembered.
	strays *lru.Cache[string, time.Time]
}

// New keeps the audit log in pool's database; resources are those whose changes are
// remembered whoever makes them. clk is real time.
func New(pool *bun.DB, clk clock.Clock, log *slog.Logger, resources ...string) *Log {
	strays, err := lru.New[string, time.Time](maxStrays)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Log{pool: pool, clock: clk, log: log, watched: resources, strays: strays}
}

// Watches reports whether a key's calls of the route are remembered: those of the
// resources that New was given, and of accounts what ends them or says where their
// money goes.
func (l *Log) Watches(route rest.Route) bool {
	return slices.Contains(l.watched, route.Resource) ||
		route.Method == "DELETE" && route.Path == "/v1/accounts/{id}" || route.Path == "/v1/accounts/{id}/reject" ||
		strings.HasPrefix(route.Path, "/v1/accounts/{id}/external_accounts")
}

type act struct {
	bun.BaseModel `bun:"table:platform.audit_acts,alias:a"`

	ID         string
	Account    string
	Livemode   bool
	ForAccount string
	Actor      string
	Action     string
	Method     string
	Path       string
	ObjectID   string
	Params     json.RawMessage `bun:"type:json,nullzero"`
	Reason     string
	IP         string `bun:"ip"`
	RequestID  string
	CreatedAt  time.Time
}

type outcome struct {
	bun.BaseModel `bun:"table:platform.audit_outcomes,alias:o"`

	ActID     string
	Status    int
	ObjectID  string
	ErrorCode string
	EndedAt   time.Time
}

// maxReason bounds what is kept of a reason.
const maxReason = 500

// Begin writes the act. It fails with Unavailable. What only looks, such as a preview,
// is no act.
func (l *Log) Begin(ctx context.Context, s rest.Served) (string, error) {
	if looks(s) {
		return "", nil
	}
	row := act{
		ID: id.New("act"), Account: s.Account, Livemode: s.Scope.Livemode, ForAccount: s.Scope.Account, Actor: s.Key,
		Action: Action(s.Method, s.Route), Method: s.Method, Path: requestlog.Path(s.Path, s.Route), ObjectID: requestlog.Object(s),
		Params: requestlog.Params(s.Params, s.Size), Reason: reason(s.Params), IP: s.IP, RequestID: s.ID, CreatedAt: l.clock.Now(),
	}
	if s.Person != "" {
		row.Actor = s.Person
	}
	if _, err := l.pool.NewInsert().Model(&row).Exec(ctx); err != nil {
		return "", &fault.Error{
			Kind: fault.Unavailable, Err: fmt.Errorf("write an act: %w", err), Unsaved: true,
			Message: "This change cannot be recorded right now, so it was not made. Please retry with the same Idempotency-Key.",
		}
	}
	return row.ID, nil
}

// looks reports whether a request changes nothing although it is a POST.
func looks(s rest.Served) bool {
	given, _ := s.Params.Tree().(map[string]any)
	return strings.HasSuffix(s.Route, "/preview") || given["dry_run"] == "true"
}

// reason is why, in the caller's words: a record of decisions without them would be half a record.
func reason(p rest.Params) string {
	given, _ := p.Tree().(map[string]any)
	text, _ := given["reason"].(string)
	text = telemetry.Redact(text)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

const (
	// strayEvery is how often the same key from the same network is worth a record: who
	// tries a stolen key a thousand times a second does not fill the log.
	strayEvery = time.Hour
	// maxStrays bounds what is remembered of them; over it, the oldest is worth a record again.
	maxStrays = 10_000
)

// Elsewhere remembers that a key was used from an address it is not limited to, once an
// hour for a key and network on each node. What cannot be written is told the operator:
// the request was refused all the same.
func (l *Log) Elsewhere(ctx context.Context, s rest.Served) {
	stray := s.Key + " " + networkOf(s.IP)
	now := l.clock.Now()
	if last, noted := l.strays.Get(stray); noted && now.Sub(last) < strayEvery {
		return
	}
	l.strays.Add(stray, now)
	row := act{
		ID: id.New("act"), Account: s.Account, Livemode: s.Scope.Livemode, ForAccount: s.Scope.Account, Actor: s.Key, Action: "api_keys.elsewhere",
		Method: s.Method, Path: requestlog.Path(s.Path, s.Route), ObjectID: s.Key, IP: s.IP, RequestID: s.ID, CreatedAt: now,
	}
	ended := outcome{ActID: row.ID, Status: http.StatusForbidden, ErrorCode: rest.IPNotAllowed, EndedAt: now}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	if err := l.whole(ctx, row, ended); err != nil {
		l.log.ErrorContext(ctx, "use of a key from elsewhere not written", "key", s.Key, "request", s.ID, "error", err)
	}
}

// whole writes an act that has ended already.
func (l *Log) whole(ctx context.Context, row act, ended outcome) error {
	return db.InTx(ctx, l.pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewInsert().Model(&ended).Exec(ctx)
		return err
	})
}

// networkOf is the network of an address: of IPv6 the first 64 bits, within which whoever
// calls moves freely.
func networkOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() {
		return ip
	}
	network, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return ip
	}
	return network.String()
}

// endWithin bounds the wait for the outcome's row: the caller waits too.
const endWithin = 5 * time.Second

// Entry is an act that was not asked of the API: on the pages of people, say.
type Entry struct {
	Account    string
	Livemode   bool
	Person     string // usr_…
	Action     string
	Object     string
	Role       string // that a person was given, or ""
	IP         string
	OccurredAt time.Time
}

// Record adds acts in the transaction of what they did.
func (l *Log) Record(ctx context.Context, tx bun.Tx, e Entry) error {
	row := act{
		ID: id.New("act"), Account: e.Account, Livemode: e.Livemode, ForAccount: e.Account, Actor: e.Person, Action: e.Action,
		ObjectID: e.Object, IP: e.IP, CreatedAt: e.OccurredAt,
	}
	if e.Role != "" {
		row.Params = json.RawMessage(`{"role":` + strconv.Quote(e.Role) + `}`)
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("write an act: %w", err)
	}
	if _, err := tx.NewInsert().Model(&outcome{ActID: row.ID, Status: 200, EndedAt: e.OccurredAt}).Exec(ctx); err != nil {
		return fmt.Errorf("write an act's outcome: %w", err)
	}
	return nil
}

// End writes how an act ended. When that fails, the act's end stays unknown.
func (l *Log) End(ctx context.Context, act string, s rest.Served) {
	if act == "" || s.Status == 0 { // no act, or an answer that was cut off before it began
		return
	}
	row := outcome{ActID: act, Status: s.Status, EndedAt: l.clock.Now(), ObjectID: requestlog.Object(s)}
	if s.Fault != nil {
		row.ErrorCode = requestlog.Word(s.Fault.Code)
	}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	if _, err := l.pool.NewInsert().Model(&row).Exec(ctx); err != nil {
		l.log.ErrorContext(ctx, "outcome of an act not written", "act", act, "request", s.ID, "error", err)
	}
}

// plain are the resources that are one thing: changing them makes nothing.
var plain = []string{"balance_settings"}

// Action names what an operation does: "api_keys.create", "api_keys.roll", "accounts.external_accounts.delete".
func Action(method, route string) string {
	var words []string
	last := ""
	for part := range strings.SplitSeq(strings.TrimPrefix(route, "/v1/"), "/") {
		if last = part; !strings.HasPrefix(part, "{") {
			words = append(words, part)
		}
	}
	named := strings.Join(words, ".")
	switch {
	case method == "DELETE":
		return named + ".delete"
	case strings.HasPrefix(last, "{") || len(words) == 1 && (slices.Contains(plain, last) || !strings.HasSuffix(last, "s")):
		return named + ".update"
	case strings.HasSuffix(last, "s"):
		return named + ".create"
	}
	return named // ends with what is done
}

// record is an act with its outcome, as it is read.
type record struct {
	bun.BaseModel `bun:"table:platform.audit_acts,alias:a"`

	ID         string
	Account    string
	Livemode   bool
	ForAccount string
	Actor      string
	Action     string
	Method     string
	Path       string
	ObjectID   string
	Params     json.RawMessage `bun:"type:json"`
	Reason     string
	IP         string `bun:"ip"`
	RequestID  string
	CreatedAt  time.Time
	Status     *int      `bun:"status,scanonly"`
	MadeID     string    `bun:"made_id,scanonly"`
	ErrorCode  string    `bun:"error_code,scanonly"`
	EndedAt    time.Time `bun:"ended_at,scanonly"`
}

func (r *record) wire() *wire.AuditRecord {
	object := r.ObjectID
	if r.MadeID != "" {
		object = r.MadeID
	}
	out := &wire.AuditRecord{
		ID: r.ID, Object: "audit_record", Action: r.Action, Actor: r.Actor, Created: wire.Unix(r.CreatedAt), EndedAt: wire.NullableUnix(r.EndedAt),
		ErrorCode: wire.Nullable(r.ErrorCode), ForAccount: r.ForAccount, IP: wire.Nullable(r.IP), Livemode: r.Livemode, Method: r.Method,
		Outcome: "unknown", Params: r.Params, Path: r.Path, Reason: wire.Nullable(r.Reason), RelatedObject: wire.Nullable(object),
		Request: wire.Nullable(r.RequestID), Status: r.Status,
	}
	switch {
	case r.Status != nil && *r.Status < 400:
		out.Outcome = "done"
	case r.Status != nil && *r.Status < 500:
		out.Outcome = "refused"
	}
	return out
}

package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// LoggedAttempt is an attempt as it stands in the log.
type LoggedAttempt struct {
	ID         string // wha_…
	Delivery   string
	Endpoint   string
	Event      string
	EventType  string
	URL        string // where it went; of tries before that was noted, where the endpoint is now
	Number     int    // from 1; numbers lost to a crash are missing
	At         time.Time
	Duration   time.Duration
	Steps      Steps
	RemoteIP   string
	Status     int    // HTTP status, 0 when there was no answer
	Failure    string // "" after 2xx
	Response   []byte
	RetryAt    time.Time // of the last try of a pending delivery
	ExpungedAt time.Time // the response was erased then; zero if it was not
}

func (a LoggedAttempt) unix() string { return strconv.FormatInt(a.At.Unix(), 10) }

type loggedRow struct {
	bun.BaseModel `bun:"table:connect.webhook_attempts,alias:attempt"`

	ID         string    `bun:"id"`
	Delivery   string    `bun:"delivery,pk"`
	Number     int       `bun:"number,pk"`
	Endpoint   string    `bun:"endpoint"`
	At         time.Time `bun:"at"`
	DurationMS int64     `bun:"duration_ms"`
	DNS        int64     `bun:"dns_us"`
	Connect    int64     `bun:"connect_us"`
	TLS        int64     `bun:"tls_us"`
	FirstByte  int64     `bun:"first_byte_us"`
	RemoteIP   string    `bun:"remote_ip"`
	Status     int       `bun:"status"`
	Failure    string    `bun:"failure"`
	Response   []byte    `bun:"response"`
	URL        string    `bun:"url,nullzero"`
	ExpungedAt time.Time `bun:"expunged_at,nullzero"`
}

func (r loggedRow) attempt() LoggedAttempt {
	return LoggedAttempt{
		ID: r.ID, Delivery: r.Delivery, Endpoint: r.Endpoint, Number: r.Number, At: r.At.UTC(),
		Duration: time.Duration(r.DurationMS) * time.Millisecond, RemoteIP: r.RemoteIP, Status: r.Status,
		Failure: r.Failure, Response: r.Response, URL: r.URL, ExpungedAt: r.ExpungedAt,
		Steps: Steps{DNS: microseconds(r.DNS), Connect: microseconds(r.Connect), TLS: microseconds(r.TLS), FirstByte: microseconds(r.FirstByte)},
	}
}

func microseconds(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// failures are the classes of what can go wrong, see Answer.Failure.
var failures = []string{
	FailureStatus, FailureRedirect, FailureConnectTimeout, FailureResponseTimeout, FailureDNS, FailureConnect, FailureTLS,
	FailureRefused, FailureReset, FailureMalformed, FailureProxy, FailureOther,
}

// AttemptFilter narrows a list of attempts; zero fields filter nothing.
type AttemptFilter struct {
	Endpoint string
	Failure  string     // a class, see Answer; "none" is the tries that went well
	Status   page.Range // of the answer
	Created  page.Range
}

func (f AttemptFilter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	switch f.Failure {
	case "":
	case "none":
		q = q.Where("attempt.failure = ''")
	default:
		q = q.Where("attempt.failure = ?", f.Failure)
	}
	if f.Status.From != nil {
		q = q.Where("attempt.status >= ?", *f.Status.From)
	}
	if f.Status.Until != nil {
		q = q.Where("attempt.status < ?", *f.Status.Until)
	}
	return f.Created.Apply(q, "attempt.at")
}

func (f AttemptFilter) check() error {
	if f.Failure != "" && f.Failure != "none" && !slices.Contains(failures, f.Failure) {
		return fault.Invalidf("parameter_invalid", "failure", "Invalid failure: must be none or one of %s.", strings.Join(failures, ", "))
	}
	return nil
}

// Attempts is a page of the tries at one endpoint of the scope, or at all of them, newest first.
func (s *Endpoints) Attempts(ctx context.Context, idb bun.IDB, scope tenant.Scope, f AttemptFilter, p page.Params) (page.Of[LoggedAttempt], error) {
	if err := f.check(); err != nil {
		return page.Of[LoggedAttempt]{}, err
	}
	rows, err := ofEndpoints[loggedRow]{noun: "webhook attempt", by: "id", narrow: f.narrow}.fetch(ctx, idb, scope, f.Endpoint, p)
	if err != nil {
		return page.Of[LoggedAttempt]{}, fmt.Errorf("list webhook attempts: %w", err)
	}
	return explained(ctx, idb, rows)
}

// AttemptsOf is a page of the tries of a delivery of the scope, newest first. Fails with NotFound.
func (s *Endpoints) AttemptsOf(ctx context.Context, idb bun.IDB, scope tenant.Scope, deliveryID string, p page.Params) (page.Of[LoggedAttempt], error) {
	if _, err := s.Delivery(ctx, idb, scope, deliveryID); err != nil {
		return page.Of[LoggedAttempt]{}, err
	}
	of := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("delivery = ?", deliveryID) }
	rows, err := page.Fetch[loggedRow](ctx, idb, p, "webhook attempt", of, nil)
	if err != nil {
		return page.Of[LoggedAttempt]{}, fmt.Errorf("list webhook attempts: %w", err)
	}
	return explained(ctx, idb, rows)
}

// explained adds what stands on the delivery and the endpoint, read once for the page.
func explained(ctx context.Context, idb bun.IDB, rows page.Of[loggedRow]) (page.Of[LoggedAttempt], error) {
	out := mapped(rows, loggedRow.attempt)
	deliveries := make([]string, len(out.Items))
	for i, a := range out.Items {
		deliveries[i] = a.Delivery
	}
	var found []struct {
		ID            string
		Event         string
		EventType     string
		URL           string
		Status        Status
		Attempts      int
		NextAttemptAt time.Time
	}
	err := idb.NewRaw(`
SELECT d.id, d.event, d.event_type, e.url, d.status, d.attempts, d.next_attempt_at
FROM connect.webhook_deliveries d JOIN connect.webhook_endpoints e ON e.id = d.endpoint
WHERE d.id = ANY (?)`, pgdialect.Array(deliveries)).Scan(ctx, &found)
	if err != nil {
		return page.Of[LoggedAttempt]{}, fmt.Errorf("get the deliveries of webhook attempts: %w", err)
	}
	for i := range out.Items {
		a := &out.Items[i]
		for _, d := range found {
			if d.ID != a.Delivery {
				continue
			}
			a.Event, a.EventType, a.URL = d.Event, d.EventType, cmp.Or(a.URL, d.URL)
			if d.Status == Pending && d.Attempts == a.Number {
				a.RetryAt = d.NextAttemptAt
			}
		}
	}
	return out, nil
}

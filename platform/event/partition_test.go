package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/migrations"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// begin is when the month begins that is so many after this one.
func begin(months int) time.Time {
	y, m, _ := time.Now().UTC().Date()
	return time.Date(y, m+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
}

// made is an id as it would have been made then; n tells those of one moment apart.
func made(prefix string, at time.Time, n int) string {
	floor := id.Floor(prefix, at)
	return fmt.Sprintf("%sz%06d", floor[:len(floor)-7], n) // z is the highest digit: not below the floor, far below the next millisecond
}

func table(months int) string { return begin(months).Format("events_2006_01") }

// oldLog is a log that has had months for so long: a new one has everything
// before its first month's end in one partition.
func oldLog(t testing.TB, months int) *bun.DB {
	t.Helper()
	pool := dbtest.New(t)
	_, err := pool.NewRaw(`ALTER TABLE platform.events DETACH PARTITION platform.?0; ALTER TABLE platform.events ATTACH PARTITION platform.?0 FOR VALUES FROM (?1) TO (?2)`,
		bun.Ident(table(0)), id.Floor("evt", begin(0)), id.Floor("evt", begin(1))).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for m := -months; m < 0; m++ {
		if err := event.EnsurePartitions(t.Context(), pool, begin(m)); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// then is an event on a charge, both as they would have been made then.
func then(born, at time.Time, n int, version int64) event.Event {
	e := charge(made("ch", born, n), version, "charge.updated")
	e.ID, e.CreatedAt = made("evt", at, n*1000+int(version)), at.Add(123456*time.Microsecond)
	e.Object = json.RawMessage(fmt.Sprintf(`{"id":"%s","note":"<b> & \\ \u0000"}`, e.ObjectID))
	return e
}

// held is how many events each partition has; empty ones are left out.
func held(t testing.TB, pool *bun.DB) map[string]int {
	t.Helper()
	var rows []struct {
		Name string
		N    int
	}
	if err := pool.NewRaw(`SELECT replace(tableoid::regclass::text, 'platform.', '') AS name, count(*) AS n FROM platform.events GROUP BY 1`).Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.Name] = r.N
	}
	return out
}

func TestTheMigrationKeepsARunningLog(t *testing.T) {
	pool, err := db.Open(t.Context(), db.Config{URL: dbtest.Empty(t), Name: "test", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	const ours = "20261126100200_platform_event_lanes.tx.up.sql"
	// As the version before writes it; it goes on to do so while the new one starts.
	const write = `INSERT INTO platform.events (id, type, account, platform, livemode, object_id, object_version, object, previous, request_id, idempotency_key, created_at, order_xid)
		VALUES (?, 'charge.updated', ?, 'acct_hub', false, ?, ?, ?, ?, 'req_1', 'key', '2026-11-22 12:00:00.123456Z', pg_current_xact_id()::text::bigint)`
	const object = `{ "id" : "ch_1",  "amount":60000.0, "note": "\u0000 é" }`
	insert := func(eventID, account, objectID string, version int) {
		t.Helper()
		if _, err := pool.NewRaw(write, eventID, account, objectID, version, object, bun.NullZero("")).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	later := made("evt", begin(7), 1)
	var last int64
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == ours {
			for n := range 200 {
				insert(made("evt", begin(-n%5), n), fmt.Sprintf("acct_%d", n), fmt.Sprintf("ch_%d", n), 1)
			}
			insert(later, "acct_1", "ch_later", 1)
			insert("evt_test", "acct_1", "ch_test", 1)
			if err := pool.NewRaw(`WITH cursor AS (INSERT INTO platform.relay_cursor SELECT true, order_xid, seq, 'relay_old', now() FROM platform.events WHERE object_id = 'ch_150')
				SELECT max(seq) FROM platform.events`).Scan(t.Context(), &last); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pool.ExecContext(t.Context(), string(text)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}

	if diff := cmp.Diff(map[string]int{table(0): 200, "events_default": 2}, held(t, pool)); diff != "" {
		t.Error(diff)
	}
	var same, lanes int
	if err := pool.NewRaw(`SELECT count(*) FILTER (WHERE object::text = ? AND previous IS NULL AND idempotency_key = 'key'), count(DISTINCT lane) FROM platform.events`, object).
		Scan(t.Context(), &same, &lanes); err != nil || same != 202 || lanes != event.Lanes {
		t.Errorf("%d of 202 events are as they were, in %d lanes, %v", same, lanes, err)
	}
	published, err := event.Published(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	for lane, at := range published {
		if at.Seq != 151 || at.OrderXID == 0 {
			t.Errorf("lane %d is published up to %+v", lane, at)
		}
	}
	insert(made("evt", time.Now(), 1), "acct_1", "ch_1", 2)
	old, err := event.Of(t.Context(), pool, "ch_1")
	if err != nil || len(old) != 2 || string(old[0].Object) != object || old[0].Previous != nil || string(old[1].Object) != object {
		t.Errorf("what the versions before wrote reads %v, %v", old, err)
	}
	mustAdd(t, pool, charge("ch_1", 3, "charge.updated"))
	var seqs []int64
	if err := pool.NewRaw(`SELECT seq FROM platform.events WHERE object_id = 'ch_1' AND object_version > 1 ORDER BY object_version`).Scan(t.Context(), &seqs); err != nil ||
		!slices.Equal(seqs, []int64{last + 1, last + 2}) {
		t.Errorf("the sequence goes on with %v after %d, %v", seqs, last, err)
	}
	if err := event.EnsurePartitions(t.Context(), pool, begin(4)); err != nil {
		t.Fatal(err)
	}
	if got := held(t, pool); got[table(7)] != 1 || got["events_default"] != 1 {
		t.Errorf("the event of a later month did not move into it: %v", got)
	}
}

func TestMonthsOfMigrationsAreThoseOfTheProgram(t *testing.T) {
	pool := dbtest.New(t)
	var bounds []string
	if err := pool.NewRaw(`SELECT relname || ' ' || pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition AND relkind = 'r' AND relname LIKE 'events%' ORDER BY relname`).Scan(t.Context(), &bounds); err != nil {
		t.Fatal(err)
	}
	want := []string{fmt.Sprintf("%s FOR VALUES FROM (MINVALUE) TO ('%s')", table(0), id.Floor("evt", begin(1)))}
	for m := 1; m <= 3; m++ {
		want = append(want, fmt.Sprintf("%s FOR VALUES FROM ('%s') TO ('%s')", table(m), id.Floor("evt", begin(m)), id.Floor("evt", begin(m+1))))
	}
	if diff := cmp.Diff(append(want, "events_default DEFAULT"), bounds); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventGoesIntoTheMonthItsIdNames(t *testing.T) {
	pool := oldLog(t, 2)
	edge := begin(-1)
	mustAdd(t, pool,
		then(edge, edge.Add(-time.Millisecond), 1, 1), then(edge, edge, 2, 1), then(edge, begin(0).Add(-time.Millisecond), 3, 1), then(edge, begin(0), 4, 1),
		then(edge, begin(-40), 5, 1), then(edge, begin(40), 6, 1))
	want := map[string]int{table(-2): 1, table(-1): 2, table(0): 1, "events_default": 2}
	if diff := cmp.Diff(want, held(t, pool)); diff != "" {
		t.Error(diff)
	}
}

func TestEventsWithoutAMonthGetOneLater(t *testing.T) {
	pool := dbtest.New(t)
	e, odd := then(begin(5), begin(5).Add(time.Hour), 1, 1), charge("ch_odd", 1, "charge.succeeded")
	odd.ID = "evt_odd"
	mustAdd(t, pool, e, then(begin(9), begin(9), 2, 1), odd)
	if got := held(t, pool); got["events_default"] != 3 {
		t.Fatalf("no month has been made for them, and yet: %v", got)
	}
	var all sync.WaitGroup
	for range 4 { // processes that start together
		all.Go(func() {
			if err := event.EnsurePartitions(t.Context(), pool, begin(6)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff(map[string]int{table(5): 1, table(9): 1, "events_default": 1}, held(t, pool)); diff != "" {
		t.Error(diff)
	}
	got, err := event.Get(t.Context(), pool, tenant.Scope{Platform: "acct_hub", Account: "acct_tutor"}, noon, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("moving changed it: %s", diff)
	}
	if lane := laneOf(t, pool, "acct_tutor"); lane < 0 || lane >= event.Lanes {
		t.Errorf("lane %d", lane)
	}
}

func TestVersionsHaveNoGapAndNoTwinAcrossMonths(t *testing.T) {
	pool := oldLog(t, 3)
	born := begin(-3).Add(48 * time.Hour)
	mustAdd(t, pool, then(born, born, 1, 1), then(born, begin(-2), 1, 2))
	mustAdd(t, pool, then(born, begin(-1), 1, 3), then(born, begin(0), 1, 4))
	at := func(version int64) event.Event {
		e := then(born, time.Now(), 1, version)
		e.ID = ""
		return e
	}
	for name, e := range map[string]event.Event{
		"a twin of the first": at(1), "a twin of a month before": at(2), "a twin of this month": at(4), "a gap": at(6),
	} {
		if err := add(t, pool, e); !errors.Is(err, event.ErrVersion) {
			t.Errorf("%s: got %v, want ErrVersion", name, err)
		}
	}
	mustAdd(t, pool, at(5), charge(id.New("ch"), 1, "charge.succeeded"))
}

func TestAListReadsOnlyTheMonthsItShowsInOrder(t *testing.T) {
	pool := oldLog(t, 12)
	var want []string
	for m := -6; m <= 0; m++ { // oldest first
		for n := range 3 {
			e := then(begin(m), begin(m).Add(time.Duration(n)*time.Hour), n, 1)
			e.ObjectID = id.New("ch")
			mustAdd(t, pool, e)
		}
	}
	now := time.Now()
	for n := range 5 {
		e := then(now, now.Add(-30*24*time.Hour+time.Duration(n+1)*6*24*time.Hour), n, 1)
		e.ID = made("evt", e.CreatedAt, n)
		mustAdd(t, pool, e)
	}
	if err := pool.NewRaw(`SELECT id FROM platform.events WHERE created_at > ? ORDER BY id DESC`, now.Add(-event.Visible)).Scan(t.Context(), &want); err != nil {
		t.Fatal(err)
	}
	limit := int64(100)
	scope := tenant.Scope{Platform: "acct_hub", Account: "acct_tutor"}
	got, err := event.List(t.Context(), pool, scope, now, event.Filter{Params: page.Params{Limit: &limit}})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range got.Items {
		ids = append(ids, e.ID)
	}
	if diff := cmp.Diff(want, ids); diff != "" || len(ids) < 5 {
		t.Error(diff)
	}

	plans := &explainer{IDB: pool}
	pool = pool.WithQueryHook(plans)
	if _, err := event.List(t.Context(), pool, scope, now, event.Filter{}); err != nil {
		t.Fatal(err)
	}
	plan := plans.plan(t, pool)
	for m := -12; m <= -3; m++ {
		if strings.Contains(plan, table(m)) {
			t.Errorf("the list reads %s:\n%s", table(m), plan)
		}
	}
	if !strings.Contains(plan, table(0)) {
		t.Errorf("no plan of the list:\n%s", plan)
	}
}

// explainer remembers the last statement.
type explainer struct {
	bun.IDB
	last string
}

func (x *explainer) BeforeQuery(ctx context.Context, q *bun.QueryEvent) context.Context { return ctx }
func (x *explainer) AfterQuery(_ context.Context, q *bun.QueryEvent)                    { x.last = q.Query }

func (x *explainer) plan(t *testing.T, pool *bun.DB) string {
	t.Helper()
	var lines []string
	if err := pool.NewRaw("EXPLAIN "+x.last).Scan(t.Context(), &lines); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/relay"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, bustest.SharedDatabase()...)
}

func change(object string, version int64) event.Event {
	return event.Event{
		Type: "charge.updated", Account: "acct_" + object, Platform: "acct_hub", ObjectID: object, ObjectVersion: version,
		Object: json.RawMessage(`{}`), CreatedAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
}

func commit(t testing.TB, pool *bun.DB, events ...event.Event) {
	t.Helper()
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		return event.Log{}.Append(ctx, tx, events...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a relay until stop is called or the test ends.
func start(t testing.TB, r *relay.Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("relay: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func waitPublished(t testing.TB, pool *bun.DB) {
	t.Helper()
	head, err := event.Head(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := relay.WaitPublished(ctx, pool, head); err != nil {
		t.Fatal(err)
	}
}

// topicLog is a topic as a subscriber sees it: per object, the versions in order of arrival.
type topicLog struct {
	mu       sync.Mutex
	versions map[string][]int64
	count    int
}

func (l *topicLog) note(_ context.Context, m bus.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.versions == nil {
		l.versions = map[string][]int64{}
	}
	l.versions[m.Subject] = append(l.versions[m.Subject], m.ObjectVersion)
	l.count++
	return nil
}

func (l *topicLog) has(object string, version int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.versions[object] {
		if v == version {
			return true
		}
	}
	return false
}

func (l *topicLog) of(object string) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int64(nil), l.versions[object]...)
}

func follow(t testing.TB, b *bus.Bus, topic string) *topicLog {
	t.Helper()
	l := &topicLog{}
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("follow"), Topic: topic, Effect: bustest.Each(l.note), Session: 6 * time.Second})
	return l
}

// wide is a pool that lets 64 writers write at the same time.
func wide(t testing.TB) *bun.DB {
	t.Helper()
	pool, err := db.Open(t.Context(), db.Config{URL: dbtest.URL(t), Name: t.Name(), MaxConns: 68})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// objects is a table of rows with versions, as every business table has them.
type objects struct {
	pool *bun.DB
	n    int
}

func newObjects(t testing.TB, pool *bun.DB, n int) *objects {
	t.Helper()
	if _, err := pool.ExecContext(t.Context(), `CREATE TABLE objects (id text PRIMARY KEY, version bigint NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := pool.ExecContext(t.Context(), `INSERT INTO objects VALUES (?, 0)`, name(i)); err != nil {
			t.Fatal(err)
		}
	}
	return &objects{pool, n}
}

func name(i int) string { return fmt.Sprintf("ch_%03d", i) }

var errChangedMind = errors.New("changed its mind")

// change moves one object on. Half of the transactions get their number before
// they get the row lock; all linger before they commit; some never do.
func (o *objects) change(ctx context.Context, r *rand.Rand) error {
	object, numberFirst, linger, giveUp := name(r.IntN(o.n)), r.IntN(2) == 0, r.Float64()/50, r.IntN(10) == 0
	err := db.InTx(ctx, o.pool, func(ctx context.Context, tx bun.Tx) error {
		if numberFirst {
			if _, err := tx.ExecContext(ctx, `SELECT pg_current_xact_id(), pg_sleep(?)`, linger/2); err != nil {
				return err
			}
		}
		var version int64
		if err := tx.NewRaw(`UPDATE objects SET version = version + 1 WHERE id = ? RETURNING version`, object).Scan(ctx, &version); err != nil {
			return err
		}
		if err := (event.Log{}).Append(ctx, tx, change(object, version)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_sleep(?)`, linger); err != nil {
			return err
		}
		if giveUp {
			return errChangedMind
		}
		return nil
	})
	if errors.Is(err, errChangedMind) {
		return nil
	}
	return err
}

// work has 64 writers make so many changes each.
func (o *objects) work(t testing.TB, seed uint64, each int) {
	t.Helper()
	var all sync.WaitGroup
	for w := range uint64(64) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, w))
			for range each {
				if err := o.change(t.Context(), r); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// check compares the topic with the table: versions 1 to n, in order; twice
// only where duplicates are allowed, and then a repetition never hides a gap.
func (o *objects) check(t testing.TB, l *topicLog, duplicates bool) {
	t.Helper()
	for i := range o.n {
		var version int64
		if err := o.pool.NewRaw(`SELECT version FROM objects WHERE id = ?`, name(i)).Scan(t.Context(), &version); err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, fmt.Sprintf("%s %d arrives", name(i), version), func() bool { return version == 0 || l.has(name(i), version) })
		next := int64(1)
		for _, v := range l.of(name(i)) {
			switch {
			case v == next:
				next++
			case v > next || !duplicates:
				t.Fatalf("%s: %v", name(i), l.of(name(i)))
			}
		}
		if next != version+1 {
			t.Errorf("%s: %v, want 1 to %d", name(i), l.of(name(i)), version)
		}
	}
}

func TestEveryEventArrivesOnceInVersionOrderUnder64Writers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	pool := wide(t)
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic := bustest.Topic(t, b, 6)
	l := follow(t, b, topic)
	r := relay.New(pool, b, relay.Config{Topic: topic, Poll: 10 * time.Millisecond})
	start(t, r)
	o := newObjects(t, pool, 50)
	o.work(t, seed, 30)
	waitPublished(t, pool)
	o.check(t, l, false)
	if got := r.Stats(); got.Published != int64(l.count) || got.Lanes != event.Lanes || got.OldestUnpublished != 0 {
		t.Errorf("%d arrived, stats %+v", l.count, got)
	}
}

func TestALateCommitIsNotLost(t *testing.T) {
	pool := dbtest.New(t)
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic := bustest.Topic(t, b, 1)
	l := follow(t, b, topic)
	r := relay.New(pool, b, relay.Config{Topic: topic})
	start(t, r)

	late, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (event.Log{}).Append(t.Context(), late, change("ch_late", 1)); err != nil {
		t.Fatal(err)
	}
	commit(t, pool, change("ch_soon", 1)) // after it in both number and sequence, committed before it
	bustest.Eventually(t, "the relay sees the younger event and waits", func() bool { return r.Stats().HorizonAge > 0 })
	if l.has("ch_soon", 1) {
		t.Error("an event overtook an open transaction")
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	waitPublished(t, pool)
	bustest.Eventually(t, "both arrive", func() bool { return l.has("ch_late", 1) && l.has("ch_soon", 1) })
}

func TestNothingIsLostOrReorderedOverABrokerRestart(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	pool := wide(t)
	broker := bustest.Start(t)
	b := bustest.Open(t, []string{broker.Addr()}, pool)
	topic := bustest.Topic(t, b, 6)
	l := follow(t, b, topic)
	r := relay.New(pool, b, relay.Config{Topic: topic, Poll: 10 * time.Millisecond})
	start(t, r)
	o := newObjects(t, pool, 50)
	o.work(t, seed, 5)
	broker.Stop()
	o.work(t, seed+1, 5)
	bustest.Eventually(t, "the relay has noticed", func() bool { return r.Stats().Failures > 1 && r.Stats().OldestUnpublished > 0 })
	broker.Start()
	o.work(t, seed+2, 5)
	waitPublished(t, pool)
	o.check(t, l, true)
}

func TestDuplicatesHaveNoSecondEffectThroughTheInbox(t *testing.T) {
	pool := dbtest.New(t)
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic := bustest.Topic(t, b, 3)
	if _, err := pool.ExecContext(t.Context(), `CREATE TABLE effects (event text)`); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	group := bustest.Name("effects")
	bustest.Subscribe(t, b, bus.Subscription{Group: group, Topic: topic, Effect: func(ctx context.Context, tx bun.Tx, batch []bus.Message) (func(), error) {
		for _, m := range batch {
			if _, err := tx.ExecContext(ctx, `INSERT INTO effects VALUES (?)`, m.EventID); err != nil {
				return nil, err
			}
		}
		if calls.Add(1)%3 == 0 {
			return nil, errors.New("crash before the commit")
		}
		return nil, nil
	}})
	for i := range 40 {
		commit(t, pool, change(name(i), 1))
	}
	stop := start(t, relay.New(pool, b, relay.Config{Topic: topic}))
	waitPublished(t, pool)
	stop()
	if _, err := pool.ExecContext(t.Context(), `UPDATE platform.relay_lanes SET order_xid = 0, seq = 0`); err != nil {
		t.Fatal(err)
	}
	start(t, relay.New(pool, b, relay.Config{Topic: topic}))
	waitPublished(t, pool)
	bustest.Eventually(t, "everything was delivered twice and has arrived", func() bool {
		var delivered int
		err := pool.NewRaw(`SELECT coalesce(sum(next_offset), 0) FROM platform.consumer_offsets WHERE consumer_group = ?`, group).
			Scan(t.Context(), &delivered)
		return err == nil && delivered >= 80
	})
	if n, err := pool.NewSelect().Table("effects").Count(t.Context()); n != 40 || err != nil {
		t.Errorf("%d effects, %v; want 40", n, err)
	}
}

// broken acknowledges only what it is told to.
type broken struct {
	mu   sync.Mutex
	sent [][]int64
	fail func(bus.Message) bool
}

func (p *broken) Publish(_ context.Context, _ string, messages []bus.Message) (unacked []bus.Message, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var versions []int64
	for _, m := range messages {
		versions = append(versions, m.ObjectVersion)
		if p.fail != nil && p.fail(m) {
			unacked, err = append(unacked, m), errors.New("partition without a leader")
		}
	}
	p.sent = append(p.sent, versions)
	return unacked, err
}

func TestOnlyWhatIsUnacknowledgedIsSentAgainAndNothingNewBeforeIt(t *testing.T) {
	pool := dbtest.New(t)
	tries := 0
	p := &broken{}
	p.fail = func(m bus.Message) bool {
		if m.ObjectVersion == 2 {
			tries++
		}
		return m.ObjectVersion == 2 && tries < 3
	}
	commit(t, pool, change("ch_1", 1), change("ch_1", 2), change("ch_1", 3))
	start(t, relay.New(pool, p, relay.Config{}))
	waitPublished(t, pool)
	commit(t, pool, change("ch_1", 4))
	waitPublished(t, pool)
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff([][]int64{{1, 2, 3}, {2}, {2}, {4}}, p.sent); diff != "" {
		t.Error(diff)
	}
}

func TestARelayThatStopsHandsItsLanesOverWhereTheyStand(t *testing.T) {
	pool := dbtest.New(t)
	p, q := &broken{}, &broken{}
	first, second := relay.New(pool, p, relay.Config{}), relay.New(pool, q, relay.Config{})
	stop := start(t, first)
	bustest.Eventually(t, "the first has all lanes", func() bool { return first.Stats().Lanes == event.Lanes })
	commit(t, pool, change("ch_1", 1))
	first.Wake()
	waitPublished(t, pool)
	stop()
	start(t, second)
	commit(t, pool, change("ch_1", 2))
	waitPublished(t, pool)
	if diff := cmp.Diff([][][]int64{{{1}}, {{2}}}, [][][]int64{p.sent, q.sent}); diff != "" {
		t.Error(diff)
	}
}

func TestARelayThatLostItsLeaseCannotMoveTheCursor(t *testing.T) {
	pool := dbtest.New(t)
	p := &broken{}
	p.fail = func(bus.Message) bool {
		_, err := pool.Exec(`UPDATE platform.relay_lanes SET holder = 'relay_other', leased_until = clock_timestamp() + interval '1 hour'`)
		if err != nil {
			t.Error(err)
		}
		return false
	}
	commit(t, pool, change("ch_1", 1))
	r := relay.New(pool, p, relay.Config{})
	start(t, r)
	bustest.Eventually(t, "it has stepped back", func() bool { return r.Stats().Failures > 0 && r.Stats().Lanes == 0 })
	if at, err := event.Published(t.Context(), pool); err != nil || at != (event.Positions{}) {
		t.Errorf("the cursor moved to %+v, %v", at, err)
	}
}

// warnings collects what the relay logs.
type warnings struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *warnings) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *warnings) has(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), s)
}

func TestAnOpenTransactionDelaysEventsAndIsNamed(t *testing.T) {
	pool := dbtest.New(t)
	var log warnings
	r := relay.New(pool, &broken{}, relay.Config{StallAfter: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))})
	start(t, r)
	open, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := open.NewRaw(`SELECT pg_backend_pid() WHERE pg_current_xact_id() IS NOT NULL`).Scan(t.Context(), &pid); err != nil {
		t.Fatal(err)
	}
	commit(t, pool, change("ch_1", 1))
	bustest.Eventually(t, "the relay names the transaction", func() bool { return log.has(fmt.Sprintf("pid %d ", pid)) })
	if s := r.Stats(); s.HorizonAge == 0 || s.OldestUnpublished == 0 || s.Published != 0 {
		t.Errorf("stats while it is open: %+v", s)
	}
	if err := open.Rollback(); err != nil {
		t.Fatal(err)
	}
	waitPublished(t, pool)
	bustest.Eventually(t, "the alarm is over", func() bool { s := r.Stats(); return s.HorizonAge == 0 && s.OldestUnpublished == 0 && s.Published == 1 })
}

func TestACursorOfAnotherClusterIsRefused(t *testing.T) {
	pool := dbtest.New(t)
	_, err := pool.ExecContext(t.Context(), `UPDATE platform.relay_lanes SET order_xid = 1000000000000 WHERE lane = 7`)
	if err != nil {
		t.Fatal(err)
	}
	var log warnings
	start(t, relay.New(pool, &broken{}, relay.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}))
	bustest.Eventually(t, "the relay says so", func() bool { return log.has("another database cluster") })
}

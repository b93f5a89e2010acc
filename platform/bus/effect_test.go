package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
)

// workbench is a broker, a database with a table of effects, and one group.
type workbench struct {
	*testing.T
	broker  *bustest.Broker
	pool    *bun.DB
	parking *event.Parking
	bus     *bus.Bus
	topic   string
	group   string
}

func newWorkbench(t *testing.T, partitions int) *workbench {
	t.Helper()
	w := &workbench{T: t, broker: bustest.Start(t), pool: dbtest.New(t), group: bustest.Name("group")}
	w.parking = event.NewParking(w.pool, clock.System{})
	w.bus = bustest.Open(t, []string{w.broker.Addr()}, w.pool)
	w.topic = bustest.Topic(t, w.bus, partitions)
	w.sql(`CREATE TABLE effects (n bigint GENERATED ALWAYS AS IDENTITY, key text, version bigint, event text)`)
	return w
}

func (w *workbench) sql(query string, args ...any) {
	w.Helper()
	if _, err := w.pool.ExecContext(w.Context(), query, args...); err != nil {
		w.Fatal(err)
	}
}

// write has the effect that is counted.
func write(ctx context.Context, tx bun.Tx, batch []bus.Message) error {
	for _, m := range batch {
		if _, err := tx.ExecContext(ctx, `INSERT INTO effects (key, version, event) VALUES (?, ?, ?)`, m.Key, m.ObjectVersion, m.EventID); err != nil {
			return err
		}
	}
	return nil
}

// subscription writes effects; before may refuse a batch.
func (w *workbench) subscription(before func(ctx context.Context, tx bun.Tx, batch []bus.Message) error) bus.Subscription {
	return bus.Subscription{
		Group: w.group, Topic: w.topic, Attempts: 2, Backoff: time.Millisecond, Session: 2 * time.Second,
		Effect: func(ctx context.Context, tx bun.Tx, batch []bus.Message) (func(), error) {
			if before != nil {
				if err := before(ctx, tx, batch); err != nil {
					return nil, err
				}
			}
			return nil, write(ctx, tx, batch)
		},
	}
}

// of is the versions of a key's effects in the order they happened.
func (w *workbench) of(key string) (versions []int64) {
	w.Helper()
	if err := w.pool.NewRaw(`SELECT version FROM effects WHERE key = ? ORDER BY n`, key).Scan(w.Context(), &versions); err != nil {
		w.Fatal(err)
	}
	return versions
}

func (w *workbench) number(query string, args ...any) (n int) {
	w.Helper()
	if err := w.pool.NewRaw(query, args...).Scan(w.Context(), &n); err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *workbench) effects() int { w.Helper(); return w.number(`SELECT count(*) FROM effects`) }

// offset is how far the group has come in all partitions.
func (w *workbench) offset() int {
	w.Helper()
	return w.number(`SELECT coalesce(sum(next_offset), 0) FROM platform.consumer_offsets WHERE consumer_group = ?`, w.group)
}

func versions(key string, from, to int) (messages []bus.Message) {
	for v := from; v <= to; v++ {
		messages = append(messages, message(key, v))
	}
	return messages
}

func upTo(n int) (versions []int64) {
	for v := range n {
		versions = append(versions, int64(v+1))
	}
	return versions
}

func TestACrashBeforeTheCommitLeavesNothingAndTheEffectHappensOnce(t *testing.T) {
	w := newWorkbench(t, 1)
	// At COMMIT, when the effect is written, the session dies: the subscriber cannot know what came of it.
	w.sql(`CREATE TABLE deaths (version bigint, at_commit boolean)`)
	w.sql(`INSERT INTO deaths VALUES (2, false), (4, true)`)
	w.sql(`CREATE SEQUENCE died`) // does not roll back
	w.sql(`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM deaths d WHERE d.version = NEW.version AND d.at_commit = (TG_ARGV[0] = 'commit'))
		AND nextval('died') < 8 THEN
		PERFORM pg_terminate_backend(pg_backend_pid());
	END IF;
	RETURN NULL;
END $$`)
	w.sql(`CREATE TRIGGER die AFTER INSERT ON effects FOR EACH ROW EXECUTE FUNCTION die('insert')`)
	w.sql(`CREATE CONSTRAINT TRIGGER die_at_commit AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die('commit')`)
	var told atomic.Int64
	sub := w.subscription(nil)
	effect := sub.Effect
	sub.Effect = func(ctx context.Context, tx bun.Tx, batch []bus.Message) (func(), error) {
		_, err := effect(ctx, tx, batch)
		return func() { told.Add(int64(len(batch))) }, err
	}
	publish(t, w.bus, w.topic, versions("acct_1", 1, 5)...)
	bustest.Subscribe(t, w.bus, sub)
	bustest.Eventually(t, "the offset is at the end", func() bool { return w.offset() == 5 })
	if diff := cmp.Diff(upTo(5), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
	if n := w.number(`SELECT last_value FROM died`); n < 2 {
		t.Errorf("the session died %d times", n)
	}
	if n := w.number(`SELECT count(*) FROM platform.parked_events`); n != 0 {
		t.Errorf("%d events parked for what was not their fault", n)
	}
	bustest.Eventually(t, "the subscriber hears of the commits", func() bool { return told.Load() == 5 })
}

func TestAProcessTakenForDeadChangesNothing(t *testing.T) {
	w := newWorkbench(t, 1)
	var batches atomic.Int64
	bustest.Subscribe(t, w.bus, w.subscription(func(context.Context, bun.Tx, []bus.Message) error { batches.Add(1); return nil }))
	publish(t, w.bus, w.topic, versions("acct_1", 1, 1)...)
	bustest.Eventually(t, "it works", func() bool { return w.effects() == 1 })

	// Somebody else has taken the partition and is in the middle of a batch.
	other, err := w.pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), `UPDATE platform.consumer_offsets SET owner = 'other'`); err != nil {
		t.Fatal(err)
	}
	publish(t, w.bus, w.topic, versions("acct_1", 2, 3)...)
	bustest.Eventually(t, "it waits for the other", func() bool {
		return w.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	})
	called := batches.Load()
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	// It leaves the generation, joins again and owns the partition by a new word.
	bustest.Eventually(t, "it owns the partition again", func() bool {
		return w.effects() == 3 && w.number(`SELECT count(*) FROM platform.consumer_offsets WHERE owner = 'other'`) == 0
	})
	if diff := cmp.Diff(upTo(3), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
	if batches.Load() == called || w.bus.Lags()[0].Rebalances < 2 {
		t.Errorf("%d batches before, %d after; %+v", called, batches.Load(), w.bus.Lags())
	}
}

func TestAPoisonEventInTheMiddleOfABatchFailsNoNeighbour(t *testing.T) {
	w := newWorkbench(t, 1)
	var sizes []int
	var all []bus.Message
	for n := range 50 {
		all = append(all, message(fmt.Sprintf("acct_%d", n), 1), message(fmt.Sprintf("acct_%d", n), 2))
	}
	all = append(all, all[3]) // and one comes twice
	publish(t, w.bus, w.topic, all...)
	stop := bustest.Subscribe(t, w.bus, w.subscription(func(_ context.Context, _ bun.Tx, batch []bus.Message) error {
		sizes = append(sizes, len(batch))
		for _, m := range batch {
			if m.Key == "acct_25" {
				return errors.New("poison")
			}
		}
		return nil
	}))
	bustest.Eventually(t, "the offset is at the end", func() bool { return w.offset() == len(all) })
	stop()
	if n := w.effects(); n != 98 {
		t.Errorf("%d effects, want 98", n)
	}
	if n := w.number(`SELECT count(DISTINCT event) FROM effects`); n != 98 {
		t.Errorf("%d events had an effect, want 98", n)
	}
	line, held, err := w.parking.FindLine(t.Context(), w.group, "acct_25")
	if err != nil || !held || line.EventID != all[50].EventID || line.Behind != 1 {
		t.Errorf("parked %+v, %t, %v", line, held, err)
	}
	if slices.Max(sizes) < 2 {
		t.Errorf("no batch formed: %v", sizes)
	}
}

func TestWhileTheDatabaseIsToBlameNoEventIsParked(t *testing.T) {
	w := newWorkbench(t, 1)
	var tries atomic.Int64
	publish(t, w.bus, w.topic, versions("acct_1", 1, 3)...)
	bustest.Subscribe(t, w.bus, w.subscription(func(context.Context, bun.Tx, []bus.Message) error {
		if tries.Add(1) < 10 {
			return &fault.Error{Kind: fault.Unavailable, Message: "away"}
		}
		return nil
	}))
	bustest.Eventually(t, "it is tried until it works", func() bool { return w.effects() == 3 })
	if n := w.number(`SELECT count(*) FROM platform.parked_events`); n != 0 {
		t.Errorf("%d events parked", n)
	}
}

func TestAMessageThatIsNotOneOfOursCanBeParked(t *testing.T) {
	w := newWorkbench(t, 1)
	foreign, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	long := make([]byte, 10_000)
	for _, r := range []*kgo.Record{
		{Topic: w.topic, Key: []byte("a\x00\xff"), Value: []byte("\x00\xff"), Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte("\xff\x00")}}},
		{Topic: w.topic, Key: long, Value: long, Headers: []kgo.RecordHeader{{Key: "ce_id", Value: long}, {Key: "ce_type", Value: long}}},
		{Topic: w.topic},
	} {
		if err := foreign.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, w.bus, w.topic, message("acct_1", 1))
	bustest.Subscribe(t, w.bus, w.subscription(func(_ context.Context, _ bun.Tx, batch []bus.Message) error {
		for _, m := range batch {
			if m.Subject == "" {
				return errors.New("not one of ours")
			}
		}
		return nil
	}))
	bustest.Eventually(t, "the offset is past them", func() bool { return w.offset() == 4 })
	if parked, done := w.number(`SELECT count(*) FROM platform.parked_events`), w.effects(); parked != 3 || done != 1 {
		t.Errorf("%d parked, %d effects", parked, done)
	}
}

func TestATopicMadeAnewIsReadFromItsFirstMessage(t *testing.T) {
	w := newWorkbench(t, 1)
	stop := bustest.Subscribe(t, w.bus, w.subscription(nil))
	old := versions("acct_1", 1, 5)
	publish(t, w.bus, w.topic, old...)
	bustest.Eventually(t, "it works", func() bool { return w.effects() == 5 })
	anew := func() {
		cluster := w.broker.Running().Cluster()
		if err := cluster.DeleteTopic(w.topic); err != nil {
			t.Fatal(err)
		}
		if err := cluster.CreateTopic(w.topic, 1, nil); err != nil {
			t.Fatal(err)
		}
	}

	anew() // under a subscriber that runs
	publish(t, w.bus, w.topic, append(slices.Clone(old[3:]), message("acct_1", 6))...)
	bustest.Eventually(t, "the new topic is read", func() bool { return w.effects() == 6 })
	anew() // and grown beyond the old place before anybody can notice
	publish(t, w.bus, w.topic, versions("acct_2", 1, 8)...)
	bustest.Eventually(t, "the new topic is read", func() bool { return w.effects() == 14 })
	stop()

	anew() // while nobody looks
	publish(t, w.bus, w.topic, append(slices.Clone(old), versions("acct_1", 7, 12)...)...)
	bustest.Subscribe(t, w.bus, w.subscription(nil))
	bustest.Eventually(t, "the new topic is read", func() bool { return w.effects() == 20 })
	if diff := cmp.Diff(upTo(12), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
	if n := w.number(`SELECT count(DISTINCT version) FROM effects WHERE key = 'acct_2'`); n != 8 {
		t.Errorf("%d effects of the topic that had grown, want 8", n)
	}
}

func TestAGroupWhoseCommitsAreLostHasNoEffectTwice(t *testing.T) {
	w := newWorkbench(t, 1)
	stop := bustest.Subscribe(t, w.bus, w.subscription(nil))
	publish(t, w.bus, w.topic, versions("acct_1", 1, 5)...)
	bustest.Eventually(t, "it works", func() bool { return w.effects() == 5 })
	stop()

	admin, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	forget := kmsg.NewPtrDeleteGroupsRequest()
	forget.Groups = []string{w.group}
	res, err := forget.RequestWith(t.Context(), admin)
	if err != nil || res.Groups[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	publish(t, w.bus, w.topic, message("acct_1", 6))
	bustest.Subscribe(t, w.bus, w.subscription(nil))
	bustest.Eventually(t, "it works again", func() bool { return w.effects() == 6 && w.offset() == 6 })
	if diff := cmp.Diff(upTo(6), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
}

// The database is restored from a backup: effects, inbox and offset are of one moment.
func TestADatabaseSetBackTakesItsOffsetsAlong(t *testing.T) {
	w := newWorkbench(t, 1)
	stop := bustest.Subscribe(t, w.bus, w.subscription(nil))
	publish(t, w.bus, w.topic, versions("acct_1", 1, 5)...)
	bustest.Eventually(t, "it works", func() bool { return w.effects() == 5 })
	stop()
	w.sql(`DELETE FROM effects WHERE version > 2`)
	w.sql(`DELETE FROM platform.inbox WHERE event_id NOT IN (SELECT event FROM effects)`)
	w.sql(`UPDATE platform.consumer_offsets SET next_offset = 2`)
	bustest.Subscribe(t, w.bus, w.subscription(nil))
	bustest.Eventually(t, "the rest is done again", func() bool { return w.effects() == 5 })
	if diff := cmp.Diff(upTo(5), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
}

func TestParkedEventsAreDrivenAgainAfterARestartAndWithoutABroker(t *testing.T) {
	w := newWorkbench(t, 1)
	var poisonous atomic.Bool
	poisonous.Store(true)
	sub := w.subscription(func(_ context.Context, _ bun.Tx, batch []bus.Message) error {
		if poisonous.Load() && batch[0].Key == "acct_1" {
			return errors.New("poison")
		}
		return nil
	})
	stop := bustest.Subscribe(t, w.bus, sub)
	first := versions("acct_1", 1, 3)
	publish(t, w.bus, w.topic, first...)
	bustest.Eventually(t, "the key is held", func() bool { return w.number(`SELECT count(*) FROM platform.parked_events`) == 3 })
	publish(t, w.bus, w.topic, first[1]) // a duplicate of one that waits
	bustest.Eventually(t, "the duplicate has come", func() bool { return w.offset() == 4 })
	stop()
	w.broker.Stop()

	poisonous.Store(false)
	if marked, err := w.parking.RequestRetry(t.Context(), w.group, "", "ada@desk"); err != nil || len(marked) != 1 {
		t.Fatalf("%+v, %v", marked, err)
	}
	bustest.Subscribe(t, w.bus, sub)
	bustest.Eventually(t, "the line is empty", func() bool { return w.number(`SELECT count(*) FROM platform.parked_events`) == 0 })
	if diff := cmp.Diff(upTo(3), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
	w.broker.Start()
	publish(t, w.bus, w.topic, append(slices.Clone(first), message("acct_1", 4))...)
	bustest.Eventually(t, "the freed key flows", func() bool { return w.effects() == 4 })
}

func TestTheInboxForgetsWhatNoTopicStillHas(t *testing.T) {
	w := newWorkbench(t, 1)
	now := time.Now()
	for _, consumer := range []string{"sluice.a", "sluice.b", "sluice.c"} {
		for n := range 7 {
			old := id.First("evt", now.Add(-event.InboxRetention-time.Duration(n+1)*time.Minute))
			w.sql(`INSERT INTO platform.inbox VALUES (?, ?)`, consumer, old)
		}
		w.sql(`INSERT INTO platform.inbox VALUES (?, ?), (?, 'sluice.events/0/7')`, consumer, id.First("evt", now.Add(-event.InboxRetention+time.Minute)), consumer)
	}
	var counts []int
	for n := -1; n != 0; counts = append(counts, n) {
		var err error
		if n, err = (event.Inbox{}).Forget(t.Context(), w.pool, now, 4); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]int{12, 9, 0}, counts); diff != "" {
		t.Errorf("forgotten: %s", diff)
	}
	if n := w.number(`SELECT count(*) FROM platform.inbox`); n != 6 {
		t.Errorf("%d remain, want 6", n)
	}
}

// A database that was put back to an earlier moment has lost whole transactions from the
// end: here they are taken back by hand, while Kafka has been told that all was handled.
func TestWhatADatabasePutBackHasForgottenIsDoneAgain(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t, 1)
	publish(t, w.bus, w.topic, versions("acct_1", 1, 3)...)
	stop := bustest.Subscribe(t, w.bus, w.subscription(nil))
	bustest.Eventually(t, "three effects are there", func() bool { return w.offset() == 3 })
	publish(t, w.bus, w.topic, versions("acct_1", 4, 5)...)
	bustest.Eventually(t, "all effects are there", func() bool { return w.offset() == 5 })
	stop() // the last hint to Kafka is 5

	w.sql(`WITH lost AS (DELETE FROM effects WHERE version > 3 RETURNING event), forgotten AS (
		DELETE FROM platform.inbox WHERE event_id IN (SELECT event FROM lost))
		UPDATE platform.consumer_offsets SET next_offset = 3`)
	bustest.Subscribe(t, w.bus, w.subscription(nil))
	bustest.Eventually(t, "the lost effects are there again", func() bool { return w.offset() == 5 })
	if diff := cmp.Diff(upTo(5), w.of("acct_1")); diff != "" {
		t.Errorf("effects: %s", diff)
	}
}

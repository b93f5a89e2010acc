package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/relay"
	"github.com/sluicepay/sluice/platform/id"
)

// process is a relay with a pool of its own, so that it can die as a process
// does: without another word to the database.
type process struct {
	*relay.Relay
	pool *bun.DB
	stop func()
}

func begin(t testing.TB, url string, to relay.Publisher, cfg relay.Config) *process {
	t.Helper()
	pool, err := db.Open(t.Context(), db.Config{URL: url, Name: "relay", MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Relay: relay.New(pool, to, cfg), pool: pool}
	stop := start(t, p.Relay)
	p.stop = func() { stop(); _ = pool.Close() }
	t.Cleanup(p.stop)
	return p
}

func (p *process) kill() {
	_ = p.pool.Close()
	p.stop()
}

func TestEveryEventArrivesInVersionOrderWhileRelaysAreKilled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), db.Config{URL: url, Name: t.Name(), MaxConns: 68})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic := bustest.Topic(t, b, 6)
	l := follow(t, b, topic)
	cfg := relay.Config{Topic: topic, Poll: 5 * time.Millisecond, Lease: 400 * time.Millisecond}
	o := newObjects(t, pool, 50)

	var crew []*process
	for range 3 {
		crew = append(crew, begin(t, url, b, cfg))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.work(t, seed, 30)
	}()
	kills := 0
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for working := true; working; {
		select {
		case <-done:
			working = false
		case <-again.C:
			victim := r.IntN(len(crew))
			if crew[victim].Stats().Lanes > 0 { // a relay without lanes has nothing to lose
				crew[victim].kill()
				crew[victim] = begin(t, url, b, cfg)
				kills++
			}
		}
	}
	t.Logf("%d relays were killed", kills)
	if kills == 0 {
		t.Error("no relay was killed")
	}
	waitPublished(t, pool)
	o.check(t, l, true)
}

func TestRelaysShareTheLanesFairly(t *testing.T) {
	url := dbtest.URL(t)
	cfg := relay.Config{Poll: 10 * time.Millisecond, Lease: 2 * time.Second}
	var crew []*process
	shares := func(want ...int) {
		t.Helper()
		bustest.Eventually(t, fmt.Sprintf("shares of %v", want), func() bool {
			var got []int
			for _, p := range crew {
				got = append(got, p.Stats().Lanes)
			}
			return cmp.Equal(got, want)
		})
	}
	join := func() { crew = append(crew, begin(t, url, &broken{}, cfg)) }
	join()
	shares(16)
	join()
	shares(8, 8)
	join()
	join()
	shares(4, 4, 4, 4)
	crew[1].kill()
	crew[2].stop()
	crew = []*process{crew[0], crew[3]}
	shares(8, 8)
	crew[0].kill()
	crew = crew[1:]
	shares(16)
}

func TestALogFromAnotherClusterGoesOnOnceItIsRenumberedAsTheHandbookSays(t *testing.T) {
	pool := dbtest.New(t)
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic := bustest.Topic(t, b, 1)
	l := follow(t, b, topic)
	begun := func() *relay.Relay { return relay.New(pool, b, relay.Config{Topic: topic}) }
	stop := start(t, begun())
	commit(t, pool, change("ch_a", 1), change("ch_b", 1))
	waitPublished(t, pool)
	stop()
	commit(t, pool, change("ch_a", 2)) // not published when the dump is made
	for _, counted := range []string{"platform.events", "platform.relay_lanes"} {
		if _, err := pool.ExecContext(t.Context(), `UPDATE `+counted+` SET order_xid = order_xid + 1000000000 WHERE order_xid > 0`); err != nil {
			t.Fatal(err)
		}
	}
	stranger := begun()
	stop = start(t, stranger)
	bustest.Eventually(t, "the relay refuses", func() bool { return stranger.Stats().Failures > 0 })
	stop()

	handbook, err := os.ReadFile("../../../cmd/sluice/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(handbook), "```sql\n")
	renumber, _, _ := strings.Cut(after, "```")
	if _, err := pool.ExecContext(t.Context(), renumber); err != nil {
		t.Fatal(err)
	}
	commit(t, pool, change("ch_a", 3), change("ch_b", 2))
	start(t, begun())
	waitPublished(t, pool)
	bustest.Eventually(t, "everything has arrived", func() bool { return l.has("ch_a", 3) && l.has("ch_b", 2) })
	for object, want := range map[string][]int64{"ch_a": {1, 2, 3}, "ch_b": {1, 2}} {
		if diff := cmp.Diff(want, l.of(object)); diff != "" {
			t.Errorf("versions of %s: %s", object, diff)
		}
	}
}

func TestThreeRelaysLeaveNoLaneOut(t *testing.T) {
	url := dbtest.URL(t)
	crew := []*process{}
	for range 3 {
		crew = append(crew, begin(t, url, &broken{}, relay.Config{Lease: 2 * time.Second}))
	}
	bustest.Eventually(t, "all lanes are held, none has more than six", func() bool {
		sum, most := 0, 0
		for _, p := range crew {
			sum, most = sum+p.Stats().Lanes, max(most, p.Stats().Lanes)
		}
		return sum == event.Lanes && most == 6
	})
}

func TestAKilledRelaysLanesAreTakenOverAndNothingIsLost(t *testing.T) {
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), db.Config{URL: url, Name: t.Name(), MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	b := bustest.Open(t, bustest.Brokers(t), pool)
	topic := bustest.Topic(t, b, 6)
	l := follow(t, b, topic)
	cfg := relay.Config{Topic: topic, Lease: time.Second}
	victim, heir := begin(t, url, b, cfg), begin(t, url, b, cfg)
	bustest.Eventually(t, "they share", func() bool { return victim.Stats().Lanes == 8 && heir.Stats().Lanes == 8 })
	victim.kill()
	for i := range 100 {
		commit(t, pool, change(name(i), 1))
	}
	waitPublished(t, pool)
	for i := range 100 {
		bustest.Eventually(t, name(i)+" arrives", func() bool { return l.has(name(i), 1) })
	}
	if got := heir.Stats().Lanes; got != event.Lanes {
		t.Errorf("the heir holds %d lanes", got)
	}
}

// slow is a publisher that is stuck until it is let go.
type slow struct {
	stuck, release chan struct{}
}

func (s *slow) Publish(ctx context.Context, _ string, messages []bus.Message) ([]bus.Message, error) {
	select {
	case s.stuck <- struct{}{}:
	default:
	}
	select {
	case <-s.release:
		return nil, nil
	case <-ctx.Done():
		return messages, ctx.Err()
	}
}

func TestALanePublishedByTwoNeverMovesItsCursorBack(t *testing.T) {
	pool := dbtest.New(t)
	s := &slow{stuck: make(chan struct{}, 1), release: make(chan struct{})}
	commit(t, pool, change("ch_1", 1))
	first := relay.New(pool, s, relay.Config{Lease: 100 * time.Second})
	start(t, first)
	<-s.stuck // it has read version 1 and is publishing it

	// Another process was faster than a renewal, and is ahead.
	if _, err := pool.ExecContext(t.Context(), `UPDATE platform.relay_lanes SET holder = 'relay_other', leased_until = 'infinity',
		(order_xid, seq) = (SELECT order_xid, seq + 7 FROM platform.events)`); err != nil {
		t.Fatal(err)
	}
	at, err := event.Published(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	close(s.release)
	bustest.Eventually(t, "the first has noticed", func() bool { return first.Stats().Lanes == 0 })
	if now, err := event.Published(t.Context(), pool); err != nil || now != at {
		t.Errorf("the cursors moved from %+v to %+v, %v", at, now, err)
	}
}

// away is a broker that is away.
type away struct{}

func (away) Publish(_ context.Context, _ string, messages []bus.Message) ([]bus.Message, error) {
	return messages, errors.New("no broker")
}

func TestMemoryIsBoundedWhileTheBrokerIsAway(t *testing.T) {
	pool := dbtest.New(t)
	object := json.RawMessage(`"` + strings.Repeat("x", 64<<10) + `"`)
	for range 8 { // 64 MiB in all lanes
		var batch []event.Event
		for n := range 128 {
			e := change(id.New("ch"), 1)
			e.Account, e.Object = fmt.Sprintf("acct_%d", n), object
			batch = append(batch, e)
		}
		commit(t, pool, batch...)
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	r := relay.New(pool, away{}, relay.Config{})
	start(t, r)
	bustest.Eventually(t, "every lane has failed", func() bool { return r.Stats().Failures > 3*event.Lanes })
	if grown := heap() - before; grown > 32<<20 {
		t.Errorf("the relay holds %d MiB", grown>>20)
	}
	if s := r.Stats(); s.OldestUnpublished == 0 || s.Published != 0 || s.Lanes != event.Lanes {
		t.Errorf("stats %+v", s)
	}
}

func TestMonthsThatArePublishedAreNotReadAgain(t *testing.T) {
	pool := dbtest.New(t)
	y, m, _ := time.Now().UTC().Date()
	month := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	if time.Since(month) < 25*time.Hour {
		month = month.AddDate(0, -1, 0) // the month before is not over for sure
	}
	name := time.Now().UTC().Format("events_2006_01")
	_, err := pool.NewRaw(`ALTER TABLE platform.events DETACH PARTITION platform.?0; ALTER TABLE platform.events ATTACH PARTITION platform.?0 FOR VALUES FROM (?1) TO (?2)`,
		bun.Ident(name), id.Floor("evt", month), id.Floor("evt", time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC))).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := month.AddDate(0, -1, 0)
	if err := event.EnsurePartitions(t.Context(), pool, before); err != nil {
		t.Fatal(err)
	}
	old := change("ch_old", 1)
	old.ID = id.Floor("evt", before)
	commit(t, pool, old)
	r := relay.New(pool, &broken{}, relay.Config{Poll: time.Millisecond})
	start(t, r)
	commit(t, pool, change("ch_new", 1))
	waitPublished(t, pool)
	scans := func(table string) (n int64) {
		t.Helper()
		if err := pool.NewRaw(`SELECT COALESCE(sum(idx_scan), 0) + COALESCE(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname = ?`, table).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var last, since int64
	bustest.Eventually(t, "only this month is looked at", func() bool {
		if n := scans(before.Format("events_2006_01")); n != last {
			last, since = n, scans(name)
			return false
		}
		return last > 0 && scans(name) > since+1000
	})
	commit(t, pool, change("ch_new", 2))
	waitPublished(t, pool)
}

func TestAQuietLogCostsOneQuestionPerPoll(t *testing.T) {
	pool := dbtest.New(t)
	var asked counter
	pool = pool.WithQueryHook(&asked)
	r := relay.New(pool, &broken{}, relay.Config{})
	start(t, r)
	bustest.Eventually(t, "a quiet second", func() bool { return r.Stats().Looks >= 25 })
	asked.Lock()
	defer asked.Unlock()
	rest := 0
	for _, n := range asked.n {
		rest += n
	}
	if looks := int(r.Stats().Looks); rest > looks/2 {
		t.Errorf("%d looks and %d other statements: %v", looks, rest, asked.n)
	}
}

// counter counts statements by their text.
type counter struct {
	sync.Mutex
	n map[string]int
}

func (c *counter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (c *counter) AfterQuery(_ context.Context, q *bun.QueryEvent) {
	c.Lock()
	defer c.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[q.Query]++
}

package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
)

// What dies in the fault run, at the least.
const (
	relayKills    = 50
	consumerKills = 1000
	outages       = 4

	consumers    = 30 // each with a type of events of its own,
	perProcess   = 6  // six to a process: a process that dies takes them all along
	faultWriters = 64
	faultObjects = 300
	faultHomes   = 60 // accounts of those objects
)

// 64 writers with delays before their commits; relays killed 50 times; consumers
// killed 1,000 times, some of them after a sleep in which others took over from
// them; the broker gone and back four times. All of these are processes ended by
// SIGKILL, but for the embedded broker. Then every event has arrived, each
// object's versions in order, and every effect was had once.
//
// SLUICE_FAULT_SEED replays the dice, SLUICE_FAULT_KILLS shortens or lengthens
// the run, SLUICE_TEST_BROKER=apache has it on an Apache Kafka.
func TestWhateverIsKilledEveryEventArrivesInOrderAndHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	r := newFaultRun(t)
	began := time.Now()
	r.unleash()
	for n := range outages {
		r.await("half of the time to the next outage", func() bool { return r.killed.Load() > int64(r.kills*(2*n+1)/(2*outages)) })
		r.broker.Stop()
		r.linger(t.Context(), 1500)
		r.broker.Start()
	}
	r.await("everything was killed often enough", func() bool { return r.killed.Load() >= int64(r.kills) && r.relays.Load() >= relayKills })
	r.calm()
	before := r.effects()
	r.banish()
	r.await("every effect is had", func() bool { return r.effects() >= r.events() })
	r.await("every event has come to a reader", func() bool { return r.reader.read() >= r.events() })

	t.Logf("%d events; killed: %d consumers, %d relays, the broker %d times in %s; %d effects were had meanwhile",
		r.events(), r.killed.Load(), r.relays.Load(), outages, time.Since(began).Round(time.Second), before)
	if before == 0 {
		t.Error("nobody lived long enough to work: the kills have shown nothing")
	}
	r.reckon()
	noteFaultRun(t, fmt.Sprintf("kills     %-9s %d events; %d consumers, %d relays and the broker %d times killed; all held: %v",
		brokerKind(), r.events(), r.killed.Load(), r.relays.Load(), outages, !t.Failed()))
}

// faultRun is one run and everybody in it.
type faultRun struct {
	t      *testing.T
	seed   uint64
	kills  int
	url    string
	pool   *bun.DB
	broker bustest.Mortal
	topic  string
	reader *reader

	longest        int          // a worker lives before it is killed, in milliseconds
	killed, relays atomic.Int64 // so far
	end            context.CancelFunc
	writing        sync.WaitGroup
	working        sync.WaitGroup

	mu   sync.Mutex
	left []*worker // who work on when all is calm
}

func newFaultRun(t *testing.T) *faultRun {
	r := &faultRun{t: t, seed: faultNumber(t, "SLUICE_FAULT_SEED", rand.Uint64()), url: dbtest.URL(t)}
	r.kills = int(faultNumber(t, "SLUICE_FAULT_KILLS", consumerKills))
	t.Logf("SLUICE_FAULT_SEED=%d", r.seed)
	pool, err := db.Open(t.Context(), db.Config{URL: r.url, Name: t.Name(), MaxConns: faultWriters + 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	r.pool = pool
	r.must(tallies)
	r.must(`CREATE TABLE objects (id text PRIMARY KEY, version bigint NOT NULL)`)
	r.must(`INSERT INTO objects SELECT 'ch_' || n, 0 FROM generate_series(0, ?) n`, faultObjects-1)
	r.broker = bustest.StartMortal(t)
	// Who is killed before it has joined its group has shown nothing, and an Apache Kafka takes its time over that.
	r.longest = 2500
	if brokerKind() != "embedded" {
		r.longest = 8000
	}
	// Quiet: that the broker is away is what this run is about.
	b, err := bus.Open(bus.Config{Brokers: []string{r.broker.Addr()}, Pool: pool, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	r.topic = bustest.Topic(t, b, 6)
	r.reader = &reader{last: map[string]int64{}}
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("reader"), Topic: r.topic, Effect: bustest.Each(r.reader.note)})
	return r
}

func faultNumber(t *testing.T, env string, otherwise uint64) uint64 {
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

func (r *faultRun) must(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.pool.ExecContext(r.t.Context(), sql, args...); err != nil {
		r.t.Fatal(err)
	}
}

// unleash starts writers, relays and consumers, and those who kill them.
func (r *faultRun) unleash() {
	ctx, end := context.WithCancel(r.t.Context())
	r.end = end
	r.t.Cleanup(func() {
		end()
		r.writing.Wait()
		r.working.Wait()
		for _, w := range r.left {
			w.kill()
		}
	})
	for n := range faultWriters {
		r.writing.Go(func() { r.write(ctx, n) })
	}
	o := orders{Database: r.url, Brokers: []string{r.broker.Addr()}, Topic: r.topic}
	for n := range 2 {
		o.Relay = true
		r.working.Go(func() { r.torment(ctx, o, n) })
	}
	for first := 0; first < consumers; first += perProcess {
		o := orders{Database: r.url, Brokers: o.Brokers, Topic: r.topic}
		for n := range perProcess {
			o.Consumers = append(o.Consumers, first+n)
		}
		r.working.Go(func() { r.torment(ctx, o, 100+first) })
	}
}

// calm ends the killing and the writing. Who is hired last works on.
func (r *faultRun) calm() {
	r.end()
	r.writing.Wait()
	r.working.Wait()
}

// banish rids the embedded broker of ghosts: a member that was killed between the
// answer to its JoinGroup and its SyncGroup has no session timer there, keeps its
// partitions for ever, and is forgotten only with the broker's memory. Apache Kafka
// gives it up after the session timeout.
func (r *faultRun) banish() {
	if brokerKind() == "embedded" {
		r.broker.Stop()
		r.broker.Start()
	}
}

// torment hires a worker, kills it after a while, and again, until ctx ends.
func (r *faultRun) torment(ctx context.Context, o orders, stream int) {
	dice := rand.New(rand.NewPCG(r.seed, uint64(stream)))
	for {
		w, err := hire(o)
		if err != nil {
			r.t.Error(err)
			return
		}
		if ctx.Err() != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.left = append(r.left, w)
			return
		}
		linger(ctx, dice, 200, r.longest)
		if dice.IntN(5) == 0 {
			w = r.replace(ctx, w, o, dice)
		}
		w.kill()
		r.killed.Add(int64(len(o.Consumers)))
		if o.Relay {
			r.relays.Add(1)
		}
	}
}

// replace lets a worker sleep until another has taken over from it, and then
// believe for a moment that nothing has happened.
func (r *faultRun) replace(ctx context.Context, w *worker, o orders, dice *rand.Rand) *worker {
	w.freeze()
	heir, err := hire(o)
	if err != nil {
		r.t.Error(err)
		return w
	}
	linger(ctx, dice, 1200, 2500)
	w.thaw()
	linger(ctx, dice, 0, 300)
	w.kill()
	r.killed.Add(int64(len(o.Consumers)))
	if o.Relay {
		r.relays.Add(1)
	}
	linger(ctx, dice, 200, 1500)
	return heir
}

// linger lets a random time pass, in milliseconds.
func linger(ctx context.Context, dice *rand.Rand, least, most int) {
	t := time.NewTimer(time.Duration(least+dice.IntN(most-least)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (r *faultRun) linger(ctx context.Context, most int) {
	linger(ctx, rand.New(rand.NewPCG(r.seed, uint64(r.killed.Load()))), 200, most)
}

var errGivenUp = errors.New("given up")

// write is one writer: changes of random objects until ctx ends.
func (r *faultRun) write(ctx context.Context, n int) {
	dice := rand.New(rand.NewPCG(r.seed, uint64(1000+n)))
	for ctx.Err() == nil {
		if err := r.change(ctx, dice); err != nil && ctx.Err() == nil && !errors.Is(err, errGivenUp) {
			r.t.Errorf("writer %d: %v", n, err)
			return
		}
		linger(ctx, dice, 0, 600)
	}
}

// change moves one object on. Half of the transactions get their number before
// the row lock, all wait before they commit, and some never do.
func (r *faultRun) change(ctx context.Context, dice *rand.Rand) error {
	n, numberFirst, delay, giveUp := dice.IntN(faultObjects), dice.IntN(2) == 0, dice.Float64()/25, dice.IntN(10) == 0
	return db.InTx(ctx, r.pool, func(ctx context.Context, tx bun.Tx) error {
		if numberFirst {
			if _, err := tx.ExecContext(ctx, `SELECT pg_current_xact_id(), pg_sleep(?)`, delay/2); err != nil {
				return err
			}
		}
		object := fmt.Sprintf("ch_%d", n)
		var version int64
		if err := tx.NewRaw(`UPDATE objects SET version = version + 1 WHERE id = ? RETURNING version`, object).Scan(ctx, &version); err != nil {
			return err
		}
		err := event.Log{}.Append(ctx, tx, event.Event{
			Type: kind(n % consumers), Account: fmt.Sprintf("acct_%d", n%faultHomes), Platform: "acct_hub", ObjectID: object, ObjectVersion: version,
			Object: json.RawMessage(`{"id":"` + object + `"}`), CreatedAt: time.Now().UTC(),
		})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_sleep(?)`, delay); err != nil {
			return err
		}
		if giveUp {
			return errGivenUp
		}
		return nil
	})
}

// await waits for a fact, for as long as the run may take.
func (r *faultRun) await(what string, fact func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(5 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			r.t.Fatalf("waited in vain: %s; %d events, %d effects, %d read, %d consumers and %d relays killed\n%s",
				what, r.events(), r.effects(), r.reader.read(), r.killed.Load(), r.relays.Load(), r.lastWords())
		case <-tick.C:
		}
		if r.t.Failed() {
			r.t.FailNow()
		}
	}
}

func (r *faultRun) lastWords() (text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.left {
		text += w.log.String()
	}
	return text
}

func (r *faultRun) number(sql string) (n int) {
	r.t.Helper()
	if err := r.pool.NewRaw(sql).Scan(r.t.Context(), &n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *faultRun) events() int  { return r.number(`SELECT count(*) FROM platform.events`) }
func (r *faultRun) effects() int { return r.number(`SELECT COALESCE(sum(n), 0) FROM tally`) }

// reckon compares what the consumers have counted with what one consumer without a fault would have.
func (r *faultRun) reckon() {
	r.t.Helper()
	var wrong []struct {
		Consumer, Account string
		Want, Got         int
	}
	err := r.pool.NewRaw(`
SELECT COALESCE(m.consumer, t.consumer) AS consumer, COALESCE(m.account, t.account) AS account, COALESCE(m.n, 0) AS want, COALESCE(t.n, 0) AS got
FROM (SELECT ? || right(type, 3) AS consumer, account, count(*) AS n FROM platform.events GROUP BY 1, 2) m
FULL JOIN (SELECT regexp_replace(consumer, '\.(\d\d)$', '_\1') AS consumer, account, n FROM tally) t ON t.consumer = m.consumer AND t.account = m.account
WHERE m.n IS DISTINCT FROM t.n`, r.topic).Scan(r.t.Context(), &wrong)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, w := range wrong {
		r.t.Errorf("%s had %d effects for %s, want %d", w.Consumer, w.Got, w.Account, w.Want)
	}
	if n := r.number(`SELECT COALESCE(sum(disorder), 0) FROM seen`); n > 0 {
		r.t.Errorf("%d effects were had out of order", n)
	}
	if n := r.number(`SELECT count(*) FROM objects o JOIN seen s ON s.object = o.id WHERE s.version <> o.version`); n > 0 {
		r.t.Errorf("%d objects did not end at their last version", n)
	}
	r.reader.report(r.t)
}

// reader is somebody who reads the topic and is left in peace.
type reader struct {
	mu       sync.Mutex
	last     map[string]int64 // version, by object
	first    int              // events, each counted once
	again    int
	disorder []string
}

// note takes versions in order. What was published twice may come twice, which never hides a gap.
func (r *reader) note(_ context.Context, m bus.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch last := r.last[m.Subject]; {
	case m.ObjectVersion == last+1:
		r.last[m.Subject]++
		r.first++
	case m.ObjectVersion <= last:
		r.again++
	default:
		r.disorder = append(r.disorder, fmt.Sprintf("%s: version %d after %d", m.Subject, m.ObjectVersion, last))
	}
	return nil
}

func (r *reader) read() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first
}

func (r *reader) report(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.disorder {
		t.Error(d)
	}
	t.Logf("a reader of the topic had %d events and %d again", r.first, r.again)
}

func brokerKind() string {
	if kind := os.Getenv("SLUICE_TEST_BROKER"); kind != "" {
		return kind
	}
	return "embedded"
}

// noteFaultRun adds a line to the table that `make soak` prints.
func noteFaultRun(t *testing.T, line string) {
	path := os.Getenv("SLUICE_SOAK_REPORT")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Fatal(err)
	}
}

package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
)

// The ways in which an item can be bad, or not.
const (
	good      = ""
	refused   = "refused"   // apply decides against it, in memory: no error of the batch
	wrong     = "wrong"     // apply fails
	panics    = "panics"    // apply panics
	duplicate = "duplicate" // a constraint fails at the statement
	deferred  = "deferred"  // a constraint fails at COMMIT
)

var errDecided = errors.New("decided against")

type note struct {
	key  int
	kind string
	size int
	err  error // the decided error
}

func (n *note) Size() int { return n.size }

const schema = `CREATE TABLE notes (key int CONSTRAINT notes_pkey PRIMARY KEY, ref int);
CREATE TABLE refs (ref int PRIMARY KEY);
INSERT INTO refs VALUES (0);
INSERT INTO notes VALUES (-1, 0);
ALTER TABLE notes ADD CONSTRAINT notes_ref FOREIGN KEY (ref) REFERENCES refs DEFERRABLE INITIALLY DEFERRED`

// apply writes the notes of a batch with one statement.
func apply(ctx context.Context, tx bun.Tx, notes []*note) error {
	var keys, refs []int
	for _, n := range notes {
		key, ref := n.key, 0
		n.err = nil
		switch n.kind {
		case refused:
			n.err = errDecided
			continue
		case wrong:
			return errors.New("cannot apply")
		case panics:
			panic("cannot apply")
		case duplicate:
			key = -1
		case deferred:
			ref = 1
		}
		keys, refs = append(keys, key), append(refs, ref)
	}
	_, err := tx.NewRaw("INSERT INTO notes SELECT * FROM unnest(?::int[], ?::int[])",
		pgdialect.Array(keys), pgdialect.Array(refs)).Exec(ctx)
	return err
}

func notesIn(t rapid.TB, pool *bun.DB) []int {
	t.Helper()
	var keys []int
	if err := pool.NewRaw("SELECT key FROM notes WHERE key >= 0 ORDER BY key").Scan(context.Background(), &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

func prepared(t *testing.T) *bun.DB {
	t.Helper()
	pool := dbtest.New(t)
	if _, err := pool.Exec(schema); err != nil {
		t.Fatal(err)
	}
	return pool
}

func TestBadItemNeverFailsItsNeighbours(t *testing.T) {
	pool := prepared(t)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := pool.Exec("DELETE FROM notes WHERE key >= 0"); err != nil {
			t.Fatal(err)
		}
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{
			good, good, good, good, good, refused, wrong, panics, duplicate, deferred,
		}), 1, 40).Draw(t, "kinds")
		c := db.NewCommitter(pool, db.CommitterConfig{
			Writers:  rapid.IntRange(1, 3).Draw(t, "writers"),
			MaxItems: rapid.IntRange(1, 50).Draw(t, "items"),
			MaxBytes: rapid.IntRange(1, 200).Draw(t, "bytes"),
		}, apply)
		notes, errs := make([]*note, len(kinds)), make([]error, len(kinds))
		var callers sync.WaitGroup
		for i, kind := range kinds {
			notes[i] = &note{key: i, kind: kind, size: i % 20}
			callers.Go(func() { errs[i] = c.Do(context.Background(), notes[i]) })
		}
		callers.Wait()
		c.Close()

		var want []int
		for i, kind := range kinds {
			switch {
			case kind == good || kind == refused:
				if errs[i] != nil {
					t.Errorf("%s item failed: %v", kind, errs[i])
				}
			case errs[i] == nil || errors.Is(errs[i], db.ErrUnknown):
				t.Errorf("%s item: %v", kind, errs[i])
			}
			if kind == good {
				want = append(want, i)
			}
			if (notes[i].err != nil) != (kind == refused) {
				t.Errorf("%s item decided %v", kind, notes[i].err)
			}
		}
		if got := notesIn(t, pool); !slices.Equal(got, want) {
			t.Errorf("committed %v, want %v", got, want)
		}
	})
}

func TestWaitingItemsShareACommit(t *testing.T) {
	pool := prepared(t)
	entered, release := make(chan struct{}), make(chan struct{})
	var sizes []int
	c := db.NewCommitter(pool, db.CommitterConfig{Writers: 1, MaxItems: 5, MaxBytes: 100},
		func(ctx context.Context, tx bun.Tx, notes []*note) error {
			if len(sizes) == 0 {
				entered <- struct{}{}
				<-release
			}
			sizes = append(sizes, len(notes))
			return apply(ctx, tx, notes)
		})
	var callers sync.WaitGroup
	do := func(n *note) {
		callers.Go(func() {
			if err := c.Do(context.Background(), n); err != nil {
				t.Error(err)
			}
		})
	}
	do(&note{key: 0})
	<-entered
	for i := 1; i <= 7; i++ {
		do(&note{key: i})
	}
	for c.Waiting() < 7 {
		runtime.Gosched()
	}
	for i := 8; i <= 10; i++ {
		do(&note{key: i, size: 60}) // two of these exceed the bytes of a commit
	}
	for c.Waiting() < 10 {
		runtime.Gosched()
	}
	close(release)
	callers.Wait()
	c.Close()
	if want := []int{1, 5, 3, 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches %v, want %v", sizes, want)
	}
}

func TestFullQueueAnswersUnavailableAtOnce(t *testing.T) {
	pool := prepared(t)
	entered, release := make(chan struct{}), make(chan struct{})
	c := db.NewCommitter(pool, db.CommitterConfig{Writers: 1, MaxItems: 1, Queue: 1},
		func(ctx context.Context, tx bun.Tx, notes []*note) error {
			entered <- struct{}{}
			<-release
			return apply(ctx, tx, notes)
		})
	results := make(chan error, 2)
	go func() { results <- c.Do(context.Background(), &note{key: 0}) }()
	<-entered
	go func() { results <- c.Do(context.Background(), &note{key: 1}) }()
	for c.Waiting() < 1 {
		runtime.Gosched()
	}
	if err := c.Do(context.Background(), &note{key: 2}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	close(release)
	<-entered
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	c.Close()
}

func TestCloseCommitsWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	pool := prepared(t)
	c := db.NewCommitter(pool, db.CommitterConfig{}, apply)
	const callers, each = 16, 50
	var accepted atomic.Int64
	var work sync.WaitGroup
	underWay := make(chan struct{}, callers*each)
	for caller := range callers {
		work.Go(func() {
			for i := range each {
				err := c.Do(context.Background(), &note{key: caller*each + i})
				switch {
				case err == nil:
					accepted.Add(1)
					underWay <- struct{}{}
				case !fault.Is(err, fault.Unavailable):
					t.Errorf("got %v", err)
				default:
					return
				}
			}
		})
	}
	for range 100 {
		<-underWay
	}
	c.Close()
	atClose := len(notesIn(t, pool))
	work.Wait()
	if got := len(notesIn(t, pool)); got != int(accepted.Load()) || got != atClose {
		t.Errorf("accepted %d, committed %d at close and %d after", accepted.Load(), atClose, got)
	}
	c.Close() // twice is once
}

func TestWaiterWhoLeavesDoesNotKnowTheOutcome(t *testing.T) {
	pool := prepared(t)
	entered, release := make(chan struct{}), make(chan struct{})
	c := db.NewCommitter(pool, db.CommitterConfig{}, func(ctx context.Context, tx bun.Tx, notes []*note) error {
		close(entered)
		<-release
		return apply(ctx, tx, notes)
	})
	ctx, leave := context.WithCancel(context.Background())
	result := make(chan error)
	go func() { result <- c.Do(ctx, &note{key: 7}) }()
	<-entered
	leave()
	if err := <-result; !errors.Is(err, db.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	c.Close()
	if got := notesIn(t, pool); !slices.Equal(got, []int{7}) {
		t.Errorf("committed %v", got)
	}
	if err := c.Do(ctx, &note{key: 8}); !errors.Is(err, context.Canceled) || errors.Is(err, db.ErrUnknown) {
		t.Errorf("a waiter who had left before: %v", err)
	}
}

// A trigger at COMMIT ends its own session: the client cannot know what became of the work.
func TestSessionThatEndsDuringCommitIsUnknownAndNotRepeated(t *testing.T) {
	pool := prepared(t)
	if _, err := pool.Exec(`CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER leave AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION leave()`); err != nil {
		t.Fatal(err)
	}
	calls := 0
	c := db.NewCommitter(pool, db.CommitterConfig{Writers: 1}, func(ctx context.Context, tx bun.Tx, notes []*note) error {
		calls++
		return apply(ctx, tx, notes)
	})
	err := c.Do(t.Context(), &note{key: 1})
	c.Close()
	if !errors.Is(err, db.ErrUnknown) || calls != 1 {
		t.Errorf("calls %d, error %v", calls, err)
	}
}

func TestCommitterOutlivesACrashOfTheServer(t *testing.T) {
	server := dbtest.Postgres(t)
	pool, err := db.Open(t.Context(), db.Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(schema); err != nil {
		t.Fatal(err)
	}
	c := db.NewCommitter(pool, db.CommitterConfig{}, apply)
	defer c.Close()
	var mu sync.Mutex
	fate := map[int]error{}
	var work sync.WaitGroup
	stop, some := make(chan struct{}), make(chan struct{}, 1_000_000)
	for caller := range 8 {
		work.Go(func() {
			for key := caller; ; key += 8 {
				select {
				case <-stop:
					return
				default:
				}
				err := c.Do(context.Background(), &note{key: key})
				mu.Lock()
				fate[key] = err
				mu.Unlock()
				if err == nil {
					some <- struct{}{}
				}
			}
		})
	}
	for range 200 {
		<-some
	}
	server.Kill()
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		<-some
	}
	close(stop)
	work.Wait()

	committed := notesIn(t, pool)
	there := map[int]bool{}
	for _, key := range committed {
		there[key] = true
	}
	for key, err := range fate {
		switch {
		case err == nil && !there[key]:
			t.Errorf("%d was acknowledged and is lost", key)
		case err != nil && !errors.Is(err, db.ErrUnknown) && there[key]:
			t.Errorf("%d was said not to be committed (%v) and is there", key, err)
		case err != nil && !errors.Is(err, db.ErrUnknown) && !fault.Is(err, fault.Unavailable):
			t.Errorf("%d: %v", key, err)
		}
	}
}

func BenchmarkCommitter(b *testing.B) {
	for _, clients := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			pool := dbtest.New(b)
			if _, err := pool.Exec(schema); err != nil {
				b.Fatal(err)
			}
			c := db.NewCommitter(pool, db.CommitterConfig{}, apply)
			defer c.Close()
			var key atomic.Int64
			b.SetParallelism(max(1, clients/2))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.Do(context.Background(), &note{key: int(key.Add(1))}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

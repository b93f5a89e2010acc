package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
)

// Two more ways to be bad, which the random batches leave out: they cost retries.
const (
	serialization = "serialization" // PostgreSQL cannot serialize the transaction, however often it is tried
	oversized     = "oversized"     // a value that no index takes
)

// poisoned is apply for items that may be bad in these ways, too.
func poisoned(ctx context.Context, tx bun.Tx, notes []*note) error {
	for _, n := range notes {
		switch n.kind {
		case serialization:
			if _, err := tx.ExecContext(ctx, `DO $$ BEGIN RAISE EXCEPTION 'cannot serialize' USING ERRCODE = 'serialization_failure'; END $$`); err != nil {
				return err
			}
		case oversized:
			if _, err := tx.ExecContext(ctx, `INSERT INTO words SELECT string_agg(md5(i::text), '') FROM generate_series(1, 10000) AS i`); err != nil {
				return err
			}
		}
	}
	return apply(ctx, tx, notes)
}

func TestOnePoisonedItemAtAnyPlaceOfABatchFailsAlone(t *testing.T) {
	pool := prepared(t)
	if _, err := pool.Exec("CREATE TABLE words (word text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	const items = 8
	for _, kind := range []string{refused, wrong, panics, duplicate, deferred, serialization, oversized} {
		for place := range items {
			t.Run(fmt.Sprintf("%s at %d", kind, place), func(t *testing.T) {
				if _, err := pool.Exec("DELETE FROM notes WHERE key >= 0"); err != nil {
					t.Fatal(err)
				}
				entered, release := make(chan struct{}), make(chan struct{})
				var sizes []int
				c := db.NewCommitter(pool, db.CommitterConfig{Writers: 1}, func(ctx context.Context, tx bun.Tx, notes []*note) error {
					if len(sizes) == 0 {
						close(entered)
						<-release
					}
					sizes = append(sizes, len(notes))
					return poisoned(ctx, tx, notes)
				})
				var callers sync.WaitGroup
				errs, notes := make([]error, items), make([]*note, items)
				callers.Go(func() { _ = c.Do(context.Background(), &note{key: 100}) }) // has the writer until all others queue
				<-entered
				for i := range notes {
					notes[i] = &note{key: i}
					if i == place {
						notes[i].kind = kind
					}
					callers.Go(func() { errs[i] = c.Do(context.Background(), notes[i]) })
					for c.Waiting() <= i { // in this order
						runtime.Gosched()
					}
				}
				close(release)
				callers.Wait()
				c.Close()
				if sizes[1] != items {
					t.Errorf("the items did not share a batch: %v", sizes)
				}
				want := []int{100}
				for i, err := range errs {
					if i == place {
						if failed := err != nil && !errors.Is(err, db.ErrUnknown) || notes[i].err != nil; !failed {
							t.Errorf("the poisoned item: %v", err)
						}
						continue
					}
					if err != nil || notes[i].err != nil {
						t.Errorf("its neighbour at %d: %v, %v", i, err, notes[i].err)
					}
					want = append(want, i)
				}
				slices.Sort(want)
				if got := notesIn(t, pool); !slices.Equal(got, want) {
					t.Errorf("committed %v, want %v", got, want)
				}
			})
		}
	}
}

package event_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
)

// heard is what an ear hears in one look, by type.
func heard(t *testing.T, ear *event.Ear, pool *bun.DB) (types []string) {
	t.Helper()
	news, err := ear.Hear(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range news {
		if n.Account != "acct_tutor" || n.Platform != "acct_hub" || n.Livemode {
			t.Errorf("heard of %+v", n)
		}
		types = append(types, n.Type)
	}
	return types
}

func TestAnEarHearsWhatHappensFromThenOnOnce(t *testing.T) {
	pool := dbtest.New(t)
	mustAdd(t, pool, charge("ch_0", 1, "charge.before"))
	ear, err := event.NewEar(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if got := heard(t, ear, pool); len(got) > 0 {
		t.Errorf("heard %v, which was before", got)
	}
	mustAdd(t, pool, charge("ch_1", 1, "charge.succeeded"))
	if got := heard(t, ear, pool); !slices.Equal(got, []string{"charge.succeeded"}) {
		t.Errorf("heard %v", got)
	}
	if got := heard(t, ear, pool); len(got) > 0 {
		t.Errorf("heard %v again", got)
	}
}

// TestAnEarMissesNothingThatASlowTransactionAdds lets a transaction that began first
// commit last: its event stands before one that was told already.
func TestAnEarMissesNothingThatASlowTransactionAdds(t *testing.T) {
	pool := dbtest.New(t)
	ear, err := event.NewEar(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	err = db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		if err := (event.Log{}).Append(ctx, tx, charge("ch_1", 1, "charge.slow")); err != nil {
			return err
		}
		mustAdd(t, pool, charge("ch_2", 1, "charge.quick"))
		for range 2 { // it is told at once, though not settled, and not again
			if got := heard(t, ear, pool); len(got) > 1 || len(got) == 1 && got[0] != "charge.quick" {
				t.Errorf("heard %v", got)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := heard(t, ear, pool); !slices.Equal(got, []string{"charge.slow"}) {
		t.Errorf("heard %v of the slow one", got)
	}
}

func TestACrowdOfEventsIsToldInSeveralLooks(t *testing.T) {
	pool := dbtest.New(t)
	ear, err := event.NewEar(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	var crowd []event.Event
	for i := range 450 {
		crowd = append(crowd, charge(fmt.Sprintf("ch_%d", i), 1, "charge.succeeded"))
	}
	mustAdd(t, pool, crowd...)
	for settled := false; !settled; { // tests beside this one hold the horizon back: it is the cluster's
		err := pool.NewRaw(`SELECT max(order_xid) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM platform.events`).Scan(t.Context(), &settled)
		if err != nil {
			t.Fatal(err)
		}
	}
	all := 0
	for range 4 {
		all += len(heard(t, ear, pool))
	}
	if all != len(crowd) {
		t.Errorf("heard %d of %d", all, len(crowd))
	}
}

package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
)

func TestAnEntryBelowTheFloorAtAnyPlaceOfABatchIsRefusedAlone(t *testing.T) {
	pool, book := dbtest.New(t), ledger.NewBook()
	const entries = 8
	mustPost(t, pool, book, earn("ch_first", "acct_rich", 1_000_000, time.Time{}))
	for place := range entries {
		batch := make([]ledger.Entry, entries)
		for i := range batch {
			batch[i] = move(fmt.Sprintf("tr_%d_%d", place, i), "acct_rich", "acct_to", 10)
		}
		batch[place] = move(fmt.Sprintf("tr_%d_poor", place), "acct_poor", "acct_to", 10)
		for i, r := range mustPost(t, pool, book, batch...) {
			if f := fault.As(r.Err); (i == place) != (f != nil && f.Code == "balance_insufficient") || i != place && r.EntryID == 0 {
				t.Errorf("with the poor one at %d, entry %d: %+v", place, i, r)
			}
		}
	}
	if got := balance(t, pool, "acct_to", ledger.Available); got != entries*(entries-1)*10 {
		t.Errorf("%d arrived", got)
	}
}

package ledger_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
)

// BenchmarkPost books destination charges with an application fee, 200 in a
// commit: all of one platform (hot), or of 1,000 platforms (spread). The test
// database does not flush to disk, so this is the cost of the work alone.
func BenchmarkPost(b *testing.B) {
	const size = 200
	for _, c := range []struct {
		name      string
		platforms int
	}{{"hot", 1}, {"spread", 1000}} {
		b.Run(c.name, func(b *testing.B) {
			pool, book := dbtest.New(b), ledger.NewBook()
			n := 0
			for b.Loop() {
				entries := make([]ledger.Entry, size)
				for i := range entries {
					n++
					entries[i] = lesson(n, n%c.platforms, n*7919%10_000)
				}
				err := db.InTx(b.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
					_, err := book.Post(ctx, tx, entries...)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "charges/s")
		})
	}
}

func lesson(n, platform, tutor int) ledger.Entry {
	owner := fmt.Sprintf("acct_p%d", platform)
	return journal.ChargeSucceeded(journal.Charge{
		ID: fmt.Sprintf("ch_%d", n), Owner: owner, Platform: owner, Amount: hkd(60000), ProcessingFee: 2340,
		At: noon, MaturesOn: noon.AddDate(0, 0, 2),
		Legs: []journal.Leg{{Transfer: fmt.Sprintf("tr_%d", n), Payment: fmt.Sprintf("py_%d", n),
			Destination: fmt.Sprintf("acct_t%d", tutor), Amount: 60000, ApplicationFee: 6000,
			FeeID: fmt.Sprintf("fee_%d", n), Application: "ca_1"}},
	}, func() string { return id.New("txn") })
}

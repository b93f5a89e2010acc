package payouts_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts"
)

// SLUICE_PAYOUT_ACCOUNTS is how many accounts are paid, 400 if it is not set.
func TestSchedulersKilledAtRandomPayEachPurseOnce(t *testing.T) {
	accounts := 400
	if n, err := strconv.Atoi(os.Getenv("SLUICE_PAYOUT_ACCOUNTS")); err == nil {
		accounts = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := open(t)
	for i := range accounts {
		account := fmt.Sprintf("acct_%06d", i)
		w.pays(account, payouts.Daily, "hkd", "000123456")
		w.earn(account, 1000, "hkd", 0)
		w.handle(w.available(account, "hkd"))
	}
	var busy sync.WaitGroup
	for n := range 10 {
		chance := rand.New(rand.NewPCG(seed, uint64(n)))
		busy.Go(func() {
			for range 8 {
				ctx, die := context.WithTimeout(t.Context(), time.Duration(chance.IntN(int(200*time.Millisecond))))
				_, err := w.service.RunDue(ctx, false, w.clock.Now())
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				die()
			}
		})
	}
	busy.Wait()
	// The database may still be letting go of what the dead had locked.
	for left := 1; left > 0; {
		if _, err := w.service.RunDue(t.Context(), false, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		err := w.pool.NewRaw("SELECT count(*) FROM payouts.dues WHERE decide_at <= ?", w.clock.Now()).Scan(t.Context(), &left)
		if err != nil {
			t.Fatal(err)
		}
	}
	var made, paid, sum int
	err := w.pool.NewRaw("SELECT count(*), count(DISTINCT account), sum(amount) FROM payouts.payouts").Scan(t.Context(), &made, &paid, &sum)
	if err != nil {
		t.Fatal(err)
	}
	if made != accounts || paid != accounts || sum != 1000*accounts {
		t.Errorf("%d payouts to %d accounts of %d, %d paid of %d", made, paid, accounts, sum, 1000*accounts)
	}
	w.expectItemised()
}

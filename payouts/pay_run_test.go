package payouts_test

import (
	"fmt"
	"testing"

	"github.com/sluicepay/sluice/payouts"
)

// More payouts than one transaction agrees to.
func TestEveryPayoutOfARunIsApproved(t *testing.T) {
	const many = 210
	w := open(t)
	w.policy("key_1", payouts.PolicyParams{ApprovalOver: inHKD("500")})
	for i := range many {
		account := fmt.Sprintf("acct_%03d", i)
		w.pays(account, payouts.Daily, "hkd", "000123456")
		w.earn(account, 1000, "hkd", 0)
		w.handle(w.available(account, "hkd"))
	}
	run, made, err := w.service.RunNow(t.Context(), platform, payouts.RunParams{})
	if err != nil || made != many {
		t.Fatalf("%d payouts, %v", made, err)
	}
	approved := func() (n int) {
		t.Helper()
		if err := w.pool.NewRaw("SELECT count(*) FROM payouts.payouts WHERE run = ? AND approval = 'approved'", run.ID).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		actor             string
		approved, waiting int64
	}{
		{"key_1", 0, many}, {"key_1", 0, many}, {"key_2", many, 0}, {"key_3", 0, 0},
	} {
		done, err := w.service.ApproveRun(t.Context(), platform, c.actor, run.ID)
		if err != nil || done.Approved != c.approved || done.Waiting != c.waiting || len(done.Refused) != 0 {
			t.Errorf("%s: %+v, %v", c.actor, done, err)
		}
	}
	if n := approved(); n != many {
		t.Errorf("%d of %d are approved", n, many)
	}
}

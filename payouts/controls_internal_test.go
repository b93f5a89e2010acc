package payouts

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/money"
)

// statements counts what is asked of the database.
type statements struct{ n atomic.Int64 }

func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (s *statements) AfterQuery(context.Context, *bun.QueryEvent)                        { s.n.Add(1) }

func TestControlsOfManyAccountsAreReadAtOnce(t *testing.T) {
	pool, now := dbtest.New(t), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := New(pool, Config{Clocks: clock.Modes{Test: clock.NewFixed(now), Live: clock.NewFixed(now)}, Rails: rail.Modes{}})
	const many = 400
	var accounts []string
	for _, sql := range []string{
		`INSERT INTO payouts.policies (platform, livemode, id, rules, updated_at, version)
			SELECT 'acct_hub' || n, false, 'ppol_' || n, '{"daily_limit": {"hkd": 1000}, "approval_over": {"hkd": 400}, "timezone": "Etc/UTC"}', now(), 1
			FROM generate_series(0, 1) n`,
		`INSERT INTO payouts.holds (id, platform, livemode, account, payout, reason, created_by, created_at, released_by, version)
			SELECT 'phold_' || n, 'acct_hub' || n % 3, false, 'acct_' || n, '', 'x', 'key_1', now(), '', 1 FROM generate_series(10, 400, 10) n`,
	} {
		if _, err := pool.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= many; n++ {
		accounts = append(accounts, fmt.Sprintf("acct_%d", n))
	}
	asked := map[int]int64{}
	skips, approvals, paid := map[Skip]int{}, 0, map[string]int64{}
	count := &statements{}
	watched := pool.WithQueryHook(count)
	for _, n := range []int{1, many} {
		count.n.Store(0)
		err := db.InTx(t.Context(), watched, func(ctx context.Context, tx bun.Tx) error {
			c, err := s.controlsFor(ctx, tx, false, []string{"acct_hub0", "acct_hub1", "acct_hub2"}, accounts[:n])
			if err != nil || n == 1 {
				return err
			}
			for i, account := range accounts {
				p := &Payout{Account: account, Platform: fmt.Sprintf("acct_hub%d", (i+1)%3), Amount: int64(300 + 200*(i%2)), Currency: money.Currency("hkd")}
				verdict := c.judge(p, Destination{}, now)
				skips[verdict.Skip]++
				if verdict.Approval {
					approvals++
				}
				if verdict.Skip == "" {
					paid[p.Platform] += p.Amount
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		asked[n] = count.n.Load()
	}
	if asked[1] != asked[many] {
		t.Errorf("%d statements for one account, %d for %d", asked[1], asked[many], many)
	}
	if skips[SkipAccountHeld] != 40 {
		t.Errorf("%d accounts on hold, want 40", skips[SkipAccountHeld])
	}
	// Those judged before count: 300 + 500 or 500 + 300 fit under 1000, and then nothing does but 200.
	if paid["acct_hub0"] != 800 || paid["acct_hub1"] != 800 || paid["acct_hub2"] < 40000 {
		t.Errorf("paid %v", paid)
	}
	if approvals != 2 {
		t.Errorf("%d payouts wait for approval, want the one over 400 of each of two platforms", approvals)
	}
}

package payouts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Due says that an account may have money to pay out.
type Due struct {
	Platform string
	Account  string
	Livemode bool
	Currency money.Currency
}

// dueRow is a due as it is kept. At DecideAt it is looked at; paydays from the
// local date of Since on have not been decided.
type dueRow struct {
	bun.BaseModel `bun:"table:payouts.dues,alias:d"`
	Due
	DecideAt time.Time
	Since    time.Time
	NotedAt  time.Time
}

func (d Due) scope() tenant.Scope {
	return tenant.Scope{Platform: d.Platform, Account: d.Account, Livemode: d.Livemode}
}

func (d Due) purse() balance.Purse {
	return balance.Purse{Livemode: d.Livemode, Account: d.Account, Currency: d.Currency}
}

// The update waits for a scheduler that is about to delete the row; DO NOTHING might not.
const noteDues = `
INSERT INTO payouts.dues AS d (platform, account, livemode, currency, decide_at, since, noted_at)
SELECT n.platform, n.account, n.livemode, n.currency, $5::timestamptz, $5::timestamptz, $5::timestamptz
FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[]) AS n (platform, account, livemode, currency)
ON CONFLICT (account, livemode, currency) DO UPDATE SET
	noted_at = EXCLUDED.noted_at, decide_at = least(d.decide_at, EXCLUDED.decide_at), since = least(d.since, EXCLUDED.since)`

// Note remembers dues for the scheduler, in the transaction of whoever knows: they
// are looked at from at on. Noting one twice changes nothing.
func (s *Service) Note(ctx context.Context, tx bun.Tx, at time.Time, dues ...Due) error {
	if len(dues) == 0 {
		return nil
	}
	dues = slices.Clone(dues) // in one order everywhere, so that two notes cannot wait for each other
	slices.SortFunc(dues, func(a, b Due) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Currency, b.Currency), cmp.Compare(modeOf(a.Livemode), modeOf(b.Livemode)))
	})
	dues = slices.Compact(dues)
	platforms, accounts, currencies, modes := make([]string, len(dues)), make([]string, len(dues)), make([]string, len(dues)), make([]bool, len(dues))
	for i, d := range dues {
		platforms[i], accounts[i], currencies[i], modes[i] = d.Platform, d.Account, string(d.Currency), d.Livemode
	}
	_, err := db.Exec(ctx, tx, noteDues, platforms, accounts, modes, currencies, at)
	if err != nil {
		return fmt.Errorf("note dues: %w", err)
	}
	return nil
}

// Reconsider has the dues of an account looked at from at on: its schedule, its bank
// accounts or what holds it has changed.
func (s *Service) Reconsider(ctx context.Context, tx bun.Tx, at time.Time, livemode bool, accounts ...string) error {
	if len(accounts) == 0 {
		return nil
	}
	_, err := tx.NewRaw(`
		UPDATE payouts.dues SET decide_at = least(decide_at, ?0), since = least(since, ?0)
		WHERE (account, livemode, currency) IN (
			SELECT account, livemode, currency FROM payouts.dues WHERE livemode = ?1 AND account = ANY(?2)
			ORDER BY account COLLATE "C", currency COLLATE "C" FOR UPDATE)`, at, livemode, pgdialect.Array(accounts)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("reconsider dues: %w", err)
	}
	return nil
}

// NextDue is when the next due of a mode is looked at, or a payout handed over; zero if nothing waits.
func (s *Service) NextDue(ctx context.Context, livemode bool, after time.Time) (time.Time, error) {
	var next bun.NullTime
	err := s.pool.NewRaw(`
		SELECT least(
			(SELECT min(decide_at) FROM payouts.dues WHERE livemode = ?0 AND decide_at > ?1),
			(SELECT min(send_after) FROM payouts.payouts WHERE livemode = ?0 AND status = 'pending' AND NOT held AND approval IN ('', 'approved') AND send_after > ?1))`,
		livemode, after).Scan(ctx, &next)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next due: %w", err)
	}
	return next.Time, nil
}

// takeDues locks dues of a mode whose time has come, of one platform or of all, those
// that no other scheduler has.
func takeDues(ctx context.Context, tx bun.Tx, livemode bool, platform string, now time.Time, limit int) (rows []dueRow, err error) {
	q := tx.NewSelect().Model(&rows).Where("d.livemode = ? AND d.decide_at <= ?", livemode, now)
	if platform != "" {
		q = q.Where("d.platform = ?", platform)
	}
	if err := q.OrderExpr("d.decide_at, d.account, d.currency").Limit(int64(limit)).For("UPDATE SKIP LOCKED").Scan(ctx); err != nil {
		return nil, fmt.Errorf("take dues: %w", err)
	}
	return rows, nil
}

// settleDues says when each locked due is looked at next, and forgets those that are paid.
func settleDues(ctx context.Context, tx bun.Tx, livemode bool, decisions []*decision) error {
	var done, later [2][]string // accounts, currencies
	var at, since []time.Time
	for _, d := range decisions {
		if d.next.IsZero() {
			done[0], done[1] = append(done[0], d.due.Account), append(done[1], string(d.due.Currency))
			continue
		}
		later[0], later[1] = append(later[0], d.due.Account), append(later[1], string(d.due.Currency))
		at, since = append(at, d.next), append(since, d.since)
	}
	if len(done[0]) > 0 {
		_, err := tx.NewRaw(`DELETE FROM payouts.dues AS d USING unnest(?0::text[], ?1::text[]) AS v (account, currency)
			WHERE d.account = v.account AND d.livemode = ?2 AND d.currency = v.currency`,
			pgdialect.Array(done[0]), pgdialect.Array(done[1]), livemode).Exec(ctx)
		if err != nil {
			return fmt.Errorf("forget dues: %w", err)
		}
	}
	if len(later[0]) == 0 {
		return nil
	}
	_, err := tx.NewRaw(`UPDATE payouts.dues AS d SET decide_at = v.at, since = v.since
		FROM unnest(?0::text[], ?1::text[], ?2::timestamptz[], ?3::timestamptz[]) AS v (account, currency, at, since)
		WHERE d.account = v.account AND d.livemode = ?4 AND d.currency = v.currency`,
		pgdialect.Array(later[0]), pgdialect.Array(later[1]), pgdialect.Array(at), pgdialect.Array(since), livemode).Exec(ctx)
	if err != nil {
		return fmt.Errorf("put off dues: %w", err)
	}
	return nil
}

package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type policyRow struct {
	bun.BaseModel `bun:"table:payouts.policies,alias:o"`
	Policy
}

type changeRow struct {
	bun.BaseModel `bun:"table:payouts.policy_changes,alias:c"`
	PolicyChange
}

// readPolicy is the platform's policy. One that was never said limits nothing; to
// be locked, it is written down first.
func readPolicy(ctx context.Context, idb bun.IDB, scope tenant.Scope, lock bool) (*Policy, error) {
	silent := Policy{Platform: scope.Platform, Livemode: scope.Livemode, Rules: Rules{Timezone: "Etc/UTC"}}
	row := new(policyRow)
	q := idb.NewSelect().Model(row).Where("o.platform = ? AND o.livemode = ?", scope.Platform, scope.Livemode)
	if lock {
		silent.ID, silent.UpdatedAt = id.New("ppol"), time.Unix(0, 0)
		if _, err := idb.NewInsert().Model(&policyRow{Policy: silent}).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return nil, fmt.Errorf("begin payout policy: %w", err)
		}
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return &silent, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read payout policy: %w", err)
	}
	return &row.Policy, nil
}

func savePolicy(ctx context.Context, tx bun.Tx, p *Policy) error {
	_, err := tx.NewUpdate().Model(&policyRow{Policy: *p}).Column("rules", "updated_at", "version").
		Where("o.platform = ? AND o.livemode = ?", p.Platform, p.Livemode).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update payout policy: %w", err)
	}
	return nil
}

// waitingChange is the change that waits for a second actor, or nil. It changes
// only under the policy's lock.
func waitingChange(ctx context.Context, idb bun.IDB, scope tenant.Scope) (*PolicyChange, error) {
	row := new(changeRow)
	err := saidBy(scope)(idb.NewSelect().Model(row)).Where("c.status = 'pending'").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read change of payout policy: %w", err)
	}
	return &row.PolicyChange, nil
}

func insertChange(ctx context.Context, tx bun.Tx, c *PolicyChange) error {
	if _, err := tx.NewInsert().Model(&changeRow{PolicyChange: *c}).Exec(ctx); err != nil {
		return fmt.Errorf("insert change of payout policy: %w", err)
	}
	return nil
}

func saveChange(ctx context.Context, tx bun.Tx, c *PolicyChange) error {
	_, err := tx.NewUpdate().Model(&changeRow{PolicyChange: *c}).Column("status", "before", "after", "decided_by", "decided_at").
		Where("c.id = ?", c.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update change of payout policy: %w", err)
	}
	return nil
}

// PolicyChanges is a page of the changes of the platform's policy, newest first.
func (s *Service) PolicyChanges(ctx context.Context, idb bun.IDB, scope tenant.Scope, p page.Params) (page.Of[*PolicyChange], error) {
	rows, err := page.Fetch[changeRow](ctx, idb, p, "payout policy change", saidBy(scope), nil)
	if err != nil {
		return page.Of[*PolicyChange]{}, fmt.Errorf("list changes of payout policy: %w", err)
	}
	found := page.Of[*PolicyChange]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].PolicyChange)
	}
	return found, nil
}

// policiesOf are the policies of platforms that have said something. Those with a
// daily limit are locked until the end of the transaction, in one order, and read
// after the lock: what is summed up then is what was paid out.
func policiesOf(ctx context.Context, idb bun.IDB, livemode bool, platforms []string) (map[string]*Policy, error) {
	const rules = "o.livemode = ? AND o.platform = ANY(?) AND o.version > 0"
	var rows []*policyRow
	err := idb.NewSelect().Model(&rows).Where(rules, livemode, pgdialect.Array(platforms)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read payout policies: %w", err)
	}
	found := make(map[string]*Policy, len(rows))
	var limited []string
	for _, row := range rows {
		found[row.Platform] = &row.Policy
		if len(row.Rules.DailyLimit) > 0 {
			limited = append(limited, row.Platform)
		}
	}
	if len(limited) == 0 {
		return found, nil
	}
	var locked []*policyRow
	err = idb.NewSelect().Model(&locked).Where(rules, livemode, pgdialect.Array(limited)).
		OrderExpr("o.platform").For("UPDATE").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock payout policies: %w", err)
	}
	for _, row := range locked {
		found[row.Platform] = &row.Policy
	}
	return found, nil
}

// purseOf is what a daily limit is about.
type purseOf struct {
	Platform string
	Currency money.Currency
}

// paidOut sums what platforms have paid out since their days began; what was
// canceled never left.
func paidOut(ctx context.Context, idb bun.IDB, livemode bool, since map[string]time.Time) (map[purseOf]int64, error) {
	sums := make(map[purseOf]int64)
	if len(since) == 0 {
		return sums, nil
	}
	platforms, days := make([]string, 0, len(since)), make([]time.Time, 0, len(since))
	for platform, day := range since {
		platforms, days = append(platforms, platform), append(days, day)
	}
	var rows []struct {
		purseOf `bun:",extend"`
		Sum     int64
	}
	err := idb.NewRaw(`
		SELECT p.platform, p.currency, least(sum(p.amount), 9000000000000000000)::bigint AS sum
		FROM payouts.payouts p JOIN unnest(?::text[], ?::timestamptz[]) AS d (platform, since) ON p.platform = d.platform AND p.created_at >= d.since
		WHERE p.livemode = ? AND p.created_at >= ? AND p.amount > 0 AND p.status <> 'canceled'
		GROUP BY p.platform, p.currency`,
		pgdialect.Array(platforms), pgdialect.Array(days), livemode, earliest(days)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("sum the day's payouts: %w", err)
	}
	for _, r := range rows {
		sums[r.purseOf] = r.Sum
	}
	return sums, nil
}

// earliest lets the index on the time of making do its work.
func earliest(days []time.Time) time.Time {
	first := days[0]
	for _, day := range days {
		if day.Before(first) {
			first = day
		}
	}
	return first
}

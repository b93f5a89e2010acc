package payouts

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// countedTo is where counting ends: a list with more says that there are more, and
// costs no more than this.
const countedTo = 1000

// StatusCount is how many payouts are in a state, at least.
type StatusCount struct {
	Status Status
	Count  int64
	More   bool // there are more than Count
}

var statuses = []Status{Pending, InTransit, Paid, Failed, Canceled}

// Counts is how many payouts of a platform and all its accounts are in each state, of
// one run or ("") of all.
func (s *Service) Counts(ctx context.Context, idb bun.IDB, scope tenant.Scope, run string) ([]StatusCount, error) {
	found := make([]StatusCount, len(statuses))
	for i, status := range statuses {
		found[i].Status = status
		some := reachedFrom(scope)(idb.NewSelect().Model((*payoutRow)(nil))).ColumnExpr("1").Where("p.status = ?", status).Limit(countedTo + 1)
		if run != "" {
			some = some.Where("p.run = ?", run)
		}
		if err := idb.NewSelect().TableExpr("(?) AS counted", some).ColumnExpr("count(*)").Scan(ctx, &found[i].Count); err != nil {
			return nil, fmt.Errorf("count payouts: %w", err)
		}
		if found[i].Count > countedTo {
			found[i].Count, found[i].More = countedTo, true
		}
	}
	return found, nil
}

// Wire is the count as the API shows it.
func (c StatusCount) Wire() wire.StatusCount {
	return wire.StatusCount{Status: string(c.Status), Count: c.Count, HasMore: c.More}
}

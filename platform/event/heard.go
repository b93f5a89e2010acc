package event

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Heard is an event of the scope's account or, when that is a platform, of any of
// the accounts behind it. Whether the platform may still hear of the account is
// not asked here. Fails with NotFound as Get does.
func Heard(ctx context.Context, idb bun.IDB, scope tenant.Scope, at time.Time, id string) (Event, error) {
	var rows []row
	err := idb.NewSelect().Model(&rows).Where("id = ? AND livemode = ? AND created_at > ?", id, scope.Livemode, at.Add(-Visible)).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("account = ?", scope.Account)
			if !scope.Connected() {
				q = q.WhereOr("platform = ?", scope.Platform)
			}
			return q
		}).Scan(ctx)
	if err != nil {
		return Event{}, fmt.Errorf("get event: %w", err)
	}
	if len(rows) == 0 {
		return Event{}, fault.NoSuch("event", id)
	}
	return rows[0].event()
}

package payouts

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/money"
)

// Walk says which payouts of a platform and mode to go through; zero fields do not narrow.
type Walk struct {
	Platform  string
	Livemode  bool
	Account   string         // one account, or else
	Connected bool           // all connected accounts and not the platform itself
	From, To  time.Time      // arrival dates, To excluded
	Currency  money.Currency // or all
	Payout    string         // this one
}

// Each calls fn with the payouts of w in order of id, up to a few hundred at a
// time, until there are no more or fn fails.
func (w Walk) Each(ctx context.Context, idb bun.IDB, fn func([]*Payout) error) error {
	for last := ""; ; {
		var rows []payoutRow
		q := idb.NewSelect().Model(&rows).Where("p.platform = ? AND p.livemode = ? AND p.id > ?", w.Platform, w.Livemode, last)
		if w.Account != "" {
			q = q.Where("p.account = ?", w.Account)
		}
		if w.Connected {
			q = q.Where("p.account <> p.platform")
		}
		if !w.From.IsZero() {
			q = q.Where("p.arrival_date >= ?", w.From)
		}
		if !w.To.IsZero() {
			q = q.Where("p.arrival_date < ?", w.To)
		}
		if w.Currency != "" {
			q = q.Where("p.currency = ?", string(w.Currency))
		}
		if w.Payout != "" {
			q = q.Where("p.id = ?", w.Payout)
		}
		if err := q.OrderExpr("p.id").Limit(batch).Scan(ctx); err != nil {
			return fmt.Errorf("go through payouts: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		found := make([]*Payout, len(rows))
		for i := range rows {
			found[i] = &rows[i].Payout
		}
		if err := fn(found); err != nil || len(rows) < batch {
			return err
		}
		last = rows[len(rows)-1].ID
	}
}

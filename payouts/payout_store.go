package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type payoutRow struct {
	bun.BaseModel `bun:"table:payouts.payouts,alias:p"`
	Payout
}

// ListParams narrow GET /v1/payouts.
type ListParams struct {
	page.Params
	Status      string     `form:"status"`
	Created     page.Range `form:"created"`
	ArrivalDate page.Range `form:"arrival_date"`
	Destination string     `form:"destination"`
}

// List is a page of the account's payouts, newest first.
func (s *Service) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, params ListParams) (page.Of[*Payout], error) {
	rows, err := page.Fetch[payoutRow](ctx, idb, params.Params, "payout", seenBy(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		if params.Status != "" {
			q = q.Where("p.status = ?", params.Status)
		}
		if params.Destination != "" {
			q = q.Where("p.destination = ?", params.Destination)
		}
		return params.ArrivalDate.Apply(params.Created.Apply(q, "p.created_at"), "p.arrival_date")
	})
	if err != nil {
		return page.Of[*Payout]{}, fmt.Errorf("list payouts: %w", err)
	}
	found := page.Of[*Payout]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Payout)
	}
	return found, nil
}

func seenBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.platform = ? AND p.account = ? AND p.livemode = ?", scope.Platform, scope.Account, scope.Livemode)
	}
}

func find(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string, lock bool) (*Payout, error) {
	row := new(payoutRow)
	q := seenBy(scope)(idb.NewSelect().Model(row)).Where("p.id = ?", payout)
	if lock {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout", payout)
	}
	if err != nil {
		return nil, fmt.Errorf("read payout: %w", err)
	}
	return &row.Payout, nil
}

// lock holds a payout that is known to exist.
func lock(ctx context.Context, tx bun.Tx, payout string) (*Payout, error) {
	row := new(payoutRow)
	if err := tx.NewSelect().Model(row).Where("p.id = ?", payout).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock payout %s: %w", payout, err)
	}
	return &row.Payout, nil
}

func insert(ctx context.Context, tx bun.Tx, p *Payout) error {
	if _, err := tx.NewInsert().Model(&payoutRow{Payout: *p}).Exec(ctx); err != nil {
		return fmt.Errorf("insert payout: %w", err)
	}
	return nil
}

// save writes what can change of a locked payout.
func save(ctx context.Context, tx bun.Tx, p *Payout) error {
	_, err := tx.NewUpdate().Model(&payoutRow{Payout: *p}).
		Column("status", "metadata", "failure_balance_transaction", "failure_code", "failure_message", "trace_id",
			"send_after", "handed_over_at", "ask_at", "version", "arrival_date", "batch", "reversed_by", "retried_by", "approval",
			"held", "recall").
		Where("p.id = ?", p.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update payout %s: %w", p.ID, err)
	}
	return nil
}

// batch bounds how many ids a job reads at once.
const batch = 200

// askable is a payout that a job works on.
type askable struct {
	ID   string
	Rail string
}

// toSend lists pending payouts after an id that may be handed over or are sealed
// and must be asked about.
func toSend(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after string) (found []askable, err error) {
	err = idb.NewSelect().Model((*payoutRow)(nil)).Column("id", "rail").
		Where("p.livemode = ? AND p.status = 'pending' AND NOT p.held AND p.approval IN ('', 'approved')", livemode).
		Where("p.send_after <= ? AND p.id > ?", now, after).
		OrderExpr("p.id").Limit(batch).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find payouts to send: %w", err)
	}
	return found, nil
}

// toAsk lists payouts in transit or paid whose fate the bank may know by now.
func toAsk(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after string) (found []askable, err error) {
	err = idb.NewSelect().Model((*payoutRow)(nil)).Column("id", "rail").
		Where("p.livemode = ? AND p.ask_at <= ? AND p.id > ?", livemode, now, after).
		OrderExpr("p.id").Limit(batch).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find payouts to ask about: %w", err)
	}
	return found, nil
}

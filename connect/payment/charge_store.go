package payment

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type chargeRow struct {
	bun.BaseModel `bun:"table:connect.charges,alias:charge"`
	Charge
}

// settledColumns are what the end of an attempt, a capture or a refund may change.
var settledColumns = []string{
	"status", "captured", "amount_captured", "amount_refunding", "amount_refunded", "canceled", "processing_fee",
	"matures_on", "balance_transaction", "transfer", "application_fee", "receipt_url", "terms",
	"failure_code", "failure_message", "decline_code", "claim", "version",
}

func insertCharges(ctx context.Context, tx bun.Tx, charges []*Charge) error {
	if len(charges) == 0 {
		return nil
	}
	rows := make([]*chargeRow, len(charges))
	for i, c := range charges {
		rows[i] = &chargeRow{Charge: *c}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

func updateCharges(ctx context.Context, tx bun.Tx, charges []*Charge, columns ...string) error {
	if len(charges) == 0 {
		return nil
	}
	rows := make([]*chargeRow, len(charges))
	for i, c := range charges {
		rows[i] = &chargeRow{Charge: *c}
	}
	_, err := tx.NewUpdate().Model(&rows).Column(columns...).Bulk().Exec(ctx)
	return err
}

// lockCharges holds the rows for this transaction, in id order: two batches that
// share charges wait for one another instead of deadlocking.
func lockCharges(ctx context.Context, tx bun.Tx, ids []string) (map[string]*Charge, error) {
	var rows []*chargeRow
	err := tx.NewSelect().Model(&rows).Where("id = ANY(?)", pgdialect.Array(ids)).Order("id").For("UPDATE").Scan(ctx)
	found := make(map[string]*Charge, len(rows))
	for _, row := range rows {
		found[row.ID] = &row.Charge
	}
	return found, err
}

// lockCharge is lockCharges for one charge of the scope.
func lockCharge(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string) (*Charge, error) {
	found, err := lockCharges(ctx, tx, []string{id})
	if err != nil {
		return nil, err
	}
	c := found[id]
	if c == nil || c.Account != scope.Account || c.Livemode != scope.Livemode || c.Status == ChargeRequiresAction {
		return nil, fault.NoSuch("charge", id)
	}
	return c, nil
}

// GetCharge is the charge with this id in the scope, or NotFound. A py_… id is
// the payment by which a transfer arrived on the account.
func (s *Service) GetCharge(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Charge, error) {
	row := new(chargeRow)
	err := visible(scope)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("charge", id)
	}
	return &row.Charge, err
}

// FindCharge is GetCharge for expansions: a platform also sees the charges on its
// connected accounts.
func (s *Service) FindCharge(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Charge, error) {
	c := new(chargeRow)
	err := idb.NewSelect().Model(c).Where("id = ?", id).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if err != nil || c.Livemode != scope.Livemode || c.Account != scope.Account && c.Platform != scope.Account || c.Status == ChargeRequiresAction {
		return nil, fault.NoSuch("charge", id)
	}
	return &c.Charge, nil
}

// PaidCharge is a charge that succeeded, for whoever has the address of its receipt;
// false if there is none.
func (s *Service) PaidCharge(ctx context.Context, id string) (*Charge, bool, error) {
	row, err := s.chargeByID(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return &row.Charge, err == nil && row.Status == ChargeSucceeded, err
}

// chargesOpen lists charges with no outcome whose attempt started before the
// given time and after the last one of the page before, nil for the first page.
func chargesOpen(ctx context.Context, idb bun.IDB, before time.Time, last *Charge, limit int) ([]*Charge, error) {
	q := idb.NewSelect().Where("status = 'pending'").Where("begun_at <= ?", before)
	if last != nil {
		q = q.Where("(begun_at, id) > (?, ?)", last.BegunAt, last.ID)
	}
	return scanCharges(ctx, q.Order("begun_at", "id").Limit(int64(limit)))
}

// chargesWaiting lists charges that wait for their payer since some time in (from, to].
func chargesWaiting(ctx context.Context, idb bun.IDB, from, to time.Time, limit int) ([]*Charge, error) {
	return scanCharges(ctx, idb.NewSelect().Where("status = 'requires_action'").Where("NOT canceled").
		Where("begun_at > ?", from).Where("begun_at <= ?", to).Order("begun_at DESC").Limit(int64(limit)))
}

func scanCharges(ctx context.Context, q *bun.SelectQuery) ([]*Charge, error) {
	var rows []*chargeRow
	err := q.Model(&rows).Scan(ctx)
	out := make([]*Charge, len(rows))
	for i, row := range rows {
		out[i] = &row.Charge
	}
	return out, err
}

// visible narrows to the scope's charges the API shows.
func visible(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return owned(scope)(q).Where("status <> 'requires_action'")
	}
}

// owned narrows to the scope's rows.
func owned(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.account = ?", scope.Account).Where("?TableAlias.livemode = ?", scope.Livemode)
	}
}

// where adds equality filters for the values that are set.
func where(q *bun.SelectQuery, equals map[string]string) *bun.SelectQuery {
	for column, value := range equals {
		if value != "" {
			q = q.Where("?TableAlias.? = ?", bun.Ident(column), value)
		}
	}
	return q
}

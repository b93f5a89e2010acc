package payment

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
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

// chargeTable is how many charges are written at once.
var chargeTable = db.NewTable("connect.charges", "id",
	db.Text("id", func(c *Charge) string { return c.ID }),
	db.Text("platform", func(c *Charge) string { return c.Platform }),
	db.Text("account", func(c *Charge) string { return c.Account }),
	db.Bool("livemode", func(c *Charge) bool { return c.Livemode }),
	db.Int8("amount", func(c *Charge) int64 { return c.Amount }),
	db.Text("currency", func(c *Charge) money.Currency { return c.Currency }),
	db.Text("status", func(c *Charge) ChargeStatus { return c.Status }),
	db.Bool("capture", func(c *Charge) bool { return c.Capture }),
	db.Bool("captured", func(c *Charge) bool { return c.Captured }),
	db.Int8("amount_captured", func(c *Charge) int64 { return c.AmountCaptured }),
	db.Int8("amount_refunding", func(c *Charge) int64 { return c.AmountRefunding }),
	db.Int8("amount_refunded", func(c *Charge) int64 { return c.AmountRefunded }),
	db.Bool("canceled", func(c *Charge) bool { return c.Canceled }),
	db.Int8("processing_fee", func(c *Charge) int64 { return c.ProcessingFee }),
	db.Text("payment_intent", func(c *Charge) string { return c.PaymentIntent }),
	db.Text("payment_method", func(c *Charge) string { return c.PaymentMethod }),
	db.JSON("method", func(c *Charge) any { return c.Method }),
	db.Text("customer", func(c *Charge) string { return c.Customer }),
	db.JSON("terms", func(c *Charge) any { return c.Terms }),
	db.Text("fee_payer", func(c *Charge) string { return c.FeePayer }),
	db.Text("on_behalf_of", func(c *Charge) string { return c.OnBehalfOf }),
	db.Text("transfer_group", func(c *Charge) string { return c.TransferGroup }),
	db.Date("matures_on", func(c *Charge) time.Time { return c.MaturesOn }),
	db.Text("balance_transaction", func(c *Charge) string { return c.BalanceTransaction }),
	db.Text("transfer", func(c *Charge) string { return c.Transfer }),
	db.Text("application_fee", func(c *Charge) string { return c.ApplicationFee }),
	db.NullText("receipt_url", func(c *Charge) *string { return c.ReceiptURL }),
	db.Text("failure_code", func(c *Charge) string { return c.FailureCode }),
	db.Text("failure_message", func(c *Charge) string { return c.FailureMessage }),
	db.Text("decline_code", func(c *Charge) string { return c.DeclineCode }),
	db.NullText("description", func(c *Charge) *string { return c.Description }),
	db.NullText("receipt_email", func(c *Charge) *string { return c.ReceiptEmail }),
	db.NullText("statement_descriptor", func(c *Charge) *string { return c.StatementDescriptor }),
	db.NullText("statement_descriptor_suffix", func(c *Charge) *string { return c.StatementDescriptorSuffix }),
	db.JSON("shipping", func(c *Charge) any { return c.Shipping }),
	db.JSON("metadata", func(c *Charge) any { return c.Metadata }),
	db.Bytes("claim", func(c *Charge) []byte { return c.Claim }),
	db.Time("created_at", func(c *Charge) time.Time { return c.CreatedAt }),
	db.Time("begun_at", func(c *Charge) time.Time { return c.BegunAt }),
	db.Int8("version", func(c *Charge) int64 { return c.Version }),
)

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

// A charge is begun with version 0, and whoever touches it before it is settled moves
// it on.
const untouchedSQL = `
SELECT id, status = 'pending' AND version = 0 FROM connect.charges WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`

// lockUntouched holds the rows as lockCharges does, and tells which of them are as they were begun.
func lockUntouched(ctx context.Context, tx bun.Tx, ids []string) (map[string]bool, error) {
	rows, err := tx.Tx.QueryContext(ctx, untouchedSQL, db.Prepared, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	untouched := make(map[string]bool, len(ids))
	for rows.Next() {
		var id string
		var same bool
		if err := rows.Scan(&id, &same); err != nil {
			return nil, err
		}
		untouched[id] = same
	}
	return untouched, rows.Err()
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

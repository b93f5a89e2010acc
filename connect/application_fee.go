package connect

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type feeRow struct {
	bun.BaseModel `bun:"table:connect.application_fees,alias:fee"`
	ApplicationFee
}

type feeRefundRow struct {
	bun.BaseModel `bun:"table:connect.application_fee_refunds,alias:fee_refund"`
	FeeRefund
}

// ApplicationFees gives platforms sight of their fees and lets them give fees back.
type ApplicationFees struct {
	Book   *ledger.Book
	Clocks clock.Modes
	events event.Log
}

// feeTable is how many fees are written at once.
var feeTable = db.NewTable("connect.application_fees", "id",
	db.Text("id", func(f *ApplicationFee) string { return f.ID }),
	db.Text("platform", func(f *ApplicationFee) string { return f.Platform }),
	db.Bool("livemode", func(f *ApplicationFee) bool { return f.Livemode }),
	db.Text("account", func(f *ApplicationFee) string { return f.Account }),
	db.Int8("amount", func(f *ApplicationFee) int64 { return f.Amount }),
	db.Text("currency", func(f *ApplicationFee) money.Currency { return f.Currency }),
	db.Int8("amount_refunded", func(f *ApplicationFee) int64 { return f.AmountRefunded }),
	db.Text("charge", func(f *ApplicationFee) string { return f.Charge }),
	db.Text("originating_transaction", func(f *ApplicationFee) string { return f.OriginatingTransaction }),
	db.Date("matures_on", func(f *ApplicationFee) time.Time { return f.MaturesOn }),
	db.Text("balance_transaction", func(f *ApplicationFee) string { return f.BalanceTransaction }),
	db.Time("created_at", func(f *ApplicationFee) time.Time { return f.CreatedAt }),
	db.Int8("version", func(f *ApplicationFee) int64 { return f.Version }),
)

// InsertApplicationFees records fees whose entries are posted in the same transaction.
func InsertApplicationFees(ctx context.Context, tx bun.Tx, fees []*ApplicationFee) error {
	return feeTable.Insert(ctx, tx, fees)
}

// FindApplicationFee is the fee with this id, whoever asks.
func FindApplicationFee(ctx context.Context, idb bun.IDB, id string) (*ApplicationFee, error) {
	return scanFee(ctx, idb.NewSelect(), id)
}

// LockApplicationFee is FindApplicationFee, held for this transaction.
func LockApplicationFee(ctx context.Context, tx bun.Tx, id string) (*ApplicationFee, error) {
	return scanFee(ctx, tx.NewSelect().For("UPDATE"), id)
}

func scanFee(ctx context.Context, q *bun.SelectQuery, id string) (*ApplicationFee, error) {
	row := new(feeRow)
	err := q.Model(row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noSuchFee(id)
	}
	return &row.ApplicationFee, err
}

// RecordFeeRefund writes a fee refund whose entry has been posted, and its fee with what is refunded now.
func RecordFeeRefund(ctx context.Context, tx bun.Tx, fee *ApplicationFee, refund *FeeRefund) error {
	if _, err := tx.NewUpdate().Model(&feeRow{ApplicationFee: *fee}).Column("amount_refunded", "version").WherePK().Exec(ctx); err != nil {
		return err
	}
	_, err := tx.NewInsert().Model(&feeRefundRow{FeeRefund: *refund}).Exec(ctx)
	return err
}

// FeeRefundParams asks to give a fee back.
type FeeRefundParams struct {
	Amount   *int64         `form:"amount"` // all that is left if absent
	Metadata metadata.Patch `form:"metadata"`
}

// Refund gives a fee back to the account that paid it, in part or in whole. It
// may leave the platform owing, as a refund may.
func (s *ApplicationFees) Refund(ctx context.Context, tx bun.Tx, scope tenant.Scope, feeID string, p FeeRefundParams) (*FeeRefund, error) {
	if err := checkWords(nil, p.Metadata); err != nil {
		return nil, err
	}
	fee, err := LockApplicationFee(ctx, tx, feeID)
	if err != nil {
		return nil, err
	}
	if fee.Platform != scope.Account || fee.Livemode != scope.Livemode {
		return nil, noSuchFee(feeID)
	}
	r, err := newFeeRefund(fee, p)
	if err != nil {
		return nil, err
	}
	r.CreatedAt = s.Clocks.For(fee.Livemode).Now()
	entry := journal.ApplicationFeeRefunded(journal.FeeRefund{
		FeeReturn: journal.FeeReturn{ID: r.ID, Account: fee.Account, Amount: r.Amount},
		Livemode:  fee.Livemode, Platform: fee.Platform, Currency: fee.Currency, At: r.CreatedAt, MaturesOn: fee.MaturesOn,
	}, newLineID)
	if err := PostOne(ctx, tx, s.Book, entry); err != nil {
		return nil, err
	}
	r.BalanceTransaction = entry.LineID("application_fee_refund", r.ID)
	fee.AmountRefunded += r.Amount
	fee.Version++
	if err := RecordFeeRefund(ctx, tx, fee, r); err != nil {
		return nil, err
	}
	refunded, err := fee.RefundedEvent(r.CreatedAt, event.OriginOf(ctx))
	if err != nil {
		return nil, err
	}
	return r, s.events.Append(ctx, tx, refunded)
}

func newFeeRefund(fee *ApplicationFee, p FeeRefundParams) (*FeeRefund, error) {
	left := fee.Amount - fee.AmountRefunded
	amount := left
	if p.Amount != nil {
		amount = *p.Amount
	}
	switch {
	case left == 0:
		return nil, fault.Invalidf("", "", "The application fee %s has already been fully refunded.", fee.ID)
	case amount < 1:
		return nil, fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, fault.Invalidf("amount_too_large", "amount", "Refund amount (%s) is greater than unrefunded amount on fee (%s).",
			money.New(amount, fee.Currency), money.New(left, fee.Currency))
	}
	meta, err := p.Metadata.Apply(nil)
	return &FeeRefund{ID: id.New("fr"), Fee: fee.ID, Amount: amount, Currency: fee.Currency, Metadata: meta}, err
}

// UpdateRefund changes the metadata of a fee refund.
func (s *ApplicationFees) UpdateRefund(ctx context.Context, tx bun.Tx, scope tenant.Scope, feeID, id string, patch metadata.Patch) (*FeeRefund, error) {
	if err := checkWords(nil, patch); err != nil {
		return nil, err
	}
	if _, err := s.Get(ctx, tx, scope, feeID); err != nil {
		return nil, err
	}
	if _, err := LockApplicationFee(ctx, tx, feeID); err != nil { // one change of its refunds at a time
		return nil, err
	}
	r, err := s.GetRefund(ctx, tx, feeID, id)
	if err != nil {
		return nil, err
	}
	if r.Metadata, err = patch.Apply(r.Metadata); err != nil {
		return nil, err
	}
	_, err = tx.NewUpdate().Model(&feeRefundRow{FeeRefund: *r}).Column("metadata").WherePK().Exec(ctx)
	return r, err
}

// Get is the platform's fee with this id, or NotFound.
func (s *ApplicationFees) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*ApplicationFee, error) {
	row := new(feeRow)
	err := transfersOf(scope)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noSuchFee(id)
	}
	return &row.ApplicationFee, err
}

// GetRefund is one refund of a fee, or NotFound.
func (s *ApplicationFees) GetRefund(ctx context.Context, idb bun.IDB, fee, id string) (*FeeRefund, error) {
	row := new(feeRefundRow)
	err := idb.NewSelect().Model(row).Where("fee = ?", fee).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("fee_refund", id)
	}
	return &row.FeeRefund, err
}

// FindRefund is a refund of any of the platform's fees, for expansions.
func (s *ApplicationFees) FindRefund(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*FeeRefund, error) {
	row := new(feeRefundRow)
	err := idb.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("fee_refund", id)
	}
	if err != nil {
		return nil, err
	}
	if _, err := s.Get(ctx, idb, scope, row.Fee); err != nil {
		return nil, err
	}
	return &row.FeeRefund, nil
}

// FeeFilter narrows a list of application fees.
type FeeFilter struct {
	page.Params
	Created page.Range `form:"created"`
	Charge  string     `form:"charge"`
}

// feesOfCharge goes by the keys that charges and payments have anyway: each names its fee.
const feesOfCharge = `fee.id IN (SELECT c.application_fee FROM connect.charges c WHERE c.id = ?0
	UNION ALL SELECT t.application_fee FROM connect.transfers t WHERE t.destination_payment = ?0)`

// List is a page of the platform's fees, newest first.
func (s *ApplicationFees) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f FeeFilter) (page.Of[*ApplicationFee], error) {
	got, err := page.Fetch[feeRow](ctx, idb, f.Params, "application_fee", transfersOf(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		q = f.Created.Apply(q, "fee.created_at")
		if f.Charge != "" {
			q = q.Where(feesOfCharge, f.Charge)
		}
		return q
	})
	return pageOf(got, func(row *feeRow) *ApplicationFee { return &row.ApplicationFee }), err
}

// Refunds is a page of a fee's refunds, newest first.
func (s *ApplicationFees) Refunds(ctx context.Context, idb bun.IDB, fee string, p page.Params) (page.Of[*FeeRefund], error) {
	ofFee := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("?TableAlias.fee = ?", fee) }
	got, err := page.Fetch[feeRefundRow](ctx, idb, p, "fee_refund", ofFee, nil)
	return pageOf(got, func(row *feeRefundRow) *FeeRefund { return &row.FeeRefund }), err
}

func noSuchFee(id string) error { return fault.NoSuch("application_fee", id) }

package connect

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
	"github.com/sluicepay/sluice/platform/wire"
)

type transferRow struct {
	bun.BaseModel `bun:"table:connect.transfers,alias:transfer"`
	Transfer
}

type reversalRow struct {
	bun.BaseModel `bun:"table:connect.transfer_reversals,alias:reversal"`
	Reversal
}

// transferTable is how many transfers are written at once.
var transferTable = db.NewTable("connect.transfers", "id",
	db.Text("id", func(t *Transfer) string { return t.ID }),
	db.Text("platform", func(t *Transfer) string { return t.Platform }),
	db.Bool("livemode", func(t *Transfer) bool { return t.Livemode }),
	db.Int8("amount", func(t *Transfer) int64 { return t.Amount }),
	db.Text("currency", func(t *Transfer) money.Currency { return t.Currency }),
	db.Int8("amount_reversed", func(t *Transfer) int64 { return t.AmountReversed }),
	db.Text("destination", func(t *Transfer) string { return t.Destination }),
	db.Text("destination_payment", func(t *Transfer) string { return t.DestinationPayment }),
	db.Text("source_transaction", func(t *Transfer) string { return t.SourceTransaction }),
	db.Int4("leg", func(t *Transfer) int { return t.Leg }),
	db.Text("transfer_group", func(t *Transfer) string { return t.TransferGroup }),
	db.Text("application_fee", func(t *Transfer) string { return t.ApplicationFee }),
	db.Int8("application_fee_amount", func(t *Transfer) int64 { return t.ApplicationFeeAmount }),
	db.Date("matures_on", func(t *Transfer) time.Time { return t.MaturesOn }),
	db.Text("balance_transaction", func(t *Transfer) string { return t.BalanceTransaction }),
	db.Text("destination_balance_transaction", func(t *Transfer) string { return t.DestinationBalanceTransaction }),
	db.Int8("held", func(t *Transfer) int64 { return t.Held }),
	db.Time("held_until", func(t *Transfer) time.Time { return t.HeldUntil }),
	db.NullText("description", func(t *Transfer) *string { return t.Description }),
	db.JSON("metadata", func(t *Transfer) any { return t.Metadata }),
	db.Time("created_at", func(t *Transfer) time.Time { return t.CreatedAt }),
	db.Int8("version", func(t *Transfer) int64 { return t.Version }),
)

// InsertTransfers records transfers whose entries are posted in the same transaction.
func InsertTransfers(ctx context.Context, tx bun.Tx, transfers []*Transfer) error {
	return transferTable.Insert(ctx, tx, transfers)
}

// Legs are the transfers a charge's split made, in leg order.
func Legs(ctx context.Context, idb bun.IDB, charge string) ([]*Transfer, error) {
	return scanLegs(ctx, idb.NewSelect(), charge)
}

// LockLegs is Legs, held for this transaction. The charge must be locked.
func LockLegs(ctx context.Context, tx bun.Tx, charge string) ([]*Transfer, error) {
	return scanLegs(ctx, tx.NewSelect().For("UPDATE"), charge)
}

func scanLegs(ctx context.Context, q *bun.SelectQuery, charge string) ([]*Transfer, error) {
	var rows []*transferRow
	err := q.Model(&rows).Where("source_transaction = ?", charge).Where("leg <> ?", ByHand).Order("leg").Scan(ctx)
	legs := make([]*Transfer, len(rows))
	for i, row := range rows {
		legs[i] = &row.Transfer
	}
	return legs, err
}

func lockTransfer(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string) (*Transfer, error) {
	row := new(transferRow)
	err := transfersOf(scope)(tx.NewSelect().Model(row)).Where("id = ?", id).For("UPDATE").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("transfer", id)
	}
	return &row.Transfer, err
}

// RecordReversals writes reversals whose entries have been posted, and their
// transfers with what is reversed now.
func RecordReversals(ctx context.Context, tx bun.Tx, transfers []*Transfer, reversals []*Reversal) error {
	if len(reversals) == 0 {
		return nil
	}
	if err := transferTable.Update(ctx, tx, transfers, "amount_reversed", "held", "held_until", "version"); err != nil {
		return err
	}
	inserts := make([]*reversalRow, len(reversals))
	for i, r := range reversals {
		inserts[i] = &reversalRow{Reversal: *r}
	}
	_, err := tx.NewInsert().Model(&inserts).Exec(ctx)
	return err
}

// Get is the platform's transfer with this id, or NotFound.
func (s *TransferService) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Transfer, error) {
	row := new(transferRow)
	err := transfersOf(scope)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("transfer", id)
	}
	return &row.Transfer, err
}

// PaymentTransfer is the transfer that arrived on scope.Account as payment py_…, or NotFound.
func (s *TransferService) PaymentTransfer(ctx context.Context, idb bun.IDB, scope tenant.Scope, payment string) (*Transfer, error) {
	return findPayment(ctx, idb, receivedBy(scope), payment)
}

// FindPaymentTransfer is PaymentTransfer for expansions: a platform also sees the
// payments on its connected accounts.
func (s *TransferService) FindPaymentTransfer(ctx context.Context, idb bun.IDB, scope tenant.Scope, payment string) (*Transfer, error) {
	return findPayment(ctx, idb, involving(scope), payment)
}

func findPayment(ctx context.Context, idb bun.IDB, visible page.Filter, payment string) (*Transfer, error) {
	row := new(transferRow)
	err := visible(idb.NewSelect().Model(row)).Where("destination_payment = ?", payment).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("charge", payment)
	}
	return &row.Transfer, err
}

// Arrived lists up to size+1 transfers that arrived on scope.Account, in the
// direction of travel from the transfer id cursor ("" is the newest).
func (s *TransferService) Arrived(ctx context.Context, idb bun.IDB, scope tenant.Scope, created page.Range, cursor string, backwards bool, size int) ([]*Transfer, error) {
	var rows []transferRow
	q := created.Apply(receivedBy(scope)(idb.NewSelect().Model(&rows)), "transfer.created_at")
	err := page.Window(q, "id", cursor, backwards, size).Scan(ctx)
	out := make([]*Transfer, len(rows))
	for i := range rows {
		out[i] = &rows[i].Transfer
	}
	return out, err
}

// PaymentReversal is the reversal that scope.Account sees as refund pyr_… of a
// payment, with its transfer, or NotFound.
func (s *TransferService) PaymentReversal(ctx context.Context, idb bun.IDB, scope tenant.Scope, refund string) (*Reversal, *Transfer, error) {
	return findPaymentReversal(ctx, idb, receivedBy(scope), refund)
}

// FindPaymentReversal is PaymentReversal for expansions: a platform also sees
// those on its connected accounts.
func (s *TransferService) FindPaymentReversal(ctx context.Context, idb bun.IDB, scope tenant.Scope, refund string) (*Reversal, *Transfer, error) {
	return findPaymentReversal(ctx, idb, involving(scope), refund)
}

func findPaymentReversal(ctx context.Context, idb bun.IDB, visible page.Filter, refund string) (*Reversal, *Transfer, error) {
	reversal := new(reversalRow)
	err := idb.NewSelect().Model(reversal).Where("destination_payment_refund = ?", refund).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, err
	}
	transfer := new(transferRow)
	if err == nil {
		err = visible(idb.NewSelect().Model(transfer)).Where("id = ?", reversal.Transfer).Scan(ctx)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fault.NoSuch("refund", refund)
	}
	return &reversal.Reversal, &transfer.Transfer, err
}

// receivedBy narrows to transfers that arrived on the scope's account.
func receivedBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.destination = ?", scope.Account).Where("?TableAlias.livemode = ?", scope.Livemode)
	}
}

// involving narrows to transfers that the scope's account made or received.
func involving(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("? IN (?TableAlias.platform, ?TableAlias.destination)", scope.Account).Where("?TableAlias.livemode = ?", scope.Livemode)
	}
}

// TransferFilter narrows a list of transfers.
type TransferFilter struct {
	page.Params
	Created       page.Range `form:"created"`
	Destination   string     `form:"destination"`
	TransferGroup string     `form:"transfer_group"`
	// Ours: the transfers of these charges, at most a page of them.
	SourceTransactions []string `form:"source_transactions"`
	// Ours: the transfer that a payment py_… arrived by, and the one that a reversal trr_…
	// or a refund pyr_… of that payment took from.
	DestinationPayment string `form:"destination_payment"`
	Reversal           string `form:"reversal"`
}

// List is a page of the platform's transfers, newest first.
func (s *TransferService) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f TransferFilter) (page.Of[*Transfer], error) {
	if len(f.SourceTransactions) > page.MaxLimit {
		return page.Of[*Transfer]{}, fault.Invalidf("parameter_invalid", "source_transactions", "You may list at most %d charges.", page.MaxLimit)
	}
	got, err := page.Fetch[transferRow](ctx, idb, f.Params, "transfer", transfersOf(scope), f.narrow)
	return pageOf(got, func(row *transferRow) *Transfer { return &row.Transfer }), err
}

func (f TransferFilter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = f.Created.Apply(q, "transfer.created_at")
	if f.Destination != "" {
		q = q.Where("destination = ?", f.Destination)
	}
	if f.TransferGroup != "" {
		q = q.Where("transfer_group = ?", f.TransferGroup)
	}
	if f.DestinationPayment != "" {
		q = q.Where("destination_payment = ?", f.DestinationPayment)
	}
	if f.Reversal != "" {
		q = q.Where("transfer.id IN (SELECT r.transfer FROM connect.transfer_reversals r WHERE r.id = ?0 OR r.destination_payment_refund = ?0)", f.Reversal)
	}
	if len(f.SourceTransactions) > 0 {
		q = q.Where("source_transaction = ANY(?) AND source_transaction <> ''", pgdialect.Array(f.SourceTransactions))
	}
	return q
}

// Totals adds up what a list with the same filters has.
func (s *TransferService) Totals(ctx context.Context, idb bun.IDB, scope tenant.Scope, f TransferFilter) (wire.ListTotals, error) {
	return page.Totals(ctx, idb, f.narrow(transfersOf(scope)(idb.NewSelect().Model((*transferRow)(nil)))), scope.Livemode)
}

// Reversals is a page of a transfer's reversals, newest first.
func (s *TransferService) Reversals(ctx context.Context, idb bun.IDB, transfer string, p page.Params) (page.Of[*Reversal], error) {
	got, err := page.Fetch[reversalRow](ctx, idb, p, "transfer_reversal", reversalsOf(transfer), nil)
	return pageOf(got, func(row *reversalRow) *Reversal { return &row.Reversal }), err
}

// GetReversal is one reversal of a transfer, or NotFound.
func (s *TransferService) GetReversal(ctx context.Context, idb bun.IDB, transfer, id string) (*Reversal, error) {
	row := new(reversalRow)
	err := reversalsOf(transfer)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("transfer_reversal", id)
	}
	return &row.Reversal, err
}

// FindReversal is a reversal of any of the platform's transfers, for expansions.
func (s *TransferService) FindReversal(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Reversal, error) {
	row := new(reversalRow)
	err := idb.NewSelect().Model(row).Where("reversal.id = ?", id).
		Where("EXISTS (SELECT FROM connect.transfers t WHERE t.id = reversal.transfer AND t.platform = ? AND t.livemode = ?)", scope.Account, scope.Livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("transfer_reversal", id)
	}
	return &row.Reversal, err
}

func transfersOf(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.platform = ?", scope.Account).Where("?TableAlias.livemode = ?", scope.Livemode)
	}
}

func reversalsOf(transfer string) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("?TableAlias.transfer = ?", transfer) }
}

// pageOf turns a page of rows into a page of what they hold.
func pageOf[R, T any](rows page.Of[R], held func(*R) *T) page.Of[*T] {
	out := page.Of[*T]{HasMore: rows.HasMore, Items: make([]*T, len(rows.Items))}
	for i := range rows.Items {
		out.Items[i] = held(&rows.Items[i])
	}
	return out
}

package payment

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// RefundStatus is where a refund stands.
//
//	pending ──▶ succeeded ──▶ failed   the payer's bank sent the money back
//	   └──────▶ failed
//
// Until the processor has said yes or no the ledger is not touched. A refund it
// has accepted is booked, though it may stay pending, or succeed and still fail,
// as long as it is unconfirmed.
type RefundStatus string

// The states of a refund.
const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
	RefundCanceled  RefundStatus = "canceled"
)

// Refund is money given back to the payer, in minor units of Currency.
type Refund struct {
	ID                        string `bun:",pk"`
	Platform                  string
	Account                   string
	Livemode                  bool
	Charge                    string
	PaymentIntent             string
	Amount                    int64
	Currency                  money.Currency
	Status                    RefundStatus
	Booked                    bool // the ledger has it
	Unconfirmed               bool // booked, and the payer's bank may still send it back
	Reason                    *string
	ReverseTransfer           bool
	RefundApplicationFee      bool
	BalanceTransaction        string
	FailureBalanceTransaction string
	FailureReason             string
	TransferReversal          string
	Metadata                  map[string]string `bun:"type:jsonb"`
	Claim                     []byte
	CreatedAt                 time.Time
	BegunAt                   time.Time // by the machine's clock
	Version                   int64
}

// Scope is the view the refund lives in.
func (r *Refund) Scope() tenant.Scope {
	return tenant.Scope{Platform: r.Platform, Account: r.Account, Livemode: r.Livemode}
}

// RefundWire is the refund as the API shows it.
func RefundWire(r *Refund) wire.Refund {
	w := wire.Refund{
		ID: r.ID, Object: "refund", Amount: r.Amount, BalanceTransaction: wire.To(r.BalanceTransaction), Charge: wire.To(r.Charge),
		Created: r.CreatedAt.Unix(), Currency: string(r.Currency), FailureReason: r.FailureReason, Metadata: r.Metadata,
		PaymentIntent: wire.To(r.PaymentIntent), Reason: r.Reason, Status: string(r.Status), TransferReversal: wire.To(r.TransferReversal),
	}
	if r.FailureBalanceTransaction != "" {
		w.FailureBalanceTransaction = &wire.Ref{ID: r.FailureBalanceTransaction}
	}
	if r.Status == RefundPending {
		w.PendingReason = "processing"
	}
	return w
}

type refundRow struct {
	bun.BaseModel `bun:"table:connect.refunds,alias:refund"`
	Refund
}

// GetRefund is the refund with this id in the scope, or NotFound.
func (s *Service) GetRefund(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Refund, error) {
	row := new(refundRow)
	err := owned(scope)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("refund", id)
	}
	return &row.Refund, err
}

// RefundFilter narrows a list of refunds.
type RefundFilter struct {
	page.Params
	Created       page.Range `form:"created"`
	Charge        string     `form:"charge"`
	PaymentIntent string     `form:"payment_intent"`
}

// ListRefunds is a page of the scope's refunds, newest first.
func (s *Service) ListRefunds(ctx context.Context, idb bun.IDB, scope tenant.Scope, f RefundFilter) (page.Of[*Refund], error) {
	got, err := page.Fetch[refundRow](ctx, idb, f.Params, "refund", owned(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		q = f.Created.Apply(q, "refund.created_at")
		return where(q, map[string]string{"charge": f.Charge, "payment_intent": f.PaymentIntent})
	})
	out := page.Of[*Refund]{HasMore: got.HasMore, Items: make([]*Refund, len(got.Items))}
	for i := range got.Items {
		out.Items[i] = &got.Items[i].Refund
	}
	return out, err
}

func lockRefund(ctx context.Context, tx bun.Tx, id string) (*Refund, error) {
	row := new(refundRow)
	err := tx.NewSelect().Model(row).Where("id = ?", id).For("UPDATE").Scan(ctx)
	return &row.Refund, err
}

func insertRefund(ctx context.Context, tx bun.Tx, r *Refund) error {
	_, err := tx.NewInsert().Model(&refundRow{Refund: *r}).Exec(ctx)
	return err
}

func updateRefund(ctx context.Context, tx bun.Tx, r *Refund) error {
	_, err := tx.NewUpdate().Model(&refundRow{Refund: *r}).
		Column("status", "booked", "unconfirmed", "balance_transaction", "failure_balance_transaction", "failure_reason",
			"transfer_reversal", "metadata", "claim", "version").
		WherePK().Exec(ctx)
	return err
}

// refundsUnconfirmed lists, after an id, booked refunds that the payer's bank may still send back.
func refundsUnconfirmed(ctx context.Context, idb bun.IDB, after string, limit int) ([]*Refund, error) {
	return scanRefunds(ctx, idb.NewSelect().Where("unconfirmed").Where("id > ?", after).Order("id").Limit(int64(limit)))
}

// refundsOpen lists refunds whose money the processor may have sent back, asked for before
// the given time and after the last one of the page before, nil for the first page.
func refundsOpen(ctx context.Context, idb bun.IDB, before time.Time, last *Refund, limit int) ([]*Refund, error) {
	q := idb.NewSelect().Where("NOT booked").Where("status = 'pending'").Where("begun_at <= ?", before)
	if last != nil {
		q = q.Where("(begun_at, id) > (?, ?)", last.BegunAt, last.ID)
	}
	return scanRefunds(ctx, q.Order("begun_at", "id").Limit(int64(limit)))
}

func scanRefunds(ctx context.Context, q *bun.SelectQuery) ([]*Refund, error) {
	var rows []*refundRow
	err := q.Model(&rows).Scan(ctx)
	out := make([]*Refund, len(rows))
	for i, row := range rows {
		out[i] = &row.Refund
	}
	return out, err
}

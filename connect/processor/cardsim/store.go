package cardsim

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

type paymentRow struct {
	bun.BaseModel `bun:"table:cardsim.payments,alias:p"`

	Reference  string          `bun:"reference,pk"`
	Card       string          `bun:"card"`
	Amount     int64           `bun:"amount"`
	Currency   string          `bun:"currency"`
	Capture    bool            `bun:"capture"`
	Status     string          `bun:"status"`
	Captured   int64           `bun:"captured"`
	Fee        int64           `bun:"fee"`
	Refunded   int64           `bun:"refunded"`
	Failure    json.RawMessage `bun:"failure,type:jsonb"` // {} if none
	Secured    bool            `bun:"secured"`
	ResolvesAt *time.Time      `bun:"resolves_at"`
	ResolvesTo string          `bun:"resolves_to"`
	CreatedAt  time.Time       `bun:"created_at"`
}

// paymentTable is how many payments are written at once.
var paymentTable = db.NewTable("cardsim.payments", "reference",
	db.Text("reference", func(p paymentRow) string { return p.Reference }),
	db.Text("card", func(p paymentRow) string { return p.Card }),
	db.Int8("amount", func(p paymentRow) int64 { return p.Amount }),
	db.Text("currency", func(p paymentRow) string { return p.Currency }),
	db.Bool("capture", func(p paymentRow) bool { return p.Capture }),
	db.Text("status", func(p paymentRow) string { return p.Status }),
	db.Int8("captured", func(p paymentRow) int64 { return p.Captured }),
	db.Int8("fee", func(p paymentRow) int64 { return p.Fee }),
	db.Int8("refunded", func(p paymentRow) int64 { return p.Refunded }),
	db.JSON("failure", func(p paymentRow) any { return p.Failure }),
	db.Bool("secured", func(p paymentRow) bool { return p.Secured }),
	db.Time("resolves_at", func(p paymentRow) time.Time { return orZero(p.ResolvesAt) }),
	db.Text("resolves_to", func(p paymentRow) string { return p.ResolvesTo }),
	db.Time("created_at", func(p paymentRow) time.Time { return p.CreatedAt }),
)

type refundRow struct {
	bun.BaseModel `bun:"table:cardsim.refunds,alias:r"`

	Reference     string     `bun:"reference,pk"`
	Payment       string     `bun:"payment"`
	Amount        int64      `bun:"amount"`
	Currency      string     `bun:"currency"`
	Status        string     `bun:"status"`
	FailureReason string     `bun:"failure_reason"`
	ResolvesAt    *time.Time `bun:"resolves_at"`
	ResolvesTo    string     `bun:"resolves_to"`
	CreatedAt     time.Time  `bun:"created_at"`
}

// bookAll decides a batch of authorizations: new references in one insert;
// those seen before, one by one under their row lock, answer as they stand.
func (s *Sim) bookAll(ctx context.Context, tx bun.Tx, items []*authorization) error {
	now := s.clock.Now()
	fresh, err := s.insertFresh(ctx, tx, items, now)
	if err != nil {
		return err
	}
	for i, item := range items {
		if p, ok := fresh[i]; ok {
			item.result, item.err = s.answer(p), nil
			continue
		}
		if item.result, item.err, err = s.again(ctx, tx, item, now); err != nil {
			return err
		}
	}
	return nil
}

// insertFresh books the items whose reference is new, keyed by their place in
// the batch. References are inserted in order, so that two batches wait for
// each other at most one way.
func (s *Sim) insertFresh(ctx context.Context, tx bun.Tx, items []*authorization, now time.Time) (map[int]payment, error) {
	first := make(map[string]int)
	decided := make(map[int]payment)
	var rows []paymentRow
	for i, item := range items {
		if _, twice := first[item.request.Reference]; twice {
			continue
		}
		p, err := s.decide(item.request, item.card, now)
		if err != nil {
			return nil, err
		}
		row, err := p.row()
		if err != nil {
			return nil, err
		}
		first[item.request.Reference], decided[i] = i, p
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b paymentRow) int { return strings.Compare(a.Reference, b.Reference) })
	inserted, err := paymentTable.InsertNew(ctx, tx, rows)
	if err != nil {
		return nil, fmt.Errorf("cardsim: book payments: %w", err)
	}
	fresh := make(map[int]payment, len(inserted))
	for _, reference := range inserted {
		fresh[first[reference]] = decided[first[reference]]
	}
	return fresh, nil
}

// answer is what the caller hears of a payment that was just booked.
func (s *Sim) answer(p payment) processor.Result {
	switch p.card.behavior.fault {
	case faultTimeoutBeforeCommit, faultServerError, faultTimeoutAfterCommit, faultUnknownThenSucceeds, faultUnknownThenFails:
		return processor.Result{Status: processor.Unknown}
	}
	return s.result(p)
}

// again answers a reference seen before. A request that was lost is decided now.
func (s *Sim) again(ctx context.Context, tx bun.Tx, item *authorization, now time.Time) (result processor.Result, refused, err error) {
	p, err := lockPayment(ctx, tx, item.request.Reference)
	if err != nil {
		return result, nil, err
	}
	if p == nil {
		return result, nil, errors.New("cardsim: a payment disappeared")
	}
	if p.status == processor.Voided && p.card.Handle == "" {
		return s.result(*p), nil, nil
	}
	if !p.sameRequest(item.request, item.card) {
		return result, reused(item.request.Reference), nil
	}
	if p.status == lost {
		if err := s.conclude(p); err != nil {
			return result, nil, err
		}
		if err := updatePayment(ctx, tx, *p); err != nil {
			return result, nil, err
		}
	}
	if err := s.resolve(p, now); err != nil {
		return result, nil, err
	}
	return s.result(*p), nil, nil
}

// change runs fn on a payment under its row lock and books what fn made of it.
// The payment is nil if the reference was never seen.
func (s *Sim) change(ctx context.Context, reference string, fn func(p *payment) (processor.Result, error)) (processor.Result, error) {
	if err := processor.Outside(ctx); err != nil {
		return processor.Result{}, err
	}
	var result processor.Result
	err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		p, err := lockPayment(ctx, tx, reference)
		if err != nil {
			return err
		}
		if p != nil {
			if err := s.resolve(p, s.clock.Now()); err != nil {
				return err
			}
		}
		if result, err = fn(p); err != nil || p == nil {
			return err
		}
		return updatePayment(ctx, tx, *p)
	})
	if fault.As(err) != nil {
		return processor.Result{}, err
	}
	if err != nil {
		return unanswered(ctx, "change", err), nil
	}
	return result, nil
}

// closeUnseen books a reference never seen as voided; one that was seen stays as it is.
func (s *Sim) closeUnseen(ctx context.Context, reference string) error {
	p := payment{reference: reference, status: processor.Voided, createdAt: s.clock.Now()}
	row, err := p.row()
	if err != nil {
		return err
	}
	_, err = s.pool.NewInsert().Model(&row).On("CONFLICT (reference) DO NOTHING").Exec(ctx)
	return err
}

func findPayment(ctx context.Context, idb bun.IDB, reference string) (*payment, error) {
	return onePayment(ctx, idb.NewSelect().Where("reference = ?", reference))
}

// lockPayment also serializes the refunds of the payment.
func lockPayment(ctx context.Context, tx bun.Tx, reference string) (*payment, error) {
	return onePayment(ctx, tx.NewSelect().Where("reference = ?", reference).For("UPDATE"))
}

func onePayment(ctx context.Context, query *bun.SelectQuery) (*payment, error) {
	var row paymentRow
	if err := query.Model(&row).Scan(ctx); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("cardsim: read payment: %w", err)
	}
	p, err := row.payment()
	return &p, err
}

func updatePayment(ctx context.Context, tx bun.Tx, p payment) error {
	row, err := p.row()
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model(&row).
		Column("status", "captured", "fee", "refunded", "failure", "secured", "resolves_at", "resolves_to").
		WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("cardsim: book payment: %w", err)
	}
	return nil
}

func findRefund(ctx context.Context, idb bun.IDB, reference string) (*refund, error) {
	var row refundRow
	if err := idb.NewSelect().Model(&row).Where("reference = ?", reference).Scan(ctx); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("cardsim: read refund: %w", err)
	}
	r := row.refund()
	return &r, nil
}

func insertRefund(ctx context.Context, tx bun.Tx, r refund) error {
	row := r.row()
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("cardsim: book refund: %w", err)
	}
	return nil
}

// resolveRefunds gives the amounts of refunds that have failed by now back to
// their payment, whose row the caller has locked.
func resolveRefunds(ctx context.Context, tx bun.Tx, p *payment, now time.Time) error {
	var rows []refundRow
	if err := tx.NewSelect().Model(&rows).Where("payment = ?", p.reference).Where("resolves_at <= ?", now).Scan(ctx); err != nil {
		return fmt.Errorf("cardsim: read refunds: %w", err)
	}
	for _, row := range rows {
		r := row.refund()
		r.resolve(now)
		if r.status == processor.RefundFailed {
			p.refunded -= r.amount.Minor
		}
		resolved := r.row()
		_, err := tx.NewUpdate().Model(&resolved).Column("status", "failure_reason", "resolves_at", "resolves_to").WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("cardsim: book refund: %w", err)
		}
	}
	return nil
}

func (p payment) row() (paymentRow, error) {
	failure := json.RawMessage("{}")
	if p.failure != nil {
		text, err := json.Marshal(p.failure)
		if err != nil {
			return paymentRow{}, fmt.Errorf("cardsim: failure: %w", err)
		}
		failure = text
	}
	return paymentRow{
		Reference: p.reference, Card: p.card.Handle, Amount: p.amount.Minor, Currency: string(p.amount.Currency), Capture: p.capture,
		Status: string(p.status), Captured: p.captured, Fee: p.fee, Refunded: p.refunded, Failure: failure, Secured: p.secured,
		ResolvesAt: orNull(p.resolvesAt), ResolvesTo: string(p.resolvesTo), CreatedAt: p.createdAt,
	}, nil
}

func (row paymentRow) payment() (payment, error) {
	card := byHandle[row.Card] // zero for a closed reference
	p := payment{
		reference: row.Reference, card: card, amount: money.New(row.Amount, money.Currency(row.Currency)), capture: row.Capture,
		status: processor.Status(row.Status), captured: row.Captured, fee: row.Fee, refunded: row.Refunded, secured: row.Secured,
		resolvesAt: orZero(row.ResolvesAt), resolvesTo: processor.Status(row.ResolvesTo), createdAt: row.CreatedAt,
	}
	if p.status != processor.Failed {
		return p, nil
	}
	p.failure = new(processor.Failure)
	if err := json.Unmarshal(row.Failure, p.failure); err != nil {
		return p, fmt.Errorf("cardsim: failure: %w", err)
	}
	return p, nil
}

func (r refund) row() refundRow {
	return refundRow{
		Reference: r.reference, Payment: r.payment, Amount: r.amount.Minor, Currency: string(r.amount.Currency), Status: string(r.status),
		FailureReason: r.failureReason, ResolvesAt: orNull(r.resolvesAt), ResolvesTo: string(r.resolvesTo), CreatedAt: r.createdAt,
	}
}

func (row refundRow) refund() refund {
	return refund{
		reference: row.Reference, payment: row.Payment, amount: money.New(row.Amount, money.Currency(row.Currency)),
		status: processor.RefundStatus(row.Status), failureReason: row.FailureReason,
		resolvesAt: orZero(row.ResolvesAt), resolvesTo: processor.RefundStatus(row.ResolvesTo), createdAt: row.CreatedAt,
	}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

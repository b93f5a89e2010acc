// Package banksim is the sandbox's bank. It keeps durable books of its own, pays
// at any hour from the arrival date on, like FPS, and lets the last four digits
// of an account number decide what happens (Endings). It lives by the time it is
// told: the sandbox's clock.
package banksim

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
)

// Fates that are not failure codes.
const (
	paid       = "paid"
	returned   = "returned"    // paid, and back returnsAfter later
	stuck      = "stuck"       // accepted for ever
	lateAnswer = "late_answer" // taken, but the answer is lost; then paid
	lostOnWay  = "lost_on_way" // the first telling never arrives; then paid
)

// Endings tells the fate of an instruction by the last four digits of the
// account number, in any country. All others are paid.
var Endings = map[string]string{
	"1113": "account_closed",
	"1116": "no_account",
	"2227": "insufficient_funds",
	"3335": "debit_not_authorized",
	"4440": "invalid_currency", // refused at once; the failures above show on the arrival date
	"5558": returned,
	"0009": stuck,
	"7777": lateAnswer,
	"6660": lostOnWay,
}

// returnsAfter is when money that comes back is back.
const returnsAfter = 48 * time.Hour

// Bank is the sandbox bank.
type Bank struct{ pool *bun.DB }

// New is the bank with its books in pool.
func New(pool *bun.DB) *Bank { return &Bank{pool: pool} }

// Capabilities is whole units for HUF and TWD.
func (b *Bank) Capabilities() rail.Capabilities {
	return rail.Capabilities{Name: "banksim", Steps: map[money.Currency]int64{"huf": 100, "twd": 100}}
}

// errLost stands for an answer that did not come.
var errLost = errors.New("banksim: no answer")

// Submit takes an instruction, once per reference.
func (b *Bank) Submit(ctx context.Context, i rail.Instruction) rail.Result {
	number := i.Creditor.Number.Reveal()
	fresh := instruction{
		Reference: i.Reference, Amount: i.Amount.Minor, Currency: i.Amount.Currency, Creditor: i.Creditor.Name,
		Last4: number[max(0, len(number)-4):], State: accepted, ExecuteOn: i.ExecuteOn, ReceivedAt: i.At,
	}
	fresh.Fate = fateOf(fresh.Last4)
	first := false
	kept, err := b.visit(ctx, i.Reference, func(ctx context.Context, tx bun.Tx, known *instruction) (*instruction, error) {
		switch {
		case known != nil && known.State != lost:
			return known, nil
		case known != nil:
			return known, known.to(ctx, tx, accepted, "")
		}
		first = true
		fresh.begin()
		res, err := tx.NewInsert().Model(&fresh).On("CONFLICT DO NOTHING").Exec(ctx)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return nil, errors.Join(err, errLost) // told twice at the same moment: the other telling answers
		}
		return &fresh, nil
	})
	if err != nil {
		return rail.Result{Err: err}
	}
	if first && (kept.Fate == lateAnswer || kept.Fate == lostOnWay) {
		return rail.Result{Err: errLost}
	}
	return kept.result()
}

// Lookup lets the instruction live until q.At and says where it stands.
func (b *Bank) Lookup(ctx context.Context, q rail.Query) rail.Result {
	kept, err := b.visit(ctx, q.Reference, func(ctx context.Context, tx bun.Tx, known *instruction) (*instruction, error) {
		if known == nil {
			return nil, nil
		}
		return known, known.live(ctx, tx, q.At)
	})
	switch {
	case err != nil:
		return rail.Result{Err: err}
	case kept == nil:
		return rail.Result{State: rail.Absent}
	}
	return kept.result()
}

// visit runs fn on the locked instruction, or on nil if there is none.
func (b *Bank) visit(ctx context.Context, reference string, fn func(context.Context, bun.Tx, *instruction) (*instruction, error)) (*instruction, error) {
	if db.Inside(ctx) {
		return nil, errors.New("banksim: called inside a transaction")
	}
	var kept *instruction
	err := db.InTx(ctx, b.pool, func(ctx context.Context, tx bun.Tx) error {
		known := new(instruction)
		err := tx.NewSelect().Model(known).Where("reference = ?", reference).For("UPDATE").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			known, err = nil, nil
		}
		if err != nil {
			return err
		}
		kept, err = fn(ctx, tx, known)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox bank: %w", err)
	}
	return kept, nil
}

func fateOf(last4 string) string {
	if fate, ok := Endings[last4]; ok {
		return fate
	}
	return paid
}

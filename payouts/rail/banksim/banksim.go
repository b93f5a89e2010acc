package banksim

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
)

// Fates that are not failure codes.
const (
	paid       = "paid"
	stuck      = "stuck"        // accepted for ever
	lateAnswer = "late_answer"  // taken, but the answer is lost; then paid
	lostOnWay  = "lost_on_way"  // the first telling never arrives; then paid
	missed     = "missed"       // the cut-off: paid a day later
	holiday    = "holiday"      // paid three days later
	steadfast  = "steadfast"    // paid; a recall is refused
	poison     = "refuses_file" // in a file, all of it is refused
	changed    = "changed"      // paid; in an ACH file, with a notification of change
)

// Endings tells the fate of an instruction by the last four digits of the
// account number, in any country. All others are paid.
var Endings = map[string]string{
	"1113": "account_closed",
	"1116": "no_account",
	"2227": "insufficient_funds",
	"3335": "debit_not_authorized",
	"4440": "invalid_currency", // refused at once; the other failures show on the arrival date
	"8101": "account_frozen",
	"8102": "bank_account_restricted",
	"8103": "bank_ownership_changed",
	"8104": "could_not_process",
	"8105": "declined",
	"8106": "invalid_account_number",
	"8107": "incorrect_account_holder_name",
	"8108": "incorrect_account_holder_address",
	"8109": "incorrect_account_holder_tax_id",
	"8110": "unsupported_card",
	"5551": returned, "5553": returned, "5555": returned, "5557": returned, "5558": returned,
	"0009": stuck,
	"7777": lateAnswer,
	"6660": lostOnWay,
	"8201": missed,
	"8203": holiday,
	"8301": steadfast,
	"8302": poison,
	"8401": changed,
}

// ibans are the endings of the IBANs that customers know, of any country.
var ibans = map[string]string{
	"0532013001": "no_account",
	"0532013002": "account_closed",
	"0532013003": "insufficient_funds",
	"0532013004": "debit_not_authorized",
	"0532013005": "invalid_currency",
}

// Bank is the sandbox bank.
type Bank struct{ pool *bun.DB }

var (
	_ rail.Direct   = (*Bank)(nil)
	_ rail.Recaller = (*Bank)(nil)
)

// New is the bank with its books in pool.
func New(pool *bun.DB) *Bank { return &Bank{pool: pool} }

// Capabilities is everything there is, in whole units for HUF and TWD.
func (b *Bank) Capabilities() rail.Capabilities {
	return rail.Capabilities{
		Name: "banksim", Steps: map[money.Currency]int64{"huf": 100, "twd": 100}, Instant: true, Debits: true, Recalls: true,
	}
}

// errLost stands for an answer that did not come.
var errLost = errors.New("banksim: no answer")

// Submit takes an instruction, once per reference.
func (b *Bank) Submit(ctx context.Context, i rail.Instruction) rail.Result {
	fresh := received(i)
	first := false
	kept, err := b.visit(ctx, i.Reference, func(ctx context.Context, tx bun.Tx, known *instruction) (*instruction, error) {
		switch {
		case known != nil && known.State != lost:
			return known, known.toldAgain(ctx, tx)
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
		if fresh.Instant {
			return &fresh, fresh.live(ctx, tx, i.At)
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
	return answer(kept, err)
}

// Recall calls an instruction back: not carried out if it was not yet, brought
// back if it was.
func (b *Bank) Recall(ctx context.Context, q rail.Query) rail.Result {
	kept, err := b.visit(ctx, q.Reference, func(ctx context.Context, tx bun.Tx, known *instruction) (*instruction, error) {
		if known == nil {
			return nil, nil
		}
		if err := known.live(ctx, tx, q.At); err != nil {
			return nil, err
		}
		return known, known.callBack(ctx, tx, q.At)
	})
	return answer(kept, err)
}

func answer(kept *instruction, err error) rail.Result {
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

// Paid is how often the bank has paid (or collected) for a reference.
func (b *Bank) Paid(ctx context.Context, reference string) (n int, err error) {
	return n, b.pool.NewRaw(`SELECT count(*) FROM banksim.movements WHERE reference = ? AND kind IN ('debit', 'credit')`, reference).Scan(ctx, &n)
}

// Told is how often the bank has read an instruction, refused ones counted too: one
// more than one means that somebody told it twice.
func (b *Bank) Told(ctx context.Context, reference string) (n int, err error) {
	return n, b.pool.NewRaw(`SELECT coalesce(sum(told), 0)::int FROM banksim.instructions WHERE reference = ?`, reference).Scan(ctx, &n)
}

// fateOf reads the fate from an account number.
func fateOf(number string) string {
	if len(number) > 14 && strings.Trim(number[:2], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		if fate, ok := ibans[number[len(number)-10:]]; ok {
			return fate
		}
	}
	if fate, ok := Endings[last4(number)]; ok {
		return fate
	}
	return paid
}

func last4(number string) string { return number[max(0, len(number)-4):] }

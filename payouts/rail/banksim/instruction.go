package banksim

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// The states of an instruction. Lost ones never arrived; the row only remembers
// that the next telling arrives.
const (
	lost     = "lost"
	accepted = "accepted"
	settled  = "paid"
	failed   = "failed"
)

// The states of a recall.
const (
	recallDone    = "done"
	recallRefused = "refused"
)

// returned is the fate of what is paid and comes back returnsAfter later.
const returned = "returned"

// returnsAfter is how long money stays away that comes back, by the last four digits.
var returnsAfter = map[string]time.Duration{"5551": day, "5553": 3 * day, "5555": 5 * day, "5557": 7 * day, "5558": 2 * day}

const day = 24 * time.Hour

type instruction struct {
	bun.BaseModel `bun:"table:banksim.instructions,alias:i"`

	Reference  string `bun:",pk"`
	Amount     int64
	Currency   money.Currency
	Creditor   string
	Last4      string
	Fate       string
	State      string
	Failure    string
	ExecuteOn  time.Time
	ReceivedAt time.Time
	Debit      bool
	Instant    bool
	Told       int
	Recall     string
	Desk       string // "" came by itself
	File       string
	Message    string
	Trace      string
	Routing    string
	Reported   string
}

// Kinds of movements of the customer's account.
const (
	out      = "debit"    // paid
	back     = "return"   // and come back
	in       = "credit"   // collected
	takeBack = "reversal" // and taken back
)

type movement struct {
	bun.BaseModel `bun:"table:banksim.movements,alias:m"`

	Reference string
	Kind      string
	Amount    int64
	Currency  money.Currency
	BookedAt  time.Time
	Desk      string
}

// received is an instruction as the bank writes it down; the account number is
// read and forgotten.
func received(i rail.Instruction) instruction {
	number := i.Creditor.Number.Reveal()
	return instruction{
		Reference: i.Reference, Amount: i.Amount.Minor, Currency: i.Amount.Currency, Creditor: i.Creditor.Name, Last4: last4(number),
		Fate: fateOf(number), State: accepted, ExecuteOn: i.ExecuteOn, ReceivedAt: i.At, Debit: i.Debit, Instant: i.Instant, Told: 1,
		Routing: i.Creditor.Routing,
	}
}

// begin is the state in which an instruction is written down.
func (i *instruction) begin() {
	switch i.Fate {
	case lostOnWay:
		i.State = lost
	case "invalid_currency":
		i.State, i.Failure = failed, i.Fate
	case poison:
		i.State, i.Failure = failed, "could_not_process"
	}
}

// live carries out what is due by at.
func (i *instruction) live(ctx context.Context, tx bun.Tx, at time.Time) error {
	if i.State == accepted && i.Fate != stuck && !at.Before(i.executedAt()) {
		if err := i.execute(ctx, tx); err != nil {
			return err
		}
	}
	if due := i.executedAt().Add(returnsAfter[i.Last4]); i.State == settled && i.Fate == returned && !at.Before(due) {
		code := "account_closed"
		if i.Debit {
			code = "debit_not_authorized"
		}
		return i.bringBack(ctx, tx, due, code)
	}
	return nil
}

func (i *instruction) execute(ctx context.Context, tx bun.Tx) error {
	if _, fails := rail.Codes[i.Fate]; fails {
		return i.to(ctx, tx, failed, i.Fate)
	}
	kind := out
	if i.Debit {
		kind = in
	}
	if err := i.move(ctx, tx, kind, i.executedAt()); err != nil {
		return err
	}
	return i.to(ctx, tx, settled, "")
}

func (i *instruction) bringBack(ctx context.Context, tx bun.Tx, at time.Time, code string) error {
	kind := back
	if i.Debit {
		kind = takeBack
	}
	if err := i.move(ctx, tx, kind, at); err != nil {
		return err
	}
	return i.to(ctx, tx, failed, code)
}

// callBack is a recall. What has failed already stays as it is.
func (i *instruction) callBack(ctx context.Context, tx bun.Tx, at time.Time) error {
	switch {
	case i.Recall != "" || i.State == failed || i.State == lost:
		return nil
	case i.Fate == steadfast:
		i.Recall = recallRefused
	default:
		i.Recall = recallDone
	}
	if _, err := tx.NewUpdate().Model(i).Column("recall").WherePK().Exec(ctx); err != nil || i.Recall == recallRefused {
		return err
	}
	if i.State == accepted {
		return i.to(ctx, tx, failed, "could_not_process")
	}
	return i.bringBack(ctx, tx, at, "could_not_process")
}

// executedAt is when the bank pays: on the day asked for or when it heard of it,
// and later if that was no bank day.
func (i *instruction) executedAt() time.Time {
	at := i.ExecuteOn
	if i.ReceivedAt.After(at) || i.Instant {
		at = i.ReceivedAt
	}
	switch i.Fate {
	case missed:
		return at.Add(day)
	case holiday:
		return at.Add(3 * day)
	}
	return at
}

func (i *instruction) move(ctx context.Context, tx bun.Tx, kind string, at time.Time) error {
	_, err := tx.NewInsert().Model(&movement{
		Reference: i.Reference, Kind: kind, Amount: i.Amount, Currency: i.Currency, BookedAt: at, Desk: i.Desk,
	}).Exec(ctx)
	return err
}

func (i *instruction) to(ctx context.Context, tx bun.Tx, state, failure string) error {
	i.State, i.Failure = state, failure
	_, err := tx.NewUpdate().Model(i).Column("state", "failure").WherePK().Exec(ctx)
	return err
}

func (i *instruction) toldAgain(ctx context.Context, tx bun.Tx) error {
	i.Told++
	_, err := tx.NewUpdate().Model(i).Column("told").WherePK().Exec(ctx)
	return err
}

func (i *instruction) result() rail.Result {
	r := rail.Result{Trace: "SIM" + i.Reference, RecallRefused: i.Recall == recallRefused}
	switch i.State {
	case accepted:
		r.State = rail.Accepted
	case settled:
		r.State = rail.Paid
	case failed:
		r.State, r.Code = rail.Failed, i.Failure
	default:
		return rail.Result{State: rail.Absent}
	}
	return r
}

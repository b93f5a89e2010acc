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
}

type movement struct {
	bun.BaseModel `bun:"table:banksim.movements,alias:m"`

	Reference string
	Kind      string
	Amount    int64
	Currency  money.Currency
	BookedAt  time.Time
}

// begin is the state in which an instruction is written down.
func (i *instruction) begin() {
	switch i.Fate {
	case lostOnWay:
		i.State = lost
	case "invalid_currency":
		i.State, i.Failure = failed, i.Fate
	}
}

// live carries out what is due by at.
func (i *instruction) live(ctx context.Context, tx bun.Tx, at time.Time) error {
	if i.State == accepted && i.Fate != stuck && !at.Before(i.ExecuteOn) {
		if err := i.execute(ctx, tx); err != nil {
			return err
		}
	}
	if back := i.executedAt().Add(returnsAfter); i.State == settled && i.Fate == returned && !at.Before(back) {
		if err := i.move(ctx, tx, "return", back); err != nil {
			return err
		}
		return i.to(ctx, tx, failed, "account_closed")
	}
	return nil
}

func (i *instruction) execute(ctx context.Context, tx bun.Tx) error {
	if _, fails := rail.Codes[i.Fate]; fails {
		return i.to(ctx, tx, failed, i.Fate)
	}
	if err := i.move(ctx, tx, "debit", i.executedAt()); err != nil {
		return err
	}
	return i.to(ctx, tx, settled, "")
}

// executedAt is when the bank pays: on the day asked for, or when it heard of it.
func (i *instruction) executedAt() time.Time {
	if i.ReceivedAt.After(i.ExecuteOn) {
		return i.ReceivedAt
	}
	return i.ExecuteOn
}

func (i *instruction) move(ctx context.Context, tx bun.Tx, kind string, at time.Time) error {
	_, err := tx.NewInsert().Model(&movement{
		Reference: i.Reference, Kind: kind, Amount: i.Amount, Currency: i.Currency, BookedAt: at,
	}).Exec(ctx)
	return err
}

func (i *instruction) to(ctx context.Context, tx bun.Tx, state, failure string) error {
	i.State, i.Failure = state, failure
	_, err := tx.NewUpdate().Model(i).Column("state", "failure").WherePK().Exec(ctx)
	return err
}

func (i *instruction) result() rail.Result {
	trace := "SIM" + i.Reference
	switch i.State {
	case accepted:
		return rail.Result{State: rail.Accepted, Trace: trace}
	case settled:
		return rail.Result{State: rail.Paid, Trace: trace}
	case failed:
		return rail.Result{State: rail.Failed, Code: i.Failure, Trace: trace}
	}
	return rail.Result{State: rail.Absent}
}

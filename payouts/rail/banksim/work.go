package banksim

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
)

// Work lets the bank live until a time: it carries out what is due, tells what has
// changed since it told last, and makes the statements of the days that are over.
func (d *Desk) Work(ctx context.Context, at time.Time) error {
	err := db.InTx(ctx, d.bank.pool, func(ctx context.Context, tx bun.Tx) error {
		if err := d.lock(ctx, tx); err != nil {
			return err
		}
		if err := d.carryOut(ctx, tx, at); err != nil {
			return err
		}
		return d.state(ctx, tx, at)
	})
	if err != nil {
		return fmt.Errorf("sandbox bank: work: %w", err)
	}
	return nil
}

func (d *Desk) carryOut(ctx context.Context, tx bun.Tx, at time.Time) error {
	var open []*instruction
	err := tx.NewSelect().Model(&open).
		Where("desk = ? AND (state = 'accepted' AND fate <> 'stuck' OR state = 'paid' AND fate = 'returned' OR desk <> '' AND reported <> state AND state IN ('paid', 'failed'))", d.cfg.Name).
		Order("message", "reference").For("UPDATE").Scan(ctx)
	if err != nil {
		return err
	}
	news := map[string]*report{} // by message
	var order []string
	tell := func(i *instruction) {
		r, ok := news[i.Message]
		if !ok {
			r = &report{message: i.Message, later: true, number: len(order) + 1}
			news[i.Message] = r
			order = append(order, i.Message)
		}
		r.items = append(r.items, i.status())
	}
	var returns, changes []*instruction
	for _, i := range open {
		if err := i.live(ctx, tx, at); err != nil {
			return err
		}
		if i.Desk == "" || i.State == accepted || i.State == i.Reported {
			continue // what came by itself is asked for by itself
		}
		switch {
		case i.State == failed && i.Trace != "":
			returns = append(returns, i)
		case i.State == failed && i.Reported == settled: // money that came back stands on the statement
		default:
			tell(i)
		}
		if i.State == settled && i.Fate == changed && i.Trace != "" {
			changes = append(changes, i)
		}
		i.Reported = i.State
		if _, err := tx.NewUpdate().Model(i).Column("reported").WherePK().Exec(ctx); err != nil {
			return err
		}
	}
	for _, message := range order {
		if err := d.answer(ctx, tx, "pain002", ".xml", at, d.pain002(*news[message], at)); err != nil {
			return err
		}
	}
	if len(returns) > 0 {
		if err := d.answer(ctx, tx, "returns", ".ach", at, achReturns(returns, at)); err != nil {
			return err
		}
	}
	if len(changes) > 0 {
		return d.answer(ctx, tx, "changes", ".ach", at, achChanges(changes, at))
	}
	return nil
}

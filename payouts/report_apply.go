package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
)

// Applied is what became of reports.
type Applied struct {
	Moved int // payouts that changed
	// Payouts names, for each report, the payout it is about; "" for one about a
	// whole batch, and for one that could not be matched.
	Payouts   []string
	Unmatched []Unmatched
}

// Unmatched is a report that moved nothing and must be looked at by somebody.
type Unmatched struct {
	Index  int // of the report
	Report rail.Report
	Reason string
}

// Why a report is not matched.
const (
	unknownReference = "no payout of this rail has the reference"
	unknownTrace     = "no payout of this rail has the trace"
	ambiguousTrace   = "several payouts of this rail have the trace"
	unknownBatch     = "no batch of this rail has the id"
	notHandedOver    = "the payout was not handed to the bank"
	otherAmount      = "the amount differs from the payout's"
	otherTotal       = "the amount differs from the batch's"
	saysNothing      = "it says nothing about a payout"
	calledDuplicate  = "the bank refuses it as a duplicate; what became of the first one it does not say"
	neverPaid        = "the payout has failed and its money was given back; now the bank says it has paid"
)

// Apply moves payouts by what a bank's file says. Reports may come repeatedly, late
// and in any order: the same reports leave the same payouts. What is about no payout
// of ours, or about another amount, is returned as unmatched and moves nothing.
//
// An error is of some reports only; the others are applied, and all of them may be
// applied again.
func (s *Service) Apply(ctx context.Context, livemode bool, railName string, reports []rail.Report, now time.Time) (Applied, error) {
	a := application{
		service: s, livemode: livemode, rail: railName, reports: reports, now: now,
		applied: Applied{Payouts: make([]string, len(reports))}, named: make(map[string]bool), batches: make(map[string]bool),
	}
	var errs []error
	for from := 0; from < len(reports); from += batch {
		errs = append(errs, a.single(ctx, from, min(from+batch, len(reports))))
	}
	for i, r := range reports {
		if r.Reference == "" && r.Trace == "" && r.Batch != "" {
			errs = append(errs, a.whole(ctx, i))
		}
	}
	touched := slices.Sorted(maps.Keys(a.batches))
	errs = append(errs, s.acknowledge(ctx, touched, now), s.finishBatches(ctx, touched))
	slices.SortFunc(a.applied.Unmatched, func(x, y Unmatched) int { return x.Index - y.Index })
	return a.applied, errors.Join(errs...)
}

// application is one Apply under way.
type application struct {
	service  *Service
	livemode bool
	rail     string
	reports  []rail.Report
	now      time.Time
	applied  Applied
	named    map[string]bool // payouts reported by themselves
	batches  map[string]bool // that the bank has, since it speaks of them
}

func (a *application) refuse(i int, reason string) {
	a.applied.Unmatched = append(a.applied.Unmatched, Unmatched{Index: i, Report: a.reports[i], Reason: reason})
}

// single applies the reports from … to that name one instruction each. A file may
// report one payout twice, first accepted and then paid: then the second one
// begins another transaction.
func (a *application) single(ctx context.Context, from, to int) error {
	if err := a.find(ctx, from, to); err != nil {
		return err
	}
	var errs []error
	var together []int
	seen := make(map[string]bool)
	flush := func() {
		if err := a.move(ctx, together); err != nil {
			for _, i := range together { // one of them is to blame: each by itself
				if err := a.move(ctx, []int{i}); err != nil {
					errs = append(errs, fmt.Errorf("apply report %d about %s: %w", i, a.applied.Payouts[i], err))
				}
			}
		}
		together = nil
		clear(seen)
	}
	for i := from; i < to; i++ {
		payout := a.applied.Payouts[i]
		if payout == "" {
			continue
		}
		if seen[payout] {
			flush()
		}
		seen[payout] = true
		together = append(together, i)
	}
	flush()
	return errors.Join(errs...)
}

// find names the payouts that reports are about.
func (a *application) find(ctx context.Context, from, to int) error {
	var references, traces []string
	for _, r := range a.reports[from:to] {
		switch {
		case r.Reference != "":
			references = append(references, r.Reference)
		case r.Trace != "":
			traces = append(traces, r.Trace)
		}
	}
	byReference, err := a.byReference(ctx, references)
	if err != nil {
		return err
	}
	byTrace, err := a.byTrace(ctx, traces)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		r := a.reports[i]
		switch {
		case r.Reference != "" && byReference[r.Reference]:
			a.applied.Payouts[i] = r.Reference
		case r.Reference != "":
			a.refuse(i, unknownReference)
		case r.Trace != "":
			a.traced(i, byTrace[r.Trace])
		case r.Batch == "":
			a.refuse(i, saysNothing)
		}
	}
	return nil
}

// traced picks the payout that a trace means. Traces come round again after some
// time: the amount tells them apart, or a person.
func (a *application) traced(i int, candidates []tracedItem) {
	amount := a.reports[i].Amount
	if len(candidates) > 1 && !amount.IsZero() {
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(c tracedItem) bool { return money.New(c.Amount, c.Currency) != amount })
	}
	switch len(candidates) {
	case 0:
		a.refuse(i, unknownTrace)
	case 1:
		a.applied.Payouts[i] = candidates[0].Payout
	default:
		a.refuse(i, ambiguousTrace)
	}
}

func (a *application) byReference(ctx context.Context, references []string) (map[string]bool, error) {
	found := make(map[string]bool)
	if len(references) == 0 {
		return found, nil
	}
	var ids []string
	err := a.service.pool.NewSelect().Model((*payoutRow)(nil)).Column("id").
		Where("p.id = ANY(?) AND p.livemode = ? AND p.rail = ?", pgdialect.Array(references), a.livemode, a.rail).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find reported payouts: %w", err)
	}
	for _, id := range ids {
		found[id] = true
	}
	return found, nil
}

type tracedItem struct {
	Trace    string
	Payout   string
	Amount   int64
	Currency money.Currency
}

func (a *application) byTrace(ctx context.Context, traces []string) (map[string][]tracedItem, error) {
	found := make(map[string][]tracedItem)
	if len(traces) == 0 {
		return found, nil
	}
	var items []tracedItem
	err := a.service.pool.NewRaw(`
		SELECT i.trace, i.payout, i.amount, b.currency FROM payouts.batch_items i JOIN payouts.batches b ON b.id = i.batch
		WHERE i.trace = ANY(?) AND b.rail = ? AND b.livemode = ? AND b.status <> 'open'`,
		pgdialect.Array(traces), a.rail, a.livemode).Scan(ctx, &items)
	if err != nil {
		return nil, fmt.Errorf("find reported traces: %w", err)
	}
	for _, item := range items {
		found[item.Trace] = append(found[item.Trace], item)
	}
	return found, nil
}

// move applies reports about different payouts in one transaction.
func (a *application) move(ctx context.Context, reports []int) error {
	if len(reports) == 0 {
		return nil
	}
	ids := make([]string, len(reports))
	for n, i := range reports {
		ids[n] = a.applied.Payouts[i]
	}
	var refused map[int]string
	moved, locked := 0, map[string]*Payout(nil)
	err := db.InTx(ctx, a.service.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		moved, refused = 0, make(map[int]string)
		if locked, err = lockAll(ctx, tx, ids); err != nil {
			return err
		}
		var turns []turn
		for _, i := range reports {
			t, reason, err := a.judge(ctx, tx, locked[a.applied.Payouts[i]], a.reports[i])
			switch {
			case err != nil:
				return err
			case reason != "":
				refused[i] = reason
			case t.to != wait:
				turns = append(turns, t)
			}
		}
		moved = len(turns)
		if moved == 0 {
			return nil
		}
		return a.service.carry(ctx, tx, turns, a.now)
	})
	if err != nil {
		return err
	}
	a.applied.Moved += moved
	for _, i := range reports {
		p := locked[a.applied.Payouts[i]]
		a.named[p.ID] = true
		if reason, ok := refused[i]; ok {
			a.refuse(i, reason)
			continue
		}
		if p.Batch != "" {
			a.batches[p.Batch] = true
		}
	}
	return nil
}

// judge reads what a report makes of a locked payout: a turn, or why it must be
// looked at by somebody.
func (a *application) judge(ctx context.Context, tx bun.Tx, p *Payout, r rail.Report) (t turn, refused string, err error) {
	t = turn{p: p, to: wait, trace: r.BankTrace, code: r.Code}
	switch {
	case !p.Sealed():
		return t, notHandedOver, nil
	case !r.Amount.IsZero() && r.Amount != p.Moves():
		return t, otherAmount, nil
	case r.Change != nil:
		return t, "", a.service.notice(ctx, tx, p, *r.Change, r.At, r.BankTrace, a.now)
	}
	if r.State == rail.Failed && rail.Duplicate(r.Reason) {
		return t, calledDuplicate, nil
	}
	if r.RecallRefused {
		if err := a.service.recallRefused(ctx, tx, p, a.now); err != nil {
			return t, "", err
		}
	}
	switch r.State {
	case rail.Accepted:
		if p.Status == Pending {
			t.to = transmit
		}
	case rail.Paid:
		if p.Status == Failed {
			paid, err := wasPaid(ctx, tx, p.ID)
			if err != nil || !paid {
				return t, neverPaid, err
			}
		} else if p.Status != Paid {
			t.to = settle
		}
	case rail.Failed:
		if p.Status != Failed {
			t.to = giveBack
		}
	case rail.Unknown, rail.Absent:
		if !r.RecallRefused {
			return t, saysNothing, nil
		}
	}
	return t, "", nil
}

// wasPaid reports whether a payout was paid once, whatever came after.
func wasPaid(ctx context.Context, tx bun.Tx, payout string) (paid bool, err error) {
	err = tx.NewRaw(`SELECT EXISTS (SELECT FROM ledger.entries WHERE source = ? AND kind = 'payout_paid')`, payout).Scan(ctx, &paid)
	if err != nil {
		return false, fmt.Errorf("look for the payment of %s: %w", payout, err)
	}
	return paid, nil
}

// whole applies a report about all of a batch that was not reported by itself.
func (a *application) whole(ctx context.Context, i int) error {
	r := a.reports[i]
	row := new(batchRow)
	err := a.service.pool.NewSelect().Model(row).
		Where("b.id = ? AND b.rail = ? AND b.livemode = ? AND b.status <> 'open'", r.Batch, a.rail, a.livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		a.refuse(i, unknownBatch)
		return nil
	}
	if err != nil {
		return fmt.Errorf("find a reported batch: %w", err)
	}
	b := row.Batch
	if fits, err := a.fits(ctx, b, r); err != nil || !fits {
		if err == nil {
			a.refuse(i, otherTotal)
		}
		return err
	}
	var to step
	from := []Status{Pending, InTransit}
	switch r.State {
	case rail.Accepted:
		to, from = transmit, from[:1]
	case rail.Paid:
		to = settle
	case rail.Failed:
		to = giveBack
	case rail.Unknown, rail.Absent:
		a.refuse(i, saysNothing)
		return nil
	}
	if err := a.service.acknowledge(ctx, []string{b.ID}, a.now); err != nil {
		return err
	}
	a.batches[b.ID] = true
	if r.State == rail.Failed && rail.Duplicate(r.Reason) {
		return nil // the bank has the first one, and nothing came of the second
	}
	if err := a.moveAll(ctx, b, to, r, from); err != nil {
		return fmt.Errorf("apply report %d about %s: %w", i, b.ID, err)
	}
	if r.State != rail.Failed {
		return nil
	}
	return a.service.refuseBatch(ctx, b.ID)
}

// fits reports whether the sum of a report, if there is one, is the batch's, or
// what is left of it without the payouts that have failed.
func (a *application) fits(ctx context.Context, b Batch, r rail.Report) (bool, error) {
	if r.Amount.IsZero() || r.Amount == money.New(b.Total, b.Currency) {
		return true, nil
	}
	var left int64
	err := a.service.pool.NewRaw(`SELECT coalesce(sum(abs(amount)), 0)::bigint FROM payouts.payouts WHERE batch = ? AND status <> 'failed'`, b.ID).
		Scan(ctx, &left)
	if err != nil {
		return false, fmt.Errorf("sum up batch %s: %w", b.ID, err)
	}
	return r.Amount == money.New(left, b.Currency), nil
}

// moveAll turns the payouts of a batch that no report names, page by page.
func (a *application) moveAll(ctx context.Context, b Batch, to step, r rail.Report, from []Status) error {
	for after := ""; ; {
		n, moved, last := 0, 0, after
		err := db.InTx(ctx, a.service.pool, func(ctx context.Context, tx bun.Tx) error {
			found, err := lockBatchPayouts(ctx, tx, b.ID, after, from...)
			if err != nil {
				return err
			}
			var turns []turn
			for _, p := range found {
				if last = p.ID; !a.named[p.ID] {
					turns = append(turns, turn{p: p, to: to, trace: r.BankTrace, code: r.Code})
				}
			}
			if n, moved = len(found), len(turns); moved == 0 {
				return nil
			}
			return a.service.carry(ctx, tx, turns, a.now)
		})
		if err != nil {
			return err
		}
		if a.applied.Moved += moved; n < batch {
			return nil
		}
		after = last
	}
}

// lockAll holds payouts that are known to exist, in one order.
func lockAll(ctx context.Context, tx bun.Tx, ids []string) (map[string]*Payout, error) {
	var rows []payoutRow
	err := tx.NewSelect().Model(&rows).Where("p.id = ANY(?)", pgdialect.Array(ids)).OrderExpr("p.id").For("UPDATE").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock payouts: %w", err)
	}
	locked := make(map[string]*Payout, len(rows))
	for i := range rows {
		locked[rows[i].ID] = &rows[i].Payout
	}
	return locked, nil
}

// refuseBatch notes that the bank took nothing of a batch.
func (s *Service) refuseBatch(ctx context.Context, b string) error {
	_, err := s.pool.NewRaw(`UPDATE payouts.batches SET status = 'refused', try_at = NULL WHERE id = ? AND status <> 'open'
		AND NOT EXISTS (SELECT FROM payouts.payouts WHERE batch = ? AND status <> 'failed')`, b, b).Exec(ctx)
	if err != nil {
		return fmt.Errorf("refuse batch %s: %w", b, err)
	}
	return nil
}

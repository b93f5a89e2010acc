package report

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// maxTries is how often a report is tried before it has failed.
const maxTries = 3

// Work makes the reports that wait, one after the other, until none is left. One
// that cannot be made does not hold up the others: it is tried again, and has failed
// after maxTries.
func (s *Service) Work(ctx context.Context) error {
	var errs []error
	for last := ""; ctx.Err() == nil; {
		var waiting []runRow
		err := s.pool.NewSelect().Model(&waiting).Where("r.status = 'pending' AND r.id > ?", last).OrderExpr("r.id").Limit(1).Scan(ctx)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("find waiting reports: %w", err))...)
		}
		if len(waiting) == 0 {
			break
		}
		last = waiting[0].ID
		if err := s.make(ctx, last); err != nil {
			errs = append(errs, err, s.missed(ctx, last))
		}
	}
	return errors.Join(errs...)
}

// make reads everything in one snapshot, so that the report is true for one moment,
// and writes it with the run's end: all or nothing.
func (s *Service) make(ctx context.Context, run string) error {
	return db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"); err != nil {
			return fmt.Errorf("make report %s: %w", run, err)
		}
		var found []runRow
		err := tx.NewSelect().Model(&found).Where("r.id = ? AND r.status = 'pending'", run).For("UPDATE SKIP LOCKED").Scan(ctx)
		if err != nil || len(found) == 0 {
			return err // another process makes it
		}
		r := &found[0].Run
		out := &chunks{ctx: ctx, tx: tx, run: r.ID}
		if r.Rows, err = write(ctx, tx, r, out); err != nil {
			return fmt.Errorf("make report %s: %w", run, err)
		}
		if err := out.flush(); err != nil {
			return err
		}
		r.Status, r.Size, r.File, r.SucceededAt = Succeeded, out.size, id.New("file"), time.Now().UTC()
		return s.end(ctx, tx, r)
	})
}

// missed counts a try that failed.
func (s *Service) missed(ctx context.Context, run string) error {
	return db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		var rows []runRow
		err := tx.NewRaw("UPDATE payouts.report_runs SET tries = tries + 1 WHERE id = ? AND status = 'pending' RETURNING *", run).Scan(ctx, &rows)
		if err != nil || len(rows) == 0 || rows[0].Tries < maxTries {
			return err
		}
		r := &rows[0].Run
		r.Status, r.Error = Failed, "The report could not be made. Ask for it again; if that fails too, the operator's log says why."
		return s.end(ctx, tx, r)
	})
}

// end saves how a run ended and tells it.
func (s *Service) end(ctx context.Context, tx bun.Tx, r *Run) error {
	_, err := tx.NewUpdate().Model(&runRow{Run: *r}).Column("status", "error", "file", "rows", "size", "succeeded_at").Where("r.id = ?", r.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end report run: %w", err)
	}
	object, err := json.Marshal(r.Wire(""))
	if err != nil {
		return fmt.Errorf("render report run: %w", err)
	}
	kind := "reporting.report_run.succeeded"
	if r.Status == Failed {
		kind = "reporting.report_run.failed"
	}
	return s.events.Append(ctx, tx, event.Event{
		Type: kind, Account: r.Account, Platform: r.Platform, Livemode: r.Livemode,
		ObjectID: r.ID, ObjectVersion: 1, Object: object, CreatedAt: time.Now().UTC(),
	})
}

// write makes the CSV and counts its rows, the titles not among them.
func write(ctx context.Context, idb bun.IDB, r *Run, out *chunks) (rows int64, err error) {
	t, err := Find(r.Type)
	if err != nil {
		return 0, err
	}
	columns, err := t.choose(r.Columns)
	if err != nil {
		return 0, err
	}
	zone, err := time.LoadLocation(r.Timezone)
	if err != nil {
		return 0, err
	}
	w := csv.NewWriter(out)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.name
	}
	if err := w.Write(cells); err != nil {
		return 0, err
	}
	add := func(of row) error {
		rows++
		of.zone = zone
		for i, c := range columns {
			cells[i] = c.show(of)
		}
		return w.Write(cells)
	}
	sums := map[sumKey]*sum{}
	err = r.walk(t).Each(ctx, idb, func(found []*payouts.Payout) error {
		if t.grain == perPayout {
			for _, p := range found {
				if err := add(row{payout: p, currency: p.Currency}); err != nil {
					return err
				}
			}
			return nil
		}
		return eachLine(ctx, idb, found, func(p *payouts.Payout, line *balance.Transaction) error {
			category := balance.Category(line.Type)
			if r.Category != "" && r.Category != category {
				return nil
			}
			if t.grain == perLine {
				return add(row{payout: p, line: line, currency: line.Currency})
			}
			key := sumKey{category, line.Currency}
			if sums[key] == nil {
				sums[key] = &sum{}
			}
			sums[key].add(line)
			return nil
		})
	})
	for _, key := range inOrder(sums) {
		if err == nil {
			err = add(row{category: key.category, currency: key.currency, sum: *sums[key]})
		}
	}
	w.Flush()
	return rows, errors.Join(err, w.Error())
}

// eachLine goes through the lines of payouts, but for the payouts' own.
func eachLine(ctx context.Context, idb bun.IDB, found []*payouts.Payout, fn func(*payouts.Payout, *balance.Transaction) error) error {
	ids, byID := make([]string, len(found)), make(map[string]*payouts.Payout, len(found))
	for i, p := range found {
		ids[i], byID[p.ID] = p.ID, p
	}
	lines, err := balance.InPayouts(ctx, idb, ids)
	if err != nil {
		return err
	}
	for i := range lines {
		p := byID[lines[i].Payout]
		if lines[i].Source == p.ID && payouts.OwnLine(lines[i].Type) {
			continue
		}
		if err := fn(p, &lines[i]); err != nil {
			return err
		}
	}
	return nil
}

type sumKey struct {
	category string
	currency money.Currency
}

func (s *sum) add(line *balance.Transaction) {
	s.count++
	s.gross += line.Amount
	s.fee += line.Fee
	s.net += line.Net
}

func inOrder(sums map[sumKey]*sum) []sumKey {
	keys := make([]sumKey, 0, len(sums))
	for key := range sums {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].currency != keys[j].currency {
			return keys[i].currency < keys[j].currency
		}
		return keys[i].category < keys[j].category
	})
	return keys
}

// chunks cuts what is written into rows of payouts.report_chunks.
type chunks struct {
	ctx   context.Context
	tx    bun.Tx
	run   string
	place int
	size  int64
	buf   []byte
}

func (c *chunks) Write(p []byte) (int, error) {
	c.buf = append(c.buf, p...)
	if len(c.buf) < chunkSize {
		return len(p), nil
	}
	return len(p), c.flush()
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	_, err := c.tx.NewInsert().Model(&chunkRow{Run: c.run, Place: c.place, Content: c.buf}).Exec(c.ctx)
	if err != nil {
		return fmt.Errorf("write report %s: %w", c.run, err)
	}
	c.size += int64(len(c.buf))
	c.place++
	c.buf = c.buf[:0]
	return nil
}

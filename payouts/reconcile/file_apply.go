package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Why a line is open. Applier has reasons of its own.
const (
	noReference      = "it carries no reference of a payout or a batch"
	unknownReference = "no payout or batch has its reference"
	undoesPayment    = "it undoes an entry that is no payment of the payout"
	otherCurrency    = "its currency differs from the payout's"
	severalRails     = "several rails have the trace"
)

// ours finds what we have called payouts and batches in the text of a line. Some
// formats have no underscore and are written with a hyphen.
var ours = regexp.MustCompile(`\b(po|bat)[_-][0-9A-Za-z]{22}`)

// find takes our references out of a line's text, where its fields have none.
func find(l *Line, remittance secret.Text) {
	l.EndToEnd, l.Batch = original(l.EndToEnd), original(l.Batch)
	if ours.MatchString(l.EndToEnd) || ours.MatchString(l.Batch) {
		return
	}
	found := ours.FindAllString(remittance.Reveal(), 3)
	for i := range found {
		found[i] = original(found[i])
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != 1 {
		return // none, or several: then it is about none of them alone
	}
	if found[0][0] == 'p' {
		l.EndToEnd = found[0]
	} else {
		l.Batch = found[0]
	}
}

// original is an id of ours as we write it; anything else stays as it is.
func original(reference string) string {
	if at := ours.FindStringIndex(reference); at != nil && at[0] == 0 && at[1] == len(reference) {
		return strings.Replace(reference, "-", "_", 1)
	}
	return reference
}

// applyAtOnce bounds how many lines payouts hear of at a time.
const applyAtOnce = 500

type lineRow struct {
	bun.BaseModel `bun:"table:payouts.statement_lines,alias:l"`
	Line
	N int64
}

// apply tells payouts what the lines of a file say, from where it has stopped before.
func (b *Books) apply(ctx context.Context, f File) error {
	for {
		var rows []lineRow
		err := b.pool.NewSelect().Model(&rows).Where("l.file = ? AND l.n > ?", f.ID, f.Applied).OrderExpr("l.n").Limit(applyAtOnce).Scan(ctx)
		if err != nil {
			return fmt.Errorf("read statement lines: %w", err)
		}
		verdicts, err := b.judge(ctx, f, rows)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			f.Applied = rows[len(rows)-1].N
		}
		f.Done = len(rows) < applyAtOnce
		if err := b.note(ctx, f, rows, verdicts); err != nil {
			return err
		}
		if f.Done {
			return nil
		}
	}
}

// verdict is what became of a line.
type verdict struct {
	payout, batch string
	state         string
	reason        string
}

// told is a line as a report to a rail.
type told struct {
	line   int
	report rail.Report
}

func (b *Books) judge(ctx context.Context, f File, rows []lineRow) ([]verdict, error) {
	known, err := b.resolve(ctx, f, rows)
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	byRail := map[string][]told{}
	for i := range rows {
		l := &rows[i].Line
		way, report, reason := known.report(l)
		switch {
		case reason != "":
			verdicts[i].reason = reason
		case f.Rail != "" && f.Rail != way:
			verdicts[i].reason = unknownReference
		case l.Code == noticeCode:
			if report.Change, err = b.openNotice(*l); err != nil {
				return nil, err
			}
			report.State, report.Code = rail.Unknown, ""
			byRail[way] = append(byRail[way], told{i, report})
		default:
			byRail[way] = append(byRail[way], told{i, report})
		}
	}
	now := b.cfg.Clocks.For(f.Livemode).Now()
	for way, all := range byRail {
		reports := make([]rail.Report, len(all))
		for n, t := range all {
			reports[n] = t.report
		}
		applied, err := b.cfg.Payouts.Apply(ctx, f.Livemode, way, reports, now)
		if err != nil {
			return nil, fmt.Errorf("apply bank statement: %w", err)
		}
		for n, t := range all {
			verdicts[t.line] = verdict{payout: applied.Payouts[n], state: t.report.State.String()}
			if t.report.Change != nil {
				verdicts[t.line].state = noticed
			}
			if applied.Payouts[n] == "" {
				verdicts[t.line].batch = t.report.Batch
			}
		}
		for _, u := range applied.Unmatched {
			verdicts[all[u.Index].line] = verdict{reason: u.Reason}
		}
	}
	return verdicts, nil
}

// references is what the lines of a page may be about.
type references struct {
	payouts map[string]payoutRef
	batches map[string]string   // their rails
	traces  map[string][]string // rails
}

type payoutRef struct {
	ID       string
	Rail     string
	Amount   int64
	Currency money.Currency
}

// resolve looks references up among the payouts that the file may tell of.
func (b *Books) resolve(ctx context.Context, f File, rows []lineRow) (references, error) {
	r := references{payouts: map[string]payoutRef{}, batches: map[string]string{}, traces: map[string][]string{}}
	var ends, batches, traces []string
	for i := range rows {
		l := &rows[i].Line
		for _, r := range []struct {
			reference string
			list      *[]string
		}{{l.EndToEnd, &ends}, {l.Trace, &traces}, {l.Batch, &batches}} {
			if r.reference != "" {
				*r.list = append(*r.list, r.reference)
			}
		}
	}
	var payouts []payoutRef
	err := b.pool.NewRaw(`SELECT id, rail, amount, currency FROM payouts.payouts WHERE id = ANY(?) AND livemode = ? AND (platform = ? OR ? = '')`,
		pgdialect.Array(ends), f.Livemode, f.Platform, f.Platform).Scan(ctx, &payouts)
	if err != nil {
		return r, fmt.Errorf("find payouts of a statement: %w", err)
	}
	for _, p := range payouts {
		r.payouts[p.ID] = p
	}
	var named []struct{ Name, Rail string }
	err = b.pool.NewRaw(`SELECT id AS name, rail FROM payouts.batches WHERE id = ANY(?) AND livemode = ? AND (platform = ? OR ? = '')`,
		pgdialect.Array(batches), f.Livemode, f.Platform, f.Platform).Scan(ctx, &named)
	if err != nil {
		return r, fmt.Errorf("find batches of a statement: %w", err)
	}
	for _, n := range named {
		r.batches[n.Name] = n.Rail
	}
	named = named[:0]
	err = b.pool.NewRaw(`SELECT DISTINCT i.trace AS name, b.rail FROM payouts.batch_items i JOIN payouts.batches b ON b.id = i.batch
		WHERE i.trace = ANY(?) AND b.livemode = ? AND (b.platform = ? OR ? = '') AND (b.rail = ? OR ? = '')`,
		pgdialect.Array(traces), f.Livemode, f.Platform, f.Platform, f.Rail, f.Rail).Scan(ctx, &named)
	if err != nil {
		return r, fmt.Errorf("find traces of a statement: %w", err)
	}
	for _, n := range named {
		r.traces[n.Name] = append(r.traces[n.Name], n.Rail)
	}
	return r, nil
}

// report turns a line into a report to a rail, or says why it stays open.
func (r references) report(l *Line) (way string, report rail.Report, reason string) {
	report = rail.Report{BankTrace: cmp.Or(l.Bank, l.External), Reason: l.BankCode, At: l.Booked}
	if l.Amount != 0 {
		report.Amount = money.New(max(l.Amount, -l.Amount), l.Currency)
	}
	payout, direct := r.payouts[l.EndToEnd]
	rails := r.traces[l.Trace]
	switch {
	case direct:
		way, report.Reference = payout.Rail, payout.ID
	case len(rails) == 1:
		way, report.Trace = rails[0], l.Trace
	case len(rails) > 1:
		return "", report, severalRails
	case l.Part == 0 && r.batches[l.Batch] != "":
		way, report.Batch = r.batches[l.Batch], l.Batch
	case l.EndToEnd == "" && l.Batch == "" && l.Trace == "":
		return "", report, noReference
	default:
		return "", report, unknownReference
	}
	if l.Statement == 0 {
		return way, stated(report, l), ""
	}
	// Money out pays a payout; for one that takes money, money in does.
	paying := l.Amount < 0
	if direct && payout.Amount < 0 {
		paying = l.Amount > 0
	}
	switch {
	case direct && l.Amount != 0 && l.Currency != payout.Currency:
		return "", report, otherCurrency
	case l.Amount == 0:
		paying = !l.Returned
	case paying && l.Returned:
		return "", report, undoesPayment
	}
	report.State = rail.Paid
	if !paying {
		report.State, report.Code = rail.Failed, rail.CodeOf(l.BankCode)
	} else {
		report.Reason = ""
	}
	return way, report, ""
}

// stated is a report that a bank's own file has made.
func stated(report rail.Report, l *Line) rail.Report {
	report.State, report.Code = rail.Failed, l.Code
	switch l.BankCode {
	case rail.Accepted.String():
		report.State, report.Reason = rail.Accepted, ""
	case rail.Paid.String():
		report.State, report.Reason = rail.Paid, ""
	}
	if !l.Returned && report.State == rail.Failed {
		report.State = rail.Unknown
	}
	if report.State == rail.Failed && report.Code == "" {
		report.Code = rail.CodeOf(l.BankCode)
	}
	return report
}

// note writes down what became of lines, and how far payouts have heard of the file.
func (b *Books) note(ctx context.Context, f File, rows []lineRow, verdicts []verdict) error {
	now := b.cfg.Clocks.For(f.Livemode).Now()
	var lines, payouts, batches, states, open, reasons []string
	for i := range rows {
		switch v := verdicts[i]; {
		case v.reason == "":
			lines, payouts, batches, states = append(lines, rows[i].ID), append(payouts, v.payout), append(batches, v.batch), append(states, v.state)
		case rows[i].Status == Open && rows[i].Reason != v.reason:
			open, reasons = append(open, rows[i].ID), append(reasons, v.reason)
		}
	}
	return db.InTx(ctx, b.pool, func(ctx context.Context, tx bun.Tx) error {
		for _, step := range []struct {
			sql  string
			args []any
		}{
			{`INSERT INTO payouts.statement_matches (line, payout, batch, state, created_at)
				SELECT m.line, m.payout, m.batch, m.state, ? FROM unnest(?::text[], ?::text[], ?::text[], ?::text[]) AS m (line, payout, batch, state)
				ON CONFLICT (line) DO NOTHING`,
				[]any{now, pgdialect.Array(lines), pgdialect.Array(payouts), pgdialect.Array(batches), pgdialect.Array(states)}},
			{`UPDATE payouts.statement_lines l SET status = 'matched', payout = m.payout, reason = ''
				FROM unnest(?::text[], ?::text[]) AS m (line, payout) WHERE l.id = m.line`, []any{pgdialect.Array(lines), pgdialect.Array(payouts)}},
			{`UPDATE payouts.statement_lines l SET reason = m.reason
				FROM unnest(?::text[], ?::text[]) AS m (line, reason) WHERE l.id = m.line`, []any{pgdialect.Array(open), pgdialect.Array(reasons)}},
			{`UPDATE payouts.statement_files SET applied = ?, done = ? WHERE id = ?`, []any{f.Applied, f.Done, f.ID}},
		} {
			if _, err := tx.NewRaw(step.sql, step.args...).Exec(ctx); err != nil {
				return fmt.Errorf("note what became of statement lines: %w", err)
			}
		}
		return nil
	})
}

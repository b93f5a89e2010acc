// Package audit proves the ledger from its rows alone: sums, totals, digests,
// the chain over them, statement lines and payouts.
package audit

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"
)

// Finding is one thing that is wrong. Entry, Account and Payout name the
// culprit as closely as the rows allow; zero if it cannot be said.
type Finding struct {
	Check   string // the rule that is broken: "entry_zero_sum", "account_totals", …
	Entry   int64
	Account string // owner/kind/currency
	Payout  string
	Detail  string
}

func (f Finding) String() string {
	s := f.Check
	if f.Entry != 0 {
		s += fmt.Sprintf(" entry %d", f.Entry)
	}
	if f.Account != "" {
		s += " account " + f.Account
	}
	if f.Payout != "" {
		s += " payout " + f.Payout
	}
	return s + ": " + f.Detail
}

// Report is what Verify saw.
type Report struct {
	Batches, Entries, Postings, Lines int64
	Sealed                            int64 // batches in the chain
	Findings                          []Finding
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// maxFindings bounds a report; a ledger that is wrong in more places is not
// explained by a longer list.
const maxFindings = 100

// Progress hears how many of all batches have been read.
type Progress func(done, all int64)

// Verify reads the whole ledger in one snapshot, so that postings made
// meanwhile do not look like errors, and reports what does not hold.
// progress may be nil. The error is only for failing to read.
func Verify(ctx context.Context, pool *bun.DB, progress Progress) (Report, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Report{}, fmt.Errorf("verify ledger: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // read only: nothing to lose
	// A whole ledger takes longer to read than a request may.
	if _, err := tx.NewRaw(`SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`).Exec(ctx); err != nil {
		return Report{}, fmt.Errorf("verify ledger: %w", err)
	}
	v := &verifier{tx: tx, progress: progress}
	for _, step := range []func(context.Context) error{v.batches, v.chain, v.strays, v.totals, v.checkpoints, v.funds, v.places, v.payouts} {
		if err := step(ctx); err != nil {
			return v.report, fmt.Errorf("verify ledger: %w", err)
		}
	}
	return v.report, nil
}

type verifier struct {
	tx       bun.Tx
	progress Progress
	report   Report
}

func (v *verifier) found(f Finding) {
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, f)
	}
}

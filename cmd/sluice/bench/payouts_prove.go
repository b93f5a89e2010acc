package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Proof is what must hold after everybody was paid. The numbers of what is wrong are 0.
type Proof struct {
	Paid     int64 `json:"paid"`     // minor units, by the payouts
	Attached int64 `json:"attached"` // minor units, by the lines that they consist of
	Missing  int64 `json:"accounts_not_paid_once"`
	Uneven   int64 `json:"payouts_that_do_not_sum_to_zero"`
	Free     int64 `json:"lines_left"`
	Lines    int64 `json:"lines"` // attached, without the payouts' own
}

func (b Books) prove(ctx context.Context, progress io.Writer, o payoutOptions) (p Proof, err error) {
	fmt.Fprintln(progress, "  … verifying")
	var once int64
	for _, question := range []struct {
		into *int64
		ask  string
	}{
		{&once, `SELECT count(*) FROM (SELECT FROM payouts.payouts GROUP BY account HAVING count(*) = 1) AS paid`},
		{&p.Paid, `SELECT coalesce(sum(amount), 0)::bigint FROM payouts.payouts`},
		{&p.Attached, `SELECT coalesce(sum(net), 0)::bigint FROM ledger.payout_lines WHERE type <> 'payout'`},
		{&p.Lines, `SELECT count(*) FROM ledger.payout_lines WHERE type <> 'payout'`},
		{&p.Uneven, `SELECT count(*) FROM (SELECT FROM ledger.payout_lines GROUP BY payout HAVING sum(net) <> 0) AS uneven`},
		{&p.Free, `SELECT count(*) FROM ledger.statement_lines WHERE payout IS NULL AND account IN (SELECT account FROM payouts.payouts)`},
	} {
		if err := b.Pool.NewRaw(question.ask).Scan(ctx, question.into); err != nil {
			return p, fmt.Errorf("verify payouts: %w", err)
		}
	}
	p.Missing = int64(o.accounts) - once
	return p, nil
}

func (p Proof) verdict() error {
	if p.Missing != 0 || p.Uneven != 0 || p.Free != 0 || p.Paid != p.Attached {
		return errors.New("the payouts do not hold: see proof")
	}
	return nil
}

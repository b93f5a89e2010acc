package audit

import (
	"bytes"
	"context"
	"fmt"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// chunk is how many batches are read at a time.
const chunk = 200

type batchRow struct {
	ID         int64
	FirstEntry int64
	LastEntry  int64
	Digest     []byte
	Position   int64
	Link       []byte
}

// batches recomputes every batch from its rows and checks each of its entries.
func (v *verifier) batches(ctx context.Context) error {
	var all int64
	if err := v.tx.NewRaw(`SELECT count(*) FROM ledger.batches`).Scan(ctx, &all); err != nil {
		return err
	}
	for last := int64(0); ; {
		var rows []batchRow
		err := v.tx.NewRaw(`SELECT id, first_entry, last_entry, digest FROM ledger.batches WHERE id > ? ORDER BY id LIMIT ?`,
			last, chunk).Scan(ctx, &rows)
		if err != nil || len(rows) == 0 {
			return err
		}
		records, err := ledger.Records(ctx, v.tx, rows[0].FirstEntry, rows[len(rows)-1].LastEntry)
		if err != nil {
			return err
		}
		for _, row := range rows {
			n := 0
			for n < len(records) && records[n].ID <= row.LastEntry {
				n++
			}
			v.batch(row, records[:n])
			records = records[n:]
		}
		last = rows[len(rows)-1].ID
		v.report.Batches += int64(len(rows))
		v.progress(v.report.Batches, all)
	}
}

func (v *verifier) batch(row batchRow, records []ledger.Record) {
	for _, r := range records {
		v.report.Entries++
		v.report.Postings += int64(len(r.Postings))
		v.report.Lines += int64(len(r.Lines))
		v.entry(r)
	}
	if !bytes.Equal(ledger.Digest(row.ID, records), row.Digest) {
		v.found(Finding{Check: "batch_digest", Entry: row.FirstEntry,
			Detail: fmt.Sprintf("batch %d (entries %d to %d) is not what was written", row.ID, row.FirstEntry, row.LastEntry)})
	}
}

// entry checks that the postings sum to zero and that the statement lines tell
// what the postings did to each owner's money.
func (v *verifier) entry(r ledger.Record) {
	type purse struct {
		owner    string
		livemode bool
		currency string
	}
	sums := make(map[money.Currency]int64)
	untold := make(map[purse]int64)
	for _, p := range r.Postings {
		sums[p.Place.Currency] += p.Amount
		if k := p.Place.Account.Kind; k == ledger.Pending || k == ledger.Available {
			untold[purse{p.Place.Account.Owner, p.Place.Account.Livemode, string(p.Place.Currency)}] -= p.Amount
		}
	}
	for _, l := range r.Lines {
		untold[purse{l.Account, l.Livemode, l.Currency}] -= l.Amount - l.Fee
	}
	for currency, sum := range sums {
		if sum != 0 {
			v.found(Finding{Check: "entry_zero_sum", Entry: r.ID,
				Detail: fmt.Sprintf("%s of %s sums to %d %s", r.Kind, r.Source, sum, currency)})
		}
	}
	for p, rest := range untold {
		if rest != 0 {
			v.found(Finding{Check: "entry_lines", Entry: r.ID, Account: p.owner + "/" + p.currency,
				Detail: fmt.Sprintf("%d moved without a statement line", rest)})
		}
	}
}

// chain follows the sealed batches from the first link.
func (v *verifier) chain(ctx context.Context) error {
	previous := genesis()
	for {
		var rows []batchRow
		err := v.tx.NewRaw(`SELECT id, digest, position, link FROM ledger.batches WHERE position > ? ORDER BY position LIMIT ?`,
			v.report.Sealed, 10*chunk).Scan(ctx, &rows)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			v.report.Sealed++
			if row.Position != v.report.Sealed {
				v.found(Finding{Check: "chain", Entry: row.ID * ledger.MaxEntries,
					Detail: fmt.Sprintf("link %d is missing before batch %d", v.report.Sealed, row.ID)})
				v.report.Sealed = row.Position
			} else if !bytes.Equal(row.Link, link(previous, row.Position, row.ID, row.Digest)) {
				v.found(Finding{Check: "chain", Entry: row.ID * ledger.MaxEntries,
					Detail: fmt.Sprintf("link %d (batch %d) does not follow from the one before", row.Position, row.ID)})
			}
			previous = row.Link
		}
	}
}

// strays finds rows that no batch answers for.
func (v *verifier) strays(ctx context.Context) error {
	for _, table := range []struct {
		name, column string
		counted      int64
	}{
		{"postings", "entry_id", v.report.Postings},
		{"balance_transactions", "entry_id", v.report.Lines},
		{"entries", "id", v.report.Entries},
	} {
		var all int64
		if err := v.tx.NewRaw(`SELECT count(*) FROM ledger.`+table.name).Scan(ctx, &all); err != nil {
			return err
		}
		if all == table.counted {
			continue
		}
		var stray []int64
		err := v.tx.NewRaw(`SELECT DISTINCT s.`+table.column+` FROM ledger.`+table.name+` s
			WHERE NOT EXISTS (SELECT FROM ledger.batches b JOIN ledger.entries e ON e.id BETWEEN b.first_entry AND b.last_entry
				WHERE b.id = s.`+table.column+` / 1024 AND e.id = s.`+table.column+`)
			ORDER BY 1 LIMIT 10`).Scan(ctx, &stray)
		if err != nil {
			return err
		}
		for _, entry := range stray {
			v.found(Finding{Check: "stray", Entry: entry, Detail: "rows in " + table.name + " that no batch wrote"})
		}
		if len(stray) == 0 {
			v.found(Finding{Check: "stray", Detail: fmt.Sprintf("%s has %d rows, batches account for %d", table.name, all, table.counted)})
		}
	}
	return nil
}

// totals compares each account with the sum of its postings.
func (v *verifier) totals(ctx context.Context) error {
	var wrong []struct {
		Account               string
		Debits, Credits       string
		Version               int64
		PostedDebits          string
		PostedCredits, Posted string
	}
	err := v.tx.NewRaw(`
		WITH posted AS (
			SELECT account_id, currency, count(*) AS n,
				coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debits,
				coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credits
			FROM ledger.postings GROUP BY account_id, currency
		)
		SELECT coalesce(a.owner || '/' || a.kind || '/' || a.currency, 'number ' || p.account_id) AS account,
			coalesce(a.debits, 0)::text AS debits, coalesce(a.credits, 0)::text AS credits, coalesce(a.version, 0) AS version,
			coalesce(p.debits, 0)::text AS posted_debits, coalesce(p.credits, 0)::text AS posted_credits, coalesce(p.n, 0)::text AS posted
		FROM ledger.accounts a FULL JOIN posted p ON p.account_id = a.id AND p.currency = a.currency
		WHERE (coalesce(a.debits, 0), coalesce(a.credits, 0), coalesce(a.version, 0))
			IS DISTINCT FROM (coalesce(p.debits, 0), coalesce(p.credits, 0), coalesce(p.n, 0))
		ORDER BY 1 LIMIT ?`, maxFindings).Scan(ctx, &wrong)
	for _, w := range wrong {
		v.found(Finding{Check: "account_totals", Account: w.Account, Detail: fmt.Sprintf(
			"says debits %s credits %s in %d postings, has debits %s credits %s in %s",
			w.Debits, w.Credits, w.Version, w.PostedDebits, w.PostedCredits, w.Posted)})
	}
	return err
}

// checkpoints compares what is noted of each account's past with its postings.
func (v *verifier) checkpoints(ctx context.Context) error {
	var wrong []struct {
		Account string
		EntryID int64
	}
	err := v.tx.NewRaw(`
		SELECT coalesce(a.owner || '/' || a.kind || '/' || a.currency, 'number ' || s.account_id) AS account, s.entry_id
		FROM (
			SELECT c.*, lag(c.entry_id, 1, 0::bigint) OVER w AS since, c.postings - lag(c.postings, 1, 0::bigint) OVER w AS n,
				c.debits - lag(c.debits, 1, 0::bigint) OVER w AS d, c.credits - lag(c.credits, 1, 0::bigint) OVER w AS k
			FROM ledger.checkpoints c WINDOW w AS (PARTITION BY c.account_id ORDER BY c.entry_id)
		) s
		CROSS JOIN LATERAL (
			SELECT count(*) AS n, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS d, coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS k
			FROM ledger.postings p WHERE p.account_id = s.account_id AND p.entry_id > s.since AND p.entry_id <= s.entry_id
		) p
		LEFT JOIN ledger.accounts a ON a.id = s.account_id
		WHERE (s.n, s.d, s.k) IS DISTINCT FROM (p.n, p.d, p.k) ORDER BY s.account_id, s.entry_id LIMIT ?`, maxFindings).Scan(ctx, &wrong)
	for _, w := range wrong {
		v.found(Finding{Check: "checkpoint", Entry: w.EntryID, Account: w.Account, Detail: "what is noted of the account's totals is not what was posted"})
	}
	return err
}

// funds compares the available balance with the free available lines, the
// pending balance with what is to mature, and what is on hold with the lines
// that put it there and took it back.
func (v *verifier) funds(ctx context.Context) error {
	var wrong []struct{ Account, Balance, Lines string }
	err := v.tx.NewRaw(`
		WITH free AS (
			SELECT account, livemode, currency, sum(net) AS net FROM ledger.free_lines
			GROUP BY 1, 2, 3
		), maturing AS (
			SELECT a.owner, a.livemode, a.currency, sum(m.amount) AS net
			FROM ledger.maturities m JOIN ledger.accounts a ON a.id = m.account_id GROUP BY 1, 2, 3
		), held AS (
			SELECT account, livemode, currency, -sum(net) AS net
			FROM ledger.balance_transactions WHERE type IN ('reserve_hold', 'reserve_release') GROUP BY 1, 2, 3
		), expected AS (
			SELECT account AS owner, livemode, currency, 'available' AS kind, net FROM free
			UNION ALL SELECT owner, livemode, currency, 'pending', net FROM maturing
			UNION ALL SELECT account, livemode, currency, 'held', net FROM held
		)
		SELECT owner || '/' || kind || '/' || currency AS account,
			coalesce(a.credits - a.debits, 0)::text AS balance, coalesce(e.net, 0)::text AS lines
		FROM (SELECT * FROM ledger.accounts WHERE kind IN ('pending', 'available', 'held')) a
		FULL JOIN expected e USING (owner, livemode, currency, kind)
		WHERE coalesce(a.credits - a.debits, 0) <> coalesce(e.net, 0)
		ORDER BY 1 LIMIT ?`, maxFindings).Scan(ctx, &wrong)
	for _, w := range wrong {
		v.found(Finding{Check: "funds_lines", Account: w.Account,
			Detail: fmt.Sprintf("balance is %s, its lines say %s", w.Balance, w.Lines)})
	}
	return err
}

// places checks that each line was booked where its words say.
func (v *verifier) places(ctx context.Context) error {
	var wrong []struct {
		ID      string
		EntryID int64
		Account string
	}
	err := v.tx.NewRaw(`
		SELECT t.id, t.entry_id, t.account || '/' || t.currency AS account
		FROM ledger.balance_transactions t LEFT JOIN ledger.accounts a ON a.id = t.account_id
		WHERE (a.owner, a.livemode, a.currency, a.kind)
			IS DISTINCT FROM (t.account, t.livemode, t.currency, CASE WHEN t.pending THEN 'pending' ELSE 'available' END)
		ORDER BY t.entry_id LIMIT ?`, maxFindings).Scan(ctx, &wrong)
	for _, w := range wrong {
		v.found(Finding{Check: "line_place", Entry: w.EntryID, Account: w.Account, Detail: w.ID + " is on another account than it says"})
	}
	return err
}

// payouts checks that the lines of each payout sum to zero, and that no two payouts
// span the same lines.
func (v *verifier) payouts(ctx context.Context) error {
	var wrong []struct{ Payout, Sum string }
	err := v.tx.NewRaw(`
		SELECT payout, sum(net)::text AS sum FROM ledger.payout_lines
		GROUP BY payout HAVING sum(net) <> 0 ORDER BY 1 LIMIT ?`, maxFindings).Scan(ctx, &wrong)
	for _, w := range wrong {
		v.found(Finding{Check: "payout_sum", Payout: w.Payout, Detail: "its lines sum to " + w.Sum + " instead of zero"})
	}
	if err != nil {
		return err
	}
	var shared []struct{ Payout, Other string }
	err = v.tx.NewRaw(`
		SELECT payout, other FROM (
			SELECT payout, after, lag(payout) OVER w AS other, lag(through) OVER w AS taken FROM ledger.payout_spans
			WINDOW w AS (PARTITION BY account_id ORDER BY through)
		) AS s WHERE after < taken ORDER BY 1 LIMIT ?`, maxFindings).Scan(ctx, &shared)
	for _, s := range shared {
		v.found(Finding{Check: "payout_lines", Payout: s.Payout, Detail: "it shares lines with " + s.Other})
	}
	return err
}

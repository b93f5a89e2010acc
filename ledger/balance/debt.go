package balance

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// Debt is a purse that owes: its available balance is negative.
type Debt struct {
	Purse
	Amount int64 // positive
	Since  time.Time
}

// debtsSQL walks back through the entries of each debtor until it finds the one
// before which nothing was owed. What a debit is fetching is still owed (it is
// negative in_transit until the bank has paid): a debit that fails does not make
// an old debt young. Nothing is stored, so nothing can disagree with the books.
const debtsSQL = `
WITH debtors AS (
	SELECT a.id, a.owner, a.currency, a.credits - a.debits AS available, t.id AS transit, coalesce(t.credits - t.debits, 0) AS moving
	FROM ledger.accounts a LEFT JOIN ledger.accounts t
		ON t.owner = a.owner AND t.livemode = a.livemode AND t.currency = a.currency AND t.kind = 'in_transit'
	WHERE a.kind = 'available' AND a.livemode = ? AND a.debits > a.credits
)
SELECT d.owner AS account, d.currency, -d.available AS amount, began.since
FROM debtors d CROSS JOIN LATERAL (
	SELECT e.occurred_at AS since
	FROM (
		SELECT entry_id, d.available + sum(own) OVER w AS available_before, d.moving + sum(moved) OVER w AS moving_before
		FROM (
			SELECT entry_id, sum(own) AS own, sum(moved) AS moved FROM (
				SELECT entry_id, amount AS own, 0 AS moved FROM ledger.postings WHERE account_id = d.id
				UNION ALL
				SELECT entry_id, 0, amount FROM ledger.postings WHERE account_id = d.transit
			) postings GROUP BY entry_id
		) entries
		WINDOW w AS (ORDER BY entry_id DESC)
	) steps JOIN ledger.entries e ON e.id = steps.entry_id
	WHERE available_before >= 0 AND moving_before >= 0
	ORDER BY steps.entry_id DESC LIMIT 1
) began
ORDER BY began.since, d.owner, d.currency`

// Debts lists who owes in a mode, the oldest debt first.
func Debts(ctx context.Context, idb bun.IDB, livemode bool) ([]Debt, error) {
	var rows []struct {
		Account  string
		Currency money.Currency
		Amount   int64
		Since    time.Time
	}
	if err := idb.NewRaw(debtsSQL, livemode).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list debts: %w", err)
	}
	debts := make([]Debt, len(rows))
	for i, r := range rows {
		debts[i] = Debt{Purse: Purse{Livemode: livemode, Account: r.Account, Currency: r.Currency}, Amount: r.Amount, Since: r.Since.UTC()}
	}
	return debts, nil
}

// DebtLimit is after how long the platform pays what one of its accounts owes.
const DebtLimit = 180 * 24 * time.Hour

// Collect has the platform pay what a purse owes, out of its reserve, and returns
// how much that was. Rows are locked and read after the lock, so any number of
// processes may collect at once.
func Collect(ctx context.Context, tx bun.Tx, book *ledger.Book, debtor Purse, platform string, at time.Time) (int64, error) {
	payer := Purse{Livemode: debtor.Livemode, Account: platform, Currency: debtor.Currency}
	if err := book.Lock(ctx, tx, payer.place(ledger.Available), payer.place(ledger.Reserved), debtor.place(ledger.Available)); err != nil {
		return 0, err
	}
	owes, err := In(ctx, tx, debtor)
	if err != nil {
		return 0, err
	}
	owed := min(-owes.Available, money.MaxMinor) // the rest follows next time
	if owed <= 0 {
		return 0, nil
	}
	has, err := In(ctx, tx, payer)
	if err != nil {
		return 0, err
	}
	entry := journal.DebtCollected(journal.Collection{
		ID: id.New("cct"), Livemode: debtor.Livemode, Platform: platform, Debtor: debtor.Account,
		Amount: money.New(owed, debtor.Currency), Reserved: max(0, min(owed, has.Reserved)), At: at,
	}, func() string { return id.New("txn") })
	results, err := book.Post(ctx, tx, entry)
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return 0, fmt.Errorf("collect what %s owes: %w", debtor.Account, err)
	}
	return owed, nil
}

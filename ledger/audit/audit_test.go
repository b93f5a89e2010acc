package audit_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newID() string { return id.New("txn") }

// market is a small marketplace with a bit of everything in three currencies.
func market(t *testing.T) *bun.DB {
	t.Helper()
	pool, book := dbtest.New(t), ledger.NewBook()
	for i, currency := range []money.Currency{"hkd", "jpy", "kwd"} {
		n := strconv.Itoa(i)
		charge := journal.Charge{ID: "ch_" + n, Owner: "acct_p", Platform: "acct_p", Amount: money.New(60005, currency),
			ProcessingFee: 2340, At: noon, MaturesOn: noon.AddDate(0, 0, 2),
			Legs: []journal.Leg{{Transfer: "tr_" + n, Payment: "py_" + n, Destination: "acct_c", Amount: 60005, ApplicationFee: 6001, FeeID: "fee_" + n, Application: "ca_1"}}}
		refund := journal.Refund{ID: "re_" + n, Owner: "acct_p", Platform: "acct_p", Amount: money.New(1001, currency), At: noon,
			MaturesOn: noon.AddDate(0, 0, 2)}
		later := noon.AddDate(0, 0, 2)
		payout := journal.Payout{ID: "po_" + n, Account: "acct_c", Platform: "acct_p", Amount: money.New(50000, currency), At: later}
		in(t, pool, func(ctx context.Context, tx bun.Tx) error {
			return post(ctx, tx, book, journal.ChargeSucceeded(charge, newID), journal.Refunded(refund, newID))
		})
		in(t, pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := balance.Mature(ctx, tx, book, false, later, 100)
			return err
		})
		in(t, pool, func(ctx context.Context, tx bun.Tx) error {
			if err := post(ctx, tx, book, journal.PayoutCreated(payout, newID)); err != nil {
				return err
			}
			_, err := balance.Attach(ctx, tx, book, balance.Payout{
				Purse: balance.Purse{Account: "acct_c", Currency: currency}, ID: payout.ID, Amount: 50000, At: later, NewID: newID})
			return err
		})
	}
	if _, err := audit.Seal(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	return pool
}

func in(t *testing.T, pool *bun.DB, fn func(ctx context.Context, tx bun.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), pool, fn); err != nil {
		t.Fatal(err)
	}
}

func post(ctx context.Context, tx bun.Tx, book *ledger.Book, entries ...ledger.Entry) error {
	results, err := book.Post(ctx, tx, entries...)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func verify(t *testing.T, pool *bun.DB) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAnHonestLedgerVerifies(t *testing.T) {
	pool := market(t)
	report := verify(t, pool)
	if !report.OK() || report.Entries != 18 || report.Batches != 12 || report.Sealed != 12 {
		t.Fatalf("%+v", report)
	}
}

// Each case is done by somebody who owns the database and has switched the guards off.
func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		checks    []string // each must be among the findings
		account   string   // named by one of them
	}{
		"a posting changed": {`UPDATE ledger.postings SET amount = amount - 1 WHERE (entry_id, line) = (SELECT entry_id, line FROM ledger.postings p JOIN ledger.accounts a ON a.id = p.account_id
			WHERE a.owner = 'acct_c' AND a.kind = 'pending' AND a.currency = 'hkd' LIMIT 1)`,
			[]string{"entry_zero_sum", "entry_lines", "batch_digest", "account_totals"}, "acct_c/pending/hkd"},
		"postings swapped between owners": {`UPDATE ledger.postings SET account_id = (SELECT id FROM ledger.accounts WHERE owner = 'acct_p' AND kind = 'available' AND currency = 'jpy')
			WHERE account_id = (SELECT id FROM ledger.accounts WHERE owner = 'acct_c' AND kind = 'available' AND currency = 'jpy')`,
			[]string{"entry_lines", "batch_digest", "account_totals"}, "acct_c/available/jpy"},
		"an entry deleted": {`WITH gone AS (DELETE FROM ledger.entries WHERE source = 're_0' RETURNING id) DELETE FROM ledger.postings WHERE entry_id IN (SELECT id FROM gone)`,
			[]string{"batch_digest", "account_totals", "stray"}, "acct_p/pending/hkd"},
		"an entry invented": {`WITH e AS (INSERT INTO ledger.entries VALUES (5, 'gift', 'me', '2026-11-22') RETURNING id)
			INSERT INTO ledger.postings SELECT 5, n, 1, 'hkd', n * 2 - 1 FROM generate_series(0, 1) n`,
			[]string{"stray", "account_totals"}, ""},
		"a balance raised":      {`UPDATE ledger.accounts SET credits = credits + 1 WHERE owner = 'acct_c' AND kind = 'available' AND currency = 'kwd'`, []string{"account_totals", "funds_lines"}, "acct_c/available/kwd"},
		"a line's fee hidden":   {`UPDATE ledger.balance_transactions SET fee = 0, amount = net WHERE source = 'py_1'`, []string{"batch_digest"}, ""},
		"a line moved in time":  {`UPDATE ledger.balance_transactions SET available_on = available_on + interval '9 days' WHERE source = 'fee_1'`, []string{"batch_digest", "funds_lines"}, "acct_p/available/jpy"},
		"a payout's line freed": {`UPDATE ledger.balance_transactions SET payout = NULL WHERE source = 'py_2'`, []string{"payout_sum", "funds_lines"}, "acct_c/available/kwd"},
		"an owner renamed":      {`UPDATE ledger.accounts SET owner = 'acct_x' WHERE owner = 'acct_c' AND kind = 'in_transit' AND currency = 'hkd'`, []string{"batch_digest"}, ""},
		"a line put elsewhere":  {`UPDATE ledger.balance_transactions SET account_id = account_id + 1 WHERE source = 'tr_0'`, []string{"line_place"}, "acct_p/hkd"},
		"a digest rewritten":    {`UPDATE ledger.batches SET digest = sha256('forged') WHERE id = 2`, []string{"batch_digest", "chain"}, ""},
		"a checkpoint that lies": {`INSERT INTO ledger.checkpoints SELECT id, 999999, version, debits, credits + 1, now(), now()
			FROM ledger.accounts WHERE owner = 'acct_c' AND kind = 'available' AND currency = 'jpy'`, []string{"checkpoint"}, "acct_c/available/jpy"},
		"a link cut out": {`UPDATE ledger.batches SET position = NULL, link = NULL WHERE position = 3`, []string{"chain"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pool := market(t)
			in(t, pool, func(ctx context.Context, tx bun.Tx) error {
				if _, err := tx.ExecContext(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, c.statement)
				return err
			})
			report := verify(t, pool)
			found := fmt.Sprint(report.Findings)
			for _, check := range c.checks {
				if !strings.Contains(found, check) {
					t.Errorf("%s not among the findings", check)
				}
			}
			if !strings.Contains(found, c.account) {
				t.Errorf("%s is not named", c.account)
			}
			if t.Failed() {
				t.Log(found)
			}
		})
	}
}

func TestVerifyNamesTheEntryThatDoesNotSumUp(t *testing.T) {
	pool := market(t)
	var entry int64
	if err := pool.NewRaw(`SELECT id FROM ledger.entries WHERE source = 're_1'`).Scan(t.Context(), &entry); err != nil {
		t.Fatal(err)
	}
	in(t, pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger.postings SET amount = amount + 5 WHERE entry_id = ? AND line = 0`, entry)
		return err
	})
	for _, f := range verify(t, pool).Findings {
		if f.Check == "entry_zero_sum" && f.Entry == entry {
			return
		}
	}
	t.Error("the entry is not named")
}

func TestSealingInPortionsIsOneChain(t *testing.T) {
	pool := market(t)
	first, err := audit.HeadOf(t.Context(), pool)
	if err != nil || first.Position != 12 {
		t.Fatal(first, err)
	}
	if n, err := audit.Seal(t.Context(), pool); n != 0 || err != nil {
		t.Fatal("sealed again", n, err)
	}
	in(t, pool, func(ctx context.Context, tx bun.Tx) error {
		return post(ctx, tx, ledger.NewBook(), journal.TopupSucceeded(journal.Topup{ID: "tu_1", Platform: "acct_p", Amount: money.New(1, "hkd"), At: noon}, newID))
	})
	if n, err := audit.Seal(t.Context(), pool); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if r := verify(t, pool); !r.OK() || r.Sealed != 13 {
		t.Fatalf("%+v", r)
	}
}

func TestTrialBalanceSumsToZeroPerCurrency(t *testing.T) {
	pool := market(t)
	rows, err := audit.TrialBalance(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[money.Currency]int64{}
	for _, r := range rows {
		n, err := strconv.ParseInt(r.Balance, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[r.Currency] += n
	}
	if diff := cmp.Diff(map[money.Currency]int64{"hkd": 0, "jpy": 0, "kwd": 0}, sums); diff != "" {
		t.Error(diff)
	}
}

func TestTrialBalanceAtAnEntrySeesOnlyThePast(t *testing.T) {
	pool := market(t)
	rows, err := audit.TrialBalanceAt(t.Context(), pool, 1*ledger.MaxEntries) // the first charge alone
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[string(r.Kind)+" "+r.Owner] = r.Balance
	}
	want := map[string]string{
		"pending acct_c": "54004", "pending acct_p": "3661", "processor_clearing acct_p": "-60005", "processor_fees acct_p": "2340",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHledgerReadsTheSameBalances(t *testing.T) {
	binary, err := exec.LookPath("hledger")
	if err != nil {
		t.Fatal("this test needs hledger: apt-get install -y hledger")
	}
	pool := market(t)
	file := filepath.Join(t.TempDir(), "ledger.journal")
	var journal bytes.Buffer
	if err := audit.Export(t.Context(), pool, false, audit.HLedger, &journal); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, journal.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-f", file, "balance", "--flat", "--no-total", "--output-format=csv", "--layout=bare").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	read, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range read[1:] {
		if r[2] != "0" {
			got[r[0]+" "+strings.ToLower(r[1])] = r[2]
		}
	}
	if diff := cmp.Diff(balances(t, pool), got); diff != "" {
		t.Errorf("-database +hledger\n%s", diff)
	}
}

// balances are the non-zero balances as hledger prints them, debit positive.
func balances(t *testing.T, pool *bun.DB) map[string]string {
	t.Helper()
	var rows []struct {
		Owner    string
		Kind     string
		Currency money.Currency
		Balance  int64
	}
	if err := pool.NewRaw(`SELECT owner, kind, currency, debits - credits AS balance FROM ledger.accounts WHERE debits <> credits`).Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range rows {
		class := "liabilities"
		if r.Kind == "processor_clearing" || r.Kind == "bank" {
			class = "assets"
		}
		all[class+":"+r.Kind+":"+r.Owner+" "+string(r.Currency)] = money.New(r.Balance, r.Currency).Decimal()
	}
	return all
}

func TestCSVHasEveryPosting(t *testing.T) {
	pool := market(t)
	var out bytes.Buffer
	if err := audit.Export(t.Context(), pool, false, audit.CSV, &out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := int(verify(t, pool).Postings) + 1; len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}

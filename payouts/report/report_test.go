package report_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/report"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	hub   = "acct_hub"
	may   = "acct_may"   // of hub
	other = "acct_other" // of another platform
)

// people are paid by hand wherever they want.
type people struct{}

func (people) Payable(_ context.Context, _ bun.IDB, scope tenant.Scope) (payouts.Payable, error) {
	p := payouts.Payable{Schedule: payouts.Schedule{Interval: payouts.Manual}, PayoutsEnabled: true}
	for _, currency := range []money.Currency{"hkd", "jpy", "kwd"} {
		p.Destinations = append(p.Destinations, payouts.Destination{ID: "ba_" + scope.Account + string(currency), Currency: currency, Default: true})
	}
	return p, nil
}

func (p people) Payables(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string]payouts.Payable, error) {
	return nil, errors.New("nobody is paid by schedule")
}

func (people) Creditor(context.Context, bun.IDB, tenant.Scope, string) (rail.Creditor, error) {
	return rail.Creditor{Name: "May Wong", Country: "HK", Routing: "110000", Number: secret.New("000123456")}, nil
}

func (people) MarkErrored(context.Context, bun.Tx, time.Time, tenant.Scope, string) error { return nil }

func (people) Correct(_ context.Context, _ bun.Tx, _ time.Time, _ tenant.Scope, destination string, _ rail.Change) (string, error) {
	return destination, nil
}

func (people) ConnectedTo(_ context.Context, platform, account string, _ bool) (bool, error) {
	return platform == hub && account == may, nil
}

type world struct {
	*testing.T
	pool    *bun.DB
	book    *ledger.Book
	service *payouts.Service
	reports *report.Service
	count   int
}

func open(t *testing.T) *world {
	pool, book, now := dbtest.New(t), ledger.NewBook(), clock.NewFixed(noon)
	return &world{T: t, pool: pool, book: book, reports: report.New(pool, people{}), service: payouts.New(pool, payouts.Config{
		Book: book, Clocks: clock.Modes{Live: now, Test: now}, Accounts: people{}, Rails: rail.Modes{Test: rail.Set{banksim.New(pool)}},
	})}
}

func (w *world) in(fn func(ctx context.Context, tx bun.Tx) error) {
	w.Helper()
	if err := db.InTx(w.Context(), w.pool, fn); err != nil {
		w.Fatal(err)
	}
}

func scopeOf(account string) tenant.Scope {
	if account == other {
		return tenant.Scope{Platform: "acct_hub2", Account: account}
	}
	return tenant.Scope{Platform: hub, Account: account}
}

// pays charges an account's customer, gives a sixth back, and pays the rest out.
func (w *world) pays(account string, amount int64, currency money.Currency, description string) (payout *payouts.Payout) {
	w.Helper()
	w.count++
	scope := scopeOf(account)
	newID := func() string { return id.New("txn") }
	c := journal.Charge{ID: fmt.Sprintf("ch_%d", w.count), Owner: account, Platform: scope.Platform, Amount: money.New(amount, currency),
		ProcessingFee: amount / 100, Description: description, At: noon}
	if scope.Connected() {
		c.Direct = &journal.Direct{}
	}
	w.in(func(ctx context.Context, tx bun.Tx) error {
		_, err := w.book.Post(ctx, tx, journal.ChargeSucceeded(c, newID), journal.Refunded(journal.Refund{ID: fmt.Sprintf("re_%d", w.count),
			Owner: account, Platform: scope.Platform, Amount: money.New(amount/6, currency), At: noon}, newID))
		return err
	})
	w.in(func(ctx context.Context, tx bun.Tx) (err error) {
		payout, err = w.service.Create(ctx, tx, scope, payouts.CreateParams{Amount: amount - amount/100 - amount/6, Currency: string(currency)})
		return err
	})
	return payout
}

// of asks for a report over all time.
func of(kind string) report.Params {
	p := report.Params{Type: kind}
	start, end := int64(0), noon.AddDate(1, 0, 0).Unix()
	p.Parameters.IntervalStart, p.Parameters.IntervalEnd = &start, &end
	return p
}

func (w *world) create(scope tenant.Scope, p report.Params) (run *report.Run, err error) {
	err = db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		run, err = w.reports.Create(ctx, tx, scope, p, noon)
		return err
	})
	return run, err
}

func (w *world) ask(scope tenant.Scope, p report.Params) *report.Run {
	w.Helper()
	run, err := w.create(scope, p)
	if err != nil {
		w.Fatal(err)
	}
	return run
}

func (w *world) again(run *report.Run) *report.Run {
	w.Helper()
	found, err := w.reports.Get(w.Context(), w.pool, run.Scope(), run.ID)
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// made is the CSV of a report, made now.
func (w *world) made(scope tenant.Scope, p report.Params) string {
	w.Helper()
	run := w.ask(scope, p)
	if err := w.reports.Work(w.Context()); err != nil {
		w.Fatal(err)
	}
	return w.file(run)
}

func (w *world) file(run *report.Run) string {
	w.Helper()
	run = w.again(run)
	var file bytes.Buffer
	if err := w.reports.Send(w.Context(), run, &file); err != nil {
		w.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
	if err != nil || run.Status != report.Succeeded || int64(file.Len()) != run.Size || int64(len(rows)-1) != run.Rows {
		w.Fatalf("%v: %+v, with %d bytes and %d rows", err, run, file.Len(), len(rows))
	}
	return file.String()
}

const itemised, connected = "payout_reconciliation.itemized.5", "connected_account_payout_reconciliation.itemized.5"

func TestWhatIsWrongWithAReportNamesItsParameter(t *testing.T) {
	w := open(t)
	mine := w.pays(hub, 60_000, "hkd", "")
	at := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		kind, account string
		change        func(*report.Params)
		param         string
	}{
		"an unknown type":                {kind: "charges.1", param: "report_type"},
		"of connected accounts, as one":  {kind: connected, account: may, param: "report_type"},
		"an unknown column":              {change: func(p *report.Params) { p.Parameters.Columns = []string{"net", "shoe"} }, param: "parameters[columns][1]"},
		"an unknown zone":                {change: func(p *report.Params) { p.Parameters.Timezone = "Mars/Olympus" }, param: "parameters[timezone]"},
		"the machine's zone":             {change: func(p *report.Params) { p.Parameters.Timezone = "Local" }, param: "parameters[timezone]"},
		"an unknown currency":            {change: func(p *report.Params) { p.Parameters.Currency = "xxq" }, param: "parameters[currency]"},
		"an unknown category":            {change: func(p *report.Params) { p.Parameters.Category = "shoes" }, param: "parameters[reporting_category]"},
		"a category of whole payouts":    {kind: "payouts.itemized.3", change: func(p *report.Params) { p.Parameters.Category = "charge" }, param: "parameters[reporting_category]"},
		"a connected account, of ours":   {change: func(p *report.Params) { p.Parameters.ConnectedAccount = may }, param: "parameters[connected_account]"},
		"an account of somebody else":    {kind: connected, change: func(p *report.Params) { p.Parameters.ConnectedAccount = other }, param: "parameters[connected_account]"},
		"no start":                       {change: func(p *report.Params) { p.Parameters.IntervalStart = nil }, param: "parameters[interval_start]"},
		"no end":                         {change: func(p *report.Params) { p.Parameters.IntervalEnd = nil }, param: "parameters[interval_end]"},
		"a start before 1970":            {change: func(p *report.Params) { p.Parameters.IntervalStart = at(-1) }, param: "parameters[interval_start]"},
		"an end at the start":            {change: func(p *report.Params) { p.Parameters.IntervalEnd = p.Parameters.IntervalStart }, param: "parameters[interval_end]"},
		"an end beyond all time":         {change: func(p *report.Params) { p.Parameters.IntervalEnd = at(1 << 62) }, param: "parameters[interval_end]"},
		"a payout and an interval":       {change: func(p *report.Params) { p.Parameters.Payout = mine.ID }, param: "parameters[payout]"},
		"by id, without a payout":        {kind: "payout_reconciliation.by_id.itemized.4", param: "parameters[payout]"},
		"by id, with an interval":        {kind: "payout_reconciliation.by_id.itemized.4", change: func(p *report.Params) { p.Parameters.Payout = mine.ID }, param: "parameters[interval_start]"},
		"by id, of another's payout":     {kind: "payout_reconciliation.by_id.itemized.4", account: may, change: byID(mine.ID), param: "parameters[payout]"},
		"by id, of the platform's own":   {kind: "connected_account_payout_reconciliation.by_id.itemized.4", change: byID(mine.ID), param: "parameters[payout]"},
		"by id, of a payout that is not": {kind: "payout_reconciliation.by_id.itemized.4", change: byID("po_none"), param: "parameters[payout]"},
	} {
		t.Run(name, func(t *testing.T) {
			kind, account := itemised, hub
			if c.kind != "" {
				kind = c.kind
			}
			if c.account != "" {
				account = c.account
			}
			p := of(kind)
			if c.change != nil {
				c.change(&p)
			}
			_, err := w.create(scopeOf(account), p)
			var f *fault.Error
			if !errors.As(err, &f) || f.Param != c.param {
				t.Errorf("%v, want a fault of %s", err, c.param)
			}
		})
	}
}

func byID(payout string) func(*report.Params) {
	return func(p *report.Params) {
		p.Parameters.Payout, p.Parameters.IntervalStart, p.Parameters.IntervalEnd = payout, nil, nil
	}
}

func TestReportsAreWhatWasAskedFor(t *testing.T) {
	w := open(t)
	w.pays(hub, 60_000, "hkd", "=HYPERLINK(1)")
	w.pays(hub, 600, "jpy", "Lessons")
	w.pays(hub, 60_000, "kwd", "")
	w.pays(may, 12_000, "hkd", "")
	w.pays(other, 24_000, "hkd", "")
	for name, c := range map[string]struct {
		kind   string
		change func(*report.Params)
		want   string
	}{
		"columns in their order, majors by currency": {itemised, func(p *report.Params) {
			p.Parameters.Columns = []string{"net", "gross", "currency", "source_id"}
		}, `
			net,gross,currency,source_id
			594.00,600.00,hkd,ch_1
			-100.00,-100.00,hkd,re_1
			594,600,jpy,ch_2
			-100,-100,jpy,re_2
			59.400,60.000,kwd,ch_3
			-10.000,-10.000,kwd,re_3`},
		"texts are no formulas": {itemised, func(p *report.Params) {
			p.Parameters.Currency, p.Parameters.Category, p.Parameters.Columns = "hkd", "charge", []string{"description"}
		}, `
			description
			'=HYPERLINK(1)`},
		"a zone, a currency and a category": {itemised, func(p *report.Params) {
			p.Parameters.Timezone, p.Parameters.Currency, p.Parameters.Category = "Asia/Hong_Kong", "jpy", "refund"
			p.Parameters.Columns = []string{"created", "reporting_category", "net"}
		}, `
			created,reporting_category,net
			2026-11-22 20:00:00,refund,-100`},
		"sums by category": {"payout_reconciliation.summary.1", func(*report.Params) {}, `
			reporting_category,currency,count,gross,fee,net
			charge,hkd,1,600.00,6.00,594.00
			refund,hkd,1,-100.00,0.00,-100.00
			charge,jpy,1,600,6,594
			refund,jpy,1,-100,0,-100
			charge,kwd,1,60.000,0.600,59.400
			refund,kwd,1,-10.000,0.000,-10.000`},
		"connected accounts are one's own": {connected, func(p *report.Params) {
			p.Parameters.Columns = []string{"connected_account", "net"}
		}, `
			connected_account,net
			acct_may,118.80
			acct_may,-20.00`},
		"payouts of connected accounts": {"connected_account_payouts.itemized.3", func(p *report.Params) {
			p.Parameters.ConnectedAccount, p.Parameters.Columns = may, []string{"connected_account", "automatic", "net", "payout_status"}
		}, `
			connected_account,automatic,net,payout_status
			acct_may,false,98.80,pending`},
		"an interval without payouts": {itemised, func(p *report.Params) {
			end := int64(1)
			p.Parameters.IntervalEnd, p.Parameters.Columns = &end, []string{"net"}
		}, `
			net`},
	} {
		t.Run(name, func(t *testing.T) {
			p := of(c.kind)
			c.change(&p)
			want := strings.ReplaceAll(strings.TrimSpace(c.want), "\t", "") + "\n"
			if diff := cmp.Diff(want, w.made(scopeOf(hub), p)); diff != "" {
				t.Errorf("the report differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReportThatCannotBeMadeFailsAfterThreeTriesAndHoldsUpNoOther(t *testing.T) {
	w := open(t)
	w.pays(hub, 60_000, "hkd", "")
	bad := w.ask(scopeOf(hub), of(itemised))
	// A later release has taken the column away that an older one was asked for.
	if _, err := w.pool.ExecContext(t.Context(), "UPDATE payouts.report_runs SET columns = '{gone}' WHERE id = ?", bad.ID); err != nil {
		t.Fatal(err)
	}
	good := w.ask(scopeOf(hub), of(itemised))
	for try := 1; try <= 3; try++ {
		if got := w.again(bad).Status; got != report.Pending {
			t.Fatalf("%s before try %d", got, try)
		}
		if err := w.reports.Work(t.Context()); err == nil {
			t.Errorf("try %d told nobody", try)
		}
		w.file(good)
	}
	if got := w.again(bad); got.Status != report.Failed || got.Error == "" || got.File != "" {
		t.Errorf("%+v", got)
	}
	if err := w.reports.Work(t.Context()); err != nil {
		t.Errorf("tried again: %v", err)
	}
	var told []string
	if err := w.pool.NewRaw("SELECT object_id || ' ' || type FROM platform.events WHERE type LIKE 'reporting.%' ORDER BY seq").Scan(t.Context(), &told); err != nil {
		t.Fatal(err)
	}
	if want := []string{good.ID + " reporting.report_run.succeeded", bad.ID + " reporting.report_run.failed"}; !cmp.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestAReportOfManyChunksIsWhole(t *testing.T) {
	w := open(t)
	for range 40 { // each with two lines of some 10 kB
		w.pays(hub, 60_000, "hkd", strings.Repeat("Lessons in mathematics, ", 800))
	}
	p := of(itemised)
	p.Parameters.Columns = []string{"balance_transaction_id", "description"}
	file := w.made(scopeOf(hub), p)
	var chunks int
	if err := w.pool.NewRaw("SELECT count(*) FROM payouts.report_chunks").Scan(t.Context(), &chunks); err != nil {
		t.Fatal(err)
	}
	if chunks < 2 || strings.Count(file, "\n") != 81 {
		t.Errorf("%d lines in %d chunks", strings.Count(file, "\n"), chunks)
	}
}

func TestTwoMakersMakeOneFile(t *testing.T) {
	w := open(t)
	w.pays(hub, 60_000, "hkd", "")
	var runs []*report.Run
	for range 20 {
		runs = append(runs, w.ask(scopeOf(hub), of(itemised)))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := report.New(w.pool, people{}).Work(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, run := range runs {
		w.file(run)
	}
	var told int
	if err := w.pool.NewRaw("SELECT count(*) FROM platform.events WHERE type = 'reporting.report_run.succeeded'").Scan(t.Context(), &told); err != nil {
		t.Fatal(err)
	}
	if told != len(runs) {
		t.Errorf("told %d times of %d reports", told, len(runs))
	}
}

func TestAReportStaysAsItWas(t *testing.T) {
	w := open(t)
	w.pays(hub, 60_000, "hkd", "")
	run := w.ask(scopeOf(hub), of(itemised))
	if err := w.reports.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.file(run)
	w.pays(hub, 60_000, "hkd", "")
	if err := w.reports.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := w.file(run); after != before {
		t.Errorf("the report changed:\n%s", cmp.Diff(before, after))
	}
}

func TestCellsOfSpreadsheetsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Lessons": "Lessons", "a=b": "a=b", "=1+1": "'=1+1", "+852": "'+852", "-1": "'-1", "@SUM(1)": "'@SUM(1)",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "補習": "補習",
	} {
		if got := report.Cell(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

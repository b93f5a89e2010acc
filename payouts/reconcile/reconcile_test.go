package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/rail/delivery"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var hub = tenant.Scope{Platform: "acct_hub", Account: "acct_hub"}

// people pay everybody to a bank account that never settles by itself.
type people struct{}

func (people) Payable(context.Context, bun.IDB, tenant.Scope) (payouts.Payable, error) {
	return payouts.Payable{
		Schedule: payouts.Schedule{Interval: payouts.Manual}, PayoutsEnabled: true,
		Destinations: []payouts.Destination{{ID: "ba_1", Currency: "hkd", Default: true}},
	}, nil
}

func (p people) Payables(ctx context.Context, idb bun.IDB, _ bool, accounts []string) (map[string]payouts.Payable, error) {
	found := map[string]payouts.Payable{}
	for _, account := range accounts {
		found[account], _ = p.Payable(ctx, idb, tenant.Scope{})
	}
	return found, nil
}

func (people) Creditor(context.Context, bun.IDB, tenant.Scope, string) (rail.Creditor, error) {
	return rail.Creditor{Name: "May Wong", Country: "HK", Number: secret.New("000000000009")}, nil
}

func (people) MarkErrored(context.Context, bun.Tx, time.Time, tenant.Scope, string) error { return nil }

func (people) Correct(_ context.Context, _ bun.Tx, _ time.Time, _ tenant.Scope, destination string, _ rail.Change) (string, error) {
	return destination, nil
}

type world struct {
	*testing.T
	pool    *bun.DB
	clock   *clock.Fixed
	service *payouts.Service
	books   *reconcile.Books
	cfg     reconcile.Config
}

func open(t *testing.T) *world { return openOn(t, dbtest.New(t)) }

func openOn(t *testing.T, pool *bun.DB) *world {
	w := &world{T: t, pool: pool, clock: clock.NewFixed(noon)}
	book := ledger.NewBook()
	var err error
	if w.service, w.cfg, err = roomsOn(pool, book, w.clock); err != nil {
		t.Fatal(err)
	}
	w.books = reconcile.New(w.pool, w.cfg)
	w.in(func(ctx context.Context, tx bun.Tx) error {
		results, err := book.Post(ctx, tx, journal.ChargeSucceeded(
			journal.Charge{ID: "ch_1", Owner: hub.Account, Platform: hub.Platform, Amount: money.New(1_000_000, "hkd"), At: noon}, func() string { return id.New("txn") }))
		if err == nil {
			err = results[0].Err
		}
		return err
	})
	return w
}

// roomsOn are the payouts of a database, and what its statements are read with: the same
// in each process.
func roomsOn(pool *bun.DB, book *ledger.Book, now clock.Clock) (*payouts.Service, reconcile.Config, error) {
	master := bytes.Repeat([]byte{1}, 32)
	clocks := clock.Modes{Live: now, Test: now}
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	if err != nil {
		return nil, reconcile.Config{}, err
	}
	pepper, err := secret.NewPepper(master, "bank_statements")
	service := payouts.New(pool, payouts.Config{
		Book: book, Clocks: clocks, Accounts: people{}, Keyring: ring, Rails: rail.Modes{Test: rail.Set{banksim.New(pool)}},
	})
	return service, reconcile.Config{Clocks: clocks, Keyring: ring, Pepper: pepper, Payouts: service}, err
}

func (w *world) in(fn func(ctx context.Context, tx bun.Tx) error) {
	w.Helper()
	if err := db.InTx(w.Context(), w.pool, fn); err != nil {
		w.Fatal(err)
	}
}

// payout is one that the bank has.
func (w *world) payout(amount int64) (made *payouts.Payout) {
	w.Helper()
	w.in(func(ctx context.Context, tx bun.Tx) (err error) {
		made, err = w.service.Create(ctx, tx, hub, payouts.CreateParams{Amount: amount, Currency: "hkd"})
		return err
	})
	w.clock.Advance(time.Hour)
	if _, err := w.service.Send(w.Context(), false, w.clock.Now()); err != nil {
		w.Fatal(err)
	}
	w.expectStatus(made, payouts.InTransit)
	return made
}

func (w *world) expectStatus(p *payouts.Payout, want payouts.Status) {
	w.Helper()
	got, err := w.service.Get(w.Context(), w.pool, hub, p.ID)
	if err != nil || got.Status != want {
		w.Errorf("the payout of %d is %v (%v), want %s", p.Amount, got.Status, err, want)
	}
}

// mt writes an MT940 of one day: lines are "amount reference text", signed minor units.
func mt(number int, day string, opening int64, lines ...string) string {
	var s strings.Builder
	amount := func(minor int64) string {
		return strings.Replace(money.New(max(minor, -minor), "hkd").Decimal(), ".", ",", 1)
	}
	mark := func(minor int64) string {
		if minor < 0 {
			return "D"
		}
		return "C"
	}
	fmt.Fprintf(&s, ":20:DAILY\r\n:25:004123456789\r\n:28C:%d/1\r\n:60F:%s%sHKD%s\r\n", number, mark(opening), day, amount(opening))
	closing := opening
	for _, line := range lines {
		var minor int64
		var reference, text string
		if _, err := fmt.Sscan(line, &minor, &reference, &text); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			panic(err)
		}
		closing += minor
		fmt.Fprintf(&s, ":61:%s%s%s%sNTRFNONREF//%s\r\n:86:%s\r\n", day, day[2:], mark(minor), amount(minor), reference, text)
	}
	fmt.Fprintf(&s, ":62F:%s%sHKD%s\r\n-\r\n", mark(closing), day, amount(closing))
	return s.String()
}

func (w *world) load(content string) reconcile.File {
	w.Helper()
	f, err := w.books.Import(w.Context(), reconcile.Source{Platform: hub.Platform, Name: "day.sta"}, strings.NewReader(content))
	if err != nil {
		w.Fatal(err)
	}
	return f
}

func (w *world) expectLoaded(f reconcile.File, lines, known int64) {
	w.Helper()
	if f.Status != reconcile.Imported || f.Lines != lines || f.Known != known || !f.Done {
		w.Errorf("%s with %d new lines and %d known ones (%s), want %d and %d", f.Status, f.Lines, f.Known, f.Reason, lines, known)
	}
}

// lines lists what counts of a file, in order: "amount status payout-or-reason".
func (w *world) lines(f reconcile.File) (rows []string) {
	w.Helper()
	limit := int64(100)
	found, err := w.books.Lines(w.Context(), hub, f.ID, reconcile.LinesParams{Params: page.Params{Limit: &limit}})
	if err != nil {
		w.Fatal(err)
	}
	for _, l := range found.Items {
		rows = append([]string{fmt.Sprintf("%d %s %s%s", l.Amount, l.Status, l.Payout, l.Reason)}, rows...)
	}
	return rows
}

func (w *world) count(table string) (n int) {
	w.Helper()
	if err := w.pool.NewRaw("SELECT count(*) FROM ?", bun.Ident(table)).Scan(w.Context(), &n); err != nil {
		w.Fatal(err)
	}
	return n
}

func TestADebitPaysAndALaterCreditBringsBack(t *testing.T) {
	w := open(t)
	may, lok := w.payout(5000), w.payout(7000)
	f := w.load(mt(1, "261124", 100000, "-5000 B1 /EREF/"+may.ID, "-7000 B2 "+lok.ID, "-300 B3 FEE"))
	w.expectLoaded(f, 3, 0)
	w.expectStatus(may, payouts.Paid)
	w.expectStatus(lok, payouts.Paid)
	want := []string{"-5000 matched " + may.ID, "-7000 matched " + lok.ID, "-300 open it carries no reference of a payout or a batch"}
	if got := w.lines(f); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("lines are %q", got)
	}
	back := w.load(mt(2, "261126", 87700, "7000 B4 /EREF/"+lok.ID+"/RTRN/AC04"))
	w.expectLoaded(back, 1, 0)
	w.expectStatus(lok, payouts.Failed)
	w.expectStatus(may, payouts.Paid)
	got, err := w.service.Get(t.Context(), w.pool, hub, lok.ID)
	if err != nil || got.FailureCode != "account_closed" {
		t.Errorf("it failed for %q: %v", got.FailureCode, err)
	}
}

// filed makes the bank take files, so that payouts go in batches.
func (w *world) filed() {
	in, out := w.TempDir(), w.TempDir()
	clocks := clock.Modes{Live: w.clock, Test: w.clock}
	w.service = payouts.New(w.pool, payouts.Config{
		Book: ledger.NewBook(), Clocks: clocks, Accounts: people{}, Keyring: w.cfg.Keyring, Rails: rail.Modes{Test: rail.Set{rail.File{
			Way:       rail.Capabilities{Name: "paper"},
			Agreement: rail.Terms{Debtor: rail.Debtor{Name: "Hub", Number: secret.New("024388001234")}},
			Format:    railtest.Paper{}, Delivery: delivery.Folder{Out: out, In: in, Keeps: true},
		}}},
	})
	w.cfg.Payouts = w.service
	w.books = reconcile.New(w.pool, w.cfg)
}

func (w *world) create(amount int64) (made *payouts.Payout) {
	w.Helper()
	w.in(func(ctx context.Context, tx bun.Tx) (err error) {
		made, err = w.service.Create(ctx, tx, hub, payouts.CreateParams{Amount: amount, Currency: "hkd"})
		return err
	})
	return made
}

func TestOneDebitForAWholeFilePaysItsPayoutsOnlyIfTheSumIsRight(t *testing.T) {
	w := open(t)
	w.filed()
	may, lok := w.create(5000), w.create(7000)
	for range 3 {
		w.clock.Advance(time.Hour)
		if _, err := w.service.Send(t.Context(), false, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.service.Get(t.Context(), w.pool, hub, may.ID)
	if err != nil || sealed.Batch == "" {
		t.Fatalf("not in a batch: %+v %v", sealed, err)
	}
	written := strings.Replace(sealed.Batch, "_", "-", 1) // as pain.001 has it
	f := w.load(mt(1, "261124", 100000, "-11999 B1 "+written))
	if got := w.lines(f); len(got) != 1 || got[0] != "-11999 open the amount differs from the batch's" {
		t.Errorf("lines are %q", got)
	}
	w.expectStatus(may, payouts.InTransit)
	f = w.load(mt(2, "261125", 100000, "-12000 B2 "+written))
	if got := w.lines(f); len(got) != 1 || got[0] != "-12000 matched " {
		t.Errorf("lines are %q", got)
	}
	w.expectStatus(may, payouts.Paid)
	w.expectStatus(lok, payouts.Paid)
	left, err := w.books.Import(t.Context(), reconcile.Source{Rail: "paper"}, strings.NewReader(mt(9, "261125", 0, "-1 B9 FEE")))
	if err != nil || left.Platform != hub.Platform {
		t.Errorf("the file of a rail that only the hub uses is %q's: %v", left.Platform, err)
	}
	back := w.load(mt(3, "261126", 88000, "7000 B3 /EREF/"+strings.Replace(lok.ID, "_", "-", 1)+"/RTRN/R03"))
	w.expectLoaded(back, 1, 0)
	w.expectStatus(lok, payouts.Failed)
	w.expectStatus(may, payouts.Paid)
}

func TestOverlappingFilesAtTheSameTimeTellEachLineOnce(t *testing.T) {
	w := open(t)
	fee := "-300 NONREF FEE"
	var all []string
	var busy sync.WaitGroup
	for n := 1; n <= 6; n++ {
		all = append(all, fee, fmt.Sprintf("-%d B%d RENT", n, n))
		content := mt(n, "261124", 100000, all...) // each tells what those before it told, and more
		busy.Go(func() {
			if _, err := w.books.Import(t.Context(), reconcile.Source{Platform: hub.Platform}, strings.NewReader(content)); err != nil {
				t.Error(err)
			}
		})
	}
	busy.Wait()
	if n := w.count("payouts.statement_lines"); n != 12 {
		t.Errorf("%d lines, want 6 fees and 6 rents", n)
	}
}

func TestALineOfAnotherAmountMovesNothing(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	f := w.load(mt(1, "261124", 100000, "-4999 B1 "+p.ID, "-5000 B2 po_0000000000000000000000"))
	w.expectStatus(p, payouts.InTransit)
	got := w.lines(f)
	if len(got) != 2 || got[0] != "-4999 open the amount differs from the payout's" || got[1] != "-5000 open no payout or batch has its reference" {
		t.Errorf("lines are %q", got)
	}
}

func TestTheSameFileCountsOnceWhoeverSendsItHoweverOften(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	content := mt(1, "261124", 100000, "-5000 B1 "+p.ID, "-300 NONREF FEE", "-300 NONREF FEE")
	ids := make([]string, 8)
	var busy sync.WaitGroup
	for i := range ids {
		busy.Go(func() {
			f, err := w.books.Import(t.Context(), reconcile.Source{Platform: hub.Platform, Name: "a"}, strings.NewReader(content))
			if err != nil {
				t.Error(err)
			}
			ids[i] = f.ID
			if !f.Done || f.Lines != 3 {
				t.Errorf("import %d returned before the file was done: %+v", i, f)
			}
		})
	}
	busy.Wait()
	for _, one := range ids {
		if one != ids[0] {
			t.Errorf("two files: %s and %s", one, ids[0])
		}
	}
	if f := w.load(content); !f.Repeated || f.ID != ids[0] {
		t.Errorf("sent again it is another file: %+v", f)
	}
	if files, lines, pieces := w.count("payouts.statement_files"), w.count("payouts.statement_lines"), w.count("payouts.statement_contents"); files != 1 || lines != 3 || pieces != 1 {
		t.Errorf("%d files, %d lines, %d pieces", files, lines, pieces)
	}
	w.expectStatus(p, payouts.Paid)
}

func TestOfAnOverlapOnlyWhatIsNewCountsAndEqualLinesSurvive(t *testing.T) {
	w := open(t)
	fee := "-300 NONREF FEE"
	first := mt(1, "261124", 10000, fee, fee, "-900 B1 RENT")
	w.expectLoaded(w.load(first), 3, 0)
	// The same day once more, later: everything so far, a third equal fee, and another line.
	w.expectLoaded(w.load(mt(7, "261124", 10000, fee, "-900 B1 RENT", fee, fee, "500 B2 SALE")), 2, 3)
	// And in parts: what is there is there.
	w.expectLoaded(w.load(mt(8, "261124", 10000, fee, fee)), 0, 2)
	if n := w.count("payouts.statement_lines"); n != 5 {
		t.Errorf("%d lines, want 3 fees, a rent and a sale", n)
	}
}

func TestStatementsThatFollowOneAnotherDoNotOverlap(t *testing.T) {
	w := open(t)
	fee := "-300 NONREF FEE"
	w.expectLoaded(w.load(mt(1, "261124", 10000, fee)), 1, 0)
	w.expectLoaded(w.load(mt(2, "261124", 9700, fee)), 1, 0)
	w.expectLoaded(w.load(mt(3, "261124", 9400, fee)), 1, 0)
	// The three of them in one: nothing new.
	w.expectLoaded(w.load(mt(9, "261124", 10000, fee, fee, fee)), 0, 3)
	// And in one file, the days apart: nothing new either, and the next is.
	w.expectLoaded(w.load(mt(2, "261124", 9700, fee)+mt(3, "261124", 9400, fee)+mt(4, "261124", 9100, fee)), 1, 2)
}

func TestAFileThatDoesNotAddUpIsQuarantinedWholeAndReleasedOnceItCanBeRead(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	good := mt(1, "261124", 100000, "-5000 B1 "+p.ID)
	bad := good + strings.Replace(mt(2, "261125", 95000, "-300 B2 SECRETWORD"), "947,00", "947,01", 1)
	f := w.load(bad)
	if f.Status != reconcile.Quarantined || f.Done || !strings.Contains(f.Reason, "statement 2: the balances do not add up") {
		t.Errorf("got %+v", f)
	}
	if strings.Contains(f.Reason, "SECRET") || strings.Contains(f.Reason, "004123456789") {
		t.Errorf("the reason shows what stands in the file: %s", f.Reason)
	}
	w.expectStatus(p, payouts.InTransit)
	if n := w.count("payouts.statement_lines") + w.count("payouts.statements"); n != 0 {
		t.Errorf("%d rows of it are there", n)
	}
	if again, err := w.books.Retry(t.Context(), f, ""); err != nil || again.Status != reconcile.Quarantined {
		t.Errorf("nothing was mended, but: %+v %v", again, err)
	}
	if _, err := w.books.Retry(t.Context(), w.load(good), ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file that counts was released: %v", err)
	}
	w.expectStatus(p, payouts.Paid)

	csv := "Date,Amount,Text\n24/11/2026,-12.00,x\n"
	f = w.load(csv)
	if f.Status != reconcile.Quarantined {
		t.Fatalf("a CSV without a profile: %+v", f)
	}
	cfg := w.cfg
	cfg.Profiles = []statement.Profile{{
		Name: "bank", Header: []string{"Date", "Amount", "Text"}, Booked: "Date", DateLayout: "DD/MM/YYYY", Amount: "Amount",
		FixedCurrency: "HKD", FixedAccount: "main", Remittance: []string{"Text"}, Decimal: ".", Delimiter: ",",
	}}
	mended, err := reconcile.New(w.pool, cfg).Retry(t.Context(), f, "")
	if err != nil {
		t.Fatal(err)
	}
	w.expectLoaded(mended, 1, 0)
}

// dying reads a part and then fails, as an upload that breaks off.
type dying struct{ r io.Reader }

func (d dying) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil {
		return n, errors.New("the line is dead")
	}
	return n, nil
}

func TestWhatACrashLeavesIsFinished(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	content := mt(1, "261124", 100000, "-5000 B1 "+p.ID, "-300 NONREF FEE")
	if _, err := w.books.Import(t.Context(), reconcile.Source{Platform: hub.Platform}, dying{strings.NewReader(content)}); err == nil {
		t.Fatal("an upload that broke off is complete")
	}
	if _, err := w.pool.Exec("DELETE FROM payouts.statement_files"); err != nil {
		t.Fatal(err)
	}
	f := w.load(content)
	for _, step := range []string{
		"UPDATE payouts.statement_files SET status = 'kept', done = false, applied = 0",                                                                          // died while staging
		"UPDATE payouts.statement_files SET done = false, applied = 0",                                                                                           // died before payouts heard
		"UPDATE payouts.statement_files SET done = false, applied = 0; UPDATE payouts.statement_lines SET status = 'open', payout = '' WHERE status = 'matched'", // died before it was written down
	} {
		if _, err := w.pool.Exec(step); err != nil {
			t.Fatal(err)
		}
		w.clock.Set(time.Now().Add(time.Hour)) // ids bear the machine's time
		if err := w.books.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := w.books.Get(t.Context(), hub, f.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.expectLoaded(found, 2, 0)
		w.expectStatus(p, payouts.Paid)
		if got := w.lines(found); len(got) != 2 || !strings.HasPrefix(got[0], "-5000 matched") {
			t.Errorf("after %q: %q", step, got)
		}
	}
}

func TestAnotherPlatformsFileMovesNothingAndIsNotSeen(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	content := mt(1, "261124", 100000, "-5000 B1 "+p.ID)
	f, err := w.books.Import(t.Context(), reconcile.Source{Platform: "acct_bob"}, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	live, err := w.books.Import(t.Context(), reconcile.Source{Platform: hub.Platform, Livemode: true}, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	w.expectStatus(p, payouts.InTransit)
	for _, other := range []string{f.ID, live.ID} {
		if _, err := w.books.Get(t.Context(), hub, other); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s is seen: %v", other, err)
		}
	}
}

func TestWhatABanksReportSaysMovesPayoutsToo(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	cfg := w.cfg
	cfg.Readers = map[statement.Format]reconcile.Reader{statement.Pain002: func(io.Reader) ([]rail.Report, error) {
		return []rail.Report{
			{Reference: p.ID, State: rail.Failed, Code: "no_account", Reason: "AC01", At: noon},
			{Reference: "po_0000000000000000000000", State: rail.Accepted, At: noon},
		}, nil
	}}
	f, err := reconcile.New(w.pool, cfg).Import(t.Context(), reconcile.Source{Platform: hub.Platform}, strings.NewReader(
		`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"/>`))
	if err != nil {
		t.Fatal(err)
	}
	w.expectLoaded(f, 2, 0)
	w.expectStatus(p, payouts.Failed)
	if got := w.lines(f); got[0] != "0 matched "+p.ID || got[1] != "0 open no payout or batch has its reference" {
		t.Errorf("lines are %q", got)
	}
}

func TestANoticeOfChangeIsKeptForPeopleAndItsNumberIsNotShown(t *testing.T) {
	w := open(t)
	p := w.payout(5000)
	cfg := w.cfg
	heard := &hearing{Applier: w.service}
	cfg.Payouts = heard
	cfg.Readers = map[statement.Format]reconcile.Reader{statement.Pain002: func(io.Reader) ([]rail.Report, error) {
		return []rail.Report{{Reference: p.ID, Reason: "C01", BankTrace: "B1", At: noon, Change: &rail.Change{Code: "C01", Number: secret.New("000777778888")}}}, nil
	}}
	f, err := reconcile.New(w.pool, cfg).Import(t.Context(), reconcile.Source{Platform: hub.Platform}, strings.NewReader(
		`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"/>`))
	if err != nil {
		t.Fatal(err)
	}
	w.expectLoaded(f, 1, 0)
	w.expectStatus(p, payouts.InTransit)
	if got := w.lines(f); got[0] != "0 matched "+p.ID {
		t.Errorf("lines are %q", got)
	}
	if len(heard.changes) != 1 || heard.changes[0].Code != "C01" || heard.changes[0].Number.Reveal() != "000777778888" {
		t.Errorf("payouts heard of %+v", heard.changes)
	}
	found, err := w.books.Lines(t.Context(), hub, f.ID, reconcile.LinesParams{})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := w.books.Text(found.Items[0]); err != nil || text.Reveal() != "" {
		t.Errorf("the line shows %q, %v", text.Reveal(), err)
	}
}

// hearing notes the changes that payouts hear of.
type hearing struct {
	reconcile.Applier
	changes []*rail.Change
}

func (h *hearing) Apply(ctx context.Context, livemode bool, way string, reports []rail.Report, now time.Time) (payouts.Applied, error) {
	for _, r := range reports {
		if r.Change != nil {
			h.changes = append(h.changes, r.Change)
		}
	}
	return h.Applier.Apply(ctx, livemode, way, reports, now)
}

func TestNothingOfAStatementStandsInTheDatabaseInPlain(t *testing.T) {
	w := open(t)
	f := w.load(mt(1, "261124", 100000, "-300 B1 CANARYTEXT"))
	for _, table := range []string{"payouts.statement_files", "payouts.statement_contents", "payouts.statements", "payouts.statement_lines"} {
		var rows []string
		if err := w.pool.NewRaw("SELECT encode(t::text::bytea, 'escape') FROM ? AS t", bun.Ident(table)).Scan(t.Context(), &rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if strings.Contains(row, "CANARY") || strings.Contains(row, "004123456789") {
				t.Errorf("%s shows it", table)
			}
		}
	}
	found, err := w.books.Lines(t.Context(), hub, f.ID, reconcile.LinesParams{})
	if err != nil || len(found.Items) != 1 {
		t.Fatal(err)
	}
	if text, err := w.books.Text(found.Items[0]); err != nil || text.Reveal() != "CANARYTEXT" {
		t.Errorf("the text is lost: %v", err)
	}
}

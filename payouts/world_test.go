package payouts_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday

const (
	hub = "acct_hub" // the platform account
	may = "acct_may" // a tutor
)

// directory is who is paid where, for the tests.
type directory struct {
	mu       sync.Mutex
	accounts map[string]*payouts.Payable
	numbers  map[string]string // by destination
}

func (d *directory) Payable(_ context.Context, _ bun.IDB, scope tenant.Scope) (payouts.Payable, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.accounts[scope.Account]
	if !ok {
		return payouts.Payable{}, fault.NoSuch("account", scope.Account)
	}
	seen := *p
	seen.Destinations = append([]payouts.Destination(nil), p.Destinations...)
	return seen, nil
}

func (d *directory) Payables(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (map[string]payouts.Payable, error) {
	found := map[string]payouts.Payable{}
	for _, account := range accounts {
		p, err := d.Payable(ctx, idb, tenant.Scope{Platform: hub, Account: account, Livemode: livemode})
		if err == nil {
			found[account] = p
		}
	}
	return found, nil
}

func (d *directory) Creditor(_ context.Context, _ bun.IDB, _ tenant.Scope, destination string) (rail.Creditor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	number, ok := d.numbers[destination]
	if !ok {
		return rail.Creditor{}, fault.NoSuch("external account", destination)
	}
	return rail.Creditor{Name: "May Wong", Country: "HK", Routing: "110000", Number: secret.New(number)}, nil
}

func (d *directory) MarkErrored(_ context.Context, _ bun.Tx, _ time.Time, scope tenant.Scope, destination string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, to := range d.accounts[scope.Account].Destinations {
		if to.ID == destination {
			d.accounts[scope.Account].Destinations[i].Errored = true
		}
	}
	return nil
}

func (d *directory) Correct(_ context.Context, _ bun.Tx, at time.Time, scope tenant.Scope, destination string, said rail.Change) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if said.Number.Reveal() == "" {
		return "", fault.Invalidf("bank_change_unusable", "", "The bank says nothing that could be taken over.")
	}
	for i, to := range d.accounts[scope.Account].Destinations {
		if to.ID == destination {
			to.ID, to.ChangedAt, to.Errored = destination+"2", at, false
			d.accounts[scope.Account].Destinations[i] = to
			d.numbers[to.ID] = said.Number.Reveal()
			return to.ID, nil
		}
	}
	return "", fault.NoSuch("external account", destination)
}

// witness is a bank that counts what it is told, and can no more than pay.
type witness struct {
	rail.Direct
	mu    sync.Mutex
	told  map[string]int
	asked map[string]int

	calendar string // its bank days
}

func (w *witness) Capabilities() rail.Capabilities {
	c := w.Direct.Capabilities()
	c.Calendar = w.calendar
	c.Instant, c.Debits, c.Recalls = false, false, false
	return c
}

func (w *witness) Submit(ctx context.Context, i rail.Instruction) rail.Result {
	w.mu.Lock()
	w.told[i.Reference]++
	w.mu.Unlock()
	return w.Direct.Submit(ctx, i)
}

func (w *witness) Lookup(ctx context.Context, q rail.Query) rail.Result {
	w.mu.Lock()
	w.asked[q.Reference]++
	w.mu.Unlock()
	return w.Direct.Lookup(ctx, q)
}

// world is a marketplace with money, a bank and a clock.
type world struct {
	*testing.T
	pool    *bun.DB
	book    *ledger.Book
	people  *directory
	bank    *witness
	clock   *clock.Fixed
	service *payouts.Service
	intake  *payouts.Intake
	crash   string // the step after which the process dies
	stops   bool   // it is told to stop instead
	stop    context.CancelFunc
	count   int
}

// open is a marketplace whose platform is paid by hand and whose tutor daily,
// both in HKD at working bank accounts.
func open(t *testing.T) *world {
	w := &world{T: t, pool: dbtest.New(t), book: ledger.NewBook(), clock: clock.NewFixed(noon),
		people: &directory{accounts: map[string]*payouts.Payable{}, numbers: map[string]string{}}}
	w.bank = &witness{Direct: banksim.New(w.pool), told: map[string]int{}, asked: map[string]int{}}
	w.pays(hub, payouts.Manual, "hkd", "000123456")
	w.pays(may, payouts.Daily, "hkd", "000123456")
	w.service = payouts.New(w.pool, payouts.Config{
		Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Rails: rail.Modes{Test: rail.Set{w.bank}},
		CheckText: func(param, text string) error {
			if text == "4242424242424242" {
				return fault.Invalidf("parameter_invalid_card_number", param, "A card number was sent.")
			}
			return nil
		},
		After: func(step string) {
			if step != w.crash {
				return
			}
			w.crash = ""
			if !w.stops {
				panic("crashed after " + step)
			}
			w.stop()
		},
	})
	w.intake = payouts.NewIntake(w.service)
	return w
}

// pays says how and where an account is paid.
func (w *world) pays(account string, interval payouts.Interval, currency money.Currency, number string) {
	to := payouts.Destination{ID: "ba_" + account + string(currency), Currency: currency, Default: true}
	w.people.accounts[account] = &payouts.Payable{
		Schedule: payouts.Schedule{Interval: interval}, PayoutsEnabled: true, Destinations: []payouts.Destination{to},
	}
	w.people.numbers[to.ID] = number
}

func scopeOf(account string) tenant.Scope { return tenant.Scope{Platform: hub, Account: account} }

func (w *world) in(fn func(ctx context.Context, tx bun.Tx) error) {
	w.Helper()
	if err := db.InTx(w.Context(), w.pool, fn); err != nil {
		w.Fatal(err)
	}
}

// earn charges a student; days is when the money matures, 0 is at once.
func (w *world) earn(account string, amount int64, currency money.Currency, days int) {
	w.Helper()
	w.count++
	c := journal.Charge{ID: fmt.Sprintf("ch_%d", w.count), Owner: account, Platform: hub, Amount: money.New(amount, currency), At: w.clock.Now()}
	if account != hub {
		c.Direct = &journal.Direct{}
	}
	if days > 0 {
		c.MaturesOn = w.clock.Now().AddDate(0, 0, days)
	}
	w.in(func(ctx context.Context, tx bun.Tx) error {
		results, err := w.book.Post(ctx, tx, journal.ChargeSucceeded(c, func() string { return id.New("txn") }))
		if err == nil {
			err = results[0].Err
		}
		return err
	})
}

// mature moves what is due to available and tells the intake, as the bus would.
func (w *world) mature() {
	w.Helper()
	var matured []balance.Matured
	w.in(func(ctx context.Context, tx bun.Tx) (err error) {
		matured, err = balance.Mature(ctx, tx, w.book, false, w.clock.Now(), 100)
		return err
	})
	for _, m := range matured {
		w.handle(w.available(m.Account, m.Currency))
	}
}

// available is the event balance.available.
func (w *world) available(account string, currency money.Currency) bus.Message {
	return bus.Message{
		Key: account, EventID: id.New("evt"), Type: "balance.available", Platform: hub, Time: w.clock.Now(),
		Value: fmt.Appendf(nil, `{"data":{"object":{"object":"balance","available":[{"amount":1,"currency":%q}]}}}`, currency),
	}
}

// handle brings an event to the intake once, as the bus does.
func (w *world) handle(m bus.Message) {
	w.Helper()
	err := db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		fresh, err := event.Inbox{}.Claim(ctx, tx, payouts.IntakeConsumer, []string{m.EventID})
		if err != nil || !fresh[m.EventID] {
			return err
		}
		_, err = w.intake.Effect(ctx, tx, []bus.Message{m})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

// job runs one of the service's jobs now, and lets the process die where the test says.
func (w *world) job(run func(context.Context, bool, time.Time) (int, error)) (n int) {
	w.Helper()
	defer func() {
		if died := recover(); died != nil {
			w.Log(died)
		}
	}()
	ctx, stop := context.WithCancel(w.Context())
	defer stop()
	w.stop = stop
	n, err := run(ctx, false, w.clock.Now())
	if err != nil && ctx.Err() == nil {
		w.Error(err)
	}
	return n
}

// jobs runs all three in the order of a payout's life.
func (w *world) jobs() {
	w.Helper()
	w.job(w.service.RunDue)
	w.job(w.service.Send)
	w.job(w.service.Settle)
}

func (w *world) create(account string, p payouts.CreateParams) (made *payouts.Payout, err error) {
	err = db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		made, err = w.service.Create(ctx, tx, scopeOf(account), p)
		return err
	})
	return made, err
}

func (w *world) mustCreate(account string, amount int64) *payouts.Payout {
	w.Helper()
	p, err := w.create(account, payouts.CreateParams{Amount: amount, Currency: "hkd"})
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) cancel(p *payouts.Payout) error {
	return db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.Cancel(ctx, tx, p.Scope(), p.ID)
		return err
	})
}

// all lists an account's payouts, oldest first.
func (w *world) all(account string) []*payouts.Payout {
	w.Helper()
	limit := int64(100)
	found, err := w.service.List(w.Context(), w.pool, scopeOf(account), payouts.ListParams{Params: page.Params{Limit: &limit}})
	if err != nil {
		w.Fatal(err)
	}
	var oldest []*payouts.Payout
	for _, p := range found.Items {
		oldest = append([]*payouts.Payout{p}, oldest...)
	}
	return oldest
}

func (w *world) only(account string) *payouts.Payout {
	w.Helper()
	found := w.all(account)
	if len(found) != 1 {
		w.Fatalf("%s has %d payouts, want one", account, len(found))
	}
	return found[0]
}

func (w *world) again(p *payouts.Payout) *payouts.Payout {
	w.Helper()
	found, err := w.service.Get(w.Context(), w.pool, p.Scope(), p.ID)
	if err != nil {
		w.Fatal(err)
	}
	return found
}

func (w *world) expectStatus(p *payouts.Payout, want payouts.Status) {
	w.Helper()
	if got := w.again(p); got.Status != want {
		w.Errorf("the payout of %d is %s, want %s", p.Amount, got.Status, want)
	}
}

// expectBooks compares the ledger's balances, one line "kind owner currency amount" each.
func (w *world) expectBooks(want string) {
	w.Helper()
	var rows []struct {
		Kind, Owner, Currency string
		Balance               int64
	}
	err := w.pool.NewRaw(`SELECT kind, substr(owner, 6) AS owner, currency, credits - debits AS balance FROM ledger.accounts
		WHERE credits <> debits ORDER BY kind, owner, currency`).Scan(w.Context(), &rows)
	if err != nil {
		w.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s %s %s %d", r.Kind, r.Owner, r.Currency, r.Balance))
	}
	if diff := cmp.Diff(table(want), got); diff != "" {
		w.Errorf("the books differ (-want +got):\n%s", diff)
	}
}

// expectLines compares a payout's statement lines, oldest first, "type net" each.
func (w *world) expectLines(p *payouts.Payout, want string) {
	w.Helper()
	found, err := balance.List(w.Context(), w.pool, p.Scope(), balance.Filter{Payout: p.ID}, page.Params{})
	if err != nil {
		w.Fatal(err)
	}
	var got []string
	var sum int64
	for _, line := range found.Items {
		got = append([]string{fmt.Sprintf("%s %d", line.Type, line.Net)}, got...)
		sum += line.Net
	}
	if diff := cmp.Diff(table(want), got); diff != "" {
		w.Errorf("the payout's lines differ (-want +got):\n%s", diff)
	}
	if sum != 0 {
		w.Errorf("the payout's lines sum to %d", sum)
	}
}

// table cuts a text table into its rows, with single spaces.
func table(text string) (rows []string) {
	for _, line := range strings.Split(text, "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			rows = append(rows, line)
		}
	}
	return rows
}

// expectEvents compares the events of a payout, in order of version.
func (w *world) expectEvents(p *payouts.Payout, want ...string) {
	w.Helper()
	var got []string
	err := w.pool.NewRaw(`SELECT object_version || ' ' || type FROM platform.events WHERE object_id = ? ORDER BY object_version`, p.ID).
		Scan(w.Context(), &got)
	if err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("the payout's events differ (-want +got):\n%s", diff)
	}
}

// debits is what left the bank for a payout, and how often.
func (w *world) debits(p *payouts.Payout) (times int, sum int64) {
	w.Helper()
	err := w.pool.NewRaw(`SELECT count(*), coalesce(sum(amount), 0)::bigint FROM banksim.movements WHERE reference = ? AND kind = 'debit'`, p.ID).
		Scan(w.Context(), &times, &sum)
	if err != nil {
		w.Fatal(err)
	}
	return times, sum
}

func (w *world) expectPaidOnce(p *payouts.Payout) {
	w.Helper()
	w.expectStatus(p, payouts.Paid)
	if times, sum := w.debits(p); times != 1 || sum != p.Amount {
		w.Errorf("the bank paid %d in %d debits, want %d in one", sum, times, p.Amount)
	}
}

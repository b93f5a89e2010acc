package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/run"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

const (
	simOperations = 10_000
	simFamilies   = 4
	simActors     = 6  // of a family, at the same time
	simBurst      = 40 // operations that may run in any order
	simAlone      = 8  // operations that run one after the other
	simRounds     = 5  // between two advances of the clock
)

// TestSimulationEndsWithTheBalancesOfTheModel lives through weeks of a few
// marketplaces: charges, refunds, transfers, payouts, nonsense and repetitions, from many
// actors at once, all drawn from one seed. Whatever the order in which they
// arrive, every balance must be what a small model of the documentation says.
//
// SLUICE_SIM_SEED replays a seed: make sim SEED=42.
func TestSimulationEndsWithTheBalancesOfTheModel(t *testing.T) {
	t.Parallel()
	seed := uint64(20261122)
	if given := os.Getenv("SLUICE_SIM_SEED"); given != "" {
		n, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatalf("SLUICE_SIM_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("replay with: make sim SEED=%d", seed)
	w := newSimWorld(t, seed)
	for round := 1; w.count.Load() < simOperations && !t.Failed(); round++ {
		w.each((*simWorld).round)
		if round%simRounds == 0 && !t.Failed() {
			w.advance(1 + w.random.IntN(2))
			w.each((*simWorld).compare)
		}
	}
	if !t.Failed() {
		w.advance(3)
		w.each((*simWorld).compare)
		w.each((*simWorld).comparePayouts)
		w.proveBooks()
	}
	t.Logf("%d operations in %d days: %s", w.count.Load(), w.days, w.kinds())
}

// simWorld is a house without periodic payouts and reserves: these run only
// when the simulation moves the sandbox's clock.
type simWorld struct {
	*house
	seed     uint64
	random   *rand.Rand
	checked  http.Handler // validates answers too
	families []*simFamily
	count    atomic.Int64
	days     int
	mu       sync.Mutex
	seen     map[string]int // operations by kind and expected status
}

func newSimWorld(t *testing.T, seed uint64) *simWorld {
	w := &simWorld{house: quietHouse(t), seed: seed, random: rand.New(rand.NewPCG(seed, 0)), seen: map[string]int{}}
	w.checked = openapi.Wrap(t, w.app.Handler())
	// Half past one at night: days pass without a midnight in between, however long the test takes.
	now := w.app.clocks.Test.Now()
	first := now.Truncate(24 * time.Hour).Add(25*time.Hour + 30*time.Minute)
	if err := w.app.advance(t.Context(), first.Sub(now)); err != nil {
		t.Fatal(err)
	}
	for i := range simFamilies {
		w.families = append(w.families, w.newFamily(i, first.Unix()/86400))
	}
	for i, f := range w.families {
		f.stranger = w.families[(i+1)%simFamilies].accounts[1].id
	}
	return w
}

// quietHouse is a house whose only periodic work is what may happen at any time.
func quietHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, app: newApplication(t, Roles{RoleRelay, RolePayouts}, slog.LevelWarn)}
	ctx, stop := context.WithCancel(context.Background())
	group := run.NewGroup(ctx)
	group.Go("relay", h.app.runRelay)
	h.app.subscribe(group)
	for _, job := range []run.Job{
		{Name: "mature funds", Interval: time.Second, Do: h.app.matureAll},
		{Name: "seal the ledger", Interval: 3 * time.Second, Do: h.app.seal},
	} {
		group.Go("job", run.Every(h.app.pool, job).Run)
	}
	t.Cleanup(func() { inspectEvents(context.Background(), t, h.app.pool) })
	t.Cleanup(func() {
		stop()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// simSettings keep to what the model knows: days of UTC, and nobody takes what an account
// owes from its bank account (journey_debts_test.go does).
var simSettings = map[string]string{"settings[dashboard][timezone]": "Etc/UTC", "settings[payouts][debit_negative_balances]": "false"}

// newFamily is a platform and six accounts that differ in who pays fees, how
// long money waits, and how it is paid out.
func (w *simWorld) newFamily(index int, today int64) *simFamily {
	f := &simFamily{simModel: newSimModel(today), index: index, random: rand.New(rand.NewPCG(w.seed, uint64(index)+1))}
	err := db.InTx(w.t.Context(), w.app.pool, func(ctx context.Context, tx bun.Tx) error {
		a, err := w.app.accounts.CreatePlatform(ctx, tx, w.app.clocks.Test.Now(), connect.PlatformParams{Country: "HK", Name: "TutorHub HK"})
		if err != nil {
			return err
		}
		_, plain, err := w.app.keys.Create(ctx, tx, time.Now().UTC(), credential.Owner{Account: a.ID}, credential.NewKey{Kind: credential.Secret})
		f.key, f.platform = plain.Reveal(), &simAccount{id: a.ID, delay: 2, manual: map[string]bool{}, daily: map[string]bool{}}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	f.accounts = []*simAccount{f.platform}
	for _, c := range []struct {
		form     string
		banks    string
		interval string
		delay    int64
	}{
		{"type=custom", "hk jp kw us", "daily", 2},
		{"type=standard", "hk", "daily", 2},
		{"controller[fees][payer]=application&controller[losses][payments]=application&controller[stripe_dashboard][type]=none&controller[requirement_collection]=application", "hk jp kw us", "manual", 7},
		{"type=express", "", "daily", 2},
		{"type=custom", "hk us", "manual", 0},
		{"type=custom", "broken jp", "daily", 1},
	} {
		form, err := url.ParseQuery(c.form + "&country=HK&capabilities[transfers][requested]=true&capabilities[card_payments][requested]=true")
		if err != nil {
			w.t.Fatal(err)
		}
		form.Set("settings[payouts][schedule][interval]", c.interval)
		for name, value := range simSettings {
			form.Set(name, value)
		}
		form.Set("settings[payouts][schedule][delay_days]", digits(c.delay))
		a := &simAccount{id: w.must(f, "/v1/accounts", form).ID, delay: c.delay, platformPays: strings.HasPrefix(c.form, "controller")}
		w.addBanks(f, a, c.banks, c.interval)
		f.accounts = append(f.accounts, a)
	}
	interval := []string{"manual", "daily"}[index%2]
	own := url.Values{"settings[payouts][schedule][interval]": {interval}}
	for name, value := range simSettings {
		own.Set(name, value)
	}
	w.must(f, "/v1/accounts/"+f.platform.id, own)
	w.addBanks(f, f.platform, "hk us", interval)
	return f
}

// addBanks gives an account banks; one of them breaks every payout.
func (w *simWorld) addBanks(f *simFamily, a *simAccount, banks, interval string) {
	a.daily, a.manual = map[string]bool{}, map[string]bool{}
	for _, bank := range strings.Fields(banks) {
		form := url.Values{"external_account": {"btok_" + bank}}
		if bank == "broken" {
			form = url.Values{"external_account[object]": {"bank_account"}, "external_account[country]": {"HK"}, "external_account[currency]": {"hkd"},
				"external_account[routing_number]": {"110-000"}, "external_account[account_number]": {"000111111113"}}
		}
		w.must(f, "/v1/accounts/"+a.id+"/external_accounts", form)
		currency := map[string]string{"hk": "hkd", "broken": "hkd", "jp": "jpy", "kw": "kwd", "us": "usd"}[bank]
		a.daily[currency] = interval == "daily" && bank != "broken"
		a.manual[currency] = bank != "broken"
	}
}

func (w *simWorld) must(f *simFamily, path string, form url.Values) simReply {
	w.t.Helper()
	op := &simOp{path: path, form: form}
	status, r, body, _ := w.send(f, op, w.checked)
	if status != 200 {
		w.t.Fatalf("%s %v: %d %s", path, form, status, body)
	}
	return r
}

// each runs fn for every family at the same time.
func (w *simWorld) each(fn func(*simWorld, *simFamily)) {
	var all sync.WaitGroup
	for _, f := range w.families {
		all.Go(func() { fn(w, f) })
	}
	all.Wait()
}

// round is a burst of operations by many actors, then a few one by one.
func (w *simWorld) round(f *simFamily) {
	busy := map[any]bool{}
	burst := make(chan *simOp, simBurst)
	for range simBurst {
		if op := f.next(busy); op != nil {
			w.number(f, op)
			burst <- op
		}
	}
	close(burst)
	var actors sync.WaitGroup
	for range simActors {
		actors.Go(func() {
			for op := range burst {
				w.perform(f, op)
			}
		})
	}
	actors.Wait()
	if _, err := w.app.mature(w.t.Context(), false); err != nil { // what the job does every second
		w.t.Errorf("mature: %v", err)
	}
	for range simAlone {
		if w.t.Failed() {
			return
		}
		if op := f.nextAlone(); op != nil {
			w.number(f, op)
			w.perform(f, op)
		}
	}
}

func (w *simWorld) number(f *simFamily, op *simOp) {
	w.count.Add(1)
	f.count++
	op.index, op.family = f.count, f.index
	op.key = fmt.Sprintf("sim_%d_%d_%d", w.seed, f.index, f.count)
	kind, _, _ := strings.Cut(op.what, " ")
	w.see(fmt.Sprintf("%s %d", kind, op.status))
}

func (w *simWorld) see(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[what]++
}

// kinds tells how often what was tried, so that a reader sees what the run proves.
func (w *simWorld) kinds() string {
	var kinds []string
	for kind, n := range w.seen {
		kinds = append(kinds, fmt.Sprintf("%s ×%d", kind, n))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

// perform carries an operation out, some of them three times under one key, and compares the answer.
func (w *simWorld) perform(f *simFamily, op *simOp) {
	if w.t.Failed() {
		return
	}
	handler := w.app.Handler()
	if op.index%20 == 0 {
		handler = w.checked
	}
	if op.repeat {
		w.twice(f, op, handler)
	}
	status, r, body, replayed := w.send(f, op, handler)
	switch {
	case status != op.status:
		w.failed(op, "answered %d, the model says %d\n%s", status, op.status, body)
	case op.repeat && !replayed && status != http.StatusBadRequest: // what is refused at the door is not remembered
		w.failed(op, "a repeated request was not answered from memory")
	case status == 200 && op.then != nil:
		if err := op.then(r); err != nil {
			w.failed(op, "%v\n%s", err, body)
		}
	}
	if op.repeat && status == 200 {
		other := *op
		other.form = url.Values{"amount": {"77770"}}
		if status, r, body, _ := w.send(f, &other, handler); status != 400 || r.Error.Type != "idempotency_error" {
			w.failed(op, "its key with other parameters was answered %d\n%s", status, body)
		}
	}
}

// twice sends an operation two times at once: one is carried out, the other
// gets its answer or is told to wait.
func (w *simWorld) twice(f *simFamily, op *simOp, handler http.Handler) {
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			status, r, body, _ := w.send(f, op, handler)
			if status != op.status && (status != 409 || r.Error.Code != "idempotency_key_in_use") {
				w.failed(op, "repeated at once it answered %d, the model says %d\n%s", status, op.status, body)
			}
		})
	}
	both.Wait()
}

func (w *simWorld) failed(op *simOp, format string, args ...any) {
	w.t.Errorf("seed %d, family %d, operation %d (%s %s): %s", w.seed, op.family, op.index, op.path, op.what, fmt.Sprintf(format, args...))
}

func (w *simWorld) send(f *simFamily, op *simOp, handler http.Handler) (status int, r simReply, body string, replayed bool) {
	method := op.method
	if method == "" {
		method = http.MethodPost
	}
	req := httptest.NewRequest(method, op.path, strings.NewReader(op.form.Encode()))
	req.Header.Set("Authorization", "Bearer "+f.key)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Idempotency-Key", op.key)
	}
	if op.key == "" {
		req.Header.Del("Idempotency-Key")
	}
	if op.account != "" && op.account != f.platform.id {
		req.Header.Set("Stripe-Account", op.account)
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, req)
	raw, _ := io.ReadAll(rec.Body)
	if err := json.Unmarshal(raw, &r); err != nil {
		w.failed(op, "not JSON: %v\n%s", err, raw)
	}
	return rec.Code, r, string(raw), rec.Header().Get("Idempotent-Replayed") == "true"
}

// advance lets days pass, in the product and in the models.
func (w *simWorld) advance(days int) {
	w.count.Add(1)
	w.days += days
	w.must(w.families[0], "/v1/test_helpers/world_clock/advance", url.Values{"duration": {fmt.Sprintf("%dd", days)}})
	for _, f := range w.families {
		for range days {
			f.midnight(simCurrencies)
		}
		f.payouts = nil // handed to the bank
	}
}

// compare holds every balance of a family against the model.
func (w *simWorld) compare(f *simFamily) {
	for _, currency := range simCurrencies {
		if f.reserved[currency] > 0 {
			w.see("reserve held")
		}
	}
	for _, a := range f.accounts {
		_, r, body, _ := w.send(f, &simOp{method: "GET", path: "/v1/balance", account: a.id}, w.checked)
		for _, currency := range simCurrencies {
			p := simPurse{a.id, currency}
			want := [3]int64{f.available[p], f.pendingOf(p), 0}
			if a == f.platform {
				want[2] = f.reserved[currency]
			}
			got := [3]int64{in(r.Available, currency), in(r.Pending, currency), in(r.ConnectReserved, currency)}
			if got != want {
				w.t.Errorf("seed %d, family %d, after operation %d: account %s has %v %s available, pending and reserved, the model says %v\n%s",
					w.seed, f.index, f.count, f.name(a), got, currency, want, body)
			}
		}
	}
}

func in(amounts []simAmount, currency string) int64 {
	for _, a := range amounts {
		if a.Currency == currency {
			return a.Amount
		}
	}
	return 0
}

// name tells accounts apart in a way that is the same in every run.
func (f *simFamily) name(a *simAccount) string {
	for i, other := range f.accounts {
		if a == other {
			return strconv.Itoa(i)
		}
	}
	return "?"
}

// comparePayouts reads the newest payouts of every account: their lines net to zero.
func (w *simWorld) comparePayouts(f *simFamily) {
	for _, a := range f.accounts {
		_, payouts, _, _ := w.send(f, &simOp{method: "GET", path: "/v1/payouts?limit=20", account: a.id}, w.checked)
		for _, p := range payouts.Data {
			var sum int64
			for more, after := true, ""; more; {
				_, lines, body, _ := w.send(f, &simOp{method: "GET", account: a.id,
					path: "/v1/balance_transactions?limit=100&payout=" + p.ID + after}, w.checked)
				if len(lines.Data) == 0 {
					w.t.Fatalf("payout %s has no lines: %s", p.ID, body)
				}
				for _, line := range lines.Data {
					sum += line.Net
				}
				more, after = lines.HasMore, "&starting_after="+lines.Data[len(lines.Data)-1].ID
			}
			if sum != 0 {
				w.t.Errorf("the lines of payout %s of account %s sum to %d", p.ID, f.name(a), sum)
			}
		}
	}
}

// proveBooks checks what must hold whatever the model says.
func (w *simWorld) proveBooks() {
	ctx := w.t.Context()
	if err := w.app.seal(ctx); err != nil {
		w.t.Fatal(err)
	}
	report, err := audit.Verify(ctx, w.app.pool, nil)
	if err != nil || !report.OK() {
		w.t.Errorf("verify: %v %v", err, report.Findings)
	}
	rows, err := audit.TrialBalance(ctx, w.app.pool)
	if err != nil {
		w.t.Fatal(err)
	}
	sums, clearing := map[string]int64{}, map[string]int64{}
	for _, row := range rows {
		n, err := strconv.ParseInt(row.Balance, 10, 64)
		if err != nil {
			w.t.Fatal(err)
		}
		sums[string(row.Currency)] += n
		if row.Kind == "processor_clearing" {
			clearing[string(row.Currency)] = -n
		}
	}
	for _, currency := range simCurrencies {
		var taken int64
		for _, f := range w.families {
			taken += f.clearing[currency]
		}
		if sums[currency] != 0 || clearing[currency] != taken {
			w.t.Errorf("%s: the trial balance sums to %d; the processor owes %d, the model says %d", currency, sums[currency], clearing[currency], taken)
		}
	}
	w.mustBeNone("objects whose event versions have gaps", `SELECT count(*) FROM (SELECT 1 FROM platform.events
		GROUP BY object_id HAVING count(*) <> max(object_version) OR min(object_version) <> 1) AS broken`)
	w.mustBeNone("payouts whose lines do not net to zero", `SELECT count(*) FROM (SELECT 1 FROM ledger.payout_lines
		GROUP BY payout HAVING sum(net) <> 0) AS broken`)
	w.mustBeNone("payouts without lines", `SELECT count(*) FROM payouts.payouts p
		WHERE NOT EXISTS (SELECT FROM ledger.payout_lines t WHERE t.payout = p.id)`)
	w.mustBeNone("charges without an end", `SELECT count(*) FROM connect.charges WHERE status = 'pending'`)
}

func (w *simWorld) mustBeNone(what, query string) {
	w.t.Helper()
	var n int
	if err := w.app.pool.NewRaw(query).Scan(w.t.Context(), &n); err != nil || n != 0 {
		w.t.Errorf("%d %s (%v)", n, what, err)
	}
}

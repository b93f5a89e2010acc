package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	bookings "github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// made is a payout of a bulk.
type made struct {
	ID, Account, Status, Method string
	Amount                      int64
	Automatic, Held             bool
}

// pays is what its lines must make up: those of one that failed are free again.
func (m made) pays() int64 {
	if m.Status == "failed" || m.Status == "canceled" {
		return 0
	}
	return m.Amount
}

func (m made) kinds() (all []string) {
	switch {
	case m.Amount < 0:
		all = append(all, "debit")
	case m.Automatic:
		all = append(all, "automatic")
	default:
		all = append(all, m.Method)
	}
	if m.Held {
		all = append(all, "held")
	}
	if m.pays() == 0 {
		all = append(all, m.Status)
	}
	return all
}

// purses are accounts that are paid alike.
type purses struct {
	accounts []string
	manual   bool // by hand, else daily
	owes     bool // is refunded more than it has, and debited
}

// random makes payouts of all kinds, at least so many, day by day: lessons, refunds
// and fees, payouts by hand in whole and in part, at once and by the schedule, debits,
// refusals of the bank, cancellations, and holds that last.
func (b bulk) random(dice *rand.Rand, least int) (all []made) {
	b.t.Helper()
	each := least/25 + 2
	groups := []purses{
		{accounts: b.accounts(each, "manual", "000123456", false), manual: true},
		{accounts: b.accounts(each, "daily", "000123456", false)},
		{}, // those whose bank account is closed: each is told of, so each is made by itself
		{accounts: b.accounts(each/4+1, "daily", "000123456", true), owes: true},
	}
	groups[0].accounts = append(groups[0].accounts, b.platform)
	for range each/8 + 1 {
		groups[2].accounts = append(groups[2].accounts, b.accounts(1, "daily", "000111111113", false)...)
	}
	for day := 0; len(all) < least || len(missing(all)) > 0; day++ {
		if day > 60 {
			b.t.Fatalf("%d payouts in 60 days; none was %v", len(all), missing(all))
		}
		b.business(dice, groups)
		for _, g := range groups {
			if g.manual {
				b.byHand(dice, g.accounts)
			} else {
				b.noteDue(g.accounts)
			}
		}
		if _, err := b.app.world.Advance(b.t.Context(), 24*time.Hour); err != nil {
			b.t.Fatal(err)
		}
		b.run(b.app.payouts.RunDue, b.app.payouts.RunDebits)
		b.hinder(dice)
		b.run(b.app.payouts.Send, b.app.payouts.Settle)
		all = b.made()
	}
	return all
}

func (b bulk) run(steps ...func(context.Context, bool, time.Time) (int, error)) {
	b.t.Helper()
	for _, step := range steps {
		if _, err := step(b.t.Context(), false, b.now()); err != nil {
			b.t.Fatal(err)
		}
	}
}

// business is a day of lessons and refunds, available at once.
func (b bulk) business(dice *rand.Rand, groups []purses) {
	b.t.Helper()
	newID := func() string { return id.New("txn") }
	var entries []ledger.Entry
	for _, g := range groups {
		for _, account := range g.accounts {
			for range 1 + dice.IntN(3) {
				amount := 2000 + dice.Int64N(100_000)
				c := bookings.Charge{ID: id.New("ch"), Owner: account, Platform: b.platform, Amount: money.New(amount, "hkd"),
					ProcessingFee: dice.Int64N(amount / 20), Description: "Lesson", At: b.now()}
				if account != b.platform {
					c.Direct = &bookings.Direct{}
					if dice.IntN(2) == 0 {
						c.Direct = &bookings.Direct{ApplicationFee: 1 + dice.Int64N(amount/10), FeeID: id.New("fee"), Application: "ca_tutorhub"}
					}
				}
				entries = append(entries, bookings.ChargeSucceeded(c, newID))
			}
			refund := dice.Int64N(30_000)
			if g.owes && dice.IntN(2) == 0 {
				refund += 400_000
			}
			if dice.IntN(3) == 0 || refund > 30_000 {
				entries = append(entries, bookings.Refunded(bookings.Refund{ID: id.New("re"), Owner: account, Platform: b.platform,
					Amount: money.New(1+refund, "hkd"), At: b.now()}, newID))
			}
		}
	}
	b.post(entries)
}

// byHand pays parts of what there is, at once or not, and takes some of it back.
func (b bulk) byHand(dice *rand.Rand, accounts []string) {
	b.t.Helper()
	free := b.free()
	for part := range slices.Chunk(accounts, 50) {
		b.in(func(ctx context.Context, tx bun.Tx) error {
			for _, account := range part {
				left := free[account]
				for range 1 + dice.IntN(3) {
					if left < 1000 {
						break
					}
					amount := left
					if dice.IntN(2) == 0 {
						amount = 1000 + dice.Int64N(left-999)
					}
					p, err := b.app.payouts.Create(ctx, tx, b.scope(account), payouts.CreateParams{
						Amount: amount, Currency: "hkd", Method: []string{payouts.Standard, payouts.Instant}[dice.IntN(2)],
					})
					if f := fault.As(err); f != nil && f.Code == "balance_insufficient" {
						break // the platform's reserve has taken of it meanwhile
					}
					if err != nil {
						return err
					}
					left -= amount
					if p.Method == payouts.Standard && dice.IntN(5) == 0 {
						if _, err := b.app.payouts.Cancel(ctx, tx, p.Scope(), p.ID); err != nil {
							return err
						}
						left += amount
					}
				}
			}
			return nil
		})
	}
}

// free is what is available on each account.
func (b bulk) free() map[string]int64 {
	b.t.Helper()
	var rows []struct {
		Owner   string
		Balance int64
	}
	err := b.app.pool.NewRaw(`SELECT owner, credits - debits AS balance FROM ledger.accounts WHERE kind = 'available' AND currency = 'hkd' AND NOT livemode`).Scan(b.t.Context(), &rows)
	if err != nil {
		b.t.Fatal(err)
	}
	free := map[string]int64{}
	for _, row := range rows {
		free[row.Owner] = row.Balance
	}
	return free
}

func (b bulk) noteDue(accounts []string) {
	b.t.Helper()
	for part := range slices.Chunk(accounts, perCommit) {
		dues := make([]payouts.Due, len(part))
		for i, account := range part {
			dues[i] = payouts.Due{Platform: b.platform, Account: account, Currency: "hkd"}
		}
		b.in(func(ctx context.Context, tx bun.Tx) error { return b.app.payouts.Note(ctx, tx, b.now(), dues...) })
	}
}

// hinder puts a few pending payouts on hold.
func (b bulk) hinder(dice *rand.Rand) {
	b.t.Helper()
	var pending []string
	err := b.app.pool.NewRaw(`SELECT id FROM payouts.payouts WHERE status = 'pending' AND NOT held AND amount > 0 ORDER BY id LIMIT 200`).Scan(b.t.Context(), &pending)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, payout := range pending {
		if dice.IntN(20) > 0 {
			continue
		}
		b.in(func(ctx context.Context, tx bun.Tx) error {
			_, err := b.app.payouts.Hold(ctx, tx, b.scope(b.platform), "", payouts.HoldParams{Payout: payout, Reason: "to be looked at"})
			if fault.Is(err, fault.Invalid) {
				return nil // the house has sent it meanwhile
			}
			return err
		})
	}
}

func (b bulk) made() (all []made) {
	b.t.Helper()
	err := b.app.pool.NewRaw(`SELECT id, account, status, method, amount, automatic, held FROM payouts.payouts ORDER BY id`).Scan(b.t.Context(), &all)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// rest lets the house come to rest: nothing is under way that would change a payout
// while it is looked at. What is held stays.
func (b bulk) rest() []made {
	b.t.Helper()
	for range 6 {
		if _, err := b.app.world.Advance(b.t.Context(), 24*time.Hour); err != nil {
			b.t.Fatal(err)
		}
		b.run(b.app.payouts.Send, b.app.payouts.Settle)
	}
	bustest.Eventually(b.t, "nothing is under way", func() bool {
		return !slices.ContainsFunc(b.made(), func(m made) bool { return !m.Held && (m.Status == "pending" || m.Status == "in_transit") })
	})
	return b.made()
}

// kindsOf counts payouts by kind; one may be of several.
func kindsOf(all []made) map[string]int {
	seen := map[string]int{}
	for _, m := range all {
		for _, kind := range m.kinds() {
			seen[kind]++
		}
	}
	return seen
}

// missing are the kinds that the dice have left out so far.
func missing(all []made) (kinds []string) {
	seen := kindsOf(all)
	for _, kind := range []string{"automatic", payouts.Standard, payouts.Instant, "debit", "failed", "canceled", "held"} {
		if seen[kind] == 0 {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// filled is a house with payouts in it, for several who ask at once.
type filled struct {
	*house
	jar http.CookieJar
}

// openFilled fills a house. SLUICE_PAGE_PAYOUTS=10000 makes as many payouts, and
// SLUICE_PAGE_SEED repeats a run.
func openFilled(t *testing.T, least int) (filled, []made) {
	t.Helper()
	least = number(t, "SLUICE_PAGE_PAYOUTS", least)
	seed := number(t, "SLUICE_PAGE_SEED", uint64(time.Now().UnixNano()))
	t.Logf("SLUICE_PAGE_SEED=%d SLUICE_PAGE_PAYOUTS=%d", seed, least)
	h := newHouse(t)
	clerk{house: h}.post("/v1/accounts/"+h.platform+"/external_accounts", "external_account=btok_hk")
	clerk{house: h}.post("/v1/accounts/"+h.platform, "settings[payouts][schedule][interval]=manual")
	b := bulk{t: t, app: h.app, platform: h.platform}
	began := time.Now()
	b.random(rand.New(rand.NewPCG(seed, 1)), least)
	all := b.rest()
	t.Logf("made in %s", time.Since(began).Round(time.Second/10))
	t.Log(len(all), "payouts:", kindsOf(all))
	if left := missing(all); len(left) > 0 {
		t.Errorf("no payout was %v", left)
	}
	g := h.sits("Ada", session.Owner)
	return filled{house: h, jar: g.http.Jar}, all
}

// each asks about all payouts, a few at a time.
func (d filled) each(t *testing.T, all []made, ask func(d filled, m made)) {
	t.Helper()
	const askers = 4
	began := time.Now()
	t.Run("askers", func(t *testing.T) {
		for n := range askers {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				h := *d.house
				h.t = t
				for i := n; i < len(all); i += askers {
					ask(filled{house: &h, jar: d.jar}, all[i])
				}
			})
		}
	})
	t.Logf("asked in %s", time.Since(began).Round(time.Second/10))
}

// desk is one browser of Ada's: what it looks at is its own.
func (d filled) desk() *guest {
	g := d.house.guest("en")
	jar, _ := cookiejar.New(nil) // never fails without options
	home, err := url.Parse(d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	jar.SetCookies(home, d.jar.Cookies(home))
	g.http.Jar = jar
	return g
}

func (d filled) clerkOf(account string) clerk {
	if account == d.platform {
		return clerk{house: d.house}
	}
	return clerk{d.house, account}
}

// Through every door of the API the rows of a payout sum to its amount: its
// transactions, the itemised report of an interval, the report by payout, and the CSV
// that a person downloads.
func TestTheRowsOfEveryPayoutSumToItThroughTheAPIAndItsFiles(t *testing.T) {
	t.Parallel()
	d, all := openFilled(t, 40)
	ada := clerk{house: d.house}
	itemised := map[string]int64{}
	for _, report := range []string{"connected_account_payout_reconciliation.itemized.5", "payout_reconciliation.itemized.5"} {
		run := ada.post("/v1/reporting/report_runs", fmt.Sprintf("report_type=%s&parameters[interval_start]=0&parameters[interval_end]=%d&parameters[columns][]=payout_id&parameters[columns][]=net",
			report, d.app.clocks.Test.Now().AddDate(1, 0, 0).Unix()))["id"].(string)
		d.sums(run, itemised)
	}
	d.each(t, all, func(d filled, m made) {
		report := "connected_account_payout_reconciliation.by_id.itemized.4"
		if m.Account == d.platform {
			report = "payout_reconciliation.by_id.itemized.4"
		}
		run := clerk{house: d.house}.post("/v1/reporting/report_runs", "report_type="+report+"&parameters[columns][]=payout_id&parameters[columns][]=net&parameters[payout]="+m.ID)["id"].(string)
		lines, own := d.transactions(m)
		onDesk, _ := d.netInFile(d.desk(), m.ID)
		byID := map[string]int64{}
		d.sums(run, byID)
		if lines != m.pays() || lines+own != 0 || itemised[m.ID] != m.pays() || byID[m.ID] != m.pays() || len(byID) > 1 || onDesk != m.pays() {
			d.t.Errorf("%+v: its transactions make %d (%d with its own), the report %d, the report by payout %v, the CSV %d",
				m, lines, lines+own, itemised[m.ID], byID, onDesk)
		}
	})
	d.closeBooks()
}

// transactions adds up all pages of GET /v1/balance_transactions?payout=…: what the payout
// consists of, and its own lines.
func (d filled) transactions(m made) (lines, own int64) {
	d.t.Helper()
	for after := ""; ; {
		page := d.clerkOf(m.Account).get("/v1/balance_transactions?limit=100&payout=" + m.ID + after)
		for _, row := range page["data"].([]any) {
			net := int64(at(row, "net").(float64))
			if payouts.OwnLine(at(row, "type").(string)) {
				own += net
			} else {
				lines += net
			}
			after = "&starting_after=" + at(row, "id").(string)
		}
		if !page["has_more"].(bool) {
			return lines, own
		}
	}
}

// sums waits for a report and adds up its net column by payout.
func (d filled) sums(run string, into map[string]int64) {
	d.t.Helper()
	ada := clerk{house: d.house}
	bustest.Eventually(d.t, "the report is made", func() bool {
		return ada.get("/v1/reporting/report_runs/" + run)["status"] != "pending"
	})
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url+"/v1/reporting/report_runs/"+run+"/result", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.SetBasicAuth(d.key, "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("%d %s: %v", res.StatusCode, raw, err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(raw))).ReadAll()
	if err != nil || len(rows) == 0 {
		d.t.Fatal(err)
	}
	for _, row := range rows[1:] {
		into[row[0]] += cents(d.t, row[1])
	}
}

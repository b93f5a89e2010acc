package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// desk is where a page of the platform's desk is.
func (h *house) deskOf(path string) string { return "/dashboard/" + h.platform + "/test" + path }

// sits makes a person of the platform's team, signed in.
func (h *house) sits(name string, role session.Role) *guest {
	h.t.Helper()
	g := h.guest("en")
	h.joins(g.signIn(name), h.platform, role)
	return g
}

// cents reads an amount as a page or a file shows it: "−HK$1,234.50", "-1234.50".
func cents(t testing.TB, shown string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.NewReplacer("−", "-", "HK$", "", ",", "", ".", "").Replace(shown), 10, 64)
	if err != nil {
		t.Fatalf("no amount: %q", shown)
	}
	return n
}

var shownAmount = regexp.MustCompile(`<data class="amount"[^>]*>([^<]*)</data>`)

func amountsIn(t testing.TB, part string) (all []int64) {
	t.Helper()
	for _, m := range shownAmount.FindAllStringSubmatch(part, -1) {
		all = append(all, cents(t, html.UnescapeString(m[1])))
	}
	return all
}

func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

func total(amounts []int64) (sum int64) {
	for _, a := range amounts {
		sum += a
	}
	return sum
}

// The page of a payout, its equation, its lines on all pages and in their file, and what
// the API explains are one and the same to the cent; see openFilled for the long run.
func TestPageAPIAndCSVAgreeToTheCentForManyPayouts(t *testing.T) {
	t.Parallel()
	d, all := openFilled(t, 200)
	listed := map[string]int64{}
	for _, row := range d.file(d.desk(), "/payouts?format=csv&columns=amount,items") {
		listed[row[0]] = cents(t, row[1])
	}
	d.each(t, all, func(d filled, m made) {
		explained := d.clerkOf(m.Account).get("/v1/payouts/" + m.ID + "/explanation")
		terms := int64(0)
		for _, term := range explained["terms"].([]any) {
			terms += int64(term.(map[string]any)["amount"].(float64))
		}
		if terms != m.pays() || int64(explained["sum"].(float64)) != m.pays() {
			d.t.Fatalf("%+v: the API's terms make %d", m, terms)
		}
		g := d.desk()
		page := g.open(d.deskOf("/payouts/" + m.ID)).page
		if head := amountsIn(d.t, between(page, `<h1 class="row">`, "</h1>")); len(head) != 1 || head[0] != m.Amount {
			d.t.Fatalf("%+v: the head says %v (%d)", m, head, g.last.StatusCode)
		}
		if equation := amountsIn(d.t, between(page, `<dl class="equation">`, "</dl>")); m.pays() != 0 || len(equation) > 0 {
			last := len(equation) - 1
			if last < 1 || total(equation[:last]) != m.pays() || equation[last] != m.pays() {
				d.t.Fatalf("%+v: the page says %v", m, equation)
			}
		}
		onPage, lines := d.netOnPages(g, m.ID)
		inFile, rows := d.netInFile(g, m.ID)
		if onPage != m.pays() || inFile != m.pays() || lines != rows || lines != int(explained["count"].(float64)) {
			d.t.Fatalf("%+v: %d lines on its pages make %d, %d in its file %d", m, lines, onPage, rows, inFile)
		}
		if listed[m.ID] != m.Amount {
			d.t.Errorf("%+v: the list's file says %d", m, listed[m.ID])
		}
	})
	d.closeBooks()
}

// netOnPages adds up the net column of all pages of a payout's transactions.
func (h *house) netOnPages(g *guest, payout string) (sum int64, lines int) {
	h.t.Helper()
	for path := h.deskOf("/payouts/" + payout + "?tab=items"); path != ""; {
		page := g.open(path).page
		for _, row := range strings.Split(between(page, "<tbody>", "</tbody>"), "</tr>") {
			if amounts := amountsIn(h.t, row); len(amounts) == 3 {
				if amounts[0]+amounts[1] != amounts[2] {
					h.t.Fatalf("gross, fee and net of a line are %v", amounts)
				}
				sum += amounts[2]
				lines++
			}
		}
		path = ""
		if pager := between(page, `class="pager"`, "</nav>"); strings.Contains(pager, `rel="next"`) {
			links := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(pager)
			path = html.UnescapeString(links[1])
		}
	}
	return sum, lines
}

func (h *house) netInFile(g *guest, payout string) (sum int64, lines int) {
	h.t.Helper()
	for _, row := range h.file(g, "/payouts/"+payout+"?tab=items&format=csv") {
		sum += cents(h.t, row[7])
		lines++
	}
	return sum, lines
}

// file is a CSV of the desk without its heading.
func (h *house) file(g *guest, path string) [][]string {
	h.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(g.open(h.deskOf(path)).page)).ReadAll()
	if err != nil || len(rows) == 0 {
		h.t.Fatal(err)
	}
	return rows[1:]
}

func TestARunIsForeseenApprovedByTwoAndGoesToTheBankInAFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, paperBank(t))
	ada := clerk{house: h}
	tutor := ada.tutor()
	now := h.app.clocks.Test.Now()
	soon := now.AddDate(0, 0, 4)
	for soon.Weekday() == time.Saturday || soon.Weekday() == time.Sunday { // no paydays
		soon = soon.AddDate(0, 0, 1)
	}
	payday := strings.ToLower(soon.Weekday().String())
	ada.post("/v1/accounts/"+tutor, "business_profile[name]=May+Wong&settings[payouts][schedule][interval]=weekly&settings[payouts][schedule][weekly_anchor]="+payday)
	ada.post("/v1/accounts/"+h.platform, "settings[payouts][schedule][interval]=manual")
	ada.post("/v1/payout_policy", "approval_over[hkd]=1000")
	ada.post("/v1/charges", "amount=60000&currency=hkd&source=tok_bypassPending&application_fee_amount=6000&transfer_data[destination]="+tutor)
	h.days("1d") // who has money is noted once a day, whatever events say

	first, second := h.sits("Ada", session.Owner), h.sits("Lok", session.Finance)
	tab := uitest.Browser(t).Tab(t)
	tab.Cookies(h.url, first.http.Jar.Cookies(first.home()))
	tab.Open(h.url + h.deskOf("/payout-runs/preview?date="+now.AddDate(0, 0, 8).Format(time.DateOnly)))
	for _, text := range []string{"May Wong", "HK$540.00", "Needs approval"} {
		tab.WaitText(text)
	}
	tab.Open(h.url + h.deskOf("/payout-runs/now"))
	tab.ClickThrough("Run now")
	tab.WaitText("Run of")
	h.days("7d")
	paid := ada.get("/v1/payouts?account=all")["data"].([]any)[0].(map[string]any)
	run := paid["payout_run"].(string)
	tab.Open(h.url + h.deskOf("/payout-runs/"+run))
	tab.WaitText("Wait for two people to agree: 1")
	tab.WaitText("HK$540.00")
	tab.ClickThrough("Approve the run")
	tab.WaitText("Approve the run of")
	tab.ClickThrough("Approve all that wait")
	tab.WaitText("another person has to agree")

	// The same person counts once; the finance person is the second, without JavaScript.
	tab.Open(h.url + h.deskOf("/payout-runs/"+run+"/approve"))
	tab.ClickThrough("Approve all that wait")
	tab.WaitText("another person has to agree")
	plain := uitest.Browser(t).Tab(t, uitest.NoScript)
	plain.Cookies(h.url, second.http.Jar.Cookies(second.home()))
	plain.Open(h.url + h.deskOf("/payout-runs/"+run+"/approve"))
	plain.ClickThrough("Approve all that wait")
	plain.WaitText("the payouts go now")

	if _, err := h.app.payouts.Send(t.Context(), false, h.app.clocks.Test.Now()); err != nil {
		t.Fatal(err)
	}
	tab.Open(h.url + h.deskOf("/payout-runs/"+run))
	tab.WaitText("In transit")
	batch := ada.get("/v1/payout_batches")["data"].([]any)[0].(map[string]any)
	file := batch["file"].(map[string]any)
	tab.WaitText(file["sha256"].(string))
	tab.ClickThrough(file["name"].(string))
	tab.WaitText("Download the file")
	taken := first.open(h.deskOf("/payout-batches/" + batch["id"].(string) + "/file"))
	sum := sha256.Sum256([]byte(taken.page))
	if hex.EncodeToString(sum[:]) != file["sha256"] || taken.last.Header.Get("Content-Disposition") == "" {
		t.Errorf("the file that was taken is %q", taken.page)
	}
	if second.open(h.deskOf("/payout-batches/" + batch["id"].(string) + "/file")); second.last.StatusCode != http.StatusForbidden {
		t.Errorf("finance takes the file: %d", second.last.StatusCode)
	}
	for _, page := range []string{"/payouts", "/ledger", "/ledger/entries", "/trial-balance", "/payout-batches", "/payout-runs"} {
		if g := first.open(h.deskOf(page)); g.last.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", page, g.last.StatusCode)
		}
	}
	payout := paid["id"].(string)
	for _, tabName := range []string{"", "?tab=items", "?tab=bank", "?tab=ledger"} {
		if g := second.open(h.deskOf("/payouts/" + payout + tabName)); g.last.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", tabName, g.last.StatusCode)
		}
	}
	first.open(h.deskOf("/payouts/"+payout+"?tab=ledger")).reads("Balanced", "Payout made")
}

func TestAVerificationAskedForOnThePageIsMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	ada.post("/v1/charges", "amount=60000&currency=hkd&source=tok_bypassPending")
	g := h.sits("Ada", session.Owner)
	g.open(h.deskOf("/trial-balance")).reads("In balance", "HK$600.00")
	g.visit(http.MethodPost, h.deskOf("/trial-balance/verify"), map[string][]string{"idempotency_key": {"k1"}}, nil).reads("The verification is under way")
	if err := h.app.verifyLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.open(h.deskOf("/trial-balance")).reads("Holds", "postings in")
	var entry string
	for _, e := range ada.get("/v1/ledger/entries?limit=1")["data"].([]any) {
		entry = e.(map[string]any)["id"].(string)
	}
	g.open(h.deskOf("/ledger/entries/"+entry)).reads("Unchanged", "As T-accounts")
}

package payoutpages

import (
	"encoding/csv"
	"math/big"
	"net/http"
	"net/url"
	"slices"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// trialView is the trial balance: per currency both sides, and what is owed against
// what is there.
type trialView struct {
	AsOf       string
	Currencies []currencyView
	Balanced   bool
	Last       *wire.LedgerVerification
	Percent    int64
	Failed     []findingView
	CSV        string
	Curl       string
	JSON       string
}

// currencyView is the trial balance of one currency.
type currencyView struct {
	Currency, Code string
	Rows           []trialRow
	Debits         bigAmount
	Credits        bigAmount
	Balanced       bool
	Owed, Has, Fee bigAmount // to connected accounts and the platform; at the processor and the bank; the processor's
	Covered        bool
	Suspense       bigAmount // what the sides differ by; there is no account to park a difference on
}

type trialRow struct {
	Kind            string
	Words           ui.Text
	Accounts        int64
	Debits, Credits bigAmount
	Balance         bigAmount
}

type findingView struct {
	Check, Account, Entry, Payout, Detail string
}

func number(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

// owed are the kinds of accounts that the platform answers for: money of accounts,
// wherever it is on its way.
var owed = map[string]bool{"pending": true, "available": true, "reserved": true, "held": true, "in_transit": true}

// byCurrency adds the rows of a trial balance up. Only integers are used.
func byCurrency(v *dashboard.Visit, rows []wire.TrialBalanceRow) []currencyView {
	var views []currencyView
	sums := map[string]map[string]*big.Int{}
	for _, row := range rows {
		at := slices.IndexFunc(views, func(c currencyView) bool { return c.Currency == row.Currency })
		if at < 0 {
			at, views = len(views), append(views, currencyView{Currency: row.Currency, Code: code(row.Currency)})
			sums[row.Currency] = map[string]*big.Int{"debits": {}, "credits": {}, "owed": {}, "has": {}, "fee": {}}
		}
		add := func(name string, n *big.Int) { sums[row.Currency][name].Add(sums[row.Currency][name], n) }
		add("debits", number(row.Debits))
		add("credits", number(row.Credits))
		balance := number(row.Balance)
		switch {
		case row.Class == "asset":
			add("has", new(big.Int).Neg(balance))
		case owed[row.Account]:
			add("owed", balance)
		default:
			add("fee", balance)
		}
		views[at].Rows = append(views[at].Rows, trialRow{
			Kind: row.Account, Words: kindWords(v, row.Account), Accounts: row.Accounts, Debits: bigOf(row.Debits, row.Currency, false),
			Credits: bigOf(row.Credits, row.Currency, false), Balance: bigOf(row.Balance, row.Currency, row.Class == "asset"),
		})
	}
	for i := range views {
		c := &views[i]
		of := sums[c.Currency]
		sum := func(name string) bigAmount { return bigOf(of[name].String(), c.Currency, false) }
		c.Debits, c.Credits, c.Owed, c.Has, c.Fee = sum("debits"), sum("credits"), sum("owed"), sum("has"), sum("fee")
		c.Balanced = of["debits"].Cmp(of["credits"]) == 0
		difference := new(big.Int).Sub(of["credits"], of["debits"])
		c.Suspense, c.Covered = bigOf(difference.String(), c.Currency, false), difference.Sign() == 0
	}
	return views
}

func (s *section) trial(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	asOf, shown := asOfDay(v)
	path := "/v1/ledger/trial_balance"
	if asOf != "" {
		path += "?as_of=" + asOf
	}
	tb, err := dashboard.Fetch[wire.TrialBalance](r, v, path)
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, path, tb.Raw); done {
		return err
	}
	if v.Query.Get("format") == "csv" {
		return writeTrial(w, v, tb.Value.Rows)
	}
	view := trialView{AsOf: shown, Currencies: byCurrency(v, tb.Value.Rows), Balanced: true, CSV: v.Here("format", "csv"), Curl: v.Curl(path), JSON: v.Here("view", "json")}
	for _, c := range view.Currencies {
		view.Balanced = view.Balanced && c.Balanced
	}
	var last wire.List[wire.LedgerVerification]
	if err := v.API.Get(r.Context(), "/v1/ledger/verifications", url.Values{"limit": {"1"}}, &last); err != nil {
		return err
	}
	if len(last.Data) > 0 {
		view.proved(&last.Data[0])
	}
	return render(s, w, r, v, "trial", "trial.title", nil, view)
}

// proved shows the last verification.
func (view *trialView) proved(last *wire.LedgerVerification) {
	view.Last = last
	if last.BatchesAll > 0 {
		view.Percent = last.BatchesDone * 100 / last.BatchesAll
	}
	for _, f := range last.Findings {
		view.Failed = append(view.Failed, findingView{f.Check, text(f.Account), text(f.Entry), text(f.Payout), text(f.Detail)})
	}
}

func writeTrial(w http.ResponseWriter, v *dashboard.Visit, rows []wire.TrialBalanceRow) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="trial-balance.csv"`)
	lines := [][]string{{string(v.Text("ledger.account")), string(v.Text("trial.accounts")), string(v.Text("ledger.currency")),
		string(v.Text("trial.debits_minor")), string(v.Text("trial.credits_minor")), string(v.Text("trial.balance_minor"))}}
	for _, row := range rows {
		lines = append(lines, []string{row.Account, big.NewInt(row.Accounts).String(), row.Currency, row.Debits, row.Credits, row.Balance})
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return nil // the reader has gone
	}
	return nil
}

func (s *section) verify(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	err := v.API.PostOnce(r.Context(), "/v1/ledger/verifications", url.Values{}, r.PostForm.Get("idempotency_key"), nil)
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("trial-balance"), "verify")
}

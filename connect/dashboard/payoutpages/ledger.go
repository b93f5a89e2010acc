package payoutpages

import (
	"cmp"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// posting is a posting with its account in words.
type posting struct {
	wire.LedgerPosting
	Kind ui.Text
}

// entryView is an entry as T-accounts, and the sums that show that it is balanced.
type entryView struct {
	wire.LedgerEntry
	Title    ui.Text
	Postings []posting
	Sums     []sideSum
}

// sideSum is both sides of an entry in one currency. They differ where a reader may
// see only some of the postings.
type sideSum struct {
	Currency      string
	Debit, Credit int64
}

// Balanced reports whether the sides agree.
func (s sideSum) Balanced() bool { return s.Debit == s.Credit }

// kinds and entryKinds have words of their own.
var (
	kinds = map[string]bool{"pending": true, "available": true, "reserved": true, "held": true, "in_transit": true,
		"processor_clearing": true, "processor_fees": true, "bank": true}
	entryKinds = []string{"application_fee_refunded", "charge_succeeded", "debt_collected", "matured", "payout_canceled", "payout_created",
		"payout_cut", "payout_failed", "payout_paid", "refund_failed", "refunded", "reserve_moved", "topup_succeeded", "transfer_created",
		"transfer_held", "transfer_released", "transfer_reversed"}
)

func kindWords(v *dashboard.Visit, kind string) ui.Text {
	if !kinds[kind] {
		return ui.Text(kind)
	}
	return v.Text("kind." + kind)
}

func entryWords(v *dashboard.Visit, kind string) ui.Text {
	if !slices.Contains(entryKinds, kind) {
		return ui.Text(kind)
	}
	return v.Text("entry." + kind)
}

func viewOf(v *dashboard.Visit, e wire.LedgerEntry) entryView {
	view := entryView{LedgerEntry: e, Title: entryWords(v, e.Kind)}
	at := map[string]int{}
	for _, p := range e.Postings {
		view.Postings = append(view.Postings, posting{p, kindWords(v, p.Account)})
		i, known := at[p.Currency]
		if !known {
			i = len(view.Sums)
			at[p.Currency], view.Sums = i, append(view.Sums, sideSum{Currency: p.Currency})
		}
		view.Sums[i].Debit += p.Debit
		view.Sums[i].Credit += p.Credit
	}
	return view
}

// entriesFrom are the entries that an object caused, oldest first.
func entriesFrom(r *http.Request, v *dashboard.Visit, source string) ([]entryView, error) {
	var found wire.List[wire.LedgerEntry]
	if err := v.API.Get(r.Context(), "/v1/ledger/entries", url.Values{"source": {source}}, &found); err != nil {
		return nil, err
	}
	views := make([]entryView, len(found.Data))
	for i, e := range found.Data {
		views[i] = viewOf(v, e)
	}
	return views, nil
}

// asOfDay is the end of the day that ?as_of= names, in the account's zone, as the API
// takes it; "" is now.
func asOfDay(v *dashboard.Visit) (param, shown string) {
	at, err := time.ParseInLocation(time.DateOnly, v.Query.Get("as_of"), v.Chair.Zone)
	if err != nil {
		return "", ""
	}
	return strconv.FormatInt(at.AddDate(0, 0, 1).Unix()-1, 10), at.Format(time.DateOnly)
}

func withAsOf(params url.Values, asOf string) url.Values {
	if asOf != "" {
		params.Set("as_of", asOf)
	}
	return params
}

// ledgerView is the chart of accounts: classes, in them kinds, in them accounts.
type ledgerView struct {
	AsOf     string
	Classes  []classView
	Kind     string // whose accounts are listed
	Accounts *dashboard.Table
	CSV      string
	Curl     string
}

type classView struct {
	Key   string
	Kinds []kindView
}

type kindView struct {
	Kind     string
	Words    ui.Text
	Accounts int64
	Balances []bigAmount
	Href     string
	Open     bool
}

// bigAmount is a sum over many accounts, which may be larger than any of them.
type bigAmount struct {
	Currency string
	Text     string // "1,234.50"
	Minor    string
	Zero     bool
	Negative bool
}

// bigOf shows decimal text of minor units. Assets are shown as what the platform has.
func bigOf(minor, currency string, asset bool) bigAmount {
	n, ok := new(big.Int).SetString(minor, 10)
	if !ok {
		return bigAmount{Currency: currency, Text: minor, Minor: minor}
	}
	if asset {
		n.Neg(n)
	}
	b := bigAmount{Currency: code(currency), Minor: n.String(), Zero: n.Sign() == 0, Negative: n.Sign() < 0}
	if n.IsInt64() {
		b.Text = ui.FormatMoney(money.New(n.Int64(), money.Currency(currency)))
	} else {
		b.Text = n.String() + " " + code(currency)
	}
	return b
}

var ledgerAccounts = dashboard.List[ledgerAccount]{
	Name: "accounts", Path: "/v1/ledger/accounts",
	Filters: []dashboard.Filter{{Name: "owner", Label: "ledger.owner"}, {Name: "currency", Label: "ledger.currency"}},
	Columns: []dashboard.Column[ledgerAccount]{
		{Key: "ledger.account", Cell: func(v *dashboard.Visit, a ledgerAccount) any { return kindWords(v, a.Kind) },
			CSV: func(_ *dashboard.Visit, a ledgerAccount) string { return a.Kind }},
		{Key: "ledger.owner", Cell: func(_ *dashboard.Visit, a ledgerAccount) any { return a.Owner.Label() },
			CSV: func(_ *dashboard.Visit, a ledgerAccount) string { return a.Owner.ID }},
		{Key: "ledger.currency", Cell: func(_ *dashboard.Visit, a ledgerAccount) any { return code(a.Currency) }},
		{Key: "ledger.debits", Number: true, Cell: func(v *dashboard.Visit, a ledgerAccount) any { return v.Amount(a.Debits, a.Currency) },
			CSV: func(_ *dashboard.Visit, a ledgerAccount) string { return decimal(a.Debits, a.Currency) }},
		{Key: "ledger.credits", Number: true, Cell: func(v *dashboard.Visit, a ledgerAccount) any { return v.Amount(a.Credits, a.Currency) },
			CSV: func(_ *dashboard.Visit, a ledgerAccount) string { return decimal(a.Credits, a.Currency) }},
		{Key: "ledger.balance", Number: true, Cell: func(v *dashboard.Visit, a ledgerAccount) any { return v.Amount(a.Shown(), a.Currency) },
			CSV: func(_ *dashboard.Visit, a ledgerAccount) string { return decimal(a.Shown(), a.Currency) }},
	},
	Empty: dashboard.Empty{Icon: "book-open", Title: "ledger.none", Body: "ledger.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" http://localhost:8080/v1/ledger/accounts`},
}

// ledgerAccount is an account of the ledger with its owner opened.
type ledgerAccount struct {
	wire.LedgerAccount
	Owner party `json:"owner"`
}

// Shown is the balance on its normal side: what the platform has of an asset, and what
// is owed of a liability.
func (a ledgerAccount) Shown() int64 {
	if a.Class == "asset" {
		return -a.Balance
	}
	return a.Balance
}

func (s *section) ledger(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	asOf, shown := asOfDay(v)
	list := ledgerAccounts
	list.Params = withAsOf(url.Values{"expand[]": {"data.owner"}}, asOf)
	view := ledgerView{AsOf: shown, Curl: v.Curl("/v1/ledger/accounts")}
	if kind := v.Query.Get("kind"); kinds[kind] {
		view.Kind = kind
		list.Params.Set("kind", kind)
	}
	list.Href = func(v *dashboard.Visit, a ledgerAccount) string { return accountPath(v, a.ID, shown) }
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		var tb wire.TrialBalance
		if err := v.API.Get(r.Context(), "/v1/ledger/trial_balance", withAsOf(url.Values{}, asOf), &tb); err != nil {
			return err
		}
		view.Accounts, view.Classes = t, classesOf(v, tb.Rows, view.Kind)
		return render(s, w, r, v, "ledger", "ledger.title", nil, view)
	})
}

func accountPath(v *dashboard.Visit, account, asOf string) string {
	path := v.Path("ledger", "accounts", account)
	if asOf != "" {
		path += "?" + url.Values{"as_of": {asOf}}.Encode()
	}
	return path
}

func classesOf(v *dashboard.Visit, rows []wire.TrialBalanceRow, open string) []classView {
	var classes []classView
	for _, class := range []string{"asset", "liability"} {
		view := classView{Key: "ledger.class." + class}
		for _, row := range rows {
			if row.Class != class {
				continue
			}
			at := slices.IndexFunc(view.Kinds, func(k kindView) bool { return k.Kind == row.Account })
			if at < 0 {
				at, view.Kinds = len(view.Kinds), append(view.Kinds, kindView{Kind: row.Account, Words: kindWords(v, row.Account),
					Href: v.Here("kind", row.Account, "starting_after", "", "ending_before", ""), Open: row.Account == open})
			}
			view.Kinds[at].Accounts += row.Accounts
			view.Kinds[at].Balances = append(view.Kinds[at].Balances, bigOf(row.Balance, row.Currency, class == "asset"))
		}
		slices.SortFunc(view.Kinds, func(a, b kindView) int { return cmp.Compare(a.Kind, b.Kind) })
		classes = append(classes, view)
	}
	return classes
}

// accountView is the statement of an account of the ledger.
type accountView struct {
	Account ledgerAccount
	Words   ui.Text
	AsOf    string
	Lines   *dashboard.Table
	Curl    string
	JSON    string
}

func linesOf(v *dashboard.Visit, a ledgerAccount) dashboard.List[wire.LedgerAccountLine] {
	sign := int64(1)
	if a.Class == "asset" {
		sign = -1
	}
	one := func(minor int64) any {
		if minor == 0 {
			return ""
		}
		return v.Amount(minor, a.Currency)
	}
	exact := func(minor int64) string {
		if minor == 0 {
			return ""
		}
		return decimal(minor, a.Currency)
	}
	return dashboard.List[wire.LedgerAccountLine]{
		Name: "lines", Path: "/v1/ledger/accounts/" + a.ID + "/lines", Limit: 50,
		Columns: []dashboard.Column[wire.LedgerAccountLine]{
			{Key: "lines.created", Cell: func(v *dashboard.Visit, l wire.LedgerAccountLine) any { return v.When(l.Created) }},
			{Key: "lines.entry", Cell: func(v *dashboard.Visit, l wire.LedgerAccountLine) any { return v.Link(l.Entry) }},
			{Key: "lines.kind", Cell: func(v *dashboard.Visit, l wire.LedgerAccountLine) any { return entryWords(v, l.Kind) },
				CSV: func(_ *dashboard.Visit, l wire.LedgerAccountLine) string { return l.Kind }},
			{Key: "lines.source", Cell: func(v *dashboard.Visit, l wire.LedgerAccountLine) any { return v.Link(l.Source.ID) }},
			{Key: "lines.debit", Number: true, Cell: func(_ *dashboard.Visit, l wire.LedgerAccountLine) any { return one(l.Debit) },
				CSV: func(_ *dashboard.Visit, l wire.LedgerAccountLine) string { return exact(l.Debit) }},
			{Key: "lines.credit", Number: true, Cell: func(_ *dashboard.Visit, l wire.LedgerAccountLine) any { return one(l.Credit) },
				CSV: func(_ *dashboard.Visit, l wire.LedgerAccountLine) string { return exact(l.Credit) }},
			{Key: "lines.balance", Number: true, Cell: func(v *dashboard.Visit, l wire.LedgerAccountLine) any { return v.Amount(sign*l.Balance, a.Currency) },
				CSV: func(_ *dashboard.Visit, l wire.LedgerAccountLine) string { return decimal(sign*l.Balance, a.Currency) }},
		},
		Empty: dashboard.Empty{Icon: "book-open", Title: "lines.none", Body: "lines.none.body"},
	}
}

func (s *section) account(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	asOf, shown := asOfDay(v)
	path := "/v1/ledger/accounts/" + url.PathEscape(r.PathValue("id"))
	query := withAsOf(url.Values{"expand[]": {"owner"}}, asOf)
	a, err := dashboard.Fetch[ledgerAccount](r, v, path+"?"+query.Encode())
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, path, a.Raw); done {
		return err
	}
	list := linesOf(v, a.Value)
	list.Params = withAsOf(url.Values{}, asOf)
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		return render(s, w, r, v, "account", "account.title", back(v, "ledger.title", "ledger"), accountView{
			Account: a.Value, Words: kindWords(v, a.Value.Kind), AsOf: shown, Lines: t, Curl: v.Curl(path + "/lines"), JSON: v.Here("view", "json"),
		})
	})
}

var entryList = dashboard.List[wire.LedgerEntry]{
	Name: "entries", Path: "/v1/ledger/entries", Dates: true,
	Filters: []dashboard.Filter{
		{Name: "kind", Label: "entries.kind", Options: entryOptions()},
		{Name: "owner", Label: "ledger.owner"},
		{Name: "source", Label: "entries.source"},
	},
	Columns: []dashboard.Column[wire.LedgerEntry]{
		{Key: "entries.kind", Cell: func(v *dashboard.Visit, e wire.LedgerEntry) any { return entryWords(v, e.Kind) },
			CSV: func(_ *dashboard.Visit, e wire.LedgerEntry) string { return e.Kind }},
		{Key: "entries.source", Cell: func(v *dashboard.Visit, e wire.LedgerEntry) any { return v.Link(e.Source.ID) }},
		{Key: "entries.postings", Number: true, Cell: func(_ *dashboard.Visit, e wire.LedgerEntry) any { return len(e.Postings) }},
		{Key: "entries.amount", Number: true, Cell: func(v *dashboard.Visit, e wire.LedgerEntry) any {
			s := viewOf(v, e).Sums[0]
			return v.Amount(max(s.Debit, s.Credit), s.Currency)
		}, CSV: func(v *dashboard.Visit, e wire.LedgerEntry) string {
			s := viewOf(v, e).Sums[0]
			return decimal(max(s.Debit, s.Credit), s.Currency)
		}},
		{Key: "entries.created", Cell: func(v *dashboard.Visit, e wire.LedgerEntry) any { return v.When(e.Created) }},
		{Key: "entries.id", Cell: func(_ *dashboard.Visit, e wire.LedgerEntry) any { return e.ID }},
	},
	Href: func(v *dashboard.Visit, e wire.LedgerEntry) string { return v.Path("ledger", "entries", e.ID) },
	Empty: dashboard.Empty{Icon: "book-open", Title: "entries.none", Body: "entries.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" http://localhost:8080/v1/ledger/entries`},
}

func entryOptions() []ui.Option {
	options := make([]ui.Option, len(entryKinds))
	for i, kind := range entryKinds {
		options[i] = ui.Option{Value: kind, Key: "entry." + kind}
	}
	return options
}

func (s *section) entries(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return entryList.Serve(w, r, v, func(t *dashboard.Table) error {
		return render(s, w, r, v, "entries", "entries.title", back(v, "ledger.title", "ledger"), t)
	})
}

// entryPage is one entry with its proof.
type entryPage struct {
	Entry entryView
	Proof wire.LedgerProof
	Curl  string
	JSON  string
}

// Position is the place of the entry's batch in the chain; 0 before it is sealed.
func (p entryPage) Position() int64 {
	if p.Proof.Position == nil {
		return 0
	}
	return *p.Proof.Position
}

// Link is the batch's link in the chain, and PreviousLink the one before.
func (p entryPage) Link() string { return text(p.Proof.Link) }

// PreviousLink is the link that the batch's follows.
func (p entryPage) PreviousLink() string { return text(p.Proof.PreviousLink) }

// ChainHolds reports whether the batch's link follows from the one before.
func (p entryPage) ChainHolds() bool { return p.Proof.ChainHolds != nil && *p.Proof.ChainHolds }

func (s *section) entry(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	e, err := dashboard.Fetch[wire.LedgerEntry](r, v, "/v1/ledger/entries/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, e.Path, e.Raw); done {
		return err
	}
	view := entryPage{Entry: viewOf(v, e.Value), Curl: v.Curl(e.Path), JSON: v.Here("view", "json")}
	if err := v.API.Get(r.Context(), e.Path+"/proof", nil, &view.Proof); err != nil {
		return err
	}
	return render(s, w, r, v, "entry", "entry.title", back(v, "entries.title", "ledger", "entries"), view)
}

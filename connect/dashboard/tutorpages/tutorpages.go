package tutorpages

import (
	"embed"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/wire"
)

//go:embed all:templates catalogues
var files embed.FS

type section struct{ pages *dashboard.Pages }

// Pages adds the desk of connected accounts.
func Pages(d *dashboard.Desk) (err error) {
	s := &section{}
	const money, lines, payouts, accounts = "balance:read", "balance_transactions:read", "payouts:read", "accounts:read"
	s.pages, err = d.Add(dashboard.Section{
		Templates: files, Catalogues: files, Side: dashboard.ForAccount,
		Nav: []dashboard.NavItem{
			{Key: "home.title", Icon: "house", Permission: money},
			{Key: "earnings.title", Icon: "banknote", Path: "/earnings", Permission: lines},
			{Key: "payouts.title", Icon: "landmark", Path: "/payouts", Permission: payouts},
			{Key: "activity.title", Icon: "wallet", Path: "/activity", Permission: lines},
			{Key: "refunds.title", Icon: "undo-2", Path: "/refunds", Permission: lines},
			{Key: "statement.title", Icon: "file-text", Path: "/statement", Permission: lines},
			{Key: "account.title", Icon: "settings", Path: "/account", Permission: accounts, Group: "desk.group.settings"},
			{Key: "platforms.title", Icon: "plug", Path: "/platforms", Permission: accounts, Group: "desk.group.settings"},
		},
		Pages: []dashboard.Page{
			{Permission: money, Handler: s.home},
			{Path: "/earnings", Permission: lines, Handler: s.earnings},
			{Path: "/earnings/{id}", Permission: lines, Handler: s.earning},
			{Path: "/activity", Permission: lines, Handler: s.activity},
			{Path: "/refunds", Permission: lines, Handler: s.refunds},
			{Path: "/statement", Permission: lines, Handler: s.statement},
			{Path: "/payouts", Permission: payouts, Handler: s.payouts},
			{Path: "/payouts/{id}", Permission: payouts, Handler: s.payout},
			{Path: "/payouts/{id}/advice", Permission: payouts, Handler: s.advice},
			{Path: "/account", Permission: accounts, Handler: s.account},
			{Path: "/platforms", Permission: accounts, Handler: s.platforms},
		},
		IDs: map[string]string{"po": "/payouts/{id}", "py": "/earnings/{id}", "ch": "/earnings/{id}"},
	})
	return err
}

// platforms leads to the person's own pages, where connections are shown and ended.
func (s *section) platforms(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	mode := "test"
	if v.Chair.Livemode {
		mode = "live"
	}
	return v.Go(w, r, "/accounts/"+v.Chair.Account+"/platforms?mode="+mode, "")
}

// maybe is an object that expand[] shows, or null.
type maybe[T any] struct{ Value *T }

// UnmarshalJSON takes the object; an id that was not expanded is nothing.
func (m *maybe[T]) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	m.Value = new(T)
	return json.Unmarshal(b, m.Value)
}

// accountOf is the account of the desk.
func accountOf(r *http.Request, v *dashboard.Visit) (wire.Account, error) {
	var a wire.Account
	return a, v.API.Get(r.Context(), "/v1/account", nil, &a)
}

// nextPayouts are what the schedule will pay, by currency.
func nextPayouts(r *http.Request, v *dashboard.Visit) ([]wire.NextPayout, error) {
	var list wire.List[wire.NextPayout]
	return list.Data, v.API.Get(r.Context(), "/v1/payouts/next", nil, &list)
}

// bank is where a payout goes, as its owner knows it: "HSBC ··1111".
func bank(v *dashboard.Visit, a wire.Account, id string) string {
	for _, b := range a.ExternalAccounts.Data {
		if b.ID == id {
			return bankName(v, b)
		}
	}
	return string(v.Text("bank.unknown"))
}

func bankName(v *dashboard.Visit, b wire.BankAccount) string {
	name := string(v.Text("bank.account"))
	if b.BankName != nil && *b.BankName != "" {
		name = *b.BankName
	}
	if b.Last4 == "" {
		return name
	}
	return name + " ··" + b.Last4
}

// word is the text of a key that the API made, or the API's own spelling of it: what is
// new there must not break a page.
func (s *section) word(v *dashboard.Visit, kind, of string) string {
	if key := kind + "." + of; s.pages.Has(key) {
		return string(v.Text(key))
	}
	return of
}

// everything reads a list of the API to its end, at most so many rows; all is false if
// there are more.
func everything[T any](r *http.Request, v *dashboard.Visit, path string, params url.Values, most int, id func(T) string) (rows []T, all bool, err error) {
	asked := url.Values{"limit": {"100"}}
	for name, values := range params {
		asked[name] = values
	}
	for {
		var list struct {
			Data    []T
			HasMore bool `json:"has_more"`
		}
		if err := v.API.Get(r.Context(), path, asked, &list); err != nil {
			return nil, false, err
		}
		rows = append(rows, list.Data...)
		if !list.HasMore || len(list.Data) == 0 {
			return rows, true, nil
		}
		if len(rows) >= most {
			return rows, false, nil
		}
		asked.Set("starting_after", id(rows[len(rows)-1]))
	}
}

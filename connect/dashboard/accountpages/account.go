package accountpages

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// due is one requirement as the page shows it.
type due struct {
	Name, Kind   string // kind: past_due, currently_due, eventually_due, pending_verification
	Error        string
	Capabilities []string
}

// purse is what an account has of a currency.
type purse struct {
	Currency           string
	Available, Pending int64
}

// line is an object of the account in a short list.
type line struct {
	ID, Status, Currency string
	Amount, Created      int64
}

type accountView struct {
	Account     wire.Account
	Name, Stage string
	Tabs        []ui.Link
	Tab, Curl   string
	Dues        []due
	People      []wire.Person
	Balances    []purse
	Debt        []wire.NegativeBalance
	Lists       []shortList
	Holds       []wire.PayoutHold
	Connections []wire.OAuthConnection
	Acts        []ui.Link
	Schedule    []setting
	Noted       bool // notes may be read
	Notes       []note
	Problem     string // with the note that was just written
}

type shortList struct {
	Key   string
	Lines []line
}

// account is the page of one (P-06).
func (s *section) account(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.showAccount(w, r, v, nil, "")
}

// showAccount shows it, perhaps with a note that the API did not take.
func (s *section) showAccount(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form, problem string) error {
	id := r.PathValue("id")
	got, err := dashboard.Fetch[wire.Account](r, v, "/v1/accounts/"+id)
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, got.Path, got.Raw); done {
		return err
	}
	view := accountView{Problem: problem, Account: got.Value, Name: nameOf(got.Value), Stage: stage(got.Value), Curl: v.Curl(got.Path)}
	view.Tabs, view.Tab = v.Tabs(dashboard.Tab{Name: "overview", Key: "account.overview"}, dashboard.Tab{Name: "money", Key: "account.money"},
		dashboard.Tab{Name: "terms", Key: "account.terms"})
	if v.May("payout_holds:read") {
		if view.Holds, err = holds(r, v, id); err != nil {
			return err
		}
	}
	switch view.Tab {
	case "overview":
		if err = view.overview(r, v); err == nil {
			err = view.readNotes(r, v)
		}
	case "money":
		err = view.purses(r, v)
	case "terms":
		err = view.terms(r, v)
	}
	if err != nil {
		return err
	}
	view.Acts = view.acts(v)
	status := 0
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	return s.pages.Render(w, r, v, "account", ui.View{
		Title: "account.title", TitleArgs: []any{"name", view.Name}, Data: view, Form: form, Status: status, Back: &ui.Link{Href: v.Path("accounts"), Key: "accounts.title"},
	})
}

// acts are what may be done now, by this person.
func (view accountView) acts(v *dashboard.Visit) (links []ui.Link) {
	add := func(name string, fits bool) {
		if act := accountActs[name]; fits && v.May(act.permission) {
			links = append(links, ui.Link{Href: v.Path("accounts", view.Account.ID, name), Key: act.button})
		}
	}
	rejected := view.Stage == "rejected"
	add("link", !rejected && view.Account.Controller.Type == "application")
	add("hold", len(view.Holds) == 0)
	add("release", len(view.Holds) > 0)
	add("reject", !rejected)
	add("unreject", rejected)
	return links
}

func (view *accountView) overview(r *http.Request, v *dashboard.Visit) error {
	var capabilities wire.List[wire.Capability]
	path := "/v1/accounts/" + view.Account.ID
	if err := v.API.Get(r.Context(), path+"/capabilities", nil, &capabilities); err != nil {
		return err
	}
	view.Dues = dues(view.Account.Requirements, capabilities.Data)
	if view.Account.BusinessType == nil {
		return nil
	}
	var people wire.List[wire.Person]
	if err := v.API.Get(r.Context(), path+"/persons", url.Values{"limit": {"20"}}, &people); err != nil {
		return err
	}
	view.People = people.Data
	return nil
}

// dues are the requirements in the order of their urgency, each once, with the
// capabilities that wait for it and what was wrong with the last answer.
func dues(of wire.Requirements, capabilities []wire.Capability) (out []due) {
	seen := map[string]bool{}
	for _, part := range []struct {
		kind  string
		names []string
	}{{"past_due", of.PastDue}, {"currently_due", of.CurrentlyDue}, {"pending_verification", of.PendingVerification}, {"eventually_due", of.EventuallyDue}} {
		for _, name := range part.names {
			if seen[name] {
				continue
			}
			seen[name] = true
			d := due{Name: name, Kind: part.kind}
			for _, e := range of.Errors {
				if e.Requirement == name {
					d.Error = e.Reason
				}
			}
			for _, c := range capabilities {
				if slices.Contains(slices.Concat(c.Requirements.EventuallyDue, c.Requirements.CurrentlyDue, c.Requirements.PendingVerification), name) {
					d.Capabilities = append(d.Capabilities, c.ID)
				}
			}
			out = append(out, d)
		}
	}
	return out
}

// balances are what the account has, its default currency first; none if the person may not know.
func balances(r *http.Request, v *dashboard.Visit, account string) (out []purse) {
	if !v.May("balance:read") {
		return nil
	}
	var b struct {
		Available, Pending []struct {
			Amount   int64
			Currency string
		}
	}
	if err := v.For(account).Get(r.Context(), "/v1/balance", nil, &b); err != nil {
		return nil
	}
	for _, a := range b.Available {
		out = append(out, purse{Currency: a.Currency, Available: a.Amount})
	}
	for _, p := range b.Pending {
		i := slices.IndexFunc(out, func(m purse) bool { return m.Currency == p.Currency })
		if i < 0 {
			out, i = append(out, purse{Currency: p.Currency}), len(out)
		}
		out[i].Pending = p.Amount
	}
	return out
}

func (view *accountView) purses(r *http.Request, v *dashboard.Visit) error {
	id := view.Account.ID
	view.Balances = balances(r, v, id)
	five := func(more ...string) url.Values {
		q := url.Values{"limit": {"5"}}
		for i := 0; i+1 < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return q
	}
	for _, l := range []struct {
		key, permission, path string
		params                url.Values
		theirs                bool
	}{
		{key: "account.transfers", permission: "transfers:read", path: "/v1/transfers", params: five("destination", id)},
		{key: "account.payments", permission: "charges:read", path: "/v1/charges", params: five(), theirs: true},
		{key: "account.payouts", permission: "payouts:read", path: "/v1/payouts", params: five(), theirs: true},
	} {
		if !v.May(l.permission) {
			continue
		}
		client := v.API
		if l.theirs {
			client = v.For(id)
		}
		var found wire.List[line]
		if err := client.Get(r.Context(), l.path, l.params, &found); err != nil {
			return err
		}
		view.Lists = append(view.Lists, shortList{l.key, found.Data})
	}
	if !v.May("balance:read") {
		return nil
	}
	var owing wire.List[wire.NegativeBalance]
	err := v.API.Get(r.Context(), "/v1/negative_balances", url.Values{"account": {id}}, &owing)
	view.Debt = owing.Data
	return err
}

func (view *accountView) terms(r *http.Request, v *dashboard.Visit) error {
	answer, err := readSettings(r, v, "/v1/accounts/"+view.Account.ID)
	if err != nil {
		return err
	}
	view.Schedule = scheduleForm.now(v, answer)
	view.Connections, err = connections(r, v, url.Values{"account": {view.Account.ID}})
	return err
}

func connections(r *http.Request, v *dashboard.Visit, which url.Values) ([]wire.OAuthConnection, error) {
	which.Set("limit", "50")
	var found wire.List[wire.OAuthConnection]
	err := v.API.Get(r.Context(), "/v1/oauth_connections", which, &found)
	return found.Data, err
}

// holds are those that stop all payouts of the account.
func holds(r *http.Request, v *dashboard.Visit, account string) (out []wire.PayoutHold, err error) {
	var found wire.List[wire.PayoutHold]
	err = v.API.Get(r.Context(), "/v1/payout_holds", url.Values{"account": {account}, "status": {"active"}, "limit": {"100"}}, &found)
	for _, h := range found.Data {
		if h.Payout.ID == "" {
			out = append(out, h)
		}
	}
	return out, err
}

// invite opens an account and shows the link for its holder, once.
func (s *section) invite(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	view := actView{Title: "invite.title", Button: "invite.do", Fields: []field{
		{Name: "email", Label: "invite.email", Type: "email"},
		{Name: "name", Label: "invite.name", Optional: true},
		{Name: "country", Label: "invite.country", Options: countries()},
	}, Says: []any{v.Text("invite.says")}}
	back := &ui.Link{Href: v.Path("accounts"), Key: "accounts.title"}
	if r.Method != http.MethodPost {
		return s.renderAct(w, r, v, back, view, ui.NewForm(url.Values{"country": {"HK"}}))
	}
	form := ui.PostedForm(r)
	key := r.PostForm.Get("idempotency_key")
	params := url.Values{"type": {"express"}, "country": {form.Value("country")}, "email": {form.Value("email")}, "capabilities[transfers][requested]": {"true"}}
	if name := form.Value("name"); name != "" {
		params.Set("business_profile[name]", name)
	}
	var opened wire.Account
	if err := v.API.PostOnce(r.Context(), "/v1/accounts", params, key, &opened); err != nil {
		return s.refused(w, r, v, back, view, form, err)
	}
	shown, err := onboardingLink(r, v, opened.ID, key+"-link")
	if err != nil {
		return err
	}
	return s.reveal(w, r, v, &ui.Link{Href: v.Path("accounts", opened.ID), Text: nameOf(opened)}, shown)
}

// countries that people are invited from, as the sandbox knows them.
func countries() (options []ui.Option) {
	for _, c := range strings.Fields("HK GB US SG AU DE FR") {
		options = append(options, ui.Option{Value: c, Text: c})
	}
	return options
}

// onboardingLink is a link for the account's holder; it works once.
func onboardingLink(r *http.Request, v *dashboard.Visit, account, key string) (*revealed, error) {
	home := v.Absolute(holderPath(v, account))
	var link wire.AccountLink
	err := v.API.PostOnce(r.Context(), "/v1/account_links", url.Values{
		"account": {account}, "type": {"account_onboarding"}, "refresh_url": {home}, "return_url": {home},
	}, key, &link)
	return &revealed{Title: "link.shown", Note: "link.once", Label: "link.copy", Value: link.URL, Until: link.ExpiresAt}, err
}

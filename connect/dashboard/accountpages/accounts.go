// Package accountpages are a platform's pages about its accounts: the connected
// accounts (P-05, P-06), the OAuth apps that connect them (P-19) and the settings of
// the platform itself (P-20). Everything on them comes from the public API.
package accountpages

import (
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// none stands in a cell that has nothing to say.
const none ui.Text = "–"

//go:embed all:templates catalogues
var files embed.FS

type section struct{ pages *dashboard.Pages }

// Pages adds the section to a desk.
func Pages(d *dashboard.Desk) (err error) {
	s := &section{}
	get := func(path, permission string, h dashboard.Handler) dashboard.Page {
		return dashboard.Page{Path: path, Permission: permission, Handler: h}
	}
	both := func(path, permission string, h dashboard.Handler) []dashboard.Page {
		return []dashboard.Page{get(path, permission, h), {Method: http.MethodPost, Path: path, Permission: permission, Handler: h}}
	}
	pages := []dashboard.Page{
		get("/accounts", "accounts:read", s.accounts),
		get("/accounts/{id}", "accounts:read", s.account),
		{Method: http.MethodPost, Path: "/accounts/{id}/notes", Permission: "account_notes:write", Handler: s.addNote},
		{Method: http.MethodPost, Path: "/accounts/{id}/notes/{note}/remove", Permission: "account_notes:write", Handler: s.removeNote},
		get("/oauth-apps", "oauth_clients:read", s.apps),
		get("/oauth-apps/{id}", "oauth_clients:read", s.app),
		get("/settings", "accounts:read", s.settings),
	}
	pages = append(pages, both("/accounts/new", "accounts:write", s.invite)...)
	pages = append(pages, both("/accounts/remind", "accounts:write", s.remind)...)
	for name, act := range accountActs {
		pages = append(pages, both("/accounts/{id}/"+name, act.permission, s.act(act))...)
	}
	pages = append(pages, both("/oauth-apps/new", "oauth_clients:write", s.newApp)...)
	pages = append(pages, both("/oauth-apps/{id}/edit", "oauth_clients:write", s.editApp)...)
	for name, act := range appActs {
		pages = append(pages, both("/oauth-apps/{id}/"+name, act.permission, s.act(act))...)
	}
	pages = append(pages, both("/accounts/{id}/schedule", scheduleForm.permission, s.change(scheduleForm))...)
	for name, f := range settingForms {
		pages = append(pages, both("/settings/"+name, f.permission, s.change(f))...)
	}
	s.pages, err = d.Add(dashboard.Section{
		Templates: files, Catalogues: files, Side: dashboard.ForPlatform, Pages: pages,
		Nav: []dashboard.NavItem{
			{Key: "accounts.title", Icon: "users", Path: "/accounts", Permission: "accounts:read", Group: "desk.group.connect"},
			{Key: "apps.title", Icon: "plug", Path: "/oauth-apps", Permission: "oauth_clients:read", Group: "desk.group.connect"},
			{Key: "settings.title", Icon: "settings", Path: "/settings", Permission: "accounts:read", Group: "desk.group.settings"},
		},
		IDs: map[string]string{"acct": "/accounts/{id}", "ca": "/oauth-apps/{id}"},
	})
	return err
}

var stages = []string{"needs_action", "restricted_soon", "restricted", "in_review", "enabled", "rejected"}

// stage is the account's standing in one word, as the filter of the list has it.
func stage(a wire.Account) string {
	due := a.Requirements
	reason := value(due.DisabledReason)
	switch {
	case strings.HasPrefix(reason, "rejected."):
		return "rejected"
	case len(due.PendingVerification) > 0 && len(due.CurrentlyDue) == 0:
		return "in_review"
	case !a.ChargesEnabled || !a.PayoutsEnabled:
		return "restricted"
	case len(due.CurrentlyDue) > 0 && due.CurrentDeadline != nil:
		return "restricted_soon"
	}
	return "enabled"
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// nameOf is what people call the account; its id if nobody has said.
func nameOf(a wire.Account) string {
	switch {
	case value(a.BusinessProfile.Name) != "":
		return *a.BusinessProfile.Name
	case a.Company != nil && value(a.Company.Name) != "":
		return *a.Company.Name
	case a.Individual != nil && value(a.Individual.FirstName)+value(a.Individual.LastName) != "":
		return strings.TrimSpace(value(a.Individual.FirstName) + " " + value(a.Individual.LastName))
	case value(a.Email) != "":
		return *a.Email
	}
	return a.ID
}

// accounts is the list (P-05).
func (s *section) accounts(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	var counts wire.AccountSummary
	if err := v.API.Get(r.Context(), "/v1/accounts/summary", nil, &counts); err != nil {
		return err
	}
	debts := map[string]int64{}
	if v.May("balance:read") {
		var owing wire.List[wire.NegativeBalance]
		if err := v.API.Get(r.Context(), "/v1/negative_balances", url.Values{"limit": {"100"}}, &owing); err != nil {
			return err
		}
		for _, d := range owing.Data {
			debts[d.Account.ID] += d.Amount
		}
	}
	return accountList(r, v, counts, debts).Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "accounts", ui.View{Title: "accounts.title", Data: accountsView{
			Table: t, Owing: counts.Counts["needs_action"],
			Links: v.Path("accounts") + "?status=needs_action&format=csv&columns=name,email,stage,due,remediation",
		}})
	})
}

// accountsView is the list, and what is done about accounts that owe something.
type accountsView struct {
	Table *dashboard.Table
	Owing int64  // accounts that need action
	Links string // a file of them with the address of each
}

// volumes fills in what came in for the accounts of a page.
func volumes(into map[string][]wire.AccountVolume) func(*http.Request, *dashboard.Visit, []wire.Account) error {
	return func(r *http.Request, v *dashboard.Visit, rows []wire.Account) error {
		if len(rows) == 0 || !v.May("balance:read") {
			return nil
		}
		asked := url.Values{}
		for _, a := range rows {
			asked.Add("accounts[]", a.ID)
		}
		var found wire.List[wire.AccountVolume]
		if err := v.API.Get(r.Context(), "/v1/account_volumes", asked, &found); err != nil {
			return err
		}
		for _, one := range found.Data {
			into[one.Account] = append(into[one.Account], one)
		}
		return nil
	}
}

func accountList(r *http.Request, v *dashboard.Visit, counts wire.AccountSummary, debts map[string]int64) dashboard.List[wire.Account] {
	onOff := func(v *dashboard.Visit, on bool) any {
		if on {
			return v.Status("on")
		}
		return v.Status("off")
	}
	type account = wire.Account
	came := map[string][]wire.AccountVolume{}
	return dashboard.List[account]{
		Name: "accounts", Path: "/v1/accounts", Dates: true, Complete: volumes(came),
		Filters: []dashboard.Filter{
			{Name: "status", Label: "accounts.stage", Chips: true, Options: counted(v, counts)},
			{Name: "search", Label: "accounts.search", Type: "search"},
		},
		Columns: []dashboard.Column[account]{
			{Key: "accounts.name", Cell: func(_ *dashboard.Visit, a account) any { return ui.Text(nameOf(a)) },
				CSV: func(_ *dashboard.Visit, a account) string { return nameOf(a) }},
			{Key: "accounts.stage", Cell: func(v *dashboard.Visit, a account) any { return v.Status(stage(a)) }, CSV: func(_ *dashboard.Visit, a account) string { return stage(a) }},
			{Key: "accounts.due", Number: true, Cell: func(_ *dashboard.Visit, a account) any {
				return ui.Text(strconv.Itoa(len(a.Requirements.CurrentlyDue)))
			},
				CSV: func(_ *dashboard.Visit, a account) string { return strings.Join(a.Requirements.CurrentlyDue, " ") }},
			{Key: "accounts.charges", Cell: func(v *dashboard.Visit, a account) any { return onOff(v, a.ChargesEnabled) },
				CSV: func(_ *dashboard.Visit, a account) string { return strconv.FormatBool(a.ChargesEnabled) }},
			{Key: "accounts.payouts", Cell: func(v *dashboard.Visit, a account) any { return onOff(v, a.PayoutsEnabled) },
				CSV: func(_ *dashboard.Visit, a account) string { return strconv.FormatBool(a.PayoutsEnabled) }},
			{Key: "accounts.volume", Number: true, Cell: func(v *dashboard.Visit, a account) any {
				sums := came[a.ID]
				if len(sums) == 0 {
					return none
				}
				return v.Amount(sums[0].Amount, sums[0].Currency)
			}, CSV: func(_ *dashboard.Visit, a account) string {
				var out []string
				for _, one := range came[a.ID] {
					out = append(out, strconv.FormatInt(one.Amount, 10)+" "+one.Currency)
				}
				return strings.Join(out, "; ")
			}},
			{Key: "accounts.negative", Cell: func(v *dashboard.Visit, a account) any {
				if debts[a.ID] < 0 {
					return v.Status("negative")
				}
				return none
			}, CSV: func(_ *dashboard.Visit, a account) string { return strconv.FormatBool(debts[a.ID] < 0) }},
			{Key: "accounts.created", Cell: func(v *dashboard.Visit, a account) any { return v.Day(a.Created) },
				CSV: func(_ *dashboard.Visit, a account) string { return strconv.FormatInt(a.Created, 10) }},
			{Key: "accounts.email", Extra: true, Cell: func(_ *dashboard.Visit, a account) any { return ui.Text(value(a.Email)) },
				CSV: func(_ *dashboard.Visit, a account) string { return value(a.Email) }},
			{Key: "accounts.id", Extra: true, Cell: func(v *dashboard.Visit, a account) any { return v.Link(a.ID) },
				CSV: func(_ *dashboard.Visit, a account) string { return a.ID }},
			{Key: "accounts.capabilities", Extra: true, Cell: func(_ *dashboard.Visit, a account) any { return ui.Text(active(a)) },
				CSV: func(_ *dashboard.Visit, a account) string { return active(a) }},
			{Key: "accounts.balance", Extra: true, Number: true, Cell: func(v *dashboard.Visit, a account) any {
				lines := balances(r, v, a.ID)
				if len(lines) == 0 {
					return none
				}
				return v.Amount(lines[0].Available, lines[0].Currency)
			}, CSV: func(v *dashboard.Visit, a account) string {
				var out []string
				for _, b := range balances(r, v, a.ID) {
					out = append(out, strconv.FormatInt(b.Available, 10)+" "+b.Currency)
				}
				return strings.Join(out, "; ")
			}},
			// The address is no secret and does not expire: the holder signs in there and sees what is due.
			{Key: "accounts.remediation", Extra: true, Cell: func(v *dashboard.Visit, a account) any { return ui.Text(remediation(v, a)) },
				CSV: func(v *dashboard.Visit, a account) string { return remediation(v, a) }},
		},
		Href:  func(v *dashboard.Visit, a account) string { return v.Path("accounts", a.ID) },
		Empty: dashboard.Empty{Icon: "users", Title: "accounts.none", Body: "accounts.none.body", Curl: "curl -u \"$SLUICE_API_KEY:\" -d type=express -d country=HK " + v.Absolute("/v1/accounts")},
	}
}

// counted are the chips of the list: each stage, and how many accounts are in it.
func counted(v *dashboard.Visit, counts wire.AccountSummary) []ui.Option {
	options := make([]ui.Option, len(stages))
	for i, name := range stages {
		n := strconv.FormatInt(counts.Counts[name], 10)
		if counts.CountedTo > 0 && counts.Counts[name] >= counts.CountedTo {
			n += "+"
		}
		options[i] = ui.Option{Value: name, Text: string(v.Text("accounts.tab."+name)) + " · " + n}
	}
	return options
}

// active are the capabilities that are.
func active(a wire.Account) string {
	var names []string
	for name, status := range a.Capabilities {
		if status == "active" {
			names = append(names, name)
		}
	}
	return strings.Join(slices.Sorted(slices.Values(names)), " ")
}

func remediation(v *dashboard.Visit, a wire.Account) string {
	if len(a.Requirements.CurrentlyDue) == 0 {
		return ""
	}
	return v.Absolute(holderPath(v, a.ID))
}

// holderPath is where the account's own people see what it owes.
func holderPath(v *dashboard.Visit, account string) string {
	mode := "test"
	if v.Chair.Livemode {
		mode = "live"
	}
	return "/earnings/" + url.PathEscape(account) + "/" + mode
}

// Package payoutpages are the pages of a platform's desk about money that leaves and
// about the books: payouts, payout runs and their files, the ledger and its proof.
//
// They are clients of the public API, as every page of a desk is. A payout is read as
// seen by its own account; what only the platform may know of it (file, attempts,
// statement) comes from /v1/payouts/{id}/delivery.
package payoutpages

import (
	"embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

//go:embed all:templates catalogues
var files embed.FS

type section struct{ pages *dashboard.Pages }

// Pages gives a desk these pages.
func Pages(d *dashboard.Desk) (err error) {
	s := &section{}
	const payouts, runs, batches, ledger = "/payouts", "/payout-runs", "/payout-batches", "/ledger"
	page := func(method, path, permission string, h dashboard.Handler) dashboard.Page {
		return dashboard.Page{Method: method, Path: path, Permission: permission, Handler: h}
	}
	pages := []dashboard.Page{
		page("GET", payouts, "payouts:read", s.payouts),
		page("GET", payouts+"/new", "payouts:write", s.newPayout),
		page("POST", payouts+"/new", "payouts:write", s.createPayout),
		page("GET", payouts+"/{id}", "payouts:read", s.payout),
		page("GET", runs, "payout_runs:read", s.runs),
		page("GET", runs+"/preview", "payout_runs:write", s.preview),
		page("GET", runs+"/hold", "payout_holds:write", s.askHoldAccount),
		page("POST", runs+"/hold", "payout_holds:write", s.holdAccount),
		page("GET", runs+"/now", "payout_runs:write", s.askRun),
		page("POST", runs+"/now", "payout_runs:write", s.runNow),
		page("GET", runs+"/{id}", "payout_runs:read", s.run),
		page("GET", runs+"/{id}/approve", "payout_runs:write", s.askApproveRun),
		page("POST", runs+"/{id}/approve", "payout_runs:write", s.approveRun),
		page("GET", batches, "payout_batches:read", s.batches),
		page("GET", batches+"/{id}", "payout_batches:read", s.batch),
		page("GET", batches+"/{id}/file", "payout_batches:read", s.file),
		page("GET", ledger, "ledger:read", s.ledger),
		page("GET", ledger+"/accounts/{id}", "ledger:read", s.account),
		page("GET", ledger+"/entries", "ledger:read", s.entries),
		page("GET", ledger+"/entries/{id}", "ledger:read", s.entry),
		page("GET", "/trial-balance", "ledger:read", s.trial),
		page("POST", "/trial-balance/verify", "ledger:write", s.verify),
	}
	for _, a := range acts {
		if slices.Contains(severalActs, a.name) {
			pages = append(pages,
				page("GET", payouts+"/several/"+a.name, a.permission, s.askSeveral(a)),
				page("POST", payouts+"/several/"+a.name, a.permission, s.doSeveral(a)))
		}
		pages = append(pages,
			page("GET", payouts+"/{id}/"+a.name, a.permission, s.askAct(a)),
			page("POST", payouts+"/{id}/"+a.name, a.permission, s.doAct(a)))
	}
	const money, books = "desk.group.payouts", "desk.group.books"
	s.pages, err = d.Add(dashboard.Section{
		Templates: sub("templates"), Catalogues: sub("catalogues"), Side: dashboard.ForPlatform,
		Nav: []dashboard.NavItem{
			{Key: "payouts.title", Icon: "banknote", Path: payouts, Permission: "payouts:read", Group: money},
			{Key: "runs.title", Icon: "calendar-clock", Path: runs, Permission: "payout_runs:read", Group: money},
			{Key: "batches.title", Icon: "file-text", Path: batches, Permission: "payout_batches:read", Group: money},
			{Key: "ledger.title", Icon: "book-open", Path: ledger, Permission: "ledger:read", Group: books},
			{Key: "trial.title", Icon: "scale", Path: "/trial-balance", Permission: "ledger:read", Group: books},
		},
		Pages: pages,
		IDs: map[string]string{
			"po": payouts + "/{id}", "prun": runs + "/{id}", "bat": batches + "/{id}", "le": ledger + "/entries/{id}", "la": ledger + "/accounts/{id}",
		},
	})
	return err
}

// party is an account as an answer names it: its id, or all of it where that was asked for.
type party struct {
	ID, Name string
	Banks    []wire.BankAccount
}

// UnmarshalJSON reads an id or an account.
func (p *party) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &p.ID)
	}
	var a wire.Account
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	*p = partyOf(a)
	return nil
}

// partyOf names an account by what its owner would call it.
func partyOf(a wire.Account) party {
	p := party{ID: a.ID, Banks: a.ExternalAccounts.Data}
	names := []*string{a.BusinessProfile.Name}
	if a.Company != nil {
		names = append(names, a.Company.Name)
	}
	if a.Individual != nil {
		full := strings.TrimSpace(text(a.Individual.FirstName) + " " + text(a.Individual.LastName))
		names = append(names, &full)
	}
	for _, name := range append(names, a.Email) {
		if p.Name == "" {
			p.Name = text(name)
		}
	}
	return p
}

// Label is the name, or the id of an account without one.
func (p party) Label() string {
	if p.Name == "" {
		return p.ID
	}
	return p.Name
}

// bank is where a payout goes, as far as it may be shown: "HSBC ··1111".
func (p party) bank(destination string) string {
	for _, b := range p.Banks {
		if b.ID == destination {
			return masked(b)
		}
	}
	return ""
}

func masked(b wire.BankAccount) string {
	return strings.TrimSpace(text(b.BankName) + " ··" + b.Last4)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// say is a text with values in it.
func say(v *dashboard.Visit, key string, args ...any) ui.Text { return v.Text(key, args...) }

// decimal is an amount for a table that is read by programs: "-1234.50".
func decimal(minor int64, currency string) string {
	return money.New(minor, money.Currency(currency)).Decimal()
}

// code is a currency as people write it.
func code(currency string) string { return strings.ToUpper(currency) }

// in is a visit whose calls are made for another account of the platform.
func in(v *dashboard.Visit, account string) *dashboard.Visit {
	other := *v
	other.API = v.For(account)
	return &other
}

// back is the link above a page.
func back(v *dashboard.Visit, key string, parts ...string) *ui.Link {
	return &ui.Link{Href: v.Path(parts...), Key: key}
}

func render(s *section, w http.ResponseWriter, r *http.Request, v *dashboard.Visit, name, title string, up *ui.Link, data any) error {
	return s.pages.Render(w, r, v, name, ui.View{Title: title, Back: up, Data: data})
}

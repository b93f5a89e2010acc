package tutorpages

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// accountView is what is known of the account and what is still needed.
type accountView struct {
	Account  wire.Account
	Name     string
	Email    string
	Banks    []bankView
	Schedule string
	Due      *due
	Details  string // where details are changed
}

type bankView struct {
	Name     string
	Holder   *string
	Currency string
	Default  bool
	Status   string
}

// due is what the account still has to give, in words, each once.
type due struct {
	Past     bool
	Deadline any
	Items    []string
	Action   string
}

func (s *section) dueOf(v *dashboard.Visit, a wire.Account) *due {
	d := &due{Past: len(a.Requirements.PastDue) > 0, Action: details(v)}
	if a.Requirements.CurrentDeadline != nil {
		d.Deadline = v.Day(*a.Requirements.CurrentDeadline)
	}
	seen := map[string]bool{}
	for _, names := range [][]string{a.Requirements.PastDue, a.Requirements.CurrentlyDue} {
		for _, name := range names {
			if kind := kindOf(name); !seen[kind] {
				seen[kind] = true
				d.Items = append(d.Items, string(v.Text("due."+kind)))
			}
		}
	}
	if len(d.Items) == 0 {
		return nil
	}
	return d
}

// kindOf is what a requirement asks for, in one of few kinds.
func kindOf(name string) string {
	switch {
	case strings.Contains(name, ".verification"):
		return "document"
	case name == "external_account" || strings.HasPrefix(name, "external_account"):
		return "bank"
	case strings.HasPrefix(name, "tos_acceptance"):
		return "terms"
	case strings.HasPrefix(name, "business"), strings.HasPrefix(name, "company"):
		return "business"
	}
	return "person"
}

// details is where the answers of onboarding are given and changed.
func details(v *dashboard.Visit) string { return "/accounts/" + v.Chair.Account + "/details" }

func (s *section) account(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	a, err := accountOf(r, v)
	if err != nil {
		return err
	}
	view := accountView{Account: a, Name: v.Chair.Name, Details: details(v), Due: s.dueOf(v, a), Schedule: s.schedule(v, a.Settings.Payouts.Schedule)}
	if a.Email != nil {
		view.Email = *a.Email
	}
	for _, b := range a.ExternalAccounts.Data {
		view.Banks = append(view.Banks, bankView{
			Name: bankName(v, b), Holder: b.AccountHolderName, Currency: upper(b.Currency), Default: b.DefaultForCurrency != nil && *b.DefaultForCurrency, Status: b.Status,
		})
	}
	return s.pages.Render(w, r, v, "account", ui.View{Title: "account.title", Data: view})
}

// schedule is the rhythm of payouts in words.
func (s *section) schedule(v *dashboard.Visit, p wire.PayoutSchedule) string {
	days := ""
	switch p.Interval {
	case "weekly":
		names := p.WeeklyPayoutDays
		if len(names) == 0 && p.WeeklyAnchor != nil {
			names = []string{*p.WeeklyAnchor}
		}
		said := make([]string, len(names))
		for i, name := range names {
			said[i] = s.word(v, "weekday", name)
		}
		days = strings.Join(said, string(v.Text("schedule.and")))
	case "monthly":
		numbers := p.MonthlyPayoutDays
		if len(numbers) == 0 && p.MonthlyAnchor != nil {
			numbers = []int64{*p.MonthlyAnchor}
		}
		said := make([]string, len(numbers))
		for i, n := range numbers {
			said[i] = string(v.Text("schedule.day", "day", n))
		}
		days = strings.Join(said, string(v.Text("schedule.and")))
	}
	if key := "schedule." + p.Interval; s.pages.Has(key) {
		return fmt.Sprint(v.Sentence(key, "days", days))
	}
	return p.Interval
}

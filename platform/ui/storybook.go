package ui

import (
	"net/http"
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// Storybook serves /_dev/ui: every component in every state, for looking at and for
// the browser test. It is a room's pages like any other, and so an example.
func (k *Kit) Storybook() http.Handler {
	return k.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages, err := k.storybook()
		if err != nil {
			k.cfg.Log.ErrorContext(r.Context(), "storybook", "error", err.Error())
			k.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "")
			return
		}
		view := storybookView()
		name := r.URL.Query().Get("page")
		switch name {
		case "":
			name = "components"
		case "signin", "consent":
			view.Layout = Flow
		case "wizard":
			view.Layout = FlowWide
		case "account":
		case "error":
			pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "/_dev/ui", view)
			return
		default:
			pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "/_dev/ui", View{})
			return
		}
		view.Title = "storybook.title"
		if name == "wizard" || name == "signin" {
			view.Nav, view.Person = nil, ""
		}
		if name == "wizard" {
			view.Back = &Link{Href: "#person", Key: "storybook.step.person"}
		}
		if colour := r.URL.Query().Get("colour"); colour != "" {
			view.Brand.Primary, view.Brand.Secondary = colour, ""
		}
		if r.URL.Query().Has("plain") {
			view.Brand = Brand{}
		}
		pages.Render(w, r, name, view)
	}))
}

// storybookData is one of everything.
type storybookData struct {
	At        time.Time
	Zone      string
	Amounts   []money.Amount
	Steps     []Step
	Countries []Option
	Business  []Option
	Kinds     []string
	Wrong     *Form
	Name      string
	Person    string
	Scopes    []string
}

func storybookView() View {
	filled := NewForm(map[string][]string{
		"email": {"ada.wong@example.com"}, "country": {"HK"}, "business": {"individual"}, "story_terms": {"yes"}, "phone": {"9123 4567"},
		"born_day": {"7"}, "born_month": {"11"}, "born_year": {"1990"},
	})
	wrong := NewForm(map[string][]string{"wrong_email": {"ada.wong@"}, "wrong_born_day": {"31"}, "wrong_born_month": {"2"}, "wrong_born_year": {"1990"}})
	for _, field := range []string{"wrong_email", "wrong_password", "wrong_country", "wrong_business", "wrong_born", "wrong_phone", "wrong_file", "wrong_terms", "wrong_about"} {
		wrong.Fail(field, "storybook.wrong."+field[len("wrong_"):])
	}
	return View{
		Brand: Brand{Name: "TutorHub Hong Kong", Primary: "#5b3df5", Secondary: "#ffb020"}, Testmode: true, Layout: Account, Form: filled, Status: http.StatusOK,
		Person: "ada.wong@example.com",
		Nav: []Link{
			{Href: "/_dev/ui", Key: "storybook.nav.components", Active: true}, {Href: "/_dev/ui?page=signin", Key: "storybook.nav.signin"},
			{Href: "/_dev/ui?page=consent", Key: "storybook.nav.consent"}, {Href: "/_dev/ui?page=wizard", Key: "storybook.nav.wizard"},
			{Href: "/_dev/ui?page=account", Key: "storybook.nav.account"}, {Href: "/_dev/ui?page=error", Key: "storybook.nav.error"},
		},
		Data: storybookData{
			At: time.Date(2026, 11, 25, 16, 30, 0, 0, time.UTC), Zone: "Asia/Hong_Kong", Name: "TutorHub Hong Kong", Person: "Ada Wong",
			Amounts: []money.Amount{money.New(123450, "hkd"), money.New(-5000, "hkd"), money.New(300, "jpy"), money.New(1250, "kwd"), money.New(5, "usd")},
			Steps: []Step{
				{Key: "storybook.step.business", Href: "#business", State: StepDone}, {Key: "storybook.step.person", Href: "#person", State: StepDone},
				{Key: "storybook.step.identity", State: StepCurrent}, {Key: "storybook.step.bank", State: StepTodo}, {Key: "storybook.step.review", State: StepTodo},
			},
			Countries: []Option{{Value: "HK", Key: "storybook.country.hk"}, {Value: "US", Key: "storybook.country.us"}, {Value: "GB", Key: "storybook.country.gb"}},
			Business: []Option{
				{Value: "individual", Key: "storybook.business.individual", Hint: "storybook.business.individual.hint", Icon: "user"},
				{Value: "company", Key: "storybook.business.company", Hint: "storybook.business.company.hint", Icon: "building-2"},
			},
			Kinds: []string{"info", "success", "warning", "danger"}, Wrong: wrong,
			Scopes: []string{"storybook.scope.charge", "storybook.scope.read", "storybook.scope.payouts"},
		},
	}
}

package accountpages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// settingForm is a group of settings that are saved together: GET shows them, a first
// POST shows what would change, a second one (confirm=yes) saves.
type settingForm struct {
	title, permission string
	path              func(r *http.Request, v *dashboard.Visit) string // of the API, to read and to write
	fields            []field
	preview           bool // the review shows itself in the new colours
	back              func(r *http.Request, v *dashboard.Visit) *ui.Link
}

func ownAccount(_ *http.Request, v *dashboard.Visit) string { return "/v1/accounts/" + v.Chair.Account }
func toSettings(_ *http.Request, v *dashboard.Visit) *ui.Link {
	return &ui.Link{Href: v.Path("settings"), Key: "settings.title"}
}

func fixed(path string) func(*http.Request, *dashboard.Visit) string {
	return func(*http.Request, *dashboard.Visit) string { return path }
}

// settingOrder is the order of the page.
var settingOrder = []string{"business", "branding", "statement", "payouts", "policy"}

var intervals = []ui.Option{
	{Value: "manual", Key: "interval.manual"}, {Value: "daily", Key: "interval.daily"},
	{Value: "weekly", Key: "interval.weekly"}, {Value: "monthly", Key: "interval.monthly"},
}

var weekdays = []ui.Option{
	{Value: "", Key: "interval.none"}, {Value: "monday", Key: "day.monday"}, {Value: "tuesday", Key: "day.tuesday"},
	{Value: "wednesday", Key: "day.wednesday"}, {Value: "thursday", Key: "day.thursday"}, {Value: "friday", Key: "day.friday"},
}

var settingForms = map[string]settingForm{
	"business": {title: "settings.business", permission: "accounts:write", path: ownAccount, back: toSettings, fields: []field{
		{Name: "business_profile[name]", Label: "settings.name", Optional: true},
		{Name: "business_profile[url]", Label: "settings.url", Type: "url", Optional: true},
		{Name: "business_profile[support_email]", Label: "settings.support_email", Type: "email", Optional: true},
		{Name: "business_profile[support_phone]", Label: "settings.support_phone", Type: "tel", Optional: true},
		{Name: "settings[dashboard][timezone]", Label: "settings.timezone", Hint: "settings.timezone_hint", Optional: true},
	}},
	"branding": {title: "settings.branding", permission: "accounts:write", path: ownAccount, back: toSettings, preview: true, fields: []field{
		{Name: "settings[branding][primary_color]", Label: "settings.primary", Hint: "settings.colour_hint", Optional: true},
		{Name: "settings[branding][secondary_color]", Label: "settings.secondary", Optional: true},
	}},
	"statement": {title: "settings.statement", permission: "accounts:write", path: ownAccount, back: toSettings, fields: []field{
		{Name: "settings[payments][statement_descriptor]", Label: "settings.descriptor", Hint: "settings.descriptor_hint", Optional: true},
		{Name: "settings[card_payments][statement_descriptor_prefix]", Label: "settings.prefix", Optional: true},
	}},
	"payouts": {title: "settings.payouts", permission: "balance_settings:write", path: fixed("/v1/balance_settings"), back: toSettings, fields: []field{
		{Name: "payments[payouts][schedule][interval]", Label: "settings.interval", Options: intervals},
		{Name: "payments[payouts][statement_descriptor]", Label: "settings.payout_text", Optional: true},
		{Name: "payments[payouts][minimum_balance_by_currency]", Label: "settings.keep", Hint: "settings.keep_hint", Money: true, Optional: true},
	}},
	"policy": {title: "settings.policy", permission: "payout_policy:write", path: fixed("/v1/payout_policy"), back: toSettings, fields: []field{
		{Name: "approval_over", Label: "settings.approval", Hint: "settings.approval_hint", Money: true, Optional: true},
		{Name: "daily_limit", Label: "settings.daily", Money: true, Optional: true},
		{Name: "minimum_payout", Label: "settings.minimum", Money: true, Optional: true},
		{Name: "cooling_off_hours", Label: "settings.cooling", Hint: "settings.cooling_hint", Optional: true},
	}},
}

// scheduleForm is when a connected account is paid out.
var scheduleForm = settingForm{
	title: "schedule.title", permission: "accounts:write",
	path: func(r *http.Request, _ *dashboard.Visit) string { return "/v1/accounts/" + r.PathValue("id") },
	back: func(r *http.Request, v *dashboard.Visit) *ui.Link {
		return &ui.Link{Href: v.Path("accounts", r.PathValue("id")) + "?tab=terms", Key: "act.back"}
	},
	fields: []field{
		{Name: "settings[payouts][schedule][interval]", Label: "settings.interval", Options: intervals},
		{Name: "settings[payouts][schedule][weekly_anchor]", Label: "schedule.weekday", Hint: "schedule.weekday_hint", Options: weekdays},
		{Name: "settings[payouts][schedule][monthly_anchor]", Label: "schedule.day", Hint: "schedule.day_hint", Optional: true},
		{Name: "settings[payouts][schedule][local_time]", Label: "schedule.time", Hint: "schedule.time_hint", Optional: true},
	},
}

// setting is one setting as it stands, and as it would be.
type setting struct {
	field
	Value, New string // as the form has them
	Was, Is    string // in words
}

// now are the settings of an answer of the API.
func (f settingForm) now(v *dashboard.Visit, answer map[string]any) []setting {
	out := make([]setting, len(f.fields))
	for i, fl := range f.fields {
		out[i] = setting{field: fl, Value: fl.read(v, answer)}
		out[i].Was = out[i].said(v, out[i].Value)
	}
	return out
}

// read finds a field's value by its parameter: "a[b][c]" is a.b.c of the answer.
func (f field) read(v *dashboard.Visit, answer map[string]any) string {
	var at any = answer
	path := strings.Split(strings.ReplaceAll(f.param(v), "]", ""), "[")
	for _, name := range path {
		m, _ := at.(map[string]any)
		at = m[name]
	}
	switch at := at.(type) {
	case nil:
		return ""
	case json.Number:
		return f.units(v, at.String())
	case string:
		return at
	}
	return fmt.Sprint(at)
}

// param is what the API calls the field.
func (f field) param(v *dashboard.Visit) string {
	if f.Money {
		return f.Name + "[" + string(v.Chair.Currency) + "]"
	}
	return f.Name
}

// units writes minor units as people do.
func (f field) units(v *dashboard.Visit, minor string) string {
	n, err := strconv.ParseInt(minor, 10, 64)
	if !f.Money || err != nil {
		return minor
	}
	return money.New(n, v.Chair.Currency).Decimal()
}

// minor reads what people write: "12.50" is 1250. What is no amount goes to the API as it is, to be refused.
func (f field) minor(v *dashboard.Visit, text string) string {
	if !f.Money || text == "" {
		return text
	}
	whole, cents, _ := strings.Cut(strings.ReplaceAll(text, ",", ""), ".")
	exponent := v.Chair.Currency.Exponent()
	if len(cents) > exponent || whole == "" {
		return text
	}
	n, err := strconv.ParseInt(whole+cents+strings.Repeat("0", exponent-len(cents)), 10, 64)
	if err != nil {
		return text
	}
	return strconv.FormatInt(n, 10)
}

// said is a value in words.
func (s setting) said(v *dashboard.Visit, value string) string {
	for _, o := range s.Options {
		if o.Value == value && o.Key != "" {
			return string(v.Text(o.Key))
		}
	}
	switch {
	case value == "":
		return string(v.Text("settings.unset"))
	case s.Money:
		return strings.ToUpper(string(v.Chair.Currency)) + " " + value
	}
	return value
}

type settingGroup struct {
	Name, Title string
	May         bool
	Settings    []setting
}

// settings is the page of them all (P-20).
func (s *section) settings(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	var groups []settingGroup
	answers := map[string]map[string]any{}
	for _, name := range settingOrder {
		f := settingForms[name]
		if !v.May(strings.TrimSuffix(f.permission, ":write") + ":read") {
			continue
		}
		path := f.path(r, v)
		if answers[path] == nil {
			got, err := readSettings(r, v, path)
			if err != nil {
				return err
			}
			answers[path] = got
		}
		groups = append(groups, settingGroup{name, f.title, v.May(f.permission), f.now(v, answers[path])})
	}
	return s.pages.Render(w, r, v, "settings", ui.View{Title: "settings.title", Data: struct {
		Groups []settingGroup
		Team   string
	}{groups, "/accounts/" + url.PathEscape(v.Chair.Account) + "/team"}})
}

func readSettings(r *http.Request, v *dashboard.Visit, path string) (answer map[string]any, err error) {
	var raw json.RawMessage
	if err := v.API.Get(r.Context(), path, nil, &raw); err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	return answer, d.Decode(&answer)
}

type changeView struct {
	Title, Problem  string
	Settings        []setting // in a review, those that change
	Review, Preview bool
}

// change shows a form of settings, then what would change, then saves.
func (s *section) change(f settingForm) dashboard.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		path, back := f.path(r, v), f.back(r, v)
		answer, err := readSettings(r, v, path)
		if err != nil {
			return err
		}
		view := changeView{Title: f.title, Settings: f.now(v, answer)}
		form := ui.NewForm(nil)
		show := func(brand ui.Brand) error {
			return s.pages.Render(w, r, v, "change", ui.View{Title: f.title, Back: back, Data: view, Form: form, Brand: brand})
		}
		if r.Method != http.MethodPost {
			for _, st := range view.Settings {
				form.Set(st.Name, st.Value)
			}
			return show(ui.Brand{})
		}
		form = ui.PostedForm(r)
		params, changed := url.Values{}, []setting{}
		for _, st := range view.Settings {
			given := form.Value(st.Name)
			if !form.Has(st.Name) || given == st.Value {
				continue
			}
			params.Set(st.param(v), st.minor(v, given))
			st.New, st.Is = given, st.said(v, given)
			changed = append(changed, st)
		}
		if len(changed) == 0 {
			return v.Go(w, r, back.Href, "unchanged")
		}
		if form.Value("confirm") != "yes" {
			view.Settings, view.Review, view.Preview = changed, true, f.preview
			if !f.preview {
				return show(ui.Brand{})
			}
			return show(ui.Brand{Name: v.Chair.Name, LogoURL: v.Chair.Look.LogoURL,
				Primary: form.Value("settings[branding][primary_color]"), Secondary: form.Value("settings[branding][secondary_color]")})
		}
		if err := v.API.PostOnce(r.Context(), path, params, r.PostForm.Get("idempotency_key"), nil); err != nil {
			message, refused := refusal(err)
			if !refused {
				return err
			}
			view.Problem = message
			return s.pages.Render(w, r, v, "change", ui.View{Title: f.title, Back: back, Data: view, Form: form, Status: http.StatusUnprocessableEntity})
		}
		return v.Go(w, r, back.Href, "saved")
	}
}

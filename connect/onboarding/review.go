package onboarding

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/ui"
)

// section is what one step has gathered.
type section struct {
	Title string // catalogue key
	Href  string
	Open  bool // something of it is due
	Facts []Fact
}

// Fact is one line of a section.
type Fact struct {
	Label any // a catalogue key, or text
	Value any
}

type reviewView struct {
	frame
	Sections []section
	Terms    bool   // they are to be accepted
	TermsURL string // where they can be read; "" without Terms
	Open     bool   // something else is due
	Waits    []string
}

// review shows everything, takes the agreement to the terms and ends the visit.
func (t *tour) review() error {
	if t.r.Method == http.MethodPost && !t.fills() {
		done, err := t.submit()
		if err != nil || done {
			return err
		}
	}
	if t.fills() {
		t.form.Set("terms", "yes")
	}
	v := reviewView{frame: t.frame(stepReview), Sections: t.sections(), Terms: t.plan.open(stepReview), Waits: t.beyond()}
	if v.Terms {
		v.TermsURL = t.z.cfg.TermsURL
	}
	v.Open = slices.ContainsFunc(v.Sections, func(s section) bool { return s.Open })
	return t.render("review", ui.FlowWide, v.Title, v)
}

// submit accepts the terms, if they are due, and leaves once nothing is.
func (t *tour) submit() (done bool, err error) {
	for _, s := range t.sections() {
		if s.Open {
			t.form.Fail("", "onboarding.review.open")
			return false, nil
		}
	}
	if t.plan.open(stepReview) {
		if t.form.Value("terms") == "" {
			t.form.Fail("terms", "onboarding.missing.terms")
			return false, nil
		}
		saved, err := t.keep(nil, t.accept)
		if err != nil || !saved {
			return false, err
		}
	}
	if err := t.load(t.r.Context()); err != nil {
		return false, err
	}
	if next := t.plan.first(); next != stepReview {
		return true, t.to(next) // what was told changed what has to be told
	}
	if t.v.ReturnURL == "" {
		return true, t.to("overview")
	}
	return true, t.end("onboarding.left")
}

// accept notes who agreed to the terms, when and from where.
func (t *tour) accept(ctx context.Context, tx bun.Tx) error {
	at := t.z.accounts.Clock(t.a.Livemode).Now()
	date, ip, agent := at.Unix(), rest.PeerIP(t.r), t.r.UserAgent()
	if len(agent) > 500 {
		agent = agent[:500]
	}
	_, err := t.z.accounts.Update(ctx, tx, at, t.v.Scope(), t.a.ID, connect.UpdateParams{
		TOSAcceptance: &connect.TOSParams{Date: &date, IP: &ip, UserAgent: &agent},
	})
	return err
}

// beyond are requirements that no parameter of ours gives.
func (t *tour) beyond() (names []string) {
	for _, one := range t.plan.on(stepDetails, "") {
		if t.plan.due[one.name] && !assignable(one.name) {
			names = append(names, one.name)
		}
	}
	return names
}

func assignable(name string) bool {
	subject, tail, _ := strings.Cut(name, ".")
	if groupOf(subject) == "person" && subject != individual {
		return assign(&connect.PersonParams{}, tail, "1")
	}
	return assign(&connect.UpdateParams{}, name, "1")
}

// sections are what the steps of this visit have gathered.
func (t *tour) sections() (sections []section) {
	for _, step := range t.plan.steps() {
		if step == stepReview {
			continue
		}
		s := section{Title: "onboarding.step." + step, Href: Path + "/" + step, Open: t.plan.open(step)}
		switch step {
		case stepBank:
			for _, p := range t.payees() {
				s.Facts = append(s.Facts, Fact{Label: p.Name, Value: ui.Text("•••• " + p.Last4)})
			}
		case stepPeople:
			for _, m := range t.members() {
				for _, role := range m.Roles {
					s.Facts = append(s.Facts, Fact{Label: role, Value: ui.Text(m.Name)})
				}
			}
		default:
			s.Facts = t.facts(t.fieldsOf(t.plan.on(step, "")))
		}
		sections = append(sections, s)
	}
	return sections
}

func (t *tour) facts(fields []Field) (facts []Fact) {
	for _, f := range fields {
		for _, one := range append([]Field{f}, f.Instead...) {
			if value := t.fact(one); value != nil {
				facts = append(facts, Fact{Label: one.Label, Value: value})
			}
		}
	}
	return facts
}

// fact is a field's value as it is read: choices by their names, numbers not at all.
func (t *tour) fact(f Field) any {
	switch f.Kind {
	case "number":
		if f.Given {
			return "onboarding.review.given"
		}
		return nil
	case "document":
		if f.Given {
			return "onboarding.review.uploaded"
		}
		return nil
	case "date":
		day := fmt.Sprintf("%s-%s-%s", t.value(f.Name+".year"), t.value(f.Name+".month"), t.value(f.Name+".day"))
		born, err := time.Parse("2006-1-2", day)
		if err != nil {
			return nil
		}
		return ui.Text(ui.FormatDate(born, time.UTC, ui.LocaleOf(t.r)))
	}
	value := t.value(f.Name)
	if f.Kind == "phone" {
		value = spaced(value)
	}
	for _, o := range f.Options {
		if o.Value == value && value != "" {
			return o.Label()
		}
	}
	if value == "" {
		return nil
	}
	return ui.Text(value)
}

// spaced sets a phone number's country code apart.
func spaced(number string) string {
	for _, code := range dialCodes {
		if rest, ok := strings.CutPrefix(number, code); ok {
			return code + " " + rest
		}
	}
	return number
}

type overviewView struct {
	frame
	Name     string
	Charges  bool
	Payouts  bool
	Due      bool
	DueFrom  string
	Pending  bool
	Rejected bool
	Deadline string
	Payees   []Payee
	Sections []section
	Return   bool
}

// overview shows how the account stands.
func (t *tour) overview() error {
	s := t.a.Standing()
	v := overviewView{
		frame: t.frame(""), Name: t.accountName(), Charges: s.ChargesEnabled, Payouts: s.PayoutsEnabled, Due: len(t.plan.due) > 0,
		DueFrom: Path + "/" + t.plan.first(), Pending: len(s.PendingVerification) > 0 || s.DisabledReason == "under_review" || s.DisabledReason == "requirements.pending_verification",
		Rejected: t.a.Rejected != "", Payees: t.payees(), Return: t.v.ReturnURL != "",
	}
	if t.v.Kind != Onboarding {
		v.Sections, v.Payees = t.sections(), nil // the sections have them
	}
	if !s.Deadline.IsZero() {
		v.Deadline = ui.FormatDate(s.Deadline, time.UTC, ui.LocaleOf(t.r))
	}
	return t.render("overview", ui.Flow, "onboarding.title.overview", v)
}

func (t *tour) accountName() string {
	name := first(t.a.BusinessProfile.Name)
	if name == "" && t.a.Company != nil {
		name = first(t.a.Company.Name)
	}
	if p := t.person(individual); name == "" && p != nil {
		name = nameOf(p)
	}
	return name
}

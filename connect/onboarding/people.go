package onboarding

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/ui"
)

// bodies are what a company has to tell who is in: its owners, directors, executives.
var bodies = []struct {
	provided string // the requirement
	role     string // the relationship
	must     bool   // there is at least one
}{
	{"company.owners_provided", "owner", false},
	{"company.directors_provided", "director", true},
	{"company.executives_provided", "executive", true},
}

// Member is a person on the list.
type Member struct {
	ID      string
	Name    string
	Roles   []string // catalogue keys
	Speaker bool     // the representative
	Missing bool     // something about the person is due
}

// Body is one of the bodies asked for.
type Body struct {
	Role  string
	Input string // of the checkbox: is the representative one, too?
	Label string // catalogue keys
	Hint  any
}

type peopleView struct {
	frame
	Lead    any
	Why     any
	Members []Member
	Bodies  []Body
	Speaker string
}

// people lists who owns and runs a company, and closes the list.
func (t *tour) people() error {
	if !slices.Contains(t.plan.steps(), stepPeople) {
		return t.start()
	}
	if t.r.Method == http.MethodPost {
		saved, err := t.savePeople()
		if err != nil {
			return err
		}
		if saved {
			return t.after(stepPeople)
		}
		if t.w.Header().Get("Location") != "" {
			return nil // to a person
		}
	} else if speaker := representativeOf(t.a); speaker != nil {
		for _, b := range t.bodies() {
			if plays(speaker, b.Role) {
				t.form.Set(b.Input, "yes")
			}
		}
	}
	v := peopleView{
		frame: t.frame(stepPeople), Lead: t.z.key("onboarding.lead.people", t.a.Country), Why: t.z.key("onboarding.why.people", t.a.Country),
		Members: t.members(), Bodies: t.bodies(),
	}
	if speaker := representativeOf(t.a); speaker != nil {
		v.Speaker = nameOf(speaker)
	}
	return t.render("people", ui.FlowWide, v.Title, v)
}

// bodies are those that this visit asks for.
func (t *tour) bodies() (asked []Body) {
	for _, b := range bodies {
		if t.plan.has(b.provided) || t.z.isTrue(t.value(b.provided)) {
			asked = append(asked, Body{
				Role: b.role, Input: "speaker_" + b.role, Label: "onboarding.people.speaker." + b.role, Hint: t.z.key("onboarding.role."+b.role+".hint", t.a.Country),
			})
		}
	}
	return asked
}

func (z *Wizard) isTrue(text string) bool { return text == "true" }

func plays(p *connect.Person, role string) bool { return valueOf(p.Relationship, role) == "true" }

func nameOf(p *connect.Person) string {
	return strings.TrimSpace(first(p.FirstName, p.FirstNameKanji) + " " + first(p.LastName, p.LastNameKanji))
}

func (t *tour) members() (members []Member) {
	for _, p := range slices.Backward(t.a.Persons) { // in the order they were named
		if p.Individual {
			continue
		}
		m := Member{ID: p.ID, Name: nameOf(p)}
		if valueOf(p.Relationship, "representative") == "true" {
			m.Speaker = true
			m.Roles = append(m.Roles, "onboarding.role.representative")
		}
		for _, b := range bodies {
			if plays(p, b.role) {
				m.Roles = append(m.Roles, "onboarding.role."+b.role)
			}
		}
		for name := range t.plan.due {
			m.Missing = m.Missing || strings.HasPrefix(name, p.ID+".")
		}
		members = append(members, m)
	}
	return members
}

// savePeople notes what the representative is, then adds a person or closes the list.
func (t *tour) savePeople() (bool, error) {
	asked := t.bodies()
	kept, err := t.keep(nil, func(ctx context.Context, tx bun.Tx) error {
		speaker := representativeOf(t.a)
		if speaker == nil {
			return nil
		}
		var p connect.PersonParams
		for _, b := range asked {
			assign(&p, "relationship."+b.Role, boolText(t.form.Value(b.Input) != ""))
		}
		return t.writePerson(ctx, tx, t.z.accounts.Clock(t.a.Livemode).Now(), speaker.ID, p)
	})
	if err != nil || !kept {
		return false, err
	}
	if err := t.load(t.r.Context()); err != nil {
		return false, err
	}
	if t.form.Value("add") != "" {
		return false, t.to("person")
	}
	for _, m := range t.members() {
		if m.Missing && !m.Speaker {
			return false, t.to("person?id=" + m.ID)
		}
	}
	for _, b := range bodies {
		if b.must && t.plan.has(b.provided) && !slices.ContainsFunc(t.a.Persons, func(p *connect.Person) bool { return plays(p, b.role) }) {
			t.form.Fail("", "onboarding.people.none."+b.role)
		}
	}
	if !t.form.OK() {
		return false, nil
	}
	return t.keep(nil, func(ctx context.Context, tx bun.Tx) error {
		given := map[string]string{}
		for _, b := range bodies {
			if t.plan.has(b.provided) {
				given[b.provided] = "true"
			}
		}
		return t.write(ctx, tx, given)
	})
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

const newPerson = personPrefix + "new"

type personView struct {
	frame
	ID      string
	Rows    [][]Field
	Roles   []Body
	Uploads bool
}

// onePerson adds or changes a person of a company.
func (t *tour) onePerson() error {
	if !slices.Contains(t.plan.steps(), stepPeople) {
		return t.start()
	}
	subject := newPerson
	if asked := t.r.URL.Query().Get("id"); asked != "" {
		if p := t.person(asked); p == nil || p.Individual || valueOf(p.Relationship, "representative") == "true" {
			return t.to(stepPeople)
		}
		subject = asked
	}
	fields := t.personFields(subject)
	switch {
	case t.r.Method != http.MethodPost:
		t.prefill(fields)
		t.mistakes(fields)
		if p := t.person(subject); p != nil {
			for _, b := range bodies {
				if plays(p, b.role) {
					t.form.Set("role_"+b.role, "yes")
				}
			}
		}
	case t.fills():
		t.sample(fields)
		for _, b := range t.bodies() {
			t.form.Set("role_"+b.Role, "yes")
		}
	case t.form.Value("remove") != "" && subject != newPerson:
		if _, err := t.keep(nil, func(ctx context.Context, tx bun.Tx) error {
			return t.z.accounts.DeletePerson(ctx, tx, t.z.accounts.Clock(t.a.Livemode).Now(), t.v.Scope(), t.a.ID, subject)
		}); err != nil {
			return err
		}
		return t.to(stepPeople)
	default:
		saved, err := t.savePerson(subject, fields)
		if err != nil || saved {
			return err
		}
	}
	v := personView{frame: t.frame(stepPeople), Rows: rows(fields), Uploads: uploads(fields)}
	v.Title = "onboarding.title.person"
	if subject != newPerson {
		v.ID = subject
	}
	for _, b := range t.bodies() {
		b.Input, b.Label = "role_"+b.Role, "onboarding.role."+b.Role
		v.Roles = append(v.Roles, b)
	}
	return t.render("person", ui.FlowWide, v.Title, v)
}

// personFields are a name and whatever is asked for about that person.
func (t *tour) personFields(subject string) []Field {
	asks := t.plan.on(stepPeople, subject)
	for _, tail := range []string{"first_name", "last_name"} {
		if name := subject + "." + tail; !slices.ContainsFunc(asks, func(one ask) bool { return one.name == name }) {
			asks = append(asks, ask{name: name})
		}
	}
	fields := t.fieldsOf(asks)
	for i := range fields {
		if tail := tailOf(fields[i].Name); tail == "first_name" || tail == "last_name" {
			fields[i].Optional = false // nobody is on the list without a name
		}
	}
	return fields
}

func (t *tour) savePerson(subject string, fields []Field) (saved bool, err error) {
	given, err := t.collect(fields)
	if err != nil {
		return false, err
	}
	any := false
	for _, b := range t.bodies() {
		plays := t.form.Value("role_"+b.Role) != ""
		any = any || plays
		given[subject+".relationship."+b.Role] = boolText(plays)
	}
	if !any {
		t.form.Fail("role_"+t.bodies()[0].Role, "onboarding.people.no_role")
	}
	if !t.form.OK() {
		return false, nil
	}
	before := len(t.a.Persons)
	if saved, err = t.keep(fields, func(ctx context.Context, tx bun.Tx) error { return t.write(ctx, tx, given) }); err != nil || !saved {
		return saved, err
	}
	if err := t.load(t.r.Context()); err != nil {
		return true, err
	}
	if subject == newPerson && len(t.a.Persons) > before {
		subject = t.a.Persons[0].ID // newest first
	}
	for name := range t.plan.due {
		if strings.HasPrefix(name, subject+".") {
			return true, t.to("person?id=" + subject)
		}
	}
	return true, t.to(stepPeople)
}

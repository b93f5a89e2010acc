package onboarding

import (
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/ui"
)

// spec is how a field looks and is filled in.
type spec struct {
	kind         string // text, email, phone, url, date, textarea, number, document, industry, type, state
	autocomplete string
	inputmode    string
	half         bool // stands beside its neighbour
	proof        bool // shows who somebody is: on the identity step
	max          int
	place        int // among the fields of a page
}

// specs are the fields we know, by group and name. What is not here is still asked
// for, as a plain text with its own name.
var specs = inOrder([]named{
	{"business_type", spec{kind: "type"}},
	{"person.first_name", spec{autocomplete: "given-name", half: true, max: 100}},
	{"person.last_name", spec{autocomplete: "family-name", half: true, max: 100}},
	{"person.relationship.title", spec{autocomplete: "organization-title", max: 100}},
	{"person.relationship.percent_ownership", spec{inputmode: "decimal", max: 6}},
	{"person.dob", spec{kind: "date"}},
	{"person.nationality", spec{autocomplete: "country", max: 2}},
	{"person.email", spec{kind: "email", autocomplete: "email", max: 254}},
	{"person.phone", spec{kind: "phone", autocomplete: "tel"}},
	{"person.address.line1", spec{autocomplete: "address-line1", max: 200}},
	{"person.address.line2", spec{autocomplete: "address-line2", max: 200}},
	{"person.address.city", spec{autocomplete: "address-level2", half: true, max: 100}},
	{"person.address.state", spec{kind: "state", autocomplete: "address-level1", half: true, max: 100}},
	{"person.address.postal_code", spec{autocomplete: "postal-code", half: true, max: 20}},
	{"person.ssn_last_4", spec{kind: "number", inputmode: "numeric", max: 4, proof: true}},
	{"person.id_number", spec{kind: "number", max: 30, proof: true}},
	{"person.id_number_secondary", spec{kind: "number", max: 30, proof: true}},
	{"person.verification.document", spec{kind: "document", proof: true}},
	{"person.verification.additional_document", spec{kind: "document", proof: true}},
	{"company.name", spec{autocomplete: "organization", max: 200}},
	{"company.tax_id", spec{kind: "number", max: 30}},
	{"company.registration_number", spec{kind: "number", max: 30}},
	{"company.vat_id", spec{kind: "number", max: 30}},
	{"company.phone", spec{kind: "phone", autocomplete: "tel"}},
	{"company.address.line1", spec{autocomplete: "address-line1", max: 200}},
	{"company.address.line2", spec{autocomplete: "address-line2", max: 200}},
	{"company.address.city", spec{autocomplete: "address-level2", half: true, max: 100}},
	{"company.address.state", spec{kind: "state", autocomplete: "address-level1", half: true, max: 100}},
	{"company.address.postal_code", spec{autocomplete: "postal-code", half: true, max: 20}},
	{"company.verification.document", spec{kind: "document", proof: true}},
	{"business_profile.mcc", spec{kind: "industry"}},
	{"business_profile.url", spec{kind: "url", autocomplete: "url", max: 500}},
	{"business_profile.product_description", spec{kind: "textarea", max: 500}},
	{"business_profile.name", spec{autocomplete: "organization", max: 200}},
	{"business_profile.support_phone", spec{kind: "phone"}},
	{"business_profile.support_email", spec{kind: "email", max: 254}},
	{"business_profile.support_url", spec{kind: "url", max: 500}},
})

type named struct {
	name string
	spec spec
}

func inOrder(list []named) map[string]spec {
	all := make(map[string]spec, len(list))
	for i, n := range list {
		n.spec.place = i + 1
		if n.spec.kind == "" {
			n.spec.kind = "text"
		}
		all[n.name] = n.spec
	}
	return all
}

// Field is one input of a page.
type Field struct {
	Name         string // of the input: the requirement's
	Kind         string
	Label        any // a catalogue key, or text
	Hint         any
	Optional     bool
	Given        bool // of numbers and documents, which are not shown again
	Half         bool
	Autocomplete string
	Inputmode    string
	Max          int
	Options      []ui.Option
	Country      string
	Instead      []Field // any of these does, too
	InsteadLabel any
	InsteadOpen  bool

	spec spec
}

// fieldsOf are the inputs for some asks, addresses made whole, in the order of specs.
func (t *tour) fieldsOf(asks []ask) []Field {
	var fields []Field
	taken := map[string]bool{}
	for _, one := range asks {
		name := inputName(one.name)
		if taken[name] {
			continue
		}
		taken[name] = true
		f := t.field(name)
		for _, other := range one.or {
			f.Instead = append(f.Instead, t.field(inputName(other)))
			taken[inputName(other)] = true
		}
		if len(f.Instead) > 0 {
			f.InsteadLabel = t.z.key("onboarding.instead."+tailOf(f.Instead[0].Name), t.a.Country)
			f.InsteadOpen = slices.ContainsFunc(f.Instead, func(other Field) bool { return t.form.Value(other.Name) != "" || other.Given }) && t.form.Value(f.Name) == ""
		}
		fields = append(fields, f)
	}
	fields = t.wholeAddresses(fields, taken)
	slices.SortStableFunc(fields, func(a, b Field) int { return a.place() - b.place() })
	for i := 1; i < len(fields) && ui.LocaleOf(t.r) == ui.Chinese; i++ { // 姓氏 comes first
		if strings.HasSuffix(fields[i-1].Name, ".first_name") && strings.HasSuffix(fields[i].Name, ".last_name") {
			fields[i-1], fields[i] = fields[i], fields[i-1]
		}
	}
	return fields
}

func (f Field) place() int {
	if f.spec.place == 0 {
		return len(specs) + 1
	}
	return f.spec.place
}

// wholeAddresses adds the lines of an address that nobody asked for but people have.
func (t *tour) wholeAddresses(fields []Field, taken map[string]bool) []Field {
	var lines []string
	switch t.a.Country {
	case "HK", "MO", "AE", "QA":
		lines = []string{"city"}
	case "US", "CA", "AU":
		lines = []string{"line2", "city", "state", "postal_code"}
	default:
		lines = []string{"line2", "city", "postal_code"}
	}
	for _, f := range slices.Clone(fields) {
		subject, found := strings.CutSuffix(f.Name, ".address.line1")
		if !found {
			continue
		}
		for _, line := range lines {
			name := subject + ".address." + line
			if !taken[name] {
				more := t.field(name)
				more.Optional = true
				fields = append(fields, more)
			}
		}
	}
	return fields
}

func (t *tour) field(name string) Field {
	subject, tail, _ := strings.Cut(name, ".")
	about := groupOf(subject) + "." + tail
	if tail == "" {
		about = subject
	}
	s, known := specs[about]
	f := Field{
		Name: name, Kind: s.kind, Half: s.half, Autocomplete: s.autocomplete, Inputmode: s.inputmode, Max: s.max, Country: t.a.Country, spec: s,
		Label: t.z.key("onboarding.field."+about, t.a.Country),
		Hint:  t.z.key("onboarding.field."+about+".hint", t.a.Country),
	}
	if !known {
		f.Kind, f.Max = "text", 200
		f.Label, f.Hint = ui.Text(name), "onboarding.field.unknown"
	}
	switch f.Kind {
	case "type":
		f.Options = businessTypes
	case "industry":
		f.Options = industries
	case "state":
		if f.Options = states[t.a.Country]; f.Options == nil {
			f.Kind = "text"
		}
	case "number", "document":
		f.Given = t.given(name)
		f.Autocomplete = "off"
	}
	f.Optional = !t.owes(name) && !t.has(f)
	return f
}

// owes reports whether a field is due, or one of its parts.
func (t *tour) owes(input string) bool {
	for name := range t.plan.due {
		if inputName(name) == input {
			return true
		}
	}
	return false
}

// has reports whether a field has been filled in before.
func (t *tour) has(f Field) bool {
	switch f.Kind {
	case "number", "document":
		return f.Given
	case "date":
		return t.value(f.Name+".year") != ""
	}
	return t.value(f.Name) != ""
}

// key is a catalogue key: the country's own one, else the general one, else nil.
func (z *Wizard) key(key, country string) any {
	for _, k := range []string{key + "." + country, key} {
		if z.pages.Has(k) {
			return k
		}
	}
	return nil
}

// inputName is the name of the input that a requirement is given with.
func inputName(requirement string) string {
	subject, tail, found := strings.Cut(requirement, ".")
	if !found {
		return requirement
	}
	return subject + "." + general(tail)
}

func tailOf(name string) string {
	_, tail, _ := strings.Cut(name, ".")
	return tail
}

// given reports whether a number or document is there; what it is, is not shown.
func (t *tour) given(name string) bool {
	switch tail := tailOf(name); {
	case strings.HasSuffix(tail, "document"):
		return t.value(name+".front") != ""
	default:
		return t.value(name+"_provided") == "true"
	}
}

// value is what the account has under a requirement's name, as text.
func (t *tour) value(name string) string {
	subject, tail, _ := strings.Cut(name, ".")
	if p := t.person(subject); p != nil {
		return valueOf(p.Person, tail)
	}
	if subject == individual || subject == representative {
		return ""
	}
	return valueOf(t.a.Wire(), name)
}

// person is whom a subject means.
func (t *tour) person(subject string) *connect.Person {
	switch {
	case subject == representative:
		return representativeOf(t.a)
	case subject == individual:
		for _, p := range t.a.Persons {
			if p.Individual {
				return p
			}
		}
	case strings.HasPrefix(subject, personPrefix):
		if p, err := t.a.Person(subject); err == nil {
			return p
		}
	}
	return nil
}

var businessTypes = []ui.Option{
	{Value: "individual", Key: "onboarding.type.individual", Hint: "onboarding.type.individual.hint", Icon: "user"},
	{Value: "company", Key: "onboarding.type.company", Hint: "onboarding.type.company.hint", Icon: "building-2"},
	{Value: "non_profit", Key: "onboarding.type.non_profit", Hint: "onboarding.type.non_profit.hint", Icon: "users"},
}

// industries are merchant category codes, those of people who teach first.
var industries = optionsOf("onboarding.industry.", `8299 8211 8220 8241 8244 8249 7911 7929 7941 7997 8351 8099 7298
	7230 7221 7333 7372 7392 8931 8111 8398 5942 5999 5812 7299`)

func optionsOf(prefix, codes string) (options []ui.Option) {
	for _, code := range strings.Fields(codes) {
		options = append(options, ui.Option{Value: code, Key: prefix + code})
	}
	return options
}

// states are what addresses of a country choose from; their names are names.
var states = map[string][]ui.Option{
	"US": namesOf(`AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,DC District of Columbia,
FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,KS Kansas,KY Kentucky,LA Louisiana,ME Maine,MD Maryland,
MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,
NM New Mexico,NY New York,NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,PR Puerto Rico,RI Rhode Island,
SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,VT Vermont,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming`),
	"AU": namesOf(`ACT Australian Capital Territory,NSW New South Wales,NT Northern Territory,QLD Queensland,SA South Australia,TAS Tasmania,VIC Victoria,WA Western Australia`),
	"CA": namesOf(`AB Alberta,BC British Columbia,MB Manitoba,NB New Brunswick,NL Newfoundland and Labrador,NS Nova Scotia,NT Northwest Territories,
NU Nunavut,ON Ontario,PE Prince Edward Island,QC Quebec,SK Saskatchewan,YT Yukon`),
}

func namesOf(list string) (options []ui.Option) {
	for _, entry := range strings.Split(list, ",") {
		code, name, _ := strings.Cut(strings.TrimSpace(entry), " ")
		options = append(options, ui.Option{Value: code, Text: name})
	}
	return options
}

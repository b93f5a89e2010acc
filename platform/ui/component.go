package ui

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// Option is one choice of a select or of radio cards. Key is looked up; Text stands as it is.
type Option struct {
	Value string
	Key   string
	Text  string
	Hint  string // key; below the label of a radio card
	Icon  string // of a radio card
}

// Label is a key or a text.
func (o Option) Label() any { return label(o.Key, o.Text) }

// Step is one step of a flow. Href leads back to one that is done.
type Step struct {
	Key   string
	Text  string
	Href  string
	State StepState
}

// Label is a key or a text.
func (s Step) Label() any { return label(s.Key, s.Text) }

// StepState says how far a step is.
type StepState string

const (
	StepTodo    StepState = "todo"
	StepCurrent StepState = "current"
	StepDone    StepState = "done"
)

// spec says how a component is called: arguments by position, then pairs of name and value.
type spec struct {
	positional int
	key        bool // the last of the positional ones is a catalogue key
	options    []string
}

// keyOptions are the names whose values are catalogue keys, or Text.
var keyOptions = []string{"label", "hint", "title", "body", "action", "text"}

var inputOptions = []string{"label", "hint", "optional", "value", "autofocus", "disabled", "size"}

var componentSpecs = map[string]spec{
	"field": {2, false, append([]string{"type", "autocomplete", "inputmode", "maxlength", "placeholder", "spellcheck", "prefix", "suffix", "readonly",
		"secret", "rows", "list"}, inputOptions...)},
	"select":   {3, false, append([]string{"autocomplete", "placeholder"}, inputOptions...)},
	"radios":   {3, false, append([]string{"columns"}, inputOptions...)},
	"checkbox": {2, false, append([]string{"checkedvalue"}, inputOptions...)},
	"birthday": {2, false, inputOptions},
	"phone":    {2, false, append([]string{"country"}, inputOptions...)},
	"upload":   {2, false, append([]string{"accept", "capture"}, inputOptions...)},
	"errors":   {1, false, nil},
	"button":   {1, true, []string{"kind", "icon", "after", "href", "name", "value", "full", "formaction", "small", "busy"}},
	"alert":    {1, false, []string{"title", "body", "action", "href"}},
	"steps":    {1, false, []string{"label"}},
	"status":   {1, false, []string{"title", "body"}},
	"empty":    {1, false, []string{"title", "body", "action", "href"}},
	"badge":    {2, true, nil},
	"copy":     {1, false, []string{"label"}},
}

// functions are what templates call.
func (s *speech) functions() template.FuncMap {
	all := s.ownFunctions()
	for _, more := range s.more {
		maps.Copy(all, more(Words{s}))
	}
	return all
}

func (s *speech) ownFunctions() template.FuncMap {
	return template.FuncMap{
		"t":       s.say,
		"title":   func(key string, args []any) (any, error) { return s.say(key, args...) },
		"text":    func(v any) Text { return Text(fmt.Sprint(v)) },
		"resolve": s.resolve,
		"asset":   s.asset,
		"script":  s.script,
		"icon":    s.icon,
		"link":    s.link,
		"strong": func(v any) template.HTML {
			return template.HTML("<strong>" + template.HTMLEscapeString(s.print(v)) + "</strong>")
		},
		"money":      func(a money.Amount) template.HTML { return amount(FormatMoney(a)) },
		"money_code": func(a money.Amount) template.HTML { return amount(FormatMoneyCode(a)) },
		"date":       func(at time.Time, zone any) (template.HTML, error) { return s.time(at, zone, FormatDate) },
		"day":        func(at time.Time, zone any) (template.HTML, error) { return s.time(at, zone, FormatDay) },
		"datetime":   func(at time.Time, zone any) (template.HTML, error) { return s.time(at, zone, FormatTime) },
		"list":       func(v ...any) []any { return v },
		"endonym":    func(l Locale) Text { return Text(l.Endonym()) },

		"field":    s.field,
		"select":   s.selectField,
		"radios":   s.radios,
		"checkbox": s.checkbox,
		"birthday": s.birthday,
		"phone":    s.phone,
		"upload":   s.upload,
		"errors":   s.errors,
		"button":   s.button,
		"alert":    s.alert,
		"steps":    s.steps,
		"status":   s.status,
		"empty":    s.empty,
		"badge":    s.badge,
		"copy":     s.copy,
	}
}

// options are the named arguments of a component.
type options map[string]any

func (s *speech) options(component string, args []any) (options, error) {
	if len(args)%2 != 0 {
		return nil, fmt.Errorf("%s: arguments come in pairs of name and value", component)
	}
	o := options{}
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok || !slices.Contains(componentSpecs[component].options, name) {
			return nil, fmt.Errorf("%s knows no %v, only %v", component, args[i], componentSpecs[component].options)
		}
		v := args[i+1]
		if slices.Contains(keyOptions, name) {
			var err error
			if v, err = s.resolve(v); err != nil {
				return nil, fmt.Errorf("%s: %w", component, err)
			}
		}
		o[name] = v
	}
	return o, nil
}

// Get is "" for an option that was not given, so templates need no index.
func (o options) Get(name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	return ""
}

func (o options) text(name string) string {
	v, ok := o[name]
	if !ok || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Is reports whether a yes-or-no option is on.
func (o options) Is(name string) bool { on, _ := o[name].(bool); return on }

func (s *speech) component(name string, dot any) (template.HTML, error) {
	var b bytes.Buffer
	if err := s.components.ExecuteTemplate(&b, name, dot); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// control is the dot of all form components.
type control struct {
	Name, ID  string
	Label     any
	Hint      any
	Error     any
	Described string // ids of hint and error, for aria-describedby
	Value     string
	Values    []string
	Optional  bool
	Choices   []choice
	options
}

type choice struct {
	Option
	ID       string
	Selected bool
}

var notInID = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

func idOf(name string) string { return strings.Trim(notInID.ReplaceAllString(name, "-"), "-") }

func (s *speech) control(component string, f *Form, name string, args []any) (control, error) {
	o, err := s.options(component, args)
	if err != nil {
		return control{}, err
	}
	c := control{
		Name: name, ID: idOf(name), options: o, Optional: o.Is("optional"),
		Label: o.Get("label"), Hint: o.Get("hint"), Value: f.Value(name), Values: f.Values(name),
	}
	if c.Label == "" {
		return control{}, fmt.Errorf("%s %q has no label", component, name)
	}
	if c.Value == "" && !f.Has(name) {
		c.Value = o.text("value")
	}
	if c.Hint != "" {
		c.Described = c.ID + "-hint"
	}
	if problem, failed := f.problem(name); failed {
		if c.Error, err = s.resolve(problem); err != nil {
			return control{}, err
		}
		c.Described = strings.TrimSpace(c.Described + " " + c.ID + "-error")
	}
	return c, nil
}

func (c *control) choose(choices []Option) {
	for i, o := range choices {
		c.Choices = append(c.Choices, choice{Option: o, ID: fmt.Sprintf("%s-%d", c.ID, i+1), Selected: o.Value == c.Value})
	}
	if len(c.Choices) > 0 {
		c.Choices[0].ID = c.ID // the error summary leads to the first one
	}
}

// field types beyond those of HTML: "code" is a one-time code, "textarea" several lines.
var fieldTypes = []string{"", "text", "email", "password", "url", "tel", "search", "date", "code", "textarea"}

func (s *speech) field(f *Form, name string, args ...any) (template.HTML, error) {
	c, err := s.control("field", f, name, args)
	if err != nil {
		return "", err
	}
	kind := c.text("type")
	if !slices.Contains(fieldTypes, kind) {
		return "", fmt.Errorf("field %q: unknown type %q", name, kind)
	}
	if kind == "password" || kind == "code" || c.Is("secret") {
		c.Value = "" // what should not be read over a shoulder, or be kept by a browser, is typed again
	}
	switch kind {
	case "textarea", "password":
		return s.component(kind, c)
	}
	return s.component("field", c)
}

func (s *speech) selectField(f *Form, name string, choices []Option, args ...any) (template.HTML, error) {
	return s.chosen("select", f, name, choices, args)
}

func (s *speech) radios(f *Form, name string, choices []Option, args ...any) (template.HTML, error) {
	return s.chosen("radios", f, name, choices, args)
}

func (s *speech) chosen(component string, f *Form, name string, choices []Option, args []any) (template.HTML, error) {
	c, err := s.control(component, f, name, args)
	if err != nil {
		return "", err
	}
	c.choose(choices)
	if component == "select" {
		c.Choices = slices.Clone(c.Choices)
		if len(c.Choices) > 0 {
			c.Choices[0].ID = ""
		}
	}
	return s.component(component, c)
}

func (s *speech) checkbox(f *Form, name string, args ...any) (template.HTML, error) {
	c, err := s.control("checkbox", f, name, args)
	if err != nil {
		return "", err
	}
	value := c.text("checkedvalue")
	if value == "" {
		value = "yes"
	}
	ticked := slices.Contains(c.Values, value) || !f.Has(name) && c.text("value") == value
	c.Choices = []choice{{Option: Option{Value: value}, ID: c.ID, Selected: ticked}}
	return s.component("checkbox", c)
}

// part is one of several inputs under one legend.
type part struct {
	Name, ID, Value string
	Label           any
	Autocomplete    string
	Choices         []choice
}

type parted struct {
	control
	Parts map[string]part
}

func (s *speech) birthday(f *Form, name string, args ...any) (template.HTML, error) {
	c, err := s.control("birthday", f, name, args)
	if err != nil {
		return "", err
	}
	p := parted{c, map[string]part{}}
	for _, which := range []string{"day", "month", "year"} {
		label, err := s.say("ui.date." + which)
		if err != nil {
			return "", err
		}
		one := part{Name: name + "_" + which, ID: c.ID + "_" + which, Value: f.Value(name + "_" + which), Label: label, Autocomplete: "bday-" + which}
		if which == "month" {
			for m := 1; m <= 12; m++ {
				value := fmt.Sprint(m)
				month, err := s.say("ui.month." + value)
				if err != nil {
					return "", err
				}
				one.Choices = append(one.Choices, choice{Option: Option{Value: value, Text: fmt.Sprint(month)}, Selected: strings.TrimLeft(one.Value, "0") == value})
			}
		}
		p.Parts[which] = one
	}
	return s.component("birthday", p)
}

// dialCodes of the countries that accounts can be in, and of their neighbours.
var dialCodes = []struct{ code, country string }{
	{"+852", "HK"}, {"+853", "MO"}, {"+86", "CN"}, {"+886", "TW"}, {"+65", "SG"}, {"+81", "JP"}, {"+82", "KR"}, {"+60", "MY"}, {"+66", "TH"}, {"+63", "PH"},
	{"+61", "AU"}, {"+1", "US"}, {"+44", "GB"}, {"+353", "IE"}, {"+33", "FR"}, {"+49", "DE"}, {"+39", "IT"}, {"+34", "ES"}, {"+31", "NL"}, {"+32", "BE"},
	{"+351", "PT"}, {"+43", "AT"}, {"+41", "CH"}, {"+46", "SE"}, {"+45", "DK"}, {"+47", "NO"}, {"+358", "FI"}, {"+48", "PL"}, {"+91", "IN"},
}

func (s *speech) phone(f *Form, name string, args ...any) (template.HTML, error) {
	c, err := s.control("phone", f, name, args)
	if err != nil {
		return "", err
	}
	chosen := f.Value(name + "_code")
	for _, d := range dialCodes {
		if chosen == "" && d.country == c.text("country") {
			chosen = d.code
		}
	}
	if chosen == "" {
		chosen = dialCodes[0].code
	}
	for _, d := range dialCodes {
		c.Choices = append(c.Choices, choice{Option: Option{Value: d.code, Text: d.country + " " + d.code}, Selected: d.code == chosen})
	}
	return s.component("phone", c)
}

func (s *speech) upload(f *Form, name string, args ...any) (template.HTML, error) {
	c, err := s.control("upload", f, name, args)
	if err != nil {
		return "", err
	}
	return s.component("upload", c)
}

// mistake is one line of the error summary.
type mistake struct {
	Href string
	Text any
}

func (s *speech) errors(f *Form) (template.HTML, error) {
	if f.OK() {
		return "", nil
	}
	var lines []mistake
	seen := map[string]bool{}
	for _, e := range f.errors {
		if seen[e.Field] {
			continue
		}
		seen[e.Field] = e.Field != ""
		text, err := s.resolve(e.problem)
		if err != nil {
			return "", err
		}
		line := mistake{Text: text}
		if e.Field != "" {
			line.Href = "#" + idOf(e.Field)
		}
		lines = append(lines, line)
	}
	return s.component("errors", lines)
}

type labelled struct {
	Kind  string
	Label any
	Value string
	options
}

func (s *speech) button(key any, args ...any) (template.HTML, error) {
	o, err := s.options("button", args)
	if err != nil {
		return "", err
	}
	label, err := s.resolve(key)
	if err != nil {
		return "", err
	}
	kind := o.text("kind")
	if kind == "" {
		kind = "primary"
	}
	return s.component("button", labelled{Kind: kind, Label: label, options: o})
}

var kinds = map[string]string{ // of alerts, badges and results, with their icons
	"info": "info", "success": "circle-check", "warning": "triangle-alert", "danger": "circle-alert", "neutral": "info", "wait": "clock",
}

func (s *speech) kinded(component, kind string, args []any) (template.HTML, error) {
	o, err := s.options(component, args)
	if err != nil {
		return "", err
	}
	if kinds[kind] == "" {
		return "", fmt.Errorf("%s: unknown kind %q", component, kind)
	}
	return s.component(component, labelled{Kind: kind, Value: kinds[kind], options: o})
}

func (s *speech) alert(kind string, args ...any) (template.HTML, error) {
	return s.kinded("alert", kind, args)
}

func (s *speech) status(kind string, args ...any) (template.HTML, error) {
	return s.kinded("status", kind, args)
}

func (s *speech) empty(icon string, args ...any) (template.HTML, error) {
	o, err := s.options("empty", args)
	if err != nil {
		return "", err
	}
	return s.component("empty", labelled{Value: icon, options: o})
}

func (s *speech) badge(kind string, key any) (template.HTML, error) {
	label, err := s.resolve(key)
	if err != nil {
		return "", err
	}
	if kinds[kind] == "" {
		return "", fmt.Errorf("badge: unknown kind %q", kind)
	}
	return s.component("badge", labelled{Kind: kind, Label: label})
}

func (s *speech) copy(value any, args ...any) (template.HTML, error) {
	o, err := s.options("copy", args)
	if err != nil {
		return "", err
	}
	return s.component("copy", labelled{Value: fmt.Sprint(value), Label: o.Get("label")})
}

type progress struct {
	Steps       []Step
	Current     Step
	Number, All int
	Label       any
}

func (s *speech) steps(steps []Step, args ...any) (template.HTML, error) {
	o, err := s.options("steps", args)
	if err != nil {
		return "", err
	}
	p := progress{Steps: steps, All: len(steps), Label: o.Get("label")}
	for i, step := range steps {
		if step.State == StepCurrent {
			p.Current, p.Number = step, i+1
		}
	}
	return s.component("steps", p)
}

func (s *speech) asset(name string) (string, error) {
	if url := s.kit.assets.url(name); url != "" {
		return url, nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

func (s *speech) script(name string) (template.HTML, error) {
	url := s.scripts[name]
	if url == "" {
		return "", fmt.Errorf("no script %q beside the pages", name)
	}
	return template.HTML(`<script src="` + template.HTMLEscapeString(url) + `" defer></script>`), nil
}

func (s *speech) icon(name string) (template.HTML, error) {
	if !s.kit.hasIcon(name) {
		return "", fmt.Errorf("no icon %q", name)
	}
	return template.HTML(`<svg class="icon" aria-hidden="true" focusable="false"><use href="` +
		template.HTMLEscapeString(s.kit.assets.url("icons.svg")+"#"+name) + `"></use></svg>`), nil
}

func (k *Kit) hasIcon(name string) bool {
	k.assets.mu.RLock()
	defer k.assets.mu.RUnlock()
	return bytes.Contains(k.assets.byName["icons.svg"].body, []byte(`<symbol id="`+name+`"`))
}

// link is a link within a sentence: {{t "key" "terms" (link "/terms" "key.of.label")}}.
func (s *speech) link(href string, key any) (template.HTML, error) {
	label, err := s.resolve(key)
	if err != nil {
		return "", err
	}
	return s.component("link", labelled{Value: href, Label: label})
}

func amount(text string) template.HTML {
	return template.HTML(`<span class="amount">` + template.HTMLEscapeString(text) + `</span>`)
}

// time shows an instant in a zone, with the instant itself for machines and in UTC on hover.
func (s *speech) time(at time.Time, zone any, format func(time.Time, *time.Location, Locale) string) (template.HTML, error) {
	var in *time.Location
	switch z := zone.(type) {
	case *time.Location:
		in = z
	case string:
		var err error
		if in, err = time.LoadLocation(z); err != nil {
			return "", err
		}
	default:
		return "", fmt.Errorf("a date needs a time zone, not %T", zone)
	}
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339) + `" title="` + at.UTC().Format("2006-01-02 15:04:05 UTC") + `">` +
		template.HTMLEscapeString(format(at, in, s.locale)) + `</time>`), nil
}

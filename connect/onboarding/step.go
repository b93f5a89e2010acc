package onboarding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ui"
)

// stepView is a page of fields.
type stepView struct {
	frame
	Lead    any
	Why     any
	Rows    [][]Field
	Uploads bool
}

// step shows and takes a page of fields.
func (t *tour) step(step string) error {
	if !slices.Contains(t.plan.steps(), step) {
		return t.start()
	}
	fields := t.fieldsOf(slices.DeleteFunc(t.plan.on(step, ""), func(one ask) bool { return step == stepDetails && !assignable(one.name) }))
	switch {
	case t.r.Method != http.MethodPost:
		t.prefill(fields)
		t.mistakes(fields)
	case t.fills():
		t.sample(fields)
	default:
		saved, err := t.save(fields)
		if err != nil {
			return err
		}
		if saved {
			return t.after(step)
		}
	}
	return t.showFields("step", step, fields)
}

func (t *tour) showFields(page, step string, fields []Field) error {
	v := stepView{frame: t.frame(step), Lead: t.z.key("onboarding.lead."+step, t.a.Country), Why: t.z.key("onboarding.why."+step, t.a.Country)}
	v.Rows, v.Uploads = rows(fields), uploads(fields)
	return t.render(page, ui.FlowWide, v.Title, v)
}

// rows puts neighbours that are short beside one another.
func rows(fields []Field) (rows [][]Field) {
	for _, f := range fields {
		last := len(rows) - 1
		if f.Half && last >= 0 && rows[last][0].Half && len(rows[last]) < 3 && subjectOf(rows[last][0].Name) == subjectOf(f.Name) && rows[last][0].family() == f.family() {
			rows[last] = append(rows[last], f)
			continue
		}
		rows = append(rows, []Field{f})
	}
	return rows
}

// family keeps names and addresses in rows of their own.
func (f Field) family() bool { return strings.Contains(f.Name, ".address.") }

func subjectOf(name string) string {
	subject, _, _ := strings.Cut(name, ".")
	return subject
}

func uploads(fields []Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Kind == "document" || uploads(f.Instead) })
}

// fills reports whether the person asked for test data.
func (t *tour) fills() bool { return !t.a.Livemode && t.form.Value("fill") != "" }

// prefill shows what the account has told before.
func (t *tour) prefill(fields []Field) {
	for i := range fields {
		f := &fields[i]
		switch f.Kind {
		case "number", "document":
		case "date":
			day := fmt.Sprintf("%s-%s-%s", t.value(f.Name+".year"), t.value(f.Name+".month"), t.value(f.Name+".day"))
			if born, err := time.Parse("2006-1-2", day); err == nil {
				t.form.SetDate(f.Name, born)
			}
		case "phone":
			t.showPhone(f.Name, t.value(f.Name))
		default:
			if value := t.value(f.Name); value != "" {
				t.form.Set(f.Name, value)
				f.InsteadOpen = false
			}
		}
		t.prefill(f.Instead)
		f.InsteadOpen = f.InsteadOpen || t.form.Value(f.Name) == "" && slices.ContainsFunc(f.Instead, func(o Field) bool { return t.form.Value(o.Name) != "" || o.Given })
	}
}

// dialCodes are those that the phone component offers, longest first where they overlap.
var dialCodes = strings.Fields("+852 +853 +886 +353 +351 +358 +86 +65 +81 +82 +60 +66 +63 +61 +44 +33 +49 +39 +34 +31 +32 +43 +41 +46 +45 +47 +48 +91 +1")

func (t *tour) showPhone(name, number string) {
	for _, code := range dialCodes {
		if rest, ok := strings.CutPrefix(number, code); ok {
			t.form.Set(name+"_code", code)
			t.form.Set(name, rest)
			return
		}
	}
	if number != "" {
		t.form.Set(name, number)
	}
}

// mistakes shows what a verifier did not accept beside the fields it was given in.
func (t *tour) mistakes(fields []Field) {
	speaker := representativeOf(t.a)
	for _, e := range t.a.Standing().Errors {
		name := e.Requirement
		if speaker != nil {
			name = strings.Replace(name, speaker.ID+".", representative+".", 1)
		}
		if input := inputName(name); t.shows(fields, input) && !t.form.Failed(input) {
			key := "onboarding.verify." + e.Code
			if !t.z.pages.Has(key) {
				key = "onboarding.verify.failed"
			}
			t.form.Fail(input, key)
		}
	}
}

func (t *tour) shows(fields []Field, name string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name || t.shows(f.Instead, name) })
}

// save checks what was typed and writes it; false if something has to be corrected.
func (t *tour) save(fields []Field) (bool, error) {
	given, err := t.collect(fields)
	if err != nil || !t.form.OK() {
		return false, err
	}
	return t.keep(fields, func(ctx context.Context, tx bun.Tx) error { return t.write(ctx, tx, given) })
}

// keep runs changes; a fault that names a field is shown there.
func (t *tour) keep(fields []Field, changes func(ctx context.Context, tx bun.Tx) error) (bool, error) {
	err := t.change(changes)
	f := fault.As(err)
	if f == nil || f.Kind == fault.Internal {
		return err == nil, err
	}
	t.blame(fields, f)
	return false, nil
}

// blame finds the field that a fault means.
func (t *tour) blame(fields []Field, f *fault.Error) {
	// The message may quote what the person typed; code and parameter do not.
	t.z.cfg.Log.InfoContext(t.r.Context(), "onboarding change refused", "account", t.a.ID, "param", f.Param, "code", f.Code)
	name := strings.NewReplacer("[", ".", "]", "").Replace(f.Param)
	for _, field := range fields {
		if field.Name == name || name != "" && (strings.HasSuffix(field.Name, "."+name) || strings.HasPrefix(name, field.Name+".")) {
			t.form.Fail(field.Name, "onboarding.error.invalid")
			return
		}
	}
	t.form.Fail("", "onboarding.error.refused")
}

// collect is what was typed, by parameter name. Mistakes are noted on the form.
func (t *tour) collect(fields []Field) (map[string]string, error) {
	given := map[string]string{}
	for _, f := range fields {
		answered, err := t.take(f, given)
		if err != nil {
			return nil, err
		}
		for _, other := range f.Instead {
			also, err := t.take(other, given)
			if err != nil {
				return nil, err
			}
			answered = answered || also
		}
		if !answered && !f.Optional && !t.form.Failed(f.Name) {
			t.form.Fail(f.Name, t.missingKey(f), "field", t.say(f.Label))
		}
	}
	return given, nil
}

// say is a label in the person's language.
func (t *tour) say(label any) string {
	if key, ok := label.(string); ok {
		return t.z.pages.Text(ui.LocaleOf(t.r), key)
	}
	return fmt.Sprint(label)
}

func (t *tour) missingKey(f Field) string {
	if key, ok := t.z.key("onboarding.missing."+f.Kind, "").(string); ok {
		return key
	}
	return "onboarding.missing"
}

// take reads one field. It reports whether the person, now or before, has answered it.
func (t *tour) take(f Field, given map[string]string) (bool, error) {
	value := t.form.Value(f.Name)
	switch f.Kind {
	case "document":
		return t.takeDocument(f, given)
	case "date":
		return t.takeDate(f, given), nil
	case "phone":
		value = t.form.Phone(f.Name)
	case "url":
		if value != "" && !strings.Contains(value, "://") {
			value = "https://" + value
		}
	case "number":
		if value == "" {
			return f.Given, nil // what is not typed again stays
		}
		value = strings.ToUpper(value)
	}
	if !t.form.Has(f.Name) && value == "" {
		return false, nil
	}
	if value != "" {
		if problem := t.check(f, value); problem != "" {
			t.form.Fail(f.Name, problem)
			return true, nil
		}
	}
	given[f.Name] = value
	return value != "", nil
}

var (
	emailShape = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s.]+$`)
	phoneShape = regexp.MustCompile(`^\+\d{7,15}$`)
	fourDigits = regexp.MustCompile(`^\d{4}$`)
)

// check is the catalogue key of what is wrong with a value, or "".
func (t *tour) check(f Field, value string) string {
	tail := tailOf(f.Name)
	switch {
	case f.Max > 0 && len([]rune(value)) > f.Max:
		return "onboarding.error.long"
	case f.Kind == "email" && !emailShape.MatchString(value):
		return "onboarding.error.email"
	case f.Kind == "phone" && !phoneShape.MatchString(value):
		return "onboarding.error.phone"
	case f.Kind == "url" && !webAddress(value):
		return "onboarding.error.url"
	case len(f.Options) > 0 && !slices.ContainsFunc(f.Options, func(o ui.Option) bool { return o.Value == value }):
		return "onboarding.error.choice"
	case tail == "ssn_last_4" && !fourDigits.MatchString(value):
		return "onboarding.error.ssn"
	case tail == "id_number" && t.a.Country == "HK" && !hkid(value) && !(sandboxNumber(value) && !t.a.Livemode):
		return "onboarding.error.hkid"
	}
	return ""
}

func webAddress(value string) bool {
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && strings.Contains(u.Host, ".") && u.User == nil
}

// sandboxNumber is one that the sandbox's verifier knows: digits alone.
func sandboxNumber(value string) bool { return strings.Trim(value, "0123456789") == "" }

var hkidShape = regexp.MustCompile(`^([A-Z]{1,2})(\d{6})\(?([0-9A])\)?$`)

// hkid checks a Hong Kong identity card number: letters count from 10, a missing
// first letter 36, the weights fall from 9, and the sum with the check digit is a
// multiple of 11.
func hkid(value string) bool {
	m := hkidShape.FindStringSubmatch(strings.ReplaceAll(value, " ", ""))
	if m == nil {
		return false
	}
	letters := m[1]
	sum, weight := 0, 9
	if len(letters) == 1 {
		sum, weight = 36*9, 8
	}
	for _, c := range letters {
		sum, weight = sum+weight*(int(c-'A')+10), weight-1
	}
	for _, c := range m[2] {
		sum, weight = sum+weight*int(c-'0'), weight-1
	}
	digit := 10
	if m[3] != "A" {
		digit = int(m[3][0] - '0')
	}
	return (sum+digit)%11 == 0
}

// youngest is who may hold an account.
const youngest = 13

func (t *tour) takeDate(f Field, given map[string]string) bool {
	if t.form.Value(f.Name+"_day")+t.form.Value(f.Name+"_month")+t.form.Value(f.Name+"_year") == "" {
		return false
	}
	day, ok := t.form.Date(f.Name)
	now := t.z.accounts.Clock(t.a.Livemode).Now()
	switch {
	case !ok || day.Year() < 1880 || day.After(now):
		t.form.Fail(f.Name, "onboarding.error.date")
	case day.AddDate(youngest, 0, 0).After(now):
		t.form.Fail(f.Name, "onboarding.error.young", "years", youngest)
	}
	for part, n := range map[string]int{"day": day.Day(), "month": int(day.Month()), "year": day.Year()} {
		given[f.Name+"."+part] = strconv.Itoa(n)
	}
	return true
}

// sampleFile is the sandbox's good document. Nobody has to upload it.
const sampleFile = "file_identity_document_success"

// maxDocument is one side of a document.
const maxDocument = 10 << 20

func (t *tour) takeDocument(f Field, given map[string]string) (bool, error) {
	uploaded := t.uploaded(f.Name)
	switch {
	case uploaded == nil && !t.a.Livemode && t.form.Value(f.Name+".sample") != "":
		given[f.Name+".front"] = sampleFile
		return true, nil
	case uploaded == nil:
		return f.Given && !t.plan.due[f.Name], nil
	case uploaded.Size > maxDocument:
		t.form.Fail(f.Name, "onboarding.error.large")
		return true, nil
	}
	for side, part := range map[string]*multipart.FileHeader{"front": uploaded, "back": t.uploaded(f.Name + ".back")} {
		if part == nil {
			continue
		}
		file, err := t.keepDocument(part)
		if refused := fault.As(err); refused != nil && refused.Kind != fault.Internal {
			t.form.Fail(f.Name, "onboarding.error.document")
			return true, nil
		}
		if err != nil {
			return false, err
		}
		given[f.Name+"."+side] = file
	}
	return true, nil
}

func (t *tour) uploaded(name string) *multipart.FileHeader {
	if t.r.MultipartForm == nil {
		return nil
	}
	for _, part := range t.r.MultipartForm.File[name] {
		if part.Size > 0 {
			return part
		}
	}
	return nil
}

func (t *tour) keepDocument(part *multipart.FileHeader) (string, error) {
	if t.z.cfg.Documents == nil {
		return "", &fault.Error{Kind: fault.Unavailable, Message: "Documents cannot be uploaded here."}
	}
	f, err := part.Open()
	if err != nil {
		return "", fmt.Errorf("open upload: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("read upload: %w", err)
	}
	return t.z.cfg.Documents.KeepDocument(t.r.Context(), t.v.Scope(), part.Filename, content)
}

// write puts values where their names say.
func (t *tour) write(ctx context.Context, tx bun.Tx, given map[string]string) error {
	var p connect.UpdateParams
	people := map[string]*connect.PersonParams{}
	changed := false
	for name, value := range given {
		subject, tail, _ := strings.Cut(name, ".")
		var into any = &p
		if subject == representative || strings.HasPrefix(subject, personPrefix) {
			if people[subject] == nil {
				people[subject] = &connect.PersonParams{}
			}
			into, name = people[subject], tail
		} else {
			changed = true
		}
		assign(into, name, value)
		if before, found := strings.CutSuffix(name, "address.line1"); found {
			assign(into, before+"address.country", t.a.Country)
		}
	}
	at, scope := t.z.accounts.Clock(t.a.Livemode).Now(), t.v.Scope()
	if changed {
		if _, err := t.z.accounts.Update(ctx, tx, at, scope, t.a.ID, p); err != nil {
			return err
		}
	}
	for subject, params := range people {
		if err := t.writePerson(ctx, tx, at, subject, *params); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) writePerson(ctx context.Context, tx bun.Tx, at time.Time, subject string, p connect.PersonParams) error {
	known := t.person(subject)
	if known != nil {
		_, err := t.z.accounts.UpdatePerson(ctx, tx, at, t.v.Scope(), t.a.ID, known.ID, p)
		return err
	}
	if subject == representative {
		yes := true
		if p.Relationship == nil {
			p.Relationship = &connect.RelationshipParams{}
		}
		p.Relationship.Representative = &yes
	}
	_, _, err := t.z.accounts.CreatePerson(ctx, tx, at, t.v.Scope(), t.a.ID, p)
	return err
}

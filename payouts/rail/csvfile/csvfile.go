// Package csvfile writes files of payments as tables, for banks whose portal takes
// nothing better. Which column holds what is data: a template in JSON.
//
//	{"file_suffix": ".csv", "delimiter": ";", "header": true, "columns": [
//	  {"title": "Name", "field": "name", "most": 35, "required": true},
//	  {"title": "Amount", "field": "amount", "form": "major"},
//	  {"title": "Type", "value": "SALARY"}]}
//
// A bank's clerk may open the file in a spreadsheet. So texts that somebody typed
// (names, addresses, statement texts) lose what would make a formula of them: control
// characters, and =, +, -, @ where a cell begins, also after what another spreadsheet may
// take for a delimiter. Codes and numbers are refused if they hold anything but letters,
// digits and . _ - @ : / +, or begin with = - @.
//
// A template may want Latin letters only (see package letters) or an older encoding; a
// payee whom that cannot name is refused.
package csvfile

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/transform"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/letters"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/terms"
)

// Template is what one bank wants in a table.
type Template struct {
	Suffix    string   `json:"file_suffix"` // ".csv"
	Delimiter string   `json:"delimiter"`   // "," if it is empty
	Header    bool     `json:"header"`      // the first row has the titles
	CRLF      bool     `json:"crlf"`
	Columns   []Column `json:"columns"`

	Characters letters.Set `json:"characters"` // of texts; "" is unicode
	Encoding   string      `json:"encoding"`   // "" is utf-8; see encodings
}

// withMark is UTF-8 with the mark that spreadsheets know it by.
const withMark = "utf-8-bom"

// encodings are what the bytes of a file may be.
var encodings = map[string]encoding.Encoding{
	"utf-8": encoding.Nop, withMark: encoding.Nop, "iso-8859-1": charmap.ISO8859_1, "windows-1252": charmap.Windows1252,
	"big5": traditionalchinese.Big5,
}

// Column is one column: a field of ours, or the same value in each row.
type Column struct {
	Title    string `json:"title"`
	Field    string `json:"field"`
	Value    string `json:"value"`
	Form     string `json:"form"`     // of amount: major (12.50) or minor (1250); of execute_on: a date such as DD/MM/YYYY
	Most     int    `json:"most"`     // characters, 0: any; a text is cut, anything else refused
	Required bool   `json:"required"` // a payee without it is refused
}

// row is what a field is read from.
type row struct {
	batch rail.Batch
	i     rail.Instruction
	n     int
}

type field struct {
	text bool   // somebody typed it
	own  bool   // it is of the batch or made by us: Check cannot look at it
	name string // in words
	code string // the payout fails with it
	get  func(r row) string
}

const (
	amountField = "amount"
	dateField   = "execute_on"
)

var fields = map[string]field{
	"reference":        {name: "reference", get: func(r row) string { return r.i.Reference }},
	"trace":            {own: true, get: func(r row) string { return terms.Trace(r.batch, r.n) }},
	"number_in_file":   {own: true, get: func(r row) string { return strconv.Itoa(r.n + 1) }},
	"batch":            {own: true, get: func(r row) string { return r.batch.ID }},
	"currency":         {name: "currency", get: func(r row) string { return strings.ToUpper(string(r.i.Amount.Currency)) }},
	amountField:        {name: "amount"},
	dateField:          {own: true},
	"statement":        {text: true, name: "statement text", get: func(r row) string { return r.i.Statement }},
	"name":             {text: true, name: "name of its holder", code: "incorrect_account_holder_name", get: func(r row) string { return r.i.Creditor.Name }},
	"number":           {name: "number", code: "invalid_account_number", get: func(r row) string { return r.i.Creditor.Number.Reveal() }},
	"routing":          {name: "routing number", get: func(r row) string { return r.i.Creditor.Routing }},
	"proxy":            {name: "kind of its number", get: func(r row) string { return string(r.i.Creditor.Proxy) }},
	"country":          {name: "country", get: func(r row) string { return r.i.Creditor.Country }},
	"holder_type":      {name: "type of its holder", get: func(r row) string { return r.i.Creditor.HolderType }},
	"account_type":     {name: "type", get: func(r row) string { return r.i.Creditor.AccountType }},
	"address_line1":    address("street", func(a rail.Address) string { return a.Line1 }),
	"address_line2":    address("second line", func(a rail.Address) string { return a.Line2 }),
	"address_town":     address("town", func(a rail.Address) string { return a.Town }),
	"address_postcode": address("postcode", func(a rail.Address) string { return a.Postcode }),
	"address_state":    address("state", func(a rail.Address) string { return a.State }),
	"address_country":  address("country", func(a rail.Address) string { return a.Country }),
	"debtor_name":      {text: true, own: true, get: func(r row) string { return r.batch.Debtor.Name }},
	"debtor_id":        {own: true, get: func(r row) string { return r.batch.Debtor.ID }},
	"debtor_routing":   {own: true, get: func(r row) string { return r.batch.Debtor.Routing }},
	"debtor_number":    {own: true, get: func(r row) string { return r.batch.Debtor.Number.Reveal() }},
}

func address(part string, get func(rail.Address) string) field {
	return field{
		text: true, name: part + " in the address of its holder", code: "incorrect_account_holder_address",
		get: func(r row) string { return get(r.i.Creditor.Address) },
	}
}

// Check fails on a template that writes no usable file. Errors name the key.
func (t Template) Check() error {
	wrong := func(key, why string, args ...any) error { return fmt.Errorf("%s: %s", key, fmt.Sprintf(why, args...)) }
	switch {
	case !suffix.MatchString(t.Suffix):
		return wrong("file_suffix", "%q is not one such as .csv", t.Suffix)
	case t.Delimiter != "" && !slices.Contains([]string{",", ";", "\t", "|"}, t.Delimiter):
		return wrong("delimiter", "%q is none of comma, semicolon, tab, |", t.Delimiter)
	case t.Characters != "" && !t.Characters.Known():
		return wrong("characters", "%q is neither latin nor unicode", t.Characters)
	case t.Encoding != "" && encodings[t.Encoding] == nil:
		return wrong("encoding", "%q is none of %s", t.Encoding, strings.Join(slices.Sorted(maps.Keys(encodings)), ", "))
	case len(t.Columns) == 0:
		return wrong("columns", "there are none")
	}
	has := map[string]bool{}
	for n, c := range t.Columns {
		key := fmt.Sprintf("columns[%d]", n)
		has[c.Field] = true
		_, known := fields[c.Field]
		switch {
		case t.Header && c.Title == "":
			return wrong(key+".title", "there is a header, and this column has none")
		case strings.ContainsFunc(c.Title+c.Value, unicode.IsControl):
			return wrong(key, "control characters")
		case !t.holds(c.Title + c.Value):
			return wrong(key, "letters that %s has not", t.Encoding)
		case c.Field != "" && !known:
			return wrong(key+".field", "%q is none of %s", c.Field, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case c.Field != "" && c.Value != "":
			return wrong(key+".value", "say a field or a value, not both")
		case c.Field == amountField && c.Form != "major" && c.Form != "minor":
			return wrong(key+".form", "%q is neither major nor minor", c.Form)
		case c.Field == dateField && !dateForm.MatchString(c.Form):
			return wrong(key+".form", "%q is not a date such as YYYY-MM-DD or DD/MM/YYYY", c.Form)
		case c.Field != amountField && c.Field != dateField && c.Form != "":
			return wrong(key+".form", "only amount and execute_on have forms")
		case c.Most < 0:
			return wrong(key+".most", "%d is negative", c.Most)
		}
	}
	for _, name := range []string{"reference", amountField, "number"} {
		if !has[name] && (name != "reference" || !has["trace"]) {
			return wrong("columns", "no column holds the %s", name)
		}
	}
	return nil
}

// holds reports whether the template's encoding has all letters of a text.
func (t Template) holds(text string) bool {
	if t.Encoding == "" {
		return true
	}
	_, err := encodings[t.Encoding].NewEncoder().String(text)
	return err == nil
}

var (
	suffix   = regexp.MustCompile(`^\.[a-z0-9]{1,8}$`)
	dateForm = regexp.MustCompile(`^(YYYY[-/.]?MM[-/.]?DD|DD[-/.]?MM[-/.]?YYYY|MM/DD/YYYY)$`)
	layout   = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02")
	plain    = regexp.MustCompile(`^([A-Za-z0-9+][A-Za-z0-9._@:/+ -]*)?$`)
)

// Format writes the files of one template. It is a rail.Format.
type Format struct{ template Template }

// New is the format of a template.
func New(t Template) (*Format, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &Format{t}, nil
}

// Make is the format that a template in JSON describes, or, as {"template": "name"}, one
// of Samples.
func Make(template json.RawMessage) (rail.Format, error) {
	var named struct {
		Template string `json:"template"`
	}
	if strict(template, &named) == nil && named.Template != "" {
		t, err := sample(named.Template)
		if err != nil {
			return nil, err
		}
		return New(t)
	}
	var t Template
	if err := strict(template, &t); err != nil {
		return nil, err
	}
	return New(t)
}

func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON object")
	}
	return nil
}

//go:embed templates/*.json
var templates embed.FS

// Samples are the names of the templates that come along.
func Samples() []string { return []string{"local-hkd", "payroll-semicolon"} }

func sample(name string) (t Template, err error) {
	if !slices.Contains(Samples(), name) {
		return t, fmt.Errorf("template: there is no %q; choose from %s", name, strings.Join(Samples(), ", "))
	}
	raw, err := templates.ReadFile("templates/" + name + ".json")
	if err != nil {
		return t, err
	}
	return t, strict(raw, &t)
}

// Check refuses a payee whom the table cannot hold.
func (f *Format) Check(i rail.Instruction) error {
	if i.Debit {
		return &rail.Misfit{Reason: "Money cannot be taken from a bank account with this file."}
	}
	if !i.Amount.Positive() || i.Amount.Check() != nil {
		return &rail.Misfit{Reason: "The amount must be positive."}
	}
	for _, c := range f.template.Columns {
		if c.Field == "" || fields[c.Field].own {
			continue
		}
		if _, err := f.template.cell(c, row{i: i}); err != nil {
			return err
		}
	}
	return nil
}

// cell is what stands in a column.
func (t Template) cell(c Column, r row) (string, error) {
	if c.Field == "" {
		return c.Value, nil
	}
	f := fields[c.Field]
	var value string
	switch {
	case c.Field == amountField && c.Form == "major":
		value = r.i.Amount.Decimal()
	case c.Field == amountField:
		value = strconv.FormatInt(r.i.Amount.Minor, 10)
	case c.Field == dateField:
		return r.batch.ExecuteOn.UTC().Format(layout.Replace(c.Form)), nil
	default:
		value = strings.TrimSpace(f.get(r))
	}
	misfit := func(why string) error {
		name := f.name
		if name == "" {
			name = strings.ReplaceAll(c.Field, "_", " ")
		}
		return &rail.Misfit{Code: f.code, Reason: "The bank account cannot be paid: the " + name + " " + why + "."}
	}
	if f.text {
		if value = harmless(t.set().Text(value, cmp.Or(c.Most, longest))); !t.holds(value) {
			return "", misfit("has letters that this file cannot hold")
		}
	} else if !plain.MatchString(value) {
		return "", misfit("has characters that this file cannot hold")
	} else if c.Most > 0 && len(value) > c.Most {
		return "", misfit(fmt.Sprintf("has more than %d characters", c.Most))
	}
	if value == "" && c.Required {
		return "", misfit("is missing")
	}
	return value, nil
}

// longest is where a text without a limit of its own is cut.
const longest = 1000

// set is the characters of texts.
func (t Template) set() letters.Set {
	if t.Characters == "" {
		return letters.Unicode
	}
	return t.Characters
}

// formula is what makes one, where a cell begins, and what may stand before it.
var formula = regexp.MustCompile(`(^|[,;|])[\s,;|"']*[=+\-@＝＋－＠][=+\-@＝＋－＠\s"']*`)

// harmless is a text that no spreadsheet takes for a formula, whatever it parts cells by.
func harmless(s string) string { return strings.TrimSpace(formula.ReplaceAllString(s, "$1 ")) }

// FileName has the number and the id of the batch.
func (f *Format) FileName(b rail.Batch) string {
	return fmt.Sprintf("payments-%06d-%s%s", b.Number, b.ID, f.template.Suffix)
}

// Trace is what a column trace holds.
func (f *Format) Trace(b rail.Batch, n int) string {
	if !slices.ContainsFunc(f.template.Columns, func(c Column) bool { return c.Field == "trace" }) {
		return ""
	}
	return terms.Trace(b, n)
}

// Write streams the table of a batch. It fails, and what was written is no file, if the
// instructions are not those that the batch counts.
func (f *Format) Write(w io.Writer, b rail.Batch) error {
	tally, err := terms.Begin(b)
	if err != nil {
		return err
	}
	encoded := transform.NewWriter(w, encodings[cmp.Or(f.template.Encoding, "utf-8")].NewEncoder())
	if f.template.Encoding == withMark {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	table := csv.NewWriter(encoded)
	table.UseCRLF = f.template.CRLF
	if f.template.Delimiter != "" {
		table.Comma = rune(f.template.Delimiter[0])
	}
	cells := make([]string, len(f.template.Columns))
	if f.template.Header {
		for n, c := range f.template.Columns {
			cells[n] = c.Title
		}
		if err := table.Write(cells); err != nil {
			return err
		}
	}
	n := 0
	for i, err := range b.Instructions {
		if err != nil {
			return fmt.Errorf("read instruction %d of batch %s: %w", n+1, b.ID, err)
		}
		if err := errors.Join(tally.Add(i), f.Check(i)); err != nil {
			return fmt.Errorf("write %s: %w", i.Reference, err)
		}
		for at, c := range f.template.Columns {
			if cells[at], err = f.template.cell(c, row{b, i, n}); err != nil {
				return fmt.Errorf("write %s: %w", i.Reference, err)
			}
		}
		if err := table.Write(cells); err != nil {
			return err
		}
		n++
	}
	if err := tally.End(); err != nil {
		return err
	}
	table.Flush()
	return errors.Join(table.Error(), encoded.Close())
}

var _ rail.Format = (*Format)(nil)

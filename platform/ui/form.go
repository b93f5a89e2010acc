package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Form is what a person typed and what is wrong with it, for showing the page again.
// A nil *Form is an empty one.
type Form struct {
	values url.Values
	errors []fieldError
}

type fieldError struct {
	Field string
	problem
}

// problem is a catalogue key with its values: what is wrong and how to mend it.
type problem struct {
	Key  string
	Args []any
}

// NewForm starts with values, as a page is first shown. values may be nil.
func NewForm(values url.Values) *Form {
	f := &Form{values: url.Values{}}
	for name, v := range values {
		f.values[name] = v
	}
	return f
}

// PostedForm is what was sent, behind Guard. Leading and trailing spaces are dropped,
// except in passwords: nobody means them.
func PostedForm(r *http.Request) *Form {
	f := NewForm(r.PostForm)
	for name, values := range f.values {
		if strings.Contains(name, "password") {
			continue
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.TrimSpace(v)
		}
		f.values[name] = trimmed
	}
	return f
}

// Value is the first value of a field.
func (f *Form) Value(field string) string {
	if f == nil {
		return ""
	}
	return f.values.Get(field)
}

// Values are all of them, for names that end in "[]".
func (f *Form) Values(field string) []string {
	if f == nil {
		return nil
	}
	return f.values[field]
}

// Has reports whether the field was sent at all; an unticked checkbox is not.
func (f *Form) Has(field string) bool { return f != nil && f.values.Has(field) }

// Set puts a value there, to be shown.
func (f *Form) Set(field, value string) { f.values.Set(field, value) }

// Date reads the three fields of a date component: field_day, field_month, field_year.
// It is false for a day that no calendar has.
func (f *Form) Date(field string) (time.Time, bool) {
	text := fmt.Sprintf("%s-%s-%s", f.Value(field+"_year"), pad(f.Value(field+"_month")), pad(f.Value(field+"_day")))
	day, err := time.Parse(time.DateOnly, text)
	return day, err == nil
}

// SetDate fills them.
func (f *Form) SetDate(field string, day time.Time) {
	f.Set(field+"_year", day.Format("2006"))
	f.Set(field+"_month", day.Format("1"))
	f.Set(field+"_day", day.Format("2"))
}

func pad(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}

// Phone reads the two fields of a phone component: field_code ("+852") and field. A
// number that was typed with its own "+" stands for itself. "" when nothing was typed.
func (f *Form) Phone(field string) string {
	number := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" -().\u00a0", c) {
			return -1
		}
		return c
	}, f.Value(field))
	if number == "" || strings.HasPrefix(number, "+") {
		return number
	}
	code := f.Value(field + "_code")
	if code != "+39" { // Italian numbers keep their 0 abroad, all others drop it
		number = strings.TrimPrefix(number, "0")
	}
	return code + number
}

// Fail says what is wrong with a field: a catalogue key, and the values of its
// placeholders. Field "" is the form as a whole. Of several only a field's first is shown.
func (f *Form) Fail(field, key string, args ...any) {
	f.errors = append(f.errors, fieldError{field, problem{key, args}})
}

// OK reports whether nothing is wrong.
func (f *Form) OK() bool { return f == nil || len(f.errors) == 0 }

// Failed reports whether a field has something wrong.
func (f *Form) Failed(field string) bool {
	_, found := f.problem(field)
	return found
}

func (f *Form) problem(field string) (problem, bool) {
	if f == nil {
		return problem{}, false
	}
	for _, e := range f.errors {
		if e.Field == field {
			return e.problem, true
		}
	}
	return problem{}, false
}

package rest

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/sluicepay/sluice/platform/fault"
)

// Decoding into structs. A field takes part through a tag form:"name" or
// form:"name,required"; embedded structs are flattened. Types:
//
//	string, named strings   empty is an error (parameter_invalid_empty)
//	*string                 nil absent, "" given empty or null: unset it
//	int, int64, bool        exact: 15.75, 1e3 and "yes" are errors
//	*int64, *bool           nil absent or null
//	[]T                     nil absent, not nil but empty when given empty
//	map[string]T            values of map[string]string may be empty
//	struct, *struct         nested parameters
//	ParamDecoder            reads itself (metadata.Patch, page.Range)
//	Upload                  a file; only on routes that take uploads
//	Ignored                 accepted without a look
//
// All unknown parameters are reported before the first malformed one, and that
// before the first missing one, whatever order they came in.

// decoder is the outcome of one walk.
type decoder struct {
	unknown []string
	bad     error
	missing string
}

type setter func(d *decoder, to reflect.Value, n *node, at *path)

// plan is what a struct type accepts.
type plan struct {
	fields map[string]*field
	need   []*field
}

type field struct {
	name  string
	index []int
	set   setter
}

var plans sync.Map // reflect.Type → *plan

func decodeParams(params *node, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("rest: Decode into %T", into))
	}
	var d decoder
	planOf(v.Elem().Type()).apply(&d, v.Elem(), params, nil)
	return d.err()
}

func (d *decoder) err() error {
	var err error
	switch {
	case len(d.unknown) == 1:
		err = fault.Invalidf("parameter_unknown", d.unknown[0], "Received unknown parameter: %s", d.unknown[0])
	case len(d.unknown) > 1:
		err = fault.Invalidf("parameter_unknown", d.unknown[0], "Received unknown parameters: %s", strings.Join(d.unknown, ", "))
	case d.bad != nil:
		err = d.bad
	case d.missing != "":
		err = fault.Missing(d.missing)
	}
	return Unsaved(err)
}

func (d *decoder) fail(err error) {
	if d.bad == nil {
		d.bad = err
	}
}

// planOf is the cached plan of a struct type.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{fields: map[string]*field{}}
	p.add(t, nil)
	kept, _ := plans.LoadOrStore(t, p)
	return kept.(*plan)
}

func (p *plan) add(t reflect.Type, prefix []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(append([]int{}, prefix...), i)
		tag, tagged := sf.Tag.Lookup("form")
		if !tagged && sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			p.add(sf.Type, index)
			continue
		}
		if !tagged || tag == "-" {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		f := &field{name: name, index: index, set: setterFor(sf.Type)}
		p.fields[name] = f
		if option == "required" {
			p.need = append(p.need, f)
		}
	}
}

func (p *plan) apply(d *decoder, to reflect.Value, n *node, at *path) {
	for i, key := range n.keys {
		here := &path{parent: at, key: key}
		f := p.fields[key]
		if f == nil {
			d.unknown = append(d.unknown, printable(here.String()))
			continue
		}
		f.set(d, to.FieldByIndex(f.index), n.vals[i], here)
	}
	if d.missing != "" {
		return
	}
	for _, f := range p.need {
		if given := n.get(f.name); given == nil || given.kind == nothing {
			d.missing = (&path{parent: at, key: f.name}).String()
			return
		}
	}
}

var (
	ignoredType = reflect.TypeFor[Ignored]()
	selfDecoder = reflect.TypeFor[ParamDecoder]()
)

// setterFor chooses how a type is filled. An unknown type is a mistake in a door
// and panics at its first request.
func setterFor(t reflect.Type) setter {
	switch {
	case t == ignoredType:
		return func(*decoder, reflect.Value, *node, *path) {}
	case reflect.PointerTo(t).Implements(selfDecoder):
		return setSelf
	}
	switch t.Kind() {
	case reflect.String:
		return setString
	case reflect.Int, reflect.Int64:
		return setInteger
	case reflect.Bool:
		return setBool
	case reflect.Slice:
		return setSlice(setterFor(t.Elem()))
	case reflect.Map:
		return setMap(t.Elem())
	case reflect.Struct:
		return setStruct
	case reflect.Pointer:
		return setPointer(t.Elem())
	default:
		panic("rest: no parameter can be of type " + t.String())
	}
}

func setSelf(d *decoder, to reflect.Value, n *node, at *path) {
	if err := to.Addr().Interface().(ParamDecoder).DecodeParam(at.String(), n.plain()); err != nil {
		d.fail(err)
	}
}

func setString(d *decoder, to reflect.Value, n *node, at *path) {
	if text, ok := d.text(n, at, "string"); ok {
		to.SetString(text)
	}
}

func setInteger(d *decoder, to reflect.Value, n *node, at *path) {
	text, ok := d.text(n, at, "integer")
	if !ok {
		return
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		d.fail(fault.Invalidf("parameter_invalid_integer", at.String(), "Invalid integer: %s", printable(text)))
		return
	}
	to.SetInt(value)
}

func setBool(d *decoder, to reflect.Value, n *node, at *path) {
	text, ok := d.text(n, at, "boolean")
	if !ok {
		return
	}
	if text != "true" && text != "false" {
		d.fail(fault.Invalidf("", at.String(), "Invalid boolean: %s", printable(text)))
		return
	}
	to.SetBool(text == "true")
}

// text is the value of a scalar that may not be empty; ok is false for null and for what it reported.
func (d *decoder) text(n *node, at *path, noun string) (text string, ok bool) {
	switch {
	case n.kind == nothing:
		return "", false
	case n.kind == upload:
		d.fail(fault.Invalidf("", at.String(), "Invalid %s: %s was given a file.", noun, at))
		return "", false
	case n.kind != scalar:
		d.fail(fault.Invalidf("", at.String(), "Invalid %s: %s was given a set of values.", noun, at))
		return "", false
	case n.text == "":
		d.fail(emptyFault(at))
		return "", false
	}
	return n.text, true
}

func emptyFault(at *path) error {
	return fault.Invalidf("parameter_invalid_empty", at.String(),
		"You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. "+
			"You should remove '%s' from your request or supply a non-empty value.", at, at, at)
}

func setSlice(element setter) setter {
	return func(d *decoder, to reflect.Value, n *node, at *path) {
		if n.kind == nothing || n.kind == scalar && n.text == "" {
			to.Set(reflect.MakeSlice(to.Type(), 0, 0))
			return
		}
		items, ok := n.elements()
		if !ok {
			d.fail(fault.Invalidf("", at.String(), "Invalid array: %s must be a list of values.", at))
			return
		}
		out := reflect.MakeSlice(to.Type(), len(items), len(items))
		for i, item := range items {
			element(d, out.Index(i), item, &path{parent: at, key: strconv.Itoa(i)})
		}
		to.Set(out)
	}
}

func setMap(t reflect.Type) setter {
	element := setterFor(t)
	if t.Kind() == reflect.String {
		element = setAnyString
	}
	return func(d *decoder, to reflect.Value, n *node, at *path) {
		out := reflect.MakeMapWithSize(to.Type(), len(n.keys))
		if n.kind != object && n.kind != nothing && (n.kind != scalar || n.text != "") {
			d.fail(fault.Invalidf("", at.String(), "Invalid hash: %s must be a set of key-value pairs.", at))
			return
		}
		for i, key := range n.keys {
			value := reflect.New(t).Elem()
			element(d, value, n.vals[i], &path{parent: at, key: key})
			out.SetMapIndex(reflect.ValueOf(key).Convert(to.Type().Key()), value)
		}
		to.Set(out)
	}
}

// setAnyString also takes the empty string and null (as empty).
func setAnyString(d *decoder, to reflect.Value, n *node, at *path) {
	if n.kind == scalar && n.text == "" || n.kind == nothing {
		return
	}
	setString(d, to, n, at)
}

func setStruct(d *decoder, to reflect.Value, n *node, at *path) {
	switch {
	case n.kind == nothing:
	case n.kind == object:
		planOf(to.Type()).apply(d, to, n, at)
	case n.kind == scalar && n.text == "":
		d.fail(emptyFault(at))
	default:
		d.fail(fault.Invalidf("", at.String(), "Invalid hash: %s must be a set of key-value pairs.", at))
	}
}

func setPointer(t reflect.Type) setter {
	if t.Kind() == reflect.String {
		return func(d *decoder, to reflect.Value, n *node, at *path) {
			to.Set(reflect.New(t))
			setAnyString(d, to.Elem(), n, at)
		}
	}
	set := setterFor(t)
	return func(d *decoder, to reflect.Value, n *node, at *path) {
		if n.kind == nothing {
			return
		}
		to.Set(reflect.New(t))
		set(d, to.Elem(), n, at)
	}
}

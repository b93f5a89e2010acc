package catalogue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/wire"
)

// schema is one JSON Schema (2020-12), as far as we write it. The order of the
// fields is the order in the files.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Since       string             `json:"x-since,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Type        any                `json:"type,omitempty"` // a word, or a word and "null"
	Const       any                `json:"const,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"` // encoding/json sorts them
	Others      *schema            `json:"additionalProperties,omitempty"`
	Defs        map[string]*schema `json:"$defs,omitempty"`
}

const dialect = "https://json-schema.org/draft/2020-12/schema"

// generate makes the schema of a type's envelope from the wire structs. It says
// what is there, not what may not be: unknown attributes are allowed everywhere,
// because they are how the API grows.
//
// The schema is of all events of its version, those of last year too. So an
// attribute is required only if it was from the beginning: what the baseline,
// the schema of the last release, does not require came later, and older events
// are without it. nil is the baseline of a new type.
func generate(t catalogue.Type, baseline []byte) ([]byte, error) {
	g := generator{defs: map[string]*schema{}, names: map[string]reflect.Type{}}
	if baseline != nil {
		var last schema
		if err := json.Unmarshal(baseline, &last); err != nil {
			return nil, fmt.Errorf("baseline of %s: %w", t.Name, err)
		}
		if last.ID == t.SchemaID() {
			g.last = last.Defs
			g.last["Event"] = &last
		}
	}
	object, err := g.of(reflect.TypeOf(t.Object))
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t.Name, err)
	}
	envelope, err := g.of(reflect.TypeFor[wire.Event]())
	if err != nil {
		return nil, fmt.Errorf("schema of the envelope: %w", err)
	}
	root := g.defs[strings.TrimPrefix(envelope.Ref, "#/$defs/")]
	delete(g.defs, "Event")
	root.Dialect, root.ID, root.Since = dialect, t.SchemaID(), t.Since
	root.Title, root.Description = t.Name, t.Description
	root.Properties["type"] = &schema{Const: t.Name}
	root.Properties["object_version"].Minimum = new(int)
	*root.Properties["object_version"].Minimum = 1
	data := g.defs["EventData"]
	data.Properties["object"] = object
	switch t.Replaced {
	case catalogue.Never:
		delete(data.Properties, "previous_attributes")
	case catalogue.Always:
		data.Required = append(data.Required, "previous_attributes")
	case catalogue.Sometimes:
	}
	if p := data.Properties["previous_attributes"]; p != nil {
		*p = schema{Type: "object", Description: "what the changed attributes of the object were before"}
	}
	switch t.Scope {
	case catalogue.PlatformAccount:
		delete(root.Properties, "account")
	case catalogue.ConnectedAccount:
		root.Required = append(root.Required, "account")
	case catalogue.AnyAccount:
	}
	slices.Sort(root.Required)
	root.Defs = g.defs
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(root)
	return b.Bytes(), err
}

// generator gathers the named structs that a schema refers to.
type generator struct {
	defs  map[string]*schema
	names map[string]reflect.Type
	last  map[string]*schema // the definitions of the last release
}

// The types that encoding/json writes in a way of their own.
var (
	refType    = reflect.TypeFor[wire.Ref]()
	lazyType   = reflect.TypeFor[wire.Lazy]()
	rawType    = reflect.TypeFor[json.RawMessage]()
	numberType = reflect.TypeFor[json.Number]()
)

func (g *generator) of(t reflect.Type) (*schema, error) {
	switch t {
	case refType: // never expanded in an event
		return &schema{Type: orNull("string")}, nil
	case rawType:
		return &schema{Type: orNull("object")}, nil
	case numberType:
		return &schema{Type: "number"}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return &schema{Type: "string"}, nil
	case reflect.Bool:
		return &schema{Type: "boolean"}, nil
	case reflect.Int, reflect.Int64:
		return &schema{Type: "integer"}, nil
	case reflect.Interface:
		return &schema{}, nil
	case reflect.Pointer:
		return g.orNull(t.Elem())
	case reflect.Map:
		values, err := g.of(t.Elem())
		return &schema{Type: "object", Others: values}, err
	case reflect.Slice:
		items, err := g.of(t.Elem())
		return &schema{Type: "array", Items: items}, err
	case reflect.Struct:
		return g.named(t)
	}
	return nil, fmt.Errorf("%s has no JSON Schema", t)
}

func orNull(kind string) any { return []any{kind, "null"} }

func (g *generator) orNull(t reflect.Type) (*schema, error) {
	s, err := g.of(t)
	if err != nil {
		return nil, err
	}
	switch kind := s.Type.(type) {
	case string:
		s.Type = orNull(kind)
	case nil:
		if s.Ref != "" {
			s = &schema{AnyOf: []*schema{s, {Type: "null"}}}
		}
	}
	return s, nil
}

// named refers to a struct's definition; the struct without attributes is just an object.
func (g *generator) named(t reflect.Type) (*schema, error) {
	if t.NumField() == 0 {
		return &schema{Type: "object"}, nil
	}
	name := nameOf(t)
	ref := &schema{Ref: "#/$defs/" + name}
	if known, there := g.names[name]; there {
		if known != t {
			return nil, fmt.Errorf("%s and %s share the name %s", known, t, name)
		}
		return ref, nil
	}
	g.names[name] = t
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	g.defs[name] = s
	return ref, g.fill(s, t, g.last[name])
}

func (g *generator) fill(s *schema, t reflect.Type, last *schema) error {
	for _, a := range attributes(t) {
		property, err := g.of(a.kind)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, a.name, err)
		}
		if word, known := objectWord(t); known && a.name == "object" {
			property = &schema{Const: word}
		}
		if said, known := words[field{t, a.name}]; known {
			property.Enum = anys(said)
		}
		if kind, plain := property.Type.(string); plain && nullable[field{t, a.name}] {
			property.Type = orNull(kind)
		}
		s.Properties[a.name] = property
		if !a.optional && (last == nil || slices.Contains(last.Required, a.name)) {
			s.Required = append(s.Required, a.name)
		}
	}
	slices.Sort(s.Required)
	return nil
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

// attribute is a field of a struct as encoding/json sees it.
type attribute struct {
	name     string
	kind     reflect.Type
	optional bool // left out when empty
	index    []int
}

// attributes are a struct's, those of embedded structs included. Parts that are
// only there when a request expands them are never in an event. A pointer that is
// left out when nil is not null when it is there.
func attributes(t reflect.Type) []attribute {
	var out []attribute
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" || name == "" || f.Type == lazyType {
			continue
		}
		a := attribute{name: name, kind: f.Type, index: f.Index, optional: strings.Contains(options, "omit")}
		if a.optional && a.kind.Kind() == reflect.Pointer {
			a.kind = a.kind.Elem()
		}
		out = append(out, a)
	}
	return out
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == refType.PkgPath() && strings.HasPrefix(t.Name(), "List[")
}

// nameOf is a struct's name in $defs: List[…/wire.BankAccount] is BankAccountList.
func nameOf(t reflect.Type) string {
	if isList(t) {
		item := t.Name()
		return item[strings.LastIndexByte(item, '.')+1:len(item)-1] + "List"
	}
	return t.Name()
}

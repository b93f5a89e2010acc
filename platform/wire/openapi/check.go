package openapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// check compares a decoded value with a schema; at is where, for the message.
func (d *document) check(s *schema, v any, at string) error {
	s, nullable := d.resolve(s)
	if v == nil {
		if nullable {
			return nil
		}
		return fmt.Errorf("%s is null", name(at))
	}
	if len(s.AnyOf) > 0 {
		return d.checkAny(s.AnyOf, v, at)
	}
	if err := checkEnum(s.Enum, v, at); err != nil {
		return err
	}
	switch s.Type {
	case "object":
		return d.checkObject(s, v, at)
	case "array":
		return d.checkArray(s, v, at)
	case "string":
		return checkString(s, v, at)
	case "integer":
		n, ok := v.(json.Number)
		if _, err := strconv.ParseInt(n.String(), 10, 64); !ok || err != nil {
			return fmt.Errorf("%s is not an integer: %v", name(at), v)
		}
	case "number":
		if _, ok := v.(json.Number); !ok {
			return fmt.Errorf("%s is not a number: %v", name(at), v)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%s is not a boolean: %v", name(at), v)
		}
	}
	return nil
}

// resolve follows references; nullable anywhere on the way counts.
func (d *document) resolve(s *schema) (*schema, bool) {
	nullable := s.Nullable
	for s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		nullable = nullable || s.Nullable
	}
	return s, nullable
}

// checkAny wants one alternative to fit. Of several failures it tells the one of the
// alternative that was meant: the one with the same "object".
func (d *document) checkAny(alternatives []*schema, v any, at string) error {
	var meant, last error
	for _, s := range alternatives {
		err := d.check(s, v, at)
		if err == nil {
			return nil
		}
		last = err
		if d.sameObject(s, v) {
			meant = err
		}
	}
	if meant != nil {
		return meant
	}
	return fmt.Errorf("%s fits none of %d alternatives: %w", name(at), len(alternatives), last)
}

func (d *document) sameObject(s *schema, v any) bool {
	s, _ = d.resolve(s)
	object, ok := v.(map[string]any)
	tag := s.Properties["object"]
	return ok && tag != nil && slices.Contains(tag.Enum, object["object"])
}

func checkEnum(enum []any, v any, at string) error {
	if len(enum) == 0 || slices.Contains(enum, v) {
		return nil
	}
	return fmt.Errorf("%s is %v, not one of %v", name(at), v, enum)
}

func (d *document) checkObject(s *schema, v any, at string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is not an object: %v", name(at), v)
	}
	for _, required := range s.Required {
		if _, ok := object[required]; !ok {
			return fmt.Errorf("%s is missing", name(at+"."+required))
		}
	}
	var extra *schema
	if strings.HasPrefix(string(s.AdditionalProperties), "{") {
		if err := json.Unmarshal(s.AdditionalProperties, &extra); err != nil {
			return err
		}
	}
	for key, value := range object {
		property := s.Properties[key]
		if property == nil {
			property = extra
		}
		if property == nil {
			continue
		}
		if err := d.check(property, value, at+"."+key); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) checkArray(s *schema, v any, at string) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s is not an array: %v", name(at), v)
	}
	if s.Items == nil {
		return nil
	}
	for i, item := range items {
		if err := d.check(s.Items, item, at+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

var patterns sync.Map // string → *regexp.Regexp

func checkString(s *schema, v any, at string) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s is not a string: %v", name(at), v)
	}
	if s.MaxLength > 0 && utf8.RuneCountInString(text) > s.MaxLength {
		return fmt.Errorf("%s is longer than %d characters", name(at), s.MaxLength)
	}
	if s.Pattern == "" {
		return nil
	}
	pattern, ok := patterns.Load(s.Pattern)
	if !ok {
		pattern, _ = patterns.LoadOrStore(s.Pattern, regexp.MustCompile(s.Pattern))
	}
	if !pattern.(*regexp.Regexp).MatchString(text) {
		return fmt.Errorf("%s is %q, which does not match %s", name(at), text, s.Pattern)
	}
	return nil
}

func name(at string) string {
	if at == "" {
		return "the answer"
	}
	return strings.TrimPrefix(at, ".")
}

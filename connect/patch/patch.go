// Package patch lays partial parameters over a stored object and tells what changed.
package patch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// Apply lays params over dst, a pointer to a struct, field by field of the same
// Go name. An absent parameter (nil) changes nothing; an empty string unsets a
// pointer field; nested structs are merged, slices replaced. Parameters without
// a field of that name are the caller's business.
func Apply(dst, params any) {
	from := reflect.Indirect(reflect.ValueOf(params))
	if from.IsValid() {
		apply(reflect.ValueOf(dst).Elem(), from)
	}
}

func apply(dst, from reflect.Value) {
	for i := range from.NumField() {
		to, value := dst.FieldByName(from.Type().Field(i).Name), from.Field(i)
		if !to.IsValid() || !given(value) {
			continue
		}
		switch {
		case value.Kind() == reflect.Slice:
			to.Set(value)
		case value.Elem().Kind() == reflect.Struct:
			apply(target(to), value.Elem())
		case to.Kind() != reflect.Pointer:
			to.Set(value.Elem())
		case value.Elem().Kind() == reflect.String && value.Elem().Len() == 0:
			to.SetZero()
		default:
			to.Set(value)
		}
	}
}

func given(v reflect.Value) bool {
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice) && !v.IsNil()
}

// target is the struct to merge into, made if it is not there yet.
func target(to reflect.Value) reflect.Value {
	if to.Kind() != reflect.Pointer {
		return to
	}
	if to.IsNil() {
		to.Set(reflect.New(to.Type().Elem()))
	}
	return to.Elem()
}

// Changed tells what after changed of before, two objects as the API shows them:
// the previous values of the changed attributes, nested as the object is (an
// array counts as one value). It is nil when both look the same.
func Changed(before, after any) (json.RawMessage, error) {
	old, err := members(before)
	if err != nil {
		return nil, err
	}
	now, err := members(after)
	if err != nil {
		return nil, err
	}
	previous := difference(old, now)
	if len(previous) == 0 {
		return nil, nil
	}
	return json.Marshal(previous)
}

func members(object any) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("patch: encode: %w", err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("patch: not an object: %w", err)
	}
	return m, nil
}

func difference(old, now map[string]json.RawMessage) map[string]any {
	previous := map[string]any{}
	for name, value := range old {
		if bytes.Equal(value, now[name]) {
			continue
		}
		previous[name] = value
		if inside, ok := nested(value, now[name]); ok {
			previous[name] = inside
		}
	}
	for name := range now {
		if _, was := old[name]; !was {
			previous[name] = nil
		}
	}
	return previous
}

func nested(old, now json.RawMessage) (map[string]any, bool) {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(old, &a) != nil || json.Unmarshal(now, &b) != nil || a == nil || b == nil {
		return nil, false
	}
	return difference(a, b), true
}

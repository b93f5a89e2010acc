package onboarding

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Requirements are named like the parameters that give them and like the fields
// that show them. These two follow such a name into either.

// assign sets the parameter that a name leads to: "individual.dob.day". It is false
// if there is none, or the value does not fit it.
func assign(params any, name, value string) bool {
	v := reflect.ValueOf(params).Elem()
	for _, part := range strings.Split(name, ".") {
		if v = member(open(v), "form", part); !v.IsValid() {
			return false
		}
	}
	v = open(v)
	switch v.Kind() {
	case reflect.String:
		v.SetString(value)
	case reflect.Int64:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return false
		}
		v.SetInt(n)
	case reflect.Bool:
		v.SetBool(value == "true")
	default:
		return false
	}
	return true
}

// open is what a pointer points to, made if need be.
func open(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// valueOf is the text under a name in a wire object; "" if it has none.
func valueOf(object any, name string) string {
	v := reflect.ValueOf(object)
	for _, part := range strings.Split(name, ".") {
		for v.Kind() == reflect.Pointer {
			v = v.Elem() // of nil: invalid
		}
		if v = member(v, "json", part); !v.IsValid() {
			return ""
		}
	}
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() == reflect.Struct || v.Kind() == reflect.Map || v.Kind() == reflect.Slice {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func member(v reflect.Value, tag, name string) reflect.Value {
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if word, _, _ := strings.Cut(f.Tag.Get(tag), ","); word == name && f.IsExported() {
			return v.FieldByIndex(f.Index)
		}
	}
	return reflect.Value{}
}

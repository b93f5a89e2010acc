package rest

import (
	"context"
	"reflect"
	"strings"
	"sync"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// maxExpand is how deep expand[] paths reach; a leading "data" of a list does not count.
const maxExpand = 4

var refType = reflect.TypeFor[wire.Ref]()

// expander replaces references of one answer by their objects.
type expander struct {
	idb     bun.IDB
	scope   tenant.Scope
	loaders Loaders
	loaded  map[string]any // by id: one load per object and answer
}

// expand returns v with the references on paths replaced by their objects. v itself
// is changed only if it is a pointer.
func (e *expander) expand(ctx context.Context, v any, paths []string) (any, error) {
	if len(paths) == 0 || v == nil {
		return v, nil
	}
	if err := checkExpand(v, paths); err != nil {
		return nil, err
	}
	root := addressable(v)
	for _, path := range paths {
		if err := e.walk(ctx, root, strings.Split(path, "."), path); err != nil {
			return nil, err
		}
	}
	return root.Interface(), nil
}

// addressable is a pointer to v, or v if it is one.
func addressable(v any) reflect.Value {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		return rv
	}
	p := reflect.New(rv.Type())
	p.Elem().Set(rv)
	return p
}

func (e *expander) walk(ctx context.Context, v reflect.Value, rest []string, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return e.walk(ctx, v.Elem(), rest, path)
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		inner := addressable(v.Elem().Interface())
		if err := e.walk(ctx, inner, rest, path); err != nil {
			return err
		}
		v.Set(inner)
		return nil
	case reflect.Slice:
		for i := range v.Len() {
			if err := e.walk(ctx, v.Index(i), rest, path); err != nil {
				return err
			}
		}
		return nil
	case reflect.Struct:
		if v.Type() == refType {
			return e.resolve(ctx, v.Addr().Interface().(*wire.Ref), rest, path)
		}
		if len(rest) == 0 {
			return nil
		}
		index, ok := jsonFields(v.Type())[rest[0]]
		if !ok {
			return notExpandable(path)
		}
		return e.walk(ctx, v.FieldByIndex(index), rest[1:], path)
	default:
		return notExpandable(path)
	}
}

// resolve loads what ref refers to and goes on inside it. A reference whose object
// the caller may not see stays an id.
func (e *expander) resolve(ctx context.Context, ref *wire.Ref, rest []string, path string) error {
	if ref.ID == "" && ref.Object == nil {
		return nil
	}
	if ref.Object == nil {
		object, err := e.load(ctx, ref.ID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if object == nil {
			return notExpandable(path)
		}
		ref.Object = object
	}
	if len(rest) == 0 {
		return nil
	}
	if err := checkType(reflect.TypeOf(ref.Object), rest, path); err != nil {
		return err
	}
	inner := addressable(ref.Object)
	ref.Object = inner.Interface()
	return e.walk(ctx, inner, rest, path)
}

func (e *expander) load(ctx context.Context, objectID string) (any, error) {
	if object, ok := e.loaded[objectID]; ok {
		return object, nil
	}
	loader := e.loaders[id.Prefix(objectID)]
	if loader == nil {
		return nil, nil
	}
	object, err := loader(ctx, e.idb, e.scope, objectID)
	if err != nil {
		return nil, err
	}
	if e.loaded == nil {
		e.loaded = map[string]any{}
	}
	object = addressable(object).Interface() // shared, so that paths into the same object add up
	e.loaded[objectID] = object
	return object, nil
}

// checkExpand checks paths against the type of sample as far as types tell.
func checkExpand(sample any, paths []string) error {
	for _, path := range paths {
		segments := strings.Split(path, ".")
		depth := len(segments)
		if segments[0] == "data" {
			depth--
		}
		if depth > maxExpand {
			return badExpand("You cannot expand more than 4 levels of a property. Property: " + printable(path))
		}
		if sample == nil {
			continue
		}
		if err := checkType(reflect.TypeOf(sample), segments, path); err != nil {
			return err
		}
	}
	return nil
}

// checkType follows a path through static types until it meets a reference or an interface.
func checkType(t reflect.Type, rest []string, path string) error {
	for {
		switch {
		case t == refType || t.Kind() == reflect.Interface:
			return nil
		case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
			t = t.Elem()
		case t.Kind() == reflect.Struct && len(rest) > 0:
			index, ok := jsonFields(t)[rest[0]]
			if !ok {
				return notExpandable(path)
			}
			t, rest = t.FieldByIndex(index).Type, rest[1:]
		case t.Kind() == reflect.Struct && len(rest) == 0:
			return nil // an object that is always shown whole
		default:
			return notExpandable(path)
		}
	}
}

func notExpandable(path string) error {
	return badExpand("This property cannot be expanded (" + printable(path) + ").")
}

func badExpand(message string) *fault.Error {
	f := badRequest(message)
	f.Param = "expand"
	return f
}

var fieldsByName sync.Map // reflect.Type → map[string][]int

// jsonFields finds the fields of a struct by their JSON names, embedded ones included.
func jsonFields(t reflect.Type) map[string][]int {
	if known, ok := fieldsByName.Load(t); ok {
		return known.(map[string][]int)
	}
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" {
			fields[name] = f.Index
		}
	}
	kept, _ := fieldsByName.LoadOrStore(t, fields)
	return kept.(map[string][]int)
}

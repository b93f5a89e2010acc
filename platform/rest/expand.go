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

var (
	refType  = reflect.TypeFor[wire.Ref]()
	lazyType = reflect.TypeFor[wire.Lazy]()
)

// expander replaces references of one answer by their objects.
//
// A marketplace's objects refer across accounts: a transfer to the payment it
// became, a payment to the transfer it came from. A loader that follows a
// reference down to a connected account says so (Elsewhere), and what it found
// is expanded as seen from there. The way up is open to platforms only: what a
// connected account does not have is looked for on the platform that asks.
type expander struct {
	idb     bun.IDB
	scope   tenant.Scope
	up      bool // the caller is the platform of scope
	loaders Loaders
	loaded  map[string]loaded // by id: one load per object and answer
}

// loaded is an object and from where its references are seen.
type loaded struct {
	object any
	scope  tenant.Scope
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
		if err := e.walk(ctx, e.scope, root, strings.Split(path, "."), path); err != nil {
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

func (e *expander) walk(ctx context.Context, scope tenant.Scope, v reflect.Value, rest []string, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return e.walk(ctx, scope, v.Elem(), rest, path)
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		inner := addressable(v.Elem().Interface())
		if err := e.walk(ctx, scope, inner, rest, path); err != nil {
			return err
		}
		v.Set(inner)
		return nil
	case reflect.Slice:
		for i := range v.Len() {
			if err := e.walk(ctx, scope, v.Index(i), rest, path); err != nil {
				return err
			}
		}
		return nil
	case reflect.Struct:
		switch v.Type() {
		case refType:
			return e.resolve(ctx, scope, v.Addr().Interface().(*wire.Ref), rest, path)
		case lazyType:
			return e.unfold(ctx, scope, v.Addr().Interface().(*wire.Lazy), rest, path)
		}
		if len(rest) == 0 {
			return nil
		}
		index, ok := jsonFields(v.Type())[rest[0]]
		if !ok {
			return notExpandable(path)
		}
		return e.walk(ctx, scope, v.FieldByIndex(index), rest[1:], path)
	default:
		return notExpandable(path)
	}
}

// resolve loads what ref refers to and goes on inside it. A reference whose object
// the caller may not see stays an id.
func (e *expander) resolve(ctx context.Context, scope tenant.Scope, ref *wire.Ref, rest []string, path string) error {
	if ref.Object == nil {
		if ref.ID == "" {
			return nil
		}
		found, err := e.load(ctx, scope, id.Prefix(ref.ID), ref.ID)
		if err != nil || found.object == nil {
			return err
		}
		ref.Object, scope = found.object, found.scope
	} else if known, ok := e.loaded[ref.ID]; ok {
		scope = known.scope
	}
	return e.inside(ctx, scope, &ref.Object, rest, path)
}

// unfold loads a part that is shown only when asked for and goes on inside it.
func (e *expander) unfold(ctx context.Context, scope tenant.Scope, part *wire.Lazy, rest []string, path string) error {
	if part.Object == nil {
		found, err := e.load(ctx, scope, part.Kind, part.ID)
		if err != nil || found.object == nil {
			return err
		}
		part.Object = found.object
	}
	return e.inside(ctx, scope, &part.Object, rest, path)
}

// inside follows the rest of a path within a loaded object.
func (e *expander) inside(ctx context.Context, scope tenant.Scope, object *any, rest []string, path string) error {
	if len(rest) == 0 {
		return nil
	}
	if err := checkType(reflect.TypeOf(*object), rest, path); err != nil {
		return err
	}
	inner := addressable(*object)
	*object = inner.Interface()
	return e.walk(ctx, scope, inner, rest, path)
}

// load finds an object as seen from scope, or nothing.
func (e *expander) load(ctx context.Context, scope tenant.Scope, kind, objectID string) (loaded, error) {
	key := objectID
	if kind != id.Prefix(objectID) {
		key = kind + " of " + objectID
	}
	if known, ok := e.loaded[key]; ok {
		return known, nil
	}
	loader := e.loaders[kind]
	if loader == nil {
		return loaded{}, nil
	}
	object, err := loader(ctx, e.idb, scope, objectID)
	if unseen(err) && e.up && scope.Account != scope.Platform {
		scope.Account = scope.Platform
		object, err = loader(ctx, e.idb, scope, objectID)
	}
	if unseen(err) {
		return loaded{}, nil
	}
	if err != nil {
		return loaded{}, err
	}
	if there, ok := object.(Elsewhere); ok {
		object, scope.Account = there.Object, there.Account
	}
	if e.loaded == nil {
		e.loaded = map[string]loaded{}
	}
	found := loaded{addressable(object).Interface(), scope} // shared, so that paths into the same object add up
	e.loaded[key] = found
	return found, nil
}

func unseen(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) }

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
		case t == refType || t == lazyType || t.Kind() == reflect.Interface:
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

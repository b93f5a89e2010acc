// Package page cuts lists into pages by object id, newest first.
//
// Ids are time-ordered (package id), so "newest first" is ORDER BY id DESC and
// a cursor is simply an id: pages neither skip nor repeat when rows are added.
package page

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/wire"
)

// Page sizes of the API.
const (
	DefaultLimit = 10
	MaxLimit     = 100
)

// Params are the cursor parameters that every list takes; embed them in list parameters.
type Params struct {
	Limit         *int64 `form:"limit"`
	StartingAfter string `form:"starting_after"`
	EndingBefore  string `form:"ending_before"`
}

// Size is the number of items asked for; Invalid outside 1 to MaxLimit.
func (p Params) Size() (int, error) {
	switch {
	case p.StartingAfter != "" && p.EndingBefore != "":
		return 0, fault.Invalidf("parameters_exclusive", "ending_before",
			"Received both starting_after and ending_before parameters. Please pass in only one.")
	case p.Limit == nil:
		return DefaultLimit, nil
	case *p.Limit < 1:
		return 0, fault.Invalidf("parameter_invalid_integer", "limit", "This value must be greater than or equal to 1.")
	case *p.Limit > MaxLimit:
		return 0, fault.Invalidf("parameter_invalid_integer", "limit", "This value must be less than or equal to %d.", MaxLimit)
	}
	return int(*p.Limit), nil
}

// Cursor is the id to start from, the parameter that named it, and the direction.
func (p Params) Cursor() (id, param string, backwards bool) {
	if p.EndingBefore != "" {
		return p.EndingBefore, "ending_before", true
	}
	return p.StartingAfter, "starting_after", false
}

// Of is one page of rows, newest first.
type Of[T any] struct {
	Items   []T
	HasMore bool // further rows in the direction of travel
}

// Filter narrows a query.
type Filter func(*bun.SelectQuery) *bun.SelectQuery

// Fetch reads one page of the bun model T, whose key column is id.
//
// scope narrows to what the caller may see at all; a cursor outside it is
// answered like one that does not exist: Invalid, resource_missing, naming noun
// and parameter. filter (may be nil) narrows further, for example by Range.
func Fetch[T any](ctx context.Context, idb bun.IDB, p Params, noun string, scope, filter Filter) (Of[T], error) {
	size, err := p.Size()
	if err != nil {
		return Of[T]{}, err
	}
	cursor, param, backwards := p.Cursor()
	if cursor != "" {
		if err := mustExist[T](ctx, idb, cursor, param, noun, scope); err != nil {
			return Of[T]{}, err
		}
	}
	var rows []T
	q := scope(idb.NewSelect().Model(&rows))
	if filter != nil {
		q = filter(q)
	}
	if err := Window(q, "id", cursor, backwards, size).Scan(ctx); err != nil {
		return Of[T]{}, err
	}
	return Cut(rows, backwards, size), nil
}

// Window orders a query by a time-ordered id column in the direction of travel and
// takes a page of it past the cursor ("" is the start), and one row more, for Cut.
func Window(q *bun.SelectQuery, column, cursor string, backwards bool, size int) *bun.SelectQuery {
	key := bun.Ident(column)
	switch {
	case backwards:
		q = q.Where("?TableAlias.? > ?", key, cursor).OrderExpr("?TableAlias.? ASC", key)
	case cursor != "":
		q = q.Where("?TableAlias.? < ?", key, cursor).OrderExpr("?TableAlias.? DESC", key)
	default:
		q = q.OrderExpr("?TableAlias.? DESC", key)
	}
	return q.Limit(int64(size) + 1)
}

// Cut makes a page of rows that come in the direction of travel and may be more than size.
func Cut[T any](rows []T, backwards bool, size int) Of[T] {
	more := len(rows) > size
	if more {
		rows = rows[:size]
	}
	if backwards {
		slices.Reverse(rows)
	}
	return Of[T]{Items: rows, HasMore: more}
}

// NoCursor is the answer to a cursor that is no object of the list.
func NoCursor(param, noun, cursor string) error {
	return fault.Invalidf("resource_missing", param, "No such %s: '%s'", noun, cursor)
}

func mustExist[T any](ctx context.Context, idb bun.IDB, cursor, param, noun string, scope Filter) error {
	found, err := scope(idb.NewSelect().Model((*T)(nil))).Where("?TableAlias.id = ?", cursor).Exists(ctx)
	if err != nil {
		return err
	}
	if !found {
		return NoCursor(param, noun, cursor)
	}
	return nil
}

// List is the page as the API shows it, each row turned into its wire object.
func List[T, W any](p Of[T], url string, show func(T) W) wire.List[W] {
	data := make([]W, len(p.Items))
	for i, item := range p.Items {
		data[i] = show(item)
	}
	return wire.ListOf(url, p.HasMore, data)
}

// Range is a filter on a time in unix seconds: created=1700000000 or
// created[gt|gte|lt|lte]=…. The zero value filters nothing.
type Range struct {
	From  *int64 // first second that fits
	Until *int64 // first second that no longer fits
}

// lastSecond bounds timestamps to the end of year 9999.
const lastSecond = 253402300799

// DecodeParam reads a timestamp or a set of bounds (see rest.ParamDecoder).
func (r *Range) DecodeParam(name string, v any) error {
	switch v := v.(type) {
	case string:
		second, err := parseSecond(name, v)
		if err != nil {
			return err
		}
		r.from(second)
		r.until(second + 1)
		return nil
	case map[string]any:
		return r.decodeBounds(name, v)
	}
	return fault.Invalidf("", name, "Invalid %s: must be a timestamp or a set of gt, gte, lt, lte.", name)
}

func (r *Range) decodeBounds(name string, bounds map[string]any) error {
	for op, v := range bounds {
		param := name + "[" + op + "]"
		text, _ := v.(string)
		var set func(int64)
		var shift int64
		switch op {
		case "gt":
			set, shift = r.from, 1
		case "gte":
			set = r.from
		case "lt":
			set = r.until
		case "lte":
			set, shift = r.until, 1
		default:
			return fault.Invalidf("parameter_unknown", param, "Received unknown parameter: %s", param)
		}
		second, err := parseSecond(param, text)
		if err != nil {
			return err
		}
		set(second + shift)
	}
	return nil
}

// from and until narrow: of several bounds on one side the tightest counts.
func (r *Range) from(s int64) {
	if r.From == nil || *r.From < s {
		r.From = &s
	}
}

func (r *Range) until(s int64) {
	if r.Until == nil || *r.Until > s {
		r.Until = &s
	}
}

// Apply narrows q to rows whose column lies in the range.
func (r Range) Apply(q *bun.SelectQuery, column string) *bun.SelectQuery {
	if r.From != nil {
		q = q.Where("? >= ?", bun.Ident(column), time.Unix(*r.From, 0).UTC())
	}
	if r.Until != nil {
		q = q.Where("? < ?", bun.Ident(column), time.Unix(*r.Until, 0).UTC())
	}
	return q
}

func parseSecond(param, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > lastSecond {
		return 0, fault.Invalidf("parameter_invalid_integer", param, "Invalid timestamp: %s", text)
	}
	return n, nil
}

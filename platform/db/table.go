package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// Prepared, as the first argument of a statement sent past bun, has pgx keep it
// prepared on its connection. Only for the statements of the hot path, whose text
// never changes: planning them anew each time would cost more than running them.
const Prepared = pgx.QueryExecModeCacheStatement

// Query runs a prepared statement with $1, $2, … that returns rows.
func Query(ctx context.Context, idb bun.IDB, text string, args ...any) (*sql.Rows, error) {
	args = append([]any{Prepared}, args...)
	switch on := idb.(type) {
	case bun.Tx:
		return on.Tx.QueryContext(ctx, text, args...)
	case *bun.DB:
		return on.DB.QueryContext(ctx, text, args...)
	}
	return nil, fmt.Errorf("db: no prepared statements on a %T", idb)
}

// Exec runs a prepared statement with $1, $2, … and returns how many rows it changed.
func Exec(ctx context.Context, idb bun.IDB, text string, args ...any) (changed int, err error) {
	args = append([]any{Prepared}, args...)
	var done sql.Result
	switch on := idb.(type) {
	case bun.Tx:
		done, err = on.Tx.ExecContext(ctx, text, args...)
	case *bun.DB:
		done, err = on.DB.ExecContext(ctx, text, args...)
	default:
		return 0, fmt.Errorf("db: no prepared statements on a %T", idb)
	}
	if err != nil {
		return 0, err
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// Column is one column of a Table: how it is called, and its values of many rows.
type Column[T any] struct {
	name   string
	kind   string // PostgreSQL type of an element
	cast   string // type the element is cast to, "" for none
	values func(rows []T) any
}

// Text is a text column.
func Text[T any, S ~string](name string, of func(T) S) Column[T] {
	return column(name, "text", "", func(row T) string { return string(of(row)) })
}

// NullText is a text column that may be NULL.
func NullText[T any](name string, of func(T) *string) Column[T] { return column(name, "text", "", of) }

// Int8 is a bigint column.
func Int8[T any](name string, of func(T) int64) Column[T] { return column(name, "bigint", "", of) }

// Int4 is an integer column.
func Int4[T any](name string, of func(T) int) Column[T] {
	return column(name, "integer", "", func(row T) int32 { return int32(of(row)) })
}

// Bool is a boolean column.
func Bool[T any](name string, of func(T) bool) Column[T] { return column(name, "boolean", "", of) }

// Bytes is a bytea column; nil is NULL.
func Bytes[T any](name string, of func(T) []byte) Column[T] { return column(name, "bytea", "", of) }

// Time is a timestamptz column; the zero time is NULL.
func Time[T any](name string, of func(T) time.Time) Column[T] {
	return column(name, "timestamptz", "", func(row T) *time.Time { return orNull(of(row)) })
}

// Date is a date column; the zero time is NULL.
func Date[T any](name string, of func(T) time.Time) Column[T] {
	return column(name, "date", "", func(row T) *time.Time { return orNull(of(row)) })
}

// JSON is a jsonb column; what marshals to null is NULL. A value that does
// not marshal is a bug of its type and panics.
func JSON[T any](name string, of func(T) any) Column[T] {
	return column(name, "text", "jsonb", func(row T) *string {
		value := of(row)
		if raw, ok := value.(json.RawMessage); ok && len(raw) == 0 {
			return nil
		}
		body, err := json.Marshal(value)
		if err != nil {
			panic("db: column " + name + ": " + err.Error())
		}
		if string(body) == "null" {
			return nil
		}
		text := string(body)
		return &text
	})
}

// TextArray is a text[] column, which may not be NULL.
func TextArray[T any](name string, of func(T) []string) Column[T] {
	return column(name, "text", "text[]", func(row T) string { return arrayLiteral(of(row)) })
}

func column[T, V any](name, kind, cast string, of func(T) V) Column[T] {
	return Column[T]{name: name, kind: kind, cast: cast, values: func(rows []T) any {
		values := make([]V, len(rows))
		for i, row := range rows {
			values[i] = of(row)
		}
		return values
	}}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// arrayLiteral is a text[] in PostgreSQL's spelling.
func arrayLiteral(elements []string) string {
	quoted := make([]string, len(elements))
	for i, e := range elements {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

// Table writes many rows with one prepared statement, whatever their number: the
// rows go over turned on their side, one array per column.
type Table[T any] struct {
	name    string
	key     string
	columns []Column[T]
	known   sync.Map // statements by what they do: the columns an update sets, joined, or an insert
}

// NewTable describes a table by its columns; key is its primary key.
func NewTable[T any](name, key string, columns ...Column[T]) *Table[T] {
	return &Table[T]{name: name, key: key, columns: columns}
}

type statement[T any] struct {
	text    string
	columns []Column[T]
}

// Insert adds the rows.
func (t *Table[T]) Insert(ctx context.Context, tx bun.Tx, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	s := t.statement(inserting, func() statement[T] { return t.insert("") })
	if _, err := Exec(ctx, tx, s.text, s.args(rows)...); err != nil {
		return fmt.Errorf("insert into %s: %w", t.name, err)
	}
	return nil
}

// InsertNew adds the rows whose key is not there yet, and returns the keys of those.
// Rows in order of their keys: two batches then wait for one another at most one way.
func (t *Table[T]) InsertNew(ctx context.Context, tx bun.Tx, rows []T) (added []string, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	s := t.statement(insertingNew, func() statement[T] {
		return t.insert(" ON CONFLICT (" + t.key + ") DO NOTHING RETURNING " + t.key)
	})
	found, err := Query(ctx, tx, s.text, s.args(rows)...)
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", t.name, err)
	}
	defer found.Close()
	for found.Next() {
		var key string
		if err := found.Scan(&key); err != nil {
			return nil, err
		}
		added = append(added, key)
	}
	return added, found.Err()
}

// How the statements of inserts are remembered: no list of columns begins so.
const (
	inserting    = "+"
	insertingNew = "+ new"
)

func (t *Table[T]) insert(more string) statement[T] {
	names, values := make([]string, len(t.columns)), make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i], values[i] = c.name, c.value()
	}
	text := "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(values, ", ") + from(t.columns) + more
	return statement[T]{text, t.columns}
}

// Update writes the named columns of the rows, found by their key. A row that is not
// there is an error.
func (t *Table[T]) Update(ctx context.Context, tx bun.Tx, rows []T, names ...string) error {
	if len(rows) == 0 {
		return nil
	}
	s := t.statement(strings.Join(names, " "), func() statement[T] { return t.update(names) })
	n, err := Exec(ctx, tx, s.text, s.args(rows)...)
	if err == nil && n != len(rows) {
		err = fmt.Errorf("only %d of %d rows are there", n, len(rows))
	}
	if err != nil {
		return fmt.Errorf("update %s: %w", t.name, err)
	}
	return nil
}

func (t *Table[T]) update(names []string) statement[T] {
	var used []Column[T]
	var set []string
	for _, name := range append([]string{t.key}, names...) {
		i := slices.IndexFunc(t.columns, func(c Column[T]) bool { return c.name == name })
		if i < 0 {
			panic("db: table " + t.name + " has no column " + name)
		}
		used = append(used, t.columns[i])
		if name != t.key {
			set = append(set, name+" = "+t.columns[i].value())
		}
	}
	text := "UPDATE " + t.name + " AS t SET " + strings.Join(set, ", ") + from(used) + " WHERE t." + t.key + " = u." + t.key
	return statement[T]{text, used}
}

func (t *Table[T]) statement(key string, make func() statement[T]) statement[T] {
	if s, ok := t.known.Load(key); ok {
		return s.(statement[T])
	}
	s := make()
	t.known.Store(key, s)
	return s
}

func (c Column[T]) value() string {
	if c.cast == "" {
		return "u." + c.name
	}
	return "u." + c.name + "::" + c.cast
}

// from is the rows as a relation u, one parameter per column.
func from[T any](columns []Column[T]) string {
	params, names := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		params[i] = "$" + strconv.Itoa(i+1) + "::" + c.kind + "[]"
		names[i] = c.name
	}
	return " FROM unnest(" + strings.Join(params, ", ") + ") AS u (" + strings.Join(names, ", ") + ")"
}

func (s statement[T]) args(rows []T) []any {
	args := make([]any, len(s.columns))
	for i, c := range s.columns {
		args[i] = c.values(rows)
	}
	return args
}

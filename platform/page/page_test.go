package page_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
)

type book struct {
	bun.BaseModel `bun:"table:books,alias:b"`
	ID            string `bun:"id,pk"`
	Account       string
	Genre         string
	CreatedAt     time.Time
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// library has books b_00 to b_24 of acct_1, one a second, even ones crime, and one of acct_2.
func library(t *testing.T) *bun.DB {
	pool := dbtest.New(t)
	if _, err := pool.NewCreateTable().Model((*book)(nil)).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	var books []book
	for i := range 25 {
		genre := []string{"crime", "poetry"}[i%2]
		books = append(books, book{ID: fmt.Sprintf("b_%02d", i), Account: "acct_1", Genre: genre, CreatedAt: noon.Add(time.Duration(i) * time.Second)})
	}
	books = append(books, book{ID: "b_99", Account: "acct_2", CreatedAt: noon})
	if _, err := pool.NewInsert().Model(&books).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return pool
}

func mine(q *bun.SelectQuery) *bun.SelectQuery  { return q.Where("account = ?", "acct_1") }
func crime(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("genre = ?", "crime") }

func limit(n int64) *int64 { return &n }

func ids(p page.Of[book]) string {
	var out []string
	for _, b := range p.Items {
		out = append(out, strings.TrimPrefix(b.ID, "b_"))
	}
	return strings.Join(out, " ")
}

func TestPagesWalkNewestFirst(t *testing.T) {
	pool := library(t)
	for _, c := range []struct {
		rule   string
		params page.Params
		filter page.Filter
		want   string
		more   bool
	}{
		{"ten by default", page.Params{}, nil, "24 23 22 21 20 19 18 17 16 15", true},
		{"after", page.Params{Limit: limit(3), StartingAfter: "b_03"}, nil, "02 01 00", false},
		{"after, more", page.Params{Limit: limit(2), StartingAfter: "b_03"}, nil, "02 01", true},
		{"before takes the nearest", page.Params{Limit: limit(2), EndingBefore: "b_03"}, nil, "05 04", true},
		{"before, at the top", page.Params{Limit: limit(2), EndingBefore: "b_22"}, nil, "24 23", false},
		{"filtered", page.Params{Limit: limit(2), StartingAfter: "b_05"}, crime, "04 02", true},
		{"past the end", page.Params{StartingAfter: "b_00"}, nil, "", false},
		{"all", page.Params{Limit: limit(100)}, crime, "24 22 20 18 16 14 12 10 08 06 04 02 00", false},
	} {
		got, err := page.Fetch[book](t.Context(), pool, c.params, "book", mine, c.filter)
		if err != nil || ids(got) != c.want || got.HasMore != c.more {
			t.Errorf("%s: %q %v %v", c.rule, ids(got), got.HasMore, err)
		}
	}
}

func TestBadCursorsAndLimitsAreInvalid(t *testing.T) {
	pool := library(t)
	for _, c := range []struct {
		params      page.Params
		code, param string
	}{
		{page.Params{StartingAfter: "b_77"}, "resource_missing", "starting_after"},
		{page.Params{EndingBefore: "b_99"}, "resource_missing", "ending_before"},
		{page.Params{StartingAfter: "b_01", EndingBefore: "b_02"}, "parameters_exclusive", "ending_before"},
		{page.Params{Limit: limit(0)}, "parameter_invalid_integer", "limit"},
		{page.Params{Limit: limit(101)}, "parameter_invalid_integer", "limit"},
	} {
		_, err := page.Fetch[book](t.Context(), pool, c.params, "book", mine, nil)
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Code != c.code || f.Param != c.param {
			t.Errorf("%+v: %v", c.params, err)
		}
	}
}

func TestRangeCountsWholeSeconds(t *testing.T) {
	pool := library(t)
	at := func(s int64) string { return fmt.Sprint(noon.Unix() + s) }
	for _, c := range []struct {
		given any
		want  string
	}{
		{at(3), "03"},
		{map[string]any{"gt": at(22)}, "24 23"},
		{map[string]any{"gte": at(23)}, "24 23"},
		{map[string]any{"lt": at(2)}, "01 00"},
		{map[string]any{"lte": at(1)}, "01 00"},
		{map[string]any{"gt": at(3), "gte": at(2), "lt": at(6), "lte": at(9)}, "05 04"},
	} {
		var r page.Range
		if err := r.DecodeParam("created", c.given); err != nil {
			t.Fatal(err)
		}
		got, err := page.Fetch[book](t.Context(), pool, page.Params{}, "book", mine,
			func(q *bun.SelectQuery) *bun.SelectQuery { return r.Apply(q, "b.created_at") })
		if err != nil || ids(got) != c.want {
			t.Errorf("%v: %q %v", c.given, ids(got), err)
		}
	}
	for _, bad := range []any{"x", "-1", "999999999999999", "", nil, []any{}, map[string]any{"near": "1"}, map[string]any{"gt": []any{}}} {
		if err := new(page.Range).DecodeParam("created", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestListShowsEmptyPagesAsArrays(t *testing.T) {
	l := page.List(page.Of[book]{}, "/v1/books", func(b book) string { return b.ID })
	if l.Data == nil || l.Object != "list" || l.URL != "/v1/books" {
		t.Errorf("%+v", l)
	}
}

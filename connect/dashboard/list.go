package dashboard

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// List is a list of the API on a page: one definition gives the table, the form of
// filters, the chips, the pager, the choice of columns, the empty state and the CSV.
type List[T any] struct {
	Name    string     // of the CSV file and of the table: the key "<Name>.list"
	Path    string     // "/v1/charges"
	Params  url.Values // always sent: expand[], a filter that the page sets
	Filters []Filter
	Columns []Column[T]
	Dates   bool                         // offers ?from= and ?to=, days in the account's zone, sent as created[gte] and created[lt]
	Href    func(v *Visit, row T) string // where a row leads; nil: nowhere
	Empty   Empty
	Limit   int    // rows on a page; 0: 20
	Totals  string // of the API: counts and adds up what fits; "" for lists without
	Bulk    []Bulk // what can be done to several rows at once
	Live    string // types of news that change it, as data-live has them; "": any event
	// Complete adds to rows that were read together what one more question tells of all of them; nil: nothing.
	Complete func(r *http.Request, v *Visit, rows []T) error
}

// Filter is a parameter of the API that the page offers.
type Filter struct {
	Name    string      // in the address
	Param   string      // of the API; "" is Name
	Label   string      // catalogue key
	Options []ui.Option // a choice; none: a text
	Chips   bool        // the choices stand above the table as chips
	Type    string      // of the input; "" is text
	// Send is what the API is told of what was typed, "" for nothing; nil: as it is.
	Send func(v *Visit, typed string) string
}

// Column is a column of a list. A cell is text, or HTML made by Visit.
type Column[T any] struct {
	Key    string // catalogue key of the heading; what follows the last dot names the column in ?columns=
	Cell   func(v *Visit, row T) any
	CSV    func(v *Visit, row T) string // nil: the cell, if it is text
	Number bool                         // stands at the right, and in figures of one width
	Extra  bool                         // is shown only when chosen
}

func (c Column[T]) name() string { return c.Key[strings.LastIndexByte(c.Key, '.')+1:] }

// Empty is what stands there instead of a table: what to do next, and a command.
type Empty struct {
	Icon        string // "" is "info"
	Title, Body string // catalogue keys
	Curl        string // a command to be pasted
}

// Bulk leads from rows that were ticked to a page that says what would happen to them.
// Their ids are in its address, as ids[].
type Bulk struct {
	Key, Icon  string
	Path       string // within the desk
	Permission string
}

// Table is a list as its page shows it: {{template "list" .Data}}.
type Table struct {
	Visit    *Visit
	Name     string
	Heads    []Head
	Rows     []Row
	Filters  []FilterView
	Chips    []Chips
	Columns  []ColumnChoice
	Dates    bool
	From, To string
	Newer    string // addresses; "" for none
	Older    string
	CSV      string
	Clear    string // without any filter; "" when none is set
	Empty    Empty
	Keep     []Pair // of the address, beside the form's own fields
	Totals   *Totals
	Bulk     []BulkAct
	Reset    string // address with the columns of the beginning; "" if those are shown
	Live     string // see List
}

// Totals is what all rows that fit come to, not only those of the page.
type Totals struct {
	Count int64
	More  bool // it ended there: those are the newest
	Sums  []template.HTML
}

// BulkAct is a button below rows that can be ticked.
type BulkAct struct{ Key, Icon, Href string }

// Head is a heading.
type Head struct {
	Key    string
	Number bool
}

// Row is a row; Href leads to its page.
type Row struct {
	ID    string
	Href  string
	Cells []Cell
}

// Cell is a cell.
type Cell struct {
	Value  any
	Number bool
}

// FilterView is a filter with its value.
type FilterView struct {
	Filter
	Value string
}

// Chips are a filter's choices, with their addresses.
type Chips struct {
	Name  string
	Label string
	Chips []Chip
}

// Chip is one choice.
type Chip struct {
	Value  string
	Label  any
	Count  string // "" if it is not known
	Href   string
	Active bool
}

// ColumnChoice is a column that may be shown.
type ColumnChoice struct {
	Key, Name string
	Shown     bool
}

// Pair is a field of the address that a form carries on.
type Pair struct{ Name, Value string }

const (
	pageRows = 20
	csvRows  = 100 // of one call
)

// Serve answers with the page that show makes of the table, or with the CSV.
func (l List[T]) Serve(w http.ResponseWriter, r *http.Request, v *Visit, show func(t *Table) error) error {
	if v.Query.Get("format") == "csv" {
		return l.writeCSV(w, r, v)
	}
	l.keepColumns(w, v)
	table, err := l.Table(r, v)
	if err != nil {
		return err
	}
	return show(table)
}

// Table reads one page of the list, for a page that shows it among other things.
func (l List[T]) Table(r *http.Request, v *Visit) (*Table, error) {
	limit := l.Limit
	if limit == 0 {
		limit = pageRows
	}
	params := l.asked(v)
	params.Set("limit", strconv.Itoa(limit))
	for _, cursor := range []string{"starting_after", "ending_before"} {
		if at := v.Query.Get(cursor); at != "" {
			params.Set(cursor, at)
			break
		}
	}
	found, err := l.read(r, v, params)
	if err != nil {
		return nil, err
	}
	t := l.frame(v)
	shown := l.shown(v)
	for _, c := range shown {
		t.Heads = append(t.Heads, Head{c.Key, c.Number})
	}
	for i, row := range found.rows {
		cells := make([]Cell, len(shown))
		for j, c := range shown {
			cells[j] = Cell{c.Cell(v, row), c.Number}
		}
		line := Row{ID: found.ids[i], Cells: cells}
		if l.Href != nil {
			line.Href = l.Href(v, row)
		}
		t.Rows = append(t.Rows, line)
	}
	if len(found.ids) > 0 {
		first, last := found.ids[0], found.ids[len(found.ids)-1]
		back := params.Get("ending_before") != ""
		if back || found.more {
			t.Older = v.Here("starting_after", last, "ending_before", "")
		}
		if back && found.more || params.Get("starting_after") != "" {
			t.Newer = v.Here("ending_before", first, "starting_after", "")
		}
	}
	return t, l.total(r, v, t, params)
}

// total adds up what fits, and says on the chips how much there is.
func (l List[T]) total(r *http.Request, v *Visit, t *Table, params url.Values) error {
	if l.Totals == "" {
		return nil
	}
	asked := url.Values{}
	for name, values := range params {
		switch name {
		case "limit", "starting_after", "ending_before", "expand[]":
		default:
			asked[name] = values
		}
	}
	var w wire.ListTotals
	if err := v.API.Get(r.Context(), l.Totals, asked, &w); err != nil {
		return err
	}
	t.Totals = &Totals{Count: w.Count, More: w.Count == w.CountedTo}
	for _, a := range w.Amounts {
		t.Totals.Sums = append(t.Totals.Sums, v.Amount(a.Amount, a.Currency))
	}
	t.Count(w.Statuses)
	return nil
}

// Count says on the chips of the filter named status how much there is of each.
func (t *Table) Count(counts []wire.StatusCount) {
	for _, chips := range t.Chips {
		if chips.Name != "status" {
			continue
		}
		for i := range chips.Chips {
			chip := &chips.Chips[i]
			for _, c := range counts {
				if c.Status == chip.Value {
					chip.Count = strconv.FormatInt(c.Count, 10)
					if c.HasMore {
						chip.Count += "+"
					}
				}
			}
		}
	}
}

// frame is all of the table but its rows.
func (l List[T]) frame(v *Visit) *Table {
	t := &Table{Visit: v, Name: l.Name, Dates: l.Dates, From: v.Query.Get("from"), To: v.Query.Get("to"), Empty: l.Empty, Live: l.Live}
	t.CSV = v.Here("format", "csv", "starting_after", "", "ending_before", "")
	reset := []string{"starting_after", "", "ending_before", "", "from", "", "to", ""}
	filtered := t.From != "" || t.To != ""
	own := []string{"from", "to", "starting_after", "ending_before", "columns", "columns[]", "done", "lang", "format"}
	for _, f := range l.Filters {
		value := v.Query.Get(f.Name)
		filtered = filtered || value != ""
		reset = append(reset, f.Name, "")
		if !f.Chips {
			own = append(own, f.Name)
			t.Filters = append(t.Filters, FilterView{f, value})
			continue
		}
		chips := Chips{Name: f.Name, Label: f.Label, Chips: []Chip{{Label: "desk.all", Href: v.Here(f.Name, "", "starting_after", "", "ending_before", ""), Active: value == ""}}}
		for _, o := range f.Options {
			chips.Chips = append(chips.Chips, Chip{Value: o.Value, Label: o.Label(), Href: v.Here(f.Name, o.Value, "starting_after", "", "ending_before", ""), Active: value == o.Value})
		}
		t.Chips = append(t.Chips, chips)
	}
	if filtered {
		t.Clear = v.Here(reset...)
	}
	shown := l.shown(v)
	for _, c := range l.Columns {
		t.Columns = append(t.Columns, ColumnChoice{c.Key, c.name(), slices.ContainsFunc(shown, func(s Column[T]) bool { return s.Key == c.Key })})
	}
	if slices.ContainsFunc(l.Columns, func(c Column[T]) bool {
		return c.Extra == slices.ContainsFunc(shown, func(s Column[T]) bool { return s.Key == c.Key })
	}) {
		t.Reset = v.Here("columns[]", "", "columns", usualColumns)
	}
	for _, b := range l.Bulk {
		if v.May(b.Permission) {
			t.Bulk = append(t.Bulk, BulkAct{b.Key, b.Icon, v.Chair.path() + b.Path})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Query)) {
		if !slices.Contains(own, name) {
			t.Keep = append(t.Keep, Pair{name, v.Query.Get(name)})
		}
	}
	return t
}

// asked are the parameters of the API that the address asks for.
func (l List[T]) asked(v *Visit) url.Values {
	params := url.Values{}
	for name, values := range l.Params {
		params[name] = values
	}
	for _, f := range l.Filters {
		value := strings.TrimSpace(v.Query.Get(f.Name))
		if value == "" {
			continue
		}
		if len(f.Options) > 0 && !slices.ContainsFunc(f.Options, func(o ui.Option) bool { return o.Value == value }) {
			continue
		}
		name := f.Param
		if name == "" {
			name = f.Name
		}
		if f.Send != nil {
			if value = f.Send(v, value); value == "" {
				continue
			}
		}
		params.Set(name, value)
	}
	if l.Dates {
		if from, ok := v.day("from"); ok {
			params.Set("created[gte]", strconv.FormatInt(from.Unix(), 10))
		}
		if to, ok := v.day("to"); ok {
			params.Set("created[lt]", strconv.FormatInt(to.AddDate(0, 0, 1).Unix(), 10))
		}
	}
	return params
}

// day is a day of the address, as it begins in the account's zone.
func (v *Visit) day(name string) (time.Time, bool) {
	at, err := time.ParseInLocation(time.DateOnly, v.Query.Get(name), v.Chair.Zone)
	return at, err == nil
}

// usualColumns in the address forgets a choice of columns.
const usualColumns = "usual"

// chosenColumns are the columns that the address names.
func chosenColumns(v *Visit) []string {
	return slices.Concat(v.Query["columns[]"], strings.FieldsFunc(v.Query.Get("columns"), func(c rune) bool { return c == ',' }))
}

// columnsCookie is where this browser keeps which columns it wants of a list.
func (l List[T]) columnsCookie(v *Visit) string {
	return "sluice_columns_" + strings.TrimPrefix(v.Chair.Side().root(), "/") + "_" + l.Name
}

// keepColumns remembers the columns that somebody chose for the next time.
func (l List[T]) keepColumns(w http.ResponseWriter, v *Visit) {
	if chosen := chosenColumns(v); len(chosen) > 0 {
		var names []string
		for _, c := range l.shown(v) {
			names = append(names, c.name())
		}
		if slices.Contains(chosen, usualColumns) {
			names = nil
		}
		v.desk.cfg.Kit.Remember(w, l.columnsCookie(v), strings.Join(names, "."))
	}
}

// shown are the columns that the address asks for, or those that were chosen last, in
// the list's order.
func (l List[T]) shown(v *Visit) []Column[T] {
	chosen := chosenColumns(v)
	if len(chosen) == 0 {
		chosen = strings.FieldsFunc(v.kept[l.columnsCookie(v)], func(c rune) bool { return c == '.' })
	}
	if !slices.ContainsFunc(l.Columns, func(c Column[T]) bool { return slices.Contains(chosen, c.name()) }) {
		chosen = nil
	}
	var shown []Column[T]
	for _, c := range l.Columns {
		if slices.Contains(chosen, c.name()) || len(chosen) == 0 && !c.Extra {
			shown = append(shown, c)
		}
	}
	return shown
}

type found[T any] struct {
	rows []T
	ids  []string
	more bool
}

func (l List[T]) read(r *http.Request, v *Visit, params url.Values) (found[T], error) {
	f, err := read[T](r, v.API, l.Path, params)
	if err != nil || l.Complete == nil || len(f.rows) == 0 {
		return f, err
	}
	return f, l.Complete(r, v, f.rows)
}

// read is one page of a list of the API.
func read[T any](r *http.Request, c *client.Client, path string, params url.Values) (found[T], error) {
	var answer struct {
		Data    []json.RawMessage
		HasMore bool `json:"has_more"`
	}
	f := found[T]{}
	if err := c.Get(r.Context(), path, params, &answer); err != nil {
		return f, err
	}
	f.more = answer.HasMore
	for _, raw := range answer.Data {
		var row T
		var named struct{ ID string }
		if err := json.Unmarshal(raw, &row); err != nil {
			return f, fmt.Errorf("read %s: %w", path, err)
		}
		if err := json.Unmarshal(raw, &named); err != nil {
			return f, fmt.Errorf("read %s: %w", path, err)
		}
		f.rows, f.ids = append(f.rows, row), append(f.ids, named.ID)
	}
	return f, nil
}

// writeCSV streams exactly the filtered rows and the shown columns.
func (l List[T]) writeCSV(w http.ResponseWriter, r *http.Request, v *Visit) error {
	params := l.asked(v)
	params.Set("limit", strconv.Itoa(csvRows))
	page, err := l.read(r, v, params)
	if err != nil {
		return err
	}
	shown := l.shown(v)
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+l.Name+`.csv"`)
	out := csv.NewWriter(w)
	line := []string{"id"}
	for _, c := range shown {
		line = append(line, string(v.Text(c.Key)))
	}
	if err := out.Write(line); err != nil {
		return nil // the reader has gone
	}
	for {
		for i, row := range page.rows {
			line = append(line[:0], page.ids[i])
			for _, c := range shown {
				line = append(line, inert(c.csv(v, row)))
			}
			if err := out.Write(line); err != nil {
				return nil
			}
		}
		out.Flush()
		if !page.more || len(page.ids) == 0 {
			return out.Error()
		}
		params.Set("starting_after", page.ids[len(page.ids)-1])
		if page, err = l.read(r, v, params); err != nil {
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		}
	}
}

func (c Column[T]) csv(v *Visit, row T) string {
	if c.CSV != nil {
		return c.CSV(v, row)
	}
	switch cell := c.Cell(v, row).(type) {
	case nil:
		return ""
	case template.HTML:
		return plain(string(cell))
	default:
		return textOf(cell)
	}
}

// exact finds what an amount or a moment is, beside how it is shown.
var exact = regexp.MustCompile(`^<(?:data class="amount" value|time datetime)="([^"]*)"[^>]*>[^<]*</(?:data|time)>$`)

// plain is what a cell's markup, which Visit made, says in a file: an amount as a
// decimal number, a moment with its zone, and of all else the text.
func plain(markup string) string {
	if m := exact.FindStringSubmatch(markup); m != nil {
		return m[1]
	}
	var b strings.Builder
	within := false
	for _, c := range markup {
		switch {
		case c == '<':
			within = true
		case c == '>':
			within = false
		case !within:
			b.WriteRune(c)
		}
	}
	return unescape.Replace(b.String())
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&")

// inert keeps spreadsheets from taking somebody's text for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+@\t\r", rune(cell[0])) || len(cell) > 1 && cell[0] == '-' && (cell[1] < '0' || cell[1] > '9') {
		return "'" + cell
	}
	return cell
}

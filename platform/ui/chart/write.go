package chart

import (
	"fmt"
	"html/template"
	"math/bits"
	"strings"
)

// writer collects markup; whatever is not a number is escaped.
type writer struct{ strings.Builder }

func (w *writer) f(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = template.HTMLEscapeString(s)
		}
	}
	fmt.Fprintf(&w.Builder, format, args...)
}

func (w *writer) html() template.HTML { return template.HTML(w.String()) }

// scaled is value·size/whole, rounded to the nearest, for values up to whole: exact
// even where the product has more than 64 bits.
func scaled(value, size, whole int64) int64 {
	if whole <= 0 || value <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(value), uint64(size))
	lo, carry := bits.Add64(lo, uint64(whole)/2, 0)
	quotient, _ := bits.Div64(hi+carry, lo, uint64(whole))
	return int64(quotient)
}

// Table is a chart's numbers in words.
type Table struct {
	Caption string
	Heads   []string
	Rows    [][]string // the first cell of a row names it
}

// HTML is the table; all cells but the first are figures.
func (t Table) HTML() template.HTML {
	var w writer
	w.f(`<div class="table-wrap" role="region" tabindex="0" aria-label="%s"><table class="table"><caption class="visually-hidden">%s</caption><thead><tr>`, t.Caption, t.Caption)
	for i, head := range t.Heads {
		w.f(`<th scope="col"%s>%s</th>`, figure(i), head)
	}
	w.f(`</tr></thead><tbody>`)
	for _, row := range t.Rows {
		w.f(`<tr>`)
		for i, cell := range row {
			if i == 0 {
				w.f(`<th scope="row">%s</th>`, cell)
			} else {
				w.f(`<td class="number">%s</td>`, cell)
			}
		}
		w.f(`</tr>`)
	}
	w.f(`</tbody></table></div>`)
	return w.html()
}

func figure(column int) template.HTMLAttr {
	if column > 0 {
		return ` class="number"`
	}
	return ""
}

package chart

import (
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Plot is one or more rows of numbers over time.
type Plot struct {
	Title, Desc string
	Labels      []string // of the moments, "24 Nov"
	Series      []Series
	Format      func(value int64) string // as amounts are shown; nil: the number
}

// Series is one row.
type Series struct {
	Name   string
	Class  string  // a colour: charge, fee, cost, payee, refund, tax or bank
	Values []int64 // one a label
}

// Area is a plot whose rows are lines over filled areas.
type Area Plot

// Bars is a plot whose rows stand beside one another.
type Bars Plot

// The plot is drawn in these units and stretched to whatever room there is.
const (
	plotWidth  = 1000
	plotHeight = 200
)

// SVG is the chart.
func (a Area) SVG() template.HTML {
	return Plot(a).draw(func(w *writer, p Plot, s scale) {
		zero := s.y(0)
		for _, row := range p.Series {
			if len(row.Values) == 0 {
				continue
			}
			var line strings.Builder
			for i, v := range row.Values {
				if i > 0 {
					line.WriteByte(' ')
				}
				line.WriteString(strconv.FormatInt(s.x(i), 10) + "," + strconv.FormatInt(s.y(v), 10))
			}
			last := s.x(len(row.Values) - 1)
			w.f(`<polygon class="area flow-%s" points="%d,%d %s %d,%d"></polygon>`, row.Class, s.x(0), zero, line.String(), last, zero)
			w.f(`<polyline class="line flow-%s" points="%s"></polyline>`, row.Class, line.String())
		}
	})
}

// SVG is the chart.
func (b Bars) SVG() template.HTML {
	return Plot(b).draw(func(w *writer, p Plot, s scale) {
		zero := s.y(0)
		for k, row := range p.Series {
			for i, v := range row.Values {
				slot := s.slot()
				width := max((slot*7/10)/int64(len(p.Series)), 1)
				x := s.left(i) + slot*15/100 + int64(k)*width
				y := s.y(v)
				w.f(`<rect class="bar flow-%s" x="%d" y="%d" width="%d" height="%d"></rect>`, row.Class, x, min(y, zero), width, max(y-zero, zero-y))
			}
		}
	})
}

// scale maps moments and values onto the picture. The values at its side stand one
// step apart, so that they can be text beside the picture, evenly spread.
type scale struct {
	count          int
	min, max, step int64
}

// slot is the width of one moment.
func (s scale) slot() int64 { return plotWidth / int64(max(s.count, 1)) }

// left is where a moment's slot begins.
func (s scale) left(i int) int64 { return int64(i) * plotWidth / int64(max(s.count, 1)) }

// x is where a moment's point stands: the first at the left edge, the last at the right one.
func (s scale) x(i int) int64 {
	if s.count < 2 {
		return plotWidth / 2
	}
	return int64(i) * plotWidth / int64(s.count-1)
}

// y is where a value stands; what no axis can reach stands at its end.
func (s scale) y(v int64) int64 {
	v = min(max(v, s.min), s.max)
	return plotHeight - scaled(v-s.min, plotHeight, s.max-s.min)
}

// reach is as far as an axis goes: differences of such values fit into int64.
const reach = math.MaxInt64 / 16

func (p Plot) scale() scale {
	s := scale{count: len(p.Labels), step: 1}
	var low, high int64
	for _, row := range p.Series {
		for _, v := range row.Values {
			low, high = min(low, max(v, -reach)), max(high, min(v, reach))
		}
	}
	if widest := max(high, -low); widest > 0 {
		s.step = roundUp((widest + 3) / 4)
	}
	s.max, s.min = s.step*steps(high, s.step), -s.step*steps(-low, s.step)
	if s.max == s.min {
		s.max = s.step
	}
	return s
}

// steps is how many of them reach v.
func steps(v, step int64) int64 { return (v + step - 1) / step }

// roundUp is the next of 1, 2, 4, 5 and 8 times a power of ten.
func roundUp(v int64) int64 {
	if v <= 0 {
		return 0
	}
	for unit := int64(1); ; unit *= 10 {
		for _, n := range []int64{1, 2, 4, 5, 8} {
			if n*unit >= v {
				return n * unit
			}
		}
		if unit > math.MaxInt64/100 {
			return v
		}
	}
}

func (p Plot) say(v int64) string {
	if p.Format != nil {
		return p.Format(v)
	}
	return strconv.FormatInt(v, 10)
}

// draw is what areas and bars have in common: the values at the side and the moments
// below are text of the page, so that they stay readable on a phone; the picture
// between them is stretched.
func (p Plot) draw(rows func(w *writer, p Plot, s scale)) template.HTML {
	s := p.scale()
	var w writer
	w.f(`<figure class="plot"><div class="plot-y" aria-hidden="true">`)
	for _, v := range s.ticks() {
		w.f(`<span>%s</span>`, p.say(v))
	}
	w.f(`</div><svg class="plot-area" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s"><title>%s</title><desc>%s</desc>`,
		plotWidth, plotHeight, p.Title, p.Title, p.Desc)
	for _, v := range s.ticks() {
		w.f(`<line class="grid" x1="0" x2="%d" y1="%d" y2="%d"></line>`, plotWidth, s.y(v), s.y(v))
	}
	rows(&w, p, s)
	for i, label := range p.Labels {
		w.f(`<rect class="hit" x="%d" y="0" width="%d" height="%d"><title>%s</title></rect>`, s.left(i), max(s.slot(), 1), plotHeight, p.spoken(i, label))
	}
	w.f(`</svg><div class="plot-x" aria-hidden="true">`)
	for _, i := range shown(len(p.Labels)) {
		w.f(`<span>%s</span>`, p.Labels[i])
	}
	w.f(`</div>`)
	if len(p.Series) > 1 {
		w.f(`<figcaption class="legend">`)
		for _, row := range p.Series {
			w.f(`<span><i class="swatch flow-%s"></i>%s</span>`, row.Class, row.Name)
		}
		w.f(`</figcaption>`)
	}
	w.f(`</figure>`)
	return w.html()
}

// ticks are the values at the side, from the top.
func (s scale) ticks() (ticks []int64) {
	for v := s.max; v >= s.min; v -= s.step {
		ticks = append(ticks, v)
	}
	return ticks
}

// shown are the moments with a label: the first, the last and three between.
func shown(n int) []int {
	if n <= 5 {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	return []int{0, (n - 1) / 4, (n - 1) / 2, (n - 1) * 3 / 4, n - 1}
}

func (p Plot) spoken(i int, label string) string {
	var b strings.Builder
	b.WriteString(label)
	for _, row := range p.Series {
		if i < len(row.Values) {
			b.WriteString("\n" + row.Name + ": " + p.say(row.Values[i]))
		}
	}
	return b.String()
}

// Table is the plot in words; moment is the heading of its first column.
func (a Area) Table(moment string) Table { return Plot(a).table(moment) }

// Table is the plot in words; moment is the heading of its first column.
func (b Bars) Table(moment string) Table { return Plot(b).table(moment) }

func (p Plot) table(moment string) Table {
	t := Table{Caption: p.Title, Heads: []string{moment}}
	for _, row := range p.Series {
		t.Heads = append(t.Heads, row.Name)
	}
	for i, label := range p.Labels {
		cells := []string{label}
		for _, row := range p.Series {
			text := ""
			if i < len(row.Values) {
				text = p.say(row.Values[i])
			}
			cells = append(cells, text)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

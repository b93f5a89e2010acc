package chart

import "html/template"

// Flow is money on its way: bands from those who give to those who get, as wide as
// the amounts.
type Flow struct {
	Title, Desc string
	Nodes       []Node
	Links       []Link
}

// Node is a place where money is.
type Node struct {
	ID    string
	Label string
	Text  string // its amount, formatted
	Class string // a colour: charge, fee, cost, payee, refund, tax or bank
	Href  string // where it is explained; "" for nowhere
}

// Link is money that moves from one node to another.
type Link struct {
	From, To string
	Value    int64  // minor units, above zero
	Text     string // formatted, said on hover
	Class    string // "" is that of the node it leads to
}

// Sizes in units of the picture, one of which is a CSS pixel on a desktop.
const (
	flowWidth  = 760
	flowLeft   = 150 // for labels of the first column
	flowRight  = 190 // and of the last
	nodeWidth  = 14
	flowBody   = 220 // height of the fullest column's amounts
	nodeGap    = 14
	labelSlot  = 40 // a label needs it, however small the amount
	flowMargin = 12
)

type placedNode struct {
	Node
	column   int
	in, out  int64
	x, y, h  int64
	from, to int64 // what is drawn of its outgoing and incoming bands
}

func (n placedNode) value() int64 { return max(n.in, n.out) }

// SVG is the picture. Links to nodes that are not there, and those without value, are left out.
func (f Flow) SVG() template.HTML {
	nodes, links := f.place()
	columns, height := f.arrange(nodes)
	var w writer
	w.f(`<div class="chart-scroll" role="region" tabindex="0" aria-label="%s"><svg class="flow-chart" viewBox="0 0 %d %d" role="%s" aria-label="%s"><title>%s</title><desc>%s</desc>`,
		f.Title, flowWidth, height, f.role(), f.Title, f.Title, f.Desc)
	for _, l := range links {
		a, b := nodes[l.From], nodes[l.To]
		drawBand(&w, l, a, b)
	}
	for _, n := range f.Nodes {
		if p := nodes[n.ID]; p != nil && p.value() > 0 {
			drawNode(&w, p, columns)
		}
	}
	w.f(`</svg>`)
	drawList(&w, links, nodes)
	w.f(`</div>`)
	return w.html()
}

// drawList is the flow where the picture would be too small to read: a line and a bar
// for each band. The stylesheet shows one of the two.
func drawList(w *writer, links []Link, nodes map[string]*placedNode) {
	var widest int64
	for _, l := range links {
		widest = max(widest, l.Value)
	}
	w.f(`<ul class="flow-list">`)
	for _, l := range links {
		w.f(`<li><span>%s → %s</span><span class="amount">%s</span><svg class="flow-bar" viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true"><rect class="node flow-%s" width="%d" height="6"></rect></svg></li>`,
			nodes[l.From].Label, nodes[l.To].Label, l.Text, l.Class, max(scaled(l.Value, 1000, widest), 4))
	}
	w.f(`</ul>`)
}

// role is that of an image, unless something in it can be followed: what an image
// holds, nobody reaches.
func (f Flow) role() string {
	for _, n := range f.Nodes {
		if n.Href != "" {
			return "group"
		}
	}
	return "img"
}

// place finds what each node gets and gives, and its column: one right of all that
// gives to it. A circle would never end; the number of nodes bounds it.
func (f Flow) place() (nodes map[string]*placedNode, links []Link) {
	nodes = map[string]*placedNode{}
	for _, n := range f.Nodes {
		nodes[n.ID] = &placedNode{Node: n}
	}
	for _, l := range f.Links {
		a, b := nodes[l.From], nodes[l.To]
		if a == nil || b == nil || a == b || l.Value <= 0 {
			continue
		}
		a.out += l.Value
		b.in += l.Value
		if l.Class == "" {
			l.Class = b.Class
		}
		links = append(links, l)
	}
	for range f.Nodes {
		for _, l := range links {
			if a, b := nodes[l.From], nodes[l.To]; b.column <= a.column && a.column < len(f.Nodes) {
				b.column = a.column + 1
			}
		}
	}
	return nodes, links
}

// arrange gives every node its place, columns centred, and says how high the picture is.
func (f Flow) arrange(nodes map[string]*placedNode) (columns int, height int64) {
	sums := map[int]int64{}
	for _, n := range nodes {
		columns = max(columns, n.column+1)
		sums[n.column] += n.value()
	}
	var fullest int64
	for _, sum := range sums {
		fullest = max(fullest, sum)
	}
	heights := map[int]int64{}
	for _, n := range f.Nodes {
		p := nodes[n.ID]
		if p.value() == 0 {
			continue
		}
		p.h = max(scaled(p.value(), flowBody, fullest), 2)
		heights[p.column] += max(p.h, labelSlot) + nodeGap
	}
	for _, h := range heights {
		height = max(height, h-nodeGap+2*flowMargin)
	}
	next := map[int]int64{}
	for _, n := range f.Nodes {
		p := nodes[n.ID]
		if p.value() == 0 {
			continue
		}
		if _, begun := next[p.column]; !begun {
			next[p.column] = (height - heights[p.column] + nodeGap) / 2
		}
		slot := max(p.h, labelSlot)
		p.y = next[p.column] + (slot-p.h)/2
		next[p.column] += slot + nodeGap
		p.x = flowLeft
		if columns > 1 {
			p.x += int64(p.column) * (flowWidth - flowLeft - flowRight - nodeWidth) / int64(columns-1)
		}
	}
	return columns, max(height, 2*flowMargin)
}

// drawBand draws a link. Both ends are cut from their node's height by running sums,
// so that the bands of a node fill it without a gap.
func drawBand(w *writer, l Link, a, b *placedNode) {
	cut := func(n *placedNode, before int64) (y, h int64) {
		y = scaled(before, n.h, n.value())
		return n.y + y, max(scaled(before+l.Value, n.h, n.value())-y, 1)
	}
	y0, h0 := cut(a, a.from)
	y1, h1 := cut(b, b.to)
	a.from += l.Value
	b.to += l.Value
	x0, x1 := a.x+nodeWidth, b.x
	mid := (x0 + x1) / 2
	w.f(`<path class="band flow-%s" d="M%d %dC%d %d %d %d %d %dL%d %dC%d %d %d %d %d %dZ"><title>%s → %s: %s</title></path>`,
		l.Class, x0, y0, mid, y0, mid, y1, x1, y1, x1, y1+h1, mid, y1+h1, mid, y0+h0, x0, y0+h0, a.Label, b.Label, l.Text)
}

func drawNode(w *writer, n *placedNode, columns int) {
	if n.Href != "" {
		w.f(`<a href="%s">`, n.Href)
	}
	w.f(`<rect class="node flow-%s" x="%d" y="%d" width="%d" height="%d" rx="2"></rect>`, n.Class, n.x, n.y, nodeWidth, n.h)
	middle := n.y + n.h/2
	x, anchor := n.x+nodeWidth+8, "start"
	if n.column == 0 && columns > 1 {
		x, anchor = n.x-8, "end"
	}
	w.f(`<text class="flow-label" x="%d" y="%d" text-anchor="%s">%s</text>`, x, middle-3, anchor, n.Label)
	w.f(`<text class="flow-text" x="%d" y="%d" text-anchor="%s">%s</text>`, x, middle+13, anchor, n.Text)
	if n.Href != "" {
		w.f(`</a>`)
	}
}

// Table is the flow in words: from, to, and how much.
func (f Flow) Table(from, to, much string) Table {
	labels := map[string]string{}
	for _, n := range f.Nodes {
		labels[n.ID] = n.Label
	}
	t := Table{Caption: f.Title, Heads: []string{from, to, much}}
	for _, l := range f.Links {
		t.Rows = append(t.Rows, []string{labels[l.From], labels[l.To], l.Text})
	}
	return t
}

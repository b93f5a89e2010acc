package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/sluicepay/sluice/platform/money"
)

// table is rows under titles. Columns whose title begins with ">" stand to the right.
type table struct {
	titles []string
	rows   [][]string
}

func (t *table) add(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell)
	}
	t.rows = append(t.rows, cells)
}

// printable keeps text of others from moving the cursor of our reader.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

func (t *table) write(w io.Writer) {
	right := make([]bool, len(t.titles))
	heads := make([]string, len(t.titles))
	widths := make([]int, len(t.titles))
	for i, title := range t.titles {
		heads[i], right[i] = strings.CutPrefix(title, ">")
		widths[i] = cells(heads[i])
		for _, row := range t.rows {
			widths[i] = max(widths[i], cells(row[i]))
		}
	}
	for _, row := range append([][]string{heads}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-cells(cell))
			if right[i] {
				line.WriteString(gap + cell + "  ")
			} else {
				line.WriteString(cell + gap + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// cells is how many columns of a terminal the text takes: Chinese characters take two.
func cells(s string) int {
	n := 0
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func amount(minor int64, currency string) string {
	return money.New(minor, money.Currency(currency)).String()
}

func when(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04") }

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02") }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

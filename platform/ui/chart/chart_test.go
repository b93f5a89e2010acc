package chart_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"html/template"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/chart"
)

var update = flag.Bool("update", false, "write the golden files anew")

func hkd(v int64) string { return ui.FormatMoney(money.Amount{Minor: v, Currency: "hkd"}) }

// lesson is one lesson of HK$600.00, of which HK$100.00 went back.
func lesson() chart.Flow {
	link := func(from, to string, v int64) chart.Link {
		return chart.Link{From: from, To: to, Value: v, Text: hkd(v)}
	}
	return chart.Flow{
		Title: "Where the money went", Desc: "HK$600.00 from Sophie",
		Nodes: []chart.Node{
			{ID: "card", Label: "Visa ··4242", Text: "HK$600.00", Class: "charge"},
			{ID: "cost", Label: "Processing", Text: "HK$22.75", Class: "cost"},
			{ID: "fee", Label: "TutorHub HK", Text: "HK$67.25", Class: "fee"},
			{ID: "tutor", Label: "Chan Ka Yan 陳嘉欣", Text: "HK$510.00", Class: "payee", Href: "/dashboard/acct_1/test/accounts/acct_2"},
			{ID: "back", Label: "Refunded", Text: "HK$100.00", Class: "refund"},
			{ID: "bank", Label: "HSBC ··3401", Text: "HK$410.00", Class: "bank"},
		},
		Links: []chart.Link{
			link("card", "cost", 2275), link("card", "fee", 6725), link("card", "tutor", 51000), link("tutor", "back", 10000), link("tutor", "bank", 41000),
		},
	}
}

func week() chart.Plot {
	return chart.Plot{
		Title: "Volume", Desc: "Seven days", Labels: []string{"24 Nov", "25 Nov", "26 Nov", "27 Nov", "28 Nov", "29 Nov", "30 Nov"}, Format: hkd,
		Series: []chart.Series{
			{Name: "Volume", Class: "charge", Values: []int64{120000, 450000, 0, 310000, 275000, 680000, 90000}},
			{Name: "Net", Class: "fee", Values: []int64{18000, 60000, -25000, 40000, 30000, 95000, 12000}},
		},
	}
}

func TestChartsLookAsTheyDid(t *testing.T) {
	for name, got := range map[string]template.HTML{
		"flow.svg": lesson().SVG(), "area.svg": chart.Area(week()).SVG(), "bars.svg": chart.Bars(week()).SVG(),
		"flow_table.html": lesson().Table("From", "To", "Amount").HTML(), "area_table.html": chart.Area(week()).Table("Day").HTML(),
		"timeline.html": chart.Timeline{Label: "Payment", Events: []chart.Event{
			{Label: "Captured", At: "<time>24 Nov</time>", State: "done", Said: "done"}, {Label: "Paid out", Note: "Tue 1 Dec"},
		}}.HTML(),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: look at the new picture; if it is right, run the test with -update\n%s", name, got)
		}
	}
}

// wellFormed reads markup to its end.
func wellFormed(t *testing.T, markup template.HTML) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(markup)))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, markup)
		}
	}
}

func TestWhatPeopleWroteIsNoMarkup(t *testing.T) {
	f := lesson()
	f.Title, f.Nodes[3].Label, f.Nodes[3].Href, f.Links[0].Class = `"><script>`, `<b>&"`, `/"onclick="`, `x" onload="`
	p := week()
	p.Labels[0], p.Series[0].Name = `</svg><script>`, `"<i>`
	for _, got := range []template.HTML{f.SVG(), f.Table("<", ">", "&").HTML(), chart.Area(p).SVG(), chart.Bars(p).SVG(), chart.Bars(p).Table("<").HTML()} {
		wellFormed(t, got)
		if s := string(got); strings.Contains(s, "<script") || strings.Contains(s, "<b>") || strings.Contains(s, `" on`) {
			t.Errorf("markup came through: %s", s)
		}
	}
}

func TestNoStyleIsInline(t *testing.T) {
	for _, got := range []template.HTML{lesson().SVG(), chart.Area(week()).SVG(), chart.Bars(week()).SVG()} {
		if strings.Contains(string(got), "style") {
			t.Errorf("the policy of pages blocks %s", got)
		}
	}
}

// TestEveryPictureStaysInItsFrame draws random numbers, small and as large as they get.
func TestEveryPictureStaysInItsFrame(t *testing.T) {
	seed := rand.Uint64()
	chance := rand.New(rand.NewPCG(seed, 1))
	for round := range 300 {
		p := chart.Plot{Title: "x"}
		n := chance.IntN(60)
		for k := range 1 + chance.IntN(3) {
			row := chart.Series{Name: "row", Class: "fee"}
			for range n {
				v := chance.Int64N(int64(1) << (1 + chance.IntN(62)))
				if chance.IntN(4) == 0 {
					v = -v
				}
				row.Values = append(row.Values, v)
			}
			if n > 0 && round == 0 && k == 0 {
				row.Values[0] = math.MaxInt64
			}
			p.Series = append(p.Series, row)
		}
		for i := range n {
			p.Labels = append(p.Labels, strconv.Itoa(i))
		}
		for _, got := range []template.HTML{chart.Area(p).SVG(), chart.Bars(p).SVG()} {
			wellFormed(t, got)
			for _, number := range coordinates(string(got)) {
				if number < 0 || number > 1000 {
					t.Fatalf("seed %d: %d lies outside of %s", seed, number, got)
				}
			}
		}
	}
}

// coordinates are the numbers of points, x, y, width and height.
func coordinates(svg string) (found []int64) {
	for _, name := range []string{` points="`, ` x="`, ` y="`, ` width="`, ` height="`} {
		for _, part := range strings.Split(svg, name)[1:] {
			for _, field := range strings.FieldsFunc(part[:strings.IndexByte(part, '"')], func(c rune) bool { return c == ' ' || c == ',' }) {
				n, err := strconv.ParseInt(field, 10, 64)
				if err != nil {
					n = -1
				}
				found = append(found, n)
			}
		}
	}
	return found
}

func TestACircleOfMoneyIsDrawnAndEnds(t *testing.T) {
	f := chart.Flow{Title: "x", Nodes: []chart.Node{{ID: "a"}, {ID: "b"}}, Links: []chart.Link{
		{From: "a", To: "b", Value: 5}, {From: "b", To: "a", Value: 5}, {From: "a", To: "a", Value: 1}, {From: "a", To: "gone", Value: 1}, {From: "a", To: "b"},
	}}
	wellFormed(t, f.SVG())
	wellFormed(t, chart.Flow{}.SVG())
}

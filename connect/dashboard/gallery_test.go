package dashboard_test

import (
	"html/template"
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/chart"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

const galleryPage = `<div class="page-head"><div class="row"><h1>{{amount 60000 "hkd"}}</h1>{{statusbadge "succeeded"}} {{idlink .Visit "gal_1"}}</div>
<div class="row">{{button "gallery.do" "kind" "secondary" "small" true "href" (href .Visit "gallery")}}{{button "gallery.do" "small" true "href" (here .Visit "tab" "two")}}</div></div>
<div class="cards"><section class="card"><div class="stat"><p class="stat-label">{{t "gallery.title"}}</p><p class="stat-value">{{amount 153000 "hkd"}}</p><p class="stat-note">{{when .Visit 1795996800}}</p></div></section>
<section class="card"><div class="stat"><p class="stat-label">{{t "gallery.title"}}</p><p class="stat-value">{{amount -500 "jpy"}}</p><p class="stat-note">{{whenday .Visit 1795996800}}</p></div></section></div>
{{template "tabs" .Data.Tabs}}
<section class="card"><h2>{{t "gallery.title"}}</h2>{{.Data.Flow}}<details class="details"><summary>{{t "gallery.table"}}</summary>{{.Data.FlowTable}}</details></section>
<section class="card"><h2>{{t "gallery.title"}}</h2>{{.Data.Area}}</section><section class="card">{{.Data.Bars}}</section>
<section class="card">{{.Data.Timeline}}</section>
<section class="card"><dl class="equation"><div><dt>{{t "gallery.title"}}</dt><dd>{{amount 60000 "hkd"}}</dd></div><div class="sum"><dt>{{t "gallery.do"}}</dt><dd>{{amount 51000 "hkd"}}</dd></div></dl></section>
<section class="card"><ul class="tree"><li><details open><summary><span>{{t "gallery.title"}}</span>{{amount 1 "hkd"}}</summary><ul><li><div><span>{{t "gallery.do"}}</span>{{amount 1 "hkd"}}</div></li></ul></details></li></ul></section>
<form class="card form" method="post">{{once}}{{button "gallery.do" "kind" "danger"}}</form>
{{template "curl" .Data.Curl}}`

type galleryView struct {
	Tabs                                  []ui.Link
	Flow, FlowTable, Area, Bars, Timeline template.HTML
	Curl                                  string
}

func hkd(v int64) string { return ui.FormatMoney(money.Amount{Minor: v, Currency: "hkd"}) }

// gallery is a section that shows whatever pages are made of.
func gallery(t testing.TB, desk *dashboard.Desk) {
	t.Helper()
	files := fstest.MapFS{
		"gallery.html": {Data: []byte(galleryPage)},
		"en.json":      {Data: []byte(`{"gallery.title": "Gallery", "gallery.do": "Do it", "gallery.table": "As a table", "gallery.two": "Two", "done.did": "It is done"}`)},
		"zh-Hant-HK.json": {Data: []byte(
			`{"gallery.title": "展示", "gallery.do": "執行", "gallery.table": "以表格顯示", "gallery.two": "二", "done.did": "已完成"}`)},
	}
	flow := chart.Flow{
		Title: "Fund flow", Desc: "HK$600.00",
		Nodes: []chart.Node{
			{ID: "card", Label: "Visa ··4242", Text: "HK$600.00", Class: "charge"}, {ID: "cost", Label: "Processing", Text: "HK$22.75", Class: "cost"},
			{ID: "fee", Label: "TutorHub HK", Text: "HK$67.25", Class: "fee"}, {ID: "tutor", Label: "Chan Ka Yan 陳嘉欣", Text: "HK$510.00", Class: "payee"},
			{ID: "back", Label: "Refunded", Text: "HK$100.00", Class: "refund"}, {ID: "bank", Label: "HSBC ··3401", Text: "HK$410.00", Class: "bank"},
		},
		Links: []chart.Link{
			{From: "card", To: "cost", Value: 2275, Text: "HK$22.75"}, {From: "card", To: "fee", Value: 6725, Text: "HK$67.25"},
			{From: "card", To: "tutor", Value: 51000, Text: "HK$510.00"}, {From: "tutor", To: "back", Value: 10000, Text: "HK$100.00"},
			{From: "tutor", To: "bank", Value: 41000, Text: "HK$410.00"},
		},
	}
	plot := chart.Plot{
		Title: "Volume", Desc: "Seven days", Labels: []string{"24 Nov", "25 Nov", "26 Nov", "27 Nov", "28 Nov", "29 Nov", "30 Nov"}, Format: hkd,
		Series: []chart.Series{
			{Name: "Volume", Class: "charge", Values: []int64{120000, 450000, 0, 310000, 275000, 680000, 90000}},
			{Name: "Net", Class: "fee", Values: []int64{18000, 60000, -25000, 40000, 30000, 95000, 12000}},
		},
	}
	timeline := chart.Timeline{Label: "Payment", Events: []chart.Event{
		{Label: "Captured", At: "<time>24 Nov</time>", State: "done", Said: "done"}, {Label: "Available", State: "now"}, {Label: "Paid out", Note: "Tue 1 Dec"},
	}}
	var pages *dashboard.Pages
	page := func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		if r.Method == http.MethodPost {
			if err := v.API.PostOnce(r.Context(), "/v1/refunds", nil, r.PostForm.Get("idempotency_key"), nil); err != nil {
				return err
			}
			return v.Go(w, r, v.Path("gallery"), "did")
		}
		if r.URL.Query().Get("view") == "json" {
			o, err := dashboard.Fetch[payment](r, v, "/v1/charges/ch_1")
			if err != nil {
				return err
			}
			_, err = pages.AsJSON(w, r, v, o.Path, o.Raw)
			return err
		}
		tabs, _ := v.Tabs(dashboard.Tab{Name: "one", Key: "gallery.title"}, dashboard.Tab{Name: "two", Key: "gallery.two"})
		return pages.Render(w, r, v, "gallery", ui.View{Title: "gallery.title", Back: &ui.Link{Href: v.Path(), Key: "gallery.title"}, Data: galleryView{
			tabs, flow.SVG(), flow.Table("From", "To", "Amount").HTML(), chart.Area(plot).SVG(), chart.Bars(plot).SVG(), timeline.HTML(), v.Curl("/v1/charges?limit=3"),
		}})
	}
	pages, err := desk.Add(dashboard.Section{
		Templates: files, Catalogues: files, IDs: map[string]string{"gal": "/gallery"},
		Nav: []dashboard.NavItem{
			{Key: "gallery.title", Icon: "palette", Path: "/gallery", Group: "desk.group.payments"},
			{Key: "gallery.do", Icon: "settings", Path: "/do", Group: "desk.group.settings", Permission: "refunds:write"},
		},
		Pages: []dashboard.Page{
			{Path: "/gallery", Handler: page}, {Method: http.MethodPost, Path: "/gallery", Handler: page},
			{Path: "/do", Permission: "refunds:write", Handler: page},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAllThatPagesAreMadeOfIsSoundInABrowser(t *testing.T) {
	k := kit(t)
	desk, _ := dashboardtest.New(t, k, &api{answer: threeCharges})
	addPayments(t, desk, dashboard.ForPlatform, "")
	gallery(t, desk)
	url := uitest.Server(t, k, dashboardtest.Handler(desk))
	for _, language := range []string{"en", "zh-Hant-HK"} {
		tab := uitest.Browser(t).Tab(t, uitest.Language(language))
		tab.Open(url + "/dashboard/acct_platform/test/gallery?done=did")
		uitest.Audit(t, tab)
		picture(tab, "gallery-"+language)
		tab.Eval(`document.querySelectorAll(".menu").forEach(d => d.open = true)`, nil)
		uitest.Audit(t, tab)
		picture(tab, "menu-"+language)
	}
}

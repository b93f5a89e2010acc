package ui_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func newKit(t testing.TB) *ui.Kit {
	t.Helper()
	k, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var storyPages = []string{"", "signin", "consent", "wizard", "account", "error"}

// shots is where pictures of the pages go, to be looked at; "" for none.
var shots = os.Getenv("SLUICE_TEST_SCREENSHOTS")

func TestStorybookIsSoundInABrowser(t *testing.T) {
	url := uitest.Server(t, newKit(t), nil)
	for _, language := range []string{"en", "zh-Hant-HK"} {
		for _, page := range storyPages {
			t.Run(language+"/"+page, func(t *testing.T) {
				tab := uitest.Browser(t).Tab(t, uitest.Language(language))
				tab.Open(url + "/_dev/ui?page=" + page)
				uitest.Audit(t, tab)
				if shots == "" {
					return
				}
				for _, width := range []int{390, 1440} {
					for theme, dark := range map[string]bool{"light": false, "dark": true} {
						tab.SetWidth(width)
						tab.SetDark(dark)
						tab.Screenshot(filepath.Join(shots, "story-"+page+"-"+language+"-"+theme+"-"+map[int]string{390: "phone", 1440: "desktop"}[width]+".png"))
					}
				}
			})
		}
	}
}

// trial is a page with a form of its own, in a room of its own.
func trial(t testing.TB, kit *ui.Kit, page string, handle func(w http.ResponseWriter, r *http.Request, p *ui.Pages)) http.Handler {
	t.Helper()
	files := fstest.MapFS{
		"trial.html": {Data: []byte(page)},
		"en.json":    {Data: []byte(`{"trial.title": "Trial", "trial.name": "Name", "trial.password": "Password", "trial.send": "Send", "trial.wrong": "Enter your name"}`)},
		"zh-Hant-HK.json": {Data: []byte(
			`{"trial.title": "試用", "trial.name": "姓名", "trial.password": "密碼", "trial.send": "提交", "trial.wrong": "請輸入姓名"}`)},
	}
	p, err := kit.Pages(files, files)
	if err != nil {
		t.Fatal(err)
	}
	return kit.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, p) }))
}

const trialForm = `<h1>{{t "trial.title"}}</h1><form class="form" method="post" novalidate>{{errors .Form}}
{{field .Form "name" "label" "trial.name"}}{{field .Form "password" "type" "password" "label" "trial.password"}}{{button "trial.send"}}</form>`

func TestLanguageAndThemeWorkWithoutJavaScript(t *testing.T) {
	kit := newKit(t)
	url := uitest.Server(t, kit, trial(t, kit, trialForm, func(w http.ResponseWriter, r *http.Request, p *ui.Pages) {
		p.Render(w, r, "trial", ui.View{Title: "trial.title"})
	}))
	tab := uitest.Browser(t).Tab(t, uitest.NoScript)
	tab.Open(url + "/somewhere?request=areq_1&lang=en")
	tab.WaitText("Trial")
	tab.ClickThrough("繁體中文")
	tab.WaitText("試用")
	if got := tab.URL(); got != url+"/somewhere?request=areq_1" {
		t.Errorf("the language button leads to %s", got)
	}
	background := func() (colour string) {
		tab.Eval(`getComputedStyle(document.body).backgroundColor`, &colour)
		return colour
	}
	light := background()
	tab.ClickThrough("深色")
	if background() == light {
		t.Errorf("dark is as light: %s", light)
	}
	tab.ClickThrough("跟隨裝置設定")
	if got := background(); got != light {
		t.Errorf("back to the system's is %s, not %s", got, light)
	}
	uitest.Audit(t, tab)
}

func TestThemeChangesAtOnceAndStays(t *testing.T) {
	kit := newKit(t)
	url := uitest.Server(t, kit, nil)
	tab := uitest.Browser(t).Tab(t)
	tab.Open(url + "/_dev/ui?page=signin")
	tab.Eval(`window.same = true`, nil)
	tab.Click("Dark")
	tab.Wait(`document.documentElement.dataset.theme === "dark" && window.same && document.querySelector("[value=dark]").getAttribute("aria-pressed") === "true"`)
	tab.Wait(`performance.getEntriesByType("resource").some(e => e.name.includes("/_ui/preferences") && e.responseEnd > 0)`)
	tab.Reload()
	tab.Wait(`document.documentElement.dataset.theme === "dark" && !window.same`)
}

func TestAFormIsSentOnce(t *testing.T) {
	kit := newKit(t)
	var sent atomic.Int32
	url := uitest.Server(t, kit, trial(t, kit, trialForm, func(w http.ResponseWriter, r *http.Request, p *ui.Pages) {
		if r.Method == "POST" {
			sent.Add(1)
			w.WriteHeader(http.StatusNoContent) // the browser stays on the page, so that one can look at it
			return
		}
		p.Render(w, r, "trial", ui.View{Title: "trial.title"})
	}))
	tab := uitest.Browser(t).Tab(t)
	tab.Open(url + "/form")
	tab.Fill("Password", "correct horse")
	tab.Click("Show password")
	tab.Wait(`document.querySelector("[name=password]").type === "text"`)
	tab.Click("Send")
	tab.Wait(`document.querySelector(".button").getAttribute("aria-busy") === "true"`)
	tab.Wait(`document.querySelector("[name=password]").type === "password"`)
	tab.Click("Send")
	tab.Click("Send")
	tab.Reload()
	if n := sent.Load(); n != 1 {
		t.Errorf("three clicks sent %d forms", n)
	}
}

func TestAFormComesBackWithItsMistakes(t *testing.T) {
	kit := newKit(t)
	url := uitest.Server(t, kit, trial(t, kit, trialForm, func(w http.ResponseWriter, r *http.Request, p *ui.Pages) {
		form := ui.PostedForm(r)
		if r.Method == "POST" && form.Value("name") == "" {
			form.Fail("name", "trial.wrong")
		}
		p.Render(w, r, "trial", ui.View{Title: "trial.title", Form: form})
	}))
	tab := uitest.Browser(t).Tab(t, uitest.Phone)
	tab.Open(url + "/form")
	tab.Fill("Password", "correct horse")
	tab.ClickThrough("Send")
	tab.WaitText("Enter your name")
	tab.Wait(`document.activeElement.matches("[data-errors]")`)
	if got := tab.Value("Password"); got != "" {
		t.Errorf("the password came back: %q", got)
	}
	uitest.Audit(t, tab)
	tab.Click("Enter your name")
	tab.Wait(`document.activeElement.name === "name"`)
}

func TestCodesAreCopied(t *testing.T) {
	kit := newKit(t)
	url := uitest.Server(t, kit, trial(t, kit, `<h1>{{t "trial.title"}}</h1>{{copy "acct_123"}}`, func(w http.ResponseWriter, r *http.Request, p *ui.Pages) {
		p.Render(w, r, "trial", ui.View{Title: "trial.title"})
	}))
	tab := uitest.Browser(t).Tab(t)
	tab.Open(url + "/")
	tab.Click("Copy")
	tab.Wait(`document.querySelector("[role=status]").textContent === "Copied" || getSelection().toString() === "acct_123"`)
}

// Chromium sends "Origin: null" from pages with no-referrer; the guard goes by Sec-Fetch-Site.
func TestFormsOfNoReferrerPagesPassTheGuard(t *testing.T) {
	kit := newKit(t)
	got := make(chan string, 1)
	url := uitest.Server(t, kit, trial(t, kit, trialForm, func(w http.ResponseWriter, r *http.Request, p *ui.Pages) {
		if r.Method == "POST" {
			got <- r.Header.Get("Origin") + " " + r.Header.Get("Sec-Fetch-Site") + " " + r.PostForm.Get("name") + r.Referer()
		}
		p.Render(w, r, "trial", ui.View{Title: "trial.title"})
	}))
	tab := uitest.Browser(t).Tab(t)
	tab.Open(url + "/reset/secret-token")
	tab.Fill("Name", "Ada")
	tab.ClickThrough("Send")
	if sent := <-got; sent != "null same-origin Ada" {
		t.Errorf("the browser sent %q", sent)
	}
}

func TestAnyBrandColourPassesTheAudit(t *testing.T) {
	url := uitest.Server(t, newKit(t), nil)
	tab := uitest.Browser(t).Tab(t)
	for _, colour := range []string{"ffd500", "ffffff", "000000", "808080", "7cfc00"} {
		tab.Open(url + "/_dev/ui?page=wizard&colour=" + colour)
		uitest.Audit(t, tab)
		if shots != "" {
			tab.Screenshot(filepath.Join(shots, "brand-"+colour+".png"))
			tab.SetDark(true)
			tab.Screenshot(filepath.Join(shots, "brand-"+colour+"-dark.png"))
			tab.SetDark(false)
		}
	}
}

func TestPartsOfAPageAreReplacedUnderThePolicy(t *testing.T) {
	kit := newKit(t)
	const page = `<h1>{{t "trial.title"}}</h1><form id="f" class="form" method="post" novalidate hx-post="/form" hx-select="#f" hx-swap="outerHTML">{{errors .Form}}
{{field .Form "name" "label" "trial.name"}}{{button "trial.send"}}</form>`
	var parts atomic.Int32
	url := uitest.Server(t, kit, trial(t, kit, page, func(w http.ResponseWriter, r *http.Request, p *ui.Pages) {
		form := ui.PostedForm(r)
		if r.Header.Get("HX-Request") != "" {
			parts.Add(1)
			form.Fail("name", "trial.wrong")
		}
		p.Render(w, r, "trial", ui.View{Title: "trial.title", Form: form})
	}))
	tab := uitest.Browser(t).Tab(t)
	tab.Open(url + "/form")
	tab.Eval(`window.same = true`, nil)
	for range 2 { // the second time the form that was swapped in
		tab.Click("Send")
		tab.Wait(`window.same && document.activeElement.matches("[data-errors]") && !document.querySelector("form[data-sent]")`)
		tab.Eval(`document.activeElement.blur()`, nil)
	}
	if n := parts.Load(); n != 2 {
		t.Errorf("%d parts were asked for", n)
	}
	uitest.Audit(t, tab)
}

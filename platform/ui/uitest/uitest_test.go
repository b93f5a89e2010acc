package uitest

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sluicepay/sluice/platform/ui"
)

// recorder is a test that may fail, to see that it does.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func serve(t *testing.T, html string) string {
	t.Helper()
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return Server(t, kit, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>x</title><main><h1>x</h1>`+html+`</main></html>`)
	}))
}

func TestAuditNoticesWhatItIsFor(t *testing.T) {
	for name, c := range map[string]struct{ html, want string }{
		"inline style":        {`<p style="color:red">x</p>`, "content policy"},
		"inline script":       {`<script>1</script>`, "content policy"},
		"inline handler":      {`<button onclick="x()">x</button>`, "content policy"},
		"foreign image":       {`<img alt="x" src="https://evil.example/x.png">`, "content policy"},
		"too wide":            {`<svg role="img" aria-label="x" width="600" height="5"></svg>`, "at 390 px: wider than the window"},
		"button without name": {`<button></button>`, "button-name"},
		"unreadable in dark":  {`<table bgcolor="#888888"><tr><td><font color="#777777">some words</font></td></tr></table>`, "dark: color-contrast"},
		"field without label": {`<input name="x">`, "label"},
		"missing asset":       {`<link rel="stylesheet" href="/_assets/nothing.css">`, "/_assets/nothing.css"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			tab := Browser(t).Tab(r)
			tab.Open(serve(t, c.html))
			Audit(r, tab)
			if !slices.ContainsFunc(r.failures, func(f string) bool { return strings.Contains(f, c.want) }) {
				t.Errorf("the audit said %q, want %q", r.failures, c.want)
			}
		})
	}
}

func TestViolationsCountWithoutJavaScript(t *testing.T) {
	r := &recorder{TB: t}
	tab := Browser(t).Tab(r, NoScript)
	tab.Open(serve(t, `<p style="color:red">x</p>`))
	tab.settle()
	if len(tab.Violations()) == 0 {
		t.Error("an inline style went unnoticed")
	}
}

func TestTabsHaveCookiesOfTheirOwn(t *testing.T) {
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	url := Server(t, kit, nil)
	first, second := Browser(t).Tab(t, Phone), Browser(t).Tab(t, Dark, Language("zh-HK"))
	first.Open(url + "/_dev/ui?page=signin&lang=en")
	second.Open(url + "/_dev/ui?page=signin")
	first.WaitText("Sign in")
	second.WaitText("登入")
	var width int
	first.Eval(`innerWidth`, &width)
	if width != 390 {
		t.Errorf("a phone is %d wide", width)
	}
	var dark bool
	second.Eval(`matchMedia("(prefers-color-scheme: dark)").matches`, &dark)
	if !dark {
		t.Error("the dark tab is light")
	}
}

func TestNothingOutsideThisMachineIsReached(t *testing.T) {
	r := &recorder{TB: t}
	tab := Browser(t).Tab(r)
	tab.Open(serve(t, ""))
	var failed bool
	tab.Eval(`(() => { try { const x = new XMLHttpRequest(); x.open("GET", "http://example.com/", false); x.send(); return false } catch { return true } })()`, &failed)
	if !failed {
		t.Error("a request went out")
	}
}

func TestBareTextIsFoundInTemplates(t *testing.T) {
	found, err := bareIn("x.html", `{{define "aside"}}<b>Aside</b>{{end}}<!-- comment --><p title="Shown" class="plain">{{t "key"}} and&nbsp;so {{if .X}}Yes{{else}}<i>·</i>{{end}}</p><a aria-label="{{t "x"}} more" href="/y">→ 12</a>`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"Aside", "Shown", "Yes", "and so", "more"}; !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}

func TestCataloguesOfASoundRoomPass(t *testing.T) {
	files := fstest.MapFS{
		"a.html":          {Data: []byte(`<h1>{{t "a.title"}}</h1><p>Sluice</p>`)},
		"en.json":         {Data: []byte(`{"a.title": "A"}`)},
		"zh-Hant-HK.json": {Data: []byte(`{"a.title": "甲"}`)},
	}
	Catalogues(t, files, files, "Sluice")
	r := &recorder{TB: t}
	Catalogues(r, files, files)
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], `"Sluice" stands in the template`) {
		t.Errorf("bare text: %q", r.failures)
	}
}

func TestKitAndStorybookHoldNoBareText(t *testing.T) {
	within := []string{`aria-describedby="`, `aria-invalid="true"`, `aria-required="true"`, "autofocus", "disabled"} // {{define "state-of"}} stands within a tag
	for _, found := range bareTexts(t, os.DirFS("../templates")) {
		if !slices.Contains(within, found.text) {
			t.Errorf("%s: %q", found.file, found.text)
		}
	}
	Catalogues(t, os.DirFS("../storybook"), os.DirFS("../storybook"), "po_0R3kXh7TqLw2mZ")
}

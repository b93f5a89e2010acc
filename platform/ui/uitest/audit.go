package uitest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sluicepay/sluice/platform/dev/npm"
)

// Audit holds the page that the tab shows against what every page must be: what Fits
// asks, and no violation of WCAG 2.2 A and AA, in light and dark. The tab is afterwards
// as before.
func Audit(t testing.TB, tab *Tab) {
	t.Helper()
	width, dark := tab.width, tab.dark
	where := tab.URL()
	if tab.noScript { // axe needs timers; scripts of the page itself do not run any more, they had to at load
		tab.run(emulation.SetScriptExecutionDisabled(false))
	}
	backgrounds := map[bool]string{}
	for _, d := range []bool{false, true} {
		for _, w := range []int64{phoneWidth, desktopWidth} {
			tab.emulate(w, d)
			rules := everyRule
			if d {
				rules = colourRules // themes differ in nothing else
			}
			for _, v := range tab.axe(rules) {
				t.Errorf("%s at %d px, %s: %s", where, w, schemeName(d), v)
			}
		}
		var background string
		tab.eval(`getComputedStyle(document.body).backgroundColor`, &background)
		backgrounds[d] = background
	}
	// The theme button must give the same colours as the system's setting, which were checked just now.
	tab.emulate(desktopWidth, false)
	var chosen string
	tab.eval(`(() => { const r = document.documentElement, was = r.dataset.theme; r.dataset.theme = "dark";
		const c = getComputedStyle(document.body).backgroundColor;
		if (was === undefined) delete r.dataset.theme; else r.dataset.theme = was; return c })()`, &chosen)
	var own string
	tab.eval(`document.documentElement.dataset.theme || (document.querySelector("[data-themes]") ? "" : "no button")`, &own)
	if own == "" && (chosen != backgrounds[true] || backgrounds[true] == backgrounds[false]) {
		t.Errorf("%s: light is %s, dark is %s, dark by button is %s", where, backgrounds[false], backgrounds[true], chosen)
	}
	tab.emulate(width, dark)
	if tab.noScript {
		tab.run(emulation.SetScriptExecutionDisabled(true))
	}
	Fits(t, tab)
}

// Fits is the part of an audit that depends on the words of a page: nothing is wider
// than the window at 390, 768 and 1440 pixels, and there is no breach of the content
// policy and no script error. It takes a fraction of the time; a page that is audited in one
// language needs no more in the other.
func Fits(t testing.TB, tab *Tab) {
	t.Helper()
	width, where := tab.width, tab.URL()
	if tab.noScript {
		tab.run(emulation.SetScriptExecutionDisabled(false))
	}
	for _, w := range []int64{phoneWidth, tabletWidth, desktopWidth} {
		tab.emulate(w, tab.dark)
		for _, o := range tab.overflowing() {
			t.Errorf("%s at %d px: wider than the window: %s", where, w, o)
		}
	}
	tab.emulate(width, tab.dark)
	if tab.noScript {
		tab.run(emulation.SetScriptExecutionDisabled(true))
	}
	tab.settle()
	for _, v := range tab.Violations() {
		t.Errorf("%s: content policy: %s", where, v)
	}
	for _, c := range tab.Complaints() {
		t.Errorf("%s: browser: %s", where, c)
	}
}

func schemeName(dark bool) string {
	if dark {
		return "dark"
	}
	return "light"
}

// overflowing lists elements that make the page scroll sideways.
func (tab *Tab) overflowing() []string {
	tab.t.Helper()
	var found []string
	tab.eval(`(() => {
		const r = document.documentElement;
		if (r.scrollWidth <= innerWidth) return [];
		const all = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
			.map(e => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? "." + e.className : ""));
		return all.length ? all.slice(0, 8) : ["page is " + r.scrollWidth + " px wide"];
	})()`, &found)
	return found
}

var axeSource = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	modules, err := npm.Modules(filepath.Join(root, "cmd", "sluice", "e2e", "node"))
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	return string(raw), err
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// What axe-core is asked for.
const (
	everyRule   = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]}`
	colourRules = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// axe runs rules of axe-core through the debugger, which the content policy does not bind.
func (tab *Tab) axe(rules string) []string {
	tab.t.Helper()
	source, err := axeSource()
	if err != nil {
		tab.t.Fatal(err)
	}
	run := `axe.run(document, {runOnly: ` + rules + `, resultTypes: ["violations"]})
		.then(r => JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => ({Rule: v.id, Help: v.help, HTML: n.html, Why: n.failureSummary})))))`
	var raw string
	var loaded bool
	tab.run(
		chromedp.Evaluate(`typeof axe === "object"`, &loaded),
		chromedp.ActionFunc(func(ctx context.Context) error {
			if loaded {
				return nil
			}
			return chromedp.Evaluate(`(() => {`+source+`; return 0 })()`, nil).Do(ctx)
		}),
		chromedp.Evaluate(run, &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	var nodes []struct{ Rule, Help, HTML, Why string }
	if err := json.Unmarshal([]byte(raw), &nodes); err != nil {
		tab.t.Fatal(err)
	}
	var found []string
	for _, n := range nodes {
		html := n.HTML
		if len(html) > 200 {
			html = html[:200] + "…"
		}
		found = append(found, fmt.Sprintf("%s (%s): %s\n\t%s", n.Rule, n.Help, html, strings.ReplaceAll(n.Why, "\n", "\n\t")))
	}
	return found
}

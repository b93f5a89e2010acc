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
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Tab is one page with cookies of its own. Its methods fail the test when what they
// look for does not come in time.
type Tab struct {
	t        testing.TB
	ctx      context.Context
	width    int64
	dark     bool
	noScript bool

	mu         sync.Mutex
	violations []string
	complaints []string
}

// TabOption says what kind of visitor it is.
type TabOption func(*settings)

type settings struct {
	width    int64
	dark     bool
	noScript bool
	language string
}

// The three widths that every page is looked at in.
const (
	phoneWidth   = 390
	tabletWidth  = 768
	desktopWidth = 1440
	viewHeight   = 900
)

// Phone is 390 pixels wide; without it a tab has 1440.
func Phone(s *settings) { s.width = phoneWidth }

// Tablet is 768 pixels wide.
func Tablet(s *settings) { s.width = tabletWidth }

// Dark is a visitor whose system is dark.
func Dark(s *settings) { s.dark = true }

// NoScript is a visitor without JavaScript.
func NoScript(s *settings) { s.noScript = true }

// Language is what the visitor's browser prefers, "zh-Hant-HK"; without it English.
func Language(tag string) TabOption { return func(s *settings) { s.language = tag } }

// patience is how long a page may take on a busy machine.
const patience = 20 * time.Second

// Tab opens a tab; it is closed when the test ends.
func (b *Chromium) Tab(t testing.TB, options ...TabOption) *Tab {
	t.Helper()
	s := settings{width: desktopWidth, language: "en"}
	for _, o := range options {
		o(&s)
	}
	visitor, id, err := b.visitor()
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	tab := &Tab{t: t, ctx: ctx, width: s.width, dark: s.dark, noScript: s.noScript}
	t.Cleanup(func() {
		tab.settle()
		cancel()
		b.forget(visitor)
		for _, v := range tab.Violations() {
			t.Errorf("content policy: %s", v)
		}
		for _, c := range tab.Complaints() {
			t.Errorf("browser: %s", c)
		}
	})
	if err := chromedp.Run(ctx); err != nil { // the first run, whose context the tab lives as long as
		t.Fatalf("browser: %v", err)
	}
	chromedp.ListenTarget(ctx, tab.hear)
	tab.run(
		log.Enable(), page.Enable(), network.Enable(), runtime.AddBinding(violationBinding),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(violationListener).Do(ctx)
			return err
		}),
		network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": s.language}),
		emulation.SetScriptExecutionDisabled(s.noScript),
	)
	tab.emulate(s.width, s.dark)
	return tab
}

const violationBinding = "uitestPolicyViolation"

const violationListener = `document.addEventListener("securitypolicyviolation", e =>
	` + violationBinding + `(e.violatedDirective + " refused " + (e.blockedURI || "inline") + " on " + location.pathname + " " + e.sample))`

// hear collects what the browser complains about.
func (tab *Tab) hear(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventBindingCalled:
		if e.Name == violationBinding {
			tab.violations = append(tab.violations, e.Payload)
		}
	case *log.EventEntryAdded:
		switch {
		case strings.Contains(e.Entry.Text, "Content Security Policy"):
			tab.violations = append(tab.violations, e.Entry.Text)
		case e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork:
			tab.complaints = append(tab.complaints, e.Entry.Text)
		case e.Entry.Level == log.LevelError && strings.Contains(e.Entry.URL, "/_assets/"):
			tab.complaints = append(tab.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		tab.complaints = append(tab.complaints, e.ExceptionDetails.Error())
	}
}

// Violations are the breaches of the content policy so far.
func (tab *Tab) Violations() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.violations...)
}

// Complaints are script errors and missing assets so far.
func (tab *Tab) Complaints() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.complaints...)
}

// Open goes to an address and waits until it is loaded.
func (tab *Tab) Open(url string) {
	tab.t.Helper()
	tab.run(chromedp.Navigate(url))
}

// Reload asks for the page again.
func (tab *Tab) Reload() {
	tab.t.Helper()
	tab.run(chromedp.Reload())
}

// Back is the browser's button.
func (tab *Tab) Back() {
	tab.t.Helper()
	tab.run(chromedp.NavigateBack())
}

// URL is where the tab is.
func (tab *Tab) URL() string {
	tab.t.Helper()
	var url string
	tab.eval(`location.href`, &url)
	return url
}

// Text is what can be read on the page.
func (tab *Tab) Text() string {
	tab.t.Helper()
	var text string
	tab.eval(`document.body ? document.body.innerText : ""`, &text)
	return text
}

// WaitText waits until the page shows a text.
func (tab *Tab) WaitText(text string) {
	tab.t.Helper()
	tab.wait("text "+quoted(text), `document.readyState !== "loading" && !!document.body && document.body.innerText.includes(`+quoted(text)+`)`)
}

// WaitURL waits until the address contains a part.
func (tab *Tab) WaitURL(part string) {
	tab.t.Helper()
	tab.wait("address with "+quoted(part), `document.readyState !== "loading" && location.href.includes(`+quoted(part)+`)`)
}

// Wait waits until a JavaScript expression is true; it works without the page's JavaScript, too.
func (tab *Tab) Wait(expression string) {
	tab.t.Helper()
	tab.wait(expression, expression)
}

// Eval reads a JavaScript expression into a value.
func (tab *Tab) Eval(expression string, into any) {
	tab.t.Helper()
	tab.eval(expression, into)
}

// Fill types into a field, by its label or name. For a select it chooses, by text or value.
func (tab *Tab) Fill(field, value string) {
	tab.t.Helper()
	find := `uitest.field(` + quoted(field) + `)`
	tab.wait("field "+quoted(field), `!!`+find)
	var kind string
	tab.eval(`(e => { e.scrollIntoView({block: "center"}); e.focus(); if (e.select) e.select(); return e.tagName === "SELECT" ? "select" : "input" })(`+find+`)`, &kind)
	if kind == "select" {
		var chosen bool
		tab.eval(`(e => {
			const o = [...e.options].find(o => o.text.trim() === `+quoted(value)+` || o.value === `+quoted(value)+`);
			if (!o) return false;
			e.value = o.value;
			e.dispatchEvent(new Event("input", {bubbles: true}));
			e.dispatchEvent(new Event("change", {bubbles: true}));
			return true })(`+find+`)`, &chosen)
		if !chosen {
			tab.t.Fatalf("select %q has no option %q", field, value)
		}
		return
	}
	if value == "" {
		tab.eval(find+`.value = ""`, nil)
		return
	}
	tab.run(chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(value).Do(ctx) }))
}

// Value is what a field holds.
func (tab *Tab) Value(field string) string {
	tab.t.Helper()
	find := `uitest.field(` + quoted(field) + `)`
	tab.wait("field "+quoted(field), `!!`+find)
	var value string
	tab.eval(find+`.value`, &value)
	return value
}

// Attach chooses a file in an upload field, by its label or name.
func (tab *Tab) Attach(field, path string) {
	tab.t.Helper()
	tab.wait("field "+quoted(field), `!!uitest.field(`+quoted(field)+`)`)
	var id string
	tab.eval(`uitest.field(`+quoted(field)+`).id`, &id)
	tab.run(chromedp.SetUploadFiles("#"+id, []string{path}, chromedp.ByQuery))
}

// Check ticks a checkbox or chooses a radio card, by its label.
func (tab *Tab) Check(label string) {
	tab.t.Helper()
	find := `uitest.field(` + quoted(label) + `)`
	tab.wait("choice "+quoted(label), `!!`+find)
	tab.click(find)
	tab.wait("choice "+quoted(label)+" to be chosen", find+`.checked`)
}

// Click presses a button, link or summary, by its text: the whole of it, or else a part.
func (tab *Tab) Click(text string) {
	tab.t.Helper()
	find := `uitest.control(` + quoted(text) + `)`
	tab.wait("button or link "+quoted(text), `!!`+find)
	tab.click(find)
}

// ClickThrough is Click, and waits for the page that it leads to.
func (tab *Tab) ClickThrough(text string) {
	tab.t.Helper()
	before := tab.document()
	tab.Click(text)
	tab.waitFor("a page after "+quoted(text), func() bool { return tab.document() != before })
	tab.wait("the page after "+quoted(text)+" to load", `document.readyState === "complete"`)
}

// click presses the middle of an element, as a hand would: what lies over it gets it.
func (tab *Tab) click(find string) {
	tab.t.Helper()
	var at struct{ X, Y float64 }
	tab.eval(`(e => { e.scrollIntoView({block: "center"}); const r = (e.getClientRects()[0] || e.getBoundingClientRect()); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })(`+find+`)`, &at)
	tab.run(chromedp.MouseClickXY(at.X, at.Y))
}

// document is another one after every navigation.
func (tab *Tab) document() string {
	tab.t.Helper()
	var loader string
	tab.run(chromedp.ActionFunc(func(ctx context.Context) error {
		tree, err := page.GetFrameTree().Do(ctx)
		if err == nil {
			loader = tree.Frame.LoaderID.String()
		}
		return err
	}))
	return loader
}

// SetWidth makes the tab wider or narrower.
func (tab *Tab) SetWidth(width int) {
	tab.t.Helper()
	tab.emulate(int64(width), tab.dark)
}

// SetDark changes the visitor's system.
func (tab *Tab) SetDark(dark bool) {
	tab.t.Helper()
	tab.emulate(tab.width, dark)
}

func (tab *Tab) emulate(width int64, dark bool) {
	tab.t.Helper()
	tab.width, tab.dark = width, dark
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	tab.run(
		emulation.SetDeviceMetricsOverride(width, viewHeight, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}, // colours are measured at once, not halfway
		}),
	)
}

// Passkeys gives the tab an authenticator that says yes to everything. Passkeys belong to
// domains: open the server as http://localhost:port, not by number.
func (tab *Tab) Passkeys() {
	tab.t.Helper()
	tab.run(webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
}

// Screenshot writes the whole page to a PNG file.
func (tab *Tab) Screenshot(path string) {
	tab.t.Helper()
	var png []byte
	tab.run(chromedp.FullScreenshot(&png, 100))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		tab.t.Fatal(err)
	}
	tab.emulate(tab.width, tab.dark)
}

// Context is chromedp's, for what has no method here.
func (tab *Tab) Context() context.Context { return tab.ctx }

// settle lets events arrive that were sent before: the browser answers in order.
func (tab *Tab) settle() {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Evaluate(`1`, nil))
}

func (tab *Tab) run(actions ...chromedp.Action) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		for _, a := range actions {
			if err := a.Do(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
	if err != nil {
		tab.t.Fatalf("browser: %v", err)
	}
}

// eval brings the finders along: a new page has forgotten them.
func (tab *Tab) eval(expression string, into any) {
	tab.t.Helper()
	if err := tab.try(expression, into); err != nil {
		tab.t.Fatalf("%s: %v", expression, err)
	}
}

func (tab *Tab) try(expression string, into any) error {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	source := finders + "; JSON.stringify((" + expression + ") ?? null)"
	var raw string
	if err := chromedp.Run(ctx, chromedp.Evaluate(source, &raw)); err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal([]byte(raw), into)
}

func (tab *Tab) wait(what, expression string) {
	tab.t.Helper()
	tab.waitFor(what, func() bool {
		var yes bool
		return tab.try(expression, &yes) == nil && yes // while one page replaces another there is nothing to ask
	})
}

// waitFor asks again and again, and at the end says what there was instead.
func (tab *Tab) waitFor(what string, there func() bool) {
	tab.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		if time.Now().After(deadline) {
			var page string // may be between two pages, and say nothing
			_ = tab.try(`location.href + ", which says:\n" + (document.body ? document.body.innerText : "")`, &page)
			tab.t.Fatalf("no %s within %s on %s", what, patience, page)
		}
		select {
		case <-tick.C:
		case <-tab.ctx.Done():
			tab.t.Fatalf("the browser has ended while waiting for %s", what)
		}
	}
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprint("uitest: ", err)) // strings always marshal
	}
	return string(raw)
}

// finders find what a person would: by label and by text, among what is visible.
const finders = `var uitest = (() => {
	const clean = s => (s || "").replace(/\s+/g, " ").trim();
	const visible = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
	const best = (all, text, of) => all.find(e => of(e) === text) || all.find(e => of(e).includes(text));
	const field = text => {
		const named = [...document.querySelectorAll("input, select, textarea")].filter(e => e.type !== "hidden" && e.name === text && (visible(e) || e.type === "file"));
		if (named.length) return named[0];
		const label = best([...document.querySelectorAll("label")].filter(visible), text, e => clean((e.querySelector(".radio-label") || e).innerText));
		if (label && label.control) return label.control;
		return [...document.querySelectorAll("[aria-label]")].find(e => "value" in e && e.tagName !== "BUTTON" && e.getAttribute("aria-label") === text) || null;
	};
	const control = text => best([...document.querySelectorAll("button, a[href], summary, [role=button], input[type=submit]")].filter(visible), text,
		e => clean(e.innerText) || clean(e.getAttribute("aria-label")) || clean(e.value)) || null;
	return {field, control};
})()`

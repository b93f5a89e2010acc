package ui

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func newKit(t testing.TB) *Kit {
	t.Helper()
	k, err := New(Config{Dev: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func get(t testing.TB, h http.Handler, url string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// room makes pages from text.
func room(t testing.TB, k *Kit, templates map[string]string, english, chinese string) (*Pages, error) {
	t.Helper()
	all := fstest.MapFS{"en.json": {Data: []byte(english)}, "zh-Hant-HK.json": {Data: []byte(chinese)}}
	for name, text := range templates {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return k.Pages(all, all)
}

var (
	inlineStyle  = regexp.MustCompile(`(?i)<style|\sstyle=`)
	inlineScript = regexp.MustCompile(`(?i)\son[a-z]+=|<script[^>]*>[^<]|javascript:|hx-on`)
)

func TestEveryComponentRendersInBothLanguagesWithNothingInline(t *testing.T) {
	k := newKit(t)
	for _, page := range []string{"", "signin", "consent", "wizard", "account", "error"} {
		texts := map[Locale]string{}
		for _, l := range Locales {
			w := get(t, k.Handler(), "/_dev/ui?page="+page+"&lang="+string(l))
			if want := map[bool]int{true: 404, false: 200}[page == "error"]; w.Code != want {
				t.Fatalf("%s in %s: %d %s", page, l, w.Code, w.Body)
			}
			body := w.Body.String()
			texts[l] = body
			if !strings.HasSuffix(strings.TrimSpace(body), "</html>") || !strings.Contains(body, `<html lang="`+string(l)+`"`) {
				t.Errorf("%s in %s is not a whole page in that language", page, l)
			}
			if m := inlineStyle.FindString(body); m != "" {
				t.Errorf("%s in %s has inline style: %s", page, l, m)
			}
			if m := inlineScript.FindString(body); m != "" {
				t.Errorf("%s in %s has inline script: %s", page, l, m)
			}
			for _, bad := range []string{"ZgotmplZ", "<no value>", "%!", "&lt;"} {
				if strings.Contains(body, bad) {
					t.Errorf("%s in %s shows %s", page, l, bad)
				}
			}
		}
		if texts[English] == texts[Chinese] {
			t.Errorf("%s is the same in both languages", page)
		}
	}
}

func TestEveryPageHasStrictHeaders(t *testing.T) {
	dev, err := New(Config{Dev: false, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/_dev/ui", "/_dev/ui?page=error", "/_dev/ui?a=1&a=2"} {
		h := get(t, dev.Handler(), path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy":      contentSecurity,
			"X-Frame-Options":              "DENY",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cache-Control":                "no-store",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy":           permissions,
			"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
			"Content-Type":                 "text/html; charset=utf-8",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, loose := range []string{"unsafe", "data:", "*", "http:", "https:"} {
		if strings.Contains(contentSecurity, loose) {
			t.Errorf("the policy has %s", loose)
		}
	}
	if h := get(t, newKit(t).Handler(), "/_dev/ui").Header(); h.Get("Strict-Transport-Security") != "" {
		t.Error("a development server pins the browser to https")
	}
}

func TestFormActionNamesOnlyOrigins(t *testing.T) {
	k := newKit(t)
	for place, want := range map[string]string{
		"https://shop.example/callback?x=1":    " https://shop.example",
		"http://127.0.0.1:8080/cb":             " http://127.0.0.1:8080",
		"com.example.app:/callback":            " com.example.app:",
		"https://shop.example; script-src *":   "",
		"https://*.example":                    "",
		"javascript:alert(1)":                  "",
		"data:text/html,x":                     "",
		"/local":                               "",
		"https://user@shop.example/":           "",
		"https://shop.example%0a;script-src/x": "",
		"":                                     "",
	} {
		w := httptest.NewRecorder()
		k.pageHeaders(w, place)
		if got, want := w.Header().Get("Content-Security-Policy"), contentSecurity+want; got != want {
			t.Errorf("%q gives %q", place, strings.TrimPrefix(got, contentSecurity))
		}
	}
}

func TestPagesRefuseMistakesAtStart(t *testing.T) {
	k := newKit(t)
	const sound = `{"a.title": "A", "a.hello": "Hello {name}"}`
	const chinese = `{"a.title": "甲", "a.hello": "你好，{name}"}`
	for name, c := range map[string]struct{ page, english, chinese, want string }{
		"sound":                {`<h1>{{t "a.title"}}</h1>`, sound, chinese, ""},
		"unknown key":          {`{{t "a.titel"}}`, sound, chinese, `no text for key "a.titel"`},
		"unknown key in if":    {`{{if .Data}}{{else}}{{t "a.titel"}}{{end}}`, sound, chinese, `no text for key "a.titel"`},
		"unknown label":        {`{{field .Form "x" "label" "a.nothing"}}`, sound, chinese, `no text for key "a.nothing"`},
		"unknown button key":   {`{{button "a.nothing"}}`, sound, chinese, `no text for key "a.nothing"`},
		"unknown option":       {`{{field .Form "x" "lable" "a.title"}}`, sound, chinese, `knows no "lable"`},
		"unknown icon":         {`{{icon "unicorn"}}`, sound, chinese, `no icon "unicorn"`},
		"unknown script":       {`{{script "x.js"}}`, sound, chinese, `no script "x.js"`},
		"unknown component":    {`{{fieldset "x"}}`, sound, chinese, `function "fieldset" not defined`},
		"key in one language":  {`x`, sound, `{"a.title": "甲"}`, `zh-Hant-HK has no "a.hello"`},
		"other placeholders":   {`x`, sound, `{"a.title": "甲", "a.hello": "你好，{nmae}"}`, `other placeholders`},
		"kit's key":            {`x`, `{"ui.copy": "X"}`, `{"ui.copy": "X"}`, `the kit's own`},
		"empty text":           {`x`, `{"a.title": " "}`, `{"a.title": "甲"}`, `has no text`},
		"key in an aside":      {`{{define "aside"}}{{t "a.nothing"}}{{end}}x`, sound, chinese, `no text for key "a.nothing"`},
		"key in parentheses":   {`{{alert "info" "body" (t "a.nothing")}}`, sound, chinese, `no text for key "a.nothing"`},
		"catalogue with a gap": {`x`, `{"a.title": 3}`, chinese, `catalogue en.json`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := room(t, k, map[string]string{"a.html": c.page}, c.english, c.chinese)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Pages: %v, want %q", err, c.want)
			}
		})
	}
}

func TestTextsFillTheirPlaceholdersAndEscape(t *testing.T) {
	k := newKit(t)
	p, err := room(t, k, map[string]string{
		"plain.html": `{{t "a.hello" "name" .Data}}`,
		"link.html":  `{{t "a.hello" "name" (link "/terms" "a.title")}}`,
		"both.html":  `{{t "a.two" "name" .Data "link" (strong "<b>")}}`,
		"less.html":  `{{t "a.hello"}}`,
		"more.html":  `{{t "a.title" "name" "x"}}`,
	}, `{"a.title": "Terms & more", "a.hello": "Hello {name} <3", "a.two": "{name} and {link}"}`,
		`{"a.title": "條款", "a.hello": "你好 {name} <3", "a.two": "{link}、{name}"}`)
	if err != nil {
		t.Fatal(err)
	}
	show := func(name string) (int, string) {
		w := httptest.NewRecorder()
		p.Render(w, httptest.NewRequest("GET", "/", nil), name, View{Data: `<script>"&`})
		_, body, _ := strings.Cut(w.Body.String(), `flow-card">`)
		body, _, _ = strings.Cut(body, "</div>")
		return w.Code, strings.TrimSpace(body)
	}
	for name, want := range map[string]string{
		"plain": `Hello &lt;script&gt;&#34;&amp; &lt;3`,
		"link":  `Hello <a href="/terms">Terms &amp; more</a> &lt;3`,
		"both":  `&lt;script&gt;&#34;&amp; and <strong>&lt;b&gt;</strong>`,
	} {
		if code, got := show(name); code != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", name, code, got, want)
		}
	}
	for _, name := range []string{"less", "more", "nowhere"} {
		if code, _ := show(name); code != 500 {
			t.Errorf("%s: %d, want the error page", name, code)
		}
	}
	if got := p.Text(Chinese, "a.hello", "name", "Ada"); got != "你好 Ada <3" {
		t.Errorf("Text = %q", got)
	}
}

func TestAPageThatFailsLeavesNoHalfPage(t *testing.T) {
	k := newKit(t)
	p, err := room(t, k, map[string]string{"a.html": `<p>secret half</p>{{.Data.Nothing}}`}, `{"a": "A"}`, `{"a": "甲"}`)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Request-Id", "req_123")
	p.Render(w, httptest.NewRequest("GET", "/", nil), "a", View{Data: map[string]any{}})
	body := w.Body.String()
	if w.Code != 500 || strings.Contains(body, "secret half") || !strings.Contains(body, "That did not work") || !strings.Contains(body, "req_123") {
		t.Errorf("%d %s", w.Code, body)
	}
}

func TestErrorPageSaysWhatWhyNextAndRequestID(t *testing.T) {
	k := newKit(t)
	p, err := room(t, k, map[string]string{"a.html": "x"},
		`{"gone.title": "This link has expired", "gone.body": "Links work once.", "gone.action": "Get a new link"}`,
		`{"gone.title": "連結已失效", "gone.body": "連結只可使用一次。", "gone.action": "取得新連結"}`)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Request-Id", "req_9")
	p.ErrorPage(w, httptest.NewRequest("GET", "/?lang=zh-HK", nil), 410, "gone", "https://shop.example/refresh", View{Brand: Brand{Name: "TutorHub"}, Testmode: true})
	for _, want := range []string{"連結已失效", "連結只可使用一次。", `href="https://shop.example/refresh"`, "取得新連結", "req_9", "TutorHub", "測試模式"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if w.Code != 410 {
		t.Errorf("status %d", w.Code)
	}
}

func TestHTMXComesOnlyWithPagesThatUseIt(t *testing.T) {
	k := newKit(t)
	p, err := room(t, k, map[string]string{"plain.html": `<p></p>`, "live.html": `<div hx-get="/x"></div>`}, `{"a": "A"}`, `{"a": "甲"}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"plain": false, "live": true} {
		w := httptest.NewRecorder()
		p.Render(w, httptest.NewRequest("GET", "/", nil), name, View{})
		if got := strings.Contains(w.Body.String(), "htmx.min-"); got != want {
			t.Errorf("%s: htmx is there: %v", name, got)
		}
		if got := strings.Contains(w.Body.String(), `"allowEval":false,"includeIndicatorStyles":false`); got != want {
			t.Errorf("%s: htmx is configured: %v", name, got)
		}
	}
}

func TestRoomScriptsAreAssets(t *testing.T) {
	k := newKit(t)
	p, err := room(t, k, map[string]string{"a.html": `{{script "passkey.js"}}`, "passkey.js": "'use strict'"}, `{"a": "A"}`, `{"a": "甲"}`)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.Render(w, httptest.NewRequest("GET", "/", nil), "a", View{})
	src := regexp.MustCompile(`/_assets/passkey-[0-9a-f]{12}\.js`).FindString(w.Body.String())
	if a := get(t, k.Handler(), src); src == "" || a.Code != 200 || a.Body.String() != "'use strict'" {
		t.Errorf("script %q: %v", src, a)
	}
}

func TestAssetsAreHashedImmutableAndCompressed(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{"app.css", "app.js", "htmx.min.js", "icons.svg", "inter.woff2", "favicon.svg", "favicon-test.svg"} {
		url := k.assets.url(name)
		if !regexp.MustCompile(`^/_assets/[a-z.-]+-[0-9a-f]{12}\.[a-z0-9]+$`).MatchString(url) {
			t.Errorf("%s is at %q", name, url)
		}
		plain := get(t, k.Handler(), url)
		packed := get(t, k.Handler(), url, "Accept-Encoding", "br, gzip")
		if plain.Code != 200 || plain.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", name, plain.Code, plain.Header())
		}
		if name == "inter.woff2" {
			continue
		}
		if packed.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed", name)
			continue
		}
		r, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if unpacked, err := io.ReadAll(r); err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
			t.Errorf("%s differs when compressed: %v", name, err)
		}
		if refused := get(t, k.Handler(), url, "Accept-Encoding", "gzip;q=0"); refused.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed for who refuses it", name)
		}
	}
	for _, url := range []string{"/_assets/app.css", "/_assets/", "/_assets/..%2fkit.go", "/_assets/app-000000000000.css"} {
		if w := get(t, k.Assets(), url); w.Code != 404 {
			t.Errorf("%s: %d", url, w.Code)
		}
	}
	if css := string(k.assets.byName["app.css"].body); !strings.Contains(css, `url("`+k.assets.url("inter.woff2")+`")`) {
		t.Error("the stylesheet does not load the font")
	}
}

// The budget: what a first visit costs. Raise it with a reason, in this line.
func TestFirstVisitStaysWithinItsBudget(t *testing.T) {
	k := newKit(t)
	if n := len(k.assets.byName["app.css"].body); n > 45_000 {
		t.Errorf("the stylesheet has %d bytes", n)
	}
	if n := len(k.assets.byName["app.js"].body); n > 8_000 {
		t.Errorf("app.js has %d bytes", n)
	}
	total := 0
	for _, name := range []string{"app.css", "app.js", "icons.svg", "favicon.svg", "inter.woff2", "htmx.min.js"} {
		it := k.assets.byName[name]
		total += min(len(it.body), max(len(it.gzipped), len(it.body)*map[bool]int{true: 1, false: 0}[it.gzipped == nil]))
	}
	if total > 100_000 {
		t.Errorf("a first visit transfers %d bytes of assets", total)
	}
}

func TestVendoredFilesHaveTheirLicences(t *testing.T) {
	notices, err := fs.ReadFile(files, "static/NOTICES.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"htmx", "lucide", "inter"} {
		if _, err := fs.Stat(files, "static/"+dir+"/LICENSE"); err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(notices), dir+"/") {
			t.Errorf("NOTICES.md does not name %s/", dir)
		}
	}
}

func TestLanguageIsAskedChosenPreferredInThisOrder(t *testing.T) {
	request := func(query, cookie, accept string) *http.Request {
		r := httptest.NewRequest("GET", "/"+query, nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: langCookie, Value: cookie})
		}
		if accept != "" {
			r.Header.Set("Accept-Language", accept)
		}
		return r
	}
	for _, c := range []struct {
		query, cookie, accept string
		want                  Locale
	}{
		{"", "", "", English},
		{"", "", "fr-FR, de;q=0.8", English},
		{"", "", "fr-FR, zh-HK;q=0.8, en;q=0.7", Chinese},
		{"", "", "en-GB, zh-HK;q=0.8", English},
		{"", "", "zh-TW", Chinese},
		{"", "", "zh-CN", Chinese},
		{"", "", "yue-Hant-HK", Chinese},
		{"", "", ";;;", English},
		{"", "zh-Hant-HK", "en", Chinese},
		{"", "nonsense", "zh-HK", Chinese},
		{"?lang=en", "zh-Hant-HK", "zh-HK", English},
		{"?lang=zh_HK", "en", "en", Chinese},
		{"?lang=fr", "zh-Hant-HK", "en", Chinese},
	} {
		if got := LocaleOf(request(c.query, c.cookie, c.accept)); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestPreferencesLeadBackToThisServerOnly(t *testing.T) {
	k := newKit(t)
	for back, want := range map[string]string{
		"/sign-in?request=areq_1": "/sign-in?request=areq_1",
		"//evil.example":          "/",
		`/\evil.example`:          "/",
		"/\t/evil.example":        "/",
		"https://evil.example":    "/",
		"javascript:alert(1)":     "/",
		"":                        "/",
	} {
		w := post(k.Handler(), "/_ui/preferences", url.Values{"theme": {"dark"}, "return": {back}})
		if w.Code != 303 || w.Header().Get("Location") != want {
			t.Errorf("%q: %d to %q", back, w.Code, w.Header().Get("Location"))
		}
	}
	w := post(k.Handler(), "/_ui/preferences", url.Values{"lang": {"zh-Hant-HK"}, "theme": {"dark"}, "return": {"/"}})
	var got []string
	for _, c := range w.Result().Cookies() {
		got = append(got, c.Name+"="+c.Value)
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("cookie %s is open: %+v", c.Name, c)
		}
	}
	if strings.Join(got, " ") != "sluice_lang=zh-Hant-HK sluice_theme=dark" {
		t.Errorf("cookies %v", got)
	}
	if w := post(k.Handler(), "/_ui/preferences", url.Values{"lang": {"xx"}, "theme": {"<script>"}}); len(w.Result().Cookies()) != 0 {
		t.Error("nonsense is remembered")
	}
}

func TestThemeIsInThePageBeforeItShows(t *testing.T) {
	k := newKit(t)
	for cookie, want := range map[string]string{"dark": ` data-theme="dark"`, "light": ` data-theme="light"`, "system": "", `"><script>`: ""} {
		body := get(t, k.Handler(), "/_dev/ui?page=signin", "Cookie", themeCookie+"="+cookie).Body.String()
		if !strings.Contains(body, `<html lang="en"`+want+`>`) {
			t.Errorf("theme %q: %s", cookie, body[:80])
		}
	}
}

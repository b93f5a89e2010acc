package ui

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

func post(h http.Handler, target string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestGuardLetsNothingDoubtfulThrough(t *testing.T) {
	k := newKit(t)
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, method, target, contentType, body string
		headers                                 []string
		want                                    int
	}{
		{name: "a form", method: "POST", target: "/?request=1", contentType: form, body: "a=1&b=2", want: 200},
		{name: "a form with charset", method: "POST", target: "/", contentType: form + "; charset=UTF-8", body: "a=1", want: 200},
		{name: "a form without fields", method: "POST", target: "/", want: 200},
		{name: "reading", method: "GET", target: "/?a=1&b=2", want: 200},
		{name: "a list", method: "POST", target: "/", contentType: form, body: "a[]=1&a[]=2", want: 200},
		{name: "one name twice in the body", method: "POST", target: "/", contentType: form, body: "a=1&a=2", want: 400},
		{name: "one name twice in the query", method: "GET", target: "/?a=1&a=2", want: 400},
		{name: "one name in query and body", method: "POST", target: "/?a=1", contentType: form, body: "a=2", want: 400},
		{name: "JSON for a form", method: "POST", target: "/", contentType: "application/json", body: `{}`, want: 400},
		{name: "text for a form", method: "POST", target: "/", contentType: "text/plain", body: `a=1`, want: 400},
		{name: "nothing named", method: "POST", target: "/", body: `a=1`, want: 400},
		{name: "files for a form", method: "POST", target: "/", contentType: "multipart/form-data; boundary=x", body: "--x--", want: 400},
		{name: "NUL", method: "POST", target: "/", contentType: form, body: "a=%00", want: 400},
		{name: "not UTF-8", method: "POST", target: "/", contentType: form, body: "a=%ff", want: 400},
		{name: "not UTF-8 in a name", method: "GET", target: "/?%ff=1", want: 400},
		{name: "broken escapes", method: "POST", target: "/", contentType: form, body: "a=%zz", want: 400},
		{name: "semicolons", method: "GET", target: "/?a=1;b=2", want: 400},
		{name: "too large", method: "POST", target: "/", contentType: form, body: "a=" + strings.Repeat("x", 64<<10), want: 400},
		{name: "a body on GET", method: "GET", target: "/", contentType: form, body: "a=1", want: 400},
		{name: "PUT", method: "PUT", target: "/", contentType: form, body: "a=1", want: 405},
		{name: "DELETE", method: "DELETE", target: "/", want: 405},
		{name: "from another site", method: "POST", target: "/", contentType: form, body: "a=1", headers: []string{"Sec-Fetch-Site", "cross-site"}, want: 403},
		{name: "from a sibling site", method: "POST", target: "/", contentType: form, body: "a=1", headers: []string{"Sec-Fetch-Site", "same-site"}, want: 403},
		{name: "from another origin, old browser", method: "POST", target: "/", contentType: form, body: "a=1", headers: []string{"Origin", "https://evil.example"}, want: 403},
		{name: "from nowhere, old browser", method: "POST", target: "/", contentType: form, body: "a=1", headers: []string{"Origin", "null"}, want: 403},
		{name: "link from another site", method: "GET", target: "/", headers: []string{"Sec-Fetch-Site", "cross-site"}, want: 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			reached := false
			h := k.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached = true }))
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
			if c.contentType != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Set(c.headers[i], c.headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.want || reached != (c.want == 200) {
				t.Errorf("%d, reached the handler: %v; want %d", w.Code, reached, c.want)
			}
			if w.Header().Get("Content-Security-Policy") != contentSecurity {
				t.Error("the answer has no policy")
			}
		})
	}
}

func TestGuardTakesFilesWhereAsked(t *testing.T) {
	k := newKit(t)
	send := func(limit int64, names ...string) (int, string) {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		_ = m.WriteField("purpose", "identity_document")
		for _, name := range names {
			f, err := m.CreateFormFile(name, "id.png")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.Write(bytes.Repeat([]byte("x"), 1000))
		}
		_ = m.Close()
		got := ""
		h := k.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.PostForm.Get("purpose") }), AcceptFiles(limit))
		r := httptest.NewRequest("POST", "/", &body)
		r.Header.Set("Content-Type", m.FormDataContentType())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, got
	}
	if code, got := send(10_000, "file"); code != 200 || got != "identity_document" {
		t.Errorf("a file: %d %q", code, got)
	}
	for name, names := range map[string][]string{"one name twice": {"file", "file"}, "a field's name": {"purpose"}} {
		if code, _ := send(10_000, names...); code != 400 {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := send(500, "file"); code != 400 {
		t.Errorf("too large: %d", code)
	}
}

// net/http removes the files of the request that it made itself. Whoever routes or
// observes hands on a copy, so that nobody would remove ours: people's passports
// would stay on the disk in the clear.
func TestUploadsAreGoneFromTheDiskWithTheirRequest(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	k := newKit(t)
	there := 0
	h := k.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		files, _ := os.ReadDir(dir)
		there = len(files)
	}), AcceptFiles(10<<20))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(r.Context())) }))
	for name, names := range map[string][]string{"taken": {"front"}, "refused": {"front", "front"}} {
		there = 0
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		for _, name := range names {
			f, err := m.CreateFormFile(name, "passport.png")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.Write(bytes.Repeat([]byte("x"), 2<<20))
		}
		_ = m.Close()
		answer, err := http.Post(server.URL, m.FormDataContentType(), &body)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if name == "taken" && there == 0 {
			t.Error("nothing was kept on the disk: this test shows nothing")
		}
	}
	server.Close() // waits for what the handlers still do
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestFormKeepsWhatWasTypedButNoPassword(t *testing.T) {
	k := newKit(t)
	p, err := room(t, k, map[string]string{"a.html": `{{errors .Form}}{{field .Form "email" "label" "a.l"}}{{field .Form "password" "type" "password" "label" "a.l"}}{{field .Form "iban" "secret" true "label" "a.l"}}`},
		`{"a.l": "Label", "a.wrong": "Wrong: {what}"}`, `{"a.l": "標籤", "a.wrong": "錯誤：{what}"}`)
	if err != nil {
		t.Fatal(err)
	}
	var form *Form
	h := k.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form = PostedForm(r)
		form.Fail("email", "a.wrong", "what", "<x>")
		form.Fail("email", "a.wrong", "what", "second")
		p.Render(w, r, "a", View{Form: form})
	}))
	w := post(h, "/", url.Values{"email": {"  ada@example.com "}, "password": {" hunter2 "}, "iban": {"GB82WEST12345698765432"}})
	body := w.Body.String()
	if w.Code != 422 || form.Value("email") != "ada@example.com" || form.Value("password") != " hunter2 " {
		t.Errorf("%d %q %q", w.Code, form.Value("email"), form.Value("password"))
	}
	for _, want := range []string{
		`value="ada@example.com"`, `aria-invalid="true"`, `aria-describedby="email-error"`, `id="email-error"`, `Wrong: &lt;x&gt;`, `href="#email"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, never := range []string{"hunter2", "GB82", "second"} {
		if strings.Contains(body, never) {
			t.Errorf("the page shows %s", never)
		}
	}
}

func TestFormReadsDatesAndPhones(t *testing.T) {
	f := NewForm(url.Values{"born_day": {"7"}, "born_month": {"11"}, "born_year": {"1990"}, "bad_day": {"31"}, "bad_month": {"2"}, "bad_year": {"1990"}})
	if day, ok := f.Date("born"); !ok || day.Format("2006-01-02") != "1990-11-07" {
		t.Errorf("born %v %v", day, ok)
	}
	for _, field := range []string{"bad", "missing"} {
		if _, ok := f.Date(field); ok {
			t.Errorf("%s is a date", field)
		}
	}
	for _, c := range []struct{ code, number, want string }{
		{"+852", "9123 4567", "+85291234567"}, {"+44", "07700 900123", "+447700900123"}, {"+852", "+1 (212) 555-0100", "+12125550100"}, {"+852", "", ""},
		{"+39", "06 1234 5678", "+390612345678"},
	} {
		f := NewForm(url.Values{"phone_code": {c.code}, "phone": {c.number}})
		if got := f.Phone("phone"); got != c.want {
			t.Errorf("%s %s is %q, want %q", c.code, c.number, got, c.want)
		}
	}
	var none *Form
	if !none.OK() || none.Value("x") != "" || none.Failed("x") {
		t.Error("no form is not an empty form")
	}
}

package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
)

func TestAPersonWithoutThePermissionIsToldItsName(t *testing.T) {
	chair := dashboardtest.Chair()
	chair.Role, chair.Permissions = "viewer", []string{"refunds:read", "charges:read"}
	desk, _ := dashboardtest.New(t, kit(t), &api{answer: threeCharges}, chair)
	gallery(t, desk)
	h := dashboardtest.Handler(desk)
	w := get(h, "/dashboard/acct_platform/test/do")
	for _, want := range []string{"Viewer", "refunds:write", "Ask an owner"} {
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d, no %q", w.Code, want)
		}
	}
	if body := get(h, "/dashboard/acct_platform/test/gallery").Body.String(); strings.Contains(body, `/test/do"`) {
		t.Error("the navigation shows what the person may not open")
	}
}

func TestARefusalOfTheAPIBecomesAPage(t *testing.T) {
	for status, want := range map[int]string{404: "That is not here", 403: "You may not see this", 409: "Wait a moment", 400: "Go back, change what is named", 401: "That was refused"} {
		a := &api{status: status, answer: `{"error": {"message": "No such charge: <b>ch_1</b>", "code": "resource_missing"}}`}
		h, _ := welcome(t, a)
		w := get(h, "/dashboard/acct_platform/test")
		shown := status
		if status == http.StatusUnauthorized {
			shown = http.StatusInternalServerError
		}
		for _, part := range []string{want, "req_inside", "resource_missing", "&lt;b&gt;"} {
			if w.Code != shown || !strings.Contains(w.Body.String(), part) {
				t.Errorf("%d: %d, no %q", status, w.Code, part)
			}
		}
	}
}

func TestATutorsDeskHasNoPagesOfThePlatform(t *testing.T) {
	desk, _ := dashboardtest.New(t, kit(t), &api{answer: threeCharges})
	gallery(t, desk)
	if w := get(dashboardtest.Handler(desk), "/earnings/acct_tutor/test/gallery"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}

func TestAnIDLinksToItsPage(t *testing.T) {
	desk, _ := dashboardtest.New(t, kit(t), &api{})
	gallery(t, desk)
	body := get(dashboardtest.Handler(desk), "/dashboard/acct_platform/test/gallery").Body.String()
	if !strings.Contains(body, `href="/dashboard/acct_platform/test/gallery"><code class="id">gal_1</code>`) {
		t.Errorf("%s", body)
	}
}

func TestJSONHasSortedKeysAndExactNumbers(t *testing.T) {
	desk, _ := dashboardtest.New(t, kit(t), &api{answer: `{"id": "ch_1", "amount": 9007199254740993, "a<b": {"z": 1, "b": 1.10}}`})
	gallery(t, desk)
	body := get(dashboardtest.Handler(desk), "/dashboard/acct_platform/test/gallery?view=json").Body.String()
	want := "{\n  &#34;a&lt;b&#34;: {\n    &#34;b&#34;: 1.10,\n    &#34;z&#34;: 1\n  },\n  &#34;amount&#34;: 9007199254740993,\n  &#34;id&#34;: &#34;ch_1&#34;\n}"
	if !strings.Contains(body, want) || !strings.Contains(body, "curl -u &#34;$SLUICE_API_KEY:&#34; &#39;https://pay.example/v1/charges/ch_1&#39;") {
		t.Errorf("%s", body)
	}
}

var hiddenKey = regexp.MustCompile(`name="idempotency_key" value="([A-Z2-7]{20,})"`)

// TestADoubleClickMakesOneObject sends one form twice: the API hears one key. Another
// look at the form has another key.
func TestADoubleClickMakesOneObject(t *testing.T) {
	var keys []string
	desk, _ := dashboardtest.New(t, kit(t), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		_, _ = w.Write([]byte(`{}`))
	}))
	gallery(t, desk)
	h := dashboardtest.Handler(desk)
	const path = "/dashboard/acct_platform/test/gallery"
	key := func() string {
		m := hiddenKey.FindStringSubmatch(get(h, path).Body.String())
		if m == nil {
			t.Fatal("the form has no key")
		}
		return m[1]
	}
	first := key()
	for range 2 {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("idempotency_key="+first))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != path+"?done=did" {
			t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
		}
	}
	if len(keys) != 2 || keys[0] != first || keys[1] != first || key() == first {
		t.Errorf("the API heard %v of %s", keys, first)
	}
	if body := get(h, path+"?done=did").Body.String(); !strings.Contains(body, "It is done") {
		t.Error("nobody says that it is done")
	}
	if body := get(h, path+"?done=%3Cb%3E").Body.String(); strings.Contains(body, "toast") {
		t.Error("an address can say what it likes")
	}
}

func TestWhoIsNobodySignsInAndComesBack(t *testing.T) {
	desk, gate := dashboardtest.New(t, kit(t), &api{})
	gallery(t, desk)
	gate.Nobody = true
	h := dashboardtest.Handler(desk)
	for path, want := range map[string]string{
		"/dashboard": "/sign-in?next=%2Fdashboard",
		"/dashboard/acct_platform/test/gallery?tab=two":    "/sign-in?next=%2Fdashboard%2Facct_platform%2Ftest%2Fgallery%3Ftab%3Dtwo",
		"/dashboard/acct_platform/test/gallery?q=a%20b+c":  "/sign-in?next=%2Fdashboard%2Facct_platform%2Ftest%2Fgallery",
		"/earnings/acct_tutor/test/live":                   "/sign-in?next=%2Fearnings%2Facct_tutor%2Ftest%2Flive",
		"/dashboard/acct_platform/test/search?q=something": "/sign-in?next=%2Fdashboard%2Facct_platform%2Ftest%2Fsearch%3Fq%3Dsomething",
	} {
		if w := get(h, path); w.Header().Get("Location") != want {
			t.Errorf("%s leads to %s", path, w.Header().Get("Location"))
		}
	}
}

func TestASectionWithAMistakeIsNotAdded(t *testing.T) {
	desk, _ := dashboardtest.New(t, kit(t), &api{})
	gallery(t, desk)
	for what, s := range map[string]dashboard.Section{
		"a path that is taken":    {Pages: []dashboard.Page{{Path: "/gallery"}}},
		"a place without a text":  {Nav: []dashboard.NavItem{{Key: "nothing"}}},
		"a group that is not one": {Nav: []dashboard.NavItem{{Key: "desk.json", Group: "elsewhere"}}},
		"ids that have a page":    {IDs: map[string]string{"gal": "/x"}},
		"a search without a text": {Search: []dashboard.Finder{{Key: "nothing"}}},
	} {
		s.Templates, s.Catalogues = oneTemplate, nil
		if _, err := desk.Add(s); err == nil {
			t.Errorf("%s was added", what)
		}
	}
}

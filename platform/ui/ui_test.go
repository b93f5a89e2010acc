package ui

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func newKit(t testing.TB) *Kit {
	t.Helper()
	k, err := New(Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func get(t testing.TB, h http.Handler, url string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStorybookRendersInBothLanguages(t *testing.T) {
	k := newKit(t)
	for _, page := range []string{"", "signin", "consent", "wizard", "account", "error"} {
		for _, l := range Locales {
			w := get(t, k.Handler(), "/_dev/ui?page="+page+"&lang="+string(l))
			want := http.StatusOK
			if page == "error" {
				want = http.StatusNotFound
			}
			if w.Code != want {
				t.Errorf("%s in %s: %d %s", page, l, w.Code, w.Body)
			}
		}
	}
}

package rest

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesSayWhoAsked(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, from, want string
		forwarded        []string
	}{
		{"no proxy", "203.0.113.7:5000", "203.0.113.7:5000", nil},
		{"a stranger's claim", "203.0.113.7:5000", "203.0.113.7:5000", []string{"198.51.100.1"}},
		{"one proxy", "10.1.2.3:5000", "198.51.100.1:0", []string{"198.51.100.1"}},
		{"a claim before the proxy's word", "10.1.2.3:5000", "198.51.100.1:0", []string{"192.0.2.66, 198.51.100.1"}},
		{"two proxies", "10.1.2.3:5000", "198.51.100.1:0", []string{"192.0.2.66, 198.51.100.1, 10.9.9.9"}},
		{"two headers", "10.1.2.3:5000", "198.51.100.1:0", []string{"192.0.2.66", "198.51.100.1"}},
		{"IPv6", "[fd00::1]:5000", "[2001:db8::1]:0", []string{"2001:db8::1"}},
		{"an address in IPv6 dress", "[::ffff:10.1.2.3]:5000", "198.51.100.1:0", []string{"::ffff:198.51.100.1"}},
		{"a proxy that says nothing", "10.1.2.3:5000", "10.1.2.3:5000", nil},
		{"a proxy that says nonsense", "10.1.2.3:5000", "10.1.2.3:5000", []string{"198.51.100.1, unknown"}},
		{"from inside", "10.1.2.3:5000", "10.4.4.4:0", []string{"10.4.4.4"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.from
		for _, line := range c.forwarded {
			r.Header.Add("X-Forwarded-For", line)
		}
		var got string
		behindProxies(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).
			ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if r.RemoteAddr != c.from {
			t.Errorf("%s: the caller's request was changed", c.name)
		}
	}
}

func TestPeopleGetAPageAndProgramsGetJSON(t *testing.T) {
	s := New(Config{ErrorPage: func(w http.ResponseWriter, _ *http.Request, status int) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
	}})
	s.Mount(
		Route{Method: http.MethodGet, Path: "/page", Public: true, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a mistake") })},
		Route{Method: http.MethodGet, Path: "/v1/thing", Public: true, Handler: http.NotFoundHandler()},
	)
	const html, json = "text/html", "application/json"
	for _, c := range []struct {
		method, path, accept string
		status               int
		kind                 string
	}{
		{"GET", "/nowhere", "text/html,application/xhtml+xml", 404, html},
		{"GET", "/nowhere", "*/*", 404, json},
		{"GET", "/v1/nowhere", "text/html", 404, json},
		{"POST", "/page", "text/html", 405, html},
		{"POST", "/page", "", 405, json},
		{"GET", "/page", "text/html", 500, html},
		{"GET", "/page", "application/json", 500, json},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s %s for %q: %d %s, want %d %s", c.method, c.path, c.accept, w.Code, w.Header().Get("Content-Type"), c.status, c.kind)
		}
	}
}

package cli

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTargetsAreCompletedAsPeopleTypeThem(t *testing.T) {
	for given, want := range map[string]string{
		"3000":                         "http://localhost:3000",
		"3000/hooks":                   "http://localhost:3000/hooks",
		":3000/hooks":                  "http://localhost:3000/hooks",
		"/hooks":                       "http://localhost/hooks",
		"localhost:3000/hooks":         "http://localhost:3000/hooks",
		"shop.local":                   "http://shop.local",
		"https://127.0.0.1:8443/h?a=b": "https://127.0.0.1:8443/h?a=b",
		"http://[::1]:3000":            "http://[::1]:3000",
		"ftp://localhost/x":            "",
		"http://":                      "",
		"file:///etc/passwd":           "",
		"http://a b/":                  "",
	} {
		u, err := targetURL("forward-to", given)
		if want == "" {
			if ExitCode(err) != ExitUsage {
				t.Errorf("%s: %v, %v", given, u, err)
			}
			continue
		}
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v; want %s", given, u, err, want)
		}
	}
}

func TestAnApplicationsCertificateIsVerifiedUnlessToldOtherwise(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Config.ErrorLog = quiet
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	for _, skip := range []bool{false, true} {
		ctx, stop := context.WithCancel(t.Context())
		var told string
		to, err := newTarget("forward-to", server.URL, nil, skip, func(text string) { told = text; stop() })
		if err != nil {
			t.Fatal(err)
		}
		status, _, _, ok := to.forward(ctx, pushed{Payload: "{}"})
		stop()
		if ok != skip || skip && status != http.StatusNoContent || !skip && !strings.Contains(told, "--skip-verify") {
			t.Errorf("skip %v: %v %d %q", skip, ok, status, told)
		}
	}
}

func TestRedirectsOfAnApplicationAreItsAnswer(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer server.Close()
	to, err := newTarget("forward-to", server.URL, nil, false, func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _, ok := to.forward(t.Context(), pushed{Payload: "{}"}); !ok || status != http.StatusFound {
		t.Errorf("%v %d", ok, status)
	}
}

// quiet keeps refused handshakes off the screen.
var quiet = log.New(io.Discard, "", 0)

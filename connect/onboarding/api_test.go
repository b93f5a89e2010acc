package onboarding_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func callAPI(t testing.TB, base, key, method, path string, want int, form ...string) map[string]any {
	t.Helper()
	values := url.Values{}
	header := http.Header{}
	for _, pair := range form {
		if name, value, ok := strings.Cut(pair, ": "); ok && !strings.Contains(name, "=") {
			header.Set(name, value)
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		values.Add(name, value)
	}
	var body io.Reader
	target := base + path
	if method == http.MethodGet {
		target += "?" + values.Encode()
	} else {
		body = strings.NewReader(values.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	must(t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name := range header {
		r.Header.Set(name, header.Get(name))
	}
	r.SetBasicAuth(key, "")
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	var object map[string]any
	must(t, json.NewDecoder(response.Body).Decode(&object))
	if response.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %v", method, path, response.StatusCode, want, object)
	}
	return object
}

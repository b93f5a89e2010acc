package connecthttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
)

// keyServer serves endpoints and their keys to TutorHub.
func keyServer(t *testing.T) *httptest.Server {
	t.Helper()
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	pool := dbtest.New(t)
	api := rest.New(rest.Config{Pool: pool, Authenticator: webhookHub{}, Pepper: secret.RandomPepper()})
	endpoints := webhook.NewEndpoints(ring, webhook.NewSigner(secret.RandomPepper()), egress.Policy{})
	api.Mount(connecthttp.WebhookEndpointRoutes(api, pool, endpoints, clock.System{})...)
	api.Mount(connecthttp.WebhookKeyRoutes(api, pool, endpoints, clock.System{})...)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server
}

// postForm posts and reads a JSON object back.
func postForm(t *testing.T, target string, values url.Values, key string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("sk_test_any", "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var object map[string]any
	if err := json.NewDecoder(res.Body).Decode(&object); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, object
}

func TestARolledSecretIsShownOnce(t *testing.T) {
	server := keyServer(t)
	_, made := postForm(t, server.URL+"/v1/webhook_endpoints", url.Values{"url": {"https://example.com/"}, "enabled_events[]": {"*"}}, "")
	path := server.URL + "/v1/webhook_endpoints/" + made["id"].(string) + "/roll_secret"
	status, rolled := postForm(t, path, url.Values{"overlap_seconds": {"3600"}}, "roll-1")
	fresh, _ := rolled["secret"].(string)
	if status != 200 || rolled["id"] != made["id"] || rolled["object"] != "webhook_endpoint" || !strings.HasPrefix(fresh, "whsec_") || fresh == made["secret"] {
		t.Fatalf("%d: %v", status, rolled)
	}
	if status, again := postForm(t, path, url.Values{"overlap_seconds": {"3600"}}, "roll-1"); status != 200 || again["secret"] != nil || again["id"] != made["id"] {
		t.Errorf("the same key again: %d, %v", status, again)
	}
	if status, usual := postForm(t, path, nil, ""); status != 200 || usual["secret"] == fresh {
		t.Errorf("with the usual overlap: %d, %v", status, usual)
	}
	for _, overlap := range []string{"-1", "604801", "9223372036854775807", "a day"} {
		status, refused := postForm(t, path, url.Values{"overlap_seconds": {overlap}}, "")
		if failure, _ := refused["error"].(map[string]any); status != 400 || failure["param"] != "overlap_seconds" {
			t.Errorf("overlap %s: %d, %v", overlap, status, refused)
		}
	}
}

func TestKeySetsAreForEverybodyAndCanBeKept(t *testing.T) {
	server := keyServer(t)
	_, made := postForm(t, server.URL+"/v1/webhook_endpoints", url.Values{"url": {"https://example.com/"}, "enabled_events[]": {"*"}}, "")
	target := server.URL + "/webhook_endpoints/" + made["id"].(string) + "/jwks.json"
	get := func(tag string) (*http.Response, string) {
		req, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("If-None-Match", tag)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		return res, string(body)
	}
	res, body := get("")
	tag := res.Header.Get("ETag")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/jwk-set+json" || res.Header.Get("Cache-Control") != "public, max-age=300" || tag == "" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	if strings.Contains(body, `"d"`) || strings.Count(body, `"kid"`) != 1 {
		t.Errorf("key set %s", body)
	}
	if res, body := get(tag); res.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("with the tag: %d %q", res.StatusCode, body)
	}
	postForm(t, server.URL+"/v1/webhook_endpoints/"+made["id"].(string)+"/roll_secret", nil, "")
	if res, body := get(tag); res.StatusCode != 200 || strings.Count(body, `"kid"`) != 2 {
		t.Errorf("after a roll: %d %s", res.StatusCode, body)
	}
	target = server.URL + "/webhook_endpoints/we_nobody/jwks.json"
	if res, body := get(""); res.StatusCode != 404 || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(body, `"resource_missing"`) {
		t.Errorf("an unknown endpoint: %d %s", res.StatusCode, body)
	}
}

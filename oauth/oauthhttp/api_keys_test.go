package oauthhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

const tutorHub = "acct_tutorhub"

// reachesAll says yes: which accounts a platform reaches is the connect room's matter.
type reachesAll struct{}

func (reachesAll) Reach(context.Context, string, string, bool) (tenant.Access, error) {
	return tenant.ReadWrite, nil
}

type site struct {
	server *rest.Server
	pool   *bun.DB
	keys   *credential.Service
}

func pepperOf(t *testing.T) secret.Pepper {
	t.Helper()
	pepper, err := secret.NewPepper(bytes.Repeat([]byte{7}, 32), "api_keys")
	if err != nil {
		t.Fatal(err)
	}
	return pepper
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{pool: dbtest.New(t)}
	auth := credential.NewAuthenticator(s.pool, pepperOf(t), clock.System{})
	s.keys = credential.NewService(auth, "api_keys", "charges")
	s.server = rest.New(rest.Config{Pool: s.pool, Authenticator: oauthhttp.Authenticator{Keys: auth}, Accounts: reachesAll{}})
	s.server.Mount(oauthhttp.APIKeyRoutes(s.server, s.pool, s.keys, clock.System{})...)
	return s
}

// key is a key of TutorHub as an operator makes it with the command line.
func (s *site) key(t *testing.T, live bool, want credential.NewKey) string {
	t.Helper()
	var plain secret.Text
	if err := db.InTx(t.Context(), s.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		_, plain, err = s.keys.Create(ctx, tx, clock.System{}.Now(), credential.Owner{Account: tutorHub, Livemode: live}, want)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return plain.Reveal()
}

type answer struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any
}

func (a answer) text(name string) string { s, _ := a.JSON[name].(string); return s }

func (s *site) call(t *testing.T, key, method, path string, params url.Values, header ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(params.Encode()))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	a := answer{Status: w.Code, Header: w.Header(), Text: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a.JSON); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, a.Text)
	}
	return a
}

func TestCreatedKeyIsShownOnceAndWorks(t *testing.T) {
	s := newSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	made := s.call(t, root, "POST", "/v1/api_keys", url.Values{"type": {"secret"}, "name": {"till"}})
	plain := made.text("secret")
	if made.Status != 200 || !strings.HasPrefix(plain, "sk_test_") || made.text("object") != "api_key" || made.JSON["livemode"] != false {
		t.Fatalf("created: %d %s", made.Status, made.Text)
	}
	got := s.call(t, plain, "GET", "/v1/api_keys/"+made.text("id"), nil)
	if got.Status != 200 || strings.Contains(got.Text, plain) || got.text("last4") != plain[len(plain)-4:] || got.JSON["scopes"] != nil {
		t.Fatalf("retrieved: %d %s", got.Status, got.Text)
	}
	list := s.call(t, plain, "GET", "/v1/api_keys?limit=1", nil)
	if list.Status != 200 || list.JSON["has_more"] != true || strings.Contains(list.Text, plain) {
		t.Fatalf("list: %d %s", list.Status, list.Text)
	}
}

func TestRepeatedCreateMakesOneKeyAndRemembersNoSecret(t *testing.T) {
	s := newSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	params := url.Values{"type": {"publishable"}}
	first := s.call(t, root, "POST", "/v1/api_keys", params, "Idempotency-Key", "k1")
	again := s.call(t, root, "POST", "/v1/api_keys", params, "Idempotency-Key", "k1")
	if first.text("secret") == "" || again.text("id") != first.text("id") || again.text("secret") != "" || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("first %s\nagain %s", first.Text, again.Text)
	}
	other := s.call(t, root, "POST", "/v1/api_keys", url.Values{"type": {"secret"}}, "Idempotency-Key", "k1")
	if other.Status != 400 {
		t.Fatalf("the key was taken for other parameters: %d", other.Status)
	}
	saved, err := idempotency.Kept(t.Context(), s.pool)
	if err != nil || len(saved) == 0 {
		t.Fatalf("%d answers are kept, %v", len(saved), err)
	}
	for _, answer := range saved {
		if strings.Contains(string(answer.Body), first.text("secret")[8:]) {
			t.Fatal("the saved answer holds the secret")
		}
	}
}

func TestRolledKeyKeepsWorkingForTheOverlap(t *testing.T) {
	s := newSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	old := s.call(t, root, "POST", "/v1/api_keys", url.Values{"type": {"restricted"}, "scopes[]": {"charges:read"}})
	next := s.call(t, root, "POST", "/v1/api_keys/"+old.text("id")+"/roll", url.Values{"expires_in": {"3600"}})
	if next.Status != 200 || !strings.HasPrefix(next.text("secret"), "rk_test_") || next.text("id") == old.text("id") {
		t.Fatalf("rolled: %d %s", next.Status, next.Text)
	}
	got := s.call(t, root, "GET", "/v1/api_keys/"+old.text("id"), nil)
	if got.text("status") != "active" || got.JSON["expires_at"] == nil || got.text("replaced_by") != next.text("id") {
		t.Fatalf("old key: %s", got.Text)
	}
	for _, bad := range []string{"-1", "604801", "9223372036854775807"} {
		if a := s.call(t, root, "POST", "/v1/api_keys/"+next.text("id")+"/roll", url.Values{"expires_in": {bad}}); a.Status != 400 {
			t.Errorf("expires_in %s: %d %s", bad, a.Status, a.Text)
		}
	}
}

func TestRevokedKeyIsRefusedAtOnce(t *testing.T) {
	s := newSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	made := s.call(t, root, "POST", "/v1/api_keys", url.Values{"type": {"secret"}})
	plain := made.text("secret")
	if a := s.call(t, plain, "GET", "/v1/api_keys", nil); a.Status != 200 {
		t.Fatalf("before: %d", a.Status)
	}
	if a := s.call(t, root, "POST", "/v1/api_keys/"+made.text("id")+"/revoke", nil); a.Status != 200 || a.text("status") != "revoked" {
		t.Fatalf("revoke: %d %s", a.Status, a.Text)
	}
	a := s.call(t, plain, "GET", "/v1/api_keys", nil)
	if a.Status != 401 || strings.Contains(a.Text, plain[8:14]) {
		t.Fatalf("after: %d %s", a.Status, a.Text)
	}
}

func TestOnlyUnrestrictedSecretKeysOfThePlatformManageKeys(t *testing.T) {
	s := newSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	restricted := s.key(t, false, credential.NewKey{Kind: credential.Restricted, Scopes: []string{"api_keys:write"}})
	publishable := s.key(t, false, credential.NewKey{Kind: credential.Publishable})
	target := s.call(t, root, "POST", "/v1/api_keys", url.Values{"type": {"secret"}}).text("id")
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/api_keys"}, {"GET", "/v1/api_keys"}, {"GET", "/v1/api_keys/" + target},
		{"POST", "/v1/api_keys/" + target + "/roll"}, {"POST", "/v1/api_keys/" + target + "/revoke"},
	} {
		params := url.Values{}
		if c.method == "POST" && c.path == "/v1/api_keys" {
			params.Set("type", "secret")
		}
		if a := s.call(t, restricted, c.method, c.path, params); a.Status != 403 {
			t.Errorf("restricted key: %s %s: %d %s", c.method, c.path, a.Status, a.Text)
		}
		if a := s.call(t, publishable, c.method, c.path, params); a.Status != 401 {
			t.Errorf("publishable key: %s %s: %d %s", c.method, c.path, a.Status, a.Text)
		}
		if a := s.call(t, root, c.method, c.path, params, "Stripe-Account", "acct_tutor"); a.Status != 403 {
			t.Errorf("for a connected account: %s %s: %d %s", c.method, c.path, a.Status, a.Text)
		}
	}
}

func TestTestKeysManageTestKeysOnly(t *testing.T) {
	s := newSite(t)
	test, live := s.key(t, false, credential.NewKey{Kind: credential.Secret}), s.key(t, true, credential.NewKey{Kind: credential.Secret})
	made := s.call(t, live, "POST", "/v1/api_keys", url.Values{"type": {"secret"}})
	if !strings.HasPrefix(made.text("secret"), "sk_live_") {
		t.Fatalf("a live key made %s", made.text("prefix"))
	}
	if a := s.call(t, test, "GET", "/v1/api_keys/"+made.text("id"), nil); a.Status != 404 {
		t.Fatalf("a test key sees a live key: %d", a.Status)
	}
	if a := s.call(t, test, "POST", "/v1/api_keys/"+made.text("id")+"/revoke", nil); a.Status != 404 {
		t.Fatalf("a test key revokes a live key: %d", a.Status)
	}
}

func TestWrongParametersAreNamed(t *testing.T) {
	s := newSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	for param, values := range map[string]url.Values{
		"type":       {},
		"scopes":     {"type": {"restricted"}, "scopes[]": {"planets:write"}},
		"expires_at": {"type": {"secret"}, "expires_at": {"1"}},
		"colour":     {"type": {"secret"}, "colour": {"red"}},
	} {
		a := s.call(t, root, "POST", "/v1/api_keys", values)
		problem, _ := a.JSON["error"].(map[string]any)
		if a.Status != 400 || problem["param"] != param {
			t.Errorf("%s: %d %s", param, a.Status, a.Text)
		}
	}
}

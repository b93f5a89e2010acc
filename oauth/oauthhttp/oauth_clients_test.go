package oauthhttp_test

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// emptyMarket has platforms and no accounts: managing clients needs no more.
type emptyMarket struct{ oauth.Marketplace }

func (emptyMarket) SetAccess(context.Context, bun.Tx, string, string, bool, tenant.Access) error {
	return nil
}

type nobody struct{}

func (nobody) MayConnect(context.Context, bun.IDB, string, string, bool) (bool, error) {
	return false, nil
}

func (nobody) Own(context.Context, bun.Tx, time.Time, string, string, bool) error { return nil }

func newClientSite(t *testing.T) *site {
	t.Helper()
	peppers := map[string]secret.Pepper{}
	for _, purpose := range []string{"api_keys", "tokens", "successors"} {
		p, err := secret.NewPepper(bytes.Repeat([]byte{7}, 32), purpose)
		if err != nil {
			t.Fatal(err)
		}
		peppers[purpose] = p
	}
	s := &site{pool: dbtest.New(t)}
	auth := credential.NewAuthenticator(s.pool, peppers["api_keys"], clock.System{})
	s.keys = credential.NewService(auth, "oauth_clients")
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{9}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := oauth.New(oauth.Config{
		Pool: s.pool, Issuer: "https://connect.example", Pepper: peppers["tokens"], Successors: peppers["successors"], Keys: auth,
		Publishable: credential.NewPublished(s.keys, ring), Marketplace: emptyMarket{}, Members: nobody{},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server = rest.New(rest.Config{Pool: s.pool, Authenticator: oauthhttp.Authenticator{Keys: auth, Tokens: provider.Tokens()}, Accounts: reachesAll{}})
	s.server.Mount(oauthhttp.ClientRoutes(s.server, s.pool, provider.Clients(), clock.System{})...)
	return s
}

func secretsOf(a answer) (out []map[string]any) {
	list, _ := a.JSON["secrets"].([]any)
	for _, s := range list {
		secret, _ := s.(map[string]any)
		out = append(out, secret)
	}
	return out
}

func TestClientsSecretIsShownOnce(t *testing.T) {
	s := newClientSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	params := url.Values{"name": {"TutorHub"}, "redirect_uris[]": {"https://tutorhub.example/cb"}}
	made := s.call(t, root, "POST", "/v1/oauth_clients", params, "Idempotency-Key", "k1")
	plain, _ := secretsOf(made)[0]["secret"].(string)
	if made.Status != 200 || !strings.HasPrefix(made.text("id"), "ca_") || !strings.HasPrefix(plain, "cs_test_") || made.text("type") != "confidential" ||
		made.JSON["disabled"] != false || len(made.JSON["scopes"].([]any)) != 2 {
		t.Fatalf("created: %d %s", made.Status, made.Text)
	}
	again := s.call(t, root, "POST", "/v1/oauth_clients", params, "Idempotency-Key", "k1")
	got := s.call(t, root, "GET", "/v1/oauth_clients/"+made.text("id"), nil)
	list := s.call(t, root, "GET", "/v1/oauth_clients?limit=1", nil)
	for name, a := range map[string]answer{"replay": again, "get": got, "list": list} {
		if a.Status != 200 || strings.Contains(a.Text, plain) || !strings.Contains(a.Text, made.text("id")) {
			t.Errorf("%s: %d %s", name, a.Status, a.Text)
		}
	}
}

func TestClientsRotateTheirSecret(t *testing.T) {
	s := newClientSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	one := "/v1/oauth_clients/" + s.call(t, root, "POST", "/v1/oauth_clients", url.Values{"name": {"x"}, "redirect_uris[]": {"https://x.example"}}).text("id")
	two := s.call(t, root, "POST", one+"/secrets", nil)
	if secrets := secretsOf(two); two.Status != 200 || len(secrets) != 2 || secrets[0]["secret"] != nil || secrets[1]["secret"] == nil {
		t.Fatalf("second secret: %d %s", two.Status, two.Text)
	}
	if three := s.call(t, root, "POST", one+"/secrets", nil); three.Status != 400 {
		t.Errorf("a third secret: %d", three.Status)
	}
	first, _ := secretsOf(two)[0]["id"].(string)
	if gone := s.call(t, root, "DELETE", one+"/secrets/"+first, nil); gone.Status != 200 || len(secretsOf(gone)) != 1 {
		t.Errorf("removed: %d %s", gone.Status, gone.Text)
	}
	if gone := s.call(t, root, "DELETE", one+"/secrets/"+first, nil); gone.Status != 404 {
		t.Errorf("removed again: %d", gone.Status)
	}
	app := s.call(t, root, "POST", "/v1/oauth_clients", url.Values{"name": {"app"}, "type": {"public"}, "redirect_uris[]": {"com.example.app:/cb"}})
	if app.Status != 200 || len(secretsOf(app)) != 0 {
		t.Fatalf("public client: %d %s", app.Status, app.Text)
	}
	if a := s.call(t, root, "POST", "/v1/oauth_clients/"+app.text("id")+"/secrets", nil); a.Status != 400 {
		t.Errorf("a public client's secret: %d", a.Status)
	}
}

func TestClientsAreChangedAndTurnedOff(t *testing.T) {
	s := newClientSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	made := s.call(t, root, "POST", "/v1/oauth_clients", url.Values{"name": {"x"}, "redirect_uris[]": {"https://x.example"}})
	one := "/v1/oauth_clients/" + made.text("id")
	changed := s.call(t, root, "POST", one, url.Values{"name": {"y"}, "scopes[]": {"read_only"}, "require_pushed_authorization_requests": {"true"}})
	if changed.Status != 200 || changed.text("name") != "y" || len(changed.JSON["scopes"].([]any)) != 1 || changed.JSON["require_pushed_authorization_requests"] != true ||
		len(changed.JSON["redirect_uris"].([]any)) != 1 {
		t.Errorf("changed: %d %s", changed.Status, changed.Text)
	}
	for _, path := range []string{"/disable", "/disable", "/enable", "/enable"} {
		if a := s.call(t, root, "POST", one+path, nil); a.Status != 200 || a.JSON["disabled"] != (path == "/disable") {
			t.Errorf("%s: %d %s", path, a.Status, a.Text)
		}
	}
	for param, params := range map[string]url.Values{
		"name": {"redirect_uris[]": {"https://x.example"}}, "redirect_uris": {"name": {"x"}}, "scopes": {"name": {"x"}, "redirect_uris[]": {"https://x.example"}, "scopes[]": {"planets"}},
		"type": {"name": {"x"}, "redirect_uris[]": {"https://x.example"}, "type": {"x"}},
	} {
		a := s.call(t, root, "POST", "/v1/oauth_clients", params)
		problem, _ := a.JSON["error"].(map[string]any)
		if a.Status != 400 || problem["param"] != param {
			t.Errorf("%s: %d %s", param, a.Status, a.Text)
		}
	}
	for _, name := range []string{"a\u202eb", "a\nb", " a", strings.Repeat("x", 101)} {
		if a := s.call(t, root, "POST", one, url.Values{"name": {name}}); a.Status != 400 {
			t.Errorf("name %q: %d", name, a.Status)
		}
	}
}

func TestOnlyUnrestrictedSecretKeysOfThePlatformManageClients(t *testing.T) {
	s := newClientSite(t)
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	restricted := s.key(t, false, credential.NewKey{Kind: credential.Restricted, Scopes: []string{"oauth_clients:write"}})
	live := s.key(t, true, credential.NewKey{Kind: credential.Secret})
	made := s.call(t, root, "POST", "/v1/oauth_clients", url.Values{"name": {"x"}, "redirect_uris[]": {"https://x.example"}})
	one := "/v1/oauth_clients/" + made.text("id")
	secretID, _ := secretsOf(made)[0]["id"].(string)
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/oauth_clients"}, {"GET", "/v1/oauth_clients"}, {"GET", one}, {"POST", one}, {"POST", one + "/disable"}, {"POST", one + "/enable"},
		{"POST", one + "/secrets"}, {"DELETE", one + "/secrets/" + secretID},
	} {
		if a := s.call(t, restricted, c.method, c.path, nil); a.Status != 403 {
			t.Errorf("restricted key: %s %s: %d %s", c.method, c.path, a.Status, a.Text)
		}
		if a := s.call(t, root, c.method, c.path, nil, "Stripe-Account", "acct_tutor"); a.Status != 403 {
			t.Errorf("for a connected account: %s %s: %d %s", c.method, c.path, a.Status, a.Text)
		}
		if strings.HasPrefix(c.path, one) {
			if a := s.call(t, live, c.method, c.path, nil); a.Status != 404 {
				t.Errorf("a live key: %s %s: %d %s", c.method, c.path, a.Status, a.Text)
			}
		}
	}
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	stripeoauth "github.com/stripe/stripe-go/v85/oauth"
	"github.com/uptrace/bun"
	"golang.org/x/oauth2"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dev/npm"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Programs that were written for Stripe, or for nobody in particular, complete the
// flow unchanged. The person in it says yes without the pages here; the browser
// journey clicks through those.

// shopCallback is Ada's redirect URI.
const shopCallback = "http://127.0.0.1:3000/callback"

// application is an OAuth client of Ada's.
type application struct{ id, secret string }

func (h *house) application(kind string) application {
	h.t.Helper()
	made := h.send(http.StatusOK, letter{method: "POST", path: "/v1/oauth_clients", form: url.Values{
		"name": {"TutorHub HK"}, "type": {kind}, "redirect_uris[]": {shopCallback}, "scopes[]": {"read_only", "read_write"},
	}.Encode()})
	a := application{id: made.at("id").(string)}
	if secrets, _ := made.at("secrets").([]any); len(secrets) > 0 {
		a.secret, _ = secrets[0].(map[string]any)["secret"].(string)
	}
	return a
}

// link is where a tutor connects: the query as a client's own library would make it.
func (h *house) link(a application, more ...string) string {
	q := url.Values{"client_id": {a.id}, "response_type": {"code"}, "scope": {"read_write"}, "redirect_uri": {shopCallback}, "state": {"as sent & back"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return h.url + "/oauth/authorize?" + q.Encode()
}

// person is somebody with a proven address.
func (h *house) person(email string) session.User {
	h.t.Helper()
	var user session.User
	err := db.InTx(h.t.Context(), h.app.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		user, err = h.app.people.Create(ctx, tx, time.Now().UTC(), session.NewUser{Email: email, Name: "Au Ka Ming", Verified: true})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return user
}

// consent is the person's yes to a link, for a new account; what comes back is where the browser goes.
func (h *house) consent(who session.User, link string) *url.URL {
	h.t.Helper()
	ask := httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, link, nil)
	request, cookie, err := h.app.provider.Begin(h.t.Context(), ask, strings.Contains(link, "/express/"))
	if err != nil {
		h.t.Fatal(err)
	}
	if cookie != nil {
		ask.AddCookie(cookie)
	}
	if _, err := h.app.provider.Bind(h.t.Context(), ask, request.ID, who.ID); err != nil {
		h.t.Fatal(err)
	}
	back, err := h.app.provider.Approve(h.t.Context(), ask, request.ID, who.ID, "", request.Scope)
	if err != nil {
		h.t.Fatal(err)
	}
	where, err := url.Parse(back)
	if err != nil {
		h.t.Fatal(err)
	}
	return where
}

func (h *house) code(who session.User, link string) string {
	h.t.Helper()
	back := h.consent(who, link).Query()
	if back.Get("state") != "as sent & back" || back.Get("iss") != h.url || back.Get("scope") != "read_write" || back.Get("code") == "" {
		h.t.Fatalf("sent back with %v", back)
	}
	return back.Get("code")
}

func TestStripeNodeConnectsRefreshesAndDisconnects(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	node, a, tutor := h.node(), h.application("confidential"), h.person("ka.ming@example.com")
	code := h.code(tutor, h.link(a)) // no PKCE: programs written for Stripe send none
	var token struct {
		AccessToken    string `json:"access_token"`
		RefreshToken   string `json:"refresh_token"`
		TokenType      string `json:"token_type"`
		PublishableKey string `json:"stripe_publishable_key"`
		UserID         string `json:"stripe_user_id"`
		Scope          string
		Livemode       *bool
	}
	if err := node.call(&token, []string{"oauth", "token"}, params{"grant_type": "authorization_code", "code": code}); err != nil {
		t.Fatal(err)
	}
	if token.TokenType != "bearer" || token.Scope != "read_write" || token.Livemode == nil || *token.Livemode ||
		!strings.HasPrefix(token.UserID, "acct_") || !strings.HasPrefix(token.AccessToken, "sk_test_") ||
		!strings.HasPrefix(token.RefreshToken, "rt_") || !strings.HasPrefix(token.PublishableKey, "pk_test_") {
		t.Fatalf("token: %+v", token)
	}
	// Both ways to act for the account: its header with Ada's key, and the token as a key.
	var account object
	if err := node.call(&account, []string{"accounts", "retrieve"}, token.UserID); err != nil || account.ID != token.UserID {
		t.Errorf("the account by Ada's key: %v %v", account, err)
	}
	for name, options := range map[string]params{"Stripe-Account": acting(token.UserID), "the access token": {"apiKey": token.AccessToken}} {
		if err := node.call(nil, []string{"balance", "retrieve"}, params{}, options); err != nil {
			t.Errorf("balance by %s: %v", name, err)
		}
	}
	old := token
	if err := node.call(&token, []string{"oauth", "token"}, params{"grant_type": "refresh_token", "refresh_token": token.RefreshToken}); err != nil {
		t.Fatal(err)
	}
	if token.UserID != old.UserID || token.AccessToken == old.AccessToken || token.RefreshToken == old.RefreshToken {
		t.Errorf("refreshed: %+v", token)
	}
	var ended struct {
		UserID string `json:"stripe_user_id"`
	}
	leave := []string{"oauth", "deauthorize"}
	if err := node.call(&ended, leave, params{"client_id": a.id, "stripe_user_id": token.UserID}); err != nil || ended.UserID != token.UserID {
		t.Fatalf("deauthorize: %+v %v", ended, err)
	}
	for _, c := range []struct {
		name, class string
		status      int
		err         error
	}{
		{"a code twice", "StripeInvalidGrantError", 400, node.call(nil, []string{"oauth", "token"}, params{"grant_type": "authorization_code", "code": code})},
		{"a code that never was", "StripeInvalidGrantError", 400, node.call(nil, []string{"oauth", "token"}, params{"grant_type": "authorization_code", "code": "ac_nobody"})},
		{"a refresh after the end", "StripeInvalidGrantError", 400, node.call(nil, []string{"oauth", "token"}, params{"grant_type": "refresh_token", "refresh_token": token.RefreshToken})},
		{"a grant that does not exist", "StripeUnsupportedGrantTypeError", 400, node.call(nil, []string{"oauth", "token"}, params{"grant_type": "password"})},
		{"no grant", "StripeOAuthInvalidRequestError", 400, node.call(nil, []string{"oauth", "token"}, params{"code": code})},
		{"a wrong key", "StripeInvalidClientError", 401, node.call(nil, []string{"oauth", "token"}, params{"grant_type": "authorization_code", "code": code}, params{"apiKey": "sk_test_nobody"})},
		{"somebody else's account", "StripeInvalidClientError", 401, node.call(nil, leave, params{"client_id": a.id, "stripe_user_id": "acct_nobody"})},
		{"the account after the end", "StripePermissionError", 403, node.call(nil, []string{"balance", "retrieve"}, params{}, acting(token.UserID))},
		{"the token after the end", "StripeAuthenticationError", 401, node.call(nil, []string{"balance", "retrieve"}, params{}, params{"apiKey": token.AccessToken})},
	} {
		var refused *nodeError
		if !errors.As(c.err, &refused) || refused.Class != c.class || refused.StatusCode != c.status || refused.RequestID == "" {
			t.Errorf("%s: %+v", c.name, c.err)
		}
	}
}

func TestStripeGoConnectsRefreshesAndDisconnects(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, a, tutor := h.stripe(), h.application("confidential"), h.person("ka.ming@example.com")
	code := h.code(tutor, h.link(a))
	token := must[*stripe.OAuthToken](t)(ada.OAuth.Create(t.Context(), &stripe.OAuthTokenParams{
		GrantType: stripe.String("authorization_code"), Code: &code,
	}))
	if token.TokenType != "bearer" || token.Scope != stripe.OAuthScopeTypeReadWrite || token.Livemode || !strings.HasPrefix(token.StripeUserID, "acct_") {
		t.Fatalf("token: %+v", token)
	}
	// The older, global style of the SDK, and a narrower scope.
	old := stripeoauth.Client{B: stripe.NewBackendsWithConfig(&stripe.BackendConfig{URL: &h.url, MaxNetworkRetries: stripe.Int64(0)}).Connect, Key: h.key}
	narrow := must[*stripe.OAuthToken](t)(old.New(&stripe.OAuthTokenParams{
		GrantType: stripe.String("refresh_token"), RefreshToken: &token.RefreshToken, Scope: stripe.String("read_only"), ClientSecret: &h.key,
	}))
	if narrow.Scope != stripe.OAuthScopeTypeReadOnly || narrow.StripeUserID != token.StripeUserID {
		t.Errorf("a narrower token: %+v", narrow)
	}
	reader := h.stripeWith(narrow.AccessToken)
	if _, err := reader.V1Balance.Retrieve(t.Context(), nil); err != nil {
		t.Errorf("the reader cannot read: %v", err)
	}
	_, err := reader.V1Customers.Create(t.Context(), nil)
	var refused *stripe.Error
	if !errors.As(err, &refused) || refused.HTTPStatusCode != http.StatusForbidden {
		t.Errorf("the reader can write: %v", err)
	}
	left := must[*stripe.Deauthorize](t)(old.Del(&stripe.DeauthorizeParams{ClientID: &a.id, StripeUserID: &token.StripeUserID}))
	if left.StripeUserID != token.StripeUserID {
		t.Errorf("deauthorized: %+v", left)
	}
	for _, c := range []struct {
		name, code string
		status     int
		params     stripe.OAuthTokenParams
	}{
		{"a code twice", "invalid_grant", 400, stripe.OAuthTokenParams{GrantType: stripe.String("authorization_code"), Code: &code}},
		{"a refresh after the end", "invalid_grant", 400, stripe.OAuthTokenParams{GrantType: stripe.String("refresh_token"), RefreshToken: &narrow.RefreshToken}},
		{"a grant that does not exist", "unsupported_grant_type", 400, stripe.OAuthTokenParams{GrantType: stripe.String("password")}},
	} {
		_, err := ada.OAuth.Create(t.Context(), &c.params)
		var refused *stripe.Error
		if !errors.As(err, &refused) || refused.OAuthError != c.code || refused.HTTPStatusCode != c.status || refused.OAuthErrorDescription == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The library of the Go project knows nothing of Stripe: the client has a secret of
// its own, and sends PKCE.
func TestXOAuth2ConnectsAndRefreshesByItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, tutor := h.application("confidential"), h.person("ka.ming@example.com")
	for name, style := range map[string]oauth2.AuthStyle{"in the header": oauth2.AuthStyleInHeader, "in the body": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			config := oauth2.Config{
				ClientID: a.id, ClientSecret: a.secret, RedirectURL: shopCallback, Scopes: []string{"read_write"},
				Endpoint: oauth2.Endpoint{AuthURL: h.url + "/oauth/authorize", TokenURL: h.url + "/oauth/token", AuthStyle: style},
			}
			verifier := oauth2.GenerateVerifier()
			code := h.code(tutor, config.AuthCodeURL("as sent & back", oauth2.S256ChallengeOption(verifier)))
			token, err := config.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if account, _ := token.Extra("stripe_user_id").(string); !strings.HasPrefix(account, "acct_") || token.Expiry.Before(time.Now()) {
				t.Errorf("token: %v, expires %s", account, token.Expiry)
			}
			aged := *token
			aged.Expiry = time.Now().Add(-time.Minute)
			source := config.TokenSource(t.Context(), &aged)
			renewed, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			if renewed.AccessToken == token.AccessToken || renewed.RefreshToken == token.RefreshToken {
				t.Error("nothing was renewed")
			}
			res, err := oauth2.NewClient(t.Context(), source).Get(h.url + "/v1/balance")
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("the renewed token: %s", res.Status)
			}

			// Another verifier kills the code: the right one comes too late.
			code = h.code(tutor, config.AuthCodeURL("as sent & back", oauth2.S256ChallengeOption(verifier)))
			for _, v := range []string{oauth2.GenerateVerifier(), verifier} {
				_, err = config.Exchange(t.Context(), code, oauth2.VerifierOption(v))
				var refused *oauth2.RetrieveError
				if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
					t.Errorf("exchanged with a wrong verifier, then the right one: %v", err)
				}
			}
		})
	}
}

// oauth4webapi takes nothing on trust: what metadata announces must be so, iss must
// stand in the answer, and every answer has the form that its RFC demands.
func TestAStrictClientFindsEverythingAsAnnounced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.person("ka.ming@example.com")
	modules, err := npm.Modules("e2e/node")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, kind string }{{"client_secret_post", "confidential"}, {"client_secret_basic", "confidential"}, {"none", "public"}} {
		t.Run(c.method, func(t *testing.T) {
			a := h.application(c.kind)
			cmd := exec.CommandContext(t.Context(), "node", "e2e/node/oauth.cjs")
			cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "SLUICE_BASE_URL="+h.url, "OAUTH_CLIENT_ID="+a.id, "OAUTH_CLIENT_SECRET="+a.secret,
				"OAUTH_METHOD="+c.method, "OAUTH_REDIRECT_URI="+shopCallback)
			cmd.Stderr = testWriter{t}
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			var said struct {
				Authorize, Error string
				Result           struct{ Account, Scope, TokenType, RenewedScope string }
			}
			for lines.Scan() {
				if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
					t.Fatal(err)
				}
				if said.Authorize == "" || said.Result.Account != "" || said.Error != "" {
					break
				}
				back, err := json.Marshal(map[string]string{"redirect": h.consent(tutor, said.Authorize).String()})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := in.Write(append(back, '\n')); err != nil {
					t.Fatal(err)
				}
			}
			_ = in.Close()
			_ = cmd.Wait()
			if r := said.Result; said.Error != "" || !strings.HasPrefix(r.Account, "acct_") || r.Scope != string(tenant.ReadWrite) ||
				r.TokenType != "bearer" || r.RenewedScope != string(tenant.ReadOnly) {
				t.Errorf("%+v", said)
			}
		})
	}
}

package oauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	stripe "github.com/stripe/stripe-go/v85"
	stripeoauth "github.com/stripe/stripe-go/v85/oauth"
	"golang.org/x/oauth2"

	"github.com/sluicepay/sluice/oauth"
)

// Unmodified clients go through the whole flow.

func TestXOAuth2GoesThroughTheFlow(t *testing.T) {
	h := newHouse(t)
	confidential, native := h.app(t), h.app(t, public)
	for name, c := range map[string]struct {
		app    app
		secret string
		style  oauth2.AuthStyle
	}{
		"secret in the header": {confidential, confidential.secret, oauth2.AuthStyleInHeader},
		"secret in the body":   {confidential, confidential.secret, oauth2.AuthStyleInParams},
		"secret, probed":       {confidential, confidential.secret, oauth2.AuthStyleAutoDetect},
		"key in the header":    {confidential, confidential.key, oauth2.AuthStyleInHeader},
		"key in the body":      {confidential, confidential.key, oauth2.AuthStyleInParams},
		"public":               {native, "", oauth2.AuthStyleInParams},
	} {
		t.Run(name, func(t *testing.T) {
			config := oauth2.Config{
				ClientID: c.app.ID, ClientSecret: c.secret, RedirectURL: callback, Scopes: []string{"read_write"},
				Endpoint: oauth2.Endpoint{AuthURL: h.server.URL + oauth.AuthorizePath, TokenURL: h.server.URL + oauth.TokenPath, AuthStyle: c.style},
			}
			word := oauth2.GenerateVerifier()
			link, err := url.Parse(config.AuthCodeURL("st4te", oauth2.S256ChallengeOption(word), oauth2.AccessTypeOffline))
			if err != nil {
				t.Fatal(err)
			}
			answer := h.approveQuery(t, link.Query())
			token, err := config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(word))
			if err != nil {
				t.Fatal(err)
			}
			if token.Type() != "Bearer" || token.RefreshToken == "" || token.Extra("stripe_user_id") != mei || time.Until(token.Expiry) > time.Hour {
				t.Fatalf("token %+v", token)
			}
			client := config.Client(t.Context(), token)
			if status := get(t, client, h.server.URL+"/v1/charges"); status != 200 {
				t.Fatalf("API: %d", status)
			}
			old := token.AccessToken
			token.Expiry = time.Now().Add(-time.Minute)
			next, err := config.TokenSource(t.Context(), token).Token()
			if err != nil || next.AccessToken == old || next.RefreshToken == token.RefreshToken {
				t.Fatalf("refresh: %+v, %v", next, err)
			}
			_, err = config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(word))
			if refused := new(oauth2.RetrieveError); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
				t.Errorf("code replay: %v", err)
			}
		})
	}
}

func get(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	return r.StatusCode
}

// approveQuery is a person who follows a link and says yes.
func (h *house) approveQuery(t testing.TB, query url.Values) url.Values {
	t.Helper()
	b := &browser{h: h}
	request, err := b.begin(t, query)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, meiUser); err != nil {
		t.Fatal(err)
	}
	redirect, err := h.provider.Approve(t.Context(), b.request(nil), request.ID, meiUser, mei, request.Scope)
	if err != nil {
		t.Fatal(err)
	}
	return told(t, redirect)
}

func TestStripeGoGoesThroughTheFlow(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	backend := stripe.GetBackendWithConfig(stripe.ConnectBackend, &stripe.BackendConfig{
		URL: stripe.String(h.server.URL), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	client := stripeoauth.Client{B: backend, Key: a.key}
	link, err := url.Parse(client.AuthorizeURL(&stripe.AuthorizeURLParams{
		ClientID: stripe.String(a.ID), ResponseType: stripe.String("code"), Scope: stripe.String("read_write"), State: stripe.String("st4te"),
		StripeUser:            &stripe.OAuthStripeUserParams{Email: stripe.String("mei@example.com"), Country: stripe.String("HK"), DOBDay: stripe.Int64(2)},
		SuggestedCapabilities: []*string{stripe.String("transfers"), stripe.String("card_payments")},
		StripeLanding:         stripe.String("register"), RedirectURI: stripe.String(callback),
	}))
	if err != nil {
		t.Fatal(err)
	}
	request, err := (&browser{h: h}).begin(t, link.Query())
	if err != nil || request.Prefill["email"] != "mei@example.com" || request.Prefill["dob_day"] != "2" || request.Landing != "register" || len(request.Capabilities) != 2 {
		t.Fatalf("begin: %+v, %v", request, err)
	}
	code := h.approveQuery(t, link.Query()).Get("code")
	token, err := client.New(&stripe.OAuthTokenParams{GrantType: stripe.String("authorization_code"), Code: stripe.String(code), ClientSecret: stripe.String(a.key)})
	if err != nil || token.StripeUserID != mei || token.Scope != stripe.OAuthScopeTypeReadWrite || token.TokenType != stripe.OAuthTokenTypeBearer ||
		!strings.HasPrefix(token.StripePublishableKey, "pk_test_") {
		t.Fatalf("token: %+v, %v", token, err)
	}
	narrow, err := client.New(&stripe.OAuthTokenParams{
		GrantType: stripe.String("refresh_token"), RefreshToken: stripe.String(token.RefreshToken), Scope: stripe.String("read_only"), ClientSecret: stripe.String(a.key),
	})
	if err != nil || narrow.Scope != stripe.OAuthScopeTypeReadOnly {
		t.Fatalf("refresh: %+v, %v", narrow, err)
	}
	_, err = client.New(&stripe.OAuthTokenParams{GrantType: stripe.String("authorization_code"), Code: stripe.String("ac_x"), ClientSecret: stripe.String(a.key)})
	if refused := new(stripe.Error); !errors.As(err, &refused) || refused.OAuthError != "invalid_grant" || refused.HTTPStatusCode != 400 {
		t.Errorf("bad code: %+v", err)
	}
	for range 2 {
		gone, err := client.Del(&stripe.DeauthorizeParams{ClientID: stripe.String(a.ID), StripeUserID: stripe.String(mei)})
		if err != nil || gone.StripeUserID != mei {
			t.Fatalf("deauthorize: %+v, %v", gone, err)
		}
	}
	if _, err := client.Del(&stripe.DeauthorizeParams{ClientID: stripe.String(a.ID), StripeUserID: stripe.String("acct_none")}); err == nil {
		t.Error("an unknown account was deauthorized")
	}
}

// What metadata promises is there: every endpoint answers, every listed method
// and grant works (the tests above), and nothing else does.
func TestMetadataSaysWhatTheServerDoes(t *testing.T) {
	h := newHouse(t)
	r, err := h.try("GET", oauth.MetadataPath, nil)
	if err != nil || r.Status != 200 || r.text("issuer") != h.provider.Issuer() || r.JSON["authorization_response_iss_parameter_supported"] != true {
		t.Fatalf("metadata: %v %s", err, r.Body)
	}
	for name, value := range r.JSON {
		if !strings.HasSuffix(name, "_endpoint") || name == "authorization_endpoint" {
			continue
		}
		path, below := strings.CutPrefix(value.(string), h.provider.Issuer())
		if a := h.post(t, path, url.Values{"grant_type": {"refresh_token"}}); !below || a.Status != 401 {
			t.Errorf("%s: %v answers %d", name, value, a.Status)
		}
	}
	for _, bad := range []string{"", "connect.example", "https://x.example/", "http://x.example", "https://x.example?a", "https://x.example#a"} {
		if _, err := oauth.New(oauth.Config{Issuer: bad}); err == nil {
			t.Errorf("issuer %q was accepted", bad)
		}
	}
}

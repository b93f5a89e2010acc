package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ory/fosite"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
)

// F1 to F14 are the measured defects of fosite v0.49.0. Each test shows one on
// bare fosite, and that it is none of ours.

func TestF1AFailedVerifierIsNotForgotten(t *testing.T) {
	b := newBare()
	code := b.code(t, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
	if r := b.exchange("victim", code, "code_verifier", strings.Repeat("x", 43)); r.Status == 200 {
		t.Fatal("bare fosite takes a wrong verifier")
	}
	if r := b.exchange("victim", code); r.Status != 200 {
		t.Errorf("bare fosite no longer gives a token without verifier after a wrong one: %s", r.Body)
	}

	h := newHouse(t)
	for name, a := range map[string]app{"confidential": h.app(t), "public": h.app(t, public)} {
		code := h.approve(t, a, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256").Get("code")
		for _, try := range []string{strings.Repeat("x", 43), "", verifier} { // O3: dead after the first failure
			form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {a.ID}}
			if a.secret != "" {
				form.Set("client_secret", a.secret)
			}
			if try != "" {
				form.Set("code_verifier", try)
			}
			h.wants(t, name+" "+try, h.post(t, "/oauth/token", form), 400, "invalid_grant")
		}
	}
}

func TestF2ACodeIsExchangedOnceHoweverManyTryAtOnce(t *testing.T) {
	b := newBare()
	code := b.code(t)
	if ok := b.both(func() reply { return b.exchange("victim", code) }); ok != 2 {
		t.Errorf("bare fosite gave %d of two parallel exchanges a token", ok)
	}

	h := newHouse(t)
	a := h.app(t)
	code = h.approve(t, a).Get("code")
	if ok := h.together(t, 8, func() reply { return h.exchange(t, a, code) }); len(ok) != 1 {
		t.Errorf("%d of eight parallel exchanges got a token", len(ok))
	}
}

func TestF3ARefreshTokenHasOneSuccessorHoweverManyTryAtOnce(t *testing.T) {
	b := newBare()
	token := b.exchange("victim", b.code(t)).text("refresh_token")
	if ok := b.both(func() reply { return b.refresh("victim", token) }); ok != 2 {
		t.Errorf("bare fosite gave %d of two parallel refreshes a token", ok)
	}

	h := newHouse(t)
	a := h.app(t)
	token = h.connected(t, a).text("refresh_token")
	h.oneSuccessor(t, h.together(t, 8, func() reply { return h.refresh(t, a, token) }))
}

func TestF4OnlyTheTokensOwnClientOrPlatformMayAskAboutIt(t *testing.T) {
	b := newBare()
	pair := b.exchange("victim", b.code(t))
	if !b.active("attacker", pair.text("access_token")) || !b.active("attacker", pair.text("refresh_token")) {
		t.Error("bare fosite no longer tells other clients about a token")
	}

	h := newHouse(t)
	a, attacker, sibling := h.app(t), h.appOf(t, oauth.Owner{Platform: rival}), h.app(t)
	got := h.connected(t, a)
	for _, token := range []string{got.text("access_token"), got.text("refresh_token")} {
		about := func(header []string, pairs ...string) reply {
			form := url.Values{"token": {token}}
			for i := 0; i+1 < len(pairs); i += 2 {
				form.Set(pairs[i], pairs[i+1])
			}
			return h.post(t, "/oauth/introspect", form, header...)
		}
		for name, r := range map[string]reply{
			"rival's client":    about(nil, "client_id", attacker.ID, "client_secret", attacker.secret),
			"rival's key":       about(bearer(attacker.key)),
			"another client":    about(nil, "client_id", sibling.ID, "client_secret", sibling.secret),
			"the live key":      about(bearer(h.key(t, tutorHub, true))),
			"key, other client": about(bearer(a.key), "client_id", sibling.ID),
		} {
			if r.Status != 200 || r.Body != `{"active":false}`+"\n" {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
		for name, r := range map[string]reply{
			"own client": about(nil, "client_id", a.ID, "client_secret", a.secret), "own platform": about(bearer(a.key)),
		} {
			if r.JSON["active"] != true || r.text("client_id") != a.ID || r.text("sub") != mei || r.text("scope") != "read_write" {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
		h.wants(t, "nobody", about(nil), 401, "invalid_client")
	}
	access := h.post(t, "/oauth/introspect", url.Values{"token": {got.text("access_token")}}, bearer(a.key)...)
	refresh := h.post(t, "/oauth/introspect", url.Values{"token": {got.text("refresh_token")}}, bearer(a.key)...)
	if access.text("token_type") != "bearer" || refresh.JSON["token_type"] != nil ||
		access.JSON["exp"] != float64(h.clock.Now().Add(time.Hour).Unix()) || refresh.JSON["exp"] != float64(h.clock.Now().Add(365*24*time.Hour).Unix()) {
		t.Errorf("each token has its own type and expiry: %s %s", access.Body, refresh.Body)
	}
}

func TestF5AnotherClientsReplayHarmsNobody(t *testing.T) {
	b := newBare()
	code := b.code(t)
	pair := b.exchange("victim", code)
	if b.exchange("attacker", code); b.active("victim", pair.text("access_token")) {
		t.Error("bare fosite no longer lets a stranger's replay revoke the owner's tokens")
	}

	h := newHouse(t)
	a, attacker := h.app(t), h.appOf(t, oauth.Owner{Platform: rival})
	code = h.approve(t, a).Get("code")
	h.clock.Advance(time.Second)
	h.wants(t, "another's code", h.exchange(t, attacker, code), 400, "invalid_grant")
	got := h.exchange(t, a, code)
	if got.Status != 200 {
		t.Fatalf("the attempt spent the code: %s", got.Body)
	}
	next := h.refresh(t, a, got.text("refresh_token"))
	h.clock.Advance(2 * time.Minute)
	h.wants(t, "another's spent code", h.exchange(t, attacker, code), 400, "invalid_grant")
	h.wants(t, "another's used refresh token", h.refresh(t, attacker, got.text("refresh_token")), 400, "invalid_grant")
	h.wants(t, "another's live refresh token", h.refresh(t, attacker, next.text("refresh_token")), 400, "invalid_grant")
	if h.call(t, got.text("access_token"), "GET").Status != 200 || h.refresh(t, a, next.text("refresh_token")).Status != 200 {
		t.Error("another client's attempts harmed the owner")
	}
	if n := h.count(t, "SELECT count(*) FROM oauth.incidents WHERE client = ? AND by_client <> client", a.ID); n != 4 {
		t.Errorf("%d incidents noted, want 4", n)
	}
	if got := h.events(t); got != "[authorized]" {
		t.Errorf("events %s", got)
	}
}

func TestF6EveryAuthorizationResponseNamesItsIssuer(t *testing.T) {
	b := newBare()
	if b.authorize(t, "client_id=victim&response_type=code&state=long+enough&redirect_uri="+url.QueryEscape(callback)).Has("iss") {
		t.Error("bare fosite sends iss now")
	}

	h := newHouse(t)
	a := h.app(t)
	metadata, err := h.try("GET", "/.well-known/oauth-authorization-server", nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer := metadata.text("issuer")
	for name, params := range map[string]url.Values{
		"success": h.approve(t, a), "denial": h.deny(t, a), "error": h.refused(t, a.ask("scope", "planets")),
	} {
		if issuer == "" || params.Get("iss") != issuer || params.Get("state") != "st4te" {
			t.Errorf("%s: %v", name, params)
		}
	}
}

// deny goes through the flow as somebody who says no.
func (h *house) deny(t testing.TB, a app) url.Values {
	t.Helper()
	b := &browser{h: h}
	request, err := b.begin(t, a.ask())
	if err != nil {
		t.Fatal(err)
	}
	redirect, err := h.provider.Deny(t.Context(), b.request(nil), request.ID)
	if err != nil {
		t.Fatal(err)
	}
	return told(t, redirect)
}

// refused is what the client is told of a request that it may be told about.
func (h *house) refused(t testing.TB, query url.Values) url.Values {
	t.Helper()
	_, err := (&browser{h: h}).begin(t, query)
	refused := asAuthorizeError(t, err)
	redirect, tellable := refused.RedirectURL()
	if !tellable {
		t.Fatalf("the client is not told: %v", err)
	}
	return told(t, redirect)
}

func TestF7StateIsTheClientsMatter(t *testing.T) {
	b := newBare()
	if got := b.authorize(t, "client_id=victim&response_type=code&redirect_uri="+url.QueryEscape(callback)).Get("error"); got != "invalid_state" {
		t.Errorf("bare fosite answers a missing state with %q", got)
	}

	h := newHouse(t)
	a := h.app(t)
	if params := h.approve(t, a, "state", ""); params.Has("state") || params.Get("code") == "" {
		t.Errorf("without state: %v", params)
	}
	long := strings.Repeat("s", 2048)
	for _, state := range []string{"1", "a\x00b", "\xff\xfe", `"><script>`, "ü", long} { // O12
		if params := h.approve(t, a, "state", state); params.Get("state") != state {
			t.Errorf("state %q came back as %q", state, params.Get("state"))
		}
	}
	if params := h.refused(t, a.ask("state", long+"s")); params.Get("error") != "invalid_request" || params.Has("state") {
		t.Errorf("a state over the limit: %v", params)
	}
}

func TestF8RedirectsGoToRegisteredAddressesOnly(t *testing.T) {
	b := newBare()
	b.store.Clients["victim"].(*fosite.DefaultClient).RedirectURIs = []string{"https://127.0.0.1/cb"}
	query := url.Values{"client_id": {"victim"}, "response_type": {"code"}, "state": {"long enough"}, "redirect_uri": {"http://127.0.0.1:9999/cb"}}
	if b.authorize(t, query.Encode()).Get("code") == "" {
		t.Error("bare fosite no longer accepts another port and scheme of a loopback address")
	}

	h := newHouse(t)
	a := h.app(t, func(c *oauth.NewClient) { c.RedirectURIs = []string{"http://127.0.0.1/cb"} })
	for _, uri := range []string{"http://127.0.0.1:9999/cb", "https://127.0.0.1/cb", "http://localhost/cb", "http://[::1]/cb"} {
		h.onPage(t, a.ask("redirect_uri", uri))
	}
	if got := h.approve(t, a, "redirect_uri", "http://127.0.0.1/cb"); got.Get("code") == "" {
		t.Error("the registered address is refused")
	}
}

// onPage asserts that nothing is redirected.
func (h *house) onPage(t testing.TB, query url.Values) {
	t.Helper()
	_, err := (&browser{h: h}).begin(t, query)
	if redirect, tellable := asAuthorizeError(t, err).RedirectURL(); tellable {
		t.Errorf("%v redirects to %s", query, redirect)
	}
}

func TestF9RepeatedParametersAreRefused(t *testing.T) {
	b := newBare()
	if b.authorize(t, "client_id=victim&response_type=code&state=long+enough&state=other+state&redirect_uri="+url.QueryEscape(callback)).Get("code") == "" {
		t.Error("bare fosite refuses repeated parameters at authorize")
	}
	if r := b.post("/token", "victim", "grant_type=authorization_code&code="+b.code(t)+"&code=other&redirect_uri="+url.QueryEscape(callback)); r.Status != 200 {
		t.Errorf("bare fosite refuses repeated parameters at the token endpoint: %s", r.Body)
	}

	h := newHouse(t)
	a := h.app(t)
	for name := range a.ask() {
		query := a.ask()
		query[name] = append(query[name], query.Get(name))
		if name == "client_id" {
			h.onPage(t, query)
		} else if got := h.refused(t, query); got.Get("error") != "invalid_request" {
			t.Errorf("repeated %s: %v", name, got)
		}
	}
	query := a.ask("redirect_uri", callback)
	query.Add("redirect_uri", "https://attacker.example")
	h.onPage(t, query)
	for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par", "/oauth/deauthorize"} { // O24
		h.wants(t, path, h.post(t, path, url.Values{"grant_type": {"refresh_token", "refresh_token"}}, bearer(a.key)...), 400, "invalid_request")
	}
}

func TestF10ShortChallengesAreRefused(t *testing.T) {
	b := newBare(func(c *fosite.Config) { c.EnforcePKCE = true })
	b.code(t, "code_challenge", "x", "code_challenge_method", "S256")

	h := newHouse(t)
	for name, a := range map[string]app{"confidential": h.app(t), "public": h.app(t, public)} {
		for what, pairs := range map[string][]string{ // O3
			"short":    {"code_challenge", "x", "code_challenge_method", "S256"},
			"long":     {"code_challenge", strings.Repeat("x", 129), "code_challenge_method", "S256"},
			"alphabet": {"code_challenge", strings.Repeat("+", 43), "code_challenge_method", "S256"},
			"plain":    {"code_challenge", verifier, "code_challenge_method", "plain"},
			"default":  {"code_challenge", verifier},
			"alone":    {"code_challenge_method", "S256"},
		} {
			if got := h.refused(t, a.ask(pairs...)); got.Get("error") != "invalid_request" {
				t.Errorf("%s %s: %v", name, what, got)
			}
		}
	}
	if got := h.refused(t, h.app(t, public).ask()); got.Get("error") != "invalid_request" {
		t.Errorf("a public client without PKCE: %v", got)
	}
}

func TestF11RefreshNarrowsAndNeverWidens(t *testing.T) {
	b := newBare()
	token := b.exchange("victim", b.code(t, "scope", "read_only read_write")).text("refresh_token")
	if got := b.refresh("victim", token, "scope", "read_only").text("scope"); got != "read_only read_write" {
		t.Errorf("bare fosite narrows to %q", got)
	}
	token = b.exchange("victim", b.code(t, "scope", "read_only")).text("refresh_token")
	if r := b.refresh("victim", token, "scope", "read_write"); r.Status != 200 {
		t.Errorf("bare fosite refuses a wider scope: %s", r.Body)
	}

	h := newHouse(t)
	a := h.app(t)
	got := h.connected(t, a)
	narrow := h.refresh(t, a, got.text("refresh_token"), "scope", "read_only")
	if narrow.text("scope") != "read_only" || h.call(t, narrow.text("access_token"), "POST").Status != 403 {
		t.Errorf("narrowed: %s", narrow.Body)
	}
	back := h.refresh(t, a, narrow.text("refresh_token"))
	if back.text("scope") != "read_write" { // RFC 6749, 6: the refresh token keeps its scope
		t.Errorf("the refresh token was narrowed: %s", back.Body)
	}
	h.wants(t, "unknown", h.refresh(t, a, back.text("refresh_token"), "scope", "planets"), 400, "invalid_scope")
}

func TestF12AClientAuthenticatesOnce(t *testing.T) {
	b := newBare()
	if r := b.exchange("victim", b.code(t), "client_id", "victim", "client_secret", "another-secret"); r.Status != 200 {
		t.Errorf("bare fosite refuses two methods: %s", r.Body)
	}

	h := newHouse(t)
	a := h.app(t)
	basic := func(user, password string) []string {
		return []string{"Authorization", "Basic " + base64Of(user+":"+password)}
	}
	exchange := func(header []string, pairs ...string) reply {
		form := url.Values{"grant_type": {"authorization_code"},
			"code": {h.approve(t, a, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256").Get("code")}, "code_verifier": {verifier}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return h.post(t, "/oauth/token", form, header...)
	}
	for name, r := range map[string]reply{
		"basic and post":         exchange(basic(a.ID, a.secret), "client_secret", a.secret),
		"basic and another post": exchange(basic(a.ID, a.secret), "client_secret", "cs_test_x"),
		"key and secret":         exchange(bearer(a.key), "client_id", a.ID, "client_secret", a.secret),
		"key with password":      exchange(basic(a.key, "x")),
		"another client_id":      exchange(basic(a.ID, a.secret), "client_id", "ca_other"),
		"unknown scheme":         exchange([]string{"Authorization", "Digest x"}),
		"two keys":               exchange(bearer(a.key), "client_secret", h.key(t, tutorHub, false)),
	} {
		h.wants(t, name, r, 400, "invalid_request")
	}
	for name, r := range map[string]reply{
		"bearer key":                    exchange(bearer(a.key)),
		"the key twice, as stripe-go":   exchange(bearer(a.key), "client_secret", a.key),
		"key in the body":               exchange(nil, "client_secret", a.key),
		"key in the body, client named": exchange(nil, "client_secret", a.key, "client_id", a.ID),
		"key as basic user":             exchange(basic(a.key, "")),
		"key as basic password":         exchange(basic(a.ID, a.key)),
		"secret in basic":               exchange(basic(a.ID, a.secret)),
		"secret in the body":            exchange(nil, "client_id", a.ID, "client_secret", a.secret),
		"secret in basic, client named": exchange(basic(a.ID, a.secret), "client_id", a.ID),
	} {
		if r.Status != 200 {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

func TestF13RevokingAnothersTokenChangesNothing(t *testing.T) {
	b := newBare()
	pair := b.exchange("victim", b.code(t))
	if r := b.post("/revoke", "attacker", url.Values{"token": {pair.text("access_token")}}.Encode()); r.Status != 200 || !b.active("victim", pair.text("access_token")) {
		t.Error("bare fosite behaves differently now")
	}

	h := newHouse(t)
	a, attacker := h.app(t), h.appOf(t, oauth.Owner{Platform: rival})
	got := h.connected(t, a)
	for _, token := range []string{got.text("access_token"), got.text("refresh_token"), "rt_nonsense", strings.Repeat("x", 5000)} {
		if r := h.post(t, "/oauth/revoke", url.Values{"token": {token}}, bearer(attacker.key)...); r.Status != 200 {
			t.Errorf("revoke: %d %s", r.Status, r.Body)
		}
	}
	if h.call(t, got.text("access_token"), "GET").Status != 200 || h.refresh(t, a, got.text("refresh_token")).Status != 200 {
		t.Error("another client revoked the token")
	}
	next := h.connected(t, a)
	h.call(t, next.text("access_token"), "GET")
	if r := h.post(t, "/oauth/revoke", url.Values{"token": {next.text("refresh_token")}, "token_type_hint": {"access_token"}}, bearer(a.key)...); r.Status != 200 {
		t.Fatalf("revoke: %s", r.Body)
	}
	if h.call(t, next.text("access_token"), "GET").Status != 401 {
		t.Error("the access token outlives its revoked refresh token on this node")
	}
	h.wants(t, "revoked", h.refresh(t, a, next.text("refresh_token")), 400, "invalid_grant")
}

func TestF14LifetimesAreShortAndConnectionsCanRefresh(t *testing.T) {
	config := &fosite.Config{}
	if got := config.GetAuthorizeCodeLifespan(t.Context()); got != 15*time.Minute {
		t.Errorf("bare fosite's codes live %s", got)
	}
	if config.RefreshTokenScopes = nil; len(config.GetRefreshTokenScopes(t.Context())) == 0 {
		t.Error("bare fosite gives refresh tokens without a scope now")
	}

	h := newHouse(t, func(c *oauth.Config) { c.CodeFor, c.AccessFor = time.Hour, 24*time.Hour }) // no longer than the bounds
	a := h.app(t)
	code := h.approve(t, a).Get("code")
	h.clock.Advance(time.Minute)
	h.wants(t, "code after a minute", h.exchange(t, a, code), 400, "invalid_grant")
	got := h.connected(t, a)
	if got.text("refresh_token") == "" || got.JSON["expires_in"] != 3600.0 {
		t.Fatalf("connection: %s", got.Body)
	}
	h.clock.Advance(time.Hour - time.Second)
	if h.call(t, got.text("access_token"), "GET").Status != 200 {
		t.Error("the access token ends early")
	}
	h.clock.Advance(time.Second)
	if h.call(t, got.text("access_token"), "GET").Status != 401 {
		t.Error("the access token lives longer than an hour")
	}
}

// #708: fosite hands out a token whose commit failed. Ours is answered after the
// commit only; crash_test.go breaks every step.

// The state demanded by fosite cannot be turned off: its Config says so, its
// provider does not listen. If this fails, authorize_request.go may show it state.
func TestBareFositeCannotBeToldToAcceptShortState(t *testing.T) {
	b := newBare(func(c *fosite.Config) { c.MinParameterEntropy = -1 })
	if got := b.authorize(t, "client_id=victim&response_type=code&state=x&redirect_uri="+url.QueryEscape(callback)).Get("error"); got != "invalid_state" {
		t.Errorf("bare fosite answers %q", got)
	}
}

func TestAPlatformsKeyStandsInForAClientFromItsNetworksOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for network, allowed := range map[string]bool{"127.0.0.0/8": true, "203.0.113.0/24": false} {
		networks, err := credential.ParseNetworks([]string{network})
		if err != nil {
			t.Fatal(err)
		}
		key := h.makeKey(t, credential.Owner{Account: "acct_hub"}, credential.NewKey{Kind: credential.Secret, Networks: networks})
		r := h.post(t, "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {"ac_x"}, "client_secret": {key}})
		if elsewhere := r.Status == 403 && strings.Contains(r.text("error_description"), "127.0.0.1"); elsewhere == allowed {
			t.Errorf("from 127.0.0.1, limited to %s: %d %s", network, r.Status, r.Body)
		}
	}
}

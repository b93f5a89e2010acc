package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// The attacks of the list O1 to O32 that meet the core. What concerns pages for
// people is tested where those are.

func TestO1RedirectURIsAreComparedByteForByte(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	for _, uri := range []string{
		callback + "/", callback + "/..;/x", callback + "?x=1", callback + "#x", callback + "%2f..", callback + ".", "https://tutorhub.example",
		"https://tutorhub.example/callback/../x", "https://tutorhub.example/callbac", "https://TUTORHUB.example/callback", "HTTPS://tutorhub.example/callback",
		"https://tutorhub.example:443/callback", "https://tutorhub.example./callback", "https://user@tutorhub.example/callback",
		"https://tutorhub.example@attacker.example/callback", "https://attacker.example\\@tutorhub.example/callback",
		"https://attacker.example/https://tutorhub.example/callback", "https://tutorhub.example/Callback", "http://tutorhub.example/callback",
		"https://tutorhub.example%00.attacker.example/callback", "https://tutorhub.example/callback\n", " " + callback, callback + " ",
		"https://tutorhub.example/callback;x", "https://tutоrhub.example/callback", "javascript:alert(1)", "data:text/html,x", "//attacker.example", "",
		"https://a@b@tutorhub.example/callback", "https://tutorhub.example/%63allback", "https://tutorhub.example//callback",
		"https://tutorhub.example/callback/%2e%2e/%2e%2e/evil", "https://tutorhub.example\\.attacker.example/callback",
	} {
		query := a.ask()
		query.Set("redirect_uri", uri)
		h.onPage(t, query)
	}
	if n := h.count(t, "SELECT count(*) FROM oauth.authorize_requests"); n != 0 {
		t.Errorf("%d requests were stored", n)
	}
}

func TestRegisteredRedirectURIsAreSafe(t *testing.T) {
	h := newHouse(t)
	register := func(uri string, live, public bool) error {
		var err error
		h.in(t, func(ctx context.Context, tx bun.Tx) error {
			_, _, err = h.provider.Clients().Create(ctx, tx, h.clock.Now(), oauth.Owner{Platform: tutorHub, Livemode: live},
				oauth.NewClient{Name: "x", Public: public, RedirectURIs: []string{uri}})
			return nil
		})
		return err
	}
	for _, uri := range []string{
		"", "callback", "/callback", "https://", "https:///x", "https://x.example/#f", "https://x.example/*", "https://*.example/", "https://u:p@x.example/",
		"https://x.example/a b", "https://x.example/a\\b", "https://x.example/../y", "https://xn.example./", "https://пример.example/", "http://x.example/",
		"ftp://x.example/", "javascript:alert(1)", "data:text/html,x", "myapp:/cb", "https://x.example/" + strings.Repeat("x", 2000), "http://localhost.attacker.example/",
		"https:x.example", "mailto:x@x.example",
	} {
		for _, public := range []bool{false, true} {
			if err := register(uri, false, public); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q (public %v): %v", uri, public, err)
			}
		}
	}
	for _, uri := range []string{"http://localhost/cb", "http://127.0.0.1:8080/cb", "http://[::1]:9/cb", "https://localhost/cb", "https://x.example/cb?a=b", "https://x.example:8443"} {
		if err := register(uri, false, false); err != nil {
			t.Errorf("test mode: %q: %v", uri, err)
		}
		if live := strings.Contains(uri, "x.example"); (register(uri, true, false) == nil) != live {
			t.Errorf("live mode: %q", uri)
		}
	}
	if err := register("com.example.app:/cb", true, true); err != nil {
		t.Errorf("reverse-domain scheme of a public client: %v", err)
	}
	if err := register("com.example.app:/cb", true, false); err == nil {
		t.Error("a confidential client got a custom scheme")
	}
}

func TestO3VerifierAndChallengeBelongTogether(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	exchange := func(code string, pairs ...string) reply {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return h.post(t, "/oauth/token", form)
	}
	secret := []string{"client_id", a.ID, "client_secret", a.secret}
	h.wants(t, "client secret without PKCE", exchange(h.approve(t, a).Get("code"), secret...), 400, "invalid_grant")
	h.wants(t, "verifier without challenge", exchange(h.approve(t, a).Get("code"), append(secret, "code_verifier", verifier)...), 400, "invalid_grant")
	code := h.approve(t, a).Get("code")
	h.wants(t, "verifier without challenge, with the key", exchange(code, "client_secret", a.key, "code_verifier", verifier), 400, "invalid_grant")
	h.wants(t, "the code is dead", exchange(code, "client_secret", a.key), 400, "invalid_grant")
	code = h.approve(t, a, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256").Get("code")
	h.wants(t, "a key does not replace the verifier that was promised", exchange(code, "client_secret", a.key), 400, "invalid_grant")
	code = h.approve(t, a, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256").Get("code")
	h.wants(t, "the challenge as verifier", exchange(code, append(secret, "code_verifier", challengeOf(verifier))...), 400, "invalid_grant")
	native := h.app(t, public)
	code = h.approve(t, native, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256").Get("code")
	if r := exchange(code, "client_id", native.ID, "code_verifier", verifier); r.Status != 200 {
		t.Errorf("public client: %s", r.Body)
	}
}

func TestO4ReplayOfASpentCodeByItsOwnerRevokesWhatCameOfIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.app(t)
	other := h.connected(t, a)
	code := h.approve(t, a).Get("code")
	got := h.exchange(t, a, code)
	next := h.refresh(t, a, got.text("refresh_token"))
	h.call(t, got.text("access_token"), "GET")
	h.clock.Advance(time.Second)
	h.wants(t, "replay", h.exchange(t, a, code), 400, "invalid_grant")
	within5s(t, func() bool { return h.call(t, got.text("access_token"), "GET").Status == 401 })
	h.wants(t, "refresh", h.refresh(t, a, next.text("refresh_token")), 400, "invalid_grant")
	if h.call(t, other.text("access_token"), "GET").Status != 200 || h.refresh(t, a, other.text("refresh_token")).Status != 200 {
		t.Error("another grant was touched")
	}
	if h.market.access(t, mei) != tenant.ReadWrite {
		t.Error("the connection ended")
	}
	h.wants(t, "replay again", h.exchange(t, a, code), 400, "invalid_grant")
	if got := h.events(t); got != "[authorized grant_revoked]" {
		t.Errorf("events %s", got)
	}
	if n := h.count(t, "SELECT count(*) FROM oauth.incidents WHERE kind = 'code_replayed'"); n != 1 || !strings.Contains(h.logs.String(), "code_replayed") {
		t.Errorf("%d incidents", n)
	}
}

func TestO5AStolenCodeIsUseless(t *testing.T) {
	h := newHouse(t)
	a, sibling, attacker := h.app(t), h.app(t), h.appOf(t, oauth.Owner{Platform: rival})
	pkce := []string{"code_challenge", challengeOf(verifier), "code_challenge_method", "S256"}
	code := h.approve(t, a, pkce...).Get("code")
	form := func(pairs ...string) url.Values {
		f := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}}
		for i := 0; i+1 < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f
	}
	for name, f := range map[string]url.Values{
		"attacker's client": form("client_id", attacker.ID, "client_secret", attacker.secret),
		"attacker's key":    form("client_secret", attacker.key),
		"sibling client":    form("client_id", sibling.ID, "client_secret", sibling.secret),
		"key for a sibling": form("client_id", sibling.ID, "client_secret", a.key),
		"live key":          form("client_secret", h.key(t, tutorHub, true)),
	} {
		h.wants(t, name, h.post(t, "/oauth/token", f), 400, "invalid_grant")
	}
	if r := h.post(t, "/oauth/token", form("client_id", a.ID, "client_secret", a.secret, "redirect_uri", callback)); r.Status != 200 {
		t.Errorf("the owner was harmed: %s", r.Body)
	}
	code = h.approve(t, a, pkce...).Get("code")
	h.wants(t, "another redirect URI", h.post(t, "/oauth/token", form("client_secret", a.key, "redirect_uri", callback+"/x")), 400, "invalid_grant")
}

func TestO6AUsedRefreshTokenRevokesTheFamilyLater(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	other := h.connected(t, a)
	first := h.connected(t, a)
	second := h.refresh(t, a, first.text("refresh_token"))
	h.clock.Advance(time.Minute + time.Second)
	h.wants(t, "reuse", h.refresh(t, a, first.text("refresh_token")), 400, "invalid_grant")
	h.wants(t, "its successor", h.refresh(t, a, second.text("refresh_token")), 400, "invalid_grant")
	within5s(t, func() bool { return h.call(t, second.text("access_token"), "GET").Status == 401 })
	if h.refresh(t, a, other.text("refresh_token")).Status != 200 {
		t.Error("another grant was touched")
	}
	h.wants(t, "reuse again", h.refresh(t, a, first.text("refresh_token")), 400, "invalid_grant")
	if got := h.events(t); got != "[authorized grant_revoked]" {
		t.Errorf("events %s", got)
	}
	if n := h.count(t, "SELECT count(*) FROM oauth.incidents WHERE kind = 'refresh_reused'"); n != 1 {
		t.Errorf("%d incidents", n)
	}
}

func TestO7ALostRefreshAnswerIsGivenAgain(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	first := h.connected(t, a)
	lost := h.refresh(t, a, first.text("refresh_token"))
	h.clock.Advance(59 * time.Second)
	again := h.refresh(t, a, first.text("refresh_token"))
	if again.Status != 200 || again.text("refresh_token") != lost.text("refresh_token") || again.text("access_token") != lost.text("access_token") || again.JSON["expires_in"] != 3541.0 {
		t.Fatalf("again: %s", again.Body)
	}
	h.wants(t, "again for another scope", h.refresh(t, a, first.text("refresh_token"), "scope", "read_only"), 400, "invalid_grant")
	third := h.refresh(t, a, again.text("refresh_token"))
	h.wants(t, "once the successor was used", h.refresh(t, a, first.text("refresh_token")), 400, "invalid_grant")
	if third.Status != 200 || h.refresh(t, a, third.text("refresh_token")).Status != 200 {
		t.Error("a late repetition within the minute harmed the family")
	}
	// Neither the row of the used token nor the token alone tell the successor.
	other := nodeOf(t, h.pool, h.market, h.clock, func(c *oauth.Config) { c.Successors = pepper(t, "other") })
	if r := other.refresh(t, a, third.text("refresh_token")); r.Status == 200 {
		t.Error("the successor does not depend on the pepper")
	}
}

func TestO8AfterDeauthorizeNothingLivesHoweverRefreshesRace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	there := nodeOf(t, h.pool, h.market, h.clock)
	a := h.app(t)
	for range rounds(t) {
		first := h.connected(t, a)
		code := h.approve(t, a).Get("code")
		var (
			all sync.WaitGroup
			mu  sync.Mutex
			got []reply
		)
		start := make(chan struct{})
		for i := range 8 {
			all.Go(func() {
				<-start
				r := h.refresh(t, a, first.text("refresh_token"))
				if i == 0 {
					r = there.exchange(t, a, code)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, r)
			})
		}
		all.Go(func() {
			<-start
			if _, err := there.provider.Connections().Deauthorize(t.Context(), h.connection(t, a).ID, meiUser); err != nil {
				t.Error(err)
			}
			// From here on nothing that was answered, or will be, may work.
			if n := h.count(t, "SELECT count(*) FROM oauth.tokens WHERE revoked_at IS NULL"); n != 0 {
				t.Errorf("%d live tokens after the end", n)
			}
			if h.market.access(t, mei) != tenant.NoAccess {
				t.Error("access remains")
			}
		})
		close(start)
		all.Wait()
		if n := h.count(t, "SELECT count(*) FROM oauth.tokens WHERE revoked_at IS NULL"); n != 0 || h.market.access(t, mei) != tenant.NoAccess {
			t.Fatalf("%d live tokens, access %q", n, h.market.access(t, mei))
		}
		for _, r := range got {
			if token := r.text("access_token"); token != "" && (h.call(t, token, "GET").Status != 401) {
				within5s(t, func() bool { return h.call(t, token, "GET").Status == 401 })
			}
		}
		h.clock.Advance(time.Second)
	}
}

func TestO14ClientAuthentication(t *testing.T) {
	h := newHouse(t)
	a, off, open := h.app(t), h.app(t), h.app(t, public)
	second := h.post(t, "/v1/oauth_clients/"+a.ID+"/secrets", nil, bearer(a.key)...)
	if second.Status != 200 {
		t.Fatal(second.Body)
	}
	secrets, _ := second.JSON["secrets"].([]any)
	newest, _ := secrets[1].(map[string]any)
	plain, _ := newest["secret"].(string)
	oldest, _ := secrets[0].(map[string]any)
	h.turn(t, off, oauth.Owner{Platform: tutorHub}, true)
	restricted := h.makeKey(t, credential.Owner{Account: tutorHub}, credential.NewKey{Kind: credential.Restricted, Scopes: []string{"charges:read"}})
	publishable := h.makeKey(t, credential.Owner{Account: tutorHub}, credential.NewKey{Kind: credential.Publishable})
	meis := h.makeKey(t, credential.Owner{Account: mei, Platform: tutorHub}, credential.NewKey{Kind: credential.Secret})
	ask := func(header []string, pairs ...string) reply {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return h.post(t, "/oauth/token", form, header...)
	}
	for name, r := range map[string]reply{
		"first secret": ask(nil, "client_id", a.ID, "client_secret", a.secret), "second secret": ask(nil, "client_id", a.ID, "client_secret", plain),
		"key": ask(bearer(a.key), "client_id", a.ID),
	} {
		if r.Status != 200 {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	want := ask(nil, "client_id", a.ID, "client_secret", "cs_test_wrong").Body
	for name, r := range map[string]reply{
		"nothing": ask(nil), "no secret": ask(nil, "client_id", a.ID), "wrong": ask(nil, "client_id", a.ID, "client_secret", "x"),
		"another's secret": ask(nil, "client_id", a.ID, "client_secret", off.secret), "unknown client": ask(nil, "client_id", "ca_x", "client_secret", a.secret),
		"disabled": ask(nil, "client_id", off.ID, "client_secret", off.secret), "disabled with the key": ask(bearer(a.key), "client_id", off.ID),
		"secret without client": ask(nil, "client_secret", a.secret), "key of a rival": ask(bearer(h.key(t, rival, false)), "client_id", a.ID),
		"live key": ask(bearer(h.key(t, tutorHub, true)), "client_id", a.ID), "restricted key": ask(bearer(restricted), "client_id", a.ID),
		"publishable key": ask(bearer(publishable), "client_id", a.ID), "a connected account's key": ask(bearer(meis), "client_id", a.ID),
		"public with a secret": ask(nil, "client_id", open.ID, "client_secret", "x"), "NUL": ask(nil, "client_id", "ca_\x00"), "long": ask(nil, "client_id", strings.Repeat("x", 9000)),
		"assertion": ask(nil, "client_id", a.ID, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "eyJhbGciOiJub25lIn0.e30."),
	} {
		if r.Status != 401 || r.Body != want || r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	id, _ := oldest["id"].(string)
	if r, err := h.try("DELETE", "/v1/oauth_clients/"+a.ID+"/secrets/"+id, nil, bearer(a.key)...); err != nil || r.Status != 200 {
		t.Fatalf("remove secret: %v %s", err, r.Body)
	}
	h.wants(t, "a removed secret", ask(nil, "client_id", a.ID, "client_secret", a.secret), 401, "invalid_client")
	if r := ask(nil, "client_id", a.ID, "client_secret", plain); r.Status != 200 {
		t.Errorf("the remaining secret: %s", r.Body)
	}
}

// Equal timing is a matter of equal work. This is a smoke test on purpose: a
// missing hash or look-up would show as a factor in the medians, whatever else the
// machine does, since the four failures take turns.
func TestO15FailuresOfClientAuthenticationTakeAboutEqualTime(t *testing.T) {
	h := newHouse(t)
	a, off := h.app(t), h.app(t)
	h.turn(t, off, oauth.Owner{Platform: tutorHub}, true)
	failures := []url.Values{
		{"client_id": {a.ID}, "client_secret": {"cs_test_wrong"}}, {"client_id": {a.ID}},
		{"client_id": {"ca_unknown"}, "client_secret": {"cs_test_wrong"}}, {"client_id": {off.ID}, "client_secret": {off.secret}},
	}
	took := make([][]time.Duration, len(failures))
	for range 61 {
		for i, form := range failures {
			form.Set("grant_type", "client_credentials")
			r := httptest.NewRequest("POST", "/oauth/token", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			began := time.Now()
			_, err := h.provider.Token(t.Context(), r)
			took[i] = append(took[i], time.Since(began))
			if err == nil {
				t.Fatal("accepted")
			}
		}
	}
	var medians []time.Duration
	for _, times := range took {
		slices.Sort(times)
		medians = append(medians, times[len(times)/2])
	}
	if slices.Max(medians) > 4*slices.Min(medians) {
		t.Errorf("medians differ too much: %v", medians)
	}
}

func TestO16ScopesNeverGrow(t *testing.T) {
	h := newHouse(t)
	narrow := h.app(t, func(c *oauth.NewClient) { c.Scopes = []tenant.Access{tenant.ReadOnly} })
	for _, scope := range []string{"read_write", "read_only read_write", "planets", "read_only planets", "READ_ONLY", "*"} {
		if got := h.refused(t, narrow.ask("scope", scope)); got.Get("error") != "invalid_scope" {
			t.Errorf("%q: %v", scope, got)
		}
	}
	a := h.app(t)
	b := &browser{h: h}
	request, err := b.begin(t, a.ask("scope", ""))
	if err != nil || request.Scope != tenant.ReadOnly {
		t.Fatalf("default scope %q, %v", request.Scope, err)
	}
	if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, meiUser); err != nil {
		t.Fatal(err)
	}
	for _, scope := range []tenant.Access{tenant.ReadWrite, tenant.NoAccess, "planets"} { // tampering with the consent
		_, err := h.provider.Approve(t.Context(), b.request(nil), request.ID, meiUser, mei, scope)
		if asAuthorizeError(t, err).Code != "invalid_scope" {
			t.Errorf("%q was approved: %v", scope, err)
		}
	}
	wide := h.connected(t, a)
	h.in(t, func(ctx context.Context, tx bun.Tx) error {
		_, err := h.provider.Clients().Update(ctx, tx, oauth.Owner{Platform: tutorHub}, a.ID, oauth.ClientChange{Scopes: []tenant.Access{tenant.ReadOnly}})
		return err
	})
	if r := h.refresh(t, a, wide.text("refresh_token")); r.Status != 200 || r.text("scope") != "read_only" {
		t.Errorf("a client that lost a scope refreshes to %s", r.Body)
	}
}

func TestO18TokensAreBoundToPlatformAccountAndMode(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	live := h.appOf(t, oauth.Owner{Platform: tutorHub, Livemode: true}, func(c *oauth.NewClient) { c.RedirectURIs = []string{callback} })
	h.market.add(t, tutorHub, "acct_livetutor", true)
	h.market.add(t, rival, "acct_rivals", false)
	token := h.connected(t, a).text("access_token")
	r := h.exchange(t, live, h.approveFor(t, "acct_livetutor", live).Get("code"))
	if r.Status != 200 || !strings.HasPrefix(r.text("access_token"), "sk_live_oat_") || r.JSON["livemode"] != true || !strings.HasPrefix(r.text("stripe_publishable_key"), "pk_live_") {
		t.Fatalf("live: %s", r.Body)
	}
	if got := h.call(t, r.text("access_token"), "GET"); got.text("account") != "acct_livetutor" || got.JSON["livemode"] != true {
		t.Errorf("live token acts for %s", got.Body)
	}
	for _, other := range []string{"acct_rivals", tutorHub, "acct_livetutor"} {
		got, err := h.try("GET", "/v1/charges", nil, append(bearer(token), "Stripe-Account", other)...)
		if err != nil || got.Status != 403 {
			t.Errorf("acting for %s: %d %s", other, got.Status, got.Body)
		}
	}
	b := &browser{h: h}
	request, err := b.begin(t, a.ask())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, meiUser); err != nil {
		t.Fatal(err)
	}
	h.members.own["acct_others"] = "usr_other"
	h.market.add(t, tutorHub, "acct_others", false)
	for _, account := range []string{"acct_rivals", "acct_livetutor", "acct_none", "acct_others"} {
		_, err := h.provider.Approve(t.Context(), b.request(nil), request.ID, meiUser, account, tenant.ReadOnly)
		if asAuthorizeError(t, err).Code != "access_denied" {
			t.Errorf("%s was connected: %v", account, err)
		}
	}
	for _, account := range []string{"acct_rivals", "acct_none", "", "x\x00"} {
		if r := h.post(t, "/oauth/deauthorize", url.Values{"client_id": {a.ID}, "stripe_user_id": {account}}, bearer(a.key)...); r.Status == 200 {
			t.Errorf("deauthorized %q", account)
		}
	}
	h.wants(t, "a rival ends the connection", h.post(t, "/oauth/deauthorize", url.Values{"client_id": {a.ID}, "stripe_user_id": {mei}}, bearer(h.key(t, rival, false))...), 401, "invalid_client")
}

func TestO21OnlyWhoTheRequestWasShownToCanApproveIt(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	b := &browser{h: h}
	request, err := b.begin(t, a.ask())
	if err != nil {
		t.Fatal(err)
	}
	approve := func(user string) error {
		_, err := h.provider.Approve(t.Context(), b.request(nil), request.ID, user, mei, tenant.ReadWrite)
		return err
	}
	bind := func(user string) {
		t.Helper()
		if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, user); err != nil {
			t.Fatal(err)
		}
	}
	if got := asAuthorizeError(t, approve(meiUser)).Code; got != "wrong_user" {
		t.Errorf("approved before it was shown: %s", got)
	}
	bind(meiUser)
	if got := asAuthorizeError(t, approve("usr_other")).Code; got != "wrong_user" {
		t.Errorf("another user approved: %s", got)
	}
	if _, err := h.provider.Consent(t.Context(), b.request(nil), request.ID, oauth.Consent{User: meiUser, Account: mei, Scope: tenant.ReadOnly}); err != nil {
		t.Fatal(err)
	}
	bind("usr_other") // signs in as another one: Mei's consent is not theirs
	if _, err := h.provider.Complete(t.Context(), b.request(nil), request.ID, "usr_other"); asAuthorizeError(t, err).Code != "consent_required" {
		t.Errorf("a consent passed to another user: %v", err)
	}
	if _, err := h.provider.Complete(t.Context(), b.request(nil), request.ID, meiUser); asAuthorizeError(t, err).Code != "wrong_user" {
		t.Errorf("completed by somebody it was not shown to: %v", err)
	}
	bind(meiUser)
	strange := &browser{h: h}
	if _, err := strange.begin(t, a.ask()); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*http.Request{"another browser": strange.request(nil), "no cookie": (&browser{h: h}).request(nil)} {
		_, pending := h.provider.Pending(t.Context(), r, request.ID)
		_, denied := h.provider.Deny(t.Context(), r, request.ID)
		_, approved := h.provider.Approve(t.Context(), r, request.ID, meiUser, mei, tenant.ReadOnly)
		for _, err := range []error{pending, denied, approved} {
			if asAuthorizeError(t, err).Code != "wrong_browser" {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := approve(meiUser); err != nil {
		t.Fatal(err)
	}
	if got := asAuthorizeError(t, approve(meiUser)).Code; got != "request_used" {
		t.Errorf("approved twice: %s", got)
	}
	if n := h.count(t, "SELECT count(*) FROM oauth.codes"); n != 1 {
		t.Errorf("%d codes", n)
	}
	late, err := b.begin(t, a.ask())
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Hour)
	if _, err := h.provider.Pending(t.Context(), b.request(nil), late.ID); asAuthorizeError(t, err).Code != "request_expired" {
		t.Errorf("an old request: %v", err)
	}
}

func TestANewAccountIsOpenedWithTheConsentOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	b := &browser{h: h}
	request, err := b.begin(t, a.ask("stripe_user[email]", "mei@example.com", "stripe_user[unknown]", "x", "suggested_capabilities[]", "transfers", "suggested_capabilities[0]", "card_payments"))
	if err != nil {
		t.Fatal(err)
	}
	if request.Prefill["email"] != "mei@example.com" || len(request.Prefill) != 1 || !slices.Equal(request.Capabilities, []string{"card_payments", "transfers"}) && !slices.Equal(request.Capabilities, []string{"transfers", "card_payments"}) {
		t.Errorf("prefill %v, capabilities %v", request.Prefill, request.Capabilities)
	}
	if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, meiUser); err != nil {
		t.Fatal(err)
	}
	consent := func() string {
		got, err := h.provider.Consent(t.Context(), b.request(nil), request.ID, oauth.Consent{User: meiUser, Email: "mei@example.com", Scope: tenant.ReadOnly})
		if err != nil {
			t.Fatal(err)
		}
		return got.Account
	}
	account := consent()
	if again := consent(); again != account || h.members.own[account] != meiUser {
		t.Errorf("a repeated consent opened %s beside %s", again, account)
	}
	redirect, err := h.provider.Complete(t.Context(), b.request(nil), request.ID, meiUser)
	if err != nil {
		t.Fatal(err)
	}
	if r := h.exchange(t, a, told(t, redirect).Get("code")); r.text("stripe_user_id") != account || r.text("scope") != "read_only" {
		t.Errorf("exchange: %s", r.Body)
	}
}

func TestO22NoJWTIsAccepted(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	const jwt = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhY2N0X21laSIsInNjb3BlIjoicmVhZF93cml0ZSJ9."
	if r := h.call(t, jwt, "GET"); r.Status != 401 {
		t.Errorf("as access token: %d", r.Status)
	}
	if got := h.refused(t, a.ask("request", jwt)); got.Get("error") != "request_not_supported" {
		t.Errorf("request object: %v", got)
	}
	fetched := false
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched = true }))
	defer trap.Close()
	h.onPage(t, a.ask("request_uri", trap.URL))
	h.wants(t, "grant", h.post(t, "/oauth/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jwt}}, bearer(a.key)...), 400, "unsupported_grant_type")
	if r := h.post(t, "/oauth/introspect", url.Values{"token": {jwt}}, bearer(a.key)...); r.JSON["active"] != false {
		t.Errorf("introspection: %s", r.Body)
	}
	if fetched {
		t.Error("the server fetched a URL from a request")
	}
}

func TestO24MalformedProtocolRequestsHaveNoEffect(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	code := h.approve(t, a).Get("code")
	good := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_secret": {a.key}}
	for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par", "/oauth/deauthorize"} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
			r, err := h.try(method, path, good)
			if err != nil || r.Status != 400 || r.text("error") != "invalid_request" || r.Header.Get("Allow") != "POST" {
				t.Errorf("%s %s: %v %d %s", method, path, err, r.Status, r.Body)
			}
		}
		for name, header := range map[string]string{"json": "application/json", "multipart": "multipart/form-data; boundary=x", "text": "text/plain", "none": ""} {
			h.wants(t, path+" "+name, h.post(t, path, good, "Content-Type", header), 400, "invalid_request")
		}
		h.wants(t, path+" in the query", h.post(t, path+"?"+good.Encode(), nil), 400, "invalid_request")
		h.wants(t, path+" oversize", h.post(t, path, url.Values{"x": {strings.Repeat("x", 1<<17)}}), 400, "invalid_request")
	}
	h.wants(t, "nothing", h.post(t, "/oauth/token", nil), 400, "invalid_request")
	h.wants(t, "unknown grant", h.post(t, "/oauth/token", url.Values{"grant_type": {"password"}}, bearer(a.key)...), 400, "unsupported_grant_type")
	h.wants(t, "no code", h.post(t, "/oauth/token", url.Values{"grant_type": {"authorization_code"}}, bearer(a.key)...), 400, "invalid_request")
	h.wants(t, "no refresh token", h.post(t, "/oauth/token", url.Values{"grant_type": {"refresh_token"}}, bearer(a.key)...), 400, "invalid_request")
	for _, bad := range []string{"x", "ac_x\x00", "ac_" + strings.Repeat("a", 49), strings.Repeat("ac_", 10_000)} {
		h.wants(t, "bad code", h.post(t, "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {bad}}, bearer(a.key)...), 400, "invalid_grant")
	}
	if r := h.post(t, "/oauth/token", good, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"); r.Status != 200 {
		t.Errorf("the code was spent by what was refused: %s", r.Body)
	}
}

func TestO26ConsentCannotBeSkipped(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	h.connected(t, a)
	if got := h.refused(t, a.ask("prompt", "none")); got.Get("error") != "consent_required" {
		t.Errorf("prompt=none: %v", got)
	}
	b := &browser{h: h}
	request, err := b.begin(t, a.ask())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.provider.Bind(t.Context(), b.request(nil), request.ID, meiUser); err != nil {
		t.Fatal(err)
	}
	if _, err := h.provider.Complete(t.Context(), b.request(nil), request.ID, meiUser); asAuthorizeError(t, err).Code != "consent_required" {
		t.Errorf("a code without consent: %v", err)
	}
}

func TestO28TheDatabaseHoldsNothingUsable(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	b := &browser{h: h}
	if _, err := b.begin(t, a.ask()); err != nil {
		t.Fatal(err)
	}
	pushed := h.post(t, "/oauth/par", a.ask("client_secret", a.secret))
	if pushed.Status != 201 {
		t.Fatal(pushed.Body)
	}
	answer := h.approve(t, a)
	first := h.exchange(t, a, answer.Get("code"))
	next := h.refresh(t, a, first.text("refresh_token"))
	credentials := h.post(t, "/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ID}, "client_secret": {a.secret}})
	secrets := map[string]string{
		"code": answer.Get("code"), "access token": first.text("access_token"), "refresh token": first.text("refresh_token"),
		"next access token": next.text("access_token"), "next refresh token": next.text("refresh_token"), "platform token": credentials.text("access_token"),
		"client secret": a.secret, "key": a.key, "publishable key": first.text("stripe_publishable_key"), "browser cookie": b.cookie.Value,
		"request_uri": strings.TrimPrefix(pushed.text("request_uri"), "urn:ietf:params:oauth:request_uri:"),
	}
	var tables []string
	if err := h.pool.NewRaw("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('oauth', 'platform')").Scan(t.Context(), &tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		var dump string
		if err := h.pool.NewRaw("SELECT COALESCE(string_agg(r::text, ' '), '') FROM ? AS r", bun.Ident(table)).Scan(t.Context(), &dump); err != nil {
			t.Fatal(err)
		}
		h.mustNotHold(t, table, dump, secrets)
	}
	h.mustNotHold(t, "the log", h.logs.String(), secrets) // O13
}

func (h *house) mustNotHold(t *testing.T, where, text string, secrets map[string]string) {
	t.Helper()
	for name, plain := range secrets {
		if len(plain) < 30 {
			t.Fatalf("no %s to look for", name)
		}
		if strings.Contains(text, plain[12:]) {
			t.Errorf("%s holds the %s", where, name)
		}
	}
}

func TestO29PushedRequestsWorkOnceForTheirOwnClient(t *testing.T) {
	h := newHouse(t)
	a := h.app(t, func(c *oauth.NewClient) { c.RequirePAR = true })
	other := h.app(t)
	push := func() string {
		t.Helper()
		r := h.post(t, "/oauth/par", a.ask("client_secret", a.secret, "state", "pushed", "scope", "read_only"))
		if r.Status != 201 || r.JSON["expires_in"] != 90.0 {
			t.Fatalf("push: %d %s", r.Status, r.Body)
		}
		return r.text("request_uri")
	}
	begin := func(a app, uri string) (*oauth.AuthorizeRequest, error) {
		return (&browser{h: h}).begin(t, url.Values{"client_id": {a.ID}, "request_uri": {uri}, "scope": {"read_write"}, "state": {"query"}})
	}
	uri := push()
	if _, err := begin(other, uri); asAuthorizeError(t, err).Code != "request_expired" {
		t.Errorf("another client used it: %v", err)
	}
	request, err := begin(a, uri)
	if err != nil || request.Scope != tenant.ReadOnly { // what the query says besides counts nothing
		t.Fatalf("begin: %v", err)
	}
	if _, err := begin(a, uri); asAuthorizeError(t, err).Code != "request_expired" {
		t.Errorf("used twice: %v", err)
	}
	uri = push()
	h.clock.Advance(90 * time.Second)
	if _, err := begin(a, uri); asAuthorizeError(t, err).Code != "request_expired" {
		t.Errorf("expired: %v", err)
	}
	uri = push()
	won := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := begin(a, uri)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Errorf("%d of eight parallel visits got through", won)
	}
	if got := h.refused(t, a.ask()); got.Get("error") != "invalid_request" {
		t.Errorf("a client that must push did not: %v", got)
	}
	for name, form := range map[string]url.Values{
		"request_uri inside": a.ask("client_secret", a.secret, "request_uri", uri), "redirect": a.ask("client_secret", a.secret, "redirect_uri", "https://attacker.example"),
		"challenge": a.ask("client_secret", a.secret, "code_challenge", "x"), "response type": a.ask("client_secret", a.secret, "response_type", ""),
	} {
		h.wants(t, name, h.post(t, "/oauth/par", form), 400, "invalid_request")
	}
	h.wants(t, "scope", h.post(t, "/oauth/par", a.ask("client_secret", a.secret, "scope", "planets")), 400, "invalid_scope")
	h.wants(t, "nobody", h.post(t, "/oauth/par", a.ask()), 401, "invalid_client")
}

// A crash at any step of an exchange or refresh leaves all or nothing (O32, and
// the token that fosite would give out after a failed commit, #708).
func TestO32ACrashLeavesNoHalfGrant(t *testing.T) {
	var crashAt string
	var mu sync.Mutex
	seen := map[string]bool{}
	h := newHouse(t, func(c *oauth.Config) {
		c.Step = func(name string) error {
			mu.Lock()
			defer mu.Unlock()
			seen[name] = true
			if name == crashAt {
				return errors.New("crash")
			}
			return nil
		}
	})
	a := h.app(t)
	crash := func(step string, call func() reply) {
		t.Helper()
		mu.Lock()
		crashAt = step
		mu.Unlock()
		before := h.count(t, "SELECT count(*) FROM oauth.tokens WHERE revoked_at IS NULL AND rotated_at IS NULL")
		if r := call(); r.Status != 500 || r.text("error") != "server_error" || r.text("access_token") != "" {
			t.Errorf("crash after %q: %d %s", step, r.Status, r.Body)
		}
		if after := h.count(t, "SELECT count(*) FROM oauth.tokens WHERE revoked_at IS NULL AND rotated_at IS NULL"); after != before {
			t.Errorf("crash after %q left %d tokens of %d", step, after, before)
		}
		mu.Lock()
		crashAt = ""
		mu.Unlock()
		h.clock.Advance(time.Second)
	}
	code := h.approve(t, a).Get("code")
	for _, step := range []string{"code spent", "access token stored", "refresh token stored", "connection active"} {
		crash(step, func() reply { return h.exchange(t, a, code) })
		if h.market.access(t, mei) != tenant.NoAccess || h.connection(t, a).Active() {
			t.Errorf("crash after %q left access", step)
		}
	}
	got := h.exchange(t, a, code)
	if got.Status != 200 {
		t.Fatalf("the code is lost: %s", got.Body)
	}
	for _, step := range []string{"refresh token used", "access token stored", "refresh token stored"} {
		crash(step, func() reply { return h.refresh(t, a, got.text("refresh_token")) })
	}
	if r := h.refresh(t, a, got.text("refresh_token")); r.Status != 200 {
		t.Errorf("the refresh token is lost: %s", r.Body)
	}
	if len(seen) != 5 {
		t.Errorf("steps passed: %v", seen)
	}
}

// A server that is killed in the middle has its transaction rolled back by
// PostgreSQL: the same, with the session cut instead of an error returned.
func TestO32ACutSessionLeavesTheCodeUnused(t *testing.T) {
	var cut func()
	h := newHouse(t, func(c *oauth.Config) {
		c.Step = func(name string) error {
			if name == "refresh token stored" && cut != nil {
				cut()
			}
			return nil
		}
	})
	a := h.app(t)
	code := h.approve(t, a).Get("code")
	attempts := 0
	cut = func() {
		attempts++
		_, err := h.pool.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()`)
		if err != nil {
			t.Error(err)
		}
	}
	r := h.exchange(t, a, code)
	if attempts < 2 { // a session lost before the commit is tried again, a bounded number of times
		t.Errorf("cut %d times", attempts)
	}
	if r.Status != 503 || r.text("error") != "temporarily_unavailable" || h.count(t, "SELECT count(*) FROM oauth.tokens") != 0 {
		t.Errorf("cut: %d %s", r.Status, r.Body)
	}
	cut = nil
	if r := h.exchange(t, a, code); r.Status != 200 {
		t.Errorf("the code is lost: %s", r.Body)
	}
}

// counting is a throttle that stops after three failures of one address.
type counting struct {
	mu    sync.Mutex
	fails map[string]int
}

func (c *counting) Wait(_ context.Context, subject string) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails[subject] >= 3 {
		return time.Minute, nil
	}
	return 0, nil
}

func (c *counting) Fail(_ context.Context, subject string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails[subject]++
	return nil
}

func TestO19FailedAttemptsAreSlowedDown(t *testing.T) {
	throttle := &counting{fails: map[string]int{}}
	h := newHouse(t, func(c *oauth.Config) { c.Throttle = throttle })
	a := h.app(t)
	h.connected(t, a)
	h.wants(t, "wrong secret", h.post(t, "/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ID}, "client_secret": {"x"}}), 401, "invalid_client")
	h.wants(t, "wrong code", h.exchange(t, a, "ac_x"), 400, "invalid_grant")
	h.wants(t, "wrong token", h.refresh(t, a, "rt_x"), 400, "invalid_grant")
	r := h.refresh(t, a, "rt_x")
	h.wants(t, "too many", r, 429, "temporarily_unavailable")
	if r.Header.Get("Retry-After") != "61" || len(throttle.fails) != 1 || throttle.fails["127.0.0.1"] != 3 {
		t.Errorf("Retry-After %s, counted %v", r.Header.Get("Retry-After"), throttle.fails)
	}
	delete(throttle.fails, "127.0.0.1")
	h.connected(t, a)
}

func TestSweepRemovesOnlyWhatIsNoLongerLookedAt(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	first := h.connected(t, a)
	next := h.refresh(t, a, first.text("refresh_token"))
	h.post(t, "/oauth/par", a.ask("client_secret", a.secret))
	sweep := func() (n int) {
		t.Helper()
		for {
			removed, err := h.provider.Sweep(t.Context(), h.pool, h.clock.Now(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if n += removed; removed == 0 {
				return n
			}
		}
	}
	if n := sweep(); n != 0 {
		t.Errorf("%d rows removed at once", n)
	}
	h.clock.Advance(2 * time.Hour)
	if n := sweep(); n != 4 { // two access tokens, the authorization request, the pushed request
		t.Errorf("%d rows removed after two hours", n)
	}
	h.clock.Advance(24 * time.Hour)
	if n := sweep(); n != 1 { // the code
		t.Errorf("%d rows removed after a day", n)
	}
	h.clock.Advance(30 * 24 * time.Hour)
	if n := sweep(); n != 1 { // the used refresh token
		t.Errorf("%d rows removed after a month", n)
	}
	if r := h.refresh(t, a, next.text("refresh_token")); r.Status != 200 {
		t.Errorf("the live refresh token: %s", r.Body)
	}
}

func TestO31RotatingThePepperFailsNoValidSecret(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	got := h.connected(t, a)
	code := h.approve(t, a).Get("code")
	b := &browser{h: h}
	request, err := b.begin(t, a.ask())
	if err != nil {
		t.Fatal(err)
	}
	pushed := h.post(t, "/oauth/par", a.ask("client_secret", a.secret)).text("request_uri")
	next := nodeOf(t, h.pool, h.market, h.clock, func(c *oauth.Config) {
		c.Former, c.Pepper = []secret.Pepper{c.Pepper}, pepper(t, "oauth_tokens_2")
	})
	if r := next.call(t, got.text("access_token"), "GET"); r.Status != 200 {
		t.Errorf("access token: %d", r.Status)
	}
	if _, err := next.provider.Pending(t.Context(), b.request(nil), request.ID); err != nil {
		t.Errorf("request: %v", err)
	}
	if _, err := (&browser{h: next}).begin(t, url.Values{"client_id": {a.ID}, "request_uri": {pushed}}); err != nil {
		t.Errorf("pushed request: %v", err)
	}
	if r := next.post(t, "/oauth/introspect", url.Values{"token": {got.text("access_token")}, "client_id": {a.ID}, "client_secret": {a.secret}}); r.JSON["active"] != true {
		t.Errorf("client secret, introspection: %d %s", r.Status, r.Body)
	}
	fresh := next.refresh(t, a, got.text("refresh_token"))
	if fresh.Status != 200 || next.exchange(t, a, code).Status != 200 {
		t.Fatalf("refresh or exchange: %s", fresh.Body)
	}
	within := next.refresh(t, a, got.text("refresh_token"))
	if within.text("refresh_token") != fresh.text("refresh_token") {
		t.Errorf("a lost answer: %d %s", within.Status, within.Body)
	}
	if r := next.post(t, "/oauth/revoke", url.Values{"token": {fresh.text("refresh_token")}}, bearer(a.key)...); r.Status != 200 || next.call(t, fresh.text("access_token"), "GET").Status != 401 {
		t.Errorf("revoke: %d", r.Status)
	}
	if h.call(t, fresh.text("access_token"), "GET").Status != 401 {
		t.Error("the old node knows the new pepper")
	}
}

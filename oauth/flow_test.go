package oauth_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/platform/tenant"
)

func TestAConnectionIsMadeUsedRefreshedAndEnded(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	answer := h.approve(t, a, "state", "a b&c=é")
	if answer.Get("state") != "a b&c=é" || answer.Get("iss") != h.provider.Issuer() || answer.Get("scope") != "read_write" {
		t.Fatalf("the client was told %v", answer)
	}
	if h.market.access(t, mei) != tenant.NoAccess || h.connection(t, a).Active() {
		t.Fatal("access began before the code was exchanged")
	}
	got := h.exchange(t, a, answer.Get("code"))
	if got.Status != 200 || got.text("stripe_user_id") != mei || got.text("token_type") != "bearer" || got.text("scope") != "read_write" ||
		got.JSON["livemode"] != false || got.JSON["expires_in"] != 3600.0 || got.Header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(got.text("stripe_publishable_key"), "pk_test_") || !strings.HasPrefix(got.text("refresh_token"), "rt_") {
		t.Fatalf("exchange: %d %s", got.Status, got.Body)
	}
	if !regexp.MustCompile(oauth.Pattern).MatchString(got.text("access_token")) {
		t.Errorf("the published pattern does not find %s", got.text("access_token")[:14])
	}
	if h.market.access(t, mei) != tenant.ReadWrite || !h.connection(t, a).Active() {
		t.Fatal("the exchange gave no access")
	}
	if r := h.call(t, got.text("access_token"), "POST"); r.Status != 200 || r.text("account") != mei || r.text("platform") != tutorHub {
		t.Fatalf("the access token acts for %s", r.Body)
	}
	next := h.refresh(t, a, got.text("refresh_token"))
	if next.Status != 200 || next.text("refresh_token") == got.text("refresh_token") || next.text("stripe_publishable_key") != got.text("stripe_publishable_key") {
		t.Fatalf("refresh: %d %s", next.Status, next.Body)
	}
	for range 2 { // again changes nothing
		gone := h.post(t, "/oauth/deauthorize", url.Values{"client_id": {a.ID}, "stripe_user_id": {mei}}, bearer(a.key)...)
		if gone.Status != 200 || len(gone.JSON) != 1 || gone.text("stripe_user_id") != mei {
			t.Fatalf("deauthorize: %d %s", gone.Status, gone.Body)
		}
	}
	if h.market.access(t, mei) != tenant.NoAccess {
		t.Error("access remains")
	}
	for _, token := range []string{got.text("access_token"), next.text("access_token")} {
		if r := h.call(t, token, "GET"); r.Status != 401 {
			t.Errorf("the token works after the end: %d", r.Status)
		}
	}
	h.wants(t, "refresh after the end", h.refresh(t, a, next.text("refresh_token")), 400, "invalid_grant")
	if got := h.events(t); got != "[authorized deauthorized]" {
		t.Errorf("events %s", got)
	}
}

func TestReadOnlyTokensOnlyRead(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	token := h.connected(t, a, "scope", "read_only").text("access_token")
	if r := h.call(t, token, "GET"); r.Status != 200 {
		t.Errorf("GET: %d %s", r.Status, r.Body)
	}
	if r := h.call(t, token, "POST"); r.Status != 403 {
		t.Errorf("POST: %d %s", r.Status, r.Body)
	}
	r, err := h.try("GET", "/v1/secrets", nil, bearer(token)...)
	if err != nil || r.Status != 403 {
		t.Errorf("a resource that tokens do not reach: %d %s", r.Status, r.Body)
	}
	r, err = h.try("GET", "/v1/oauth_clients", nil, bearer(token)...)
	if err != nil || r.Status != 403 {
		t.Errorf("managing clients: %d %s", r.Status, r.Body)
	}
	r, err = h.try("GET", "/v1/charges?access_token="+token, nil) // O25
	if err != nil || r.Status != 401 {
		t.Errorf("token in the query: %d %s", r.Status, r.Body)
	}
}

func TestMoreScopeIsAskedForTheDifferenceAndTheOldGrantWorksUntilThen(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	old := h.connected(t, a, "scope", "read_only")
	have := h.connection(t, a)
	if oauth.Difference(have, tenant.ReadOnly) != tenant.NoAccess || oauth.Difference(have, tenant.ReadWrite) != tenant.ReadWrite || oauth.Difference(nil, tenant.ReadOnly) != tenant.ReadOnly {
		t.Error("the difference is wrong")
	}
	answer := h.approve(t, a, "scope", "read_write")
	if h.market.access(t, mei) != tenant.ReadOnly || h.call(t, old.text("access_token"), "GET").Status != 200 {
		t.Error("the old grant does not work while the new one is not exchanged")
	}
	if r := h.exchange(t, a, answer.Get("code")); r.Status != 200 || r.text("scope") != "read_write" {
		t.Fatalf("exchange: %s", r.Body)
	}
	if h.market.access(t, mei) != tenant.ReadWrite {
		t.Error("the wider scope gave no access")
	}
	if next := h.refresh(t, a, old.text("refresh_token"), "scope", "read_write"); next.Status != 400 || next.text("error") != "invalid_scope" {
		t.Errorf("the old refresh token grew: %d %s", next.Status, next.Body)
	}
	if h.call(t, old.text("access_token"), "POST").Status != 403 {
		t.Error("the old access token grew")
	}
}

func TestClientCredentialsActForThePlatformItself(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ID}, "client_secret": {a.secret}, "scope": {"read_write"}}
	got := h.post(t, "/oauth/token", form)
	if got.Status != 200 || got.text("stripe_user_id") != tutorHub || got.text("refresh_token") != "" {
		t.Fatalf("client credentials: %d %s", got.Status, got.Body)
	}
	if r := h.call(t, got.text("access_token"), "POST"); r.Status != 200 || r.text("account") != tutorHub || r.text("platform") != tutorHub {
		t.Errorf("acts for %s", r.Body)
	}
	form.Del("scope")
	if r := h.post(t, "/oauth/token", form); r.text("scope") != "read_only" {
		t.Errorf("default scope: %s", r.Body)
	}
	narrow := h.app(t, func(c *oauth.NewClient) { c.Scopes = []tenant.Access{tenant.ReadOnly} })
	h.wants(t, "more than the client's", h.post(t, "/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {narrow.ID}, "client_secret": {narrow.secret}, "scope": {"read_write"},
	}), 400, "invalid_scope")
	open := h.app(t, public)
	h.wants(t, "public client", h.post(t, "/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {open.ID}}), 400, "unauthorized_client")
}

func TestNothingWorksForAClosedAccountOrADisabledClient(t *testing.T) { // O27
	t.Parallel()
	h := newHouse(t)
	there := nodeOf(t, h.pool, h.market, h.clock)
	a := h.app(t)
	owner := oauth.Owner{Platform: tutorHub}
	pair := h.connected(t, a)
	waiting := h.approve(t, a).Get("code")
	if there.call(t, pair.text("access_token"), "GET").Status != 200 {
		t.Fatal("the token does not work on the other node")
	}
	h.turn(t, a, owner, true)
	if h.market.access(t, mei) != tenant.NoAccess {
		t.Error("the platform keeps the access it had through the disabled client")
	}
	if r := h.call(t, pair.text("access_token"), "GET"); r.Status != 401 {
		t.Errorf("here, after disable: %d", r.Status)
	}
	within5s(t, func() bool { return there.call(t, pair.text("access_token"), "GET").Status == 401 })
	h.wants(t, "refresh", h.refresh(t, a, pair.text("refresh_token")), 401, "invalid_client")
	h.wants(t, "exchange", h.exchange(t, a, waiting), 401, "invalid_client")
	if _, err := (&browser{h: h}).begin(t, a.ask()); err == nil {
		t.Error("a disabled client begins a flow")
	}
	h.turn(t, a, owner, false)
	if h.market.access(t, mei) != tenant.ReadWrite || h.call(t, pair.text("access_token"), "GET").Status != 200 {
		t.Error("enabling does not bring the connection back")
	}
	there.call(t, pair.text("access_token"), "GET")
	h.market.close(t, mei)
	within5s(t, func() bool {
		return there.call(t, pair.text("access_token"), "GET").Status == 401 && h.call(t, pair.text("access_token"), "GET").Status == 401
	})
	h.wants(t, "refresh for a closed account", h.refresh(t, a, pair.text("refresh_token")), 400, "invalid_grant")
	h.wants(t, "exchange for a closed account", h.exchange(t, a, waiting), 400, "invalid_grant")
}

// within5s asks until it holds, which must be soon: caches end by machine time. A
// test that waits for that runs beside others.
func within5s(t *testing.T, holds func() bool) {
	t.Helper()
	again := time.NewTicker(25 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !holds(); <-again.C {
		if time.Since(began) > 5*time.Second {
			t.Fatal("still accepted after five seconds")
		}
	}
}

func (h *house) turn(t *testing.T, a app, owner oauth.Owner, off bool) {
	t.Helper()
	path := "/v1/oauth_clients/" + a.ID + "/enable"
	if off {
		path = "/v1/oauth_clients/" + a.ID + "/disable"
	}
	if r := h.post(t, path, nil, bearer(h.key(t, owner.Platform, owner.Livemode))...); r.Status != 200 || r.JSON["disabled"] != off {
		t.Fatalf("turn: %d %s", r.Status, r.Body)
	}
}

func TestTwoClientsOfAPlatformDoNotTakeAccessFromEachOther(t *testing.T) {
	h := newHouse(t)
	web, till := h.app(t), h.app(t)
	h.connected(t, web, "scope", "read_only")
	token := h.connected(t, till, "scope", "read_write").text("access_token")
	if _, err := h.provider.Connections().Deauthorize(t.Context(), h.connection(t, till).ID, meiUser); err != nil {
		t.Fatal(err)
	}
	if h.market.access(t, mei) != tenant.ReadOnly || h.call(t, token, "GET").Status != 401 {
		t.Error("the other client's access did not remain alone")
	}
	list, err := h.provider.Connections().ForAccount(t.Context(), h.pool, mei, false)
	if err != nil || len(list) != 1 || list[0].Client != web.ID || list[0].ClientName != "TutorHub" {
		t.Errorf("connected platforms: %v, %v", list, err)
	}
}

func TestLastUseOfAConnectionIsNoted(t *testing.T) {
	h := newHouse(t)
	a := h.app(t)
	token := h.connected(t, a).text("access_token")
	h.call(t, token, "GET")
	if err := h.provider.Tokens().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.connection(t, a).LastUsedAt; !got.Equal(h.clock.Now()) {
		t.Errorf("last used %s", got)
	}
}

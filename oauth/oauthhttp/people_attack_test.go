package oauthhttp_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/db"
)

// The attacks of the security note that aim at people who sign in; the numbers are its.

// O2: a link may not lead off our pages.
func TestNextLeadsNowhereElse(t *testing.T) {
	for _, good := range []string{
		"/accounts", "/security", "/security/totp", "/accounts/acct_0R3kXh/team?mode=test", "/oauth/consent?request=areq_0R3kXh", "/invitation", "/onboarding/bank",
		"/accounts/acct_1/team/remove?mode=live&user=usr_2",
	} {
		if oauthhttp.SafeNext(good) != good {
			t.Errorf("%q is refused", good)
		}
	}
	hostile := []string{
		"//evil.example", "///evil.example", "https://evil.example", "http:evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/accounts//evil.example",
		"/accounts/../../evil", "/accounts/%2e%2e/evil", "/accounts@evil.example", "/accounts?next=//evil.example", "/accounts?a=https://evil.example", "javascript:alert(1)",
		"/accounts\r\nLocation: https://evil.example", "/accounts#x", "/sign-out", "/sign-in", "/accountsevil", "/_dev/mail", "/v1/accounts", "/", "", "accounts", "/accounts?x",
		"/accounts/" + strings.Repeat("a", 400), "/oauth/authorize?client_id=ca_1", "/accounts\x00", "/accounts?a=b=c", "/accounts?=", "/ａccounts",
	}
	for _, bad := range hostile {
		if got := oauthhttp.SafeNext(bad); got != "" {
			t.Errorf("%q leads to %q", bad, got)
		}
	}
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	for _, bad := range hostile {
		if strings.ContainsAny(bad, "\x00") {
			continue // refused before (400)
		}
		g := h.guest(t)
		page := g.get("/sign-in?next=" + url.QueryEscape(bad))
		// The language buttons lead back to this very page, its query included.
		if body := regexp.MustCompile(`name="return" value="/sign-in\?[^"]*"`).ReplaceAllString(page.Body, ""); page.Status != 200 || strings.Contains(body, "evil.example") {
			t.Errorf("%q: %d, or it is on the page", bad, page.Status)
		}
		g.post("/sign-in?next="+url.QueryEscape(bad), "/accounts", "email", "ada@example.com", "password", goodPassword)
		g.post("/sign-in", "/accounts", "email", "ada@example.com", "password", goodPassword, "next", bad)
	}
}

// forms are all addresses that take a POST.
var forms = []string{
	"/sign-in", "/sign-in/passkey", "/sign-in/second-step", "/sign-in/second-step/passkey", "/sign-out", "/sign-up", "/verify-email", "/verify-email/again", "/forgot-password",
	"/reset-password/x", "/security/confirm", "/security/confirm/passkey", "/security/password", "/security/totp", "/security/totp/start", "/security/totp/remove",
	"/security/recovery-codes", "/security/recovery-codes/saved", "/security/passkeys", "/security/passkeys/remove", "/security/sessions/end",
	"/accounts/acct_shop/team", "/accounts/acct_shop/team/role", "/accounts/acct_shop/team/remove", "/accounts/acct_shop/team/withdraw", "/invitation",
}

func TestListOfFormsIsComplete(t *testing.T) {
	h := newHall(t)
	routes, err := oauthhttp.PeopleRoutes(oauthhttp.PeopleConfig{Pool: h.pool, People: h.people, Kit: h.kit})
	check(t, err)
	listed := map[string]bool{}
	for _, f := range forms {
		listed[f] = true
	}
	for _, r := range routes {
		path := strings.NewReplacer("{token}", "x", "{account}", "acct_shop").Replace(r.Path)
		if r.Method == "POST" && !listed[path] {
			t.Errorf("%s is not attacked here", path)
		}
		if !r.Public {
			t.Errorf("%s asks for an API key", path)
		}
	}
}

// O10: another site cannot post for the person.
func TestAnotherSitePostsNothing(t *testing.T) {
	h := newHall(t)
	ada := h.user(t, "ada@example.com", "Ada")
	h.join(t, ada, "acct_shop", true, session.Owner)
	g := h.guest(t)
	g.signIn("ada@example.com")
	before := h.everything(t)
	for _, form := range forms {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			page := g.do("POST", form, url.Values{"email": {"eve@example.com"}, "password": {goodPassword}, "session": {"others"}, "role": {"owner"}}, header...)
			if page.Status != http.StatusForbidden || page.Header.Get("Set-Cookie") != "" {
				t.Errorf("POST %s with %v: %d", form, header, page.Status)
			}
		}
	}
	if h.everything(t) != before {
		t.Error("something changed")
	}
	if page := g.get("/security"); page.Status != 200 {
		t.Error("the person was signed out")
	}
}

// everything is a fingerprint of the room's tables.
func (h *hall) everything(t testing.TB) (all string) {
	t.Helper()
	for _, table := range []string{"users", "sign_ups", "email_codes", "password_resets", "recovery_codes", "passkeys", "memberships", "invitations", "security_events"} {
		var hash string
		check(t, h.pool.NewRaw("SELECT count(*) || md5(coalesce(string_agg(x::text, '' ORDER BY x::text), '')) FROM ?.? AS x", bun.Ident("oauth"), bun.Ident(table)).Scan(t.Context(), &hash))
		all += hash + "\n"
	}
	return all
}

// O11, O13: no page is framed, cached, or tells its address to another site.
func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	h := newHall(t)
	ada := h.user(t, "ada@example.com", "Ada")
	h.join(t, ada, "acct_shop", true, session.Owner)
	stranger, g := h.guest(t), h.guest(t)
	g.signIn("ada@example.com")
	paths := append([]string{"/accounts", "/security", "/security/passkeys/options", "/sign-in/passkey/options", "/security/confirm/passkey/options", "/invitations/x"}, forms...)
	for _, who := range []*guest{stranger, g} {
		for _, path := range paths {
			for _, page := range []reply{who.get(path), who.send(path)} {
				if page.Status == http.StatusMethodNotAllowed && page.Header.Get("Content-Type") == "application/json" {
					continue // the API's own answer to a method that is not there
				}
				policy := page.Header.Get("Content-Security-Policy")
				if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" || page.Header.Get("X-Frame-Options") != "DENY" ||
					!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self'") {
					t.Errorf("%s: %d %v", path, page.Status, page.Header)
				}
				// O23: no redirect repeats a POST elsewhere.
				if page.Status >= 300 && page.Status < 400 && page.Status != http.StatusSeeOther {
					t.Errorf("%s redirects with %d", path, page.Status)
				}
			}
			if path == "/sign-out" {
				g.signIn("ada@example.com")
			}
		}
	}
}

// O13: what the person typed, and what opens doors, is in no log.
func TestLogShowsNothing(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada Lovelace-Canary")
	g := h.guest(t)
	g.send("/sign-in", "email", "ada@example.com", "password", "wrong-password-canary")
	g.signIn("ada@example.com")
	g.post("/forgot-password", "/forgot-password?done=sent", "email", "ada@example.com")
	link := h.linkTo(t, "ada@example.com")
	g.get(link)
	g.send("/sign-up", "email", "new@example.com", "name", "New", "password", goodPassword)
	g.send("/verify-email", "code", h.codeTo(t, "new@example.com"))
	log := h.log.String()
	if !strings.Contains(log, "/reset-password/{token}") {
		t.Fatal("the log is empty")
	}
	u, _ := url.Parse(h.url)
	canaries := []string{"@example.com", "canary", "Canary", goodPassword, strings.TrimPrefix(link, "/reset-password/"), h.codeTo(t, "new@example.com")}
	for _, c := range g.http.Jar.Cookies(u) {
		canaries = append(canaries, c.Value)
	}
	for _, canary := range canaries {
		if strings.Contains(log, canary) {
			t.Errorf("the log shows %q", canary)
		}
	}
}

// O19: the answers of sign-in, sign-up and "forgot password" are the same for
// addresses that exist and that do not.
func TestPagesDoNotTellWhoHasAnAccount(t *testing.T) {
	h := newHall(t)
	h.user(t, "known@example.com", "Known")
	vary := regexp.MustCompile(`(known|other)@example\.com|req_[0-9A-Za-z]+`)
	compare := func(what string, a, b reply) {
		t.Helper()
		for _, r := range []*reply{&a, &b} {
			for _, name := range []string{"Date", "Request-Id", "Set-Cookie", "Content-Length"} {
				r.Header.Del(name)
			}
			r.Body = vary.ReplaceAllString(r.Body, "X")
		}
		if a.Status != b.Status || a.Location != b.Location || a.Body != b.Body || len(a.Header) != len(b.Header) {
			t.Errorf("%s differs: %d and %d, %q and %q", what, a.Status, b.Status, a.Location, b.Location)
		}
	}
	a, b := h.guest(t), h.guest(t)
	for range 7 { // into the throttle
		compare("sign-in", a.send("/sign-in", "email", "known@example.com", "password", otherPassword), b.send("/sign-in", "email", "other@example.com", "password", otherPassword))
	}
	form := func(email string) []string {
		return []string{"email", email, "name", "Somebody", "password", goodPassword}
	}
	compare("sign-up", a.send("/sign-up", form("known@example.com")...), b.send("/sign-up", form("other@example.com")...))
	compare("verify page", a.get("/verify-email"), b.get("/verify-email"))
	compare("wrong code", a.send("/verify-email", "code", "000000"), b.send("/verify-email", "code", "000000"))
	compare("send again", a.send("/verify-email/again"), b.send("/verify-email/again"))
	compare("forgot", a.send("/forgot-password", "email", "known@example.com"), b.send("/forgot-password", "email", "other@example.com"))
	if len(a.http.Jar.Cookies(mustURL(t, h.url))) != len(b.http.Jar.Cookies(mustURL(t, h.url))) {
		t.Error("the cookies differ")
	}
	if n, m := len(h.inbox.Mails("known@example.com")), len(h.inbox.Mails("other@example.com")); n == 0 || m == 0 {
		t.Errorf("mails: %d and %d", n, m)
	}
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	check(t, err)
	return u
}

// O20: what people write is text on every page.
func TestWrittenTextIsNeverMarkup(t *testing.T) {
	h := newHall(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	ada := h.user(t, "ada@example.com", evil)
	h.join(t, ada, "acct_shop", true, session.Owner)
	g := h.guest(t)
	g.signIn("ada@example.com")
	g.post("/accounts/acct_shop/team", "/accounts/acct_shop/team?mode=live&done=invited", "email", "bea@example.com", "role", "viewer")
	guest := h.guest(t)
	guest.get(h.linkTo(t, "bea@example.com"))
	for _, page := range []reply{
		g.get("/accounts"), g.get("/accounts/acct_shop/team"), g.get("/security?done=" + url.QueryEscape(evil)), guest.get("/invitation"),
		g.do("GET", "/security", nil, "User-Agent", evil), g.get("/security"), g.send("/sign-in", "email", evil, "password", evil, "next", evil), g.send("/sign-up", "email", evil, "name", evil),
		g.send("/sign-in/passkey", "credential", evil), g.get("/sign-up?next=%2Foauth%2Fconsent%3Frequest%3Dareq_1"), g.get("/security/confirm?next=" + url.QueryEscape(evil)),
	} {
		if strings.Contains(page.Body, "<script>") || strings.Contains(page.Body, "<img src=x") || page.Status >= 500 {
			t.Errorf("%d\n%s", page.Status, page.Body)
		}
	}
}

// O21: a cookie planted before signing in is worth nothing after, and who signs in
// as another person takes nothing of the first along.
func TestSessionIsNewAtSignInAndGoneAtSignOut(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	h.user(t, "bea@example.com", "Bea")
	g := h.guest(t)
	planted := strings.Repeat("A", 43)
	g.http.Jar.SetCookies(mustURL(t, h.url), []*http.Cookie{{Name: "sluice_session", Value: planted, Path: "/"}})
	g.signIn("ada@example.com")
	cookie := func() string {
		for _, c := range g.http.Jar.Cookies(mustURL(t, h.url)) {
			if c.Name == "sluice_session" {
				return c.Value
			}
		}
		return ""
	}
	adas := cookie()
	if adas == planted || len(adas) != 43 {
		t.Fatal("the planted cookie is the session")
	}
	g.signIn("bea@example.com")
	thief := h.guest(t)
	for _, old := range []string{planted, adas} {
		if page := thief.do("GET", "/security", nil, "Cookie", "sluice_session="+old); page.Status != 303 {
			t.Error("an old cookie opens the page")
		}
	}
	if page := g.get("/security"); !strings.Contains(page.Body, "bea@example.com") || strings.Contains(page.Body, "ada@example.com") {
		t.Error("two people in one browser")
	}
	beas := cookie()
	g.post("/sign-out", "/sign-in?done=signed_out")
	if page := thief.do("GET", "/security", nil, "Cookie", "sluice_session="+beas); page.Status != 303 || cookie() != "" {
		t.Error("signed out, and the cookie still works")
	}
}

// O24: what two readers could read differently is refused, and does nothing.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	g := h.guest(t)
	before := h.everything(t)
	for name, page := range map[string]reply{
		"two e-mails":        g.do("POST", "/sign-in", url.Values{"email": {"ada@example.com", "eve@example.com"}, "password": {goodPassword}}),
		"query and body":     g.do("POST", "/sign-in?email=ada@example.com", url.Values{"email": {"ada@example.com"}, "password": {goodPassword}}),
		"JSON":               g.do("POST", "/sign-in", url.Values{}, "Content-Type", "application/json"),
		"no type":            g.do("POST", "/sign-in", url.Values{"email": {"a"}}, "Content-Type", "text/plain"),
		"NUL":                g.do("POST", "/sign-in", url.Values{"email": {"ada\x00@example.com"}, "password": {goodPassword}}),
		"not UTF-8":          g.do("POST", "/sign-in", url.Values{"email": {"ada\xff@example.com"}, "password": {goodPassword}}),
		"too large":          g.do("POST", "/sign-up", url.Values{"name": {strings.Repeat("x", 70_000)}}),
		"two passwords":      g.do("POST", "/sign-up", url.Values{"email": {"new@example.com"}, "name": {"New"}, "password": {goodPassword, otherPassword}}),
		"NUL in a query":     g.get("/sign-in?next=%00"),
		"query that is none": g.get("/sign-in?%zz"),
	} {
		if page.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, page.Status)
		}
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH"} {
		if page := g.do(method, "/sign-in", url.Values{}); page.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, page.Status)
		}
	}
	if page := g.get("/sign-out"); page.Status != http.StatusMethodNotAllowed {
		t.Errorf("a link signs out: %d", page.Status)
	}
	if h.everything(t) != before {
		t.Error("something changed")
	}
}

// O27: who is disabled is out, at the latest five seconds later: here, at once.
func TestDisabledPersonIsOut(t *testing.T) {
	h := newHall(t)
	ada := h.user(t, "ada@example.com", "Ada")
	g := h.guest(t)
	g.signIn("ada@example.com")
	check(t, db.InTx(t.Context(), h.pool, func(ctx context.Context, tx bun.Tx) error { return h.people.Disable(ctx, tx, h.clock.Now(), ada.ID) }))
	disabled := time.Now()
	for g.get("/security").Status == 200 {
		if time.Since(disabled) > 5*time.Second {
			t.Fatal("still in after five seconds")
		}
	}
	if page := g.send("/sign-in", "email", "ada@example.com", "password", goodPassword); page.Status != 422 {
		t.Fatalf("signs in again: %d", page.Status)
	}
}

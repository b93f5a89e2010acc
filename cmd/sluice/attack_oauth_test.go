package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Attacks on the pages between a link and its code, by their numbers in the list of
// attacks that an OAuth server must withstand. The core has its own.

// astray are redirect URIs that are not https://tutorhub.example/cb but want to be
// taken for it (O1).
var astray = []string{
	"", " ", "https://tutorhub.example", "https://tutorhub.example/", "https://tutorhub.example/cb/", "https://tutorhub.example/cb/more",
	"https://tutorhub.example/cbx", "https://tutorhub.example/CB", "https://TUTORHUB.example/cb", "HTTPS://tutorhub.example/cb", "http://tutorhub.example/cb",
	"https://tutorhub.example:443/cb", "https://tutorhub.example:8443/cb", "https://tutorhub.example./cb", "https://tutorhub.example.evil.example/cb",
	"https://evil.example/https://tutorhub.example/cb", "https://sub.tutorhub.example/cb", "https://tutorhub.examp1e/cb", "//tutorhub.example/cb", "/cb", "cb",
	"https://tutorhub.example/cb?", "https://tutorhub.example/cb?x=1", "https://tutorhub.example/cb#", "https://tutorhub.example/cb#x", "https://tutorhub.example/cb;x",
	"https://tutorhub.example//cb", "https://tutorhub.example/./cb", "https://tutorhub.example/x/../cb", "https://tutorhub.example/..;/cb", "https://tutorhub.example/cb/..;/..;/evil",
	"https://tutorhub.example/%2e%2e/cb", "https://tutorhub.example/x/%2e%2e/cb", "https://tutorhub.example/%63b", "https://tutorhub.example/cb%00", "https://tutorhub.example/cb%0d%0aLocation:%20https://evil.example",
	"https://tutorhub.example/cb\r\nLocation: https://evil.example", "https://tutorhub.example/cb\n", "\thttps://tutorhub.example/cb", "https://tutorhub.example/cb ",
	"https://evil.example@tutorhub.example/cb", "https://tutorhub.example@evil.example/cb", "https://tutorhub.example:x@evil.example/cb",
	// several @: which host is it? (CVE-2026-7504 of another server)
	"https://a@b@tutorhub.example/cb", "https://tutorhub.example/cb@@evil.example", "https://evil.example@@tutorhub.example/cb", "https://tutorhub.example@evil.example@tutorhub.example/cb",
	"https://user:pass@evil.example:443@tutorhub.example/cb", "https://evil.example%40tutorhub.example/cb", "https://evil.example:80%40tutorhub.example/cb",
	// backslashes and path parameters (CVE-2026-3872 of the same)
	`https://evil.example\@tutorhub.example/cb`, `https://evil.example\.tutorhub.example/cb`, `https:\\tutorhub.example\cb`, `https:/\evil.example/cb`, `https://tutorhub.example\cb`,
	`https://evil.example%5c@tutorhub.example/cb`, `https://tutorhub.example/cb\..\evil`, "https://tutorhub.example/cb/%2e%2e%3b/evil", "https://tutorhub.example/..%3b/cb", "https://tutorhub.example/cb;/../evil",
	"https://tutоrhub.example/cb", "https://xn--tutrhub-8ug.example/cb", "https://tutorhub。example/cb", "https://tutorhub.example／cb", "https://ⓣutorhub.example/cb",
	"https://tutorhub%2eexample/cb", "https://[::1]/cb", "https://127.0.0.1/cb", "http://localhost/cb", "https:tutorhub.example/cb", "https:/tutorhub.example/cb", "https:///tutorhub.example/cb",
	"javascript:alert(1)", "javascript://tutorhub.example/cb%0aalert(1)", "data:text/html,<script>alert(1)</script>", "tutorhub.example:cb", "file:///cb", "*", "https://*/cb", "https://tutorhub.example/*",
	strings.Repeat("https://tutorhub.example/cb", 80),
}

func TestAttackO1CodesGoOnlyToRegisteredAddresses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	exact := func(n *oauth.NewClient) { n.RedirectURIs = []string{"https://tutorhub.example/cb"} }
	app, _ := h.client("TutorHub HK", exact)
	g := h.guest("en")
	g.signIn("Chan May")
	for _, uri := range astray {
		for _, link := range []string{
			connectLink(app, tenant.ReadWrite, "redirect_uri", uri),
			connectLink(app, tenant.ReadWrite, "redirect_uri", uri, "scope", "everything"), // an error must not go there either (O2)
			connectLink(app, tenant.ReadWrite, "redirect_uri", uri, "prompt", "none"),
			"/express" + connectLink(app, tenant.ReadWrite, "redirect_uri", uri),
		} {
			g.once(http.MethodGet, link, nil, nil)
			if g.last.StatusCode != http.StatusBadRequest || g.last.Header.Get("Location") != "" || g.last.Header.Get("Refresh") != "" {
				t.Errorf("%q: %d to %q", uri, g.last.StatusCode, g.last.Header.Get("Location"))
			}
			if uri != "" && len(uri) > 4 && strings.Contains(g.page, uri) || strings.Contains(g.page, "tutorhub.example/cb") {
				t.Errorf("%q: the page shows an address", uri)
			}
		}
	}
	g.once(http.MethodGet, connectLink(app, tenant.ReadWrite)+"&redirect_uri=https%3A%2F%2Fevil.example", nil, nil)
	if g.last.StatusCode != http.StatusBadRequest || g.last.Header.Get("Location") != "" {
		t.Errorf("two addresses: %d to %q", g.last.StatusCode, g.last.Header.Get("Location"))
	}
	g.open(connectLink(app, tenant.ReadWrite)).reads("asks for access") // the good one still works
}

func TestAttackO2NobodyIsSentAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	away := []string{
		"https://evil.example", "//evil.example", `/\evil.example`, `\\evil.example`, "/%2fevil.example", "/accounts/../..//evil.example", "/accounts//evil.example",
		"https:evil.example", "javascript:alert(1)", "/accounts\r\nLocation: https://evil.example", "/oauth/authorize?client_id=" + app.ID, "/oauth/consent@evil.example",
		"/sign-out", "/accounts?next=https://evil.example", "/oauth/consent?request=x%0d%0aSet-Cookie:a=b", strings.Repeat("/accounts", 100),
	}
	g := h.guest("en")
	user := g.signIn("Chan May")
	for _, next := range away {
		g.open("/sign-in?next=" + url.QueryEscape(next))
		g.submit(map[string]string{"email": user.Email, "password": "correct horse battery Chan May"})
		if g.left != "" || !strings.HasPrefix(g.at.Path, "/accounts") {
			t.Errorf("next=%q leads to %s %s", next, g.left, g.at)
		}
		g.visit(http.MethodPost, "/_ui/preferences", url.Values{"theme": {"dark"}, "return": {next}}, nil)
		if g.left != "" && !strings.HasPrefix(g.left, shopURL+"&error=") { // which is registered
			t.Errorf("return=%q leads to %s", next, g.left)
		}
	}
}

func TestAttackO10AnotherSiteCannotAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	user := g.signIn("Chan May")
	account := h.connects(g, app, tenant.ReadOnly, "new").account
	connections, err := h.app.provider.Connections().ForAccount(t.Context(), h.app.pool, account, false)
	if err != nil {
		t.Fatal(err)
	}
	g.open(connectLink(app, tenant.ReadWrite))
	action, form := g.form(map[string]string{"decision": "approve"})
	for _, from := range []map[string]string{
		{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
		{"Origin": "null", "Sec-Fetch-Site": ""}, {"Origin": strings.Replace(h.url, "127.0.0.1", "localhost", 1), "Sec-Fetch-Site": "same-site"},
	} {
		for path, fields := range map[string]url.Values{
			action: form,
			platformsURL(account) + "/" + connections[0].ID + "/disconnect": {"decision": {"end"}},
			"/sign-in": {"email": {user.Email}, "password": {"correct horse battery Chan May"}}, "/sign-out": {}, "/_ui/preferences": {"lang": {"en"}},
		} {
			if g.once(http.MethodPost, path, fields, from); g.last.StatusCode != http.StatusForbidden || g.last.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s from %v: %d", path, from, g.last.StatusCode)
			}
		}
	}
	for name, change := range map[string]func(url.Values){
		"an answer of two minds": func(f url.Values) { f["decision"] = []string{"deny", "approve"} },
		"another scope":          func(f url.Values) { f.Set("scope", "read_write"); f.Set("request", "areq_x") },
		"no decision":            func(f url.Values) { f.Del("decision") },
	} {
		wrong, _ := url.ParseQuery(form.Encode())
		change(wrong)
		if g.once(http.MethodPost, action, wrong, nil); g.last.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, g.last.StatusCode)
		}
	}
	if g.once(http.MethodGet, action+"&decision=approve&person="+user.ID+"&account="+account, nil, nil); g.last.StatusCode != http.StatusOK {
		t.Errorf("GET: %d", g.last.StatusCode)
	}
	g.open(action).reads("asks for more access") // nothing of all that was an answer
	if got, _ := h.app.provider.Connections().Get(t.Context(), h.app.pool, connections[0].ID); !got.Active() || got.Scope != tenant.ReadOnly {
		t.Errorf("the connection is now %+v", got)
	}
}

// Every page that a person sees refuses to be framed, cached, referred from, or to run
// what is not ours (O11, O13).
func TestAttackO11PagesCannotBeFramedNorKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	g.signIn("Chan May")
	account := h.connects(g, app, tenant.ReadWrite, "new").account
	g.open(connectLink(app, tenant.ReadWrite))
	seen := 0
	look := func(path string) {
		g.once(http.MethodGet, path, nil, nil)
		head := g.last.Header
		policy := head.Get("Content-Security-Policy")
		switch {
		case head.Get("Cache-Control") != "no-store" || head.Get("Referrer-Policy") != "no-referrer":
			t.Errorf("%s: cached or referred: %v", path, head)
		case head.Get("Location") != "": // a redirect shows nothing
		case !strings.Contains(policy, "frame-ancestors 'none'") || head.Get("X-Frame-Options") != "DENY" || head.Get("X-Content-Type-Options") != "nosniff":
			t.Errorf("%s: %v", path, head)
		case strings.Contains(policy, "unsafe-") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "*"):
			t.Errorf("%s: policy %s", path, policy)
		}
		seen++
	}
	look(g.at.RequestURI()) // consent
	if policy := g.last.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "form-action 'self' https://tutorhub.example") {
		t.Errorf("the consent page may post to %s", policy)
	}
	fill := strings.NewReplacer("{account}", account, "{token}", "wrong", "{step}", "person", "{connection}", "conn_x")
	for _, route := range h.app.pages {
		if route.Method == http.MethodGet && !strings.HasPrefix(route.Path, "/_assets") {
			look(fill.Replace(route.Path))
		}
	}
	for _, path := range []string{connectLink(app, tenant.ReadWrite), connectLink(app, "everything"), connectLink(app, tenant.ReadWrite, "redirect_uri", "x"), "/oauth/authorize"} {
		look(path)
	}
	if seen < 30 {
		t.Errorf("looked at %d pages only", seen)
	}
}

func TestAttackO20TextFromStrangersStaysText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const evil = `"><script>alert(1)</script>'{{.}}<img src=x onerror=alert(2)>`
	app, _ := h.client(evil)
	g := h.guest("en")
	link := connectLink(app, tenant.ReadWrite, "stripe_user[email]", evil, "stripe_user[first_name]", evil, "stripe_user[business_name]", evil, "lang", evil)
	g.open(link)
	check := func(where string) {
		t.Helper()
		if strings.Contains(g.page, "<script>alert") || strings.Contains(g.page, "<img") {
			t.Errorf("%s shows markup of a stranger", where)
		}
	}
	check("sign-up")
	g.signIn("Chan May")
	g.open(link).reads("<script>alert(1)</script>")
	check("consent")
	account := h.connects(g, app, tenant.ReadWrite, "new").account
	g.open("/accounts")
	check("accounts")
	g.open(platformsURL(account)).reads(`"><script>`)
	check("platforms")
	g.open("/oauth/authorize?client_id=" + url.QueryEscape(evil) + "&redirect_uri=" + url.QueryEscape(evil))
	check("a link that does not work")
	g.open("/oauth/consent?request=" + url.QueryEscape(evil))
	check("a request that is not there")
	g.once(http.MethodGet, connectLink(app, tenant.ReadWrite, "scope", evil, "state", evil), nil, nil)
	if to, err := url.Parse(g.last.Header.Get("Location")); err != nil || to.Query().Get("error") != "invalid_scope" || to.Query().Get("state") != evil || strings.Contains(to.Query().Get("error_description"), "<") {
		t.Errorf("the client is told %s", g.last.Header.Get("Location"))
	}
}

// The page can be answered only by whom it was shown to, in the browser where it began.
func TestAttackO21ThePersonShownIsThePersonAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	may := g.signIn("Chan May")
	first := g.cookie("session")
	g.open(connectLink(app, tenant.ReadWrite)).reads("You are signed in as Chan May")
	action, form := g.form(map[string]string{"decision": "approve"})

	wong := g.signIn("Wong Siu Ming") // in another tab
	if g.cookie("session") == first {
		t.Error("the session cookie stayed")
	}
	g.visit(http.MethodPost, action, form, nil).reads("Somebody else is signed in", "You are signed in as Wong Siu Ming")
	g.visit(http.MethodPost, action, form, nil).reads("Somebody else is signed in") // Wong has seen the page now, but not this one
	if n := len(h.accountsOf(may)) + len(h.accountsOf(wong)); n != 0 {
		t.Errorf("%d accounts were opened", n)
	}
	g.submit(map[string]string{"decision": "approve"})
	if len(h.accountsOf(wong)) != 1 {
		t.Fatal("Wong's own answer does not count")
	}
	g.signIn("Chan May") // between a yes and the code
	g.open(strings.Replace(action, "consent", "continue", 1)).reads("You are signed in as Chan May")
	if g.left != "" || len(h.accountsOf(may)) != 0 {
		t.Errorf("a code for Wong's account went to %q", g.left)
	}

	stranger := h.guest("en")
	stranger.signIn("A Stranger")
	stranger.open(connectLink(app, tenant.ReadWrite)) // has a browser cookie of its own
	for _, path := range []string{action, strings.Replace(action, "consent", "continue", 1)} {
		if stranger.open(path); stranger.last.StatusCode != http.StatusForbidden {
			t.Errorf("%s in another browser: %d", path, stranger.last.StatusCode)
		}
	}
	for _, decision := range []string{"approve", "deny"} {
		form.Set("decision", decision)
		if stranger.visit(http.MethodPost, action, form, nil); stranger.last.StatusCode != http.StatusForbidden {
			t.Errorf("another browser says %s: %d", decision, stranger.last.StatusCode)
		}
	}
}

// A developer says whom an account is connected to, but not where it is paid, which
// the onboarding pages ask.
func TestAYesOfADeveloperOpensNoOnboarding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	owner := h.guest("en")
	owner.signIn("Chan May")
	account := h.connects(owner, app, tenant.ReadOnly, "new").account
	dev := h.guest("en")
	h.joins(dev.signIn("Wong Siu Ming"), account, session.Developer)
	dev.open(connectLink(app, tenant.ReadWrite)).submit(map[string]string{"account": account, "decision": "approve"})
	if dev.answered().Get("code") == "" {
		t.Error("no code")
	}
	if dev.open("/onboarding"); dev.last.StatusCode != http.StatusGone {
		t.Errorf("the onboarding pages of the account: %d at %s", dev.last.StatusCode, dev.at)
	}
}

// What a platform was given for an account's pages ends with its access.
func TestADisconnectedPlatformStaysNotOnTheOnboardingPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	owner := h.guest("en")
	owner.signIn("Chan May")
	owner.open("/express" + connectLink(app, tenant.ReadWrite))
	request := owner.at.Query().Get("request")
	if owner.submit(map[string]string{"decision": "approve"}); owner.left == "" { // what is due can wait
		owner.open("/oauth/continue?request=" + request)
	}
	config := h.oauth2(app, tenant.ReadWrite)
	token, err := config.Exchange(t.Context(), owner.answered().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	account := token.Extra("stripe_user_id").(string)
	link := func() string {
		answer := h.call("POST", "/v1/account_links", url.Values{"account": {account}, "type": {"account_update"}, "refresh_url": {shopURL}, "return_url": {shopURL}})
		return strings.TrimPrefix(answer["url"].(string), h.url)
	}
	inside, later := h.guest("en"), link()
	inside.open(link())
	if inside.open("/onboarding/overview"); inside.last.StatusCode != http.StatusOK {
		t.Fatalf("the pages of a connected account: %d", inside.last.StatusCode)
	}
	h.connectionEnds(owner, account, "TutorHub HK")
	if inside.open("/onboarding/overview"); inside.last.StatusCode != http.StatusGone {
		t.Errorf("inside the pages after the end: %d", inside.last.StatusCode)
	}
	if outside := h.guest("en").open(later); outside.last.StatusCode != http.StatusGone {
		t.Errorf("a link from before the end: %d at %s", outside.last.StatusCode, outside.at)
	}
}

// A request stays open for an hour: who leaves the team between a yes and its code
// connects nothing any more.
func TestAYesOfSomebodyWhoLeftTheTeamIsWorthNoCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	owner := h.guest("en")
	boss := owner.signIn("Chan May")
	account := h.connects(owner, app, tenant.ReadOnly, "new").account
	other, _ := h.client("Another App")
	leaver := h.guest("en")
	user := leaver.signIn("Wong Siu Ming")
	h.joins(user, account, session.Owner)
	leaver.open(connectLink(other, tenant.ReadWrite))
	request := leaver.at.Query().Get("request")
	if leaver.submit(map[string]string{"account": account, "decision": "approve"}); leaver.left != "" {
		t.Fatal("nothing stood between the yes and the code")
	}
	visit := session.Visit{User: boss, Session: session.Session{FreshUntil: time.Now().Add(time.Minute)}}
	if err := h.app.people.Remove(t.Context(), session.From{}, visit, session.Seat{Account: account}, user.ID); err != nil {
		t.Fatal(err)
	}
	if leaver.open("/oauth/continue?request=" + request); leaver.left != "" || leaver.last.StatusCode != http.StatusForbidden {
		t.Errorf("went to %q, %d", leaver.left, leaver.last.StatusCode)
	}
}

func TestAttackO26ConsentIsNeverSkipped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	g.signIn("Chan May")
	connected := h.connects(g, app, tenant.ReadWrite, "new")
	for _, more := range [][]string{{}, {"always_prompt", "false"}, {"prompt", "consent"}, {"prompt", "select_account"}, {"scope", "read_only"}, {"stripe_landing", "login"}} {
		g.open(connectLink(app, tenant.ReadWrite, more...))
		if g.left != "" || g.at.Path != "/oauth/consent" {
			t.Errorf("%v: at %s, %q", more, g.at, g.left)
		}
		g.open(strings.Replace(g.at.RequestURI(), "consent", "continue", 1))
		if g.left != "" || g.at.Path != "/oauth/consent" {
			t.Errorf("%v: going on without a yes leads to %s, %q", more, g.at, g.left)
		}
	}
	if g.open(connectLink(app, tenant.ReadWrite, "prompt", "none")); g.answered().Get("error") != "consent_required" {
		t.Errorf("prompt=none: %v", g.answered())
	}
	g.open(connectLink(app, tenant.ReadWrite, "prompt", "login")) // signed in long ago is not now
	if g.at.Path != "/sign-in" {
		t.Errorf("prompt=login: at %s", g.at)
	}
	g.open(g.at.Query().Get("next"))
	if g.at.Path != "/sign-in" {
		t.Errorf("prompt=login passed by: at %s", g.at)
	}
	g.submit(map[string]string{"email": "chan.may@example.com", "password": "correct horse battery Chan May"}).reads("is connected already")

	// A client that is disabled while the page is open gets nothing.
	action, form := g.form(map[string]string{"decision": "approve"})
	if err := db.InTx(t.Context(), h.app.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := h.app.provider.Clients().Disable(ctx, tx, clock.System{}.Now(), oauth.Owner{Platform: h.platform}, app.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	h.app.provider.Clients().Forget(app.ID)
	g.visit(http.MethodPost, action, form, nil).reads("This link does not work", "unauthorized_client")
	if got := h.waysInto(connected.account, connected.token)(); got != "token 401, platform 403" {
		t.Errorf("through a disabled client: %s", got)
	}
	g.open(platformsURL(connected.account)).reads("Paused by the platform")
}

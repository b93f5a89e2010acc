package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// desk is a browser in which somebody of the platform is signed in.
func (h *house) desk(t *testing.T, name string, role session.Role, options ...uitest.TabOption) (tab *uitest.Tab, at string) {
	t.Helper()
	g := h.guest("en")
	h.joins(g.signIn(name), h.platform, role)
	tab = uitest.Browser(t).Tab(t, options...)
	tab.Cookies(h.url, g.http.Jar.Cookies(g.home()))
	return tab, h.url + "/dashboard/" + h.platform + "/test"
}

// shot keeps a picture of a page, wide and narrow, light and dark, if somebody wants to look.
func shot(tab *uitest.Tab, name string) {
	folder := os.Getenv("SLUICE_SCREENSHOTS")
	if folder == "" {
		return
	}
	for width, device := range map[int]string{390: "phone", 1440: "desktop"} {
		for dark, theme := range map[bool]string{false: "light", true: "dark"} {
			tab.SetWidth(width)
			tab.SetDark(dark)
			tab.Screenshot(filepath.Join(folder, name+"-"+theme+"-"+device+".png"))
		}
	}
}

func TestAnOAuthAppIsCreatedAtTheDeskAndItsLinkEndsInTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab, at := h.desk(t, "Mei Cheung", session.Owner, uitest.NoScript)
	tab.Open(at + "/oauth-apps/new")
	tab.Fill("name", "TutorHub HK")
	back := h.url + "/livez" // any page will do that answers
	tab.Fill("redirect_uris", back)
	tab.ClickThrough("Create")
	if text := tab.Text(); !strings.Contains(text, "cs_test_") {
		t.Fatalf("no secret is shown:\n%s", text)
	}
	secret := clientSecret.FindString(tab.Text())
	tab.Open(at + "/oauth-apps")
	tab.WaitText("TutorHub HK")
	clients := h.call("GET", "/v1/oauth_clients", nil)["data"].([]any)
	app := clients[0].(map[string]any)["id"].(string)
	tab.Open(at + "/oauth-apps/" + app + "?tab=link")
	link := h.url + "/oauth/authorize?response_type=code&client_id=" + app
	if !strings.Contains(strings.ReplaceAll(tab.Text(), "client_id="+app, ""), "/oauth/authorize") {
		t.Fatal("the page has no link")
	}
	h.endsInTokens(t, link+"&scope=read_write&redirect_uri="+url.QueryEscape(back), back, secret)
	tab.Open(at + "/oauth-apps/" + app + "/secrets")
	tab.ClickThrough("Rotate the secret")
	if n := len(h.call("GET", "/v1/oauth_clients/"+app, nil)["secrets"].([]any)); n != 2 {
		t.Errorf("%d secrets, want the old one and the new one", n)
	}
}

var clientSecret = regexp.MustCompile(`cs_test_[0-9A-Za-z]+`)

// endsInTokens is a tutor who opens an app's link in a browser and agrees, and the app,
// which exchanges what the browser brought for tokens that work.
func (h *house) endsInTokens(t *testing.T, link, back, secret string) {
	t.Helper()
	tutor := h.guest("en")
	tutor.signIn("Chan Ka Yan")
	browser := uitest.Browser(t).Tab(t, uitest.NoScript, uitest.Language("en"))
	browser.Cookies(h.url, tutor.http.Jar.Cookies(tutor.home()))
	verifier := rand.Text() + rand.Text() // an app that shows its own secret, and not the platform's key, proves with PKCE that it began
	challenge := sha256.Sum256([]byte(verifier))
	browser.Open(link + "&code_challenge_method=S256&code_challenge=" + base64.RawURLEncoding.EncodeToString(challenge[:]))
	browser.WaitText("TutorHub HK")
	uitest.Audit(t, browser)
	browser.ClickThrough(catalogueTexts(t, "en")["consent.approve.new"])
	browser.WaitURL("/onboarding/")
	browser.ClickThrough("Save and finish later") // the platform may have its tokens all the same
	browser.WaitURL(back)
	came, err := url.Parse(browser.URL())
	if err != nil || came.Query().Get("code") == "" {
		t.Fatalf("the browser came back to %s", browser.URL())
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {came.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier}}
	asked, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("client_id", asked.Query().Get("client_id"))
	form.Set("client_secret", secret)
	answer, err := http.PostForm(h.url+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
		Account     string `json:"stripe_user_id"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || answer.StatusCode != http.StatusOK || tokens.AccessToken == "" {
		t.Fatalf("the exchange: %d %v", answer.StatusCode, err)
	}
	own := h.exchange(letter{method: http.MethodGet, path: "/v1/account", header: map[string]string{"Authorization": "Bearer " + tokens.AccessToken}})
	if own.status != http.StatusOK || own.body["id"] != tokens.Account {
		t.Errorf("the token reads %v, want %s: %d", own.body["id"], tokens.Account, own.status)
	}
}

func TestAnAccountIsInvitedHeldAndReleasedAtTheDesk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab, at := h.desk(t, "Mei Cheung", session.Owner)
	tab.Open(at + "/accounts/new")
	tab.Fill("email", "may@example.com")
	tab.Fill("name", "May Lee Piano")
	tab.ClickThrough("Open the account and make a link")
	tab.WaitText("it is shown only here")
	tab.Open(at + "/accounts?status=needs_action&search=may+l")
	tab.ClickThrough("May Lee Piano")
	tutor := h.tutor("Chan Ka Yan")
	tab.Open(at + "/accounts/" + tutor + "/hold")
	tab.Fill("reason", "The bank asked")
	tab.ClickThrough("Pause payouts")
	tab.WaitText("All payouts of this account are on hold")
	tab.Open(at + "/accounts/" + tutor + "/release")
	tab.ClickThrough("Release payouts")
	tab.WaitText("Payouts go on")
	if holds := h.call("GET", "/v1/payout_holds?status=active", nil)["data"].([]any); len(holds) != 0 {
		t.Errorf("%d holds stand", len(holds))
	}
}

func TestSettingsAreSavedAfterTheirDifferenceWasSeen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab, at := h.desk(t, "Mei Cheung", session.Owner)
	name := func() any {
		return h.call("GET", "/v1/account", nil)["business_profile"].(map[string]any)["name"]
	}
	before := name()
	tab.Open(at + "/settings/business")
	tab.Fill("business_profile[name]", "TutorHub Kowloon")
	tab.ClickThrough("Review changes")
	tab.WaitText("TutorHub Kowloon")
	if name() != before {
		t.Fatal("it was saved before anybody saw the difference")
	}
	tab.ClickThrough("Save")
	tab.WaitText("TutorHub Kowloon")
	if got := name(); got != "TutorHub Kowloon" {
		t.Errorf("saved %v", got)
	}
}

func TestWhoMayNotChangeAccountsAndAppsIsNotOfferedTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan Ka Yan")
	for _, c := range []struct {
		role   session.Role
		path   string
		status int
	}{
		{session.Owner, "/accounts/new", 200}, {session.Viewer, "/accounts/new", 403}, {session.Developer, "/accounts/new", 200}, {session.Finance, "/accounts/new", 403},
		{session.Finance, "/accounts/" + tutor + "/hold", 200}, {session.Support, "/accounts/" + tutor + "/hold", 403},
		{session.Developer, "/oauth-apps/new", 200}, {session.Finance, "/oauth-apps", 403}, {session.Developer, "/oauth-apps", 200},
		{session.Finance, "/settings/policy", 200}, {session.Developer, "/settings/policy", 403}, {session.Viewer, "/settings", 200},
		{session.Viewer, "/accounts/" + tutor + "?tab=money", 200}, {session.Support, "/accounts", 200},
	} {
		g := h.guest("en")
		h.joins(g.signIn("Somebody "+string(c.role)), h.platform, c.role)
		g.once(http.MethodGet, "/dashboard/"+h.platform+"/test"+c.path, nil, map[string]string{"Accept": "text/html"})
		if g.last.StatusCode != c.status {
			t.Errorf("%s at %s: %d, want %d", c.role, c.path, g.last.StatusCode, c.status)
		}
	}
}

func TestPagesOfAccountsAreSoundInABrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan Ka Yan 陳嘉欣")
	must[any](t)(h.stripe().V1PaymentIntents.Create(t.Context(), lessonOf(tutor)))
	app := h.call("POST", "/v1/oauth_clients", url.Values{"name": {"TutorHub HK"}, "redirect_uris[]": {"https://tutorhub.example/callback"}})["id"].(string)
	h.call("POST", "/v1/accounts", url.Values{"type": {"express"}, "country": {"HK"}, "email": {"may@example.com"}, "capabilities[transfers][requested]": {"true"}})
	for _, language := range []string{"en", "zh-Hant-HK"} {
		tab, at := h.desk(t, "Mei "+language, session.Owner, uitest.Language(language))
		for name, path := range map[string]string{
			"accounts": "/accounts?columns=name,stage,due,payouts,email,id,capabilities,balance", "account": "/accounts/" + tutor,
			"account-money": "/accounts/" + tutor + "?tab=money", "account-terms": "/accounts/" + tutor + "?tab=terms", "hold": "/accounts/" + tutor + "/hold",
			"reject": "/accounts/" + tutor + "/reject", "schedule": "/accounts/" + tutor + "/schedule", "invite": "/accounts/new",
			"apps": "/oauth-apps", "app": "/oauth-apps/" + app, "app-link": "/oauth-apps/" + app + "?tab=link", "app-installs": "/oauth-apps/" + app + "?tab=installs",
			"app-failures": "/oauth-apps/" + app + "?tab=failures", "app-new": "/oauth-apps/new", "disable": "/oauth-apps/" + app + "/disable",
			"settings": "/settings", "branding": "/settings/branding", "policy": "/settings/policy",
		} {
			tab.Open(at + path)
			if language == "en" {
				uitest.Audit(t, tab)
			} else {
				uitest.Fits(t, tab) // languages share their markup
			}
			shot(tab, name+"-"+language)
		}
	}
}

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/tenant"
)

// words are what the pages of the flow say to somebody on the way through it.
type words struct{ lang, signUp, verify, consent, platforms, ended, past string }

var tongues = []words{
	{"en", "Create your account", "Check your mail", "TutorHub HK asks for access to your account", "Connected platforms",
		"TutorHub HK is disconnected", "ended by TutorHub HK"},
	{"zh-Hant-HK", "建立帳戶", "查看你的電郵", "TutorHub HK 要求存取你的帳戶", "已連接的平台", "已中斷與 TutorHub HK 的連接", "由 TutorHub HK 終止"},
}

// A tutor clicks the link of TutorHub, signs up, agrees, and is connected; leaves,
// comes back, and TutorHub lets go. All of it without JavaScript.
func TestATutorIsConnectedAndLetGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	heard := listen(h, true, "account.application.authorized", "account.application.deauthorized")
	for i, say := range tongues {
		t.Run(say.lang, func(t *testing.T) {
			tutor := h.guest(say.lang)
			tutor.t = t
			config, verifier, state := h.oauth2(app, tenant.ReadWrite), oauth2.GenerateVerifier(), "a/b+c=ü &<"
			email := fmt.Sprintf("chan.may.%d@example.com", i)
			tutor.open(config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("stripe_user[email]", email),
				oauth2.SetAuthURLParam("stripe_user[first_name]", "May"), oauth2.SetAuthURLParam("stripe_user[last_name]", "Chan")))
			tutor.reads("TutorHub HK", say.signUp)
			if !strings.Contains(tutor.page, `value="`+email+`"`) || !strings.Contains(tutor.page, `value="May Chan"`) {
				t.Error("what TutorHub knows is not filled in")
			}
			if strings.Contains(tutor.at.String(), "chan.may") {
				t.Error("the address bar shows an e-mail address")
			}
			tutor.submit(map[string]string{"password": "four lessons a week"}).reads(say.verify)
			tutor.submit(map[string]string{"code": h.mailCode(email)}).reads(say.consent)
			request := tutor.at.Query().Get("request")
			tutor.submit(map[string]string{"decision": "approve"})
			if !strings.HasPrefix(tutor.at.Path, "/onboarding/") {
				t.Fatalf("not asked for what is due, but at %s", tutor.at)
			}
			tutor.visitForm("/onboarding/leave")

			answer := tutor.answered()
			if answer.Get("state") != state || answer.Get("iss") != h.issuer() || answer.Get("scope") != "read_write" || len(answer["code"]) != 1 {
				t.Fatalf("the answer is %v", answer)
			}
			token, err := config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			account, _ := token.Extra("stripe_user_id").(string)
			if live, _ := token.Extra("livemode").(bool); live || account == "" || token.Extra("scope") != "read_write" || token.RefreshToken == "" {
				t.Fatalf("the token is %+v", token)
			}
			tutor.open("/oauth/continue?request=" + request).reads(map[string]string{"en": "Already finished", "zh-Hant-HK": "已經完成"}[say.lang])
			if tutor.left != "" {
				t.Error("a second code was given")
			}
			if heard.next("account.application.authorized").Account != account {
				t.Error("another account's connection was told")
			}

			works := h.waysInto(account, token)
			if got := works(); got != "token 200, platform 200" {
				t.Fatalf("connected: %s", got)
			}
			tutor.open("/accounts")
			if !strings.Contains(tutor.page, platformsURL(account)) {
				t.Error("the accounts page does not lead to the connected platforms")
			}
			tutor.visitForm("/accounts/" + account + "/details") // what was put off can be told any time
			if !strings.HasPrefix(tutor.at.Path, "/onboarding/") {
				t.Errorf("details are at %s: %s", tutor.at, tutor.words())
			}
			if tutor.visitForm("/onboarding/leave"); tutor.at.Path != "/accounts" {
				t.Errorf("left the details for %s", tutor.at)
			}
			tutor.open(platformsURL(account)).reads(say.platforms, "TutorHub HK", "May Chan")
			h.connectionEnds(tutor, account, "TutorHub HK")
			tutor.reads(say.ended)
			h.nothingWorks(works, token, config)
			if e := heard.next("account.application.deauthorized"); e.Account != account || e.Data.Object["id"] != app.ID || e.Data.Object["name"] != app.Name {
				t.Errorf("told %+v", e)
			}

			// Coming back asks again, for the same account.
			again := h.connects(tutor, app, tenant.ReadOnly, account)
			if got := h.waysInto(account, again.token)(); again.account != account || got != "token 200, platform 200" {
				t.Fatalf("connected again: %s", got)
			}
			let := h.exchange(letter{method: "POST", path: "/oauth/deauthorize", form: url.Values{"client_id": {app.ID}, "stripe_user_id": {account}}.Encode()})
			if let.status != http.StatusOK || let.body["stripe_user_id"] != account {
				t.Fatalf("let go: %d %s", let.status, let.raw)
			}
			h.nothingWorks(h.waysInto(account, again.token), again.token, again.config)
			tutor.open(platformsURL(account)).reads(say.past)
			if heard.next("account.application.deauthorized").Account != account {
				t.Error("another account's end was told")
			}
		})
	}
}

// waysInto tells how the API answers on the two ways into a connected account.
func (h *house) waysInto(account string, token *oauth2.Token) func() string {
	return func() string {
		own, _ := clerk{h, ""}.answer("GET", "/v1/account", "", token.AccessToken)
		platform, _ := clerk{h, account}.answer("GET", "/v1/balance", "", h.key)
		return fmt.Sprintf("token %d, platform %d", own, platform)
	}
}

// nothingWorks is at once here, where the connection ended.
func (h *house) nothingWorks(ways func() string, token *oauth2.Token, config oauth2.Config) {
	h.t.Helper()
	if got := ways(); got != "token 401, platform 403" {
		h.t.Errorf("after the end: %s", got)
	}
	config.Scopes = nil
	_, err := config.TokenSource(h.t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if refused := (*oauth2.RetrieveError)(nil); !asRefused(err, &refused) || refused.ErrorCode != "invalid_grant" {
		h.t.Errorf("the refresh token answers with %v", err)
	}
}

// A platform that asks for more asks for the difference only, and the old grant works on.
func TestMoreIsAskedForByItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	g.signIn("Chan May")
	first := h.connects(g, app, tenant.ReadOnly, "new")
	g.open(connectLink(app, tenant.ReadWrite)).reads("TutorHub HK asks for more access", "New: TutorHub HK will also be able to", "It can already")
	if got := h.waysInto(first.account, first.token)(); got != "token 200, platform 200" {
		t.Errorf("while more is asked for: %s", got)
	}
	g.submit(map[string]string{"decision": "deny"})
	if g.answered().Get("error") != "access_denied" {
		t.Errorf("denied: %v", g.answered())
	}
	if status, _ := (clerk{h, first.account}).answer("POST", "/v1/customers", "name=Lok", h.key); status != http.StatusForbidden {
		t.Errorf("writing with read_only: %d", status)
	}
	more := h.connects(g, app, tenant.ReadWrite, first.account)
	if status, _ := (clerk{h, first.account}).answer("POST", "/v1/customers", "name=Lok", h.key); more.account != first.account || status != http.StatusOK {
		t.Errorf("writing with read_write: %d", status)
	}
	g.open(connectLink(app, tenant.ReadWrite)).reads("TutorHub HK is connected already", "Nothing new is asked for")
}

// Two clicks, or two tabs, open one account.
func TestTwoClicksOpenOneAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	user := g.signIn("Chan May")
	g.open(connectLink(app, tenant.ReadWrite))
	action, form := g.form(map[string]string{"decision": "approve"})
	const clicks = 5
	done := make(chan error, clicks)
	for range clicks {
		go func() {
			req, err := http.NewRequest(http.MethodPost, g.url+action, strings.NewReader(form.Encode()))
			if err != nil {
				done <- err
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := g.http.Do(req)
			if err == nil {
				res.Body.Close()
				if res.StatusCode != http.StatusSeeOther {
					err = fmt.Errorf("status %d", res.StatusCode)
				}
			}
			done <- err
		}()
	}
	for range clicks {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if accounts := h.accountsOf(user); len(accounts) != 1 {
		t.Errorf("opened %v", accounts)
	}
	g.open(action).reads("You have agreed already", "Continue")
	g.submit(map[string]string{"decision": "approve"})
	goOn := strings.Replace(action, "consent", "continue", 1)
	g.once(http.MethodHead, goOn, nil, nil) // a look is not a visit
	g.open(goOn)
	if g.answered().Get("code") == "" || len(h.accountsOf(user)) != 1 {
		t.Errorf("ended with %v", g.answered())
	}
}

// Who may not decide is told who may, and cannot by other means.
func TestOnlyWhoMayEditAnAccountGetsToItsDetails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	may := h.guest("en")
	may.signIn("Chan May")
	account := h.connects(may, app, tenant.ReadWrite, "new").account
	details := "/accounts/" + account + "/details"
	for _, role := range []session.Role{session.Owner, session.Developer, session.Finance, session.Support, session.Viewer} {
		g := h.guest("en")
		h.joins(g.signIn("Somebody "+string(role)), account, role)
		offered := strings.Contains(g.open("/accounts").page, details)
		g.once(http.MethodPost, details, nil, nil)
		let := g.last.StatusCode == http.StatusSeeOther
		if may := role.May(session.EditAccount); offered != may || let != may {
			t.Errorf("%s may edit: %v, is offered it: %v, gets there: %v (%d)", role, may, offered, let, g.last.StatusCode)
		}
	}
	stranger := h.guest("en")
	stranger.signIn("A Stranger")
	if stranger.once(http.MethodPost, details, nil, nil); stranger.last.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger: %d", stranger.last.StatusCode)
	}
}

func TestOnlyOwnersAndDevelopersConnectAnAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	other, _ := h.client("Lesson Calendar")
	may := h.guest("en")
	may.signIn("Chan May")
	account := h.connects(may, app, tenant.ReadWrite, "new").account
	for role, can := range map[session.Role]bool{
		session.Owner: true, session.Developer: true, session.Finance: false, session.Support: false, session.Viewer: false,
	} {
		g := h.guest("en")
		h.joins(g.signIn("Somebody "+string(role)), account, role)
		g.open(connectLink(other, tenant.ReadOnly))
		if can {
			g.submit(map[string]string{"account": account, "decision": "approve"})
			if g.left == "" && !strings.HasPrefix(g.at.Path, "/onboarding/") {
				t.Errorf("%s: at %s: %s", role, g.at, g.words())
			}
			continue
		}
		g.reads("Only an owner or developer can connect these accounts", "Ask Chan May")
		if strings.Contains(g.page, `value="`+account+`"`) {
			t.Errorf("%s can choose the account", role)
		}
		g.submit(map[string]string{"decision": "approve"}).reads("Choose an account")
		g.submit(map[string]string{"decision": "approve", "account": "new", "person": g.hidden("person")})
		g.open(connectLink(other, tenant.ReadOnly))
		action, form := g.form(map[string]string{"decision": "approve"})
		form.Set("account", account)
		g.visit(http.MethodPost, action, form, nil).reads("That account cannot be connected")

		g.open(platformsURL(account)).reads("TutorHub HK", "Only an owner or developer of the account can end a connection.")
		connections, err := h.app.provider.Connections().ForAccount(t.Context(), h.app.pool, account, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			g.visit(method, platformsURL(account)+"/"+connections[0].ID+"/disconnect", nil, nil)
			if g.last.StatusCode != http.StatusForbidden {
				t.Errorf("%s disconnects with %s: %d", role, method, g.last.StatusCode)
			}
		}
	}
	stranger := h.guest("en")
	stranger.signIn("A Stranger")
	if stranger.open(platformsURL(account)); stranger.last.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger sees the platforms: %d", stranger.last.StatusCode)
	}
	if got := h.waysInto(account, &oauth2.Token{AccessToken: "x"})(); got != "token 401, platform 200" {
		t.Errorf("afterwards: %s", got)
	}
}

// A no comes back with its state, and opens nothing.
func TestANoKeepsItsState(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("zh-Hant-HK")
	user := g.signIn("Chan May")
	g.open(connectLink(app, tenant.ReadWrite, "state", "42")).submit(map[string]string{"decision": "deny"})
	answer := g.answered()
	if answer.Get("error") != "access_denied" || answer.Get("state") != "42" || answer.Get("iss") != h.issuer() || answer.Has("code") || answer.Get("error_description") == "" {
		t.Errorf("answered %v", answer)
	}
	if accounts := h.accountsOf(user); len(accounts) != 0 {
		t.Errorf("opened %v", accounts)
	}
}

// An Express link opens an account that the platform manages, and says so.
func TestExpressSaysWhoManagesTheAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app, _ := h.client("TutorHub HK")
	g := h.guest("en")
	g.signIn("Chan May")
	g.open("/express" + connectLink(app, tenant.ReadWrite)).reads("manage your account: its details, its bank account, its closing")
	made := h.connects(g, app, tenant.ReadWrite, "new") // the usual link: its account is the tutor's own
	refused := h.exchange(letter{method: "POST", path: "/v1/accounts/" + made.account, form: "business_profile[name]=Hijacked"})
	if refused.status != http.StatusForbidden {
		t.Errorf("the platform changed a tutor's own account: %d %s", refused.status, refused.raw)
	}
	_, err := h.stripe().V1Accounts.GetByID(t.Context(), made.account, nil)
	if err != nil {
		t.Error(err)
	}
}

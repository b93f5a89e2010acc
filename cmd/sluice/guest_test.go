package main

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/oauth2"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// guest is a person with a browser that keeps cookies, follows redirects within the
// house, and knows no JavaScript. Where a redirect leads out of the house, it stops.
type guest struct {
	*house
	http *http.Client
	lang string
	at   *url.URL // of the page it looks at
	page string
	last *http.Response // body read
	left string         // where the last redirect led, if that was out of the house
}

func (h *house) guest(lang string) *guest {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &guest{house: h, lang: lang, http: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// open goes to a path or a URL of the house.
func (g *guest) open(path string) *guest {
	g.t.Helper()
	return g.visit(http.MethodGet, path, nil, nil)
}

func (g *guest) visit(method, path string, form url.Values, header map[string]string) *guest {
	g.t.Helper()
	g.left = ""
	for hops := 0; ; hops++ {
		if hops > 10 {
			g.t.Fatalf("%s leads in circles", path)
		}
		g.once(method, path, form, header)
		to := g.last.Header.Get("Location")
		if refresh, ok := strings.CutPrefix(g.last.Header.Get("Refresh"), "0; url="); ok && to == "" {
			method, path, form = http.MethodGet, refresh, nil
			continue
		}
		if to == "" {
			return g
		}
		if g.last.StatusCode != http.StatusSeeOther && g.last.StatusCode != http.StatusFound { // O23
			g.t.Fatalf("%s redirects with %d", path, g.last.StatusCode)
		}
		next, err := g.at.Parse(to)
		if err != nil {
			g.t.Fatal(err)
		}
		if !strings.HasPrefix(next.String(), g.url+"/") {
			g.left = to
			return g
		}
		method, path, form = http.MethodGet, next.String(), nil
	}
}

// once sends one request and follows nothing.
func (g *guest) once(method, path string, form url.Values, header map[string]string) {
	g.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = g.url + path
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		g.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", g.url)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	req.Header.Set("Accept-Language", g.lang)
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := g.http.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	g.at, g.page, g.last = req.URL, string(raw), res
}

var (
	formTag   = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<(?:input|button)\b[^>]*>`)
	selectTag = regexp.MustCompile(`(?s)<select\b([^>]*)>(.*?)</select>`)
	attribute = regexp.MustCompile(`\b([a-z-]+)(?:="([^"]*)")?`)
)

var selectedOption = regexp.MustCompile(`<option value="([^"]*)" selected`)

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// submit fills the page's form that has these fields and sends it: hidden fields and
// chosen radios go along, and of the buttons the first, unless the fields name one.
func (g *guest) submit(fields map[string]string) *guest {
	g.t.Helper()
	action, form := g.form(fields)
	return g.visit(http.MethodPost, action, form, nil)
}

func (g *guest) form(fields map[string]string) (action string, form url.Values) {
	g.t.Helper()
	for _, m := range formTag.FindAllStringSubmatch(g.page, -1) {
		form, names := url.Values{}, map[string]bool{}
		for _, tag := range inputTag.FindAllString(m[2], -1) {
			a := attributes(tag)
			names[a["name"]] = true
			_, checked := a["checked"]
			if chosen := a["type"] != "radio" && a["type"] != "checkbox" || checked; a["name"] != "" && strings.HasPrefix(tag, "<input") && chosen {
				form.Set(a["name"], a["value"])
			}
		}
		for _, list := range selectTag.FindAllStringSubmatch(m[2], -1) {
			a := attributes(list[1])
			names[a["name"]] = true
			if chosen := selectedOption.FindStringSubmatch(list[2]); chosen != nil {
				form.Set(a["name"], html.UnescapeString(chosen[1]))
			}
		}
		fits := true
		for name, value := range fields {
			fits = fits && names[name]
			form.Set(name, value)
		}
		if fits {
			action := attributes(m[1])["action"]
			if action == "" {
				action = g.at.RequestURI()
			}
			return action, form
		}
	}
	g.t.Fatalf("no form with %v on %s:\n%s", fields, g.at, g.words())
	return "", nil
}

var anyTag = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>|<[^>]*>`)

// words is what the page says.
func (g *guest) words() string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(g.page, " "))), " ")
}

// reads insists that the page says this.
func (g *guest) reads(texts ...string) *guest {
	g.t.Helper()
	for _, text := range texts {
		if !strings.Contains(g.words(), text) {
			g.t.Fatalf("%s (%d) does not say %q but:\n%s", g.at, g.last.StatusCode, text, g.words())
		}
	}
	return g
}

// signIn makes a person and signs them in, without the pages.
func (g *guest) signIn(name string) session.User {
	g.t.Helper()
	ctx, at := g.t.Context(), clock.System{}.Now()
	email := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.com"
	password := secret.New("correct horse battery " + name)
	user, known, err := g.app.people.Find(ctx, g.app.pool, email)
	if err != nil {
		g.t.Fatal(err)
	}
	if !known {
		err = db.InTx(ctx, g.app.pool, func(ctx context.Context, tx bun.Tx) (err error) {
			user, err = g.app.people.Create(ctx, tx, at, session.NewUser{Email: email, Name: name, Password: password, Verified: true})
			return err
		})
		if err != nil {
			g.t.Fatal(err)
		}
	}
	entry, err := g.app.people.SignIn(ctx, session.From{IP: "192.0.2.7"}, secret.Text{}, email, password)
	if err != nil {
		g.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	g.app.people.SetCookie(w, entry)
	g.http.Jar.SetCookies(g.home(), w.Result().Cookies())
	return user
}

func (g *guest) home() *url.URL {
	u, err := url.Parse(g.url)
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

// joins gives a person a role at an account.
func (h *house) joins(user session.User, account string, role session.Role) {
	h.t.Helper()
	if err := db.InTx(h.t.Context(), h.app.pool, func(ctx context.Context, tx bun.Tx) error {
		return h.app.people.Join(ctx, tx, clock.System{}.Now(), user.ID, account, false, role)
	}); err != nil {
		h.t.Fatal(err)
	}
}

// mailCode waits for the newest mail to somebody and reads the six digits in it.
func (h *house) mailCode(to string) string {
	h.t.Helper()
	six := regexp.MustCompile(`\b\d{6}\b`)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+mailPath+"?to="+url.QueryEscape(to), nil)
		if err != nil {
			h.t.Fatal(err)
		}
		req.Header.Set("Accept", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			h.t.Fatal(err)
		}
		var inbox struct{ Data []struct{ Text string } }
		err = json.NewDecoder(res.Body).Decode(&inbox)
		res.Body.Close()
		if err != nil {
			h.t.Fatal(err)
		}
		if len(inbox.Data) > 0 {
			if code := six.FindString(inbox.Data[0].Text); code != "" {
				return code
			}
		}
	}
	h.t.Fatal("no mail with a code came")
	return ""
}

// shopURL is a page of TutorHub that codes go to.
const shopURL = "https://tutorhub.example/connected?from=sluice"

// client registers an application of Ada's, in test mode, with a secret.
func (h *house) client(name string, change ...func(*oauth.NewClient)) (client *oauth.Client, password string) {
	h.t.Helper()
	return h.clientOf(h.platform, name, change...)
}

func (h *house) clientOf(platform, name string, change ...func(*oauth.NewClient)) (client *oauth.Client, password string) {
	h.t.Helper()
	want := oauth.NewClient{Name: name, RedirectURIs: []string{shopURL}, Scopes: []tenant.Access{tenant.ReadOnly, tenant.ReadWrite}}
	for _, c := range change {
		c(&want)
	}
	if err := db.InTx(h.t.Context(), h.app.pool, func(ctx context.Context, tx bun.Tx) error {
		var plain secret.Text
		var err error
		client, plain, err = h.app.provider.Clients().Create(ctx, tx, clock.System{}.Now(), oauth.Owner{Platform: platform}, want)
		password = plain.Reveal()
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return client, password
}

// connectLink is a client's link to the authorize endpoint.
func connectLink(client *oauth.Client, scope tenant.Access, more ...string) string {
	q := url.Values{"client_id": {client.ID}, "response_type": {"code"}, "scope": {string(scope)}, "redirect_uri": {client.RedirectURIs[0]}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/oauth/authorize?" + q.Encode()
}

// answered is the query of the URL with which the client gets its answer.
func (g *guest) answered() url.Values {
	g.t.Helper()
	if !strings.HasPrefix(g.left, shopURL+"&") {
		g.t.Fatalf("went to %q and stands at %s:\n%s", g.left, g.at, g.words())
	}
	u, err := url.Parse(g.left)
	if err != nil {
		g.t.Fatal(err)
	}
	return u.Query()
}

// connection is what a client has after a code was exchanged.
type connection struct {
	account string
	token   *oauth2.Token
	config  oauth2.Config
}

// connects lets somebody who is signed in agree, and the client exchange the code.
// account is one of theirs, or "new".
func (h *house) connects(g *guest, client *oauth.Client, scope tenant.Access, account string) connection {
	h.t.Helper()
	return h.connectsFor(h.key, g, client, scope, account)
}

// connectsFor is connects for a client of whichever platform has the key.
func (h *house) connectsFor(key string, g *guest, client *oauth.Client, scope tenant.Access, account string) connection {
	h.t.Helper()
	config := h.oauth2(client, scope)
	config.ClientSecret = key
	verifier := oauth2.GenerateVerifier()
	g.open(config.AuthCodeURL("state-of-"+client.ID, oauth2.S256ChallengeOption(verifier)))
	request := g.at.Query().Get("request")
	g.submit(map[string]string{"account": account, "decision": "approve"})
	if g.left == "" { // what is due can wait
		g.open("/oauth/continue?request=" + request)
	}
	token, err := config.Exchange(h.t.Context(), g.answered().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		h.t.Fatal(err)
	}
	return connection{account: token.Extra("stripe_user_id").(string), token: token, config: config}
}

// oauth2 is the client as golang.org/x/oauth2 has it. It authenticates with the
// platform's secret key, as Stripe's libraries do.
func (h *house) oauth2(client *oauth.Client, scope tenant.Access) oauth2.Config {
	return oauth2.Config{
		ClientID: client.ID, ClientSecret: h.key, RedirectURL: client.RedirectURIs[0], Scopes: []string{string(scope)},
		Endpoint: oauth2.Endpoint{AuthURL: h.url + "/oauth/authorize", TokenURL: h.url + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// accountsOf are the accounts that somebody belongs to, the newest first.
func (h *house) accountsOf(user session.User) []string {
	h.t.Helper()
	members, err := h.app.people.Members(h.t.Context(), h.app.pool, user.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	accounts := make([]string, len(members))
	for i, m := range members {
		accounts[i] = m.Account
	}
	return accounts
}

func platformsURL(account string) string { return "/accounts/" + account + "/platforms" }

// connectionEnds lets somebody end their account's connection with an application or platform.
func (h *house) connectionEnds(g *guest, account, name string) {
	h.t.Helper()
	all, err := h.app.provider.Connections().ForAccount(h.t.Context(), h.app.pool, account, false)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range all {
		if c.ClientName == name {
			g.open(platformsURL(account) + "/" + c.ID + "/disconnect").submit(map[string]string{"decision": "end"})
			return
		}
	}
	h.t.Fatalf("%s has no connection with %s", account, name)
}

// visitForm sends the page's form with this action.
func (g *guest) visitForm(action string) *guest {
	g.t.Helper()
	for _, m := range formTag.FindAllStringSubmatch(g.page, -1) {
		if attributes(m[1])["action"] != action {
			continue
		}
		form := url.Values{}
		for _, tag := range inputTag.FindAllString(m[2], -1) {
			if a := attributes(tag); a["type"] == "hidden" {
				form.Set(a["name"], a["value"])
			}
		}
		return g.visit(http.MethodPost, action, form, nil)
	}
	g.t.Fatalf("no form leads to %s:\n%s", action, g.words())
	return g
}

// hidden is the value of a hidden field.
func (g *guest) hidden(name string) string {
	for _, tag := range inputTag.FindAllString(g.page, -1) {
		if a := attributes(tag); a["name"] == name && a["type"] == "hidden" {
			return a["value"]
		}
	}
	return ""
}

// issuer is what the metadata says, byte for byte.
func (h *house) issuer() string {
	h.t.Helper()
	issuer, _ := h.send(http.StatusOK, letter{method: "GET", path: "/.well-known/oauth-authorization-server"}).body["issuer"].(string)
	return issuer
}

func asRefused(err error, refused **oauth2.RetrieveError) bool { return errors.As(err, refused) }

// cookie is the value of the cookie whose name has this in it.
func (g *guest) cookie(part string) string {
	for _, c := range g.http.Jar.Cookies(g.home()) {
		if strings.Contains(c.Name, part) {
			return c.Value
		}
	}
	return ""
}

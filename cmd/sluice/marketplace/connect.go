package marketplace

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// subjects that TutorHub teaches, by the end of their catalogue keys.
var subjects = []string{"maths", "english", "piano", "coding"}

// oauth is how TutorHub presents itself. The client's secret is the platform's
// secret key, in the body, as with Stripe; x/oauth2 shall not try both places.
func (b *business) oauth(express bool) *oauth2.Config {
	authorize := b.BaseURL + "/oauth/authorize"
	if express {
		authorize = b.BaseURL + "/express/oauth/authorize"
	}
	return &oauth2.Config{
		ClientID: b.ClientID, ClientSecret: b.SecretKey.Reveal(),
		Endpoint:    oauth2.Endpoint{AuthURL: authorize, TokenURL: b.BaseURL + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams},
		RedirectURL: b.BaseURL + CallbackPath,
		Scopes:      []string{"read_write"},
	}
}

// connect sends a tutor to Sluice with what TutorHub knows already. state ties the
// answer to this browser, the PKCE challenge ties the code to this program.
func (s *Shop) connect(w http.ResponseWriter, r *http.Request, b *business, v *visitor) {
	a := ask{state: rand.Text(), verifier: oauth2.GenerateVerifier(), tutor: tutor{
		Name: cut(strings.TrimSpace(r.PostForm.Get("name")), maxName), Express: r.PostForm.Get("kind") == "express",
	}}
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(a.verifier),
		oauth2.SetAuthURLParam("stripe_user[country]", "HK"),
		oauth2.SetAuthURLParam("stripe_user[currency]", "hkd"),
		oauth2.SetAuthURLParam("suggested_capabilities[0]", "card_payments"),
		oauth2.SetAuthURLParam("suggested_capabilities[1]", "transfers"),
	}
	if a.tutor.Name != "" {
		options = append(options, oauth2.SetAuthURLParam("stripe_user[business_name]", a.tutor.Name))
	}
	if subject := r.PostForm.Get("subject"); slices.Contains(subjects, subject) {
		a.tutor.Subject = subject
	}
	v.asking(a)
	config := b.oauth(a.tutor.Express)
	address := config.AuthCodeURL(a.state, options...)
	v.made(call{Request: "GET " + strings.TrimPrefix(config.Endpoint.AuthURL, b.BaseURL), Result: b.ClientID, Why: "shop.call.authorize"})
	http.Redirect(w, r, address, http.StatusSeeOther)
}

const maxName = 60

// cut shortens by whole characters.
func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

// callback takes the tutor back. Each rung keeps somebody else's answer out.
func (s *Shop) callback(w http.ResponseWriter, r *http.Request, b *business, v *visitor) {
	defer home(w, r)
	q := r.URL.Query()
	a, ok := v.asked(q.Get("state"))
	if !ok {
		v.tell("warning", "shop.notice.state")
		return
	}
	if q.Get("iss") != b.BaseURL {
		v.tell("danger", "shop.notice.issuer")
		return
	}
	if problem := q.Get("error"); problem != "" {
		v.made(call{Request: "GET " + CallbackPath, Result: cut(problem, maxName), Why: "shop.call.denied", Failed: true})
		if problem == "access_denied" {
			v.tell("info", "shop.notice.denied")
		} else {
			v.tell("danger", "shop.notice.refused", "reason", cut(problem, maxName))
		}
		return
	}
	account, err := b.exchange(r.Context(), a, q.Get("code"))
	if err != nil {
		s.failed(v, r, "POST /oauth/token", err)
		return
	}
	a.tutor.Account = account
	v.add(a.tutor)
	v.made(call{Request: "POST /oauth/token", Result: account, Why: "shop.call.token"})
	v.tell("success", "shop.notice.connected")
}

var errNoAccount = errors.New("the answer names no account")

// exchange turns the code into the account it stands for.
func (b *business) exchange(ctx context.Context, a ask, code string) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, b.api.HTTP)
	token, err := b.oauth(a.tutor.Express).Exchange(ctx, code, oauth2.VerifierOption(a.verifier))
	if err != nil {
		return "", err
	}
	account, _ := token.Extra("stripe_user_id").(string)
	if account == "" {
		return "", errNoAccount
	}
	return account, nil
}

// disconnect ends the connection from TutorHub's side.
func (s *Shop) disconnect(w http.ResponseWriter, r *http.Request, b *business, v *visitor) {
	defer home(w, r)
	t, ok := v.tutor(r.PostForm.Get("account"))
	if !ok {
		v.tell("warning", "shop.notice.gone")
		return
	}
	err := b.api.Post(r.Context(), "/oauth/deauthorize", url.Values{"client_id": {b.ClientID}, "stripe_user_id": {t.Account}}, nil)
	if err != nil && !alreadyEnded(err) {
		s.failed(v, r, "POST /oauth/deauthorize", err)
		return
	}
	v.remove(t.Account)
	v.made(call{Request: "POST /oauth/deauthorize", Result: t.Account, Why: "shop.call.deauthorize"})
	v.tell("info", "shop.notice.disconnected")
}

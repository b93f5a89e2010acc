package oauthhttp

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

//go:embed all:templates/people
var peopleTemplates embed.FS

//go:embed catalogues/people
var peopleCatalogues embed.FS

// AccountNames says what accounts are called. The connect room knows; an account
// that is missing in the answer is shown by its id.
type AccountNames interface {
	AccountNames(ctx context.Context, accounts []string) (map[string]string, error)
}

// Asked is on whose behalf, and with what already known, a person was sent to sign in or up.
type Asked struct {
	Brand    ui.Brand
	Testmode bool
	Email    string // prefill
	Name     string
}

// Asking finds the flow that a next path belongs to ("/oauth/consent?request=areq_…").
// The e-mail address and the name come this way, never in an address bar.
type Asking interface {
	Asked(ctx context.Context, next string) (Asked, bool)
}

// PeopleConfig is what the people's pages stand on.
type PeopleConfig struct {
	Pool   *bun.DB
	People *session.People
	Kit    *ui.Kit
	Names  AccountNames
	Asking Asking         // nil: nobody asks
	Inbox  bool           // development: pages that wait for a mail link to /_dev/mail
	Zone   *time.Location // of the times shown; nil: Hong Kong
	Log    *slog.Logger   // nil: slog.Default()
}

type peopleDoor struct {
	PeopleConfig
	pages *ui.Pages
}

// PeopleRoutes are the pages of people who sign in. It fails on a mistake in a page.
func PeopleRoutes(cfg PeopleConfig) ([]rest.Route, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Zone == nil {
		zone, err := time.LoadLocation("Asia/Hong_Kong")
		if err != nil {
			return nil, err
		}
		cfg.Zone = zone
	}
	pages, err := cfg.Kit.Pages(peopleTemplates, peopleCatalogues)
	if err != nil {
		return nil, fmt.Errorf("people's pages: %w", err)
	}
	d := &peopleDoor{PeopleConfig: cfg, pages: pages}
	var routes []rest.Route
	add := func(path string, get, post http.HandlerFunc) {
		for method, h := range map[string]http.HandlerFunc{http.MethodGet: get, http.MethodPost: post} {
			if h != nil {
				routes = append(routes, rest.Route{Method: method, Path: path, Public: true, Handler: cfg.Kit.Guard(h)})
			}
		}
	}
	// A path that only takes forms leads back to its page when it is opened: a page
	// that answers a failed form stands under the form's address.
	back := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { d.goTo(w, r, withNext(path, nextOf(r))) }
	}
	add("/sign-in", d.showSignIn, d.signIn)
	add("/sign-in/passkey", back("/sign-in"), d.signInPasskey)
	add("/sign-in/passkey/options", d.ask(session.ToSignIn), nil)
	add("/sign-in/second-step", d.showSecondStep, d.secondStep)
	add("/sign-in/second-step/passkey", back("/sign-in/second-step"), d.secondStepPasskey)
	add("/sign-in/second-step/passkey/options", d.ask(session.ToFinish), nil)
	add("/sign-out", nil, d.signOut) // never by opening a link
	add("/sign-up", d.showSignUp, d.signUp)
	add("/verify-email", d.showVerify, d.verify)
	add("/verify-email/again", back("/verify-email"), d.sendAgain)
	add("/forgot-password", d.showForgot, d.forgot)
	add("/reset-password/{token}", d.showReset, d.reset)

	add("/security", d.known(d.showSecurity), nil)
	add("/security/confirm", d.known(d.showConfirm), d.known(d.confirm))
	add("/security/confirm/passkey", back("/security/confirm"), d.known(d.confirmPasskey))
	add("/security/confirm/passkey/options", d.ask(session.ToStepUp), nil)
	add("/security/password", d.known(d.showPassword), d.known(d.changePassword))
	add("/security/totp", d.known(d.showTOTP), d.known(d.confirmTOTP))
	add("/security/totp/start", back("/security/totp"), d.known(d.startTOTP))
	add("/security/totp/remove", d.known(d.showRemoveTOTP), d.known(d.removeTOTP))
	add("/security/recovery-codes", d.known(d.showRecovery), d.known(d.renewRecovery))
	add("/security/recovery-codes/saved", back("/security"), d.known(d.forgetRecovery))
	add("/security/passkeys", d.known(d.showAddPasskey), d.known(d.addPasskey))
	add("/security/passkeys/options", d.ask(session.ToAdd), nil)
	add("/security/passkeys/remove", d.known(d.showRemovePasskey), d.known(d.removePasskey))
	add("/security/sessions/end", back("/security"), d.known(d.endSession))

	team := func(w http.ResponseWriter, r *http.Request, _ session.Visit) {
		d.goTo(w, r, "/accounts/"+segment(r, 2)+"/team")
	}
	add("/accounts", d.known(d.showAccounts), nil)
	add("/accounts/{account}/team", d.known(d.showTeam), d.known(d.invite))
	add("/accounts/{account}/team/role", d.known(team), d.known(d.changeRole))
	add("/accounts/{account}/team/remove", d.known(d.showRemoveMember), d.known(d.removeMember))
	add("/accounts/{account}/team/withdraw", d.known(team), d.known(d.withdraw))
	add("/invitations/{token}", d.openInvitation, nil)
	add("/invitation", d.showInvitation, d.known(d.accept))
	return routes, nil
}

// segment is a part of the path, counted from 1: "/accounts/{1 is accounts}".
func segment(r *http.Request, n int) string {
	parts := strings.Split(r.URL.Path, "/")
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// goTo answers with 303, whatever the request was: the browser never posts a
// password to a second place.
func (d *peopleDoor) goTo(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// from is who asks, in the language of the page.
func (d *peopleDoor) from(r *http.Request) session.From {
	from := d.People.From(r)
	from.Locale = string(ui.LocaleOf(r))
	return from
}

// visitHandler is a page of somebody who is signed in.
type visitHandler func(w http.ResponseWriter, r *http.Request, v session.Visit)

// known lets only people in who are signed in; others sign in first and come back.
func (d *peopleDoor) known(h visitHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := d.People.Visit(r.Context(), r)
		if ok {
			h(w, r, v)
			return
		}
		back := ""
		if r.Method == http.MethodGet {
			back = SafeNext(r.URL.RequestURI())
		}
		d.goTo(w, r, withNext("/sign-in", back))
	}
}

// fresh reports whether the person may do what is delicate; if not, it sends them
// to prove it and back to path.
func (d *peopleDoor) fresh(w http.ResponseWriter, r *http.Request, v session.Visit, path string) bool {
	if d.People.Fresh(v) {
		return true
	}
	d.goTo(w, r, withNext("/security/confirm", path))
	return false
}

// SafeNext is next if a browser may be sent there after signing in, else "". Only
// paths of ours, in the shapes that we make ourselves: whatever else a link
// carries is dropped, so that no sign-in ends on somebody else's page.
func SafeNext(next string) string {
	if len(next) > 300 {
		return ""
	}
	path, query, _ := strings.Cut(next, "?")
	if !safeSegments(path) || !safeQuery(query) {
		return ""
	}
	for _, start := range nextPaths {
		if path == start || strings.HasPrefix(path, start+"/") {
			return next
		}
	}
	return ""
}

var nextPaths = []string{"/accounts", "/security", "/invitation", "/oauth/consent", "/oauth/continue", "/onboarding", "/dashboard", "/earnings"}

func safeSegments(path string) bool {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || !plain(part) {
			return false
		}
	}
	return true
}

// safeQuery allows name=value pairs of plain words.
func safeQuery(query string) bool {
	if query == "" {
		return true
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "next" || !plain(name) || !plain(value) {
			return false
		}
	}
	return true
}

func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	})
}

// nextOf is where this page's flow goes on.
func nextOf(r *http.Request) string {
	if next := SafeNext(r.URL.Query().Get("next")); next != "" {
		return next
	}
	return SafeNext(r.PostForm.Get("next"))
}

func withNext(path, next string) string {
	if next == "" {
		return path
	}
	return path + "?" + url.Values{"next": {next}}.Encode()
}

// and adds a parameter to an address of ours.
func and(address, parameter string) string {
	if strings.Contains(address, "?") {
		return address + "&" + parameter
	}
	return address + "?" + parameter
}

// orAccounts is where to go when nothing else was said.
func orAccounts(next string) string {
	if next == "" {
		return "/accounts"
	}
	return next
}

// asked is who sent the person here.
func (d *peopleDoor) asked(r *http.Request, next string) Asked {
	if d.Asking == nil || next == "" {
		return Asked{}
	}
	asked, _ := d.Asking.Asked(r.Context(), next)
	return asked
}

// done names what has just been done: ?done=… of a redirect, shown once above the page.
func doneOf(r *http.Request, known ...string) string {
	done := r.URL.Query().Get("done")
	for _, k := range known {
		if done == k {
			return "people.done." + k
		}
	}
	return ""
}

// fail writes an error of the rules into the form, in the person's language. It is
// false for an error that is ours: then the page is an error page, already sent.
func (d *peopleDoor) fail(w http.ResponseWriter, r *http.Request, form *ui.Form, err error) bool {
	for _, one := range allOf(err) {
		f := fault.As(one)
		if f == nil || f.Kind == fault.Internal {
			d.broken(w, r, err)
			return false
		}
		if wait, soon := throttle.WaitOf(one); soon {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			form.Fail("", "people.error.too_many_attempts", "wait", d.waiting(r, wait))
			continue
		}
		key := "people.error." + f.Code
		if !peopleErrors[f.Code] {
			if f.Kind == fault.Unavailable {
				key = "people.error.busy"
			} else {
				d.Log.ErrorContext(r.Context(), "no text for an error of the people's pages", "code", f.Code)
				key = "people.error.other"
			}
		}
		form.Fail(f.Param, key)
	}
	return true
}

// peopleErrors are the codes that have a text.
var peopleErrors = map[string]bool{
	"email_missing": true, "email_invalid": true, "name_missing": true, "name_invalid": true,
	"password_missing": true, "current_password_missing": true, "password_short": true, "password_long": true, "password_email": true, "password_common": true, "password_wrong": true,
	"sign_in_refused": true, "code_wrong": true, "code_expired": true, "sign_up_expired": true, "link_expired": true,
	"passkey_refused": true, "passkey_unavailable": true, "passkeys_full": true, "totp_on": true, "role_unknown": true, "role_required": true,
	"already_member": true, "invitations_full": true, "last_owner": true, "mail_busy": true, "busy": true, "step_up_required": true, "resource_missing": true,
}

// allOf takes a joined error apart.
func allOf(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// waiting is a time to wait as people say it.
func (d *peopleDoor) waiting(r *http.Request, wait time.Duration) string {
	l := ui.LocaleOf(r)
	switch seconds := int((wait + time.Second - 1) / time.Second); {
	case seconds <= 1:
		return d.pages.Text(l, "people.wait.second")
	case seconds < 90:
		return d.pages.Text(l, "people.wait.seconds", "n", seconds)
	default:
		return d.pages.Text(l, "people.wait.minutes", "n", (seconds+59)/60)
	}
}

// broken is our own failure.
func (d *peopleDoor) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		d.Log.ErrorContext(r.Context(), "people's page failed", "request", rest.RequestID(r.Context()), "error", err)
	}
	status, key := http.StatusInternalServerError, "ui.error.internal"
	if fault.Is(err, fault.Unavailable) {
		status, key = http.StatusServiceUnavailable, "ui.error.unavailable"
	}
	d.Kit.ErrorPage(w, r, status, key, "")
}

// password is a field that is never trimmed nor shown again.
func password(r *http.Request, field string) secret.Text { return secret.New(r.PostForm.Get(field)) }

// personal is the frame of a page of somebody signed in.
func (d *peopleDoor) personal(v session.Visit, title, active string, data any) ui.View {
	return ui.View{
		Title: title, Layout: ui.Account, Person: v.User.Email, Data: data,
		Nav: []ui.Link{
			{Href: "/accounts", Key: "people.nav.accounts", Active: active == "accounts"},
			{Href: "/security", Key: "people.nav.security", Active: active == "security"},
		},
	}
}

// narrow is a page of one card for somebody signed in, with a way back.
func (d *peopleDoor) narrow(v session.Visit, title, back string, data any) ui.View {
	return ui.View{Title: title, Layout: ui.Flow, Person: v.User.Email, Data: data, Back: &ui.Link{Href: back, Key: "people.back"}}
}

// shownForm is a failed form with its status: 429 when it came too soon, else the kit's.
func shownStatus(w http.ResponseWriter) int {
	if w.Header().Get("Retry-After") != "" {
		return http.StatusTooManyRequests
	}
	return 0
}

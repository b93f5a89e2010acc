package oauthhttp

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/ui"
)

// The flow is what stands between a client's link and its code: sign in, consent,
// fill in what is due, go back. Every step is a page with an address of its own,
// found again by the request's id; what has been decided stands in the request, so
// reloading, going back and pressing a button twice do no harm.

//go:embed templates/flow/*.html
var flowTemplates embed.FS

//go:embed catalogues/flow/*.json
var flowCatalogues embed.FS

// Addresses of the flow, and those of the people's pages that it leads to.
const (
	consentPath  = "/oauth/consent"
	continuePath = "/oauth/continue"
	signInPath   = "/sign-in"
	signUpPath   = "/sign-up"
	verifyPath   = "/verify-email"
	accountsPath = "/accounts"
)

// FlowConfig is what the flow stands on.
type FlowConfig struct {
	Pool     *bun.DB
	Kit      *ui.Kit
	Provider *oauth.Provider
	People   *session.People
	Market   oauth.Marketplace
	Details  Details
	Log      *slog.Logger // nil: slog.Default()
}

// Details leads to the pages where an account tells about itself; the room that
// keeps accounts has them.
type Details interface {
	// Details is an address that opens these pages once, for this account. In the end
	// they lead to returnURL.
	Details(ctx context.Context, tx bun.Tx, account string, livemode bool, returnURL string) (address string, err error)
}

// Flow serves the interactive part of OAuth, and what a person can do about it later.
type Flow struct {
	FlowConfig
	pages *ui.Pages
}

// NewFlow reads the pages.
func NewFlow(cfg FlowConfig) (*Flow, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	pages, err := cfg.Kit.Pages(flowTemplates, flowCatalogues)
	if err != nil {
		return nil, err
	}
	return &Flow{FlowConfig: cfg, pages: pages}, nil
}

// Routes are the flow's pages.
func (f *Flow) Routes() []rest.Route {
	open := func(method, path string, h http.Handler) rest.Route {
		return rest.Route{Method: method, Path: path, Public: true, Handler: h}
	}
	page := func(method, path string, h http.HandlerFunc) rest.Route { return open(method, path, f.Kit.Guard(h)) }
	return []rest.Route{
		// Not behind Guard: a client whose redirect URI is good is told of a malformed
		// link by redirect, and Begin decides which links are.
		open(http.MethodGet, oauth.AuthorizePath, f.authorize(false)),
		open(http.MethodGet, oauth.ExpressAuthorizePath, f.authorize(true)),
		page(http.MethodGet, consentPath, f.askConsent),
		page(http.MethodPost, consentPath, f.takeConsent),
		page(http.MethodGet, continuePath, f.goOn),
		page(http.MethodPost, accountsPath+"/{account}/details", f.openDetails),
		page(http.MethodGet, accountsPath+"/{account}/details", f.leadToAccounts),
		page(http.MethodGet, accountsPath+"/{account}/platforms", f.showPlatforms),
		page(http.MethodGet, accountsPath+"/{account}/platforms/{connection}/disconnect", f.askDisconnect),
		page(http.MethodPost, accountsPath+"/{account}/platforms/{connection}/disconnect", f.disconnect),
	}
}

// redirect sends the browser on with a GET, whatever this request was (O23: a 307
// would post the password once more, to somebody else).
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", to) // as it is: http.Redirect would rewrite what a client registered
	w.WriteHeader(http.StatusSeeOther)
}

// authorize begins a request and shows the way in.
func (f *Flow) authorize(express bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, cookie, err := f.Provider.Begin(r.Context(), r, express)
		if err != nil {
			f.refuse(w, r, err)
			return
		}
		if cookie != nil {
			http.SetCookie(w, cookie)
		}
		next := at(consentPath, "request", request.ID)
		if visit, known := f.People.Visit(r.Context(), r); !known || stale(request, visit) {
			next = entrance(request, next)
		}
		redirect(w, r, withLocale(r, next))
	}
}

// stale is a sign-in from before the request, where the client asks for a new one.
func stale(request *oauth.AuthorizeRequest, visit session.Visit) bool {
	return slices.Contains(strings.Fields(request.Prompt), "login") && visit.Session.CreatedAt.Before(request.CreatedAt)
}

// entrance is where somebody unknown signs in or up, to return to next.
func entrance(request *oauth.AuthorizeRequest, next string) string {
	if request.Landing == "login" || slices.Contains(strings.Fields(request.Prompt), "login") {
		return at(signInPath, "next", next)
	}
	return at(signUpPath, "next", next)
}

// withLocale takes the language that the client's link asks for to the next page,
// which keeps it: lang= as on all our pages, or ui_locales= as in OpenID Connect.
func withLocale(r *http.Request, to string) string {
	asked := r.URL.Query()
	for _, name := range []string{"lang", "ui_locales", "locale"} {
		if l, ok := ui.ParseLocale(firstWord(asked.Get(name))); ok {
			return to + "&lang=" + url.QueryEscape(string(l))
		}
	}
	return to
}

func firstWord(s string) string {
	first, _, _ := strings.Cut(s, " ")
	return first
}

// at is a path with one parameter.
func at(path, name, value string) string {
	return path + "?" + url.Values{name: {value}}.Encode()
}

// visitor is who is signed in with a proven address. Everybody else is sent to
// where they become so, to return to here.
func (f *Flow) visitor(w http.ResponseWriter, r *http.Request, signIn string) (session.Visit, bool) {
	visit, known := f.People.Visit(r.Context(), r)
	switch {
	case !known:
		redirect(w, r, signIn)
		return visit, false
	case !visit.User.Verified():
		redirect(w, r, at(verifyPath, "next", r.URL.RequestURI()))
		return visit, false
	}
	return visit, true
}

// answerer is the visitor who may answer a request.
func (f *Flow) answerer(w http.ResponseWriter, r *http.Request, request *oauth.AuthorizeRequest) (session.Visit, bool) {
	signIn := entrance(request, at(consentPath, "request", request.ID))
	visit, ok := f.visitor(w, r, signIn)
	if ok && stale(request, visit) {
		redirect(w, r, signIn)
		return visit, false
	}
	return visit, ok
}

// Asked is on whose behalf a sign-in page asks, and what the platform knows already:
// it satisfies Asking.
func (f *Flow) Asked(ctx context.Context, next string) (Asked, bool) {
	u, err := url.Parse(next)
	if err != nil || u.Path != consentPath && u.Path != continuePath {
		return Asked{}, false
	}
	request, err := f.Provider.Look(ctx, f.Pool, u.Query().Get("request"))
	if err != nil || request == nil {
		return Asked{}, false
	}
	platform, err := f.Market.Platform(ctx, f.Pool, request.Client.Platform, request.Client.Livemode)
	if err != nil {
		return Asked{}, false
	}
	return Asked{
		Brand: brandOf(platform), Testmode: !request.Client.Livemode, Email: request.Prefill["email"], Name: prefilledName(request),
	}, true
}

// prefilledName is a person's name, in the order in which the person is likely to write it.
func prefilledName(request *oauth.AuthorizeRequest) string {
	return strings.TrimSpace(request.Prefill["first_name"] + " " + request.Prefill["last_name"])
}

// askConsent shows who asks for what. It is shown in every case, also to those who
// have agreed before (O26), and from now on only its reader can answer (O21).
func (f *Flow) askConsent(w http.ResponseWriter, r *http.Request) {
	requestID := r.URL.Query().Get("request")
	request, err := f.Provider.Pending(r.Context(), r, requestID)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	visit, ok := f.answerer(w, r, request)
	if !ok {
		return
	}
	f.renderConsent(w, r, visit, requestID, nil)
}

func (f *Flow) renderConsent(w http.ResponseWriter, r *http.Request, visit session.Visit, requestID string, form *ui.Form) {
	request, err := f.Provider.Bind(r.Context(), r, requestID, visit.User.ID)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	c, err := f.consentOf(r.Context(), request, visit, r.URL.Query().Get("account"))
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.pages.Render(w, r, "flow-consent", c.view(form))
}

// takeConsent hears a yes or a no.
func (f *Flow) takeConsent(w http.ResponseWriter, r *http.Request) {
	requestID := r.URL.Query().Get("request")
	switch r.PostForm.Get("decision") {
	case "deny":
		to, err := f.Provider.Deny(r.Context(), r, requestID)
		if err != nil {
			f.refuse(w, r, err)
			return
		}
		redirect(w, r, to)
	case "approve":
		f.approve(w, r, requestID)
	default:
		f.Kit.ErrorPage(w, r, http.StatusBadRequest, "ui.error.bad_request", "")
	}
}

// approve records a yes. The page says whom it was shown to, so that a page which
// another person left open in a second tab cannot be answered by this one.
func (f *Flow) approve(w http.ResponseWriter, r *http.Request, requestID string) {
	request, err := f.Provider.Pending(r.Context(), r, requestID)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	visit, ok := f.answerer(w, r, request)
	if !ok {
		return
	}
	form := ui.PostedForm(r)
	account := form.Value("account")
	switch {
	case form.Value("person") != visit.User.ID:
		form.Fail("", "consent.error.person")
	case account == "":
		form.Fail("account", "consent.error.account")
	}
	if !form.OK() {
		f.renderConsent(w, r, visit, requestID, form)
		return
	}
	if account == newAccount {
		account = ""
	}
	agreed, err := f.Provider.Consent(r.Context(), r, requestID, oauth.Consent{
		User: visit.User.ID, Account: account, Email: visit.User.Email, Scope: request.Scope,
	})
	if only := personal(err); only != nil && (only.Code == "wrong_user" || only.Code == "access_denied") {
		form.Fail("", map[string]string{"wrong_user": "consent.error.person", "access_denied": "consent.error.not_allowed"}[only.Code])
		f.renderConsent(w, r, visit, requestID, form)
		return
	}
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	to, err := f.onward(r.Context(), agreed)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	redirect(w, r, to)
}

// goOn gives the client its code, once. Who comes back later finds the request
// answered. It is where onboarding returns to, done or put off.
func (f *Flow) goOn(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // HEAD looks, and looking must not spend the request
		w.WriteHeader(http.StatusNoContent)
		return
	}
	requestID := r.URL.Query().Get("request")
	request, err := f.Provider.Pending(r.Context(), r, requestID)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	visit, ok := f.visitor(w, r, at(signInPath, "next", r.URL.RequestURI()))
	if !ok {
		return
	}
	if request.Status == oauth.RequestPending || request.User != visit.User.ID {
		redirect(w, r, at(consentPath, "request", requestID))
		return
	}
	if r.URL.Query().Has("from") {
		f.pause(w, r, request)
		return
	}
	to, err := f.Provider.Complete(r.Context(), r, requestID, visit.User.ID)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	redirect(w, r, to)
}

// pause is a page between onboarding and the client, which leads on by itself. The
// form that ends onboarding may only lead to pages of ours, and Chromium counts
// redirects after it: from this page the browser begins anew.
func (f *Flow) pause(w http.ResponseWriter, r *http.Request, request *oauth.AuthorizeRequest) {
	platform, err := f.Market.Platform(r.Context(), f.Pool, request.Client.Platform, request.Client.Livemode)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	v := viewOf(platform, request.Client.Livemode)
	to := at(continuePath, "request", request.ID)
	v.Title, v.TitleArgs, v.Data = "consent.return.title", []any{"platform", platform.Name}, struct{ Name, To string }{platform.Name, to}
	w.Header().Set("Refresh", "0; url="+to)
	f.pages.Render(w, r, "flow-return", v)
}

// refuse tells the client if it may be told, and the person otherwise. There is no
// Location then: an address that nobody registered is never followed (O1, O2).
func (f *Flow) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refused *oauth.AuthorizeError
	if !errors.As(err, &refused) {
		f.fail(w, r, err)
		return
	}
	if to, tellable := refused.RedirectURL(); tellable {
		redirect(w, r, to)
		return
	}
	f.explain(w, r, refused)
}

// personal is an error that only the person is told.
func personal(err error) *oauth.AuthorizeError {
	var refused *oauth.AuthorizeError
	if !errors.As(err, &refused) {
		return nil
	}
	if _, tellable := refused.RedirectURL(); tellable {
		return nil
	}
	return refused
}

// fail is for what is our fault.
func (f *Flow) fail(w http.ResponseWriter, r *http.Request, err error) {
	f.Log.ErrorContext(r.Context(), "oauth page", "path", r.URL.Path, "request", w.Header().Get("Request-Id"), "error", err)
	f.Kit.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "")
}

package oauth

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Begin reads a visit to /oauth/authorize (or /express/oauth/authorize) and
// stores it. The cookie, unless nil, is to be set on the answer: it binds the
// request to this browser. Fails with *AuthorizeError.
func (p *Provider) Begin(ctx context.Context, r *http.Request, express bool) (*AuthorizeRequest, *http.Cookie, error) {
	form, formErr := p.authorizeForm(r)
	if form == nil {
		return nil, nil, formErr
	}
	client, err := p.knownClient(ctx, form)
	if err != nil {
		return nil, nil, err
	}
	form, pushed, err := p.unpushed(ctx, client, form)
	if err != nil {
		return nil, nil, err
	}
	redirectURI, err := redirectOf(client, form)
	if err != nil {
		return nil, nil, err
	}
	if formErr == nil && client.RequirePAR && !pushed {
		formErr = invalidRequest("This client must push its authorization requests.")
	}
	if formErr != nil {
		return nil, nil, p.told(formErr, redirectURI, form.Get("state"))
	}
	request, err := p.parseAuthorize(ctx, client, form)
	if err != nil {
		return nil, nil, p.told(err, redirectURI, form.Get("state"))
	}
	if _, err := p.cfg.Marketplace.Platform(ctx, p.cfg.Pool, client.Platform, client.Livemode); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = onPage("unauthorized_client", "The platform behind this link is closed.")
		}
		return nil, nil, err
	}
	request.ID, request.Express = id.New("areq"), express
	request.CreatedAt = p.cfg.Clock.Now()
	request.ExpiresAt = request.CreatedAt.Add(p.cfg.RequestFor)
	browser, cookie := p.browserOf(r)
	return request, cookie, insertRequest(ctx, p.cfg.Pool, request, p.sum(browser))
}

// authorizeForm is the query of an authorization request. A nil form cannot be
// answered to anybody but the person; with a form, the error may be the client's.
func (p *Provider) authorizeForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodGet {
		return nil, onPage("invalid_request", "This page is opened by a link.")
	}
	if len(r.URL.RawQuery) > maxQuery {
		return nil, onPage("invalid_request", "The link is too long.")
	}
	form, err := strictForm(r.URL.RawQuery)
	var repeated *repeatedError
	switch {
	case errors.As(err, &repeated) && repeated.name != "client_id" && repeated.name != "redirect_uri" && repeated.name != "request_uri":
		return form, err
	case err != nil:
		return nil, onPage("invalid_request", "The link is not well-formed.")
	}
	return form, nil
}

// knownClient is the enabled client that the form names.
func (p *Provider) knownClient(ctx context.Context, form url.Values) (*Client, error) {
	clientID := form.Get("client_id")
	if clientID == "" || len(clientID) > 64 || !fine(clientID) || repeats(form, "client_id", "redirect_uri", "request_uri") {
		return nil, onPage("invalid_request", "The link does not name one application.")
	}
	client, err := findClient(ctx, p.cfg.Pool, clientID)
	switch {
	case err != nil:
		return nil, err
	case client == nil:
		return nil, onPage("invalid_client", "There is no such application.")
	case !client.Enabled():
		return nil, onPage("unauthorized_client", "This application is disabled.")
	}
	return client, nil
}

// repeats reports whether one of these names stands in the form more than once:
// then it is not certain who could be told.
func repeats(form url.Values, names ...string) bool {
	for _, name := range names {
		if len(form[name]) > 1 {
			return true
		}
	}
	return false
}

// redirectOf is the registered redirect URI that the form asks for, or the
// client's first. Every other one is refused here, on our own page.
func redirectOf(client *Client, form url.Values) (string, error) {
	asked := form.Get("redirect_uri")
	switch {
	case !form.Has("redirect_uri"):
		return client.RedirectURIs[0], nil
	case !client.redirects(asked):
		return "", onPage("invalid_request", "The redirect URI of this link is not registered for the application.")
	}
	return asked, nil
}

// browserOf is the secret of this browser and, if it has none yet, the cookie
// that gives it one.
func (p *Provider) browserOf(r *http.Request) (string, *http.Cookie) {
	secure := strings.HasPrefix(p.cfg.Issuer, "https:")
	if c, err := r.Cookie(browserCookie(secure)); err == nil && wellFormed(c.Value, "") {
		return c.Value, nil
	}
	made := randomToken("").Reveal()
	return made, &http.Cookie{
		Name: browserCookie(secure), Value: made, Path: "/", MaxAge: int(p.cfg.RequestFor.Seconds()) * 24,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}

// browserCookie is the cookie's name; __Host- keeps other hosts of the domain
// from planting it.
func browserCookie(secure bool) string {
	if secure {
		return "__Host-sluice_connect"
	}
	return "sluice_connect"
}

// sameBrowser reports whether r comes from the browser that began the request.
func (p *Provider) sameBrowser(r *http.Request, row *requestRow) bool {
	c, err := r.Cookie(browserCookie(strings.HasPrefix(p.cfg.Issuer, "https:")))
	if err != nil || !wellFormed(c.Value, "") {
		return false
	}
	for _, sum := range p.sums(c.Value) {
		if hmac.Equal(sum, row.Browser) {
			return true
		}
	}
	return false
}

// Pending is a request that a page is about to show: it is not expired, not
// answered, and began in this browser. Fails with *AuthorizeError.
func (p *Provider) Pending(ctx context.Context, r *http.Request, requestID string) (*AuthorizeRequest, error) {
	row, err := p.openRequest(ctx, p.cfg.Pool, r, requestID, false)
	if err != nil {
		return nil, err
	}
	client, err := findClient(ctx, p.cfg.Pool, row.Client)
	if err != nil {
		return nil, err
	}
	if client == nil || !client.Enabled() {
		return nil, onPage("unauthorized_client", "This application is disabled.")
	}
	return row.request(client), nil
}

func (p *Provider) openRequest(ctx context.Context, idb bun.IDB, r *http.Request, requestID string, lock bool) (*requestRow, error) {
	if len(requestID) > 64 || !fine(requestID) {
		return nil, onPage("request_expired", "There is no such request.")
	}
	row, err := findRequest(ctx, idb, requestID, lock)
	switch {
	case err != nil:
		return nil, err
	case row == nil || !p.cfg.Clock.Now().Before(row.ExpiresAt):
		return nil, onPage("request_expired", "This request has expired. Please start again from the application.")
	case !p.sameBrowser(r, row):
		return nil, onPage("wrong_browser", "This request began in another browser. Please start again from the application.")
	case row.Status == string(RequestIssued) || row.Status == string(RequestDenied):
		return nil, onPage("request_used", "This request was answered already.")
	}
	return row, nil
}

// change runs do on a locked open request and stores what it changed.
func (p *Provider) change(ctx context.Context, r *http.Request, requestID string,
	do func(ctx context.Context, tx bun.Tx, request *AuthorizeRequest) error) (*AuthorizeRequest, error) {
	var request *AuthorizeRequest
	err := db.InTx(ctx, p.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
		row, err := p.openRequest(ctx, tx, r, requestID, true)
		if err != nil {
			return err
		}
		client, err := sharedClient(ctx, tx, row.Client)
		if err != nil {
			return err
		}
		if !client.Enabled() {
			return onPage("unauthorized_client", "This application is disabled.")
		}
		request = row.request(client)
		if err := do(ctx, tx, request); err != nil {
			return err
		}
		return updateRequest(ctx, tx, request)
	})
	if err != nil {
		return nil, err
	}
	return request, nil
}

// Bind says that the consent page is shown to this user now. Only who it was
// last shown to can answer it: signing in as somebody else in between shows the
// page again before anything can be approved (O21). A consent given by another
// user is forgotten.
func (p *Provider) Bind(ctx context.Context, r *http.Request, requestID, user string) (*AuthorizeRequest, error) {
	if user == "" {
		return nil, errors.New("oauth: bind to nobody")
	}
	return p.change(ctx, r, requestID, func(_ context.Context, _ bun.Tx, request *AuthorizeRequest) error {
		if request.User != user {
			request.User, request.Status, request.Account, request.Granted = user, RequestPending, "", tenant.NoAccess
		}
		return nil
	})
}

// Consent is a person's yes.
type Consent struct {
	User    string
	Account string // one of the platform's accounts that the user may connect; "" opens a new one
	Email   string // of the user, for a new account
	Scope   tenant.Access
}

// Consent records a person's yes; Complete answers the client. Between the two
// the person may fill in what is due. A new account is opened in the same
// transaction. Until Complete the person may change their mind about account and
// scope.
func (p *Provider) Consent(ctx context.Context, r *http.Request, requestID string, c Consent) (*AuthorizeRequest, error) {
	return p.change(ctx, r, requestID, func(ctx context.Context, tx bun.Tx, request *AuthorizeRequest) error {
		return p.consent(ctx, tx, request, c)
	})
}

func (p *Provider) consent(ctx context.Context, tx bun.Tx, request *AuthorizeRequest, c Consent) error {
	if c.User == "" || request.User != c.User {
		return onPage("wrong_user", "You are signed in as somebody else now. Please look at the request again.")
	}
	if request.Status == RequestConsented && c.Account == "" {
		c.Account = request.Account // a repeated yes opens no second account
	}
	if rank(c.Scope) == 0 || !includes(request.Scope, c.Scope) || !request.Client.Allows(c.Scope) {
		return onPage("invalid_scope", "More was approved than was asked for.")
	}
	account, err := p.accountFor(ctx, tx, request, c)
	if err != nil {
		return err
	}
	request.Status, request.Account, request.Granted = RequestConsented, account, c.Scope
	return nil
}

func (p *Provider) accountFor(ctx context.Context, tx bun.Tx, request *AuthorizeRequest, c Consent) (string, error) {
	client := request.Client
	if c.Account == "" {
		account, err := p.cfg.Marketplace.Open(ctx, tx, OpenParams{
			Platform: client.Platform, Livemode: client.Livemode, Express: request.Express, Email: c.Email,
			Prefill: request.Prefill, Capabilities: request.Capabilities,
		})
		if err != nil {
			return "", fmt.Errorf("open account: %w", err)
		}
		return account, p.cfg.Members.Own(ctx, tx, p.cfg.Clock.Now(), c.User, account, client.Livemode)
	}
	may, err := p.cfg.Members.MayConnect(ctx, tx, c.User, c.Account, client.Livemode)
	if err != nil {
		return "", err
	}
	if !may {
		return "", onPage("access_denied", "You may not connect this account.")
	}
	return c.Account, p.mustBeOpen(ctx, tx, client, c.Account)
}

// mustBeOpen refuses an account that is closed, or of another platform or mode.
func (p *Provider) mustBeOpen(ctx context.Context, tx bun.Tx, client *Client, account string) error {
	parties, err := p.cfg.Marketplace.Accounts(ctx, tx, client.Platform, client.Livemode, []string{account})
	if err != nil {
		return err
	}
	if len(parties) != 1 || parties[0].ID != account {
		return onPage("access_denied", "This account cannot be connected.")
	}
	return nil
}

// Complete gives the client its code, as the URL to send the browser to. The
// request must have the consent of this user.
func (p *Provider) Complete(ctx context.Context, r *http.Request, requestID, user string) (redirect string, err error) {
	_, err = p.change(ctx, r, requestID, func(ctx context.Context, tx bun.Tx, request *AuthorizeRequest) error {
		redirect, err = p.issue(ctx, tx, request, user)
		return err
	})
	if err != nil {
		return "", err
	}
	return redirect, nil
}

// Approve is Consent and Complete in one step, for flows without anything between.
func (p *Provider) Approve(ctx context.Context, r *http.Request, requestID, user, account string, scope tenant.Access) (redirect string, err error) {
	_, err = p.change(ctx, r, requestID, func(ctx context.Context, tx bun.Tx, request *AuthorizeRequest) error {
		if err := p.consent(ctx, tx, request, Consent{User: user, Account: account, Scope: scope}); err != nil {
			return err
		}
		redirect, err = p.issue(ctx, tx, request, user)
		return err
	})
	if err != nil {
		return "", err
	}
	return redirect, nil
}

// issue makes the code, if the person may still connect the account: a request stays
// open for an hour, in which they may have left its team. The connection's row is there from now on, pending unless
// it was active before: a code of an active connection leaves its old grant at work.
func (p *Provider) issue(ctx context.Context, tx bun.Tx, request *AuthorizeRequest, user string) (string, error) {
	client := request.Client
	switch {
	case user == "" || request.User != user:
		return "", onPage("wrong_user", "You are signed in as somebody else now. Please look at the request again.")
	case request.Status != RequestConsented:
		return "", onPage("consent_required", "Please answer the request first.")
	case !client.redirects(request.RedirectURI):
		return "", onPage("invalid_request", "The redirect URI of this link is no longer registered for the application.")
	}
	if err := p.mustBeOpen(ctx, tx, client, request.Account); err != nil {
		return "", err
	}
	may, err := p.cfg.Members.MayConnect(ctx, tx, user, request.Account, client.Livemode)
	if err != nil {
		return "", err
	}
	if !may {
		return "", onPage("access_denied", "You may not connect this account any more.")
	}
	now := p.cfg.Clock.Now()
	connection, err := p.connect(ctx, tx, &Connection{
		ID: id.New("conn"), Client: client.ID, Platform: client.Platform, Account: request.Account, Livemode: client.Livemode,
		ApprovedBy: user, CreatedAt: now,
	})
	if err != nil {
		return "", err
	}
	u := &unit{tx: tx, now: now, client: client, connection: connection, scope: narrower(request.Granted, client.widest()), request: request}
	code, err := p.codeFor(withUnit(ctx, u), request, u)
	if err != nil {
		return "", err
	}
	request.Status = RequestIssued
	return withQuery(request.RedirectURI, answer(p.cfg.Issuer, request.state, url.Values{
		"code": {code}, "scope": {string(u.scope)},
	})), nil
}

// connect finds or makes the connection, and locks it.
func (p *Provider) connect(ctx context.Context, tx bun.Tx, want *Connection) (*Connection, error) {
	if err := insertConnection(ctx, tx, want); err != nil {
		return nil, err
	}
	locked, err := lockConnections(ctx, tx, want.Platform, want.Account, want.Livemode)
	if err != nil {
		return nil, err
	}
	for _, c := range locked {
		if c.Client == want.Client {
			c.ApprovedBy = want.ApprovedBy
			return c, updateConnection(ctx, tx, c)
		}
	}
	return nil, fmt.Errorf("connection of %s and %s is gone", want.Client, want.Account)
}

// codeFor lets fosite issue the code of an approved request.
func (p *Provider) codeFor(ctx context.Context, request *AuthorizeRequest, u *unit) (string, error) {
	ar := fosite.NewAuthorizeRequest()
	ar.Request = *requesterOf(u.client, id.New("grant"), u.scope, &session{}, url.Values{})
	ar.ResponseTypes, ar.ResponseMode, ar.State = fosite.Arguments{"code"}, fosite.ResponseModeQuery, request.state
	redirect, err := url.Parse(request.RedirectURI)
	if err != nil {
		return "", fmt.Errorf("redirect URI: %w", err)
	}
	ar.RedirectURI = redirect
	response, err := p.fosite.NewAuthorizeResponse(ctx, ar, &session{})
	if err != nil {
		return "", fmt.Errorf("issue code: %w", err)
	}
	if u.doomed || response.GetCode() == "" {
		return "", errors.New("issue code: none was made")
	}
	return response.GetCode(), nil
}

// Deny tells the client no, as the URL to send the browser to. Everybody who may
// see the request may deny it.
func (p *Provider) Deny(ctx context.Context, r *http.Request, requestID string) (redirect string, err error) {
	request, err := p.change(ctx, r, requestID, func(_ context.Context, _ bun.Tx, request *AuthorizeRequest) error {
		request.Status, request.Account, request.Granted = RequestDenied, "", tenant.NoAccess
		return nil
	})
	if err != nil {
		return "", err
	}
	if !request.Client.redirects(request.RedirectURI) {
		return "", onPage("invalid_request", "The redirect URI of this link is no longer registered for the application.")
	}
	denied := &AuthorizeError{
		Code: "access_denied", Description: "The user denied your request.",
		redirectURI: request.RedirectURI, state: request.state, issuer: p.cfg.Issuer,
	}
	redirect, _ = denied.RedirectURL()
	return redirect, nil
}

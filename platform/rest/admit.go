package rest

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// admit turns an HTTP request into a Request, or says why not. What it returns, also
// beside an error, may have a place to leave.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, route *Route) (*Request, error) {
	request := &Request{Request: r, ID: noteOf(r.Context()).id, route: route}
	secret, err := credential(r)
	if err != nil {
		return nil, err
	}
	if secret == "" && route.Publishable {
		// Browsers send the publishable key as a parameter.
		if request.params, err = s.receive(w, r, route); err != nil {
			return nil, err
		}
		secret = takeText(request.params, "key")
	}
	if err := s.authenticate(r.Context(), request, secret); err != nil {
		return nil, err
	}
	if err := s.actFor(r.Context(), request, secret); err != nil {
		return nil, err
	}
	noteOf(r.Context()).account = request.Scope.Account
	if request.Version, err = version(r.Header); err != nil {
		return nil, err
	}
	w.Header().Set("Stripe-Version", request.Version)
	if err := s.limit(request); err != nil {
		return nil, err
	}
	if request.params == nil {
		if request.params, err = s.receive(w, r, route); err != nil {
			return request, err
		}
	}
	return request, request.takeExpand()
}

// credential is the key of the Authorization header: Bearer, or the user name of Basic.
func credential(r *http.Request) (string, error) {
	header := strings.TrimSpace(r.Header.Get("Authorization"))
	if header == "" {
		return "", nil
	}
	if user, _, ok := r.BasicAuth(); ok {
		return user, nil
	}
	scheme, secret, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(secret), nil
	}
	return "", unauthenticated("", "Invalid Authorization header: use Bearer or Basic authentication with your API key.")
}

func (s *Server) authenticate(ctx context.Context, r *Request, secret string) error {
	if secret == "" {
		return unauthenticated("", "You did not provide an API key. You need to provide your API key in the Authorization header, "+
			"using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	}
	principal, err := s.cfg.Authenticator.Authenticate(ctx, secret)
	if f := fault.As(err); f != nil && f.Kind == fault.Unauthenticated && f.Message == "" {
		return unauthenticated(f.Code, "Invalid API Key provided: "+masked(secret))
	}
	if err != nil {
		return err
	}
	r.Principal = principal
	n := noteOf(ctx)
	n.request, n.size = r, sizeOf(r.Request)
	if !From(r.Request, principal.Networks) {
		return s.elsewhere(ctx, r, n, secret)
	}
	if principal.Kind == Publishable && !r.route.Publishable {
		return unauthenticated("secret_key_required",
			"This API call cannot be made with a publishable API key. Please use a secret API key.")
	}
	return permitted(r, secret)
}

// IPNotAllowed is the code of a refusal because of where a key was used.
const IPNotAllowed = "ip_not_allowed"

// elsewhere refuses a key that was used from an address it is not limited to. The audit
// log remembers it: the key may be in other hands. Where the key would be good the
// answer does not tell, for the same reason.
func (s *Server) elsewhere(ctx context.Context, r *Request, n *note, secret string) error {
	peer := PeerIP(r.Request)
	if s.cfg.Audit != nil {
		s.cfg.Audit.Elsewhere(context.WithoutCancel(ctx), n.served(r))
	}
	if peer == "" {
		peer = "an address that cannot be told"
	}
	return &fault.Error{
		Kind: fault.Forbidden, Code: IPNotAllowed,
		Message: "The provided key '" + masked(secret) + "' may not be used from " + peer + ": it is limited to certain IP addresses. " +
			"Whoever manages the key can allow this one.",
	}
}

// permitted checks the scopes of a restricted key; "write" includes "read".
func permitted(r *Request, secret string) error {
	need := r.route.Resource + ":write"
	if r.Principal.Scopes == nil || slices.Contains(r.Principal.Scopes, need) {
		return nil
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if need = r.route.Resource + ":read"; slices.Contains(r.Principal.Scopes, need) {
			return nil
		}
	}
	return &fault.Error{
		Kind: fault.Forbidden,
		Message: "The provided key '" + masked(secret) + "' does not have the required permissions for this endpoint. " +
			"Having the '" + need + "' permission would allow this request to continue.",
	}
}

// actFor sets the scope: the key's own account, or the connected account named by a
// header. A platform that acts for a connected account, by header or by an OAuth
// access token, does so as far as its connection reaches at this moment.
func (s *Server) actFor(ctx context.Context, r *Request, secret string) error {
	own, platform := r.Principal.Account, r.Principal.Platform
	if platform == "" {
		platform = own
	}
	r.Scope = tenant.Scope{Platform: platform, Account: own, Livemode: r.Principal.Livemode}
	account, err := accountHeader(r.Header)
	switch {
	case err != nil:
		return err
	case account == "":
		account = own
	case account != own && own != platform: // a token is good for its own account only
		return notReached(secret, account)
	}
	if account == platform || account == own && r.Principal.Member {
		return nil
	}
	if len(account) > 64 || !fine(account) {
		return notReached(secret, account)
	}
	access, err := s.cfg.Accounts.Reach(ctx, platform, account, r.Scope.Livemode)
	switch {
	case err != nil:
		return err
	case access == tenant.NoAccess:
		return notReached(secret, account)
	case !access.Writes() && r.Method != http.MethodGet && r.Method != http.MethodHead:
		return &fault.Error{
			Kind: fault.Forbidden, Code: "account_read_only",
			Message: "Account '" + printable(account) + "' is connected with the scope read_only: this key may read it but not change it or charge on it. " +
				"Ask its owner to connect again with the scope read_write.",
		}
	}
	r.Scope = r.Scope.For(account)
	return nil
}

func notReached(secret, account string) error {
	return &fault.Error{
		Kind: fault.Forbidden, Code: "account_invalid",
		Message: "The provided key '" + masked(secret) + "' does not have access to account '" + printable(account) +
			"' (or that account does not exist). Application access may have been revoked.",
	}
}

// accountHeader is the account that a header names. SDKs name it in Stripe-Context
// when they fetch what a thin webhook told of; of a path its last part counts.
func accountHeader(h http.Header) (string, error) {
	account, err := oneHeader(h, "Stripe-Account", "Sluice-Account")
	path := h.Get("Stripe-Context")
	within := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case err != nil:
		return "", err
	case !fine(path):
		return "", badRequest("The header Stripe-Context is not valid UTF-8 or too long.")
	case account == "":
		return within, nil
	case within == "" || within == account:
		return account, nil
	}
	return "", badRequest("The headers Stripe-Account and Stripe-Context contradict each other.")
}

// oneHeader is the value of a header under its two names; they must agree.
func oneHeader(h http.Header, stripe, ours string) (string, error) {
	a, b := h.Get(stripe), h.Get(ours)
	switch {
	case !fine(a) || !fine(b):
		return "", badRequest("The header " + stripe + " or " + ours + " is not valid UTF-8 or too long.")
	case a == "":
		return b, nil
	case b == "" || a == b:
		return a, nil
	}
	return "", badRequest("The headers " + stripe + " and " + ours + " contradict each other.")
}

// versionShape is a date, perhaps a release name, perhaps preview features:
// "2026-03-25.dahlia; embedded_connect_beta=v2".
var versionShape = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(\.[a-z]+)?(\s*;\s*[a-z0-9_]+=[a-z0-9_.]+)*\s*;?$`)

// version is the API version asked for. Any well-formed one is accepted and echoed.
func version(h http.Header) (string, error) {
	given, err := oneHeader(h, "Stripe-Version", "Sluice-Version")
	switch {
	case err != nil:
		return "", err
	case given == "" || given == wire.APIVersion:
		return wire.APIVersion, nil
	case len(given) > 1024 || !versionShape.MatchString(given):
		return "", badRequest("Invalid API version: " + printable(given) + ". Versions look like " + wire.APIVersion + ".")
	}
	return given, nil
}

// takeText removes a scalar parameter and returns its text.
func takeText(params *node, name string) string {
	if n := params.take(name); n != nil {
		return n.text
	}
	return ""
}

// takeExpand removes expand[] from the parameters, which belongs to rest, not to the door.
func (r *Request) takeExpand() error {
	n := r.params.take("expand")
	if n == nil {
		return nil
	}
	var d decoder
	at := &path{key: "expand"}
	items, ok := n.elements()
	if !ok {
		return badExpand("Invalid array: expand must be a list of properties.")
	}
	for _, item := range items {
		if text, ok := d.text(item, at, "string"); ok {
			r.Expand = append(r.Expand, text)
		}
	}
	if d.bad != nil {
		return d.bad
	}
	return checkExpand(r.route.Returns, r.Expand)
}

func unauthenticated(code, message string) *fault.Error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: code, Message: message}
}

// keyShape recognizes the part of our keys that is no secret.
var keyShape = regexp.MustCompile(`^(sk|pk|rk)_(test|live)_`)

// masked shows which key was used without showing the key.
func masked(secret string) string {
	prefix := keyShape.FindString(secret)
	if len(secret) < len(prefix)+12 {
		return prefix + "****"
	}
	return prefix + "****" + printable(secret[len(secret)-4:])
}

package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicepay/sluice/platform/tenant"
)

// RequestStatus is where an authorization request stands.
type RequestStatus string

// pending → consented → issued; pending or consented → denied.
const (
	RequestPending   RequestStatus = "pending"
	RequestConsented RequestStatus = "consented"
	RequestIssued    RequestStatus = "issued"
	RequestDenied    RequestStatus = "denied"
)

// AuthorizeRequest is a client's wish for an account, on its way to a person's
// yes or no.
type AuthorizeRequest struct {
	ID           string // areq_…
	Client       *Client
	Express      bool
	Status       RequestStatus
	RedirectURI  string
	Scope        tenant.Access // asked
	Landing      string        // "login", "register" or "": which form to show first
	AlwaysPrompt bool
	Prompt       string            // "", or login, consent, select_account
	Prefill      map[string]string // inside stripe_user[…]; text from a stranger
	Capabilities []string
	User         string        // whom the consent page was shown to
	Account      string        // chosen or opened; once consented
	Granted      tenant.Access // once consented
	CreatedAt    time.Time
	ExpiresAt    time.Time

	state     string
	challenge string
}

// RedirectOrigin is where the client's answer goes, for the page's content
// security policy: form-action also governs redirects after a POST.
func (r *AuthorizeRequest) RedirectOrigin() string { return originOf(r.RedirectURI) }

// parseAuthorize reads the parameters of a client whose redirect URI is good.
// Its errors may be told to the client.
func (p *Provider) parseAuthorize(ctx context.Context, client *Client, form url.Values) (*AuthorizeRequest, error) {
	r := &AuthorizeRequest{
		Client: client, Status: RequestPending, RedirectURI: form.Get("redirect_uri"), state: form.Get("state"),
		challenge: form.Get("code_challenge"), AlwaysPrompt: form.Get("always_prompt") == "true",
	}
	if r.RedirectURI == "" {
		r.RedirectURI = client.RedirectURIs[0]
	}
	if landing := form.Get("stripe_landing"); landing == "login" || landing == "register" {
		r.Landing = landing
	}
	for _, check := range []func(url.Values) error{r.checkResponse, r.takeScope, r.takePrompt, r.takePrefill, r.takeCapabilities} {
		if err := check(form); err != nil {
			return nil, err
		}
	}
	if err := checkChallenge(r.challenge, form.Get("code_challenge_method"), client.Public); err != nil {
		return nil, err
	}
	return r, p.secondOpinion(ctx, r)
}

func (r *AuthorizeRequest) checkResponse(form url.Values) error {
	switch typ := form.Get("response_type"); {
	case typ == "":
		return invalidRequest("response_type is missing: it must be code.")
	case typ != "code":
		return refuse("unsupported_response_type", "Unsupported response_type: it must be code.")
	}
	if mode := form.Get("response_mode"); mode != "" && mode != "query" {
		return invalidRequest("Unsupported response_mode: it must be query.")
	}
	if form.Has("request") {
		return refuse("request_not_supported", "Request objects are not supported.") // O22: no JWT
	}
	if len(form.Get("state")) > maxState {
		return invalidRequest("state is too long: at most %d bytes.", maxState)
	}
	return nil
}

func (r *AuthorizeRequest) takeScope(form url.Values) error {
	asked, ok := parseScope(form.Get("scope"))
	if !ok {
		return invalidScope("Unknown scope: it must be read_only or read_write.")
	}
	if asked == tenant.NoAccess {
		asked = r.Client.DefaultScope()
	}
	if !r.Client.Allows(asked) {
		return invalidScope("This client may not ask for the scope %s.", asked)
	}
	r.Scope = asked
	return nil
}

// takePrompt knows the words of OpenID Connect. prompt=none asks for an answer
// without a page; there is none, because consent is always shown (O26).
func (r *AuthorizeRequest) takePrompt(form url.Values) error {
	words := strings.Fields(form.Get("prompt"))
	for _, word := range words {
		switch word {
		case "login", "consent", "select_account":
		case "none":
			return refuse("consent_required", "Consent is always shown.")
		default:
			return invalidRequest("Unknown prompt.")
		}
	}
	r.Prompt = strings.Join(words, " ")
	return nil
}

// prefillNames are what a platform may know of its new account.
var prefillNames = []string{
	"email", "url", "country", "phone_number", "business_name", "business_type", "first_name", "last_name",
	"dob_day", "dob_month", "dob_year", "street_address", "city", "state", "zip", "physical_product", "product_category",
	"product_description", "currency", "first_name_kana", "first_name_kanji", "last_name_kana", "last_name_kanji", "gender",
	"block_kana", "block_kanji", "building_kana", "building_kanji", "average_payment", "past_year_volume", "shipping_days",
}

const maxPrefill = 500

// takePrefill keeps what forms can be filled with. Unknown names are ignored, as
// RFC 6749 wants it; values are shown to a person, so they must be plain text.
func (r *AuthorizeRequest) takePrefill(form url.Values) error {
	for _, name := range prefillNames {
		value := form.Get("stripe_user[" + name + "]")
		if value == "" {
			continue
		}
		if !fine(value) || utf8.RuneCountInString(value) > maxPrefill || strings.ContainsFunc(value, unprintable) {
			return invalidRequest("Invalid stripe_user[%s]: it must be at most %d printable characters.", name, maxPrefill)
		}
		if r.Prefill == nil {
			r.Prefill = map[string]string{}
		}
		r.Prefill[name] = value
	}
	return nil
}

const maxCapabilities = 50

var (
	capabilityForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	capabilityName = regexp.MustCompile(`^suggested_capabilities\[[0-9]{0,3}\]$`)
)

func (r *AuthorizeRequest) takeCapabilities(form url.Values) error {
	var names []string
	for name := range form {
		if capabilityName.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.Capabilities = append(r.Capabilities, form[name]...)
	}
	if len(r.Capabilities) > maxCapabilities {
		return invalidRequest("At most %d capabilities can be suggested.", maxCapabilities)
	}
	for _, c := range r.Capabilities {
		if !capabilityForm.MatchString(c) {
			return invalidRequest("Invalid suggested_capabilities.")
		}
	}
	return nil
}

// secondOpinion lets fosite look at what we are about to accept. It sees only
// what the protocol knows, each parameter once. state is not shown to it: it
// demands eight characters and cannot be told otherwise (F7: its error for that
// is not a registered one), and we echo it ourselves.
func (p *Provider) secondOpinion(ctx context.Context, r *AuthorizeRequest) error {
	form := url.Values{
		"response_type": {"code"}, "client_id": {r.Client.ID}, "redirect_uri": {r.RedirectURI},
		"scope": {string(r.Scope)}, "state": {"echoed by us"},
	}
	hr := (&http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}, Form: form, PostForm: url.Values{}}).WithContext(ctx)
	_, err := p.fosite.NewAuthorizeRequest(withUnit(ctx, &unit{client: r.Client}), hr)
	return fromFosite(err)
}

// told makes an error of parseAuthorize one that the client may be told.
func (p *Provider) told(err error, redirectURI, state string) error {
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		return fmt.Errorf("read authorization request: %w", err)
	}
	if len(state) > maxState {
		state = ""
	}
	return &AuthorizeError{
		Code: refused.Code, Description: refused.Description, redirectURI: redirectURI, state: state, issuer: p.cfg.Issuer,
	}
}

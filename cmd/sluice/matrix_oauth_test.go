package main

import (
	"maps"
	"net/http"
	"slices"

	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
)

// The part of the matrix about people, their accounts, and what they give to platforms.

func init() {
	maps.Copy(matrix, map[string]row{
		"POST /v1/oauth_clients":                         {form: "name=Shop&redirect_uris[]=https://shop.example/cb", ownerOnly: true},
		"GET /v1/oauth_clients":                          {ownerOnly: true},
		"GET /v1/oauth_clients/{id}":                     {path: "/v1/oauth_clients/$client", ownerOnly: true},
		"POST /v1/oauth_clients/{id}":                    {path: "/v1/oauth_clients/$client", form: "name=Other", ownerOnly: true},
		"POST /v1/oauth_clients/{id}/disable":            {path: "/v1/oauth_clients/$client/disable", ownerOnly: true},
		"POST /v1/oauth_clients/{id}/enable":             {path: "/v1/oauth_clients/$client/enable", ownerOnly: true},
		"POST /v1/oauth_clients/{id}/secrets":            {path: "/v1/oauth_clients/$client/secrets", ownerOnly: true},
		"GET /v1/oauth_clients/{id}/incidents":           {path: "/v1/oauth_clients/$client/incidents", ownerOnly: true},
		"GET /v1/oauth_connections":                      {platformOnly: true},
		"POST /v1/oauth_connections/{id}/end":            {path: "/v1/oauth_connections/$endedConnection/end", platformOnly: true},
		"DELETE /v1/oauth_clients/{id}/secrets/{secret}": {path: "/v1/oauth_clients/$client/secrets/$clientSecret", ownerOnly: true},
		"POST /v1/test_helpers/oauth_codes":              {form: "client=$client&account=$tutor", ownerOnly: true},
		"POST /v1/accounts/{id}/persons":                 {path: "/v1/accounts/$company/persons", form: "first_name=Lok"},
		"GET /v1/accounts/{id}/persons":                  {path: "/v1/accounts/$company/persons"},
		"GET /v1/accounts/{id}/persons/{person}":         {path: "/v1/accounts/$company/persons/$person"},
		"POST /v1/accounts/{id}/persons/{person}":        {path: "/v1/accounts/$company/persons/$person", form: "metadata[a]=b"},
		"DELETE /v1/accounts/{id}/persons/{person}":      {path: "/v1/accounts/$company/persons/$person"},
		"POST /v1/accounts/{id}/people":                  {path: "/v1/accounts/$company/people", form: "first_name=Lok"},
		"GET /v1/accounts/{id}/people":                   {path: "/v1/accounts/$company/people"},
		"GET /v1/accounts/{id}/people/{person}":          {path: "/v1/accounts/$company/people/$director"},
		"POST /v1/accounts/{id}/people/{person}":         {path: "/v1/accounts/$company/people/$director", form: "metadata[a]=b"},
		"DELETE /v1/accounts/{id}/people/{person}":       {path: "/v1/accounts/$company/people/$director"},
		"POST /v1/accounts/{id}/unreject":                {path: "/v1/accounts/$leaver/unreject", platformOnly: true},
		"POST /v1/account_links":                         {form: "account=$tutor&type=account_onboarding&refresh_url=https://shop.example/a&return_url=https://shop.example/b"},
		"POST /v1/accounts/{id}/login_links":             {path: "/v1/accounts/$express/login_links"},
		"GET /v1/verification_reviews":                   {platformOnly: true},
		"POST /v1/verification_reviews":                  {form: "account=$company&subject=$person&reason=looks+odd", platformOnly: true},
		"GET /v1/verification_reviews/{id}":              {path: "/v1/verification_reviews/$review", platformOnly: true},
		"POST /v1/verification_reviews/{id}/approve":     {path: "/v1/verification_reviews/$review/approve", form: "reason=seen", platformOnly: true},
		"POST /v1/verification_reviews/{id}/reject":      {path: "/v1/verification_reviews/$review/reject", form: "reason=seen", platformOnly: true},
	})
	for why, routes := range openToPeople {
		for _, route := range routes {
			open[route] = why
		}
	}
}

// openToPeople are routes without a key, by the reason why.
var openToPeople = map[string][]string{
	"clients name themselves in the request, by secret or PKCE": {
		"POST /oauth/token", "POST /oauth/deauthorize", "POST /oauth/revoke", "POST /oauth/introspect", "POST /oauth/par",
	},
	"refused in the protocol's own words": slices.Concat(
		everyMethod("/oauth/token"), everyMethod("/oauth/deauthorize"), everyMethod("/oauth/revoke"), everyMethod("/oauth/introspect"), everyMethod("/oauth/par"),
	),
	"says how to speak to the OAuth server": {"GET /.well-known/oauth-authorization-server"},
	"begins a request, bound to the browser; tells nothing": {
		"GET /oauth/authorize", "GET /express/oauth/authorize",
	},
	"asks for a session, and for the browser in which the request began": {
		"GET /oauth/consent", "POST /oauth/consent", "GET /oauth/continue",
	},
	"asks for a session of a member of the account": {
		"GET /accounts", "GET /accounts/{account}/details", "POST /accounts/{account}/details", "GET /accounts/{account}/platforms",
		"GET /accounts/{account}/platforms/{connection}/disconnect", "POST /accounts/{account}/platforms/{connection}/disconnect",
		"GET /accounts/{account}/team", "POST /accounts/{account}/team", "GET /accounts/{account}/team/remove", "POST /accounts/{account}/team/remove",
		"GET /accounts/{account}/team/role", "POST /accounts/{account}/team/role", "GET /accounts/{account}/team/withdraw", "POST /accounts/{account}/team/withdraw",
	},
	"how a session comes to be, slowed down for those who guess": {
		"GET /sign-in", "POST /sign-in", "GET /sign-in/passkey", "GET /sign-in/passkey/options", "GET /sign-in/second-step/passkey/options", "POST /sign-in/passkey", "GET /sign-in/second-step", "POST /sign-in/second-step",
		"GET /sign-in/second-step/passkey", "POST /sign-in/second-step/passkey", "POST /sign-out", "GET /sign-up", "POST /sign-up",
		"GET /verify-email", "POST /verify-email", "GET /verify-email/again", "POST /verify-email/again", "GET /forgot-password", "POST /forgot-password",
	},
	"whoever has the link": {
		"GET /reset-password/{token}", "POST /reset-password/{token}", "GET /invitations/{token}", "GET /invitation", "POST /invitation",
		"GET /login-links/{token}", "GET /checkout/{token}", "POST /checkout/{token}", "GET /receipts/{token}", "GET /onboarding", "GET /onboarding/{step}", "POST /onboarding/{step}",
	},
	"asks for a session; a person sees only their own": {
		"GET /security", "GET /security/confirm", "POST /security/confirm", "GET /security/confirm/passkey", "GET /security/confirm/passkey/options", "POST /security/confirm/passkey",
		"GET /security/passkeys", "POST /security/passkeys", "GET /security/passkeys/options", "GET /security/passkeys/remove", "POST /security/passkeys/remove",
		"GET /security/password", "POST /security/password", "GET /security/recovery-codes", "POST /security/recovery-codes", "GET /security/recovery-codes/saved", "POST /security/recovery-codes/saved",
		"GET /security/sessions/end", "POST /security/sessions/end", "GET /security/totp", "POST /security/totp", "GET /security/totp/remove", "POST /security/totp/remove", "GET /security/totp/start", "POST /security/totp/start",
	},
	"verifiers sign what they send":                      {"POST /_verification/callback"},
	"files of the pages, the same for everybody":         {"GET /_assets/{file}"},
	"sets two cookies: language and theme":               {"POST /_ui/preferences"},
	"development only: mails, and pages without a state": {"GET /_dev/mail", "POST /_dev/mail", "GET /_dev/ui", "POST /_dev/ui"},
	"development only: a customer's web site, which knows its own visitors": {
		"GET /_dev/marketplace", "POST /_dev/marketplace/connect", "GET /_dev/marketplace/callback", "POST /_dev/marketplace/onboarding",
		"GET /_dev/marketplace/onboarding", "POST /_dev/marketplace/lesson", "POST /_dev/marketplace/disconnect", "GET /_dev/marketplace/shop.css",
	},
}

func everyMethod(path string) []string {
	var all []string
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		all = append(all, method+" "+path)
	}
	return all
}

// welcome lets three tutors connect: one who lets Ada look, one who lets her act, and
// one who has left again.
func (h *house) welcome() map[string]connection {
	h.t.Helper()
	app, _ := h.client("TutorHub HK")
	connected := map[string]connection{}
	for _, who := range []string{"looks", "acts", "left"} {
		g := h.guest("en")
		g.signIn("Tutor " + who)
		scope := tenant.ReadWrite
		if who == "looks" {
			scope = tenant.ReadOnly
		}
		connected[who] = h.connects(g, app, scope, "new")
		if who == "left" {
			h.connectionEnds(g, connected[who].account, app.Name)
		}
	}
	return connected
}

// tokenCallers are access tokens and accounts that can do nothing to what is Ada's.
func (h *house) tokenCallers(connected map[string]connection, bobs string) []caller {
	always := func(v verdict) func(rest.Route, row) verdict { return func(rest.Route, row) verdict { return v } }
	bearing := func(c connection) func(string) string { return func(string) string { return c.token.AccessToken } }
	ada := func(string) string { return h.key }
	reading := func(r rest.Route, _ row) verdict {
		if r.Method == http.MethodGet && slices.Contains(tokenResources(), r.Resource) {
			return blind
		}
		return forbidden
	}
	looking := func(r rest.Route, _ row) verdict {
		if r.Method == http.MethodGet {
			return blind
		}
		return forbidden
	}
	return []caller{
		{name: "a token that may read", key: bearing(connected["looks"]), expects: reading},
		{name: "a token of somebody who left", key: bearing(connected["left"]), expects: always(unknown)},
		{name: "a token of another platform's connection", key: func(string) string { return bobs }, expects: func(r rest.Route, _ row) verdict {
			if slices.Contains(tokenResources(), r.Resource) {
				return blind
			}
			return forbidden
		}},
		{name: "a token acting for another account", key: bearing(connected["acts"]), account: connected["looks"].account, expects: always(forbidden)},
		{name: "Ada acting for somebody who left", key: ada, account: connected["left"].account, expects: always(forbidden)},
		{name: "Ada acting for somebody who lets her look", key: ada, account: connected["looks"].account, expects: looking},
	}
}

// bobsToken is an access token of the platform next door, for an account of its own.
func (h *house) bobsToken(platform, key string) string {
	h.t.Helper()
	app, _ := h.clientOf(platform, "Bob's")
	g := h.guest("en")
	g.signIn("Bob's Tutor")
	return h.connectsFor(key, g, app, tenant.ReadWrite, "new").token.AccessToken
}

package oauth

// Metadata is the server's description (RFC 8414). What it says is what the
// server does: a test walks through it.
type Metadata struct {
	Issuer                        string   `json:"issuer"`
	AuthorizationEndpoint         string   `json:"authorization_endpoint"`
	TokenEndpoint                 string   `json:"token_endpoint"`
	RevocationEndpoint            string   `json:"revocation_endpoint"`
	IntrospectionEndpoint         string   `json:"introspection_endpoint"`
	PushedEndpoint                string   `json:"pushed_authorization_request_endpoint"`
	RequirePushed                 bool     `json:"require_pushed_authorization_requests"`
	ScopesSupported               []string `json:"scopes_supported"`
	ResponseTypesSupported        []string `json:"response_types_supported"`
	ResponseModesSupported        []string `json:"response_modes_supported"`
	GrantTypesSupported           []string `json:"grant_types_supported"`
	TokenAuthMethodsSupported     []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthSupported       []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthSupported    []string `json:"introspection_endpoint_auth_methods_supported"`
	CodeChallengeMethodsSupported []string `json:"code_challenge_methods_supported"`
	IssuerInResponse              bool     `json:"authorization_response_iss_parameter_supported"`
	RequestParameterSupported     bool     `json:"request_parameter_supported"`
}

// Paths of the endpoints under the issuer.
const (
	AuthorizePath        = "/oauth/authorize"
	ExpressAuthorizePath = "/express/oauth/authorize"
	TokenPath            = "/oauth/token"
	DeauthorizePath      = "/oauth/deauthorize"
	RevokePath           = "/oauth/revoke"
	IntrospectPath       = "/oauth/introspect"
	PushedPath           = "/oauth/par"
	MetadataPath         = "/.well-known/oauth-authorization-server"
)

// Metadata is what clients configure themselves with.
func (p *Provider) Metadata() Metadata {
	methods := []string{"client_secret_basic", "client_secret_post", "none"}
	return Metadata{
		Issuer:                p.cfg.Issuer,
		AuthorizationEndpoint: p.cfg.Issuer + AuthorizePath, TokenEndpoint: p.cfg.Issuer + TokenPath,
		RevocationEndpoint: p.cfg.Issuer + RevokePath, IntrospectionEndpoint: p.cfg.Issuer + IntrospectPath,
		PushedEndpoint:         p.cfg.Issuer + PushedPath,
		ScopesSupported:        []string{"read_only", "read_write"},
		ResponseTypesSupported: []string{"code"}, ResponseModesSupported: []string{"query"},
		GrantTypesSupported:       []string{"authorization_code", "refresh_token", "client_credentials"},
		TokenAuthMethodsSupported: methods, RevocationAuthSupported: methods, IntrospectionAuthSupported: methods,
		CodeChallengeMethodsSupported: []string{"S256"}, IssuerInResponse: true,
	}
}

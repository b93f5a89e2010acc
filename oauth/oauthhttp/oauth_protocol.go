package oauthhttp

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/rest"
)

// protocolDoor serves the endpoints that clients call by themselves. Its errors
// are those of RFC 6749, at the top level: official Stripe libraries tell them by
// that. Pages for people are elsewhere.
type protocolDoor struct{ provider *oauth.Provider }

// ProtocolRoutes are token, deauthorize, revoke, introspect, pushed requests and
// metadata.
func ProtocolRoutes(p *oauth.Provider) []rest.Route {
	d := protocolDoor{provider: p}
	var routes []rest.Route
	for path, serve := range map[string]func(*http.Request) (status int, answer any, err error){
		oauth.TokenPath: d.token, oauth.DeauthorizePath: d.deauthorize, oauth.RevokePath: d.revoke,
		oauth.IntrospectPath: d.introspect, oauth.PushedPath: d.pushed,
	} {
		// Other methods come here too, to be refused in the protocol's own words.
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			routes = append(routes, rest.Route{Method: method, Path: path, Public: true, Handler: d.protocol(serve)})
		}
	}
	return append(routes, rest.Route{Method: http.MethodGet, Path: oauth.MetadataPath, Public: true, Handler: http.HandlerFunc(d.metadata)})
}

// protocol sends what an endpoint answers. Nothing of it may be cached: it holds
// tokens, or tells about them.
func (d protocolDoor) protocol(serve func(*http.Request) (int, any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r = r.WithContext(event.WithOrigin(r.Context(), event.Origin{RequestID: rest.RequestID(r.Context())}))
		status, answer, err := serve(r)
		if err != nil {
			sendError(w, r, d.provider.Refusal(r.Context(), err))
			return
		}
		sendJSON(w, status, answer)
	})
}

type errorAnswer struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func sendError(w http.ResponseWriter, r *http.Request, refused *oauth.Error) {
	if refused.Status == http.StatusUnauthorized && refused.Challenge != "" {
		w.Header().Set("WWW-Authenticate", refused.Challenge+` realm="sluice"`)
	}
	if refused.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(refused.RetryAfter.Seconds())+1, 10))
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
	}
	sendJSON(w, refused.Status, errorAnswer{refused.Code, refused.Description})
}

func sendJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func (d protocolDoor) token(r *http.Request) (int, any, error) {
	answer, err := d.provider.Token(r.Context(), r)
	return http.StatusOK, answer, err
}

func (d protocolDoor) deauthorize(r *http.Request) (int, any, error) {
	account, err := d.provider.Deauthorize(r.Context(), r)
	return http.StatusOK, struct {
		StripeUserID string `json:"stripe_user_id"`
	}{account}, err
}

func (d protocolDoor) revoke(r *http.Request) (int, any, error) {
	return http.StatusOK, struct{}{}, d.provider.Revoke(r.Context(), r)
}

func (d protocolDoor) introspect(r *http.Request) (int, any, error) {
	told, err := d.provider.Introspect(r.Context(), r)
	return http.StatusOK, told, err
}

func (d protocolDoor) pushed(r *http.Request) (int, any, error) {
	answer, err := d.provider.PushedRequest(r.Context(), r)
	return http.StatusCreated, answer, err
}

// metadata is public and changes with the release only.
func (d protocolDoor) metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=300")
	sendJSON(w, http.StatusOK, d.provider.Metadata())
}

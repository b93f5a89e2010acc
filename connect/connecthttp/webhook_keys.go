package connecthttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// usualOverlap is how long an old signing secret signs along when nobody says.
const usualOverlap = 24 * time.Hour

// webhookKeyDoor serves the signing keys of webhook endpoints.
type webhookKeyDoor struct{ webhookEndpointDoor }

// WebhookKeyRoutes are rolling an endpoint's secret, and the public keys beside its secrets.
func WebhookKeyRoutes(s *rest.Server, pool *bun.DB, endpoints *webhook.Endpoints, clk clock.Clock) []rest.Route {
	d := webhookKeyDoor{webhookEndpointDoor{pool: pool, endpoints: endpoints, clock: clk}}
	return []rest.Route{
		{Method: http.MethodPost, Path: webhookEndpoints + "/{id}/roll_secret", Resource: "webhook_endpoints",
			Handler: s.Reveal(d.roll), Returns: wire.WebhookEndpoint{}},
		{Method: http.MethodGet, Path: "/webhook_endpoints/{id}/jwks.json", Public: true, Handler: http.HandlerFunc(d.keys)},
	}
}

// roll answers with the endpoint and its new secret, which is shown this once.
func (d webhookKeyDoor) roll(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	var p struct {
		Overlap *int64 `form:"overlap_seconds"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	overlap := usualOverlap
	if p.Overlap != nil {
		if *p.Overlap < 0 || *p.Overlap > int64(webhook.MaxOverlap/time.Second) { // before it is multiplied
			return nil, nil, webhook.BadOverlap()
		}
		overlap = time.Duration(*p.Overlap) * time.Second
	}
	key, err := d.endpoints.RollSecret(ctx, tx, d.clock.Now(), r.Scope, r.Path("id"), overlap)
	if err != nil {
		return nil, nil, err
	}
	e, err := d.endpoints.Get(ctx, tx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, nil, err
	}
	return d.reveal(ctx, tx, e, key)
}

// keys serves the key set. A receiver that meets an unknown key id asks again; the
// five minutes spare us those who ask for every request.
func (d webhookKeyDoor) keys(w http.ResponseWriter, r *http.Request) {
	set, err := d.endpoints.JWKS(r.Context(), d.pool, d.clock.Now(), path.Base(path.Dir(r.URL.Path)))
	if err != nil {
		sendNoKeys(w, r, err)
		return
	}
	sum := sha256.Sum256(set)
	tag := strconv.Quote(hex.EncodeToString(sum[:16]))
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", tag)
	h.Set("Access-Control-Allow-Origin", "*") // public keys are for everybody
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Content-Length", strconv.Itoa(len(set)))
	_, _ = w.Write(set) // a client that went away is no error of ours
}

func sendNoKeys(w http.ResponseWriter, r *http.Request, err error) {
	failure := fault.As(err)
	if failure == nil {
		slog.ErrorContext(r.Context(), "webhook keys not shown", "error", err)
		failure = &fault.Error{Kind: fault.Internal, Message: "The keys cannot be shown right now."}
	}
	status, body := rest.RenderFault(failure)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

package rest

import (
	"net/http"
	"strconv"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
)

// Render makes the JSON body of a wire object: indented by two spaces, because
// shell programs grep for "paid": true, and without HTML escapes.
func Render(v any) ([]byte, error) {
	answer, err := idempotency.Answer(http.StatusOK, v)
	return answer.Body, err
}

// send writes an answer whose headers are set.
func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is no error of ours
}

// sendFault answers with an error and notes its cause for the access log.
func sendFault(w http.ResponseWriter, r *http.Request, err error) {
	f := faultOf(err)
	if note := noteOf(r.Context()); note != nil {
		note.fault = f
	}
	shown := faceOf(f)
	if shown.retry != "" {
		w.Header().Set("Stripe-Should-Retry", shown.retry)
	}
	switch shown.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="Sluice"`)
	case http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	if f.Kind == fault.RateLimited {
		switch f.Code {
		case "rate_limit":
			w.Header().Set("Stripe-Rate-Limited-Reason", "global-rate")
		case crowded:
			w.Header().Set("Stripe-Rate-Limited-Reason", "global-concurrency")
		}
	}
	status, body := RenderFault(f)
	send(w, status, body)
}

// sendSaved answers with a response that is (or was) saved for the key.
func sendSaved(w http.ResponseWriter, response idempotency.Response, replayed bool) {
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
		w.Header().Set("Original-Request", response.RequestID)
	}
	if response.Status == http.StatusConflict {
		// A saved 409 is a decision: asking again under the same key changes nothing.
		w.Header().Set("Stripe-Should-Retry", "false")
	}
	send(w, response.Status, response.Body)
}

package connecthttp

import (
	"io"
	"net/http"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
)

// VerificationRoutes is where verifiers send answers by themselves. It is open to
// everybody: the signature is the credential.
func VerificationRoutes(v *connect.Verification) []rest.Route {
	return []rest.Route{{Method: "POST", Path: "/_verification/callback", Public: true, Handler: callbackDoor{v}}}
}

type callbackDoor struct{ v *connect.Verification }

func (d callbackDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, verification.MaxBody))
	if err == nil {
		err = d.v.Callback(r.Context(), r.Header.Get(verification.SignatureHeader), body)
	} else {
		err = &fault.Error{Kind: fault.TooLarge, Message: "This callback is too large."}
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	f := fault.As(err)
	if f == nil { // ours: the verifier tries again
		f = &fault.Error{Kind: fault.Unavailable, Message: "The answer could not be recorded. Send it again."}
	}
	status, shown := rest.RenderFault(f)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(shown)
}

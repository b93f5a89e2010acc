package connecthttp

import (
	"context"
	"crypto/subtle"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// knowsSecret lets the payer's browser at one intent: a publishable key is public,
// so the intent's client secret must come with it. A secret key may leave it out.
func (d intentDoor) knowsSecret(ctx context.Context, r *rest.Request, given string) error {
	public := r.Principal.Kind == rest.Publishable
	switch {
	case given == "" && public:
		return fault.Missing("client_secret")
	case given == "":
		return nil
	}
	intent, err := d.svc.GetIntent(ctx, d.svc.Pool, r.Scope, r.Path("id"))
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(given), []byte(intent.ClientSecret)) != 1 {
		return fault.Invalidf("payment_intent_invalid_parameter", "client_secret",
			"The client_secret provided does not match the client_secret associated with the PaymentIntent.")
	}
	return publicExpansions(r, public)
}

// publicExpansions keeps browsers from reaching other objects through an intent.
func publicExpansions(r *rest.Request, public bool) error {
	for _, path := range r.Expand {
		if public && path != "payment_method" {
			return fault.Invalidf("", "expand", "This property cannot be expanded with a publishable API key (%s).", path)
		}
	}
	return nil
}

// publicIntent shows a payer no more of an intent than the payer's browser needs.
func publicIntent(_ context.Context, _ bun.IDB, object any, failure error) (any, error) {
	if f := fault.As(failure); f != nil {
		intent, ok := f.Fields["payment_intent"].(wire.PaymentIntent)
		if !ok {
			return object, failure
		}
		public := *f
		public.Fields = map[string]any{"payment_intent": intent.Public()}
		return object, &public
	}
	if intent, ok := object.(wire.PaymentIntent); ok {
		return intent.Public(), failure
	}
	return object, failure
}

// publicConfirm refuses what is the merchant's to decide.
func publicConfirm(p payment.ConfirmParams) error {
	switch {
	case bool(p.OffSession):
		return secretKeyOnly("off_session")
	case p.CaptureMethod != "":
		return secretKeyOnly("capture_method")
	}
	return nil
}

func secretKeyOnly(param string) error {
	return fault.Invalidf("parameter_unknown", param, "You cannot set %s with a publishable API key.", param)
}

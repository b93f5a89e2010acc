package rest_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stripe/stripe-go/v85"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// TestOfficialSDKTellsErrorsApart checks status and type together: stripe-go goes by
// type, stripe-node by status.
func TestOfficialSDKTellsErrorsApart(t *testing.T) {
	var failure error
	s := rest.New(rest.Config{Authenticator: keyring{}, Accounts: keyring{}, Log: slog.New(slog.DiscardHandler)})
	s.Mount(rest.Route{Method: "GET", Path: "/v1/charges/{id}", Resource: "charges", Handler: s.Read(
		func(context.Context, *rest.Request) (any, error) { return nil, failure },
	)})
	front := httptest.NewServer(openapi.Wrap(t, s))
	defer front.Close()
	client := stripe.NewClient(platformKey, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(front.URL), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
	})))
	for _, c := range []struct {
		given  error
		status int
		typ    stripe.ErrorType
	}{
		{fault.Invalidf("amount_too_small", "amount", "no"), 400, stripe.ErrorTypeInvalidRequest},
		{&fault.Error{Kind: fault.Unauthenticated, Message: "no"}, 401, stripe.ErrorTypeInvalidRequest},
		{&fault.Error{Kind: fault.Declined, Code: "card_declined", Decline: "lost_card", Message: "no"}, 402, stripe.ErrorTypeCard},
		{&fault.Error{Kind: fault.Forbidden, Message: "no"}, 403, stripe.ErrorTypeInvalidRequest},
		{fault.NoSuch("charge", "ch_1"), 404, stripe.ErrorTypeInvalidRequest},
		{&fault.Error{Kind: fault.Conflict, Message: "no"}, 409, stripe.ErrorTypeInvalidRequest},
		{&fault.Error{Kind: fault.IdempotencyMismatch, Message: "no"}, 400, stripe.ErrorTypeIdempotency},
		{&fault.Error{Kind: fault.RateLimited, Code: "lock_timeout", Message: "no"}, 429, stripe.ErrorTypeInvalidRequest},
		{&fault.Error{Kind: fault.Unavailable, Message: "no"}, 503, stripe.ErrorTypeAPI},
		{errors.New("boom"), 500, stripe.ErrorTypeAPI},
		{db.ErrUnknown, 500, stripe.ErrorTypeAPI},
	} {
		failure = c.given
		_, err := client.V1Charges.Retrieve(t.Context(), "ch_1", nil)
		var got *stripe.Error
		if !errors.As(err, &got) || got.HTTPStatusCode != c.status || got.Type != c.typ || got.RequestID == "" || got.Msg == "" {
			t.Errorf("%v: %+v", c.given, err)
			continue
		}
		if f := fault.As(c.given); f != nil && (string(got.Code) != f.Code || string(got.DeclineCode) != f.Decline || got.Param != f.Param) {
			t.Errorf("%v: %+v", c.given, got)
		}
	}
}

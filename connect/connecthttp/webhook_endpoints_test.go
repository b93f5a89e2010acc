package connecthttp_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"

	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// webhookHub lets TutorHub in with any key; credentials are the oauth room's matter.
type webhookHub struct{}

func (webhookHub) Authenticate(context.Context, string) (rest.Principal, error) {
	return rest.Principal{KeyID: "key_1", Account: "acct_tutorhub", Kind: rest.Secret}, nil
}

// webhookClient is the official SDK, pointed at a server with the webhook endpoint door.
func webhookClient(t *testing.T) *stripe.Client {
	t.Helper()
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	pool := dbtest.New(t)
	api := rest.New(rest.Config{Pool: pool, Authenticator: webhookHub{}})
	endpoints := webhook.NewEndpoints(ring, webhook.NewSigner(secret.RandomPepper()), egress.Policy{})
	api.Mount(connecthttp.WebhookEndpointRoutes(api, pool, endpoints, clock.System{})...)
	server := httptest.NewServer(openapi.Wrap(t, api))
	t.Cleanup(server.Close)
	backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{URL: stripe.String(server.URL), LeveledLogger: &stripe.LeveledLogger{}})
	return stripe.NewClient("sk_test_any", stripe.WithBackends(backends))
}

func TestWebhookEndpointLifecycleWithTheOfficialSDK(t *testing.T) {
	client := webhookClient(t).V1WebhookEndpoints
	made, err := client.Create(t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String("https://example.com/hooks"), EnabledEvents: stripe.StringSlice([]string{"charge.*", "payout.paid"}),
		Connect: stripe.Bool(true), Description: stripe.String("till"), APIVersion: stripe.String("2026-03-25.dahlia"),
		Metadata: map[string]string{"a": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.Secret, "whsec_") || made.Status != "enabled" || made.Livemode || made.APIVersion != "2026-03-25.dahlia" {
		t.Fatalf("created %+v", made)
	}
	got, err := client.Retrieve(t.Context(), made.ID, nil)
	if err != nil || got.Secret != "" || got.Description != "till" || got.Metadata["a"] != "1" || len(got.EnabledEvents) != 2 {
		t.Fatalf("retrieved %+v, %v", got, err)
	}
	changed, err := client.Update(t.Context(), made.ID, &stripe.WebhookEndpointUpdateParams{
		Disabled: stripe.Bool(true), EnabledEvents: stripe.StringSlice([]string{"*"}), Metadata: map[string]string{"a": "", "b": "2"},
	})
	if err != nil || changed.Status != "disabled" || changed.EnabledEvents[0] != "*" || changed.Metadata["b"] != "2" || changed.Metadata["a"] != "" {
		t.Fatalf("updated %+v, %v", changed, err)
	}
	var listed []string
	for e, err := range client.List(t.Context(), &stripe.WebhookEndpointListParams{}).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, e.ID)
	}
	if len(listed) != 1 || listed[0] != made.ID {
		t.Fatalf("listed %v", listed)
	}
	if gone, err := client.Delete(t.Context(), made.ID, nil); err != nil || !gone.Deleted {
		t.Fatalf("deleted %+v, %v", gone, err)
	}
	if _, err := client.Retrieve(t.Context(), made.ID, nil); err == nil || err.(*stripe.Error).HTTPStatusCode != 404 {
		t.Fatalf("after delete: %v", err)
	}
}

func TestWebhookEndpointErrorsNameTheParameter(t *testing.T) {
	client := webhookClient(t).V1WebhookEndpoints
	for _, c := range []struct {
		param string
		p     stripe.WebhookEndpointCreateParams
	}{
		{"url", stripe.WebhookEndpointCreateParams{EnabledEvents: stripe.StringSlice([]string{"*"})}},
		{"url", stripe.WebhookEndpointCreateParams{URL: stripe.String("http://example.com"), EnabledEvents: stripe.StringSlice([]string{"*"})}},
		{"url", stripe.WebhookEndpointCreateParams{URL: stripe.String("https://10.0.0.1"), EnabledEvents: stripe.StringSlice([]string{"*"})}},
		{"enabled_events", stripe.WebhookEndpointCreateParams{URL: stripe.String("https://example.com")}},
		{"enabled_events[1]", stripe.WebhookEndpointCreateParams{URL: stripe.String("https://example.com"), EnabledEvents: stripe.StringSlice([]string{"*", "no way"})}},
	} {
		_, err := client.Create(t.Context(), &c.p)
		if failure, ok := err.(*stripe.Error); !ok || failure.HTTPStatusCode != 400 || failure.Param != c.param {
			t.Errorf("%s: %v", c.param, err)
		}
	}
}

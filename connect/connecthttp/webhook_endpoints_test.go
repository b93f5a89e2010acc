package connecthttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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

// shown is what an answer says beyond what the SDK knows.
func shown(t *testing.T, response *stripe.APIResponse) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(response.RawJSON, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func with(extra ...string) stripe.Params {
	var p stripe.Params
	for i := 0; i < len(extra); i += 2 {
		p.AddExtra(extra[i], extra[i+1])
	}
	return p
}

func TestAnEndpointSaysHowItWantsItsEvents(t *testing.T) {
	client := webhookClient(t).V1WebhookEndpoints
	made, err := client.Create(t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String("https://example.com/hooks"), EnabledEvents: stripe.StringSlice([]string{"invoice.paid", "charge.*"}),
		Params: with("event_payload", "thin", "ordered", "true", "rate_limit", "20", "max_concurrency", "3", "retry_schedule[0]", "1", "retry_schedule[1]", "604800"),
	})
	if err != nil {
		t.Fatal(err)
	}
	all := shown(t, made.LastResponse)
	health, _ := all["health"].(map[string]any)
	if all["event_payload"] != "thin" || all["ordered"] != true || all["paused"] != false || all["rate_limit"] != 20.0 || all["max_concurrency"] != 3.0 ||
		fmt.Sprint(all["retry_schedule"]) != "[1 604800]" || health["state"] != "healthy" || health["last_success"] != nil {
		t.Fatalf("created %v", all)
	}
	changed, err := client.Update(t.Context(), made.ID, &stripe.WebhookEndpointUpdateParams{
		Params: with("event_payload", "snapshot", "paused", "true", "rate_limit", "0", "max_concurrency", "0", "retry_schedule", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	all = shown(t, changed.LastResponse)
	if schedule, _ := all["retry_schedule"].([]any); all["event_payload"] != "snapshot" || all["ordered"] != true || all["paused"] != true ||
		all["rate_limit"] != nil || all["max_concurrency"] != nil || len(schedule) != 13 {
		t.Fatalf("changed %v", all)
	}
	again, err := client.Retrieve(t.Context(), made.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept := shown(t, again.LastResponse); kept["paused"] != true || kept["ordered"] != true {
		t.Fatalf("kept %v", kept)
	}
	off, err := client.Update(t.Context(), made.ID, &stripe.WebhookEndpointUpdateParams{Disabled: stripe.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if all := shown(t, off.LastResponse); all["disabled_at"] == nil || all["disabled_reason"] != nil || all["status"] != "disabled" {
		t.Fatalf("disabled %v", all)
	}
	on, err := client.Update(t.Context(), made.ID, &stripe.WebhookEndpointUpdateParams{Disabled: stripe.Bool(false), Params: with("replay_missed", "false")})
	if err != nil {
		t.Fatal(err)
	}
	if all := shown(t, on.LastResponse); all["disabled_at"] != nil || all["status"] != "enabled" {
		t.Fatalf("enabled %v", all)
	}
}

func TestTermsThatCannotBeMetNameTheParameter(t *testing.T) {
	client := webhookClient(t).V1WebhookEndpoints
	url, events := stripe.String("https://example.com/hooks"), stripe.StringSlice([]string{"*"})
	made, err := client.Create(t.Context(), &stripe.WebhookEndpointCreateParams{URL: url, EnabledEvents: events})
	if err != nil {
		t.Fatal(err)
	}
	long := []string{}
	for i := range 31 {
		long = append(long, fmt.Sprintf("retry_schedule[%d]", i), "60")
	}
	for _, c := range []struct {
		param string
		extra []string
	}{
		{"event_payload", []string{"event_payload", "fat"}},
		{"ordered", []string{"ordered", "often"}},
		{"paused", []string{"paused", ""}},
		{"rate_limit", []string{"rate_limit", "-1"}},
		{"rate_limit", []string{"rate_limit", "10001"}},
		{"max_concurrency", []string{"max_concurrency", "1001"}},
		{"max_concurrency", []string{"max_concurrency", "1.5"}},
		{"retry_schedule", long},
		{"retry_schedule[1]", []string{"retry_schedule[0]", "5", "retry_schedule[1]", "0"}},
		{"retry_schedule[0]", []string{"retry_schedule[0]", "604801"}},
		{"retry_schedule[0]", []string{"retry_schedule[0]", "soon"}},
	} {
		_, onCreate := client.Create(t.Context(), &stripe.WebhookEndpointCreateParams{URL: url, EnabledEvents: events, Params: with(c.extra...)})
		_, onUpdate := client.Update(t.Context(), made.ID, &stripe.WebhookEndpointUpdateParams{Params: with(c.extra...)})
		for _, err := range []error{onCreate, onUpdate} {
			if failure, ok := err.(*stripe.Error); !ok || failure.HTTPStatusCode != 400 || failure.Param != c.param {
				t.Errorf("%s %.60v: %v", c.param, c.extra, err)
			}
		}
	}
	for version, good := range map[string]bool{
		"2026-08-26.dahlia": true, "2025-11-17.dahlia": true, stripe.APIVersion: true,
		"2026-08-27.dahlia": false, "2025-08-27.basil": false, "2024-06-20": false, "dahlia": false, "2026-8-26.dahlia": false,
	} {
		_, err := client.Create(t.Context(), &stripe.WebhookEndpointCreateParams{URL: url, EnabledEvents: events, APIVersion: &version})
		if failure, refused := err.(*stripe.Error); good != (err == nil) || !good && (!refused || failure.Param != "api_version") {
			t.Errorf("%s: %v", version, err)
		}
	}
}

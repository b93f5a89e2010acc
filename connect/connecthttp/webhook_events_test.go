package connecthttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// everybody is heard of, by TutorHub.
type everybody struct{}

func (everybody) Hears(context.Context, bun.IDB, string, string, bool) (bool, error) {
	return true, nil
}

func (everybody) HearsOf(_ context.Context, _ bun.IDB, _ string, _ bool, accounts []string) (map[string]bool, error) {
	heard := map[string]bool{}
	for _, account := range accounts {
		heard[account] = true
	}
	return heard, nil
}

func (everybody) PlatformOf(context.Context, bun.IDB, string, bool) (string, error) {
	return "acct_tutorhub", nil
}

func TestAnEventSentAgainBeforeItsOwnDeliveriesAreWrittenIsWrittenOnce(t *testing.T) {
	pool := dbtest.New(t)
	api := rest.New(rest.Config{Pool: pool, Authenticator: webhookHub{}})
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	endpoints := webhook.NewEndpoints(ring, webhook.NewSigner(secret.RandomPepper()), egress.Policy{})
	api.Mount(connecthttp.WebhookEventRoutes(api, endpoints, everybody{}, clock.Modes{Live: clock.System{}, Test: clock.System{}})...)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)

	const hub = "acct_tutorhub"
	happened := event.Event{
		ID: id.New("evt"), Type: "charge.succeeded", Account: hub, Platform: hub, ObjectID: id.New("ch"), ObjectVersion: 1,
		Object: json.RawMessage(`{"object":"charge"}`), CreatedAt: time.Now(),
	}
	var to webhook.Endpoint
	if err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) (err error) {
		to, _, err = endpoints.Create(ctx, tx, time.Now(), tenant.Scope{Platform: hub, Account: hub}, webhook.NewEndpoint{URL: "https://example.com/", EnabledEvents: []string{"*"}})
		if err != nil {
			return err
		}
		return event.Log{}.Append(ctx, tx, happened)
	}); err != nil {
		t.Fatal(err)
	}
	retry := func() int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/events/"+happened.ID+"/retry",
			strings.NewReader(url.Values{"webhook_endpoint": {to.ID}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer sk_test_any")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	early := retry()
	envelope, err := happened.Envelope()
	if err != nil {
		t.Fatal(err)
	}
	subscriber := webhook.NewSubscriber(everybody{}, clock.System{}, nil)
	if err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := (event.Inbox{}).Claim(ctx, tx, webhook.Consumer, []string{happened.ID}); err != nil {
			return err
		}
		_, err := subscriber.Effect(ctx, tx, []webhook.Incoming{{
			ID: happened.ID, Type: happened.Type, Account: hub, Platform: hub, ObjectID: happened.ObjectID, ObjectVersion: 1, Envelope: envelope,
		}})
		return err
	}); err != nil {
		t.Fatalf("the event's own deliveries cannot be written: %v", err)
	}
	if late := retry(); early != http.StatusOK || late != http.StatusOK {
		t.Errorf("answered %d before and %d after", early, late)
	}
	var deliveries int
	if err := pool.NewRaw("SELECT count(*) FROM connect.webhook_deliveries").Scan(t.Context(), &deliveries); err != nil || deliveries != 1 {
		t.Errorf("%d deliveries, %v", deliveries, err)
	}
}

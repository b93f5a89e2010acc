package webhook_test

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

func TestDeliveriesOfAllEndpointsAreOneListInTheirOrder(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	first, _ := p.endpoint(t, hub, all("https://example.com/1"))
	second, _ := p.endpoint(t, hub, all("https://example.com/2"))
	theirs, _ := p.endpoint(t, tenant.Scope{Platform: "acct_x", Account: "acct_x"}, all("https://example.com/3"))
	p.past(t, first.ID, 20, webhook.Failed)
	for _, to := range []string{second.ID, theirs.ID} { // the same events, later
		if _, err := p.pool.ExecContext(t.Context(), `
INSERT INTO connect.webhook_deliveries (id, endpoint, event, event_type, status, next_attempt_at, created_at)
SELECT replace(id, 'whd_missed', 'whd_' || right(?0, 4)), ?0, event, event_type, 'undelivered', next_attempt_at, created_at
FROM connect.webhook_deliveries WHERE endpoint = ?1 ORDER BY seq`, to, first.ID); err != nil {
			t.Fatal(err)
		}
	}
	seven := int64(7)
	walk := func(f webhook.DeliveryFilter) (seqs []int64, ids []string) {
		t.Helper()
		for after := ""; ; {
			found, err := p.endpoints.Deliveries(t.Context(), p.pool, hub, f, page.Params{Limit: &seven, StartingAfter: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found.Items {
				seqs, ids = append(seqs, d.Seq), append(ids, d.ID)
			}
			if !found.HasMore {
				return seqs, ids
			}
			after = ids[len(ids)-1]
		}
	}
	for _, c := range []struct {
		f webhook.DeliveryFilter
		n int
	}{{webhook.DeliveryFilter{}, 40}, {webhook.DeliveryFilter{Endpoint: first.ID}, 20}, {webhook.DeliveryFilter{Status: webhook.Undelivered}, 20}} {
		seqs, ids := walk(c.f)
		if len(seqs) != c.n {
			t.Fatalf("%+v: %d", c.f, len(seqs))
		}
		for i := range seqs[1:] {
			if seqs[i+1] >= seqs[i] {
				t.Errorf("%+v: %d after %d", c.f, seqs[i+1], seqs[i])
			}
		}
		back, err := p.endpoints.Deliveries(t.Context(), p.pool, hub, c.f, page.Params{Limit: &seven, EndingBefore: ids[10]})
		if err != nil || len(back.Items) != 7 || back.Items[0].ID != ids[3] || back.Items[6].ID != ids[9] || !back.HasMore {
			t.Errorf("%+v backwards: %+v, %v", c.f, back, err)
		}
	}
	var foreign string
	if err := p.pool.NewRaw("SELECT id FROM connect.webhook_deliveries WHERE endpoint = ? LIMIT 1", theirs.ID).Scan(t.Context(), &foreign); err != nil {
		t.Fatal(err)
	}
	if _, err := p.endpoints.Deliveries(t.Context(), p.pool, hub, webhook.DeliveryFilter{}, page.Params{StartingAfter: foreign}); !fault.Is(err, fault.Invalid) {
		t.Errorf("another account's delivery is a cursor: %v", err)
	}
	if _, err := p.endpoints.Delivery(t.Context(), p.pool, hub, foreign); !fault.Is(err, fault.NotFound) {
		t.Errorf("another account's delivery is read: %v", err)
	}
}

func (p *post) expunge(t *testing.T, deliveryID string) error {
	t.Helper()
	return db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := p.endpoints.Expunge(ctx, tx, clock.System{}.Now(), hub, deliveryID, true)
		return err
	})
}

func TestAnErasedPayloadIsNobodyElses(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/1"))
	theirs, _ := p.endpoint(t, hub.For(tutor), all("https://example.com/2"))
	p.past(t, e.ID, 2, webhook.Failed)
	if _, err := p.pool.ExecContext(t.Context(), `
INSERT INTO connect.webhook_deliveries (id, endpoint, event, event_type, status, next_attempt_at, created_at)
VALUES ('whd_theirs', ?0, 'evt_missed000000', 'charge.updated', 'failed', ?1, ?1)`, theirs.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := p.expunge(t, "whd_missed000000"); fault.As(err) == nil || fault.As(err).Code != "webhook_payload_shared" {
		t.Errorf("shared: %v", err)
	}
	if err := p.expunge(t, "whd_missed000001"); err != nil {
		t.Errorf("of one account: %v", err)
	}
	if err := p.expunge(t, "whd_theirs"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another account's: %v", err)
	}
}

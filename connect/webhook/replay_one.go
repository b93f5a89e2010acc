package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Resend makes a delivery of the scope due now, whatever came of it before. Its
// schedule begins anew. One that is just being sent is left alone.
func (s *Endpoints) Resend(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, deliveryID string) (Delivery, error) {
	d, err := s.Delivery(ctx, tx, scope, deliveryID)
	if err != nil {
		return Delivery{}, err
	}
	e, err := lockEndpoint(ctx, tx, scope, d.Endpoint)
	if fault.Is(err, fault.NotFound) {
		return Delivery{}, fault.Invalidf("webhook_endpoint_deleted", "", "The webhook endpoint %s was deleted: nothing can be sent to it.", d.Endpoint)
	}
	if err != nil {
		return Delivery{}, err
	}
	if err := mustBeEnabled(e); err != nil {
		return Delivery{}, err
	}
	if err := again(ctx, tx, at, d.Event, e.ID, d.EventType, d.ObjectID); err != nil {
		return Delivery{}, err
	}
	return s.Delivery(ctx, tx, scope, deliveryID)
}

// Retry sends an event of the log to an endpoint of the scope, also if it never
// had it. Fails with Invalid if the endpoint gets no events of that account.
func (s *Endpoints) Retry(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, event Incoming, endpointID string) error {
	e, err := lockEndpoint(ctx, tx, scope, endpointID)
	if err != nil {
		return naming("webhook_endpoint", err)
	}
	if err := mustBeEnabled(e); err != nil {
		return err
	}
	if e.Connect == (event.Account == e.Account) {
		return fault.Invalidf("parameter_invalid", "webhook_endpoint", "The webhook endpoint %s gets no events of the account %s.", e.ID, event.Account)
	}
	return s.retry(ctx, tx, at, event, e.ID)
}

// RetryListeners sends an event of the log to everybody of the scope who listens
// from a terminal and gets events of that account.
func (s *Endpoints) RetryListeners(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, event Incoming) error {
	var ids []string
	err := tx.NewSelect().Model((*endpointRow)(nil)).Column("id").
		Where("account = ? AND livemode = ? AND connect = ?", scope.Account, scope.Livemode, event.Account != scope.Account).
		Where("listener IS NOT NULL AND deleted_at IS NULL AND NOT disabled").OrderExpr("id").For("SHARE").Scan(ctx, &ids)
	if err != nil {
		return fmt.Errorf("find webhook listeners: %w", err)
	}
	if len(ids) == 0 {
		return fault.Invalidf("parameter_invalid", "for_stripecli", "Nobody listens to events of the account %s. Start `sluice listen` first, or name a webhook_endpoint.", event.Account)
	}
	for _, endpointID := range ids {
		if err := s.retry(ctx, tx, at, event, endpointID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Endpoints) retry(ctx context.Context, tx bun.Tx, at time.Time, event Incoming, endpointID string) error {
	if err := keepPayload(ctx, tx, at, event); err != nil {
		return err
	}
	return again(ctx, tx, at, event.ID, endpointID, event.Type, event.ObjectID)
}

// keepPayload writes an event's body, unless it is there and was not erased.
func keepPayload(ctx context.Context, tx bun.Tx, at time.Time, e Incoming) error {
	_, err := tx.NewRaw(`
INSERT INTO connect.webhook_payloads AS p (event, account, body, created_at, pending) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (event) DO UPDATE SET body = excluded.body WHERE octet_length(p.body) = 0`, e.ID, e.Account, e.Envelope, at).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep webhook payload: %w", err)
	}
	return nil
}

// againSQL leaves alone what is just being sent: two sends side by side would be of
// no use to anybody.
const againSQL = `
INSERT INTO connect.webhook_deliveries AS d (id, endpoint, event, event_type, object_id, status, ordered, next_attempt_at, created_at)
VALUES (?, ?, ?, ?, ?, 'pending', true, ?, ?)
ON CONFLICT ON CONSTRAINT webhook_deliveries_event_endpoint_key DO UPDATE SET
    status = 'pending', ordered = true, delivered_at = NULL, next_attempt_at = GREATEST(excluded.next_attempt_at, d.leased_until),
    attempts_before = d.attempts, replay = NULL
WHERE d.status <> 'pending' OR d.leased_until IS NULL OR d.leased_until <= excluded.next_attempt_at`

// again makes the delivery of an event to an endpoint due, or writes it. The caller
// has locked the endpoint. Fails with Invalid once the payload was erased.
func again(ctx context.Context, tx bun.Tx, at time.Time, event, endpointID, eventType, objectID string) error {
	var kept bool
	if err := tx.NewRaw(`SELECT COALESCE((SELECT octet_length(body) > 0 FROM connect.webhook_payloads WHERE event = ? FOR SHARE), false)`, event).Scan(ctx, &kept); err != nil {
		return fmt.Errorf("look for webhook payload: %w", err)
	}
	if !kept {
		return fault.Invalidf("webhook_payload_erased", "", "The payload of the event %s was erased. Use POST /v1/events/%s/retry to send it anew from the log.", event, event)
	}
	if _, err := tx.NewRaw(againSQL, id.New("whd"), endpointID, event, eventType, objectID, at, at).Exec(ctx); err != nil {
		return fmt.Errorf("send webhook delivery again: %w", err)
	}
	return nil
}

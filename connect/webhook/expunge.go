package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Expunge erases what receivers answered to a delivery of the scope, and with payload
// also what they were sent. When is kept on each attempt.
//
// A payload stays while somebody needs it: this delivery, if it is pending, or
// another account's, whose it is as well.
func (s *Endpoints) Expunge(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, deliveryID string, payload bool) (Delivery, error) {
	d, err := s.Delivery(ctx, tx, scope, deliveryID)
	if err != nil {
		return Delivery{}, err
	}
	_, err = tx.NewRaw(`UPDATE connect.webhook_attempts SET response = '', expunged_at = ? WHERE delivery = ? AND expunged_at IS NULL`, at, d.ID).Exec(ctx)
	if err != nil {
		return Delivery{}, fmt.Errorf("expunge webhook responses: %w", err)
	}
	if payload {
		err = expungePayload(ctx, tx, scope, d.Event)
	}
	return d, err
}

// expungePayload locks the payload: who sends it again asks for it under the same lock.
func expungePayload(ctx context.Context, tx bun.Tx, scope tenant.Scope, event string) error {
	if _, err := tx.NewRaw(`SELECT FROM connect.webhook_payloads WHERE event = ? FOR UPDATE`, event).Exec(ctx); err != nil {
		return fmt.Errorf("lock webhook payload: %w", err)
	}
	var pending, foreign bool
	err := tx.NewRaw(`
SELECT COALESCE(bool_or(d.status = 'pending'), false), COALESCE(bool_or((e.account, e.livemode) <> (?, ?)), false)
FROM connect.webhook_deliveries d JOIN connect.webhook_endpoints e ON e.id = d.endpoint
WHERE d.event = ?`, scope.Account, scope.Livemode, event).Scan(ctx, &pending, &foreign)
	if err != nil {
		return fmt.Errorf("look who needs a webhook payload: %w", err)
	}
	switch {
	case pending:
		return fault.Invalidf("webhook_delivery_pending", "payload", "The payload of %s cannot be erased while a delivery of it is pending.", event)
	case foreign:
		return fault.Invalidf("webhook_payload_shared", "payload", "The payload of %s cannot be erased: it was sent to another account's endpoint as well.", event)
	}
	if _, err := tx.NewRaw(`UPDATE connect.webhook_payloads SET body = '' WHERE event = ?`, event).Exec(ctx); err != nil {
		return fmt.Errorf("expunge webhook payload: %w", err)
	}
	return nil
}

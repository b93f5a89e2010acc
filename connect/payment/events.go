package payment

import (
	"time"

	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// eventBatch gathers events and the first error on the way.
type eventBatch struct {
	events []event.Event
	err    error
}

func (b *eventBatch) add(e event.Event, err error) {
	if b.err == nil {
		b.err = err
	}
	b.events = append(b.events, e)
}

func (b *eventBatch) charge(kind string, c *Charge, at time.Time, origin event.Origin) {
	b.add(newEvent(kind, c.Scope(), c.ID, c.Version, ChargeWire(c), at, origin))
}

func (b *eventBatch) intent(kind string, i *Intent, at time.Time, origin event.Origin) {
	b.add(intentEvent(kind, i, at, origin))
}

// changed tells what became of a charge, and what it replaced.
func (b *eventBatch) changed(kind string, before wire.Charge, c *Charge, at time.Time, origin event.Origin) {
	b.add(changedEvent(kind, c.Scope(), c.ID, c.Version, before, ChargeWire(c), at, origin))
}

func (b *eventBatch) refund(kind string, r *Refund, at time.Time, origin event.Origin) {
	b.add(newEvent(kind, r.Scope(), r.ID, r.Version, RefundWire(r), at, origin))
}

// updated tells what a refund replaced.
func (b *eventBatch) updated(before wire.Refund, r *Refund, at time.Time, origin event.Origin) {
	b.add(changedEvent("refund.updated", r.Scope(), r.ID, r.Version, before, RefundWire(r), at, origin))
}

func intentEvent(kind string, i *Intent, at time.Time, origin event.Origin) (event.Event, error) {
	return newEvent(kind, i.Scope(), i.ID, i.Version, IntentWire(i), at, origin)
}

// intentEventType names the event of the state an intent has come to.
func intentEventType(i *Intent) string {
	switch i.Status {
	case Succeeded:
		return "payment_intent.succeeded"
	case RequiresCapture:
		return "payment_intent.amount_capturable_updated"
	case RequiresAction:
		return "payment_intent.requires_action"
	case Processing:
		return "payment_intent.processing"
	case Canceled:
		return "payment_intent.canceled"
	case RequiresPaymentMethod, RequiresConfirmation:
	}
	return "payment_intent.payment_failed"
}

func newEvent(kind string, scope tenant.Scope, objectID string, version int64, object any, at time.Time, origin event.Origin) (event.Event, error) {
	body, err := wire.Marshal(object)
	return event.Event{
		ID: id.New("evt"), Type: kind, Account: scope.Account, Platform: scope.Platform, Livemode: scope.Livemode,
		ObjectID: objectID, ObjectVersion: version, Object: body,
		RequestID: origin.RequestID, IdempotencyKey: origin.IdempotencyKey, CreatedAt: at,
	}, err
}

// changedEvent is newEvent with the previous attributes.
func changedEvent(kind string, scope tenant.Scope, objectID string, version int64, before, object any, at time.Time, origin event.Origin) (event.Event, error) {
	e, err := newEvent(kind, scope, objectID, version, object, at, origin)
	if err == nil {
		e.Previous, err = patch.Changed(before, object)
	}
	return e, err
}

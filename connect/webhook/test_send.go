package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// pingType is what a test send to an endpoint that names no type is of.
const pingType = "webhook_endpoint.ping"

// Test sends an example of an event to an endpoint of the scope. It is marked:
// its id begins with evt_test_, its object's with sample_, and the log knows
// nothing of it. Everything else of the delivery is as always.
func (s *Endpoints) Test(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, endpointID, eventType string) (Delivery, error) {
	e, err := lockEndpoint(ctx, tx, scope, endpointID)
	if err != nil {
		return Delivery{}, err
	}
	if err := mustBeEnabled(e); err != nil {
		return Delivery{}, err
	}
	if eventType == "" {
		eventType = firstType(e)
	}
	if !patternForm.MatchString(eventType) || strings.HasSuffix(eventType, "*") {
		return Delivery{}, fault.Invalidf("parameter_invalid", "type", "Invalid type: must be one event type, such as charge.succeeded.")
	}
	sample, err := sampleOf(e, eventType, at)
	if err != nil {
		return Delivery{}, err
	}
	if err := keepPayload(ctx, tx, at, sample); err != nil {
		return Delivery{}, err
	}
	if err := again(ctx, tx, at, sample.ID, e.ID, eventType, sample.ObjectID); err != nil {
		return Delivery{}, err
	}
	var row deliveryRow
	if err := tx.NewSelect().Model(&row).Where("event = ? AND endpoint = ?", sample.ID, e.ID).Scan(ctx); err != nil {
		return Delivery{}, fmt.Errorf("get webhook delivery: %w", err)
	}
	return row.delivery(), nil
}

// firstType is the first event type that the endpoint names in full.
func firstType(e Endpoint) string {
	for _, pattern := range e.EnabledEvents {
		if !strings.HasSuffix(pattern, "*") {
			return pattern
		}
	}
	return pingType
}

// sampleOf is an example of an event, of no account: nobody's leave is asked to send it.
func sampleOf(e Endpoint, eventType string, at time.Time) (Incoming, error) {
	sample := event.Event{
		ID: id.New("evt_test"), Type: eventType, Account: e.Account, Platform: e.Account, Livemode: e.Livemode,
		ObjectID: id.New("sample"), ObjectVersion: 1, CreatedAt: at,
	}
	data, err := exampleOf(eventType)
	if err != nil {
		return Incoming{}, err
	}
	object := replaced(data.Object, "id", strconv.Quote(sample.ObjectID))
	sample.Object, sample.Previous = replaced(object, "livemode", strconv.FormatBool(e.Livemode)), data.PreviousAttributes
	w := sample.Wire()
	if e.Connect {
		w.Account = id.New("acct_sample")
	}
	body, err := json.Marshal(w)
	if err != nil {
		return Incoming{}, fmt.Errorf("make a sample of %s: %w", eventType, err)
	}
	return Incoming{ID: sample.ID, Type: eventType, Livemode: e.Livemode, ObjectID: sample.ObjectID, ObjectVersion: 1, Envelope: body}, nil
}

// exampleOf is what an event of a type tells of; of one that we never send, only that there is an object.
func exampleOf(eventType string) (wire.EventData, error) {
	known, ok := catalogue.Find(eventType)
	if !ok {
		kind, _, _ := strings.Cut(eventType, ".")
		object, err := json.Marshal(map[string]any{"id": "", "object": kind, "livemode": false})
		return wire.EventData{Object: object}, err
	}
	var e wire.Event
	if err := json.Unmarshal(known.Example(), &e); err != nil {
		return wire.EventData{}, fmt.Errorf("read the example of %s: %w", eventType, err)
	}
	return e.Data, nil
}

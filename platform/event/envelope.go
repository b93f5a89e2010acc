package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the event as the public API shows it.
func (e Event) Wire() *wire.Event {
	w := &wire.Event{
		ID: e.ID, Object: "event", APIVersion: wire.APIVersion, Created: e.CreatedAt.Unix(),
		Data:     wire.EventData{Object: e.Object, PreviousAttributes: e.Previous},
		Livemode: e.Livemode, Type: e.Type, ObjectVersion: e.ObjectVersion,
		Request: wire.EventRequest{ID: orNull(e.RequestID), IdempotencyKey: orNull(e.IdempotencyKey)},
	}
	if e.Account != e.Platform {
		w.Account = e.Account
	}
	return w
}

// Envelope is the event's JSON on Kafka and in webhooks: the same bytes everywhere.
// The object is most of it and is JSON already, so only what stands around it is
// rendered, which a marshaler would not spare.
func (e Event) Envelope() ([]byte, error) {
	w := e.Wire()
	object, previous := w.Data.Object, w.Data.PreviousAttributes
	w.Data = wire.EventData{Object: hole}
	frame, err := render(e.ID, w)
	if err != nil {
		return nil, err
	}
	before, after, found := bytes.Cut(frame, hole)
	if !found || len(object) == 0 {
		return nil, fmt.Errorf("render event %s: it has no object", e.ID)
	}
	out := make([]byte, 0, len(frame)+len(object)+len(previous)+len(previousName))
	out = append(append(out, before...), object...)
	if len(previous) > 0 {
		out = append(append(out, previousName...), previous...)
	}
	return append(out, after...), nil
}

const previousName = `,"previous_attributes":`

// hole stands in the frame where the object belongs: text that nothing before it holds.
var hole = json.RawMessage(`{"object":"\u0000"}`)

func render(id string, shape any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the object's own bytes stay readable
	if err := enc.Encode(shape); err != nil {
		return nil, fmt.Errorf("render event %s: %w", id, err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Notification is the thin form of an event as the API shows it.
func Notification(e *wire.Event) *wire.EventNotification {
	n := &wire.EventNotification{
		ID: e.ID, Object: "v2.core.event", Type: e.Type, Livemode: e.Livemode, Context: orNull(e.Account),
		Created: time.Unix(e.Created, 0).UTC().Format("2006-01-02T15:04:05.000Z"), ObjectVersion: e.ObjectVersion,
		RelatedObject: related(e),
	}
	if e.Request.ID != nil {
		n.Reason = &wire.EventReason{Type: "request", Request: wire.EventReasonRequest{ID: *e.Request.ID}}
		if e.Request.IdempotencyKey != nil {
			n.Reason.Request.IdempotencyKey = *e.Request.IdempotencyKey
		}
	}
	return n
}

// RenderNotification is the thin form's JSON.
func RenderNotification(e *wire.Event) ([]byte, error) { return render(e.ID, Notification(e)) }

// places is where the API shows objects of a kind: {id} is the object's own id,
// another {name} the field of that name.
var places = map[string]string{
	"account":             "/v1/accounts/{id}",
	"application_fee":     "/v1/application_fees/{id}",
	"balance_transaction": "/v1/balance_transactions/{id}",
	"bank_account":        "/v1/accounts/{account}/external_accounts/{id}",
	"capability":          "/v1/accounts/{account}/capabilities/{id}",
	"card":                "/v1/accounts/{account}/external_accounts/{id}",
	"charge":              "/v1/charges/{id}",
	"customer":            "/v1/customers/{id}",
	"fee_refund":          "/v1/application_fees/{fee}/refunds/{id}",
	"file":                "/v1/files/{id}",
	"payment_intent":      "/v1/payment_intents/{id}",
	"payment_method":      "/v1/payment_methods/{id}",
	"payout":              "/v1/payouts/{id}",
	"person":              "/v1/accounts/{account}/persons/{id}",
	"refund":              "/v1/refunds/{id}",
	"transfer":            "/v1/transfers/{id}",
	"transfer_reversal":   "/v1/transfers/{transfer}/reversals/{id}",
	"webhook_endpoint":    "/v1/webhook_endpoints/{id}",
}

// related is where the event's object is read, or nil for what has no place of its
// own, such as a balance.
func related(e *wire.Event) *wire.RelatedObject {
	var object map[string]json.RawMessage
	if json.Unmarshal(e.Data.Object, &object) != nil {
		return nil
	}
	field := func(name string) string {
		var ref wire.Ref
		_ = json.Unmarshal(object[name], &ref) // what is no reference has no id
		return ref.ID
	}
	kind := field("object")
	url, known := places[kind]
	if !known || field("id") == "" {
		return nil
	}
	for _, name := range []string{"id", "account", "fee", "transfer"} {
		url = strings.ReplaceAll(url, "{"+name+"}", field(name))
	}
	return &wire.RelatedObject{ID: field("id"), Type: kind, URL: url}
}

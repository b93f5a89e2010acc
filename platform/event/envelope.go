package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
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

// Envelope is the event's JSON on Kafka and in webhooks: the same bytes everywhere, and
// what encoding/json makes of Wire without HTML escapes. The object is most of it and
// is JSON already, so it is copied, and what stands around it is written by hand.
func (e Event) Envelope() ([]byte, error) {
	if len(e.Object) == 0 {
		return nil, fmt.Errorf("render event %s: it has no object", e.ID)
	}
	const frame = 512 // more than what stands around the object
	b := make([]byte, 0, frame+len(e.Object)+len(e.Previous)+len(e.IdempotencyKey))
	text := func(name, s string) { b = wire.AppendString(append(b, name...), s) }
	orNull := func(name, s string) {
		if b = append(b, name...); s == "" {
			b = append(b, "null"...)
		} else {
			b = wire.AppendString(b, s)
		}
	}
	text(`{"id":`, e.ID)
	b = append(b, `,"object":"event"`...)
	if e.Account != e.Platform && e.Account != "" {
		text(`,"account":`, e.Account)
	}
	text(`,"api_version":`, wire.APIVersion)
	b = strconv.AppendInt(append(b, `,"created":`...), e.CreatedAt.Unix(), 10)
	b = append(append(b, `,"data":{"object":`...), e.Object...)
	if len(e.Previous) > 0 {
		b = append(append(b, `,"previous_attributes":`...), e.Previous...)
	}
	b = strconv.AppendBool(append(b, `},"livemode":`...), e.Livemode)
	orNull(`,"pending_webhooks":0,"request":{"id":`, e.RequestID)
	orNull(`,"idempotency_key":`, e.IdempotencyKey)
	text(`},"type":`, e.Type)
	b = strconv.AppendInt(append(b, `,"object_version":`...), e.ObjectVersion, 10)
	return append(b, '}'), nil
}

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

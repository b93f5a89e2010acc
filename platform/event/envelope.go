package event

import (
	"bytes"
	"encoding/json"
	"fmt"

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
func (e Event) Envelope() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the object's own bytes stay readable
	if err := enc.Encode(e.Wire()); err != nil {
		return nil, fmt.Errorf("render event %s: %w", e.ID, err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

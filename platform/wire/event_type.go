package wire

import "encoding/json"

// EventType is one kind of event; an extension of Sluice.
type EventType struct {
	ID          string          `json:"id"`     // its name: "charge.succeeded"
	Object      string          `json:"object"` // always "event_type"
	Description string          `json:"description"`
	Example     json.RawMessage `json:"example"`             // a whole event
	Previous    string          `json:"previous_attributes"` // never, sometimes or always there
	Recipients  string          `json:"recipients"`          // who hears of it, for people
	SchemaID    string          `json:"schema_id"`           // of the JSON Schema; ce_dataschema on Kafka
	SchemaURL   string          `json:"schema_url"`
	Scope       string          `json:"scope"` // whose events they are: any, platform or connected
	Since       string          `json:"since"` // day of the release that brought this version
	Version     int             `json:"version"`
}

package wire

import "encoding/json"

// AuditRecord is one change that a person or a key tried to make; Sluice's own extension.
type AuditRecord struct {
	ID            string          `json:"id"`
	Object        string          `json:"object"`            // "audit_record"
	Action        string          `json:"action"`            // api_keys.roll
	Actor         string          `json:"actor"`             // usr_…, or the id of a key or token
	Changes       []AuditChange   `json:"changes,omitempty"` // what it did to which object; only of a single record
	Created       int64           `json:"created"`
	EndedAt       *int64          `json:"ended_at"` // null while it is tried, and when it was cut short
	ErrorCode     *string         `json:"error_code"`
	ForAccount    string          `json:"for_account"`
	IP            *string         `json:"ip"`
	Livemode      bool            `json:"livemode"`
	Method        string          `json:"method"`
	Outcome       string          `json:"outcome"` // done, refused, unknown
	Params        json.RawMessage `json:"params"`
	Path          string          `json:"path"`
	Reason        *string         `json:"reason"`
	RelatedObject *string         `json:"related_object"`
	Request       *string         `json:"request"` // null for what was not asked of the API
	Status        *int            `json:"status"`
}

// AuditChange is one object before and after.
type AuditChange struct {
	Event  string          `json:"event"`
	Type   string          `json:"type"`
	Object string          `json:"related_object"`
	Before json.RawMessage `json:"before"` // the attributes that changed; null for a new object
	After  json.RawMessage `json:"after"`  // the same attributes afterwards; null with before
}

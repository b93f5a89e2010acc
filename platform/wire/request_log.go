package wire

import "encoding/json"

// RequestLog is one request of the API as it is kept for some days; Sluice's own
// extension. What could be a secret or personal is redacted.
type RequestLog struct {
	ID             string           `json:"id"`
	Object         string           `json:"object"`  // "request_log"
	Account        string           `json:"account"` // whose program asked
	APIVersion     *string          `json:"api_version"`
	Created        int64            `json:"created"`
	DurationUS     int64            `json:"duration_us"`
	Error          *RequestLogError `json:"error"`
	Events         []string         `json:"events,omitempty"` // what it caused; only of a single request
	ForAccount     string           `json:"for_account"`      // on whose behalf
	IdempotencyKey *string          `json:"idempotency_key"`
	IP             *string          `json:"ip"`
	Key            string           `json:"key"` // the id of the key
	Livemode       bool             `json:"livemode"`
	Method         string           `json:"method"`
	Params         json.RawMessage  `json:"params"`
	Path           string           `json:"path"`
	Person         *string          `json:"person"` // usr_… of who asked through a dashboard
	RelatedObject  *string          `json:"related_object"`
	Replayed       bool             `json:"replayed"` // answered from memory, by the idempotency key
	Route          string           `json:"route"`
	Status         int              `json:"status"`
}

// RequestLogError is the error a request was answered with.
type RequestLogError struct {
	Type        string `json:"type"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	Message     string `json:"message"`
	Param       string `json:"param,omitempty"`
}

// RequestLogErrors is one sort of error of one operation, and how often it came.
type RequestLogErrors struct {
	Object      string `json:"object"` // "request_log_errors"
	Code        string `json:"code"`
	Count       int64  `json:"count"`
	LastCreated int64  `json:"last_created"`
	LastRequest string `json:"last_request"`
	Method      string `json:"method"`
	Route       string `json:"route"`
	Status      int    `json:"status"`
	Type        string `json:"type"`
}

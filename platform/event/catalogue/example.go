package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/sluicepay/sluice/platform/wire"
)

// exampleTime is when everything in the examples happens.
const exampleTime = 1795348800 // 2026-11-22 12:00 UTC

// Example is a complete event of this type, the same every time: every attribute
// that can be there is there. It is what a reader may be tested with; real
// events say more sensible things.
func (t Type) Example() json.RawMessage {
	object := sample(reflect.TypeOf(t.Object), "").(map[string]any)
	for name, value := range t.shows {
		object[name] = value
	}
	data := map[string]any{"object": object}
	if t.Replaced != Never {
		data["previous_attributes"] = map[string]any{"metadata": map[string]any{"lesson": "0"}}
	}
	envelope := sample(reflect.TypeFor[wire.Event](), "").(map[string]any)
	envelope["id"], envelope["type"], envelope["api_version"], envelope["data"] = "evt_example", t.Name, wire.APIVersion, data
	envelope["pending_webhooks"], envelope["object_version"] = 0, 1
	if t.Replaced != Never {
		envelope["object_version"] = 2
	}
	envelope["request"] = map[string]any{"id": "req_example", "idempotency_key": "order-1001"}
	if t.Scope == PlatformAccount {
		delete(envelope, "account")
	}
	// Through the wire struct, so that the order of attributes is the API's.
	var event wire.Event
	raw, err := json.Marshal(envelope)
	if err == nil {
		err = json.Unmarshal(raw, &event)
	}
	if err == nil {
		event.Data.Object, err = inOrder(t.Object, event.Data.Object)
	}
	if err == nil {
		raw, err = marshal(event)
	}
	if err != nil {
		panic(fmt.Sprintf("catalogue: example of %s: %v", t.Name, err)) // no input but our own structs
	}
	return raw
}

// inOrder is raw as a value of the zero value's type writes it.
func inOrder(zero any, raw json.RawMessage) (json.RawMessage, error) {
	object := reflect.New(reflect.TypeOf(zero))
	if err := json.Unmarshal(raw, object.Interface()); err != nil {
		return nil, err
	}
	return marshal(object.Interface())
}

func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// sample is a plausible value of an attribute, in the form that encoding/json reads.
func sample(t reflect.Type, name string) any {
	switch t {
	case refType:
		return reference(name)
	case rawType:
		return nil
	case numberType:
		return 100
	}
	switch t.Kind() {
	case reflect.String:
		return text(name)
	case reflect.Bool:
		return name == "paid" || name == "captured" || strings.HasSuffix(name, "_enabled") || name == "details_submitted" || name == "requested"
	case reflect.Int, reflect.Int64:
		return number(name)
	case reflect.Pointer:
		return sample(t.Elem(), name)
	case reflect.Map:
		if name == "capabilities" {
			return map[string]any{"transfers": "active"}
		}
		return map[string]any{"lesson": "1"}
	case reflect.Slice:
		return []any{sample(t.Elem(), name)}
	case reflect.Struct:
		return sampleObject(t)
	}
	return nil
}

func sampleObject(t reflect.Type) map[string]any {
	object := map[string]any{}
	word, isNoun := objectWord(t)
	for _, a := range attributes(t) {
		object[a.name] = sample(a.kind, a.name)
		if said, known := words[field{t, a.name}]; known {
			object[a.name] = said[0]
		}
		if isNoun && a.name == "object" {
			object["object"] = word
		}
	}
	if _, has := object["id"]; has && isNoun {
		object["id"] = prefixes[word] + "example"
	}
	if t == reflect.TypeFor[wire.Capability]() {
		object["id"] = "transfers"
	}
	return object
}

// prefixes are how ids of nouns, and references to them, begin.
var prefixes = map[string]string{
	"account": "acct_", "application": "ca_", "application_fee": "fee_", "bank_account": "ba_", "charge": "ch_", "customer": "cus_",
	"event": "evt_", "fee_refund": "fr_", "payment_intent": "pi_", "payment_method": "pm_", "payout": "po_", "person": "person_",
	"refund": "re_", "transfer": "tr_", "transfer_reversal": "trr_", "webhook_endpoint": "we_",
	"balance_transaction": "txn_", "default_payment_method": "pm_", "destination": "acct_", "destination_payment": "py_",
	"destination_payment_refund": "pyr_", "failure_balance_transaction": "txn_", "fee": "fee_", "latest_charge": "ch_",
	"originating_transaction": "ch_", "source_refund": "re_", "source_transaction": "ch_", "source_transfer": "tr_",
}

// reference is an id; what we never fill in is null.
func reference(name string) any {
	if prefix, known := prefixes[name]; known {
		return prefix + "example"
	}
	return nil
}

// texts are what the attributes say whose name alone does not do.
var texts = map[string]string{
	"account": "acct_example", "charge": "ch_example", "destination": "acct_example", "application": "ca_example", "payment_method": "pm_example",
	"currency": "hkd", "default_currency": "hkd", "country": "HK", "email": "tutor@example.com", "receipt_email": "payer@example.com",
	"support_email": "help@example.com", "url": "https://example.com/hooks", "support_url": "https://example.com/help",
	"phone": "+85221234567", "support_phone": "+85221234567", "last4": "4242", "brand": "visa", "network": "visa", "funding": "credit",
	"api_version": wire.APIVersion, "ip": "203.0.113.7", "timezone": "Asia/Hong_Kong", "percent": "70", "secret": "",
	"client_secret": "pi_example_secret_example", "mcc": "8299", "business_type": "individual", "fiscal_year_end": "2026-12-31",
}

func text(name string) any {
	if said, known := texts[name]; known {
		return said
	}
	return strings.ReplaceAll(name, "_", " ")
}

// moments are attributes that hold a time without saying so.
var moments = map[string]bool{"created": true, "arrival_date": true, "date": true, "current_deadline": true}

func number(name string) any {
	switch {
	case moments[name] || strings.HasSuffix(name, "_at"):
		return exampleTime
	case name == "day" || name == "month" || name == "exp_month":
		return 12
	case name == "year":
		return 1991
	case name == "exp_year":
		return 2034
	case name == "amount_refunded" || name == "amount_reversed" || name == "amount_capturable":
		return 0
	case strings.Contains(name, "amount"):
		return 60000
	}
	return 1
}

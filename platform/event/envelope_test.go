package event

import (
	"encoding/json"
	"testing"
	"time"
)

func TestAnEnvelopeIsTheWireFormOfItsEvent(t *testing.T) {
	for name, e := range map[string]Event{
		"of a connected account":         {Account: "acct_2", Object: json.RawMessage(`{"id":"ch_1","amount":5}`), RequestID: "req_1", IdempotencyKey: `a "key" <of> someone`},
		"with what an update replaced":   {Account: "acct_1", Object: json.RawMessage(`{"id":"ch_1","note":"a\u003cb"}`), Previous: json.RawMessage(`{"note":null}`)},
		"of nothing but an empty object": {Account: "acct_1", Object: json.RawMessage(`{}`)},
		"whose key JSON must escape":     {Account: "acct_1", Object: json.RawMessage(`{"id":1}`), RequestID: "req_1", IdempotencyKey: "課\u2028\x00\xff\n"},
	} {
		e.ID, e.Type, e.Platform, e.ObjectVersion, e.CreatedAt = "evt_1", "charge.updated", "acct_1", 3, time.Unix(1_800_000_000, 0)
		got, err := e.Envelope()
		if err != nil {
			t.Fatal(name, err)
		}
		want, err := render(e.ID, e.Wire())
		if err != nil {
			t.Fatal(name, err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	if _, err := (Event{ID: "evt_1"}).Envelope(); err == nil {
		t.Error("an event without an object was rendered")
	}
}

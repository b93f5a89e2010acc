package webhook

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/event"
)

func charged(account string, object string) event.Event {
	return event.Event{
		ID: "evt_1", Type: "charge.succeeded", Account: account, Platform: "acct_hub", ObjectID: "ch_1", ObjectVersion: 3,
		Object: json.RawMessage(object), RequestID: "req_1", IdempotencyKey: `a "pending_webhooks":0, b`,
		CreatedAt: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
	}
}

func TestASnapshotIsTheLogsBytesWithTheEndpointsVersionAndWhatIsPending(t *testing.T) {
	const object = `{"id": "ch_1",   "object":"charge","amount":10000000000000001, "metadata":{"api_version":"x","pending_webhooks":"<&>"},"n":1.50}`
	body, err := charged("acct_hub", object).Envelope()
	if err != nil {
		t.Fatal(err)
	}
	kept := bytes.Clone(body)
	got := render(body, Endpoint{Payload: Snapshot, APIVersion: "2026-03-25.dahlia"}, 3)
	want := bytes.Replace(kept, []byte(`"api_version":"2026-08-26.dahlia"`), []byte(`"api_version":"2026-03-25.dahlia"`), 1)
	want = bytes.Replace(want, []byte(`"livemode":false,"pending_webhooks":0`), []byte(`"livemode":false,"pending_webhooks":3`), 1)
	if !bytes.Equal(got, want) || !bytes.Equal(body, kept) {
		t.Fatalf("got  %s\nwant %s\nbody %s", got, want, body)
	}
	if same := render(body, Endpoint{Payload: Snapshot}, 0); !bytes.Equal(same, kept) {
		t.Fatalf("got %s", same)
	}
}

func TestAnyObjectKeepsItsBytesInASnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, 40)
		members := map[string]any{}
		for _, name := range []string{"id", "api_version", "data", "pending_webhooks", "type", text.Draw(t, "name")} {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				members[name] = text.Draw(t, "text")
			case 1:
				members[name] = rapid.Int().Draw(t, "number")
			case 2:
				members[name] = map[string]any{"api_version": text.Draw(t, "inner"), "pending_webhooks": []any{nil, true, text.Draw(t, "item")}}
			}
		}
		write := json.Marshal
		if rapid.Bool().Draw(t, "indented") {
			write = func(v any) ([]byte, error) { return json.MarshalIndent(v, "\n", " \t") }
		}
		body, err := write(members)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]any{"api_version": "2026-01-28.dahlia", "pending_webhooks": 7} {
			if _, ok := members[name]; ok {
				members[name] = value
			}
		}
		want, _ := write(members)
		if got := render(body, Endpoint{APIVersion: "2026-01-28.dahlia"}, 7); !bytes.Equal(got, want) {
			t.Fatalf("%s became\n%s, want\n%s", body, got, want)
		}
	})
}

func TestWhatIsNoEventGoesOutAsItIs(t *testing.T) {
	for _, body := range []string{"", "{", `{"`, `{"pending_webhooks"`, `{"pending_webhooks":`, `[1]`, "null", `{"a":"\`, `{"a":{`, `{}`} {
		for _, kind := range []Payload{Snapshot, Thin} {
			got := render([]byte(body), Endpoint{Payload: kind, APIVersion: "v"}, 1)
			if body != `{"pending_webhooks":` && string(got) != body {
				t.Errorf("%s: %q became %q", kind, body, got)
			}
		}
	}
}

func TestAThinPayloadIsWhatTheOfficialSDKCallsANotification(t *testing.T) {
	for _, c := range []struct{ account, object, id, kind, url string }{
		{"acct_hub", `{"id":"ch_1","object":"charge"}`, "ch_1", "charge", "/v1/charges/ch_1"},
		{"acct_tutor", `{"id":"ba_1","object":"bank_account","account":"acct_tutor"}`, "ba_1", "bank_account", "/v1/accounts/acct_tutor/external_accounts/ba_1"},
		{"acct_tutor", `{"id":"fr_1","object":"fee_refund","fee":{"id":"fee_1","object":"application_fee"}}`, "fr_1", "fee_refund", "/v1/application_fees/fee_1/refunds/fr_1"},
		{"acct_hub", `{"object":"balance"}`, "", "", ""},
		{"acct_hub", `{"id":"ca_1","object":"application"}`, "", "", ""},
	} {
		body, err := charged(c.account, c.object).Envelope()
		if err != nil {
			t.Fatal(err)
		}
		seen, err := stripe.EventNotificationFromJSON(render(body, Endpoint{Payload: Thin}, 1), *stripe.NewClient("sk_test_1"))
		if err != nil {
			t.Fatal(err)
		}
		n := seen.(*stripe.UnknownEventNotification)
		if n.ID != "evt_1" || n.Object != "v2.core.event" || n.Type != "charge.succeeded" || !n.Created.Equal(charged("", "").CreatedAt) ||
			n.Reason == nil || n.Reason.Request.ID != "req_1" || (n.Context == nil) != (c.account == "acct_hub") || n.Context != nil && *n.Context.StringPtr() != c.account {
			t.Errorf("%+v", n)
		}
		got := stripe.V2CoreEventRelatedObject{}
		if n.RelatedObject != nil {
			got = *n.RelatedObject
		}
		if got.ID != c.id || got.Type != c.kind || got.URL != c.url {
			t.Errorf("%s: related to %+v", c.object, got)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	object, _ := json.Marshal(map[string]string{"id": "ch_1", "object": "charge", "filler": string(bytes.Repeat([]byte("x"), 4000))})
	body, err := charged("acct_hub", string(object)).Envelope()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		render(body, Endpoint{APIVersion: "2026-03-25.dahlia"}, 3)
	}
}

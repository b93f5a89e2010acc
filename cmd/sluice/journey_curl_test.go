package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A small shop charges a card with curl and JSON, looks the charge up and gives
// the money back in two parts.
func TestAShopChargesInJSONAndRefunds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.send(200, letter{method: "POST", path: "/v1/charges", json: `{
		"amount": 60000, "currency": "hkd", "source": "tok_visa", "description": "Piano, Saturday 10:00",
		"metadata": {"lesson": "4711", "tutor": "陳老師"}}`})
	id := made.at("id").(string)
	want := map[string]any{
		"object": "charge", "amount": 60000.0, "currency": "hkd", "description": "Piano, Saturday 10:00", "status": "succeeded",
		"paid": true, "captured": true, "refunded": false, "livemode": false, "amount_refunded": 0.0,
	}
	for field, value := range want {
		if made.at(field) != value {
			t.Errorf("%s is %v, want %v", field, made.at(field), value)
		}
	}
	if diff := cmp.Diff(map[string]any{"lesson": "4711", "tutor": "陳老師"}, made.at("metadata")); diff != "" {
		t.Error(diff)
	}
	if !bytes.Contains(made.raw, []byte("\n  \"captured\": true,\n")) {
		t.Error("shell scripts grep for fields on lines of their own, indented by two")
	}
	if got := h.send(200, letter{method: "GET", path: "/v1/charges/" + id}); !bytes.Equal(got.raw, made.raw) {
		t.Errorf("the charge reads differently than it was answered:\n%s", cmp.Diff(string(made.raw), string(got.raw)))
	}

	refund := h.send(200, letter{method: "POST", path: "/v1/charges/" + id + "/refunds", json: `{"amount": 20000}`})
	if refund.at("object") != "refund" || refund.at("charge") != id || refund.at("status") != "succeeded" {
		t.Errorf("%s", refund.raw)
	}
	half := h.send(200, letter{method: "GET", path: "/v1/charges/" + id})
	if half.at("amount_refunded") != 20000.0 || half.at("refunded") != false {
		t.Errorf("%s", half.raw)
	}
	over := h.send(400, letter{method: "POST", path: "/v1/charges/" + id + "/refunds", form: "amount=40001"})
	if over.at("error", "param") != "amount" || over.at("error", "type") != "invalid_request_error" {
		t.Errorf("%s", over.raw)
	}
	h.send(200, letter{method: "POST", path: "/v1/charges/" + id + "/refunds"})
	whole := h.send(200, letter{method: "GET", path: "/v1/charges/" + id})
	if whole.at("amount_refunded") != 60000.0 || whole.at("refunded") != true {
		t.Errorf("%s", whole.raw)
	}
	again := h.send(400, letter{method: "POST", path: "/v1/charges/" + id + "/refunds"})
	if again.at("error", "code") != "charge_already_refunded" {
		t.Errorf("%s", again.raw)
	}
	h.closeBooks()
}

// What the issuer refused is kept: the student's bank may ask about it.
func TestADeclinedCardIsA402WithAStoredFailedCharge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct{ source, code, decline string }{
		{"tok_chargeDeclined", "card_declined", "generic_decline"},
		{"tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"},
		{"tok_chargeDeclinedLostCard", "card_declined", "lost_card"},
		{"tok_chargeDeclinedStolenCard", "card_declined", "stolen_card"},
		{"tok_chargeDeclinedFraudulent", "card_declined", "fraudulent"},
		{"tok_chargeDeclinedExpiredCard", "expired_card", "expired_card"},
		{"tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"},
		{"tok_chargeDeclinedProcessingError", "processing_error", "processing_error"},
	} {
		body := fmt.Sprintf(`{"amount": 60000, "currency": "hkd", "source": %q}`, c.source)
		refused := h.send(http.StatusPaymentRequired, letter{method: "POST", path: "/v1/charges", json: body})
		for field, want := range map[string]string{"type": "card_error", "code": c.code, "decline_code": c.decline} {
			if refused.at("error", field) != want {
				t.Errorf("%s: %s is %v, want %s", c.source, field, refused.at("error", field), want)
			}
		}
		id, _ := refused.at("error", "charge").(string)
		kept := h.send(200, letter{method: "GET", path: "/v1/charges/" + id})
		if kept.at("status") != "failed" || kept.at("paid") != false || kept.at("failure_code") != c.code || kept.at("balance_transaction") != nil {
			t.Errorf("%s: %s", c.source, kept.raw)
		}
		if h.send(400, letter{method: "POST", path: "/v1/charges/" + id + "/refunds"}).at("error", "code") != "charge_not_refundable" {
			t.Errorf("%s: a failed charge was refundable", c.source)
		}
	}
	if lines := h.send(200, letter{method: "GET", path: "/v1/balance_transactions"}).at("data").([]any); len(lines) != 0 {
		t.Errorf("declined cards moved money: %v", lines)
	}
}

// The network drops the answer, curl is told to try again with the same key.
func TestAReplayedRequestIsAnsweredWithTheSameBytes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key := map[string]string{"Idempotency-Key": "lesson-4711"}
	body := `{"amount": 60000, "currency": "hkd", "source": "tok_visa"}`
	first := h.send(200, letter{method: "POST", path: "/v1/charges", json: body, header: key})
	if first.header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says it is a replay")
	}
	for _, l := range []letter{
		{method: "POST", path: "/v1/charges", json: body, header: key},
		{method: "POST", path: "/v1/charges", form: "source=tok_visa&currency=hkd&amount=60000", header: key},
	} {
		again := h.send(200, l)
		if !bytes.Equal(again.raw, first.raw) {
			t.Error(cmp.Diff(string(first.raw), string(again.raw)))
		}
		if again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Original-Request") != first.header.Get("Request-Id") {
			t.Errorf("headers of the replay: %v", again.header)
		}
		if again.header.Get("Request-Id") == first.header.Get("Request-Id") {
			t.Error("the replay has the request id of the original")
		}
	}
	for _, l := range []letter{
		{method: "POST", path: "/v1/charges", json: strings.Replace(body, "60000", "60001", 1), header: key},
		{method: "POST", path: "/v1/customers", form: "email=may@example.com", header: key},
	} {
		mismatch := h.send(400, l)
		message, _ := mismatch.at("error", "message").(string)
		if mismatch.at("error", "type") != "idempotency_error" || !strings.HasPrefix(message, "Keys for idempotent requests can only be used with the same parameters") {
			t.Errorf("%s", mismatch.raw)
		}
	}
	if all := h.send(200, letter{method: "GET", path: "/v1/charges"}).at("data").([]any); len(all) != 1 {
		t.Errorf("%d charges for one key", len(all))
	}

	key = map[string]string{"Idempotency-Key": "lesson-4712"}
	declined := letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&source=tok_chargeDeclined", header: key}
	no := h.send(402, declined)
	if again := h.send(402, declined); !bytes.Equal(no.raw, again.raw) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a replayed decline differs:\n%s", cmp.Diff(string(no.raw), string(again.raw)))
	}
}

// Mistakes of a first day, and the sentence that mends each.
func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		letter
		status            int
		kind, code, param string
	}{
		{letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&sauce=tok_visa"}, 400, "invalid_request_error", "parameter_unknown", "sauce"},
		{letter{method: "POST", path: "/v1/charges", form: "currency=hkd&source=tok_visa"}, 400, "invalid_request_error", "parameter_missing", "amount"},
		{letter{method: "POST", path: "/v1/charges", json: `{"amount": 600.5, "currency": "hkd", "source": "tok_visa"}`}, 400, "invalid_request_error", "parameter_invalid_integer", "amount"},
		{letter{method: "POST", path: "/v1/charges", form: "amount=1&currency=hkd&source=tok_visa"}, 400, "invalid_request_error", "amount_too_small", "amount"},
		{letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=xyz&source=tok_visa"}, 400, "invalid_request_error", "", "currency"},
		{letter{method: "POST", path: "/v1/charges", form: "amount=60000&currency=hkd&source=tok_nobody"}, 400, "invalid_request_error", "resource_missing", "source"},
		{letter{method: "GET", path: "/v1/charges/ch_nobody"}, 404, "invalid_request_error", "resource_missing", "id"},
		{letter{method: "GET", path: "/v1/charges?limit=101"}, 400, "invalid_request_error", "parameter_invalid_integer", "limit"},
		{letter{method: "GET", path: "/v1/charges?expand[]=data.nothing"}, 400, "invalid_request_error", "", "expand"},
		{letter{method: "GET", path: "/v1/nothing"}, 404, "invalid_request_error", "", ""},
		{letter{method: "PUT", path: "/v1/charges"}, 405, "invalid_request_error", "", ""},
		{letter{method: "GET", path: "/v1/balance", header: map[string]string{"Authorization": "Bearer sk_test_nobody"}}, 401, "invalid_request_error", "", ""},
		{letter{method: "GET", path: "/v1/balance", header: map[string]string{"Stripe-Account": "acct_nobody"}}, 403, "invalid_request_error", "account_invalid", ""},
		{letter{method: "POST", path: "/v1/transfers", form: "amount=100&currency=hkd&destination=acct_nobody"}, 400, "invalid_request_error", "resource_missing", "destination"},
		{letter{method: "POST", path: "/v1/charges", form: "description=%00"}, 400, "invalid_request_error", "", "description"},
	} {
		r := h.send(c.status, c.letter)
		got := func(field string) string { s, _ := r.at("error", field).(string); return s }
		if got("type") != c.kind || c.code != "" && got("code") != c.code || c.param != "" && got("param") != c.param || got("message") == "" {
			t.Errorf("%s %s %s%s\n%s", c.method, c.path, c.form, c.json, r.raw)
		}
		if r.header.Get("Request-Id") == "" {
			t.Errorf("%s %s: no Request-Id", c.method, c.path)
		}
	}
}

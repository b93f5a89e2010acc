package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/wire"
)

// texts are what callers put into descriptions and metadata, and what JSON escapes.
var texts = rapid.OneOf(
	rapid.String(),
	rapid.SampledFrom([]string{"", "acct_1", "Lesson 12", "課堂 <b>&\"\\\n\u2028\u2029\u007f", "\xff\xfe", "\xe2\x80", "é", "<script>"}),
)

var rawJSON = rapid.SampledFrom([]json.RawMessage{nil, json.RawMessage(`null`), json.RawMessage(`{"name": "A & <B>", "address": {"line1": "\u2028 x"}}`)})

// fill sets every field of a wire object to anything it can hold.
func fill(t *rapid.T, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case wire.Ref:
		r := wire.Ref{ID: texts.Draw(t, "id")}
		if depth < 2 && rapid.IntRange(0, 5).Draw(t, "expanded") == 0 {
			r.Object = expansion(t, depth+1)
		}
		v.Set(reflect.ValueOf(r))
		return
	case wire.Lazy:
		if rapid.Bool().Draw(t, "shown") {
			v.Set(reflect.ValueOf(wire.Lazy{Object: expansion(t, depth+1)}))
		}
		return
	case json.RawMessage:
		v.SetBytes(rawJSON.Draw(t, "raw"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts.Draw(t, "text"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "truth"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "given") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth)
		}
	case reflect.Slice:
		n := rapid.IntRange(-1, 2).Draw(t, "items")
		if n < 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), depth)
		}
	case reflect.Map:
		n := rapid.IntRange(-1, 10).Draw(t, "entries")
		if n < 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for range n {
			v.SetMapIndex(reflect.ValueOf(texts.Draw(t, "key")), reflect.ValueOf(texts.Draw(t, "value")))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), depth)
		}
	default:
		panic(fmt.Sprintf("no values of %s", v.Type()))
	}
}

func expansion(t *rapid.T, depth int) any {
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		c := new(wire.Charge)
		fill(t, reflect.ValueOf(c).Elem(), depth)
		return c
	case 1:
		return wire.Deleted{ID: texts.Draw(t, "id"), Object: "customer", Deleted: true}
	case 2:
		l := wire.List[wire.FeeRefund]{}
		fill(t, reflect.ValueOf(&l).Elem(), depth)
		return &l
	}
	f := wire.ApplicationFee{}
	fill(t, reflect.ValueOf(&f).Elem(), depth)
	return f
}

// TestRenderingByHandIsTheSameAsByEncodingJSON holds for any values of the objects
// that a payment renders, alone, in events and as answers.
func TestRenderingByHandIsTheSameAsByEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, object := range []any{
		&wire.Charge{}, &wire.Transfer{}, &wire.ApplicationFee{}, &wire.List[wire.TransferReversal]{}, &wire.List[wire.Charge]{},
	} {
		kind := reflect.TypeOf(object).Elem()
		rapid.Check(t, func(t *rapid.T) {
			v := reflect.New(kind)
			fill(t, v.Elem(), 0)
			object := v.Interface()
			plain := reference(t, v.Elem().Interface())
			if got, err := wire.Compact([]byte("x"), object); err != nil || string(got) != "x"+string(plain) {
				t.Fatalf("%s: %v\n%s\nwant\n%s", kind, err, got, plain)
			}
			var spread bytes.Buffer
			if err := json.Indent(&spread, plain, "", "  "); err != nil {
				t.Fatal(err)
			}
			if got := wire.Indent([]byte("x"), plain); string(got) != "x"+spread.String() {
				t.Fatalf("%s, indented:\n%s\nwant\n%s", kind, got, spread.String())
			}
			escaped, err := json.Marshal(v.Elem().Interface())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := wire.Marshal(object); err != nil || !bytes.Equal(got, escaped) {
				t.Fatalf("%s, escaped: %v\n%s\nwant\n%s", kind, err, got, escaped)
			}
		})
	}
}

func reference(t *rapid.T, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// filled is a charge as a destination charge leaves it.
func filled() *wire.Charge {
	text := func(s string) *string { return &s }
	fee := int64(123)
	return &wire.Charge{
		ID: "ch_0VfQ8hWmJ9vYx2LqKcRt3Z", Object: "charge", Amount: 60000, AmountCaptured: 60000, ApplicationFee: wire.To("fee_0VfQ8hWmJ9vYx2LqKcRt3Z"),
		ApplicationFeeAmount: &fee, BalanceTransaction: wire.To("txn_0VfQ8hWmJ9vYx2LqKcRt3Z"), Captured: true, Created: 1790000000, Currency: "hkd",
		Metadata: map[string]string{"lesson": "42", "student": "7"}, Paid: true, Status: "succeeded", Description: text("Piano lesson"),
		Outcome: &wire.ChargeOutcome{NetworkStatus: text("approved_by_network"), RiskLevel: "normal", SellerMessage: text("Payment complete."), Type: "authorized"},
		PaymentMethodDetails: &wire.PaymentMethodDetails{Type: "card", Card: &wire.ChargeCard{
			Brand: "visa", Checks: &wire.CardChecks{}, Country: text("HK"), ExpMonth: 12, ExpYear: 2030, Fingerprint: text("Xt5EWLLDS7FJjR1c"),
			Funding: "credit", Last4: "4242", Network: "visa",
		}},
		TransferData: &wire.ChargeTransferData{Destination: wire.To("acct_0VfQ8hWmJ9vYx2LqKcRt3Z")}, TransferGroup: text("group_1"),
	}
}

func BenchmarkChargeByHand(b *testing.B) {
	c := filled()
	b.ReportAllocs()
	for b.Loop() {
		compact, err := wire.Compact(make([]byte, 0, 2048), c)
		if err != nil {
			b.Fatal(err)
		}
		_ = wire.Indent(nil, compact)
	}
}

func BenchmarkChargeByEncodingJSON(b *testing.B) {
	c := filled()
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(c); err != nil {
			b.Fatal(err)
		}
	}
}

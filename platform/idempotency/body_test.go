package idempotency

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// spread and gather are written by hand, so they are held against encoding/json.
func TestWhatIsKeptIsSentAgainByteForByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := tree(3).Draw(t, "value")
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(rapid.Bool().Draw(t, "escaped"))
		if rapid.Bool().Draw(t, "rendered") {
			enc.SetIndent("", "  ")
		}
		if err := enc.Encode(value); err != nil {
			t.Fatal(err)
		}
		kept := Response{Body: b.Bytes()}.keep()
		if back, err := sent(kept); err != nil || !bytes.Equal(back, b.Bytes()) {
			t.Fatalf("%q came back as %q, %v", b.Bytes(), back, err)
		}
		var shut, open bytes.Buffer
		if err := json.Compact(&shut, b.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&open, shut.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		if got := spread(shut.Bytes()); string(got) != open.String()+"\n" {
			t.Fatalf("spread %q, json.Indent says %q", got, open.Bytes())
		}
	})
}

func TestWhatIsNoJSONIsKeptAsItWas(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"{", "}", "[", "]", ",", ":", ": ", "\n", "\n  ", "\n    ", `"a"`, `"`, `\`, "1", "true", " ", "{}", "[]", "{\n  ", "\n}"})
	rapid.Check(t, func(t *rapid.T) {
		var body []byte
		for _, p := range rapid.SliceOfN(piece, 0, 14).Draw(t, "pieces") {
			body = append(body, p...)
		}
		if rapid.Bool().Draw(t, "ends") {
			body = append(body, '\n')
		}
		if back, err := sent(Response{Body: body}.keep()); err != nil || !bytes.Equal(back, body) {
			t.Fatalf("%q came back as %q, %v", body, back, err)
		}
	})
}

func tree(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Just[any](map[string]any{}), rapid.Just[any]([]any{}),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.MapOfN(rapid.String(), rapid.Deferred(func() *rapid.Generator[any] { return tree(depth - 1) }), 0, 4).AsAny(),
		rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return tree(depth - 1) }), 0, 4).AsAny())
}

func BenchmarkKeep(b *testing.B) {
	body := spread([]byte(`{"id":"ch_1","object":"charge","amount":60000,"billing_details":{"address":null,"email":null},"fraud_details":{},"paid":true,"list":[1,2,3]}`))
	for b.Loop() {
		Response{Body: body}.keep()
	}
}

package metadata_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
)

func decode(t *testing.T, v any) metadata.Patch {
	t.Helper()
	var p metadata.Patch
	if err := p.DecodeParam("metadata", v); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestUpdatesMerge(t *testing.T) {
	current := map[string]string{"a": "1", "b": "2"}
	for _, c := range []struct {
		rule string
		p    metadata.Patch
		want map[string]string
	}{
		{"absent changes nothing", metadata.Patch{}, current},
		{"new keys join", decode(t, map[string]any{"c": "3"}), map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"empty deletes one", decode(t, map[string]any{"a": "", "b": "9"}), map[string]string{"b": "9"}},
		{"null deletes one", decode(t, map[string]any{"a": nil}), map[string]string{"b": "2"}},
		{"empty clears all", decode(t, ""), map[string]string{}},
		{"null clears all", decode(t, nil), map[string]string{}},
	} {
		got, err := c.p.Apply(current)
		if err != nil || !maps.Equal(got, c.want) || got == nil {
			t.Errorf("%s: %v %v", c.rule, got, err)
		}
	}
	if len(current) != 2 || current["a"] != "1" {
		t.Error("Apply changed its argument")
	}
}

func TestLimits(t *testing.T) {
	for _, given := range []any{
		"text", []any{"a"},
		map[string]any{"x[y]": "1"}, map[string]any{"": "1"}, map[string]any{"a": []any{}},
		map[string]any{strings.Repeat("k", 41): "1"}, map[string]any{"a": strings.Repeat("v", 501)},
	} {
		err := new(metadata.Patch).DecodeParam("metadata", given)
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || !strings.HasPrefix(f.Param, "metadata") {
			t.Errorf("%v: %v", given, err)
		}
	}
	decode(t, map[string]any{strings.Repeat("é", 40): strings.Repeat("語", 500)})
}

func TestAtMostFiftyKeysRemain(t *testing.T) {
	full := map[string]string{}
	for i := range metadata.MaxKeys {
		full[fmt.Sprint("k", i)] = "v"
	}
	if _, err := decode(t, map[string]any{"more": "1"}).Apply(full); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if got, err := decode(t, map[string]any{"more": "1", "k0": ""}).Apply(full); err != nil || len(got) != metadata.MaxKeys {
		t.Errorf("%d %v", len(got), err)
	}
}

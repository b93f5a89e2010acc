package catalogue

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSharedPartsRequireWhatAllTypesRequire(t *testing.T) {
	read := func(text string) any {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	older, newer := read(`{"type":"object","required":["a"],"properties":{"a":{},"b":{}}}`), read(`{"type":"object","required":["a","b"],"properties":{"a":{},"b":{}}}`)
	for _, pair := range [][2]any{{nil, older}, {older, newer}, {newer, older}, {older, older}} {
		if got, err := common(pair[0], pair[1]); err != nil || !cmp.Equal(got, older) {
			t.Errorf("%v and %v are %v, %v", pair[0], pair[1], got, err)
		}
	}
	if got, err := common(older, read(`{"type":"object","required":["a"],"properties":{"a":{}}}`)); err == nil {
		t.Errorf("two structs of one name became %v", got)
	}
}

package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/wire"
)

func TestReferenceIsIDObjectOrNull(t *testing.T) {
	for want, ref := range map[string]wire.Ref{
		`null`:         {},
		`"ch_1"`:       wire.To("ch_1"),
		`{"id":"<b>"}`: {ID: "ch_1", Object: map[string]string{"id": "<b>"}},
	} {
		got, err := ref.MarshalJSON()
		if err != nil || string(got) != want {
			t.Errorf("%s %v, want %s", got, err, want)
		}
	}
	for given, want := range map[string]string{`null`: "", `"ch_1"`: "ch_1", `{"id":"ch_1","x":1}`: "ch_1"} {
		var ref wire.Ref
		if err := json.Unmarshal([]byte(given), &ref); err != nil || ref.ID != want {
			t.Errorf("%s: %+v %v", given, ref, err)
		}
	}
}

func TestZeroIsNull(t *testing.T) {
	if wire.Nullable("") != nil || wire.Nullable(int64(0)) != nil || wire.NullableUnix(time.Time{}) != nil {
		t.Error("zero is not null")
	}
	if *wire.Nullable("x") != "x" || *wire.NullableUnix(time.Unix(5, 9)) != 5 {
		t.Error("a value is lost")
	}
}

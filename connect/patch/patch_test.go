package patch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/connect/patch"
)

type inner struct{ City *string }

type stored struct {
	Name     *string
	Count    *int64
	Provided bool
	Home     *inner
	Work     inner
	Days     []string
}

type params struct {
	Name     *string
	Count    *int64
	Provided *bool
	Home     *inner
	Work     *inner
	Days     []string
	Secret   *string // has no stored counterpart
}

func ptr[T any](v T) *T { return &v }

func TestAbsentParametersChangeNothing(t *testing.T) {
	got := stored{Name: ptr("A"), Days: []string{"monday"}}
	patch.Apply(&got, params{})
	patch.Apply(&got, (*params)(nil))
	if diff := cmp.Diff(stored{Name: ptr("A"), Days: []string{"monday"}}, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestGivenParametersReplaceUnsetAndMerge(t *testing.T) {
	got := stored{Name: ptr("A"), Home: &inner{City: ptr("Kowloon")}}
	patch.Apply(&got, params{
		Name: ptr(""), Count: ptr(int64(0)), Provided: ptr(true), Home: &inner{}, Work: &inner{City: ptr("Central")},
		Days: []string{"friday"}, Secret: ptr("x"),
	})
	want := stored{Count: ptr(int64(0)), Provided: true, Home: &inner{City: ptr("Kowloon")}, Work: inner{City: ptr("Central")}, Days: []string{"friday"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestChangedNestsPreviousValues(t *testing.T) {
	type object struct {
		Name    *string           `json:"name"`
		Work    map[string]string `json:"work"`
		Days    []string          `json:"days"`
		Omitted *string           `json:"omitted,omitempty"`
	}
	before := object{Name: nil, Work: map[string]string{"city": "Central", "line1": "1"}, Days: []string{"a"}}
	after := object{Name: ptr("A"), Work: map[string]string{"city": "Central", "line1": "2", "new": "3"}, Days: []string{"a", "b"}, Omitted: ptr("x")}
	got, err := patch.Changed(before, after)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"days":["a"],"name":null,"omitted":null,"work":{"line1":"1","new":null}}`
	if string(got) != want {
		t.Fatalf("previous attributes are %s, want %s", got, want)
	}
	if same, err := patch.Changed(after, after); err != nil || same != nil {
		t.Fatalf("equal objects changed: %s, %v", same, err)
	}
}

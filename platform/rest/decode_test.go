package rest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/page"
)

type mode string

type legParams struct {
	Destination string `form:"destination,required"`
	Amount      *int64 `form:"amount"`
}

type sample struct {
	page.Params
	Amount       int64                `form:"amount,required"`
	Mode         mode                 `form:"mode"`
	Description  *string              `form:"description"`
	Capture      *bool                `form:"capture"`
	Confirm      bool                 `form:"confirm"`
	Types        []string             `form:"types"`
	Legs         []legParams          `form:"legs"`
	TransferData *legParams           `form:"transfer_data"`
	Extra        map[string]string    `form:"extra"`
	Capabilities map[string]legParams `form:"capabilities"`
	Metadata     metadata.Patch       `form:"metadata"`
	Created      page.Range           `form:"created"`
	Radar        Ignored              `form:"radar_options"`
	//lint:ignore U1000 what has no tag is no parameter
	internal string
}

func decodeForm(t *testing.T, form string) (sample, error) {
	t.Helper()
	p := &parser{root: &node{kind: object}}
	if err := p.form(form); err != nil {
		t.Fatal(err)
	}
	var got sample
	err := decodeParams(p.root, &got)
	return got, err
}

func ptr[T any](v T) *T { return &v }

var unexported = cmp.AllowUnexported(sample{})

func TestDecodeFillsEveryType(t *testing.T) {
	want := sample{
		Params:       page.Params{Limit: ptr(int64(3)), StartingAfter: "ch_1"},
		Amount:       -9007199254740993,
		Mode:         "fast",
		Description:  ptr(""),
		Capture:      ptr(false),
		Confirm:      true,
		Types:        []string{"a", "b"},
		Legs:         []legParams{{Destination: "x"}, {Destination: "y", Amount: ptr(int64(0))}},
		TransferData: &legParams{Destination: "acct_1"},
		Extra:        map[string]string{"k": "", "0": "v"},
		Capabilities: map[string]legParams{"transfers": {Destination: "z"}},
		Metadata:     metadata.Patch{Set: map[string]string{"a": "1", "b": ""}},
		Created:      page.Range{From: ptr(int64(6)), Until: ptr(int64(9))},
	}
	form, err := decodeForm(t, "limit=3&starting_after=ch_1&amount=-9007199254740993&mode=fast&description=&capture=false&confirm=true&"+
		"types[]=a&types[]=b&legs[2][destination]=x&legs[10][destination]=y&legs[10][amount]=0&transfer_data[destination]=acct_1&"+
		"extra[k]=&extra[0]=v&capabilities[transfers][destination]=z&metadata[a]=1&metadata[b]=&created[gt]=5&created[lte]=8&"+
		"radar_options[session][x][]=1")
	if diff := cmp.Diff(want, form, unexported); err != nil || diff != "" {
		t.Errorf("form: %v %s", err, diff)
	}
	p := &parser{root: &node{kind: object}}
	if err := p.json([]byte(`{"limit":3,"starting_after":"ch_1","amount":-9007199254740993,"mode":"fast","description":null,"capture":false,
		"confirm":true,"types":["a","b"],"legs":[{"destination":"x"},{"destination":"y","amount":0}],"transfer_data":{"destination":"acct_1"},
		"extra":{"k":null,"0":"v"},"capabilities":{"transfers":{"destination":"z"}},"metadata":{"a":1,"b":null},"created":{"gt":5,"lte":8},
		"radar_options":[]}`)); err != nil {
		t.Fatal(err)
	}
	var json sample
	err = decodeParams(p.root, &json)
	if diff := cmp.Diff(want, json, unexported); err != nil || diff != "" {
		t.Errorf("json: %v %s", err, diff)
	}
}

func TestDecodeTellsAbsentFromEmpty(t *testing.T) {
	absent, err := decodeForm(t, "amount=1")
	if err != nil || absent.Description != nil || absent.Types != nil || absent.Extra != nil || absent.TransferData != nil || absent.Metadata.Given() {
		t.Errorf("absent: %v %+v", err, absent)
	}
	empty, err := decodeForm(t, "amount=1&description=&types=&extra=&metadata=")
	if err != nil || empty.Description == nil || empty.Types == nil || empty.Extra == nil || !empty.Metadata.Clear {
		t.Errorf("empty: %v %+v", err, empty)
	}
}

func TestDecodeErrorsNameTheParameter(t *testing.T) {
	for _, c := range []struct{ form, code, param, message string }{
		{"amount=1&foo=2", "parameter_unknown", "foo", "Received unknown parameter: foo"},
		{"amount=1&foo=2&transfer_data[bar]=1", "parameter_unknown", "foo", "Received unknown parameters: foo, transfer_data[bar]"},
		{"amount=x&legs[0][bar]=1", "parameter_unknown", "legs[0][bar]", "Received unknown parameter: legs[0][bar]"},
		{"amount=15.75", "parameter_invalid_integer", "amount", "Invalid integer: 15.75"},
		{"amount=+5", "parameter_invalid_integer", "amount", "Invalid integer:  5"},
		{"amount=%2B5", "parameter_invalid_integer", "amount", "Invalid integer: +5"},
		{"amount=1e3", "parameter_invalid_integer", "amount", "Invalid integer: 1e3"},
		{"amount=9223372036854775808", "parameter_invalid_integer", "amount", "Invalid integer: 9223372036854775808"},
		{"amount=", "parameter_invalid_empty", "amount", ""},
		{"amount[]=1", "", "amount", ""},
		{"amount=1&mode=", "parameter_invalid_empty", "mode", ""},
		{"amount=1&mode[a]=1", "", "mode", ""},
		{"amount=1&capture=yes", "", "capture", "Invalid boolean: yes"},
		{"amount=1&capture=", "parameter_invalid_empty", "capture", ""},
		{"amount=1&transfer_data=", "parameter_invalid_empty", "transfer_data", ""},
		{"amount=1&transfer_data=x", "", "transfer_data", ""},
		{"amount=1&types=a", "", "types", ""},
		{"amount=1&types[a]=a", "", "types", ""},
		{"amount=1&types[01]=a", "", "types", ""},
		{"amount=1&extra[]=a", "", "extra", ""},
		{"amount=1&metadata[a][b]=1", "", "metadata[a]", ""},
		{"amount=1&metadata[x[y]]=1", "", "metadata[x[y]]", ""},
		{"amount=1&metadata[]=1", "", "metadata", ""},
		{"amount=1&created[foo]=1", "parameter_unknown", "created[foo]", ""},
		{"amount=1&created=soon", "parameter_invalid_integer", "created", ""},
		{"mode=fast", "parameter_missing", "amount", "Missing required param: amount."},
		{"amount=1&transfer_data[amount]=1", "parameter_missing", "transfer_data[destination]", "Missing required param: transfer_data[destination]."},
		{"amount=1&internal=x", "parameter_unknown", "internal", ""},
	} {
		_, err := decodeForm(t, c.form)
		f := fault.As(err)
		switch {
		case f == nil:
			t.Errorf("%s: accepted", c.form)
		case f.Kind != fault.Invalid || f.Code != c.code || f.Param != c.param || c.message != "" && f.Message != c.message:
			t.Errorf("%s: got %d %q %q %q", c.form, f.Kind, f.Code, f.Param, f.Message)
		case !f.Unsaved:
			t.Errorf("%s: would be saved for the idempotency key", c.form)
		}
	}
}

func BenchmarkFormToStruct(b *testing.B) {
	const form = "amount=60000&currency=hkd&source=tok_visa&description=Maths+lesson&transfer_data[destination]=acct_0R3kXabcdefgh&metadata[lesson]=42&metadata[tutor]=7"
	type params struct {
		Amount       int64          `form:"amount,required"`
		Currency     string         `form:"currency,required"`
		Source       string         `form:"source"`
		Description  *string        `form:"description"`
		TransferData *legParams     `form:"transfer_data"`
		Metadata     metadata.Patch `form:"metadata"`
	}
	b.ReportAllocs()
	for b.Loop() {
		p := &parser{root: &node{kind: object}}
		if err := p.form(form); err != nil {
			b.Fatal(err)
		}
		var into params
		if err := decodeParams(p.root, &into); err != nil {
			b.Fatal(err)
		}
	}
}

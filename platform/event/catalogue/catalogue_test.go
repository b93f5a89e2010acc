package catalogue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/wire"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// judge compiles a schema with somebody else's implementation of JSON Schema.
func judge(t *testing.T, raw []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:under-test", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:under-test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, raw []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestTypesAreFoundByNameAndOnlyByIt(t *testing.T) {
	all := catalogue.Types()
	for _, typ := range all {
		if got, ok := catalogue.Find(typ.Name); !ok || got.SchemaID() != typ.SchemaID() {
			t.Errorf("%s is not found", typ.Name)
		}
		if typ.Description == "" || typ.Scope == "" || typ.Object == nil || typ.Since == "" {
			t.Errorf("%s is not described whole", typ.Name)
		}
	}
	for _, name := range []string{"", "charge", "charge.*", "zzz"} {
		if typ, ok := catalogue.Find(name); ok {
			t.Errorf("%q found %s", name, typ.Name)
		}
	}
	all[0].Name = "changed"
	if catalogue.Types()[0].Name == "changed" {
		t.Error("a caller can change the catalogue")
	}
}

// TestEverySampleIsReadableForEver holds events of the past against the schemas
// and the structs of today.
func TestEverySampleIsReadableForEver(t *testing.T) {
	for _, typ := range catalogue.Types() {
		schema, err := generate(typ, baseline(t, typ))
		if err != nil {
			t.Fatal(err)
		}
		example := typ.Example()
		if err := valid(t, judge(t, schema), example); err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
		if err := openapi.ValidateObject("event", example); err != nil {
			t.Errorf("%s: not an event of the API: %v", typ.Name, err)
		}
		var e wire.Event
		if err := json.Unmarshal(example, &e); err != nil || e.Type != typ.Name || e.Livemode {
			t.Errorf("%s: %v, of type %s, live %v", typ.Name, err, e.Type, e.Livemode)
		}
		var noun struct{ Object string }
		object := reflect.New(reflect.TypeOf(typ.Object)).Interface()
		if err := errors.Join(json.Unmarshal(e.Data.Object, &noun), json.Unmarshal(e.Data.Object, object)); err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
		if err := openapi.ValidateObject(noun.Object, e.Data.Object); err != nil {
			t.Errorf("%s: not a %s of the API: %v", typ.Name, noun.Object, err)
		}
		if typ.Scope == catalogue.PlatformAccount && e.Account != "" || typ.Scope == catalogue.ConnectedAccount && e.Account == "" {
			t.Errorf("%s of scope %s names account %q", typ.Name, typ.Scope, e.Account)
		}
		if typ.Replaced == catalogue.Never && e.Data.PreviousAttributes != nil {
			t.Errorf("%s: previous attributes %s", typ.Name, e.Data.PreviousAttributes)
		}
	}
	files, err := filepath.Glob("samples/*.json")
	if err != nil || len(files) != len(catalogue.Types()) {
		t.Errorf("%d samples of %d types: %v", len(files), len(catalogue.Types()), err)
	}
}

// TestASchemaRefusesWhatBreaksIt makes sure that "valid" means something.
func TestASchemaRefusesWhatBreaksIt(t *testing.T) {
	typ, _ := catalogue.Find("charge.updated")
	schema, example := judge(t, typ.Schema()), string(typ.Example())
	for _, c := range []struct{ old, now string }{
		{`"type":"charge.updated"`, `"type":"charge.succeeded"`},
		{`"object":"charge"`, `"object":"refund"`},
		{`"amount":60000`, `"amount":"60000"`},
		{`"amount":60000`, `"amount":600.5`},
		{`"captured":true,`, ``},
		{`"status":"succeeded"`, `"status":"vanished"`},
		{`"livemode":false,"metadata":{`, `"livemode":false,"metadata":{"n":1,`},
		{`"previous_attributes":`, `"before":`},
		{`"object_version":2`, `"object_version":0`},
		{`"outcome":{`, `"outcome":"fine","was":{`},
	} {
		broken := strings.Replace(example, c.old, c.now, 1)
		if broken == example {
			t.Errorf("the sample has no %s", c.old)
		} else if valid(t, schema, []byte(broken)) == nil {
			t.Errorf("%s instead of %s is accepted", c.now, c.old)
		}
	}
}

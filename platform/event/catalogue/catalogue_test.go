package catalogue_test

import (
	"bytes"
	"encoding/json"
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

func TestExamplesAreEventsThatTheirSchemaAccepts(t *testing.T) {
	for _, typ := range catalogue.Types() {
		example := typ.Example()
		schema, err := catalogue.Generate(typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(t, judge(t, schema), example); err != nil {
			t.Errorf("%s: %v\n%s", typ.Name, err, example)
		}
		if !bytes.Equal(example, typ.Example()) {
			t.Errorf("%s has another example every time", typ.Name)
		}
		if err := openapi.ValidateObject("event", example); err != nil {
			t.Errorf("%s: not an event of the API: %v", typ.Name, err)
		}
		var e wire.Event
		if err := json.Unmarshal(example, &e); err != nil || e.Type != typ.Name {
			t.Errorf("%s: %v", typ.Name, err)
		}
		if (e.Account == "") != (typ.Scope == catalogue.PlatformAccount) {
			t.Errorf("%s of scope %s names account %q", typ.Name, typ.Scope, e.Account)
		}
		if (e.Data.PreviousAttributes == nil) != (typ.Replaced == catalogue.Never) {
			t.Errorf("%s: previous attributes %s", typ.Name, e.Data.PreviousAttributes)
		}
	}
}

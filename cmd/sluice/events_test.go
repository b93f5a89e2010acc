package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/dev/npm"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/wire"
)

// inspector holds events against the catalogue.
type inspector struct{ schemas map[string]*jsonschema.Schema }

// inspectEvents proves of every event in the log that the catalogue tells the
// truth about it. Every house is inspected when it is left, so that each test
// that makes something happen is a test of the events' schemas, too.
func inspectEvents(ctx context.Context, t testing.TB, pool *bun.DB) {
	t.Helper()
	in, wrong := inspector{schemas: map[string]*jsonschema.Schema{}}, map[string]bool{}
	for lane := range event.Lanes {
		for after := (event.Cursor{Lane: lane}); ; {
			entries, err := event.Settled(ctx, pool, after, 1000, 64<<20)
			if err != nil {
				t.Errorf("inspect the events: %v", err)
				return
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				after.Position = e.Position
				if wrong[e.Type] {
					continue // one of a type is enough to read
				}
				if err := in.inspect(e.Event); err != nil {
					t.Errorf("event %s %s of %s (version %d): %v", e.ID, e.Type, e.ObjectID, e.ObjectVersion, err)
					wrong[e.Type] = true
				}
			}
		}
	}
}

func (in *inspector) inspect(e event.Event) error {
	typ, known := catalogue.Find(e.Type)
	if !known {
		return fmt.Errorf("the catalogue does not know the type")
	}
	if err := in.fits(typ, e); err != nil {
		return err
	}
	connected := e.Account != e.Platform
	switch {
	case strings.HasSuffix(e.Type, ".updated") && typ.Replaced == catalogue.Never:
		return fmt.Errorf("an update that never tells what it replaced")
	case typ.Replaced == catalogue.Sometimes && e.ObjectVersion > 1 && e.Previous == nil:
		return fmt.Errorf("nothing tells what was replaced")
	case typ.Scope == catalogue.PlatformAccount && connected, typ.Scope == catalogue.ConnectedAccount && !connected:
		return fmt.Errorf("an event of scope %s of account %s, whose platform is %s", typ.Scope, e.Account, e.Platform)
	case e.IdempotencyKey != "" && e.RequestID == "":
		return fmt.Errorf("an idempotency key of no request")
	}
	return nil
}

// fits holds the envelope against the committed schema.
func (in *inspector) fits(typ catalogue.Type, e event.Event) error {
	if in.schemas[typ.Name] == nil {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(typ.Schema()))
		if err != nil {
			return err
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(typ.SchemaID(), doc); err != nil {
			return err
		}
		if in.schemas[typ.Name], err = c.Compile(typ.SchemaID()); err != nil {
			return err
		}
	}
	raw, err := e.Envelope()
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return in.schemas[typ.Name].Validate(v)
}

func TestTheAsyncAPIDocumentIsOneByTheOfficialSchema(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	modules, err := npm.Modules("e2e/node")
	if err != nil {
		t.Fatal(err)
	}
	official, err := os.ReadFile(filepath.Join(modules, "@asyncapi", "specs", "schemas", "3.0.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	judge := compiled(t, "http://asyncapi.com/schema-store/3.0.0.json", official)
	document := h.send(http.StatusOK, letter{method: "GET", path: "/asyncapi.json", header: map[string]string{"Authorization": ""}})
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document.raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := judge.Validate(v); err != nil {
		t.Error(err)
	}
	for _, ref := range regexp.MustCompile(`"\$ref": "#/([^"]+)"`).FindAllSubmatch(document.raw, -1) {
		if pointed(v, strings.Split(string(ref[1]), "/")) == nil {
			t.Errorf("nothing is at %s", ref[1])
		}
	}
	for _, typ := range catalogue.Types() {
		payload := pointed(v, []string{"components", "messages", typ.Name, "payload"})
		if want := map[string]any{"$ref": "#/components/schemas/" + typ.Name}; !cmp.Equal(payload, any(want)) {
			t.Errorf("%s: payload %v", typ.Name, payload)
		}
		if pointed(v, []string{"channels", "events", "messages", typ.Name}) == nil || pointed(v, []string{"channels", "webhooks", "messages", typ.Name}) == nil {
			t.Errorf("%s is missing in a channel", typ.Name)
		}
	}
	t.Logf("%d messages, %d bytes", 2*len(catalogue.Types()), len(document.raw))
}

// pointed is what stands at a path of names, or nil.
func pointed(v any, path []string) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func compiled(t testing.TB, name string, raw []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is served under a type's name is its committed schema, and the list leads there.
func TestEveryEventTypeLeadsToItsSchema(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var list struct {
		HasMore bool `json:"has_more"`
		Data    []wire.EventType
	}
	if err := json.Unmarshal(h.send(http.StatusOK, letter{method: "GET", path: "/v1/event_types"}).raw, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Data) != len(catalogue.Types()) || list.HasMore {
		t.Fatalf("%d types are listed, of %d", len(list.Data), len(catalogue.Types()))
	}
	for i, typ := range catalogue.Types() {
		shown := list.Data[i]
		if shown.ID != typ.Name || shown.Description == "" || shown.SchemaID != typ.SchemaID() {
			t.Errorf("%s is shown as %+v", typ.Name, shown)
		}
		at, found := strings.CutPrefix(shown.SchemaURL, h.url)
		if !found {
			t.Fatalf("the schema is at %s", shown.SchemaURL)
		}
		r := h.send(http.StatusOK, letter{method: "GET", path: at, header: map[string]string{"Authorization": ""}})
		if !bytes.Equal(r.raw, typ.Schema()) || !strings.HasPrefix(r.header.Get("Content-Type"), "application/schema+json") {
			t.Errorf("%s: not the schema, but %s", at, r.header.Get("Content-Type"))
		}
		if i == 0 {
			example, err := jsonschema.UnmarshalJSON(bytes.NewReader(shown.Example))
			if err == nil {
				err = compiled(t, shown.SchemaID, r.raw).Validate(example)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	for _, unknown := range []string{"charge", "charge.succeeded.json", "..%2Fcatalogue", "CHARGE.SUCCEEDED"} {
		h.send(http.StatusNotFound, letter{method: "GET", path: "/event_schemas/" + unknown + ".json"})
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/catalogue"
)

// inspector holds events against the catalogue.
type inspector struct{ schemas map[string]*jsonschema.Schema }

// inspectEvents proves of every event in the log that the catalogue tells the
// truth about it. Every house is inspected when it is left, so that each test
// that makes something happen is a test of the events' schemas, too.
func inspectEvents(ctx context.Context, t testing.TB, pool *bun.DB) {
	t.Helper()
	in, wrong := inspector{schemas: map[string]*jsonschema.Schema{}}, map[string]bool{}
	for after := (event.Position{}); ; {
		entries, err := event.Settled(ctx, pool, after, 1000, 64<<20)
		if err != nil {
			t.Errorf("inspect the events: %v", err)
			return
		}
		if len(entries) == 0 {
			return
		}
		for _, e := range entries {
			after = e.Position
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

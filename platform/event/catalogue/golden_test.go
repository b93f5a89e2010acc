package catalogue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/event/catalogue"
)

// TestCommittedSchemasAreWhatTheStructsSay keeps schemas/ in step with the wire
// structs; SLUICE_GOLDEN=write rewrites it.
func TestCommittedSchemasAreWhatTheStructsSay(t *testing.T) {
	write := os.Getenv("SLUICE_GOLDEN") == "write"
	wanted := map[string]bool{}
	for _, typ := range catalogue.Types() {
		want, err := generate(typ, baseline(t, typ))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("schemas", typ.Name+".json")
		wanted[file] = true
		if write {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the structs say (%v); run make golden and read the diff: it changes what is promised to readers", file, err)
		}
	}
	files, err := filepath.Glob("schemas/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if wanted[file] {
			continue
		}
		if write {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s belongs to no type: %s is not in the catalogue", file, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
}

// baseline is the type's schema in the last release, or nil.
func baseline(t *testing.T, typ catalogue.Type) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "baseline", typ.Name+".json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return raw
}

// An attribute that came after the last release is there, but not required: the
// events of before are without it, and the schema is theirs, too.
func TestWhatCameLaterIsNotRequired(t *testing.T) {
	typ, _ := catalogue.Find("payout.paid")
	now, err := generate(typ, nil)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(raw []byte, do func(root, payout map[string]any)) []byte {
		var root map[string]any
		if err := json.Unmarshal(raw, &root); err != nil {
			t.Fatal(err)
		}
		do(root, object(object(root["$defs"])["Payout"]))
		out, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	required := func(raw []byte) (names []any) {
		edit(raw, func(_, payout map[string]any) { names = list(payout["required"]) })
		return names
	}
	last := edit(now, func(_, payout map[string]any) {
		delete(object(payout["properties"]), "currency")
		payout["required"] = slices.DeleteFunc(list(payout["required"]), func(name any) bool { return name == "currency" })
	})
	later, err := generate(typ, last)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(required(later), any("currency")) || !slices.Contains(required(later), any("amount")) || len(required(later)) != len(required(now))-1 {
		t.Errorf("required: %v", required(later))
	}
	if !bytes.Contains(later, []byte(`"currency"`)) {
		t.Error("what came later is not described")
	}
	version2, err := generate(typ, edit(last, func(root, _ map[string]any) { root["$id"] = "urn:sluice:event:payout.paid:0" }))
	if err != nil || !bytes.Equal(version2, now) {
		t.Errorf("another version is held to the last one: %v", err)
	}
}

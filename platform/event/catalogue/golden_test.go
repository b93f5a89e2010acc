package catalogue_test

import (
	"bytes"
	"os"
	"path/filepath"
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
		want, err := catalogue.Generate(typ)
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

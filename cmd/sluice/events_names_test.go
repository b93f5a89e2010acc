package main_test

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/event/catalogue"
)

// awaitedTypes is a list of types of the catalogue that no code appends yet. Once
// some does, the test below says that the name must leave the list.
const awaitedTypes = "testdata/events_awaited.txt"

// eventVerb is how the names of events end; columns of tables end otherwise.
var eventVerb = regexp.MustCompile(`\.(?:[a-z_]*ed|paid|available|failing|requires_action|processing)$`)

// TestTheCatalogueNamesWhatTheCodeAppends reads the string literals of the rooms:
// what looks like an event of one of our nouns is in the catalogue, and what is in
// the catalogue is somewhere in the code. That each event fits its entry is held
// against the log of every house (inspectEvents).
func TestTheCatalogueNamesWhatTheCodeAppends(t *testing.T) {
	raw, err := os.ReadFile(awaitedTypes)
	if err != nil {
		t.Fatal(err)
	}
	awaited, nouns := strings.Fields(string(raw)), map[string]bool{}
	for _, typ := range catalogue.Types() {
		noun, _, _ := strings.Cut(typ.Name, ".")
		nouns[noun] = true
	}
	appended := map[string]string{} // where
	for _, s := range house(t) {
		if s.file == nil || s.test || s.room() == "platform" || within(s.folder, "cmd/sluice/cli") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			name, _ := strconv.Unquote(lit.Value)
			noun, _, dotted := strings.Cut(name, ".")
			if dotted && nouns[noun] && eventVerb.MatchString(name) && !strings.ContainsAny(name, " /*") {
				appended[name] = s.at(lit.Pos())
			}
			return true
		})
	}
	for name, at := range appended {
		if _, known := catalogue.Find(name); !known {
			t.Errorf("%s: %s is not in platform/event/catalogue", at, name)
		}
		if slices.Contains(awaited, name) {
			t.Errorf("%s: %s is appended now; it must leave %s", at, name, awaitedTypes)
		}
	}
	for _, typ := range catalogue.Types() {
		if appended[typ.Name] == "" && !slices.Contains(awaited, typ.Name) {
			t.Errorf("nothing appends %s, which is in the catalogue", typ.Name)
		}
	}
}

package main_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/event/catalogue"
)

// eventVerb is how the names of events end; columns of tables end otherwise.
var eventVerb = regexp.MustCompile(`\.(?:[a-z_]*ed|paid|available|failing|requires_action|processing)$`)

// TestTheCatalogueNamesWhatTheCodeAppends reads the string literals of the rooms:
// what looks like an event of one of our nouns is in the catalogue, and what is in
// the catalogue is somewhere in the code. That each event fits its entry is held
// against the log of every house (inspectEvents).
func TestTheCatalogueNamesWhatTheCodeAppends(t *testing.T) {
	t.Parallel()
	nouns := map[string]bool{}
	for _, typ := range catalogue.Types() {
		noun, _, _ := strings.Cut(typ.Name, ".")
		nouns[noun] = true
	}
	appended := map[string]string{} // where
	for _, s := range house(t) {
		if s.file == nil || s.test || s.room() == "platform" || within(s.folder, "cmd/sluice/cli") ||
			within(s.folder, "connect/dashboard") { // pages name texts in the same shape
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
	}
	for _, typ := range catalogue.Types() {
		if appended[typ.Name] == "" {
			t.Errorf("nothing appends %s, which is in the catalogue", typ.Name)
		}
	}
}

package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house rules of the README's picture, as data. A rule is changed here and
// in the picture together, or not at all.

const module = "github.com/sluicepay/sluice"

// mayImport says for each room which other rooms stand below it.
var mayImport = map[string][]string{
	"cmd":        {"connect", "oauth", "payouts", "ledger", "platform", "migrations"},
	"connect":    {"ledger", "platform", "migrations"},
	"oauth":      {"ledger", "platform", "migrations"},
	"payouts":    {"ledger", "platform", "migrations"},
	"ledger":     {"platform", "migrations"},
	"platform":   {"migrations"},
	"migrations": {},
}

// addresses says where each prescribed library lives: in these folders, and in
// these more when the file is a test.
var addresses = []struct {
	library string
	folders []string
	tests   []string
	why     string
}{
	{"github.com/segmentio/kafka-go", []string{"platform/bus"}, []string{"platform/dev/broker"},
		"its traps are handled once, in platform/bus; publish and subscribe through that"},
	{"github.com/gorilla/mux", []string{"platform/rest", "cmd"}, nil,
		"routes are mounted through platform/rest, so that 404, 405 and metrics see them all"},
	{"github.com/gorilla/websocket", []string{"connect/connecthttp", "cmd/sluice/cli"}, []string{"cmd/sluice"},
		"it carries events to developers' machines and nothing else; servers push through webhooks and Kafka"},
	{"github.com/ory/fosite", []string{"oauth"}, nil,
		"it is frozen upstream and must stay replaceable behind oauth"},
	{"github.com/twmb/franz-go", []string{"platform/dev/broker"}, []string{""},
		"it is the broker of the sandbox and of tests, never a client of the product"},
	{"github.com/pkg/sftp", []string{"payouts/rail/delivery"}, nil,
		"files go to banks through that package, which never shows one in parts and never replaces one"},
	{"github.com/chromedp", []string{"platform/ui/uitest"}, nil,
		"the browser is driven through uitest, so that every page is audited alike"},
	{"github.com/stripe/stripe-mock", []string{"platform/wire/openapi"}, []string{""},
		"the schema is a yardstick for tests, not a part of the product"},
	{"github.com/stripe/stripe-go", []string{"platform/wire/openapi"}, []string{""},
		"the SDK is a yardstick for tests, not a part of the product"},
	{"github.com/santhosh-tekuri/jsonschema", nil, []string{""},
		"it judges our schemas in tests; the product writes schemas and reads none"},
}

// owners says which folder alone writes to a PostgreSQL schema.
var owners = map[string]string{
	"platform": "platform",
	"ledger":   "ledger",
	"connect":  "connect",
	"oauth":    "oauth",
	"payouts":  "payouts",
	"cardsim":  "connect/processor/cardsim",
	"banksim":  "payouts/rail/banksim",
}

var drawers = []string{"util", "utils", "common", "helper", "helpers", "models", "manager", "managers"}

func TestRoomsImportOnlyRoomsBelow(t *testing.T) { report(t, brokenRoomOrder(house(t))) }

func TestDoorsAreImportedOnlyByCmd(t *testing.T) { report(t, brokenDoors(house(t))) }

func TestEachLibraryHasOneAddress(t *testing.T) { report(t, brokenAddresses(house(t))) }

func TestPackageNamesAreUniqueAndSaySomething(t *testing.T) { report(t, brokenNames(house(t))) }

func TestPlatformHoldsOnlyItsShelves(t *testing.T) { report(t, brokenShelves(house(t))) }

func TestSchemasAreWrittenOnlyByTheirRoom(t *testing.T) { report(t, brokenWrites(house(t))) }

func TestHTTPClientsAreMadeInOnePlace(t *testing.T) { report(t, brokenClients(house(t))) }

func report(t *testing.T, broken []string) {
	t.Helper()
	for _, b := range broken {
		t.Error(b)
	}
}

// source is one file of the module; folder and name are slash paths from its root.
type source struct {
	folder string
	name   string
	test   bool
	text   string
	fset   *token.FileSet
	file   *ast.File // nil for .sql
}

func (s source) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", path.Join(s.folder, s.name), s.fset.Position(pos).Line)
}

func (s source) room() string { return room(s.folder) }

func room(folder string) string { return strings.SplitN(folder, "/", 2)[0] }

func within(folder, parent string) bool {
	return parent == "" || folder == parent || strings.HasPrefix(folder, parent+"/")
}

// ownImports calls f with each import of the module's own packages, by folder.
func (s source) ownImports(f func(folder string, at string)) {
	s.allImports(func(imported, at string) {
		if folder, ok := strings.CutPrefix(imported, module+"/"); ok {
			f(folder, at)
		}
	})
}

func (s source) allImports(f func(imported, at string)) {
	if s.file == nil {
		return
	}
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		f(imported, s.at(spec.Pos()))
	}
}

func brokenRoomOrder(files []source) (broken []string) {
	for _, s := range files {
		s.ownImports(func(folder, at string) {
			from, to := s.room(), room(folder)
			switch {
			case from == to || slices.Contains(mayImport[from], to):
			case mayImport[from] == nil:
				broken = append(broken, fmt.Sprintf("%s: %q is not a room of the house", at, from))
			case slices.Contains(mayImport[to], from):
				broken = append(broken, fmt.Sprintf("%s: %s imports %s, which stands above it; declare the interface you need where you need it",
					at, s.folder, folder))
			default:
				broken = append(broken, fmt.Sprintf("%s: %s imports %s; connect, oauth and payouts meet through an interface satisfied in cmd/sluice/handshakes.go, or through an event",
					at, s.folder, folder))
			}
		})
	}
	return broken
}

func brokenDoors(files []source) (broken []string) {
	for _, s := range files {
		s.ownImports(func(folder, at string) {
			door := strings.HasSuffix(path.Base(folder), "http") && path.Dir(folder) != "."
			ownTest := s.test && s.room() == room(folder) // a test may come in as visitors of its room do
			if door && s.room() != "cmd" && s.folder != folder && !ownTest {
				broken = append(broken, fmt.Sprintf("%s: %s imports the door %s; only cmd opens doors, move what you share behind it", at, s.folder, folder))
			}
		})
	}
	return broken
}

func brokenAddresses(files []source) (broken []string) {
	for _, s := range files {
		s.allImports(func(imported, at string) {
			for _, a := range addresses {
				if !within(imported, a.library) {
					continue
				}
				allowed := a.folders
				if s.test {
					allowed = slices.Concat(a.folders, a.tests)
				}
				if !slices.ContainsFunc(allowed, func(f string) bool { return within(s.folder, f) }) {
					broken = append(broken, fmt.Sprintf("%s: %s imports %s, which lives in %s: %s",
						at, s.folder, imported, strings.Join(a.folders, " and "), a.why))
				}
			}
		})
	}
	return broken
}

func brokenNames(files []source) (broken []string) {
	folders := map[string]string{} // package name → folder
	for _, s := range files {
		if s.file == nil {
			continue
		}
		name := strings.TrimSuffix(s.file.Name.Name, "_test")
		if slices.Contains(drawers, name) || slices.Contains(drawers, path.Base(s.folder)) {
			broken = append(broken, fmt.Sprintf("%s: package %s is a drawer; name it after what it does", s.folder, name))
		}
		if first, taken := folders[name]; taken && first != s.folder && name != "main" {
			broken = append(broken, fmt.Sprintf("package name %s stands for both %s and %s; names are unique so that no import needs an alias", name, first, s.folder))
			continue
		}
		folders[name] = s.folder
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

// clients are the folders that may call others over HTTP by themselves: the way out
// to URLs that users gave, our own commands, and the workshop.
var clients = []string{"platform/egress", "platform/client", "platform/dev", "cmd/sluice/cli", "cmd/sluice/bench"}

// calling are the names of net/http that call somebody, or that callers are made of.
var calling = []string{"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"}

// brokenClients finds what could fetch a URL past the rules of platform/egress. A
// client taken as a parameter is none: whoever made it stands in one of the folders.
func brokenClients(files []source) (broken []string) {
	for _, s := range files {
		if s.file == nil || s.test || slices.ContainsFunc(clients, func(f string) bool { return within(s.folder, f) }) {
			continue
		}
		taken := map[ast.Node]bool{}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if pointer, ok := n.(*ast.StarExpr); ok {
				taken[pointer.X] = true
			}
			if sel, ok := n.(*ast.SelectorExpr); ok && !taken[n] && slices.Contains(calling, sel.Sel.Name) {
				if from, ok := sel.X.(*ast.Ident); ok && from.Name == "http" {
					broken = append(broken, fmt.Sprintf("%s: %s uses http.%s; calls to URLs that others gave go through platform/egress, which refuses our own network",
						s.at(n.Pos()), s.folder, sel.Sel.Name))
				}
			}
			return true
		})
	}
	return broken
}

var shelfLine = regexp.MustCompile(`(?m)^//   - ([a-z/]+): `)

func brokenShelves(files []source) (broken []string) {
	var shelves, standing []string
	for _, s := range files {
		if s.folder == "platform" && s.name == "doc.go" {
			for _, m := range shelfLine.FindAllStringSubmatch(s.text, -1) {
				shelves = append(shelves, m[1])
			}
		}
		if shelf, ok := strings.CutPrefix(s.folder, "platform/"); ok && s.file != nil {
			standing = append(standing, shelf)
		}
	}
	slices.Sort(standing)
	for _, shelf := range slices.Compact(standing) {
		if !slices.Contains(shelves, shelf) {
			broken = append(broken, fmt.Sprintf("platform/%s is not on the shelf list in platform/doc.go; if it is ground and not business, add it there with its line", shelf))
		}
	}
	return broken
}

// writes finds a statement that changes rows of one of our schemas.
var writes = regexp.MustCompile(`(?is)\b(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|truncate(?:\s+table)?(?:\s+only)?|merge\s+into|copy)\s+"?(` +
	schemas() + `)"?\s*\.\s*"?(\w+)`)

// model finds the table of a bun tag: bun:"table:ledger.accounts,alias:a".
var model = regexp.MustCompile(`(?:^|,)table:"?(` + schemas() + `)\.(\w+)`)

var qualified = regexp.MustCompile(`^\s*"?(` + schemas() + `)"?\.`)

func schemas() string {
	var names []string
	for name := range owners {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, "|")
}

// brokenWrites reads SQL text, bun models, builder chains and pgx identifiers.
// Tests are free: some tamper with rows to see that it is noticed. Migrations
// belong to no room and are free too.
func brokenWrites(files []source) (broken []string) {
	for _, s := range files {
		if s.test || s.room() == "migrations" {
			continue
		}
		foreign := func(at, schema, what string) {
			if owner := owners[schema]; owner != "" && !within(s.folder, owner) {
				broken = append(broken, fmt.Sprintf("%s: %s writes to schema %s (%s), which belongs to %s; ask that package through a method, or append an event",
					at, s.folder, schema, what, owner))
			}
		}
		if s.file == nil {
			for _, m := range writes.FindAllStringSubmatchIndex(s.text, -1) {
				line := 1 + strings.Count(s.text[:m[0]], "\n")
				foreign(fmt.Sprintf("%s/%s:%d", s.folder, s.name, line), strings.ToLower(s.text[m[2]:m[3]]), "statement")
			}
			continue
		}
		inspectWrites(s, foreign)
	}
	return broken
}

func inspectWrites(s source, foreign func(at, schema, what string)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr, *ast.BasicLit:
			expr := n.(ast.Expr)
			for _, m := range writes.FindAllStringSubmatch(text(expr), -1) {
				foreign(s.at(n.Pos()), strings.ToLower(m[1]), "table "+m[2])
			}
			_, whole := n.(*ast.BinaryExpr)
			return !whole || text(expr) == "" // a concatenation is read as a whole, not again in parts
		case *ast.Field:
			if n.Tag != nil {
				tag, _ := strconv.Unquote(n.Tag.Value)
				if m := model.FindStringSubmatch(reflect.StructTag(tag).Get("bun")); m != nil {
					foreign(s.at(n.Pos()), m[1], "bun model of "+m[2])
				}
			}
		case *ast.CompositeLit:
			if sel, ok := n.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Identifier" && len(n.Elts) == 2 {
				foreign(s.at(n.Pos()), text(n.Elts[0]), "table "+text(n.Elts[1]))
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && changesRows(sel.X) {
				switch sel.Sel.Name {
				case "Table", "TableExpr", "ModelTableExpr":
					if m := qualified.FindStringSubmatch(text(n.Args[0])); m != nil {
						foreign(s.at(sel.Sel.Pos()), m[1], "builder")
					}
				}
			}
		}
		return true
	})
}

// text is the value of a string literal or of a concatenation of them; parts
// known only at run time become a space.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, _ := strconv.Unquote(e.Value)
			return s
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return text(e.X) + text(e.Y)
		}
	case *ast.ParenExpr:
		return text(e.X)
	case *ast.Ident, *ast.CallExpr:
		return " "
	}
	return ""
}

// changesRows reports whether a builder chain began with a statement that writes.
func changesRows(chain ast.Expr) bool {
	for {
		call, ok := chain.(*ast.CallExpr)
		if !ok {
			return false
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		switch sel.Sel.Name {
		case "NewInsert", "NewUpdate", "NewDelete", "NewTruncateTable", "NewMerge":
			return true
		}
		chain = sel.X
	}
}

// house reads every Go and SQL file of the module, whatever its build tags.
func house(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	var files []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".sql") {
			return nil
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s, err := read(filepath.ToSlash(rel), string(raw))
		files = append(files, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func read(file, content string) (source, error) {
	s := source{folder: path.Dir(file), name: path.Base(file), text: content, test: strings.HasSuffix(file, "_test.go")}
	if strings.HasSuffix(file, ".sql") {
		return s, nil
	}
	s.fset = token.NewFileSet()
	var err error
	s.file, err = parser.ParseFile(s.fset, file, content, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

// TestArchRulesNoticeABrokenHouse builds small broken houses: a rule that
// cannot fail guards nothing.
func TestArchRulesNoticeABrokenHouse(t *testing.T) {
	const ours = module + "/"
	cases := []struct {
		name  string
		rule  func([]source) []string
		file  string
		code  string
		wants string // part of the message; "" when the house is sound
	}{
		{"platform below ledger", brokenRoomOrder, "platform/db/db.go", `package db; import _ "` + ours + `ledger"`, "stands above it"},
		{"middle rooms apart", brokenRoomOrder, "connect/webhook/w.go", `package webhook; import _ "` + ours + `payouts"`, "handshakes.go"},
		{"tests keep the order", brokenRoomOrder, "ledger/l_test.go", `package ledger; import _ "` + ours + `connect/split"`, "stands above it"},
		{"down is fine", brokenRoomOrder, "connect/c.go", `package connect; import _ "` + ours + `ledger/journal"`, ""},
		{"no new room", brokenRoomOrder, "billing/b.go", `package billing; import _ "` + ours + `ledger"`, "not a room"},
		{"door from a service", brokenDoors, "connect/payment/p.go", `package payment; import _ "` + ours + `connect/connecthttp"`, "only cmd opens doors"},
		{"door from cmd", brokenDoors, "cmd/sluice/routes.go", `package main; import _ "` + ours + `connect/connecthttp"`, ""},
		{"test through its room's door", brokenDoors, "oauth/o_test.go", `package oauth_test; import _ "` + ours + `oauth/oauthhttp"`, ""},
		{"test through another room's door", brokenDoors, "oauth/o_test.go", `package oauth_test; import _ "` + ours + `connect/connecthttp"`, "only cmd opens doors"},
		{"door's own test", brokenDoors, "connect/connecthttp/c_test.go", `package connecthttp_test; import _ "` + ours + `connect/connecthttp"`, ""},
		{"kafka-go outside the bus", brokenAddresses, "connect/webhook/w.go", `package webhook; import _ "github.com/segmentio/kafka-go"`, "platform/bus"},
		{"kafka-go subpackage in another test", brokenAddresses, "platform/event/e_test.go", `package event; import _ "github.com/segmentio/kafka-go/compress"`, "platform/bus"},
		{"mux in cmd", brokenAddresses, "cmd/sluice/routes.go", `package main; import _ "github.com/gorilla/mux"`, ""},
		{"kfake in a test", brokenAddresses, "platform/bus/b_test.go", `package bus; import _ "github.com/twmb/franz-go/pkg/kfake"`, ""},
		{"kfake in the product", brokenAddresses, "platform/bus/b.go", `package bus; import _ "github.com/twmb/franz-go/pkg/kfake"`, "platform/dev/broker"},
		{"SDK in the product", brokenAddresses, "connect/c.go", `package connect; import _ "github.com/stripe/stripe-go/v85"`, "yardstick"},
		{"a client of its own", brokenClients, "connect/logo.go", `package connect; import "net/http"; var c = &http.Client{}`, "platform/egress"},
		{"the default client", brokenClients, "oauth/jwks.go", `package oauth; import "net/http"; func f(u string) { http.Get(u) }`, "platform/egress"},
		{"a transport", brokenClients, "payouts/rail/wise/w.go", `package wise; import "net/http"; var t http.RoundTripper = &http.Transport{}`, "platform/egress"},
		{"a client from elsewhere", brokenClients, "connect/logo.go", `package connect; import "net/http"; type t struct { c *http.Client }`, ""},
		{"a server", brokenClients, "platform/rest/r.go", `package rest; import "net/http"; var s = http.Server{}`, ""},
		{"a client in a test", brokenClients, "connect/c_test.go", `package connect; import "net/http"; var c = http.DefaultClient`, ""},
		{"drawer", brokenNames, "platform/util/u.go", `package util`, "drawer"},
		{"unlisted shelf", brokenShelves, "platform/stuff/s.go", `package stuff`, "shelf list"},
		{"insert across rooms", brokenWrites, "payouts/p_store.go", "package payouts; const q = `\n INSERT INTO ledger.postings (a) VALUES (1)`", "belongs to ledger"},
		{"update in two parts", brokenWrites, "cmd/sluice/dev.go", `package main; const q = "UPDATE " + "connect.charges SET a = 1"`, "belongs to connect"},
		{"truncate", brokenWrites, "oauth/o.go", "package oauth; const q = `truncate table only platform.events`", "belongs to platform"},
		{"own schema", brokenWrites, "ledger/balance/b_store.go", "package balance; const q = `UPDATE ledger.accounts SET a = 1`", ""},
		{"reading is free", brokenWrites, "payouts/p_store.go", "package payouts; const q = `SELECT a FROM ledger.accounts`", ""},
		{"room writes its sandbox's books", brokenWrites, "connect/payment/p.go", "package payment; const q = `DELETE FROM cardsim.charges`", "belongs to connect/processor/cardsim"},
		{"tampering test", brokenWrites, "cmd/sluice/e2e/verify_test.go", "package e2e; const q = `UPDATE ledger.postings SET amount = 1`", ""},
		{"bun model", brokenWrites, "payouts/p_store.go", "package payouts; type row struct { M struct{} `bun:\"table:ledger.accounts,alias:a\"` }", "bun model of accounts"},
		{"builder", brokenWrites, "payouts/p_store.go", `package payouts; func f(tx T) { tx.NewUpdate().Model(x).ModelTableExpr("ledger.accounts AS a").Set("b = 1") }`, "builder"},
		{"builder that reads", brokenWrites, "payouts/p_store.go", `package payouts; func f(tx T) { tx.NewSelect().TableExpr("ledger.accounts AS a") }`, ""},
		{"copy", brokenWrites, "payouts/p_store.go", `package payouts; var to = pgx.Identifier{"ledger", "postings"}`, "belongs to ledger"},
		{"sql file", brokenWrites, "payouts/pay.sql", "WITH a AS (\n DELETE FROM connect.charges RETURNING id\n) SELECT 1", "payouts/pay.sql:2"},
		{"migration", brokenWrites, "migrations/1_ledger.tx.up.sql", "UPDATE ledger.accounts SET a = 1", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := read(c.file, c.code)
			if err != nil {
				t.Fatal(err)
			}
			broken := strings.Join(c.rule([]source{s}), "\n")
			if c.wants == "" && broken != "" {
				t.Errorf("a sound house was refused: %s", broken)
			}
			if !strings.Contains(broken, c.wants) {
				t.Errorf("the rule said %q, want %q in it", broken, c.wants)
			}
		})
	}
}

func TestEqualPackageNamesAreNoticed(t *testing.T) {
	var files []source
	for _, file := range []string{"connect/account/a.go", "payouts/account/a.go"} {
		s, err := read(file, "package account")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, s)
	}
	if broken := brokenNames(files); len(broken) != 1 || !strings.Contains(broken[0], "connect/account and payouts/account") {
		t.Errorf("brokenNames = %q", broken)
	}
}

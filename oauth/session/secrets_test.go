package session_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/secret"
)

// dump is every row of the room's tables, as pg_dump would write them.
func (d *desk) dump(t testing.TB) string {
	t.Helper()
	var tables []string
	must(t, d.pool.NewRaw("SELECT table_name FROM information_schema.tables WHERE table_schema = 'oauth'").Scan(t.Context(), &tables))
	var all strings.Builder
	for _, table := range tables {
		var rows []string
		must(t, d.pool.NewRaw("SELECT x::text FROM ?.? AS x", bun.Ident("oauth"), bun.Ident(table)).Scan(t.Context(), &rows))
		fmt.Fprintf(&all, "-- %s\n%s\n", table, strings.Join(rows, "\n"))
	}
	return all.String()
}

// O13, O28: what opens a door is in no table and in no log.
func TestNothingThatOpensADoorIsInTheDatabaseOrTheLog(t *testing.T) {
	d := newDesk(t)
	ada := d.user(t, "ada@example.com")
	d.join(t, ada, shop, session.Owner)
	canaries := map[string]string{"password": good, "other password": other}
	plant := func(name string, text secret.Text) { canaries[name] = text.Reveal() }

	browser := d.signUp(t, "new@example.com")
	pending, _ := browser.Cookie("__Host-sluice_sign_up")
	canaries["sign-up cookie"], canaries["e-mail code"] = pending.Value, d.mail.code(t, "new@example.com")
	must(t, d.people.ForgotPassword(t.Context(), home, "ada@example.com"))
	plant("reset link", d.mail.link(t, "ada@example.com", "/reset-password/"))
	e := d.signedIn(t, "ada@example.com")
	plant("session cookie", e.Cookie)
	must(t, d.people.Invite(t.Context(), home, e.Visit, shop, "Shop", "guest@example.com", session.Viewer))
	plant("invitation", d.mail.link(t, "guest@example.com", "/invitations/"))
	must(t, d.people.StartTOTP(t.Context(), e.Visit))
	key, _, err := d.people.PendingTOTP(t.Context(), e.Visit)
	must(t, err)
	plant("totp secret", key.Secret)
	must(t, d.people.ConfirmTOTP(t.Context(), home, e.Visit, d.app(t, key)))
	codes, err := d.people.Shown(t.Context(), e.Visit)
	must(t, err)
	for i, c := range codes {
		canaries[fmt.Sprint("recovery code ", i)] = c
		canaries[fmt.Sprint("bare recovery code ", i)] = strings.ReplaceAll(c, "-", "")
	}
	plant("ceremony cookie", d.begin(t, session.ToSignIn, session.Visit{}).Cookie)
	half := d.signedIn(t, "ada@example.com")
	plant("half cookie", half.Cookie)
	_, _ = d.people.SecondStepRecovery(t.Context(), home, half.Visit, half.Cookie, "wrong-"+codes[0])
	_, _ = d.signIn(t, "ada@example.com", other)
	d.mail.full = true
	_ = d.people.RenewRecovery(t.Context(), home, e.Visit)

	dump := d.dump(t)
	if !strings.Contains(dump, "ada@example.com") || !strings.Contains(dump, "$argon2id$") {
		t.Fatal("the dump is empty")
	}
	for name, canary := range canaries {
		if canary == "" {
			t.Errorf("%s was not planted", name)
		}
		if found := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(canary) + `\b`); found.MatchString(dump) {
			t.Errorf("the database holds the %s", name)
		} else if found.MatchString(d.log.String()) {
			t.Errorf("the log holds the %s", name)
		}
	}
	if strings.Contains(d.log.String(), "@example.com") {
		t.Errorf("the log holds an address:\n%s", d.log)
	}
}

// A stolen table cannot even be tested against a guess: under another pepper the
// right password is wrong.
func TestHashesAreWorthNothingWithoutThePepper(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	thief := nodeOf(t, d.pool, d.clock, func(c *session.Config) { c.Pepper = secret.RandomPepper() })
	if _, err := thief.signIn(t, "ada@example.com", good); err == nil {
		t.Error("the password works under another pepper")
	}
	if _, ok := thief.visit(t, e); ok {
		t.Error("the cookie works under another pepper")
	}
}

func TestHistoryOfSigningInIsNeverEdited(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.signedIn(t, "ada@example.com")
	for _, statement := range []string{"UPDATE oauth.security_events SET kind = 'x'", "DELETE FROM oauth.security_events", "TRUNCATE oauth.security_events"} {
		if _, err := d.pool.NewRaw(statement).Exec(context.Background()); err == nil {
			t.Errorf("%s is allowed", statement)
		}
	}
}

// secretName is what holds something that must not be compared byte by byte.
var secretName = regexp.MustCompile(`(?i)(hash|secret|token|password|cookie|verifier|signature|digest|mac$|sum$|reveal|plain|pepper)`)

// kindOfSecret are names of constants about secrets.
var kindOfSecret = map[string]bool{"Secret": true, "AccessToken": true, "cookieLength": true, "tokenLength": true}

// comparesSecrets lists comparisons whose time tells how much of a secret is right:
// == and != between two values, bytes.Equal, bytes.Compare, strings.EqualFold.
// Comparing with a constant ("" or nil) and lengths is fine.
func comparesSecrets(fset *token.FileSet, file *ast.File) (found []string) {
	named := func(e ast.Expr) bool {
		bad := false
		ast.Inspect(e, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "len" {
					return false
				}
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "ConstantTimeCompare" || f.Sel.Name == "IsZero") {
					return false
				}
			}
			if id, ok := n.(*ast.Ident); ok && secretName.MatchString(id.Name) && !kindOfSecret[id.Name] {
				bad = true
			}
			return !bad
		})
		return bad
	}
	constant := func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.BasicLit:
			return true
		case *ast.Ident:
			return e.Name == "nil" || e.Name == "true" || e.Name == "false"
		}
		return false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && !constant(n.X) && !constant(n.Y) && (named(n.X) || named(n.Y)) {
				found = append(found, fset.Position(n.Pos()).String())
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) != 2 || !named(n.Args[0]) && !named(n.Args[1]) {
				return true
			}
			if pkg, ok := f.X.(*ast.Ident); ok && (pkg.Name == "bytes" && (f.Sel.Name == "Equal" || f.Sel.Name == "Compare") || pkg.Name == "strings" && f.Sel.Name == "EqualFold") {
				found = append(found, fset.Position(n.Pos()).String())
			}
		}
		return true
	})
	return found
}

// O15. The rule reads the whole room; what compares in the database compares keyed
// hashes, whose bytes a guesser does not know.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	// What the names alone mistake for a secret.
	fine := map[string]string{
		"../session/password_hash.go": "the price of a hash is no secret",
		"../credential/token.go":      "prefix and checksum are computed from what the caller has sent",
		"../token.go":                 "the checksum is computed from what the caller has sent",
	}
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, place := range comparesSecrets(fset, file) {
			if fine[path] == "" {
				t.Errorf("%s compares a secret in a time that tells about it; use crypto/subtle", place)
			}
		}
		return nil
	})
	must(t, err)
	// A rule that cannot fail guards nothing.
	for code, want := range map[string]int{
		"a.Hash == b": 1, "cookie != other": 1, "bytes.Equal(sum, want)": 1, "strings.EqualFold(token, t)": 1, "x.Reveal() == y": 1,
		"hash == nil": 0, `password == ""`: 0, "len(hash) == n": 0, "subtle.ConstantTimeCompare(hash, b) == one": 0, "a == b": 0,
	} {
		file, err := parser.ParseFile(fset, "x.go", "package x\nvar _ = "+code, 0)
		must(t, err)
		if got := len(comparesSecrets(fset, file)); got != want {
			t.Errorf("%s: found %d, want %d", code, got, want)
		}
	}
}

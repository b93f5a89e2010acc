package money

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// moneyRooms are the folders where amounts are made, moved or rounded, tests included.
var moneyRooms = []string{"platform/money", "connect/split", "connect/processor", "connect/payment", "ledger", "payouts", "platform/ui"}

func TestNoFloatsNearMoney(t *testing.T) {
	for _, room := range moneyRooms {
		root := filepath.Join("..", "..", filepath.FromSlash(room))
		if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
			continue // not built yet
		}
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "uitest" {
				return filepath.SkipDir // a browser measures pixels, which are no money
			}
			// A benchmark reports a speed, which is no money.
			if !entry.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "bench_test.go") {
				for _, found := range floatsIn(t, path, nil) {
					t.Errorf("%s", found)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFloatsAreFoundInEveryDisguise(t *testing.T) {
	for name, body := range map[string]string{
		"type":       `var x float64`,
		"small type": `var x float32`,
		"conversion": `func f(n int64) int64 { return int64(float64(n) * 2) }`,
		"literal":    `func f(n int64) bool { return n*1.0 > 2 }`,
		"exponent":   `const million = 1e6`,
		"complex":    `var x complex128`,
		"parse":      `import "strconv"; func f(s string) { strconv.ParseFloat(s, 64) }`,
		"big float":  `import "math/big"; var x big.Float`,
		"math":       `import "math"; var x = int64(math.Round(3))`,
	} {
		if len(floatsIn(t, "x.go", "package x; "+body)) == 0 {
			t.Errorf("%s: not found in %s", name, body)
		}
	}
	if found := floatsIn(t, "x.go", `package x; import "math"; const c = math.MaxInt64 // float64`); len(found) > 0 {
		t.Errorf("integers are called floats: %v", found)
	}
}

// floatsIn lists the places in one file where a float type, literal or function stands.
func floatsIn(t *testing.T, path string, source any) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	report := func(node ast.Node, what string) { found = append(found, files.Position(node.Pos()).String()+": "+what) }
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.Ident:
			switch n.Name {
			case "float32", "float64", "complex64", "complex128":
				report(n, n.Name)
			}
		case *ast.BasicLit:
			if n.Kind == token.FLOAT || n.Kind == token.IMAG {
				report(n, "literal "+n.Value)
			}
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && floatFunction(pkg.Name, n.Sel.Name) {
				report(n, pkg.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

func floatFunction(pkg, name string) bool {
	switch pkg {
	case "math":
		return !strings.HasPrefix(name, "Max") && !strings.HasPrefix(name, "Min")
	case "big", "strconv":
		return strings.Contains(name, "Float")
	}
	return false
}

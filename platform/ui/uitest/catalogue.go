package uitest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"github.com/sluicepay/sluice/platform/ui"
)

// Catalogues holds a room's templates and catalogues against each other: the same keys
// and placeholders in both languages, no text of a template outside of them, and a text
// for every key that the Go files of the test's own folder name in ui.View, ui.Link,
// ui.Option, ui.Step, Form.Fail, Pages.Text and Pages.ErrorPage. allowed are texts that
// may stand in templates, names for instance.
func Catalogues(t testing.TB, templates, catalogues fs.FS, allowed ...string) {
	t.Helper()
	CataloguesOf(t, templates, catalogues, nil, allowed...)
}

// CataloguesOf is Catalogues for pages that stand upon a frame of their own.
func CataloguesOf(t testing.TB, templates, catalogues fs.FS, upon []ui.PagesOption, allowed ...string) {
	t.Helper()
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := kit.Pages(templates, catalogues, upon...) // checks keys, placeholders and what templates name
	if err != nil {
		t.Fatal(err)
	}
	for _, bare := range bareTexts(t, templates) {
		if !slices.Contains(allowed, bare.text) {
			t.Errorf("%s: %q stands in the template; give it a key in both catalogues", bare.file, bare.text)
		}
	}
	for _, k := range keysInGo(t, ".") {
		if !pages.Has(k.key) {
			t.Errorf("%s: no text for key %q", k.at, k.key)
		}
	}
}

type bareText struct{ file, text string }

// bareTexts finds letters between tags, and in attributes that are read out or shown.
func bareTexts(t testing.TB, templates fs.FS) []bareText {
	t.Helper()
	var found []bareText
	err := fs.WalkDir(templates, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".html" {
			return err
		}
		raw, err := fs.ReadFile(templates, file)
		if err != nil {
			return err
		}
		texts, err := bareIn(file, string(raw))
		for _, text := range texts {
			found = append(found, bareText{file, text})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func bareIn(file, source string) ([]string, error) {
	tree := parse.New(file)
	tree.Mode = parse.SkipFuncCheck
	set := map[string]*parse.Tree{}
	if _, err := tree.Parse(source, "", "", set); err != nil {
		return nil, err
	}
	set[file] = tree
	var found []string
	for _, one := range set {
		var b strings.Builder
		if one.Root != nil {
			flatten(one.Root, &b)
		}
		found = append(found, visibleTexts(b.String())...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// hole stands where an action does.
const hole = "\x00"

// flatten is the template's own text in order, with holes for what it computes.
func flatten(node parse.Node, b *strings.Builder) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				flatten(child, b)
			}
		}
	case *parse.TextNode:
		b.Write(n.Text)
	case *parse.IfNode:
		flattenBranch(&n.BranchNode, b)
	case *parse.RangeNode:
		flattenBranch(&n.BranchNode, b)
	case *parse.WithNode:
		flattenBranch(&n.BranchNode, b)
	case *parse.ActionNode, *parse.TemplateNode:
		b.WriteString(hole)
	}
}

func flattenBranch(n *parse.BranchNode, b *strings.Builder) {
	b.WriteString(hole)
	flatten(n.List, b)
	b.WriteString(hole)
	flatten(n.ElseList, b)
	b.WriteString(hole)
}

// shownAttributes hold text for people.
var shownAttributes = []string{"title", "alt", "placeholder", "aria-label", "aria-description"}

func visibleTexts(html string) []string {
	var found []string
	add := func(text string) {
		for _, piece := range strings.Split(text, hole) {
			if piece = strings.TrimSpace(piece); strings.ContainsFunc(piece, unicode.IsLetter) {
				found = append(found, piece)
			}
		}
	}
	for html != "" {
		text, rest, tag := strings.Cut(html, "<")
		add(entities.Replace(text))
		if !tag {
			break
		}
		if strings.HasPrefix(rest, "!--") {
			_, html, _ = strings.Cut(rest, "-->")
			continue
		}
		inside, after := tagOf(rest)
		for _, name := range shownAttributes {
			if _, value, ok := strings.Cut(inside, " "+name+`="`); ok {
				value, _, _ = strings.Cut(value, `"`)
				add(value)
			}
		}
		html = after
	}
	return found
}

var entities = strings.NewReplacer("&nbsp;", " ", "&amp;", "&", "&middot;", "·", "&times;", "×", "&rarr;", "→", "&larr;", "←", "&mdash;", "—", "&ndash;", "–")

// tagOf cuts a tag off, minding ">" in quotes.
func tagOf(s string) (inside, after string) {
	quote := rune(0)
	for i, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

type keyInGo struct{ key, at string }

// keysInGo reads constant keys that Go code hands to the kit.
func keysInGo(t testing.TB, dir string) []keyInGo {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []keyInGo
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			for _, e := range keyExpressions(node) {
				if key, ok := constantString(e.node); ok && key != "" {
					found = append(found, keyInGo{key + e.suffix, fset.Position(e.node.Pos()).String()})
				}
			}
			return true
		})
	}
	return found
}

type keyExpression struct {
	node   ast.Expr
	suffix string
}

// keyFields are the fields of the kit's types that hold keys.
var keyFields = map[string][]string{
	"View": {"Title"}, "Link": {"Key"}, "Option": {"Key", "Hint"}, "Step": {"Key"},
}

func keyExpressions(node ast.Node) []keyExpression {
	var found []keyExpression
	switch n := node.(type) {
	case *ast.CompositeLit:
		kind := n.Type
		if array, ok := kind.(*ast.ArrayType); ok { // []ui.Option{{Key: …}}
			for _, element := range n.Elts {
				if literal, ok := element.(*ast.CompositeLit); ok && literal.Type == nil {
					found = append(found, fieldsOf(literal, array.Elt)...)
				}
			}
			return found
		}
		return fieldsOf(n, kind)
	case *ast.CallExpr:
		method, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		switch name := method.Sel.Name; {
		case name == "Text" && len(n.Args) >= 1: // a visit's begins with the key, that of pages with the language
			if _, constant := constantString(n.Args[0]); constant || len(n.Args) == 1 {
				return []keyExpression{{node: n.Args[0]}}
			}
			return []keyExpression{{node: n.Args[1]}}
		case name == "Fail" && len(n.Args) >= 2:
			return []keyExpression{{node: n.Args[1]}}
		case name == "ErrorPage" && len(n.Args) >= 5:
			return []keyExpression{{n.Args[3], ".title"}, {n.Args[3], ".body"}}
		}
	}
	return nil
}

func fieldsOf(literal *ast.CompositeLit, kind ast.Expr) []keyExpression {
	selector, ok := kind.(*ast.SelectorExpr)
	if !ok || fmt.Sprint(selector.X) != "ui" {
		return nil
	}
	var found []keyExpression
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if ok && slices.Contains(keyFields[selector.Sel.Name], fmt.Sprint(pair.Key)) {
			found = append(found, keyExpression{node: pair.Value})
		}
	}
	return found
}

func constantString(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(literal.Value)
	return s, err == nil
}

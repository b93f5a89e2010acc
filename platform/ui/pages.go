package ui

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// Pages are the pages of one room.
type Pages struct {
	kit    *Kit
	speech map[Locale]*speech
	sheets map[string]map[Locale]sheet
}

// sheet is one page in one language, ready to execute.
type sheet struct {
	template *template.Template
	aside    bool // it defines "aside"
	htmx     bool // it has hx- attributes
}

// Pages parses a room's pages once, while starting. A page is a file <name>.html whose
// whole text is the content of the card; files that begin with "_" hold {{define}}s
// that all pages of the room share. Catalogues are en.json and zh-Hant-HK.json; scripts
// are *.js beside the pages, used by {{script "file.js"}}. Files are found in any folder.
//
// It fails on whatever would fail in front of a person later: a key without text, a
// language that lacks one, an unknown component, icon or argument name.
func (k *Kit) Pages(templates fs.FS, catalogues fs.FS, options ...PagesOption) (*Pages, error) {
	var more pagesConfig
	for _, o := range options {
		o(&more)
	}
	p := &Pages{kit: k, speech: map[Locale]*speech{}, sheets: map[string]map[Locale]sheet{}}
	words := k.words
	var partials []string
	for _, ground := range more.grounds {
		under, err := readPages(ground.templates)
		if err == nil {
			words, err = readCatalogues(ground.catalogues, words)
		}
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		partials = append(partials, under.partials...)
	}
	words, err := readCatalogues(catalogues, words)
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	found, err := readPages(templates)
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	found.partials = append(partials, found.partials...)
	for name, text := range k.errorPages {
		found.pages[name] = text
	}
	scripts := map[string]string{}
	for name, body := range found.scripts {
		if scripts[name], err = k.assets.add(name, body); err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
	}
	for _, l := range Locales {
		s := &speech{kit: k, locale: l, words: words[l], scripts: scripts, more: more.functions}
		if err := p.parse(s, found); err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		p.speech[l] = s
	}
	return p, nil
}

// PagesOption gives a room's pages more to stand on.
type PagesOption func(*pagesConfig)

type pagesConfig struct {
	grounds   []ground
	functions []func(Words) template.FuncMap
}

type ground struct{ templates, catalogues fs.FS }

// Upon lays pages over the {{define}}s and texts of a frame that several rooms'
// pages share. A room may say a text of the frame in its own way.
func Upon(templates, catalogues fs.FS) PagesOption {
	return func(c *pagesConfig) { c.grounds = append(c.grounds, ground{templates, catalogues}) }
}

// Functions are more that templates may call, made once per language.
func Functions(in func(Words) template.FuncMap) PagesOption {
	return func(c *pagesConfig) { c.functions = append(c.functions, in) }
}

// Words are one language of a room's pages, for functions of its own.
type Words struct{ s *speech }

// Locale is the language.
func (w Words) Locale() Locale { return w.s.locale }

// Say is {{t}}.
func (w Words) Say(key string, args ...any) (any, error) { return w.s.say(key, args...) }

// Has reports whether there is a text.
func (w Words) Has(key string) bool { _, ok := w.s.words[key]; return ok }

// Icon is {{icon}}.
func (w Words) Icon(name string) (template.HTML, error) { return w.s.icon(name) }

// Words are the pages' texts in a language, for values that Go makes.
func (p *Pages) Words(l Locale) Words {
	if s := p.speech[l]; s != nil {
		return Words{s}
	}
	return Words{p.speech[English]}
}

// Text says a key outside of templates, in a mail for instance. A key that is
// missing stands for itself: uitest.Catalogues finds it first.
func (p *Pages) Text(l Locale, key string, args ...any) string {
	s := p.speech[l]
	if s == nil {
		s = p.speech[English]
	}
	said, err := s.say(key, args...)
	if err != nil {
		return key
	}
	return fmt.Sprint(said)
}

// Has reports whether both catalogues have a key.
func (p *Pages) Has(key string) bool {
	for _, s := range p.speech {
		if _, ok := s.words[key]; !ok {
			return false
		}
	}
	return true
}

// Names lists the pages, sorted.
func (p *Pages) Names() []string {
	var names []string
	for name := range p.sheets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p *Pages) sheet(name string, l Locale) (sheet, error) {
	s, ok := p.sheets[name][l]
	if !ok {
		return sheet{}, fmt.Errorf("no page %q in %s", name, l)
	}
	return s, nil
}

// sources are the files of a room's pages.
type sources struct {
	pages    map[string]string // name → text
	partials []string
	scripts  map[string][]byte
}

func readPages(templates fs.FS) (sources, error) {
	found := sources{pages: map[string]string{}, scripts: map[string][]byte{}}
	err := fs.WalkDir(templates, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		ext := path.Ext(file)
		if ext != ".html" && ext != ".js" {
			return nil
		}
		raw, err := fs.ReadFile(templates, file)
		if err != nil {
			return err
		}
		base := path.Base(file)
		switch name := strings.TrimSuffix(base, ext); {
		case ext == ".js":
			found.scripts[base] = raw
		case strings.HasPrefix(name, "_"):
			found.partials = append(found.partials, string(raw))
		case found.pages[name] != "":
			return fmt.Errorf("two pages are named %q", name)
		default:
			found.pages[name] = string(raw)
		}
		return nil
	})
	if err == nil && len(found.pages)+len(found.partials) == 0 {
		err = errors.New("no *.html file there")
	}
	return found, err
}

func (p *Pages) parse(s *speech, found sources) error {
	base, err := baseTemplate(s.functions())
	if err != nil {
		return err
	}
	// Components execute from a set of their own: a set cannot be cloned any more once it has been executed.
	if s.components, err = base.Clone(); err != nil {
		return err
	}
	for i, text := range found.partials {
		if _, err := base.New("partial " + strconv.Itoa(i)).Parse(text); err != nil {
			return err
		}
	}
	for name, text := range found.pages {
		set, err := base.Clone()
		if err != nil {
			return err
		}
		if _, err := set.New("content").Parse(text); err != nil {
			return fmt.Errorf("page %s: %w", name, err)
		}
		for _, t := range set.Templates() {
			if t.Tree == nil {
				continue
			}
			if err := s.check(t.Tree); err != nil {
				return fmt.Errorf("page %s: %w", name, err)
			}
		}
		if p.sheets[name] == nil {
			p.sheets[name] = map[Locale]sheet{}
		}
		aside := set.Lookup("aside")
		p.sheets[name][s.locale] = sheet{
			template: set,
			aside:    aside != nil && aside.Tree != nil && !parse.IsEmptyTree(aside.Tree.Root),
			htmx:     strings.Contains(text, " hx-") || slices.ContainsFunc(found.partials, func(t string) bool { return strings.Contains(t, " hx-") }),
		}
	}
	return nil
}

// check finds constant keys, icons and argument names that do not exist.
func (s *speech) check(tree *parse.Tree) error {
	var wrong []error
	Calls(tree.Root, func(function string, args []parse.Node) {
		if err := s.checkCall(function, args); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", tree.Name, err))
		}
	})
	return errors.Join(wrong...)
}

func (s *speech) checkCall(function string, args []parse.Node) error {
	constant := func(i int) (string, bool) {
		if i >= len(args) {
			return "", false
		}
		c, ok := args[i].(*parse.StringNode)
		if !ok {
			return "", false
		}
		return c.Text, true
	}
	key := func(i int) error {
		k, ok := constant(i)
		if !ok || k == "" {
			return nil
		}
		if _, ok := s.words[k]; !ok {
			return fmt.Errorf("{{%s}}: no text for key %q in %s", function, k, s.locale)
		}
		return nil
	}
	switch function {
	case "t":
		return key(0)
	case "icon":
		if name, ok := constant(0); ok && !s.kit.hasIcon(name) {
			return fmt.Errorf("no icon %q; add it to static/lucide/icons.svg", name)
		}
		return nil
	case "script":
		if name, ok := constant(0); ok && s.scripts[name] == "" {
			return fmt.Errorf("no script %q beside the pages", name)
		}
		return nil
	}
	c, ok := componentSpecs[function]
	if !ok {
		return nil
	}
	if c.key {
		if err := key(c.positional - 1); err != nil {
			return err
		}
	}
	for i := c.positional; i < len(args); i += 2 {
		name, ok := constant(i)
		if !ok {
			continue
		}
		if !slices.Contains(c.options, name) {
			return fmt.Errorf("{{%s}} knows no %q, only %v", function, name, c.options)
		}
		if slices.Contains(keyOptions, name) {
			if err := key(i + 1); err != nil {
				return err
			}
		}
		if icon, ok := constant(i + 1); ok && name == "icon" && !s.kit.hasIcon(icon) {
			return fmt.Errorf("no icon %q; add it to static/lucide/icons.svg", icon)
		}
	}
	return nil
}

// Calls tells f every function call in a template, with its arguments.
func Calls(node parse.Node, f func(function string, args []parse.Node)) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				Calls(child, f)
			}
		}
	case *parse.ActionNode:
		Calls(n.Pipe, f)
	case *parse.TemplateNode:
		Calls(n.Pipe, f)
	case *parse.IfNode:
		callsInBranch(&n.BranchNode, f)
	case *parse.RangeNode:
		callsInBranch(&n.BranchNode, f)
	case *parse.WithNode:
		callsInBranch(&n.BranchNode, f)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				Calls(command, f)
			}
		}
	case *parse.CommandNode:
		if name, ok := n.Args[0].(*parse.IdentifierNode); ok {
			f(name.Ident, n.Args[1:])
		}
		for _, arg := range n.Args {
			Calls(arg, f)
		}
	}
}

func callsInBranch(n *parse.BranchNode, f func(string, []parse.Node)) {
	Calls(n.Pipe, f)
	Calls(n.List, f)
	Calls(n.ElseList, f)
}

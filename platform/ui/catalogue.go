package ui

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// catalogue is all text of some pages in one language, by flat key.
type catalogue map[string]string

// Text is text that needs no more translation. Components take either a Text or
// a string, which they look up as a key.
type Text string

// ownKeys begin the kit's own keys; rooms may not take them.
const ownKeys = "ui."

// readCatalogues reads the files <locale>.json below a folder and lays them over base.
func readCatalogues(from fs.FS, base map[Locale]catalogue) (map[Locale]catalogue, error) {
	all := map[Locale]catalogue{}
	for _, l := range Locales {
		all[l] = maps.Clone(base[l])
		if all[l] == nil {
			all[l] = catalogue{}
		}
	}
	if from == nil {
		return all, nil
	}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		l := Locale(strings.TrimSuffix(path.Base(name), ".json"))
		if all[l] == nil {
			return fmt.Errorf("catalogue %s: no page is written in that language", name)
		}
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		var words catalogue
		if err := json.Unmarshal(raw, &words); err != nil {
			return fmt.Errorf("catalogue %s: %w", name, err)
		}
		for key, text := range words {
			if base != nil && strings.HasPrefix(key, ownKeys) {
				return fmt.Errorf("catalogue %s: keys in %q are the kit's own, rename %q", name, ownKeys, key)
			}
			if strings.TrimSpace(text) == "" {
				return fmt.Errorf("catalogue %s: key %q has no text", name, key)
			}
			all[l][key] = text
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, sameKeys(all)
}

// sameKeys refuses a key, or a placeholder of one, that only one language has.
func sameKeys(all map[Locale]catalogue) error {
	var wrong []string
	for _, a := range Locales {
		for key, text := range all[a] {
			for _, b := range Locales {
				other, ok := all[b][key]
				switch {
				case !ok:
					wrong = append(wrong, fmt.Sprintf("%s has no %q", b, key))
				case !slices.Equal(Placeholders(text), Placeholders(other)):
					wrong = append(wrong, fmt.Sprintf("%q has other placeholders in %s than in %s", key, a, b))
				}
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("catalogues differ: %s", strings.Join(slices.Compact(wrong), "; "))
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)

// Placeholders lists the names in {braces} of a text, each once, sorted.
func Placeholders(text string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// speech is one language of one room's pages: the functions that templates call.
type speech struct {
	kit        *Kit
	locale     Locale
	words      catalogue
	scripts    map[string]string // a room's *.js by file name, as asset URL
	components *template.Template
	more       []func(Words) template.FuncMap // of the room
}

// say looks a key up and fills its placeholders. All of them, and no others, must be
// given: a forgotten value would show its braces to a person. The answer is HTML
// when a value is (a link within a sentence); all the rest is escaped then.
func (s *speech) say(key string, args ...any) (any, error) {
	text, ok := s.words[key]
	if !ok {
		return nil, fmt.Errorf("no text for key %q in %s", key, s.locale)
	}
	if len(args)%2 != 0 {
		return nil, fmt.Errorf("text %q: arguments come in pairs of name and value", key)
	}
	values := make(map[string]any, len(args)/2)
	html := false
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok {
			return nil, fmt.Errorf("text %q: %v is not a placeholder's name", key, args[i])
		}
		values[name] = args[i+1]
		_, isHTML := args[i+1].(template.HTML)
		html = html || isHTML
	}
	used := 0
	var missing string
	for _, name := range Placeholders(text) {
		if _, ok := values[name]; !ok {
			missing = name
		}
		used++
	}
	if missing != "" || used != len(values) {
		return nil, fmt.Errorf("text %q: placeholders are %v, given are %v", key, Placeholders(text), slices.Sorted(maps.Keys(values)))
	}
	if !html {
		return Text(placeholder.ReplaceAllStringFunc(text, func(m string) string {
			return s.print(values[m[1:len(m)-1]])
		})), nil
	}
	var b strings.Builder
	end := 0
	for _, m := range placeholder.FindAllStringIndex(text, -1) {
		b.WriteString(template.HTMLEscapeString(text[end:m[0]]))
		switch v := values[text[m[0]+1:m[1]-1]].(type) {
		case template.HTML:
			b.WriteString(string(v))
		default:
			b.WriteString(template.HTMLEscapeString(s.print(v)))
		}
		end = m[1]
	}
	b.WriteString(template.HTMLEscapeString(text[end:]))
	return template.HTML(b.String()), nil
}

// print shows a value within a sentence.
func (s *speech) print(v any) string {
	switch v := v.(type) {
	case money.Amount:
		return FormatMoney(v)
	case time.Time:
		return FormatDate(v, v.Location(), s.locale)
	}
	return fmt.Sprint(v)
}

// resolve is what components make of an argument: a key is looked up, a Text and
// HTML stand for themselves, "" and nil for nothing.
func (s *speech) resolve(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		if v == "" {
			return "", nil
		}
		return s.say(v)
	case Text, template.HTML:
		return v, nil
	case problem:
		return s.say(v.Key, v.Args...)
	}
	return nil, fmt.Errorf("%T is neither a catalogue key nor text; write (text %v) for text that needs no translation", v, v)
}

package catalogue_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/event/catalogue"
)

const mend = "A reader of the last release would break. Leave the attribute as it was and add a new one beside it; " +
	"if that cannot be, raise Version of the type in types.go, which gives it a schema of its own, and tell readers."

// TestReadersOfTheLastReleaseUnderstandEveryEvent holds today's schemas against
// those of the last release.
func TestReadersOfTheLastReleaseUnderstandEveryEvent(t *testing.T) {
	files, err := filepath.Glob("testdata/baseline/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no baseline: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		typ, known := catalogue.Find(name)
		if !known {
			t.Errorf("%s is gone. Readers wait for it: bring it back, or keep it in the catalogue and say in its description since when it does not come.", name)
			continue
		}
		for _, broken := range brokenPromises(t, raw, typ.Schema()) {
			t.Errorf("%s: %s\n%s", name, broken, mend)
		}
	}
}

// brokenPromises are what a reader of the old schema may no longer rely on.
// Another $id is another version of the type: nothing was promised about it.
func brokenPromises(t *testing.T, old, now []byte) []string {
	t.Helper()
	var c comparison
	for raw, into := range map[*[]byte]*map[string]any{&old: &c.old, &now: &c.now} {
		if err := json.Unmarshal(*raw, into); err != nil {
			t.Fatal(err)
		}
	}
	if c.old["$id"] == c.now["$id"] {
		c.compare("", c.old, c.now)
	}
	return c.broken
}

// comparison walks through two schemas at once, as far as generate writes them.
type comparison struct {
	old, now map[string]any
	broken   []string
}

func (c *comparison) breaks(at, format string, args ...any) {
	c.broken = append(c.broken, strings.TrimPrefix(at, ".")+" "+fmt.Sprintf(format, args...))
}

func (c *comparison) compare(at string, old, now map[string]any) {
	old, oldKinds := resolve(c.old, old)
	now, nowKinds := resolve(c.now, now)
	if len(oldKinds) > 0 && !covers(oldKinds, nowKinds) {
		c.breaks(at, "was %s and may be %s now", kinds(oldKinds), kinds(nowKinds))
		return
	}
	if was, had := old["const"]; had && now["const"] != was {
		c.breaks(at, "always said %v and says %v now", was, now["const"])
	}
	for _, word := range list(old["enum"]) {
		if _, still := now["enum"]; still && !slices.Contains(list(now["enum"]), word) {
			c.breaks(at, "does not say %v any more", word)
		}
	}
	if was, had := old["minimum"].(float64); had {
		if is, has := now["minimum"].(float64); !has || is < was {
			c.breaks(at, "may be below %v now", was)
		}
	}
	for _, name := range list(old["required"]) {
		if !slices.Contains(list(now["required"]), name) {
			c.breaks(at+"."+name.(string), "was always there and may be missing now")
		}
	}
	was, is := object(old["properties"]), object(now["properties"])
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if is[name] == nil {
			c.breaks(at+"."+name, "is gone")
			continue
		}
		c.compare(at+"."+name, object(was[name]), object(is[name]))
	}
	for word, step := range map[string]string{"items": "[]", "additionalProperties": ".*"} {
		if old[word] != nil {
			c.compare(at+step, object(old[word]), object(now[word]))
		}
	}
}

// resolve follows $ref and anyOf to the one schema that is not null, and tells
// the kinds of value there may be; none means any.
func resolve(root, s map[string]any) (map[string]any, []any) {
	var more []any
	for _, one := range list(s["anyOf"]) {
		if object(one)["type"] == "null" {
			more = append(more, "null")
			continue
		}
		s = object(one)
	}
	if ref, ok := s["$ref"].(string); ok {
		s = object(object(root["$defs"])[strings.TrimPrefix(ref, "#/$defs/")])
	}
	switch kind := s["type"].(type) {
	case string:
		more = append(more, kind)
	case []any:
		more = append(more, kind...)
	}
	if _, ok := s["const"].(string); ok && s["type"] == nil {
		more = append(more, "string")
	}
	return s, more
}

// covers reports whether a reader who knows what to do with old knows it with now.
func covers(old, now []any) bool {
	if len(now) == 0 {
		return false
	}
	for _, kind := range now {
		if !slices.Contains(old, kind) && !(kind == "integer" && slices.Contains(old, any("number"))) {
			return false
		}
	}
	return true
}

func kinds(of []any) string {
	if len(of) == 0 {
		return "anything"
	}
	words := make([]string, len(of))
	for i, kind := range of {
		words[i] = fmt.Sprint(kind)
	}
	return strings.Join(words, " or ")
}

func list(v any) []any            { l, _ := v.([]any); return l }
func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func TestBrokenPromisesAreNoticed(t *testing.T) {
	const whole = `{"$id":"urn:sluice:event:x:1","type":"object","required":["id","part"],"properties":{
		"id":{"type":"string"},"n":{"type":["integer","null"]},"status":{"type":"string","enum":["a","b"]},"v":{"type":"integer","minimum":1},
		"tags":{"type":"array","items":{"type":"string"}},"meta":{"type":"object","additionalProperties":{"type":"string"}},
		"object":{"const":"x"},"any":{},"rate":{"type":"number"},
		"part":{"anyOf":[{"$ref":"#/$defs/Part"},{"type":"null"}]}},
		"$defs":{"Part":{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}}}`
	for _, c := range []struct{ name, change, into, wants string }{
		{"nothing", "", "", ""},
		{"an attribute more", `"any":{}`, `"any":{},"new":{"type":"string"}`, ""},
		{"a required attribute more", `["id","part"]`, `["id","part","new"]`, ""},
		{"an attribute that is always there now", `["id","part"]`, `["id","n","part"]`, ""},
		{"a word more", `["a","b"]`, `["a","b","c"]`, ""},
		{"every word", `,"enum":["a","b"]`, ``, ""},
		{"never null now", `["integer","null"]`, `"integer"`, ""},
		{"a whole number of any number", `"rate":{"type":"number"}`, `"rate":{"type":"integer"}`, ""},
		{"any becomes something", `"any":{}`, `"any":{"type":"string"}`, ""},
		{"a part that is never null now", `{"anyOf":[{"$ref":"#/$defs/Part"},{"type":"null"}]}`, `{"$ref":"#/$defs/Part"}`, ""},
		{"an attribute less", `"rate":{"type":"number"},`, ``, "rate is gone"},
		{"another kind", `"id":{"type":"string"}`, `"id":{"type":"integer"}`, "id was string and may be integer now"},
		{"a wider number", `["integer","null"]`, `["number","null"]`, "n was integer or null and may be number or null now"},
		{"null now", `"id":{"type":"string"}`, `"id":{"type":["string","null"]}`, "id was string and may be string or null now"},
		{"anything now", `"id":{"type":"string"}`, `"id":{}`, "id was string and may be anything now"},
		{"optional now", `["id","part"]`, `["part"]`, "id was always there and may be missing now"},
		{"a word less", `["a","b"]`, `["a","c"]`, "status does not say b any more"},
		{"another constant", `{"const":"x"}`, `{"const":"y"}`, "object always said x and says y now"},
		{"other items", `"items":{"type":"string"}`, `"items":{"type":"object"}`, "tags[] was string and may be object now"},
		{"other values", `"additionalProperties":{"type":"string"}`, `"additionalProperties":{"type":["string","null"]}`, "meta.* was string"},
		{"values of any kind", `,"additionalProperties":{"type":"string"}`, ``, "meta.* was string and may be anything now"},
		{"a part broken inside", `"required":["a"]`, `"required":[]`, "part.a was always there and may be missing now"},
		{"a part that is text now", `{"anyOf":[{"$ref":"#/$defs/Part"},{"type":"null"}]}`, `{"type":["string","null"]}`, "part was null or object"},
		{"below its minimum", `,"minimum":1`, ``, "v may be below 1 now"},
		{"another version", `:x:1","type":"object"`, `:x:2","type":"array"`, ""},
	} {
		now := whole
		if c.change != "" {
			if strings.Count(whole, c.change) != 1 {
				t.Fatalf("%s: %q is there %d times", c.name, c.change, strings.Count(whole, c.change))
			}
			now = strings.Replace(whole, c.change, c.into, 1)
		}
		broken := strings.Join(brokenPromises(t, []byte(whole), []byte(now)), "\n")
		if c.wants == "" && broken != "" || !strings.Contains(broken, c.wants) {
			t.Errorf("%s: said %q, want %q", c.name, broken, c.wants)
		}
	}
}

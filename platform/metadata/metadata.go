// Package metadata is the free key-value map that API users hang on objects.
//
// Updates merge: a key with an empty value is deleted, other keys stay, and an
// empty metadata parameter deletes all.
package metadata

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/sluicepay/sluice/platform/fault"
)

// Limits on one object's metadata; lengths are in characters.
const (
	MaxKeys  = 50
	MaxKey   = 40
	MaxValue = 500
)

// Patch is the metadata parameter of a request. The zero value changes nothing.
type Patch struct {
	Clear bool              // metadata= was given: delete all
	Set   map[string]string // new values; "" deletes the key
}

// Given reports whether the request has a metadata parameter.
func (p Patch) Given() bool { return p.Clear || p.Set != nil }

// Apply merges the patch into current and returns the result, never nil; current
// is left alone. It fails with Invalid when more than MaxKeys keys would remain.
func (p Patch) Apply(current map[string]string) (map[string]string, error) {
	merged := make(map[string]string, len(current)+len(p.Set))
	if !p.Clear {
		for k, v := range current {
			merged[k] = v
		}
	}
	for k, v := range p.Set {
		if v == "" {
			delete(merged, k)
			continue
		}
		merged[k] = v
	}
	if len(merged) > MaxKeys {
		return nil, fault.Invalidf("", "metadata", "Metadata can have at most %d keys; this would make %d.", MaxKeys, len(merged))
	}
	return merged, nil
}

// DecodeParam reads the parameter: "" or a map of strings (see rest.ParamDecoder).
func (p *Patch) DecodeParam(name string, v any) error {
	switch v := v.(type) {
	case nil:
		p.Clear = true
		return nil
	case string:
		if v != "" {
			return fault.Invalidf("", name, "Invalid hash: %s must be a set of key-value pairs.", name)
		}
		p.Clear = true
		return nil
	case map[string]any:
		return p.decodeMap(name, v)
	}
	return fault.Invalidf("", name, "Invalid hash: %s must be a set of key-value pairs.", name)
}

func (p *Patch) decodeMap(name string, given map[string]any) error {
	p.Set = make(map[string]string, len(given))
	for _, key := range sortedKeys(given) {
		text, err := checkPair(name, key, given[key])
		if err != nil {
			return err
		}
		p.Set[key] = text
	}
	return nil
}

func checkPair(name, key string, value any) (string, error) {
	param := name + "[" + key + "]"
	text, ok := value.(string)
	switch {
	case strings.ContainsAny(key, "[]"):
		return "", fault.Invalidf("", param, "Metadata keys cannot contain square brackets: %s.", key)
	case value == nil:
		return "", nil // JSON null deletes, as an empty value does
	case !ok:
		return "", fault.Invalidf("", param, "Invalid string: metadata values are strings, %s is not.", param)
	case key == "":
		return "", fault.Invalidf("parameter_invalid_empty", name, "Metadata keys cannot be empty.")
	case utf8.RuneCountInString(key) > MaxKey:
		return "", fault.Invalidf("", param, "Metadata keys can have up to %d characters; this one has %d.", MaxKey, utf8.RuneCountInString(key))
	case utf8.RuneCountInString(text) > MaxValue:
		return "", fault.Invalidf("", param, "Metadata values can have up to %d characters; %s has %d.", MaxValue, param, utf8.RuneCountInString(text))
	}
	return text, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Package openapi checks answers against the public Stripe OpenAPI file that the
// MIT module github.com/stripe/stripe-mock embeds. Tests only: the file is large
// and must not be linked into the binary.
//
// Fields that the file does not know are allowed (Sluice's own extensions), as
// are paths that it does not know. Everything else must fit: required fields,
// null only where nullable, types, enumerations, patterns and lengths, inside
// expanded objects too.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
)

// schema is the part of a JSON schema that the file uses.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Nullable             bool               `json:"nullable"`
	Required             []string           `json:"required"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	AnyOf                []*schema          `json:"anyOf"`
	Enum                 []any              `json:"enum"`
	MaxLength            int                `json:"maxLength"`
	Pattern              string             `json:"pattern"`
	ExpansionResources   json.RawMessage    `json:"x-expansionResources"`
}

type operation struct {
	Responses map[string]struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`

	templates [][]string // the keys of Paths, cut at slashes
}

var load = sync.OnceValue(func() *document {
	var d document
	if err := json.Unmarshal(embedded.OpenAPISpec, &d); err != nil {
		panic("openapi: " + err.Error())
	}
	for path := range d.Paths {
		d.templates = append(d.templates, strings.Split(path, "/"))
	}
	return &d
})

// ours are objects that the file does not know and that may stand where it knows
// others, for a parameter of ours.
var ours = []string{"account_summary", "list_totals", "payout_bank_change", "payout_hold", "payout_policy", "pending_reversal", "refund_preview"}

// ourLists are lists of ours whose address the file takes for that of an object.
var ourLists = []string{"/v1/balance_transactions/running", "/v1/payouts/next"}

// isOurs reports whether an answer is one that the file cannot judge.
func isOurs(v any) bool {
	object, _ := v.(map[string]any)
	noun, _ := object["object"].(string)
	url, _ := object["url"].(string)
	return slices.Contains(ours, noun) || noun == "list" && slices.Contains(ourLists, url)
}

// References are the properties of a named schema that expand[] turns from an id into an object.
func References(schema string) []string {
	var names []string
	if s := load().Components.Schemas[schema]; s != nil {
		for name, property := range s.Properties {
			if property.ExpansionResources != nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Known reports whether the file has an operation for this method and path.
func Known(method, path string) bool {
	_, ok := load().find(method, path)
	return ok
}

// Validate checks the body of an answer. It is nil for operations the file does not
// know, except that every error below /v1/ must have the shape of an error.
func Validate(method, path string, status int, body []byte) error {
	d := load()
	path, _, _ = strings.Cut(path, "?")
	var s *schema
	op, known := d.find(method, path)
	switch {
	case status >= http.StatusBadRequest && strings.HasPrefix(path, "/v1/"):
		s = d.Components.Schemas["error"]
	case !known:
		return nil
	default:
		s = op.Responses[strconv.Itoa(status)].Content["application/json"].Schema
	}
	if s == nil {
		return fmt.Errorf("%s %s: status %d is not in the file", method, path, status)
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("%s %s: not JSON: %w", method, path, err)
	}
	if isOurs(v) {
		return nil
	}
	if err := d.check(s, v, ""); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// ValidateObject checks one object against a named schema of the file, such as
// "charge"; of ours there is none.
func ValidateObject(name string, body []byte) error {
	d := load()
	s := d.Components.Schemas[name]
	if slices.Contains(ours, name) {
		return nil
	}
	if s == nil {
		return fmt.Errorf("openapi: no schema %q", name)
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	return d.check(s, v, "")
}

// find is the operation of a path; a literal segment beats a variable.
func (d *document) find(method, path string) (operation, bool) {
	given := strings.Split(path, "/")
	best, bestVariables := "", len(given)+1
	for _, template := range d.templates {
		variables, ok := match(template, given)
		if ok && variables < bestVariables {
			best, bestVariables = strings.Join(template, "/"), variables
		}
	}
	op, ok := d.Paths[best][strings.ToLower(method)]
	return op, ok
}

func match(template, given []string) (variables int, ok bool) {
	if len(template) != len(given) {
		return 0, false
	}
	for i, segment := range template {
		switch {
		case strings.HasPrefix(segment, "{"):
			variables++
		case segment != given[i]:
			return 0, false
		}
	}
	return variables, true
}

package credential

import (
	"regexp"
	"slices"

	"github.com/sluicepay/sluice/platform/fault"
)

// maxScopes bounds the scopes of one key; there are far fewer resources.
const maxScopes = 200

var scopeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}:(read|write)$`)

// checkScopes sorts and checks the scopes of a restricted key: "charges:read",
// "charges:write", where the resource is one of the API's route table.
func checkScopes(scopes, resources []string) ([]string, error) {
	if len(scopes) == 0 {
		return nil, fault.Missing("scopes")
	}
	if len(scopes) > maxScopes {
		return nil, fault.Invalidf("parameter_invalid", "scopes", "A key can have at most %d scopes.", maxScopes)
	}
	for _, scope := range scopes {
		if !scopeForm.MatchString(scope) || !slices.Contains(resources, resourceOf(scope)) {
			return nil, fault.Invalidf("parameter_invalid", "scopes",
				"Invalid scope: must be a resource and :read or :write, such as charges:read.")
		}
	}
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	return slices.Compact(sorted), nil
}

// resourceOf is "charges" of "charges:write".
func resourceOf(scope string) string {
	for i := range scope {
		if scope[i] == ':' {
			return scope[:i]
		}
	}
	return scope
}

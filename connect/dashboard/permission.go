package dashboard

import (
	"slices"
	"strings"
)

// allows reports whether permissions include one; "charges:write" includes
// "charges:read", nil is everything, and to need nothing is always allowed.
func allows(permissions []string, needed string) bool {
	if permissions == nil || needed == "" || slices.Contains(permissions, needed) {
		return true
	}
	resource, reads := strings.CutSuffix(needed, ":read")
	return reads && slices.Contains(permissions, resource+":write")
}

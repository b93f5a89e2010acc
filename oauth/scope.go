package oauth

import (
	"strings"

	"github.com/sluicepay/sluice/platform/tenant"
)

// parseScope reads a scope parameter: read_only, read_write, or both, which is
// read_write. ok is false for anything else; "" is NoAccess.
func parseScope(text string) (access tenant.Access, ok bool) {
	for _, word := range strings.Fields(text) {
		switch asked := tenant.Access(word); asked {
		case tenant.ReadOnly, tenant.ReadWrite:
			access = wider(access, asked)
		default:
			return tenant.NoAccess, false
		}
	}
	return access, true
}

// rank orders accesses from none to all.
func rank(a tenant.Access) int {
	switch a {
	case tenant.ReadOnly:
		return 1
	case tenant.ReadWrite:
		return 2
	}
	return 0
}

func wider(a, b tenant.Access) tenant.Access {
	if rank(a) > rank(b) {
		return a
	}
	return b
}

func narrower(a, b tenant.Access) tenant.Access {
	if rank(a) < rank(b) {
		return a
	}
	return b
}

// includes reports whether a allows all that b does.
func includes(a, b tenant.Access) bool { return rank(a) >= rank(b) }

// Difference is what a person is asked for when the connection they have (nil:
// none) is to get the scope asked: NoAccess if the connection allows it already,
// else the scope that would be new. Consent is shown in every case.
func Difference(have *Connection, asked tenant.Access) tenant.Access {
	if have != nil && have.Active() && includes(have.Scope, asked) {
		return tenant.NoAccess
	}
	return asked
}

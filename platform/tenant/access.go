package tenant

// Access is what a platform may do with one of its connected accounts, and what
// an OAuth scope allows.
type Access string

// The accesses, from none to all.
const (
	NoAccess  Access = ""
	ReadOnly  Access = "read_only"
	ReadWrite Access = "read_write"
)

// Writes reports whether the access includes changing things.
func (a Access) Writes() bool { return a == ReadWrite }

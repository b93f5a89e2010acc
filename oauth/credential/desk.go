package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"sync"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// deskPrefix begins the credentials of desks. They exist in memory only.
const deskPrefix = "dsk_"

// IsDesk reports whether a credential claims to be a desk's.
func IsDesk(plain string) bool { return strings.HasPrefix(plain, deskPrefix) }

// Sitter is a person who acts for an account with what their role allows.
type Sitter struct {
	User     string // usr_…
	Account  string
	Platform string // the platform behind a connected account; "" when Account is itself a platform
	Livemode bool
	Scopes   []string // nil means all
}

// Desks are the credentials with which pages call the API for a person. One lives as
// long as the request that it was opened for; it stands in no database and no log.
type Desks struct {
	mu   sync.Mutex
	open map[[32]byte]Sitter
}

// NewDesks has none open.
func NewDesks() *Desks { return &Desks{open: map[[32]byte]Sitter{}} }

// Open makes a credential that is good until closed is called.
func (d *Desks) Open(s Sitter) (key secret.Text, closed func()) {
	plain := deskPrefix + rand.Text()
	hash := sha256.Sum256([]byte(plain))
	d.mu.Lock()
	d.open[hash] = s
	d.mu.Unlock()
	return secret.New(plain), func() {
		d.mu.Lock()
		delete(d.open, hash)
		d.mu.Unlock()
	}
}

// Authenticate is who sits at the desk.
func (d *Desks) Authenticate(plain string) (Sitter, error) {
	hash := sha256.Sum256([]byte(plain))
	d.mu.Lock()
	s, open := d.open[hash]
	d.mu.Unlock()
	if !open {
		return Sitter{}, &fault.Error{Kind: fault.Unauthenticated}
	}
	return s, nil
}

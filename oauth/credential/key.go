package credential

import (
	"net/netip"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

// MaxOverlap is the longest time an old key keeps working after a roll.
const MaxOverlap = 7 * 24 * time.Hour

// Key is an API key as it may be shown: everything but the key itself.
type Key struct {
	ID         string // key_…
	Account    string
	Platform   string // behind a connected account's key; "" for a platform's own
	Livemode   bool
	Kind       Kind
	Prefix     string // "sk_test_"
	Last4      string
	Name       string
	Scopes     []string       // of a restricted key; nil for the others
	Networks   []netip.Prefix // that it is good from; nil: from everywhere
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: not revoked
	ReplacedBy string    // the key that a roll put in its place
	LastUsedAt time.Time // zero: never; up to a minute and a flush late
}

// Status is "active", "expired" or "revoked".
func (k Key) Status(at time.Time) string {
	switch {
	case !k.RevokedAt.IsZero() && !at.Before(k.RevokedAt):
		return "revoked"
	case k.expired(at):
		return "expired"
	}
	return "active"
}

func (k Key) expired(at time.Time) bool { return !k.ExpiresAt.IsZero() && !at.Before(k.ExpiresAt) }

// checkActive refuses to change a key whose life is over.
func (k Key) checkActive(at time.Time) error {
	if status := k.Status(at); status != "active" {
		return fault.Invalidf("api_key_inactive", "id", "This API key is %s.", status)
	}
	return nil
}

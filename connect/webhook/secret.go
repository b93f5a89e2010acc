package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/sluicepay/sluice/platform/secret"
)

// Secret is a live signing secret of an endpoint.
type Secret struct {
	ID  string // whs_…
	Key secret.Text
}

const secretPrefix = "whsec_"

// newSigningSecret is whsec_ and 192 random bits in padding-free base64, so that
// both readings give a good key: Stripe's libraries use the whole text as it
// stands, those of Standard Webhooks decode what follows the prefix.
func newSigningSecret() (secret.Text, error) {
	raw := make([]byte, 24)
	if _, err := rand.Read(raw); err != nil {
		return secret.Text{}, fmt.Errorf("webhook: randomness: %w", err)
	}
	return secret.New(secretPrefix + base64.StdEncoding.EncodeToString(raw)), nil
}

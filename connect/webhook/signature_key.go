package webhook

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// keysKept bounds how many derived keys are kept: one takes 15 µs to derive, and 64 bytes.
const keysKept = 8192

// Signer makes the signatures of webhooks. Each signing secret has an ed25519 key pair
// beside it, for receivers who would rather hold nothing secret. The pair is derived
// from a pepper, the endpoint and the secret's id: nothing of it is stored, and it
// ends with its secret.
type Signer struct {
	pepper secret.Pepper
	keys   *lru.Cache[keyName, ed25519.PrivateKey]
}

type keyName struct{ endpoint, secret string }

// NewSigner derives key pairs from pepper, which is of the purpose "webhook_keys".
func NewSigner(pepper secret.Pepper) *Signer {
	keys, _ := lru.New[keyName, ed25519.PrivateKey](keysKept) // fails on a size of 0 alone
	return &Signer{pepper: pepper, keys: keys}
}

func (s *Signer) key(endpointID, secretID string) ed25519.PrivateKey {
	name := keyName{endpointID, secretID}
	if key, ok := s.keys.Get(name); ok {
		return key
	}
	seed := s.pepper.Sum(secret.New("ed25519\x00" + endpointID + "\x00" + secretID))
	key := ed25519.NewKeyFromSeed(seed[:])
	s.keys.Add(name, key)
	return key
}

func (s *Signer) public(endpointID, secretID string) ed25519.PublicKey {
	return s.key(endpointID, secretID).Public().(ed25519.PublicKey)
}

// PublicKey is the public key beside a secret as Standard Webhooks writes it: whpk_ and base64.
func (s *Signer) PublicKey(endpointID, secretID string) string {
	return "whpk_" + base64.StdEncoding.EncodeToString(s.public(endpointID, secretID))
}

// jwk is a public key in the way of RFC 8037.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	Kid string `json:"kid"`
	X   string `json:"x"`
}

// JWKS is the JSON Web Key Set of an endpoint's live secrets, the newest first; a
// key's id is its secret's. It needs no scope: public keys are for everybody who
// knows the endpoint's id. Fails with NotFound.
func (s *Endpoints) JWKS(ctx context.Context, idb bun.IDB, at time.Time, endpointID string) ([]byte, error) {
	ids, err := liveSecretIDs(ctx, idb, endpointID, at)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, fault.NoSuch("webhook endpoint", endpointID)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for _, id := range ids {
		x := base64.RawURLEncoding.EncodeToString(s.signer.public(endpointID, id))
		set.Keys = append(set.Keys, jwk{Kty: "OKP", Crv: "Ed25519", Alg: "EdDSA", Use: "sig", Kid: id, X: x})
	}
	body, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encode key set: %w", err)
	}
	return body, nil
}

// PublicKeys are the public keys (whpk_…) of the current secrets of endpoints, by endpoint.
func (s *Endpoints) PublicKeys(ctx context.Context, idb bun.IDB, endpointIDs ...string) (map[string]string, error) {
	current, err := currentSecretIDs(ctx, idb, endpointIDs)
	if err != nil {
		return nil, err
	}
	keys := make(map[string]string, len(current))
	for endpointID, secretID := range current {
		keys[endpointID] = s.signer.PublicKey(endpointID, secretID)
	}
	return keys, nil
}

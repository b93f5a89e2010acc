package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
)

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

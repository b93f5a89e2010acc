package webhook

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

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

// sign sets the signature headers of all schemes. To those of the shared secrets it adds,
// for the key pair beside each:
//
//	webhook-signature: … v1a,<base64 ed25519 of "<id>.<unix>.<body>"> v1a,…
//	Content-Digest:    sha-256=:<base64 of the body's hash>:                                     (RFC 9530)
//	Signature-Input:   sig1=("content-digest" "webhook-id" "webhook-timestamp" "@target-uri");…  (RFC 9421)
//	Signature:         sig1=:<base64 ed25519 of the signature base>:, sig2=…
//
// The last is small whatever the body is, so that a key store can make it. target is
// the URL as the receiver sees it.
func (s *Signer) sign(header http.Header, m Message, target string, at time.Time) error {
	if err := sign(header, m.Secrets, m.ID, at, m.Body); err != nil {
		return err
	}
	unix := strconv.FormatInt(at.Unix(), 10)
	content := make([]byte, 0, len(m.ID)+len(unix)+2+len(m.Body)) // ed25519 wants it in one piece
	content = append(append(append(append(append(content, m.ID...), '.'), unix...), '.'), m.Body...)
	sum := sha256.Sum256(m.Body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	standard, inputs, signatures := header.Get("webhook-signature"), "", ""
	for i, live := range m.Secrets {
		key, label := s.key(m.Endpoint, live.ID), "sig"+strconv.Itoa(i+1)+"="
		if i > 0 {
			label = ", " + label
		}
		params := covered + `;created=` + unix + `;keyid="` + live.ID + `";alg="ed25519"`
		base := `"content-digest": ` + digest + "\n" + // RFC 9421, section 2.5
			`"webhook-id": ` + m.ID + "\n" +
			`"webhook-timestamp": ` + unix + "\n" +
			`"@target-uri": ` + target + "\n" +
			`"@signature-params": ` + params
		standard += " v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(key, content))
		inputs += label + params
		signatures += label + ":" + base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(base))) + ":"
	}
	header.Set("webhook-signature", standard)
	header.Set("Content-Digest", digest)
	header.Set("Signature-Input", inputs)
	header.Set("Signature", signatures)
	return nil
}

// covered are the covered components of RFC 9421, in the order of the signature base.
const covered = `("content-digest" "webhook-id" "webhook-timestamp" "@target-uri")`

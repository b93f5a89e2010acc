package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// Pepper makes keyed hashes. Generated secrets are random and long, so no slow
// password hash is needed; and what has few values, such as a card number,
// cannot be found from a stolen hash by trying them all: without the pepper a
// hash cannot even be tested against a guess.
type Pepper struct{ key *[]byte }

// NewPepper derives the pepper of one purpose ("api_keys") from a master secret.
func NewPepper(master []byte, purpose string) (Pepper, error) {
	key, err := derive(master, "pepper/"+purpose)
	if err != nil {
		return Pepper{}, err
	}
	return Pepper{key: &key}, nil
}

// Sum is the HMAC-SHA-256 of text under the pepper.
func (p Pepper) Sum(text Text) [sha256.Size]byte {
	mac := hmac.New(sha256.New, *p.key)
	mac.Write([]byte(text.Reveal()))
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	return sum
}

// RandomPepper is a pepper that lives and dies with this process.
func RandomPepper() Pepper {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return Pepper{key: &key}
}

// IsZero reports whether the pepper was never made.
func (p Pepper) IsZero() bool { return p.key == nil }

// String keeps the pepper itself out of print.
func (p Pepper) String() string { return redacted }

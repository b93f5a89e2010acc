package secret

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Pepper makes keyed hashes of generated secrets. Those are random and long,
// so no slow password hash is needed; without the pepper a stolen hash cannot
// even be tested against a guess.
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

// String keeps the pepper itself out of print.
func (p Pepper) String() string { return redacted }

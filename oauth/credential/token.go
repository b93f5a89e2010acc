package credential

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/sluicepay/sluice/platform/secret"
)

// Pattern is the published regular expression of our keys, for secret scanners.
// A match is one of ours if Parse accepts it.
const Pattern = `\b(sk|pk|rk)_(test|live)_[0-9A-Za-z]{36}\b`

const (
	// Digits are those of base 62, as keys and tokens are written.
	Digits         = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomDigits   = 30 // 178 bits
	checksumDigits = 6  // 62^6 > 2^32
)

// Kind is what a key may be used for.
type Kind string

const (
	// Secret keys may do everything, on servers only.
	Secret Kind = "sk"
	// Publishable keys may be seen by anybody; they can make tokens.
	Publishable Kind = "pk"
	// Restricted keys may do what their scopes say.
	Restricted Kind = "rk"
)

// Token is a well-formed key in plain: its checksum is right, which does not
// mean that it was ever issued.
type Token struct {
	Kind     Kind
	Livemode bool
	plain    secret.Text
}

// ErrNotAKey means that a string is not one of our keys.
var ErrNotAKey = errors.New("credential: not an API key")

// Parse checks a key's form and checksum, offline. Fails with ErrNotAKey.
func Parse(plain string) (Token, error) {
	const prefix = len("sk_test_")
	if len(plain) != prefix+randomDigits+checksumDigits {
		return Token{}, ErrNotAKey
	}
	t := Token{Kind: Kind(plain[:2]), Livemode: plain[3:7] == "live"}
	if !t.Kind.known() || plain[:prefix] != t.Prefix() {
		return Token{}, ErrNotAKey
	}
	body := plain[:prefix+randomDigits]
	if plain[len(body):] != Checksum(body) {
		return Token{}, ErrNotAKey
	}
	t.plain = secret.New(plain)
	return t, nil
}

// generate makes a new random key.
func generate(kind Kind, livemode bool) (Token, error) {
	t := Token{Kind: kind, Livemode: livemode}
	random, err := randomText(randomDigits)
	if err != nil {
		return Token{}, err
	}
	body := t.Prefix() + random
	t.plain = secret.New(body + Checksum(body))
	return t, nil
}

// Plain is the key itself.
func (t Token) Plain() secret.Text { return t.plain }

// Prefix is the public start of the key, such as "sk_test_".
func (t Token) Prefix() string {
	switch {
	case t.Livemode:
		return string(t.Kind) + "_live_"
	}
	return string(t.Kind) + "_test_"
}

// Last4 is the public end of the key.
func (t Token) Last4() string {
	plain := t.plain.Reveal()
	return plain[len(plain)-4:]
}

// Redacted is the key as errors may show it: "sk_test_****…1234".
func (t Token) Redacted() string { return t.Prefix() + strings.Repeat("*", 8) + t.Last4() }

func (k Kind) known() bool { return k == Secret || k == Publishable || k == Restricted }

// randomText is n base-62 digits. Bytes of 248 and more are thrown away: 256 is
// no multiple of 62, keeping them would favour the first digits.
func randomText(n int) (string, error) {
	const fair = 256 / len(Digits) * len(Digits)
	out := make([]byte, 0, n)
	buf := make([]byte, n)
	for len(out) < n {
		if _, err := rand.Read(buf); err != nil {
			return "", fmt.Errorf("credential: randomness: %w", err)
		}
		for _, b := range buf {
			if int(b) < fair && len(out) < n {
				out = append(out, Digits[int(b)%len(Digits)])
			}
		}
	}
	return string(out), nil
}

// Checksum is what a key or token ends with: the CRC-32 of all before, in six
// digits of base 62. A typing error or a guess ends there, before the database.
func Checksum(body string) string {
	var out [checksumDigits]byte
	sum := crc32.ChecksumIEEE([]byte(body))
	for i := checksumDigits - 1; i >= 0; i-- {
		out[i] = Digits[sum%uint32(len(Digits))]
		sum /= uint32(len(Digits))
	}
	return string(out[:])
}

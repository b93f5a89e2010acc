package oauth

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/secret"
)

// What the server hands out, by its prefix. Behind it stand 43 base-62 digits
// (256 bits) and 6 digits CRC-32 of all before, as in API keys: a typing error or
// a guess ends before it reaches the database.
const (
	accessTest    = "sk_test_oat_"
	accessLive    = "sk_live_oat_"
	refreshPrefix = "rt_"
	codePrefix    = "ac_"
	secretTest    = "cs_test_"
	secretLive    = "cs_live_"
	pushedPrefix  = "urn:ietf:params:oauth:request_uri:"
)

// Pattern is the published regular expression of what the server hands out, for
// secret scanners.
const Pattern = `\b(sk_(test|live)_oat|rt|ac|cs_(test|live))_[0-9A-Za-z]{49}\b`

const (
	bodyDigits     = 43 // 62^43 > 2^256
	checksumDigits = 6  // 62^6 > 2^32
)

func accessPrefix(livemode bool) string {
	if livemode {
		return accessLive
	}
	return accessTest
}

func secretPrefix(livemode bool) string {
	if livemode {
		return secretLive
	}
	return secretTest
}

// IsAccessToken reports whether a credential looks like an access token of ours.
func IsAccessToken(plain string) bool {
	return wellFormed(plain, accessTest) || wellFormed(plain, accessLive)
}

// randomToken is a new secret of 256 bits.
func randomToken(prefix string) secret.Text {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		panic("oauth: no randomness: " + err.Error()) // crypto/rand never fails on supported systems
	}
	return tokenOf(prefix, raw)
}

// tokenOf writes 256 bits as a token.
func tokenOf(prefix string, raw [32]byte) secret.Text {
	n, base, mod := new(big.Int).SetBytes(raw[:]), big.NewInt(62), new(big.Int)
	body := make([]byte, bodyDigits)
	for i := bodyDigits - 1; i >= 0; i-- {
		n.DivMod(n, base, mod)
		body[i] = credential.Digits[mod.Int64()]
	}
	token := prefix + string(body)
	return secret.New(token + credential.Checksum(token))
}

// wellFormed checks form and checksum, which does not mean that it was ever issued.
func wellFormed(plain, prefix string) bool {
	if len(plain) != len(prefix)+bodyDigits+checksumDigits || !strings.HasPrefix(plain, prefix) {
		return false
	}
	body, sum := plain[:len(prefix)+bodyDigits], plain[len(prefix)+bodyDigits:]
	return credential.Checksum(body) == sum
}

// successor derives what follows a used refresh token: the same token, salt and
// word give the same successor, so that an answer that was lost can be given
// again although nothing of it is stored. It needs the old token, its row and the
// pepper together.
func successor(pepper secret.Pepper, used string, salt []byte, word, prefix string) secret.Text {
	return tokenOf(prefix, pepper.Sum(secret.New(fmt.Sprintf("%s\x00%x\x00%s", word, salt, used))))
}

func last4(plain string) string { return plain[len(plain)-4:] }

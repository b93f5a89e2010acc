package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
)

// PKCE (RFC 7636) is ours alone. fosite keeps the challenge in a row of its own
// and deletes it at the first attempt: a wrong verifier followed by none got a
// token (F1); and it takes a challenge of one character (F10). Here the challenge
// stands in the code's own row, its form is checked when it arrives, and a failed
// proof spends the code.

// challengeForm is that of an S256 challenge or longer, as the RFC has it.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43,128}$`)

// verifierForm is 43 to 128 unreserved characters.
var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// checkChallenge refuses a challenge that proves nothing.
func checkChallenge(challenge, method string, public bool) error {
	switch {
	case challenge == "" && method != "":
		return invalidRequest("code_challenge_method was sent without code_challenge.")
	case challenge == "" && public:
		return invalidRequest("This client must use PKCE: code_challenge is missing.")
	case challenge == "":
		return nil
	case method != "S256":
		return invalidRequest("code_challenge_method must be S256.")
	case !challengeForm.MatchString(challenge):
		return invalidRequest("code_challenge must be 43 to 128 base64url characters.")
	}
	return nil
}

// proves reports whether the verifier fits the challenge. A client that
// authenticates with its platform's secret key may do without; then it must not
// send a verifier either: one without a challenge means that somebody took the
// challenge out of the authorization request (RFC 9700, 4.8.2).
func proves(challenge, verifier string, byKey bool) bool {
	if challenge == "" {
		return byKey && verifier == ""
	}
	if !verifierForm.MatchString(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	made := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(made), []byte(challenge)) == 1
}

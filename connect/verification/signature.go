package verification

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/secret"
)

const (
	// SignatureHeader carries the signature of requests to verifiers and of their callbacks.
	SignatureHeader = "Sluice-Verification-Signature"
	// tolerance is how old a signature may be.
	tolerance = 5 * time.Minute
	// MaxBody bounds requests, answers and callbacks.
	MaxBody = 256 << 10
)

// Sign signs a body as "t=<unix seconds>,v1=<hex HMAC-SHA-256 of t.body>".
func Sign(key secret.Text, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(sum(key, t, body))
}

func sum(key secret.Text, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// signed reports whether a signature is of this body, under this key, and young.
func signed(key secret.Text, signature string, body []byte, now time.Time) bool {
	t, v1 := "", ""
	for _, part := range strings.Split(signature, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			t = value
		case "v1":
			v1 = value
		}
	}
	at, err := strconv.ParseInt(t, 10, 64)
	if err != nil || key.IsZero() || now.Sub(time.Unix(at, 0)).Abs() > tolerance {
		return false
	}
	got, err := hex.DecodeString(v1)
	return err == nil && hmac.Equal(got, sum(key, t, body))
}

func handle(key secret.Text, signature string, body []byte, now time.Time) (Answer, error) {
	if !signed(key, signature, body, now) {
		return Answer{}, ErrSignature
	}
	return parse(body)
}

// parse reads an answer and refuses what is none.
func parse(body []byte) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("verification: read answer: %w", err)
	}
	if a.Check == "" || a.Reference == "" || a.Revision < 1 || len(a.Reference) > 4096 {
		return a, fmt.Errorf("verification: an answer needs check, reference and revision")
	}
	for _, o := range a.Outcomes {
		switch o.State {
		case Verified, Failed, Pending, NeedsDocument:
		default:
			return a, fmt.Errorf("verification: unknown state of %q", o.Requirement)
		}
	}
	return a, nil
}

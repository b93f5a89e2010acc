package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sign sets the signature headers of the schemes with a shared secret, with a signature
// under each live one. id and time are part of what Standard Webhooks signs, time of
// what Stripe signs; body is signed as sent. Signer adds what needs no secret to verify.
//
//	Stripe-Signature:  t=<unix>,v1=<hex HMAC-SHA-256 of "<unix>.<body>" under the whole secret>,v1=…
//	webhook-signature: v1,<base64 HMAC-SHA-256 of "<id>.<unix>.<body>" under the decoded secret> v1,…
func sign(header http.Header, secrets []Secret, id string, at time.Time, body []byte) error {
	unix := strconv.FormatInt(at.Unix(), 10)
	stripe, standard := "t="+unix, make([]string, 0, len(secrets))
	for _, s := range secrets {
		text := s.Key.Reveal()
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
		if err != nil {
			return fmt.Errorf("webhook: signing secret is not base64") // the cause would show part of the secret
		}
		stripe += ",v1=" + hex.EncodeToString(mac([]byte(text), unix+".", body))
		standard = append(standard, "v1,"+base64.StdEncoding.EncodeToString(mac(decoded, id+"."+unix+".", body)))
	}
	header.Set("Stripe-Signature", stripe)
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", unix)
	header.Set("webhook-signature", strings.Join(standard, " "))
	return nil
}

func mac(key []byte, start string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(start))
	h.Write(body)
	return h.Sum(nil)
}

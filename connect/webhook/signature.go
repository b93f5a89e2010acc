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

	"github.com/sluicepay/sluice/platform/secret"
)

const secretPrefix = "whsec_"

// sign sets the signature headers of both schemes. id and time are part of what
// Standard Webhooks signs, time of what Stripe signs; body is signed as sent.
//
//	Stripe-Signature:  t=<unix>,v1=<hex HMAC-SHA-256 of "<unix>.<body>" under the whole secret>
//	webhook-signature: v1,<base64 HMAC-SHA-256 of "<id>.<unix>.<body>" under the decoded secret>
func sign(header http.Header, key secret.Text, id string, at time.Time, body []byte) error {
	text := key.Reveal()
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil {
		return fmt.Errorf("webhook: signing secret is not base64") // the cause would show part of the secret
	}
	unix := strconv.FormatInt(at.Unix(), 10)
	header.Set("Stripe-Signature", "t="+unix+",v1="+hex.EncodeToString(mac([]byte(text), unix+".", body)))
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", unix)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac(decoded, id+"."+unix+".", body)))
	return nil
}

func mac(key []byte, start string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(start))
	h.Write(body)
	return h.Sum(nil)
}

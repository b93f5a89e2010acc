package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signed is a request in the form that its signatures are made of.
type signed struct {
	endpoint string // whose secrets
	id       string // the event's
	target   string // the URL as it is asked for
	unix     string
	content  []byte // "<id>.<unix>.<body>": what Standard Webhooks signs, and behind the id, what Stripe signs
}

func newSigned(m Message, target string, at time.Time) signed {
	s := signed{endpoint: m.Endpoint, id: m.ID, target: target, unix: strconv.FormatInt(at.Unix(), 10)}
	s.content = make([]byte, 0, len(s.id)+len(s.unix)+2+len(m.Body))
	s.content = append(append(append(append(s.content, s.id...), '.'), s.unix...), '.')
	s.content = append(s.content, m.Body...)
	return s
}

func (s signed) stripe() []byte { return s.content[len(s.id)+1:] } // "<unix>.<body>"

func (s signed) body() []byte { return s.content[len(s.id)+len(s.unix)+2:] }

// sign sets the signature headers of all schemes, with a signature under each live
// secret and under the key pair that belongs to it. Time is part of all of them, the
// event's id of all but Stripe's; body is signed as sent.
//
//	Stripe-Signature:  t=<unix>,v1=<hex HMAC-SHA-256 of "<unix>.<body>" under the whole secret>,v1=…
//	webhook-signature: v1,<base64 HMAC-SHA-256 of "<id>.<unix>.<body>" under the decoded secret> v1a,<base64 ed25519 of the same> v1,…
//	Content-Digest:    sha-256=:<base64 of the body's hash>:                                        (RFC 9530)
//	Signature-Input:   sig1=("content-digest" "webhook-id" "webhook-timestamp" "@target-uri");…     (RFC 9421)
//	Signature:         sig1=:<base64 ed25519 of the signature base>:, sig2=…
//
// The last is small whatever the body is, so that a key store can make it.
func (s *Signer) sign(header http.Header, secrets []Secret, message signed) error {
	if len(secrets) == 0 {
		return errors.New("webhook: endpoint has no live secret")
	}
	digest := digestOf(message.body())
	stripe, standard, inputs, signatures := "t="+message.unix, "", "", ""
	for i, live := range secrets {
		text := live.Key.Reveal()
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
		if err != nil {
			return errors.New("webhook: signing secret is not base64") // the cause would show part of the secret
		}
		key := s.key(message.endpoint, live.ID)
		label, comma, space := "sig"+strconv.Itoa(i+1)+"=", "", ""
		if i > 0 {
			comma, space = ", ", " "
		}
		params := covered + `;created=` + message.unix + `;keyid="` + live.ID + `";alg="ed25519"`
		stripe += ",v1=" + hex.EncodeToString(mac([]byte(text), message.stripe()))
		standard += space + "v1," + encode(mac(decoded, message.content)) + " v1a," + encode(ed25519.Sign(key, message.content))
		inputs += comma + label + params
		signatures += comma + label + ":" + encode(ed25519.Sign(key, message.base(digest, params))) + ":"
	}
	header["Stripe-Signature"] = []string{stripe}
	header["Webhook-Id"] = []string{message.id}
	header["Webhook-Timestamp"] = []string{message.unix}
	header["Webhook-Signature"] = []string{standard}
	header["Content-Digest"] = []string{digest}
	header["Signature-Input"] = []string{inputs}
	header["Signature"] = []string{signatures}
	return nil
}

// covered are the covered components of RFC 9421, in the order of the signature
// base; parameters follow.
const covered = `("content-digest" "webhook-id" "webhook-timestamp" "@target-uri")`

// base is the signature base of RFC 9421, section 2.5.
func (s signed) base(digest, params string) []byte {
	return []byte(`"content-digest": ` + digest + "\n" +
		`"webhook-id": ` + s.id + "\n" +
		`"webhook-timestamp": ` + s.unix + "\n" +
		`"@target-uri": ` + s.target + "\n" +
		`"@signature-params": ` + params)
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + encode(sum[:]) + ":"
}

func mac(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(content)
	return h.Sum(nil)
}

func encode(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

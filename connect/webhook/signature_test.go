package webhook

import (
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"

	"github.com/sluicepay/sluice/platform/secret"
)

func TestSignaturesVerifyWithTheLibrariesOfBothSchemes(t *testing.T) {
	signer := NewSigner(secret.RandomPepper())
	for range 50 { // '+' and '/' in some of the secrets
		key, err := newSigningSecret()
		if err != nil {
			t.Fatal(err)
		}
		header, body := http.Header{}, []byte(`{"id":"evt_1","amount":600}`)
		if err := signer.sign(header, []Secret{{ID: "whs_1", Key: key}}, newSigned(Message{ID: "evt_1", Endpoint: "we_1", Body: body}, "https://a.example/", time.Now())); err != nil {
			t.Fatal(err)
		}
		if err := stripewebhook.ValidatePayload(body, header.Get("Stripe-Signature"), key.Reveal()); err != nil {
			t.Fatalf("stripe-go: %v", err)
		}
		standard, err := standardwebhooks.NewWebhook(key.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := standard.Verify(body, header); err != nil {
			t.Fatalf("standard webhooks: %v", err)
		}
		body[0] = ' '
		if stripewebhook.ValidatePayload(body, header.Get("Stripe-Signature"), key.Reveal()) == nil || standard.Verify(body, header) == nil {
			t.Fatal("an altered body verifies")
		}
	}
}

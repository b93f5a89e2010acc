package e2e_test

import (
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// Ada takes a payment, the power fails, and everything she was told is still true.
func TestAnAcknowledgedPaymentSurvivesTheProcess(t *testing.T) {
	s := newServer(t)
	ada := s.Stripe()
	charge, err := ada.V1Charges.Create(t.Context(), &stripe.ChargeCreateParams{
		Amount: stripe.Int64(60000), Currency: stripe.String("hkd"), Source: &stripe.PaymentSourceSourceParams{Token: stripe.String("tok_visa")},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	again, err := ada.V1Charges.Retrieve(t.Context(), charge.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.Status != stripe.ChargeStatusSucceeded || again.Amount != 60000 {
		t.Errorf("after the restart: %s of %d", again.Status, again.Amount)
	}
	s.Sluice("ledger", "verify")
}

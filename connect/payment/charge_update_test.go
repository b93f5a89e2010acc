package payment_test

import "testing"

// What making a charge refuses, changing one refuses too.
func TestAChargeIsChangedOnlyToWhatItCouldBeMadeWith(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa").field("id")
	before := w.value("SELECT version FROM connect.charges WHERE id = ?", id)
	for param, value := range map[string]string{
		"description": "4242424242424242", "metadata[card]": "4242 4242 4242 4242", "customer": "cus_of_somebody_else",
	} {
		r := w.want(400, "/v1/charges/"+id, param+"="+value)
		if r.field("error.param") == "" {
			t.Errorf("%s: %s", param, r)
		}
	}
	if after := w.value("SELECT version FROM connect.charges WHERE id = ?", id); after != before {
		t.Errorf("version %s became %s", before, after)
	}
	if kept := w.value("SELECT customer FROM connect.charges WHERE id = ?", id); kept != "" {
		t.Errorf("customer %s", kept)
	}
	w.want(200, "/v1/charges/"+id, "customer=", "description=the lesson of Monday")
	w.settled()
}

// Refunds keep no card numbers either.
func TestARefundRefusesCardNumbersInItsMetadata(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/charges", "amount=1000", "currency=hkd", "source=tok_visa").field("id")
	w.want(400, "/v1/refunds", "charge="+id, "metadata[card]=4242424242424242")
	if n := w.life.witness.count("refund"); n != 0 {
		t.Errorf("the processor was asked for %d refunds", n)
	}
	w.settled()
}

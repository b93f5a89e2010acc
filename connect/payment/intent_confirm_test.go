package payment_test

import "testing"

// An account that could receive when the intent was made may have lost that by
// the time the payer confirms: nobody is charged for money that cannot go on.
func TestConfirmingAsksAgainWhetherReceiversCanReceive(t *testing.T) {
	w := open(t)
	for _, terms := range [][]string{
		{"transfer_data[destination]=" + may},
		{"splits[0][destination]=" + lee, "splits[0][amount]=100", "splits[1][destination]=" + may, "splits[1][remainder]=true"},
	} {
		id := w.want(200, "/v1/payment_intents", append(terms, "amount=60000", "currency=hkd")...).field("id")
		_, err := w.pool.NewRaw("UPDATE connect.payment_intents SET terms = replace(terms::text, ?, ?)::jsonb WHERE id = ?", may, cold, id).Exec(w.Context())
		w.must(err)
		r := w.want(400, "/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_visa")
		if r.field("error.code") != "insufficient_capabilities_for_transfer" {
			t.Errorf("%s", r)
		}
	}
	if n := w.life.witness.count("authorize"); n != 0 {
		t.Errorf("the processor was called %d times", n)
	}
	w.settled()
	w.money("")
}

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

// An update that names one part of the transfer leaves the other as agreed.
func TestUpdatingAnIntentKeepsTheTransferAmountItDoesNotName(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "transfer_data[destination]="+may, "transfer_data[amount]=40000").field("id")
	for _, c := range []struct {
		update []string
		want   string
	}{
		{[]string{"transfer_data[destination]=" + lee}, "40000"},
		{[]string{"transfer_data[amount]=30000"}, "30000"},
		{[]string{"transfer_data[destination]=" + lee, "application_fee_amount=500"}, ""}, // the fee takes the amount's place
	} {
		r := w.want(200, "/v1/payment_intents/"+id, c.update...)
		if got := r.field("transfer_data.amount"); got != c.want || r.field("transfer_data.destination") != lee {
			t.Errorf("%v: %s to %s", c.update, got, r.field("transfer_data.destination"))
		}
	}
}

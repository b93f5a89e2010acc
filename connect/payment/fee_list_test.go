package payment_test

import (
	"testing"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/tenant"
)

func TestAFeeIsFoundByItsChargeAndByThePaymentThatItWasTakenFrom(t *testing.T) {
	w := open(t)
	scope := tenant.Scope{Platform: hub, Account: hub}
	routed := w.want(200, "/v1/charges", "amount=20000", "currency=hkd", "source=tok_visa", "transfer_data[destination]="+may, "application_fee_amount=2000")
	direct := w.want(200, "/v1/charges", "Stripe-Account: "+may, "amount=30000", "currency=hkd", "source=tok_visa", "application_fee_amount=3000")
	free := w.want(200, "/v1/charges", "amount=40000", "currency=hkd", "source=tok_visa")
	payment := w.value("SELECT destination_payment FROM connect.transfers WHERE source_transaction = ?", routed.field("id"))
	fees := connect.ApplicationFees{}
	for charge, want := range map[string]int64{routed.field("id"): 2000, payment: 2000, direct.field("id"): 3000, free.field("id"): 0, "ch_none": 0} {
		got, err := fees.List(t.Context(), w.pool, scope, connect.FeeFilter{Charge: charge})
		w.must(err)
		var sum int64
		for _, fee := range got.Items {
			sum += fee.Amount
		}
		if sum != want || want > 0 && len(got.Items) != 1 {
			t.Errorf("%s has %d fees of %d, want %d", charge, len(got.Items), sum, want)
		}
	}
	others, err := fees.List(t.Context(), w.pool, tenant.Scope{Platform: may, Account: may}, connect.FeeFilter{Charge: routed.field("id")})
	w.must(err)
	if len(others.Items) != 0 {
		t.Error("another account sees the platform's fee")
	}
	w.settled()
}

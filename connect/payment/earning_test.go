package payment_test

import (
	"fmt"
	"testing"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Whatever comes and goes by way of payments is in the earnings: what they left the
// account is what it has, and each is the sum of its parts.
func TestWhatPaymentsLeftIsWhatTheAccountHas(t *testing.T) {
	w := open(t)
	scope := tenant.Scope{Platform: hub, Account: may}
	for _, c := range []struct{ amount, fee, refund int }{{60000, 9000, 0}, {45050, 4505, 1001}, {30000, 3000, 30000}} {
		r := w.want(200, "/v1/charges", fmt.Sprintf("amount=%d", c.amount), "currency=hkd", "source=tok_visa",
			"transfer_data[destination]="+may, fmt.Sprintf("application_fee_amount=%d", c.fee))
		if c.refund > 0 {
			w.want(200, "/v1/refunds", "charge="+r.field("id"), fmt.Sprintf("amount=%d", c.refund), "reverse_transfer=true", "refund_application_fee=true")
		}
	}
	w.want(200, "/v1/charges", "Stripe-Account: "+may, "amount=20000", "currency=hkd", "source=tok_visa", "application_fee_amount=2000")
	found, err := connect.Earnings(t.Context(), w.pool, scope, connect.EarningFilter{})
	w.must(err)
	if len(found.Items) != 4 {
		t.Fatalf("%d earnings, want 4", len(found.Items))
	}
	var sum int64
	for _, e := range found.Items {
		shown := e.Wire()
		sum += shown.Net
		if parts := shown.Amount - shown.ApplicationFee - shown.ProcessingFee - shown.Refunded + shown.FeeRefunded; parts != shown.Net {
			t.Errorf("%s keeps %d, its parts make %d", shown.ID, shown.Net, parts)
		}
		if shown.Paid == nil || *shown.Paid != shown.Amount {
			t.Errorf("%s: the payer gave %v for %d", shown.ID, shown.Paid, shown.Amount)
		}
	}
	funds, err := balance.In(t.Context(), w.pool, balance.Purse{Account: may, Currency: money.Currency("hkd")})
	w.must(err)
	if has := funds.Available + funds.Pending; has != sum {
		t.Errorf("payments left %d, the account has %d", sum, has)
	}
	for _, e := range found.Items {
		again, err := connect.Earnings(t.Context(), w.pool, scope, connect.EarningFilter{Source: e.Line.Source})
		w.must(err)
		if len(again.Items) != 1 || again.Items[0].Line.ID != e.Line.ID {
			t.Errorf("%s is not found by its payment", e.Line.ID)
		}
	}
	others, err := connect.Earnings(t.Context(), w.pool, tenant.Scope{Platform: hub, Account: lee}, connect.EarningFilter{Source: found.Items[0].Line.Source})
	w.must(err)
	if len(others.Items) != 0 {
		t.Error("another account sees a payment that is not its own")
	}
	w.settled()
}

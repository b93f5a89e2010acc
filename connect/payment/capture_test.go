package payment_test

import "testing"

// A capture that says nothing of the transfer's amount leaves it as agreed.
func TestCaptureKeepsTheTransferAmountItDoesNotName(t *testing.T) {
	w := open(t)
	id := w.want(200, "/v1/payment_intents", "amount=60000", "currency=hkd", "payment_method=pm_card_visa", "confirm=true",
		"capture_method=manual", "transfer_data[destination]="+may, "transfer_data[amount]=40000").field("id")
	w.want(200, "/v1/payment_intents/"+id+"/capture", "transfer_data[destination]="+may)
	w.settled()
	w.money(`
		hub processor_clearing -60000
		hub processor_fees       2275
		hub pending             17725
		may pending             40000`)
}

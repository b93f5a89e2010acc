package payment_test

import (
	"testing"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Transfers and what takes them back keep no card numbers.
func TestTransfersRefuseCardNumbers(t *testing.T) {
	w := open(t)
	const number = "4242 4242 4242 4242"
	amount, text := int64(100), number
	inMetadata := metadata.Patch{Set: map[string]string{"card": number}}
	for name, p := range map[string]connect.TransferParams{
		"description": {Description: &text}, "metadata": {Metadata: inMetadata},
	} {
		p.Amount, p.Currency, p.Destination = &amount, "hkd", may
		err := w.life.moves.Check(t.Context(), tenant.Scope{Platform: hub, Account: hub}, p)
		if f := fault.As(err); f == nil || f.Code != "parameter_invalid_card_number" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.want(200, "/v1/charges", "amount=60000", "currency=hkd", "source=tok_visa", "transfer_data[destination]="+may)
	transfer := w.value("SELECT id FROM connect.transfers")
	r := w.want(400, "/v1/transfers/"+transfer+"/reversals", "amount=100", "metadata[card]="+number)
	if r.field("error.code") != "parameter_invalid_card_number" {
		t.Errorf("%s", r)
	}
	w.settled()
}

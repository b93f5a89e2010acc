package wire_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/wire"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

func TestEveryExpandableIDIsAReference(t *testing.T) {
	for schema, object := range map[string]any{
		"application_fee": wire.ApplicationFee{}, "balance_transaction": wire.BalanceTransaction{}, "bank_account": wire.BankAccount{},
		"capability": wire.Capability{}, "card": wire.Card{}, "charge": wire.Charge{}, "charge_transfer_data": wire.ChargeTransferData{},
		"checkout.session": wire.CheckoutSession{}, "customer": wire.Customer{}, "fee_refund": wire.FeeRefund{}, "invoice_setting_customer_setting": wire.CustomerInvoiceSettings{},
		"payment_intent": wire.PaymentIntent{}, "payment_method": wire.PaymentMethod{}, "payout": wire.Payout{}, "refund": wire.Refund{},
		"transfer": wire.Transfer{}, "transfer_data": wire.IntentTransferData{}, "transfer_reversal": wire.TransferReversal{},
	} {
		fields := map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(object)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = f.Type
		}
		for _, name := range openapi.References(schema) {
			switch kind := fields[name]; kind {
			case nil, reflect.TypeFor[wire.Ref](), reflect.TypeFor[*wire.Ref](): // nil: an optional field that we do not have
			default:
				t.Errorf("%s.%s is a %s and cannot be expanded", schema, name, kind)
			}
		}
	}
}

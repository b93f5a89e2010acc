package connect

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

// The capabilities with rules of their own. Others are accepted and treated
// like CardPaymentsCapability.
const (
	TransfersCapability    = "transfers"     // receive transfers; be a destination
	CardPaymentsCapability = "card_payments" // take direct charges

	LegacyPaymentsCapability = "legacy_payments" // what card_payments was called on old accounts
)

// known is every capability of the Stripe API.
var known = strings.Fields(`acss_debit_payments affirm_payments afterpay_clearpay_payments alma_payments
	amazon_pay_payments app_distribution au_becs_debit_payments bacs_debit_payments bancontact_payments
	bank_transfer_payments billie_payments bizum_payments blik_payments boleto_payments card_issuing card_payments
	cartes_bancaires_payments cashapp_payments crypto_payments eps_payments fpx_payments gb_bank_transfer_payments
	giropay_payments grabpay_payments ideal_payments india_international_payments jcb_payments
	jp_bank_transfer_payments kakao_pay_payments klarna_payments konbini_payments kr_card_payments legacy_payments
	link_payments mb_way_payments mobilepay_payments multibanco_payments mx_bank_transfer_payments
	naver_pay_payments nz_bank_account_becs_debit_payments oxxo_payments p24_payments pay_by_bank_payments
	payco_payments paynow_payments payto_payments pix_payments promptpay_payments revolut_pay_payments
	samsung_pay_payments satispay_payments scalapay_payments sepa_bank_transfer_payments sepa_debit_payments
	sofort_payments sunbit_payments swish_payments tax_reporting_us_1099_k tax_reporting_us_1099_misc transfers
	treasury twint_payments upi_payments us_bank_account_ach_payments us_bank_transfer_payments zip_payments`)

// Capability is one thing an account asked to be allowed. Its status is derived.
type Capability struct {
	Name        string
	Requested   bool
	RequestedAt time.Time
	Version     int64
}

// request sets whether the account asks for a capability.
func (a *Account) request(name string, requested bool, at time.Time) error {
	if !slices.Contains(known, name) {
		return fault.Invalidf("parameter_unknown", "capabilities["+name+"]", "Received unknown parameter: capabilities[%s]", name)
	}
	i, found := slices.BinarySearchFunc(a.Capabilities, name, func(c Capability, n string) int { return strings.Compare(c.Name, n) })
	if !found {
		if !requested {
			return nil
		}
		a.Capabilities = slices.Insert(a.Capabilities, i, Capability{Name: name})
	}
	c := &a.Capabilities[i]
	if c.Requested != requested {
		c.Requested, c.RequestedAt = requested, time.Time{}
		if requested {
			c.RequestedAt = at
		}
	}
	return nil
}

// Capability is one capability of the account; one never requested is there too, unrequested.
// It fails with NotFound for names that do not exist.
func (a Account) Capability(name string) (Capability, error) {
	if !slices.Contains(known, name) {
		return Capability{}, fault.NoSuch("capability", name)
	}
	for _, c := range a.Capabilities {
		if c.Name == name {
			return c, nil
		}
	}
	return Capability{Name: name}, nil
}

package payment

import (
	"maps"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the payment method as the API shows it.
func (m Method) Wire() wire.PaymentMethod {
	billing := m.Billing
	if billing.Address == nil {
		billing.Address = &wire.Address{}
	}
	return wire.PaymentMethod{
		ID: m.ID, Object: "payment_method", AllowRedisplay: m.AllowRedisplay, BillingDetails: billing,
		Card: &wire.PaymentMethodCard{
			Brand: m.Brand, Checks: &wire.CardChecks{CVCCheck: wire.Nullable(m.CVCCheck)}, Country: wire.Nullable(m.Country),
			DisplayBrand: wire.Nullable(m.Brand), ExpMonth: int64(m.ExpMonth), ExpYear: int64(m.ExpYear), Fingerprint: wire.Nullable(m.Fingerprint),
			Funding: m.Funding, Last4: m.Last4, Networks: &wire.CardNetworks{Available: []string{m.Brand}},
			ThreeDSecureUsage: &wire.ThreeDSecureUsage{Supported: true},
		},
		Created: wire.Unix(m.CreatedAt), Customer: wire.To(m.Customer), Livemode: m.Livemode, Metadata: shownMetadata(m.Metadata), Type: "card",
	}
}

// CardWire is the payment method as the older API shows it, as a source.
func (m Method) CardWire() wire.Card {
	address := m.Billing.Address
	if address == nil {
		address = &wire.Address{}
	}
	return wire.Card{
		ID: m.ID, Object: "card", AddressCity: address.City, AddressCountry: address.Country, AddressLine1: address.Line1,
		AddressLine2: address.Line2, AddressState: address.State, AddressZip: address.PostalCode, Brand: printedBrand(m.Brand),
		Country: wire.Nullable(m.Country), Customer: wire.To(m.Customer), CVCCheck: wire.Nullable(m.CVCCheck), ExpMonth: int64(m.ExpMonth),
		ExpYear: int64(m.ExpYear), Fingerprint: wire.Nullable(m.Fingerprint), Funding: m.Funding, Last4: m.Last4,
		Metadata: shownMetadata(m.Metadata), Name: m.Billing.Name,
	}
}

// printedBrand is a brand as the older API spells it.
func printedBrand(brand string) string {
	printed := map[string]string{
		"visa": "Visa", "mastercard": "MasterCard", "amex": "American Express", "discover": "Discover",
		"diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay",
	}[brand]
	if printed == "" {
		return "Unknown"
	}
	return printed
}

// shownMetadata is never null.
func shownMetadata(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

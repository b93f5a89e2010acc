package wire

// PaymentMethod is a customer's means to pay.
type PaymentMethod struct {
	ID             string             `json:"id"`
	Object         string             `json:"object"` // always "payment_method"
	AllowRedisplay string             `json:"allow_redisplay"`
	BillingDetails BillingDetails     `json:"billing_details"`
	Card           *PaymentMethodCard `json:"card,omitempty"`
	Created        int64              `json:"created"`
	Customer       Ref                `json:"customer"`
	Livemode       bool               `json:"livemode"`
	Metadata       map[string]string  `json:"metadata"`
	Type           string             `json:"type"`
}

// BillingDetails is who pays; the same shape as parameter and in answers.
type BillingDetails struct {
	Address *Address `form:"address" json:"address"`
	Email   *string  `form:"email"   json:"email"`
	Name    *string  `form:"name"    json:"name"`
	Phone   *string  `form:"phone"   json:"phone"`
	TaxID   *string  `form:"tax_id"  json:"tax_id"`
}

// PaymentMethodCard is the face of a card, never its number.
type PaymentMethodCard struct {
	Brand             string             `json:"brand"`
	Checks            *CardChecks        `json:"checks"`
	Country           *string            `json:"country"`
	DisplayBrand      *string            `json:"display_brand"`
	ExpMonth          int64              `json:"exp_month"`
	ExpYear           int64              `json:"exp_year"`
	Fingerprint       *string            `json:"fingerprint"`
	Funding           string             `json:"funding"`
	GeneratedFrom     any                `json:"generated_from"`
	Last4             string             `json:"last4"`
	Networks          *CardNetworks      `json:"networks"`
	ThreeDSecureUsage *ThreeDSecureUsage `json:"three_d_secure_usage"`
	Wallet            any                `json:"wallet"`
}

// CardChecks is what the issuer said about the cardholder's data.
type CardChecks struct {
	AddressLine1Check      *string `json:"address_line1_check"`
	AddressPostalCodeCheck *string `json:"address_postal_code_check"`
	CVCCheck               *string `json:"cvc_check"`
}

// CardNetworks are the networks a card can be charged over.
type CardNetworks struct {
	Available []string `json:"available"`
	Preferred *string  `json:"preferred"`
}

// ThreeDSecureUsage says whether the card can be authenticated.
type ThreeDSecureUsage struct {
	Supported bool `json:"supported"`
}

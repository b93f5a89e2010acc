package wire

// CheckoutSession is what a buyer is asked to pay on a hosted page.
type CheckoutSession struct {
	ID                        string               `json:"id"`
	Object                    string               `json:"object"` // "checkout.session"
	AdaptivePricing           *struct{}            `json:"adaptive_pricing"`
	AfterExpiration           *struct{}            `json:"after_expiration"`
	AllowPromotionCodes       *bool                `json:"allow_promotion_codes"`
	AmountSubtotal            int64                `json:"amount_subtotal"`
	AmountTotal               int64                `json:"amount_total"`
	AutomaticTax              CheckoutTax          `json:"automatic_tax"`
	BillingAddressCollection  *string              `json:"billing_address_collection"`
	CancelURL                 *string              `json:"cancel_url"`
	ClientReferenceID         *string              `json:"client_reference_id"`
	ClientSecret              *string              `json:"client_secret"`
	CollectedInformation      *struct{}            `json:"collected_information"`
	Consent                   *struct{}            `json:"consent"`
	ConsentCollection         *struct{}            `json:"consent_collection"`
	Created                   int64                `json:"created"`
	Currency                  string               `json:"currency"`
	CurrencyConversion        *struct{}            `json:"currency_conversion"`
	CustomFields              []struct{}           `json:"custom_fields"`
	CustomText                CheckoutText         `json:"custom_text"`
	Customer                  Ref                  `json:"customer"`
	CustomerAccount           *string              `json:"customer_account"`
	CustomerCreation          *string              `json:"customer_creation"`
	CustomerDetails           *CheckoutCustomer    `json:"customer_details"`
	CustomerEmail             *string              `json:"customer_email"`
	Discounts                 []struct{}           `json:"discounts"`
	ExpiresAt                 int64                `json:"expires_at"`
	Invoice                   Ref                  `json:"invoice"`
	InvoiceCreation           *struct{}            `json:"invoice_creation"`
	LineItems                 Lazy                 `json:"line_items,omitzero"`
	Livemode                  bool                 `json:"livemode"`
	Locale                    *string              `json:"locale"`
	Metadata                  map[string]string    `json:"metadata"`
	Mode                      string               `json:"mode"` // "payment"
	OriginContext             *string              `json:"origin_context"`
	PaymentIntent             Ref                  `json:"payment_intent"`
	PaymentLink               Ref                  `json:"payment_link"`
	PaymentMethodCollection   *string              `json:"payment_method_collection"`
	PaymentMethodOptions      struct{}             `json:"payment_method_options"`
	PaymentMethodTypes        []string             `json:"payment_method_types"`
	PaymentStatus             string               `json:"payment_status"`
	Permissions               *struct{}            `json:"permissions"`
	PhoneNumberCollection     CheckoutSwitch       `json:"phone_number_collection"`
	RecoveredFrom             *string              `json:"recovered_from"`
	SetupIntent               Ref                  `json:"setup_intent"`
	ShippingAddressCollection *struct{}            `json:"shipping_address_collection"`
	ShippingCost              *struct{}            `json:"shipping_cost"`
	ShippingOptions           []struct{}           `json:"shipping_options"`
	Status                    string               `json:"status"`
	SubmitType                *string              `json:"submit_type"`
	Subscription              Ref                  `json:"subscription"`
	SuccessURL                string               `json:"success_url"`
	TotalDetails              CheckoutTotalDetails `json:"total_details"`
	UIMode                    string               `json:"ui_mode"`
	URL                       *string              `json:"url"` // null once there is nothing to pay there
	WalletOptions             *struct{}            `json:"wallet_options"`
}

// CheckoutTax says that no tax is worked out here.
type CheckoutTax struct {
	Enabled   bool      `json:"enabled"`
	Liability *struct{} `json:"liability"`
	Provider  *string   `json:"provider"`
	Status    *string   `json:"status"`
}

// CheckoutText would be words of the merchant's own on the page.
type CheckoutText struct {
	AfterSubmit              *struct{} `json:"after_submit"`
	ShippingAddress          *struct{} `json:"shipping_address"`
	Submit                   *struct{} `json:"submit"`
	TermsOfServiceAcceptance *struct{} `json:"terms_of_service_acceptance"`
}

// CheckoutSwitch is a part of the page that can be on or off.
type CheckoutSwitch struct {
	Enabled bool `json:"enabled"`
}

// CheckoutCustomer is who pays, as typed on the page or known before.
type CheckoutCustomer struct {
	Address        *Address   `json:"address"`
	BusinessName   *string    `json:"business_name"`
	Email          *string    `json:"email"`
	IndividualName *string    `json:"individual_name"`
	Name           *string    `json:"name"`
	Phone          *string    `json:"phone"`
	TaxExempt      *string    `json:"tax_exempt"`
	TaxIDs         []struct{} `json:"tax_ids"`
}

// CheckoutTotalDetails are what the total has of discounts, shipping and tax.
type CheckoutTotalDetails struct {
	AmountDiscount int64 `json:"amount_discount"`
	AmountShipping int64 `json:"amount_shipping"`
	AmountTax      int64 `json:"amount_tax"`
}

// CheckoutItem is one line of what is bought.
type CheckoutItem struct {
	ID             string        `json:"id"`
	Object         string        `json:"object"` // "item"
	AmountDiscount int64         `json:"amount_discount"`
	AmountSubtotal int64         `json:"amount_subtotal"`
	AmountTax      int64         `json:"amount_tax"`
	AmountTotal    int64         `json:"amount_total"`
	Currency       string        `json:"currency"`
	Description    *string       `json:"description"`
	Price          CheckoutPrice `json:"price"`
	Quantity       int64         `json:"quantity"`
}

// CheckoutPrice is the price of a line. It and its product exist in their session only.
type CheckoutPrice struct {
	ID                string            `json:"id"`
	Object            string            `json:"object"` // "price"
	Active            bool              `json:"active"`
	BillingScheme     string            `json:"billing_scheme"`
	Created           int64             `json:"created"`
	Currency          string            `json:"currency"`
	CustomUnitAmount  *struct{}         `json:"custom_unit_amount"`
	Livemode          bool              `json:"livemode"`
	LookupKey         *string           `json:"lookup_key"`
	Metadata          map[string]string `json:"metadata"`
	Nickname          *string           `json:"nickname"`
	Product           string            `json:"product"`
	Recurring         *struct{}         `json:"recurring"`
	TaxBehavior       *string           `json:"tax_behavior"`
	TiersMode         *string           `json:"tiers_mode"`
	TransformQuantity *struct{}         `json:"transform_quantity"`
	Type              string            `json:"type"` // "one_time"
	UnitAmount        int64             `json:"unit_amount"`
	UnitAmountDecimal string            `json:"unit_amount_decimal"`
}

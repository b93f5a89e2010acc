package wire

// Customer is somebody who pays one account.
type Customer struct {
	ID                  string                  `json:"id"`
	Object              string                  `json:"object"` // always "customer"
	Address             *Address                `json:"address"`
	Balance             int64                   `json:"balance"`
	Created             int64                   `json:"created"`
	Currency            *string                 `json:"currency"`
	DefaultSource       Ref                     `json:"default_source"`
	Delinquent          bool                    `json:"delinquent"`
	Description         *string                 `json:"description"`
	Discount            any                     `json:"discount"`
	Email               *string                 `json:"email"`
	InvoicePrefix       *string                 `json:"invoice_prefix"`
	InvoiceSettings     CustomerInvoiceSettings `json:"invoice_settings"`
	Livemode            bool                    `json:"livemode"`
	Metadata            map[string]string       `json:"metadata"`
	Name                *string                 `json:"name"`
	NextInvoiceSequence int64                   `json:"next_invoice_sequence"`
	Phone               *string                 `json:"phone"`
	PreferredLocales    []string                `json:"preferred_locales"`
	Shipping            *CustomerShipping       `json:"shipping"`
	TaxExempt           string                  `json:"tax_exempt"`
	TestClock           Ref                     `json:"test_clock"`
}

// CustomerInvoiceSettings names what the customer is charged by default.
type CustomerInvoiceSettings struct {
	CustomFields         []any   `json:"custom_fields"`
	DefaultPaymentMethod Ref     `json:"default_payment_method"`
	Footer               *string `json:"footer"`
	RenderingOptions     any     `json:"rendering_options"`
}

// CustomerShipping is where goods go; the same shape as parameter and in answers.
type CustomerShipping struct {
	Address *Address `form:"address" json:"address"`
	Name    *string  `form:"name"    json:"name"`
	Phone   *string  `form:"phone"   json:"phone"`
}

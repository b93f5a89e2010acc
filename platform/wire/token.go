package wire

// Token is a single-use stand-in for card or bank details.
type Token struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"` // always "token"
	BankAccount *BankAccount `json:"bank_account,omitempty"`
	Card        *Card        `json:"card,omitempty"`
	ClientIP    *string      `json:"client_ip"`
	Created     int64        `json:"created"`
	Livemode    bool         `json:"livemode"`
	Type        string       `json:"type"` // card or bank_account
	Used        bool         `json:"used"`
}

// Card is a card as the older API shows it, as a source.
type Card struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"` // always "card"
	AddressCity        *string           `json:"address_city"`
	AddressCountry     *string           `json:"address_country"`
	AddressLine1       *string           `json:"address_line1"`
	AddressLine1Check  *string           `json:"address_line1_check"`
	AddressLine2       *string           `json:"address_line2"`
	AddressState       *string           `json:"address_state"`
	AddressZip         *string           `json:"address_zip"`
	AddressZipCheck    *string           `json:"address_zip_check"`
	Brand              string            `json:"brand"` // as printed: "Visa"
	Country            *string           `json:"country"`
	Customer           Ref               `json:"customer"`
	CVCCheck           *string           `json:"cvc_check"`
	DynamicLast4       *string           `json:"dynamic_last4"`
	ExpMonth           int64             `json:"exp_month"`
	ExpYear            int64             `json:"exp_year"`
	Fingerprint        *string           `json:"fingerprint"`
	Funding            string            `json:"funding"`
	Last4              string            `json:"last4"`
	Metadata           map[string]string `json:"metadata"`
	Name               *string           `json:"name"`
	TokenizationMethod *string           `json:"tokenization_method"`
}

package wire

// ApplicationFee is the platform's share of a connected account's payment.
type ApplicationFee struct {
	ID                     string          `json:"id"`
	Object                 string          `json:"object"` // "application_fee"
	Account                Ref             `json:"account"`
	Amount                 int64           `json:"amount"`
	AmountRefunded         int64           `json:"amount_refunded"`
	Application            Ref             `json:"application"`
	BalanceTransaction     Ref             `json:"balance_transaction"`
	Charge                 Ref             `json:"charge"`
	Created                int64           `json:"created"`
	Currency               string          `json:"currency"`
	FeeSource              *FeeSource      `json:"fee_source"`
	Livemode               bool            `json:"livemode"`
	OriginatingTransaction Ref             `json:"originating_transaction"`
	Refunded               bool            `json:"refunded"`
	Refunds                List[FeeRefund] `json:"refunds"`
}

// FeeSource is the payment a fee was taken from.
type FeeSource struct {
	Charge string `json:"charge,omitempty"`
	Type   string `json:"type"` // "charge"
}

// FeeRefund gives an application fee back, in whole or in part.
type FeeRefund struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"` // "fee_refund"
	Amount             int64             `json:"amount"`
	BalanceTransaction Ref               `json:"balance_transaction"`
	Created            int64             `json:"created"`
	Currency           string            `json:"currency"`
	Fee                Ref               `json:"fee"`
	Metadata           map[string]string `json:"metadata"`
}

// Application is the platform as its connected accounts see it.
type Application struct {
	ID     string  `json:"id"`
	Object string  `json:"object"` // "application"
	Name   *string `json:"name"`
}

// ApplicationID is the platform's public name as an application: ca_ and the body of its account id.
func ApplicationID(platform string) string {
	const prefix = "acct_"
	if len(platform) > len(prefix) && platform[:len(prefix)] == prefix {
		return "ca_" + platform[len(prefix):]
	}
	return "ca_" + platform
}

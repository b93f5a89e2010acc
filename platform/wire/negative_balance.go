package wire

// NegativeBalance is what an account owes in a currency, and for how long.
type NegativeBalance struct {
	ID       string `json:"id"`     // the account's and the currency
	Object   string `json:"object"` // "negative_balance"
	Account  Ref    `json:"account"`
	AgeDays  int64  `json:"age_days"` // whole days
	Amount   int64  `json:"amount"`   // negative
	Bucket   string `json:"bucket"`   // of the age in days: 0-1, 2-3, 4-7, 8-30 or >30
	Currency string `json:"currency"`
	Livemode bool   `json:"livemode"`
	Since    int64  `json:"since"`
}

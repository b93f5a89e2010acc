package wire

// Earning is one payment that an account was paid, from what the payer gave to what
// the account keeps: net = amount − application_fee − processing_fee − refunded +
// fee_refunded. Ours.
type Earning struct {
	ID             string  `json:"id"`     // its balance transaction's
	Object         string  `json:"object"` // "earning"
	Amount         int64   `json:"amount"` // the account's part, before fees
	ApplicationFee int64   `json:"application_fee"`
	AvailableOn    int64   `json:"available_on"`
	Created        int64   `json:"created"`
	Currency       string  `json:"currency"`
	Description    *string `json:"description"`
	FeeRefunded    int64   `json:"fee_refunded"` // of the application fee
	Livemode       bool    `json:"livemode"`
	Net            int64   `json:"net"`
	Paid           *int64  `json:"paid"` // what the payer gave for all who have a part; null if no payer did
	Payout         Ref     `json:"payout"`
	ProcessingFee  int64   `json:"processing_fee"` // if the account bears it
	Refunded       int64   `json:"refunded"`       // taken back of amount
	Source         Ref     `json:"source"`         // ch_… or py_…
	Status         string  `json:"status"`         // "available" or "pending"
}

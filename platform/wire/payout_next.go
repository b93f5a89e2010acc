package wire

// NextPayout is the automatic payout that comes next in one currency, as things stand:
// what is paid until then adds to it, refunds and holds take from it. Ours.
type NextPayout struct {
	Object      string   `json:"object"` // "next_payout"
	Amount      int64    `json:"amount"` // 0 if none is foreseen
	ArrivalDate *int64   `json:"arrival_date"`
	Currency    string   `json:"currency"`
	Destination *string  `json:"destination"` // ba_…
	Livemode    bool     `json:"livemode"`
	Method      string   `json:"method"`  // standard
	Payday      *int64   `json:"payday"`  // when it is made
	Paydays     []Payday `json:"paydays"` // it and those after it, until all that is pending now is paid
	Rail        *string  `json:"rail"`
	Reason      *string  `json:"reason"` // why none is foreseen, in the words of payout_run; null if one is

	// What is in the balance for single destinations of a divided payout, until they can be paid.
	Kept []KeptPart `json:"kept,omitempty"`
}

// KeptPart is what one external account has not been paid yet of divided payouts.
type KeptPart struct {
	Amount      int64  `json:"amount"`
	Destination string `json:"destination"` // ba_…
}

// Payday is a day on which an account's schedule pays.
type Payday struct {
	At          int64 `json:"at"`
	ArrivalDate int64 `json:"arrival_date"`
	Amount      int64 `json:"amount"` // of what is there and pending now
}

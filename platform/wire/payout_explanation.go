package wire

// PayoutExplanation is the closing equation of a payout: the terms add up to sum,
// exactly. Ours.
type PayoutExplanation struct {
	Object   string       `json:"object"` // "payout_explanation"
	Amount   int64        `json:"amount"` // the payout's
	Count    int64        `json:"count"`  // how many statement lines it consists of, its own not counted
	Currency string       `json:"currency"`
	LinesURL string       `json:"lines_url"` // the lines themselves
	Livemode bool         `json:"livemode"`
	Payout   string       `json:"payout"`
	Status   string       `json:"status"` // the payout's
	Sum      int64        `json:"sum"`    // the amount; 0 after it failed or was canceled, for its lines are in a later payout or free
	Terms    []PayoutTerm `json:"terms"`
}

// PayoutTerm is one member of the equation: gross, fees, refunds, disputes,
// earnings, transfers, holds, reserve, topups, adjustments, left_for_later or
// carried_forward. What lowers the payout is negative.
type PayoutTerm struct {
	Term   string `json:"term"`
	Amount int64  `json:"amount"`
	Count  int64  `json:"count"` // how many lines it sums up
}

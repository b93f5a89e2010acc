package wire

// PayoutDelivery is how a payout goes to its bank, and what the bank's statements
// say of it. Ours.
type PayoutDelivery struct {
	Object         string              `json:"object"` // always "payout_delivery"
	Account        string              `json:"account"`
	Batch          *PayoutBatch        `json:"batch"`      // the file, with the attempts to bring it to the bank; null: there is none
	CreatedBy      *string             `json:"created_by"` // the key that asked for it; null: the schedule
	HandedOverAt   *int64              `json:"handed_over_at"`
	Line           *int64              `json:"line"`       // its place in the file, from 1
	LineTrace      *string             `json:"line_trace"` // what the bank's answer may know it by
	Livemode       bool                `json:"livemode"`
	Payout         string              `json:"payout"`
	Rail           string              `json:"rail"`
	SendAfter      int64               `json:"send_after"`      // not handed over before
	StatementLines []BankStatementLine `json:"statement_lines"` // those matched with it, or with its whole file; oldest first
}

// PayoutCounts is how many payouts a platform and its accounts have in each state. Ours.
type PayoutCounts struct {
	Object   string        `json:"object"` // always "payout_counts"
	Livemode bool          `json:"livemode"`
	Statuses []StatusCount `json:"statuses"`
}

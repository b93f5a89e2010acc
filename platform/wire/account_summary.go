package wire

// AccountSummary counts a platform's connected accounts; an extension of Sluice.
type AccountSummary struct {
	Object    string           `json:"object"`     // "account_summary"
	Counts    map[string]int64 `json:"counts"`     // by status of a list of accounts; "all", too
	CountedTo int64            `json:"counted_to"` // a count of so many means that many or more
	Livemode  bool             `json:"livemode"`
}

package wire

// AccountNote is what somebody of a platform wrote about an account, for the platform
// alone; an extension of Sluice.
type AccountNote struct {
	ID       string `json:"id"`
	Object   string `json:"object"` // "account_note"
	Account  string `json:"account"`
	Author   string `json:"author"` // usr_… or the id of a key
	Created  int64  `json:"created"`
	Livemode bool   `json:"livemode"`
	Text     string `json:"text"`
}

// AccountReminder is whom a platform reminded of what is due, and whom not; an
// extension of Sluice.
type AccountReminder struct {
	Object   string               `json:"object"` // "account_reminder"
	DryRun   bool                 `json:"dry_run"`
	Livemode bool                 `json:"livemode"`
	Sent     []string             `json:"sent"`    // accounts whose contact is e-mailed
	Skipped  []AccountNotReminded `json:"skipped"` // and those who are not
}

// AccountNotReminded is why an account was not reminded: nothing_due, no_email,
// reminded (within the last day), closed_to_platform, no_mail (none is sent in test
// mode, or it could not be posted).
type AccountNotReminded struct {
	Account string `json:"account"`
	Reason  string `json:"reason"`
}

// AccountVolume is what came in for an account in a currency over some days; an
// extension of Sluice.
type AccountVolume struct {
	Object   string `json:"object"` // "account_volume"
	Account  string `json:"account"`
	Amount   int64  `json:"amount"` // gross
	Count    int64  `json:"count"`  // of payments
	Currency string `json:"currency"`
}

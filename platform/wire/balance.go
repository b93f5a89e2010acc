package wire

// Balance is how much money an account has, per currency; never an empty list.
type Balance struct {
	Object           string          `json:"object"` // always "balance"
	Available        []BalanceAmount `json:"available"`
	ConnectReserved  []BalanceAmount `json:"connect_reserved,omitempty"` // platform accounts only
	Held             []BalanceAmount `json:"held,omitempty"`             // Sluice's own: money of transfers on hold, in none of the others
	InstantAvailable []BalanceAmount `json:"instant_available"`
	Livemode         bool            `json:"livemode"`
	Pending          []BalanceAmount `json:"pending"`
}

// BalanceAmount is money in one currency and where it came from.
type BalanceAmount struct {
	Amount      int64              `json:"amount"`
	Currency    string             `json:"currency"`
	SourceTypes BalanceSourceTypes `json:"source_types"`
}

// BalanceSourceTypes divides an amount by how it was paid; everything here came by card.
type BalanceSourceTypes struct {
	Card int64 `json:"card"`
}

// TrialBalance is both sides of the ledger per kind of account: Sluice's own
// extension. Totals are decimal text in minor units, since sums may outgrow any
// integer of a JSON reader.
type TrialBalance struct {
	Object   string            `json:"object"` // always "ledger_trial_balance"
	AsOf     *int64            `json:"as_of"`  // the instant it is of; null: now
	Livemode bool              `json:"livemode"`
	Rows     []TrialBalanceRow `json:"rows"`
}

// TrialBalanceRow is one kind of account in one currency; balance = credits − debits.
type TrialBalanceRow struct {
	Account  string `json:"account"`
	Accounts int64  `json:"accounts"` // how many accounts it sums up
	Class    string `json:"class"`    // asset or liability
	Currency string `json:"currency"`
	Debits   string `json:"debits"`
	Credits  string `json:"credits"`
	Balance  string `json:"balance"`
}

package wire

// BalanceTransaction is one line of an account's statement.
type BalanceTransaction struct {
	ID                string    `json:"id"`
	Object            string    `json:"object"` // always "balance_transaction"
	Amount            int64     `json:"amount"`
	AvailableOn       int64     `json:"available_on"`
	BalanceType       string    `json:"balance_type"` // always "payments"
	Created           int64     `json:"created"`
	Currency          string    `json:"currency"`
	Description       *string   `json:"description"`
	ExchangeRate      *struct{} `json:"exchange_rate"` // always null: nothing is converted
	Fee               int64     `json:"fee"`
	FeeDetails        []LineFee `json:"fee_details"`
	Net               int64     `json:"net"`
	ReportingCategory string    `json:"reporting_category"`
	Source            Ref       `json:"source"`
	Status            string    `json:"status"` // "available" or "pending"
	Type              string    `json:"type"`
	Payout            Ref       `json:"payout"`       // Sluice's own: the payout it belongs to
	LedgerEntry       string    `json:"ledger_entry"` // Sluice's own: the entry behind it
}

// RunningBalanceTransaction is a line with what the account had after it, pending and
// available together: Sluice's own extension.
type RunningBalanceTransaction struct {
	BalanceTransaction
	Balance int64 `json:"balance"`
}

// LineFee is one part of a balance transaction's fee.
type LineFee struct {
	Amount      int64   `json:"amount"`
	Application *string `json:"application"`
	Currency    string  `json:"currency"`
	Description *string `json:"description"`
	Type        string  `json:"type"`
}

// LedgerEntry is a balanced whole of postings: Sluice's own extension. A
// connected account sees only the postings on its own accounts.
type LedgerEntry struct {
	ID                  string          `json:"id"`
	Object              string          `json:"object"` // always "ledger_entry"
	Created             int64           `json:"created"`
	Kind                string          `json:"kind"`
	Livemode            bool            `json:"livemode"`
	Source              Ref             `json:"source"`
	Postings            []LedgerPosting `json:"postings"`
	BalanceTransactions []Ref           `json:"balance_transactions"`
}

// LedgerPosting is one side of an entry; exactly one of debit and credit is not zero,
// unless the amount is zero.
type LedgerPosting struct {
	Account       string `json:"account"`        // "pending", "available", …
	LedgerAccount string `json:"ledger_account"` // la_…: that account of this owner
	Owner         string `json:"owner"`          // acct_…
	Currency      string `json:"currency"`
	Debit         int64  `json:"debit"`
	Credit        int64  `json:"credit"`
}

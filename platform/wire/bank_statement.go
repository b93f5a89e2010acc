package wire

// BankStatement is one file of a bank; Sluice's own extension.
type BankStatement struct {
	ID               string                 `json:"id"`
	Object           string                 `json:"object"` // always "bank_statement"
	Created          int64                  `json:"created"`
	Filename         string                 `json:"filename"`
	Format           *string                `json:"format"` // camt, mt940, bai2, pain.002, nacha or csv:…; null: not recognized
	Lines            BankStatementCounts    `json:"lines"`
	Livemode         bool                   `json:"livemode"`
	QuarantineReason *string                `json:"quarantine_reason"`
	Rail             *string                `json:"rail"` // whose bank it is; null: each payout tells
	Repeated         bool                   `json:"repeated"`
	SHA256           string                 `json:"sha256"` // of the content, in hex
	Size             int64                  `json:"size"`
	Statements       []BankStatementAccount `json:"statements"` // the first hundred
	Status           string                 `json:"status"`     // kept, imported or quarantined
}

// BankStatementCounts counts the lines of a file.
type BankStatementCounts struct {
	Known   int64 `json:"known"` // told by an earlier file; they do not count again
	Matched int64 `json:"matched"`
	New     int64 `json:"new"`
	Open    int64 `json:"open"` // somebody should look at them
}

// BankStatementAccount is one statement in a file.
type BankStatementAccount struct {
	BalancesChecked bool   `json:"balances_checked"` // false: its format has none to check
	ClosingBalance  *int64 `json:"closing_balance"`
	Currency        string `json:"currency"`
	From            *int64 `json:"from"`
	Last4           string `json:"last4"` // of the account number
	Lines           int64  `json:"lines"`
	OpeningBalance  *int64 `json:"opening_balance"`
	Pending         int64  `json:"pending"` // entries that were only announced
	Reference       string `json:"reference"`
	To              *int64 `json:"to"`
	Type            string `json:"type"` // statement, interim or notification
}

// BankStatementLine is one line of a bank's file.
type BankStatementLine struct {
	ID              string  `json:"id"`
	Object          string  `json:"object"` // always "bank_statement_line"
	Amount          int64   `json:"amount"` // negative: left the account
	BankReference   *string `json:"bank_reference"`
	BankStatement   string  `json:"bank_statement"`
	Batch           *string `json:"batch"` // what a whole file was called
	Booked          *int64  `json:"booked"`
	Code            *string `json:"code"` // the bank's transaction code
	Currency        string  `json:"currency"`
	EndToEnd        *string `json:"end_to_end"`
	Entry           int64   `json:"entry"` // number in its statement
	Livemode        bool    `json:"livemode"`
	OpenReason      *string `json:"open_reason"`   // why nothing is matched with it
	Part            *int64  `json:"part"`          // of an entry for many payments
	Payout          *string `json:"payout"`        // what it is matched with
	Returned        bool    `json:"returned"`      // money that came back
	ReturnReason    *string `json:"return_reason"` // in the bank's words
	Status          string  `json:"status"`        // matched, open, or split: its parts tell
	Text            *string `json:"text"`          // only with include_text: payments of people
	Trace           *string `json:"trace"`
	Valued          *int64  `json:"valued"`
	StatementNumber int64   `json:"statement_number"` // in its file; 0: a report on an instruction
}

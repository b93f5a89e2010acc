package wire

// LedgerAccount is one account of the ledger; Sluice's own extension.
type LedgerAccount struct {
	ID       string `json:"id"`      // la_…
	Object   string `json:"object"`  // always "ledger_account"
	AsOf     *int64 `json:"as_of"`   // the instant its totals are of; null: now
	Balance  int64  `json:"balance"` // credits − debits; of an asset it is negative
	Class    string `json:"class"`   // asset or liability
	Credits  int64  `json:"credits"`
	Currency string `json:"currency"`
	Debits   int64  `json:"debits"`
	Kind     string `json:"kind"` // pending, available, …
	Livemode bool   `json:"livemode"`
	Owner    Ref    `json:"owner"`    // acct_…
	Postings int64  `json:"postings"` // how many there are
}

// LedgerAccountLine is one posting on a ledger account, with the balance after it.
type LedgerAccountLine struct {
	ID            string `json:"id"`      // le_….0: the entry and the place in it
	Object        string `json:"object"`  // always "ledger_account_line"
	Balance       int64  `json:"balance"` // credits − debits, this posting counted
	Created       int64  `json:"created"`
	Credit        int64  `json:"credit"`
	Currency      string `json:"currency"`
	Debit         int64  `json:"debit"`
	Entry         string `json:"entry"` // le_…
	Kind          string `json:"kind"`
	LedgerAccount string `json:"ledger_account"`
	Livemode      bool   `json:"livemode"`
	Source        Ref    `json:"source"` // what caused the entry
}

// LedgerProof is why an entry cannot have been changed unnoticed.
type LedgerProof struct {
	Object       string  `json:"object"` // always "ledger_proof"
	Batch        int64   `json:"batch"`
	ChainHolds   *bool   `json:"chain_holds"`  // the link follows from the one before; null: not sealed yet
	Digest       string  `json:"digest"`       // SHA-256 over all the batch wrote, in hex
	DigestHolds  bool    `json:"digest_holds"` // its rows have this digest today
	Entry        string  `json:"entry"`
	FirstEntry   string  `json:"first_entry"` // of the batch
	LastEntry    string  `json:"last_entry"`
	Link         *string `json:"link"` // of the chain, in hex; null: not sealed yet
	Livemode     bool    `json:"livemode"`
	Position     *int64  `json:"position"` // in the chain, from 1
	PreviousLink *string `json:"previous_link"`
}

// LedgerVerification is a proof of the whole ledger that somebody asked for.
type LedgerVerification struct {
	ID          string                      `json:"id"`
	Object      string                      `json:"object"` // always "ledger_verification"
	BatchesDone int64                       `json:"batches_done"`
	BatchesAll  int64                       `json:"batches_total"` // 0: not counted yet
	Created     int64                       `json:"created"`
	CreatedBy   string                      `json:"created_by"` // the key that asked
	Entries     int64                       `json:"entries"`
	Findings    []LedgerVerificationFinding `json:"findings"` // the first hundred things that do not hold
	Finished    *int64                      `json:"finished"`
	Livemode    bool                        `json:"livemode"`
	Postings    int64                       `json:"postings"`
	Sealed      int64                       `json:"sealed"` // links of the chain that were followed
	Status      string                      `json:"status"` // pending, running, passed or failed
}

// LedgerVerificationFinding is one thing that does not hold. What is another
// platform's is only named by its check.
type LedgerVerificationFinding struct {
	Check   string  `json:"check"`
	Account *string `json:"account"` // owner/kind/currency
	Detail  *string `json:"detail"`
	Entry   *string `json:"entry"`
	Payout  *string `json:"payout"`
}

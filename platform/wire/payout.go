package wire

// Payout is money sent from an account's balance to its bank account.
type Payout struct {
	ID                        string            `json:"id"`
	Object                    string            `json:"object"` // always "payout"
	Amount                    int64             `json:"amount"`
	ApplicationFee            Ref               `json:"application_fee"`
	ApplicationFeeAmount      *int64            `json:"application_fee_amount"`
	ArrivalDate               int64             `json:"arrival_date"`
	Automatic                 bool              `json:"automatic"`
	BalanceTransaction        Ref               `json:"balance_transaction"`
	Created                   int64             `json:"created"`
	Currency                  string            `json:"currency"`
	Description               *string           `json:"description"`
	Destination               Ref               `json:"destination"`
	FailureBalanceTransaction Ref               `json:"failure_balance_transaction"`
	FailureCode               *string           `json:"failure_code"`
	FailureMessage            *string           `json:"failure_message"`
	Livemode                  bool              `json:"livemode"`
	Metadata                  map[string]string `json:"metadata"`
	Method                    string            `json:"method"` // standard or instant
	OriginalPayout            Ref               `json:"original_payout"`
	PayoutMethod              *string           `json:"payout_method"`
	ReconciliationStatus      string            `json:"reconciliation_status"` // completed: its lines are known from the beginning
	ReversedBy                Ref               `json:"reversed_by"`
	SourceType                string            `json:"source_type"` // card
	StatementDescriptor       *string           `json:"statement_descriptor"`
	Status                    string            `json:"status"` // pending, in_transit, paid, failed or canceled
	TraceID                   PayoutTraceID     `json:"trace_id"`
	Type                      string            `json:"type"` // bank_account

	// Sluice's own.
	Account   Ref     `json:"account"`    // whose money it is
	Approval  *string `json:"approval"`   // required, approved or refused; null: nobody has to agree
	Batch     *string `json:"batch"`      // bat_…: the file it went to the bank with
	OnHold    bool    `json:"on_hold"`    // somebody holds it; see /v1/payout_holds
	PayoutRun *string `json:"payout_run"` // prun_…: the run that made it
	Rail      string  `json:"rail"`
	Recall    *string `json:"recall"`     // requested, done or refused; null: not called back
	RetriedBy Ref     `json:"retried_by"` // the payout that tries this failed one again
	RetryOf   Ref     `json:"retry_of"`

	Split *PayoutSplit `json:"split"` // null: all of it went to one bank account
}

// PayoutSplit is what part of an automatic payout this one is. Ours.
type PayoutSplit struct {
	Percent  string   `json:"percent"`  // of the destination
	Siblings []string `json:"siblings"` // po_…: the other parts
}

// ListedPayout is a payout in a list of a platform's, of several accounts; Sluice's own.
type ListedPayout struct {
	Payout
	ItemCount int64 `json:"item_count"` // how many statement lines it consists of
}

// PayoutTraceID is the bank's own reference of a payout.
type PayoutTraceID struct {
	Status string  `json:"status"` // pending, supported or unsupported
	Value  *string `json:"value"`
}

package wire

// Refund is money given back to the payer.
type Refund struct {
	ID                        string             `json:"id"`
	Object                    string             `json:"object"` // "refund"
	Amount                    int64              `json:"amount"`
	BalanceTransaction        Ref                `json:"balance_transaction"`
	Charge                    Ref                `json:"charge"`
	Created                   int64              `json:"created"`
	Currency                  string             `json:"currency"`
	DestinationDetails        *RefundDestination `json:"destination_details,omitempty"`
	FailureBalanceTransaction *Ref               `json:"failure_balance_transaction,omitempty"`
	FailureReason             string             `json:"failure_reason,omitempty"`
	Metadata                  map[string]string  `json:"metadata"`
	PaymentIntent             Ref                `json:"payment_intent"`
	PendingReason             string             `json:"pending_reason,omitempty"`
	Reason                    *string            `json:"reason"`
	ReceiptNumber             *string            `json:"receipt_number"`
	SourceTransferReversal    Ref                `json:"source_transfer_reversal"`
	Status                    string             `json:"status"`
	TransferReversal          Ref                `json:"transfer_reversal"`
}

// RefundDestination says how the money travels back.
type RefundDestination struct {
	Card *RefundCard `json:"card,omitempty"`
	Type string      `json:"type"`
}

// RefundCard is a refund to the card that paid.
type RefundCard struct {
	ReferenceStatus string `json:"reference_status"`
	ReferenceType   string `json:"reference_type"`
	Type            string `json:"type"` // "refund", "reversal" or "pending"
}

// RefundPreview is what a refund would do; Sluice's own extension. A connected
// account sees only what concerns it.
type RefundPreview struct {
	Object                 string                  `json:"object"` // "refund_preview"
	Amount                 int64                   `json:"amount"`
	AmountRefundable       int64                   `json:"amount_refundable"`       // what is left of the charge now
	AmountRefundableAfter  int64                   `json:"amount_refundable_after"` // and after this refund
	ApplicationFee         Ref                     `json:"application_fee"`         // the fee of which a part goes back, or null
	ApplicationFeeRefunded int64                   `json:"application_fee_refunded"`
	Charge                 Ref                     `json:"charge"`
	Currency               string                  `json:"currency"`
	Entries                []RefundPreviewEntry    `json:"entries"` // the postings that would be made
	Livemode               bool                    `json:"livemode"`
	Parties                []RefundPreviewParty    `json:"parties"` // who pays what; together they pay the amount
	PaymentIntent          Ref                     `json:"payment_intent"`
	RefundApplicationFee   bool                    `json:"refund_application_fee"`
	ReverseTransfer        bool                    `json:"reverse_transfer"`
	Reversals              []RefundPreviewReversal `json:"reversals"` // what comes back of the charge's transfers
}

// RefundPreviewEntry is a ledger entry that would be made.
type RefundPreviewEntry struct {
	Kind     string          `json:"kind"`
	Postings []LedgerPosting `json:"postings"`
}

// RefundPreviewParty is one account that pays for the refund, or gets some of its fee back.
type RefundPreviewParty struct {
	Account         string `json:"account"`
	Amount          int64  `json:"amount"` // what it pays; negative if it gets something
	AvailableAfter  int64  `json:"available_after"`
	AvailableBefore int64  `json:"available_before"`
	GoesNegative    bool   `json:"goes_negative"` // owes afterwards
	PendingAfter    int64  `json:"pending_after"`
	PendingBefore   int64  `json:"pending_before"`
}

// RefundPreviewReversal is what would come back of one transfer.
type RefundPreviewReversal struct {
	Amount      int64  `json:"amount"`
	AmountLeft  int64  `json:"amount_left"` // of the transfer, afterwards
	Destination string `json:"destination"`
	Transfer    Ref    `json:"transfer"`
}

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

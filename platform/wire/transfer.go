package wire

// Transfer is money moved from the platform's balance to a connected account's.
type Transfer struct {
	ID                 string                 `json:"id"`
	Object             string                 `json:"object"` // "transfer"
	Amount             int64                  `json:"amount"`
	AmountReversed     int64                  `json:"amount_reversed"`
	BalanceTransaction Ref                    `json:"balance_transaction"`
	Created            int64                  `json:"created"`
	Currency           string                 `json:"currency"`
	Description        *string                `json:"description"`
	Destination        Ref                    `json:"destination"`
	DestinationPayment Ref                    `json:"destination_payment"`
	Livemode           bool                   `json:"livemode"`
	Metadata           map[string]string      `json:"metadata"`
	Reversals          List[TransferReversal] `json:"reversals"`
	Reversed           bool                   `json:"reversed"`
	SourceTransaction  Ref                    `json:"source_transaction"`
	SourceType         string                 `json:"source_type"`
	TransferGroup      *string                `json:"transfer_group"`

	// Sluice's own.
	AmountOnHold int64  `json:"amount_on_hold"` // what the destination cannot spend yet
	OnHold       bool   `json:"on_hold"`
	OnHoldUntil  *int64 `json:"on_hold_until"` // null: until the platform releases it
}

// TransferReversal takes a transfer back, in whole or in part.
type TransferReversal struct {
	ID                       string            `json:"id"`
	Object                   string            `json:"object"` // "transfer_reversal"
	Amount                   int64             `json:"amount"`
	BalanceTransaction       Ref               `json:"balance_transaction"`
	Created                  int64             `json:"created"`
	Currency                 string            `json:"currency"`
	DestinationPaymentRefund Ref               `json:"destination_payment_refund"`
	Metadata                 map[string]string `json:"metadata"`
	SourceRefund             Ref               `json:"source_refund"`
	Transfer                 Ref               `json:"transfer"`

	PendingReversal *string `json:"pending_reversal,omitempty"` // ours: what it is a part of
}

// PendingReversal takes a transfer back from an account that does not have the
// money yet: as it comes, before anything is paid out.
type PendingReversal struct {
	ID                   string            `json:"id"`
	Object               string            `json:"object"` // "pending_reversal"
	Account              Ref               `json:"account"`
	Amount               int64             `json:"amount"`
	AmountRecovered      int64             `json:"amount_recovered"`
	ClosedAt             *int64            `json:"closed_at"` // when it was recovered or canceled
	Created              int64             `json:"created"`
	Currency             string            `json:"currency"`
	Livemode             bool              `json:"livemode"`
	Metadata             map[string]string `json:"metadata"`
	RefundApplicationFee bool              `json:"refund_application_fee"`
	Status               string            `json:"status"` // pending, partially_recovered, recovered or canceled
	Transfer             Ref               `json:"transfer"`
}

package wire

// PayoutBankChange is what a bank says is out of date in a bank account that was
// paid. It is taken over once two people have accepted it. Ours.
type PayoutBankChange struct {
	ID          string               `json:"id"`
	Object      string               `json:"object"`      // always "payout_bank_change"
	AcceptedBy  *string              `json:"accepted_by"` // the first key or person
	Account     Ref                  `json:"account"`     // whose bank account it is
	ApplyBy     int64                `json:"apply_by"`    // the day by which the network wants it applied
	Code        string               `json:"code"`        // the bank's, such as C01
	Corrected   CorrectedBankAccount `json:"corrected"`
	Created     int64                `json:"created"`
	DecidedAt   *int64               `json:"decided_at"`
	DecidedBy   *string              `json:"decided_by"`
	Destination Ref                  `json:"destination"` // ba_…
	Livemode    bool                 `json:"livemode"`
	Payout      Ref                  `json:"payout"`      // that the bank spoke of
	Replacement Ref                  `json:"replacement"` // the bank account that took its place; null: it was changed itself
	Status      string               `json:"status"`      // pending, accepted, refused or obsolete

	// What was said of it, also what did not count; only of a single one.
	Opinions []PayoutBankOpinion `json:"opinions,omitempty"`
}

// CorrectedBankAccount is what a bank gives instead; null is not in question.
type CorrectedBankAccount struct {
	AccountHolderName *string `json:"account_holder_name"`
	AccountType       *string `json:"account_type"` // checking or savings
	Last4             *string `json:"last4"`        // of the account number
	RoutingNumber     *string `json:"routing_number"`
}

// PayoutBankOpinion is what somebody said of a bank's change, or tried to say.
type PayoutBankOpinion struct {
	Actor    string  `json:"actor"`
	Created  int64   `json:"created"`
	Decision string  `json:"decision"` // approve or refuse
	Refusal  *string `json:"refusal"`  // the code of why it does not count
}

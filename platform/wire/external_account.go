package wire

// BankAccount is where payouts go; of its number only the last four digits are shown.
type BankAccount struct {
	ID                     string                      `json:"id"`
	Object                 string                      `json:"object"` // always "bank_account"
	Account                Ref                         `json:"account"`
	AccountHolderName      *string                     `json:"account_holder_name"`
	AccountHolderType      *string                     `json:"account_holder_type"`
	AccountType            *string                     `json:"account_type"`
	AvailablePayoutMethods []string                    `json:"available_payout_methods"`
	BankName               *string                     `json:"bank_name"`
	Country                string                      `json:"country"`
	Currency               string                      `json:"currency"`
	DefaultForCurrency     *bool                       `json:"default_for_currency"`
	Fingerprint            *string                     `json:"fingerprint"`
	FutureRequirements     ExternalAccountRequirements `json:"future_requirements"`
	Last4                  string                      `json:"last4"`
	Metadata               map[string]string           `json:"metadata"`
	Requirements           ExternalAccountRequirements `json:"requirements"`
	RoutingNumber          *string                     `json:"routing_number"`
	Status                 string                      `json:"status"` // new, validated, verified, errored, …

	Proxy string `json:"proxy,omitempty"` // ours: fps_id, mobile or email where that was given instead of an account number
}

// ExternalAccountRequirements is what a bank account still owes.
type ExternalAccountRequirements struct {
	CurrentlyDue        []string           `json:"currently_due"`
	Errors              []RequirementError `json:"errors"`
	PastDue             []string           `json:"past_due"`
	PendingVerification []string           `json:"pending_verification"`
}

// DeletedBankAccount is what remains of a removed external account.
type DeletedBankAccount struct {
	Deleted
	Currency *string `json:"currency"`
}

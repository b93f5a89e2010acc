package wire

// VerificationReview is a question to human beings about an account. Ours.
type VerificationReview struct {
	ID          string   `json:"id"`
	Object      string   `json:"object"` // always "verification_review"
	Account     string   `json:"account"`
	Created     int64    `json:"created"`
	DecidedAt   *int64   `json:"decided_at"`
	DecidedBy   *string  `json:"decided_by"`
	Duplicates  []string `json:"duplicates"` // other accounts with the same person, company or bank account
	Kind        string   `json:"kind"`       // duplicate_person, duplicate_company, duplicate_bank_account or manual
	Livemode    bool     `json:"livemode"`
	Reason      *string  `json:"reason"`
	RequestNote *string  `json:"request_note"`
	RequestedBy *string  `json:"requested_by"` // who asked for approval; cannot approve
	Status      string   `json:"status"`       // open, approval_requested, approved, rejected or canceled
	Subject     string   `json:"subject"`      // a person's id, "company" or "external_account"
}

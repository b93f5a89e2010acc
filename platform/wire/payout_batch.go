package wire

// PayoutBatch is payouts that go to the bank in one file; Sluice's own extension.
type PayoutBatch struct {
	ID            string              `json:"id"`
	Object        string              `json:"object"` // always "payout_batch"
	Amount        int64               `json:"amount"` // of all its payouts; negative takes money
	Count         int64               `json:"count"`
	Created       int64               `json:"created"`
	Currency      string              `json:"currency"`
	DeliveredAt   *int64              `json:"delivered_at"`
	ExecutionDate int64               `json:"execution_date"` // midnight UTC of the bank's day
	File          PayoutBatchFile     `json:"file"`
	Livemode      bool                `json:"livemode"`
	Method        string              `json:"method"` // standard or instant
	Number        int64               `json:"number"` // of the rail in its mode, without gaps
	Rail          string              `json:"rail"`
	Status        string              `json:"status"`            // sealed, unknown, delivered, acknowledged, done or refused
	Uploads       []PayoutBatchUpload `json:"uploads,omitempty"` // attempts to bring the file to the bank, newest first; not in lists
	Resolutions   []PayoutBatchVote   `json:"resolutions,omitempty"`
}

// PayoutBatchFile is the file of a batch.
type PayoutBatchFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // in hex
	Size   int64  `json:"size"`   // in bytes
}

// PayoutBatchUpload is one attempt to bring a file to its bank.
type PayoutBatchUpload struct {
	ID      string  `json:"id"`
	BegunAt int64   `json:"begun_at"`
	EndedAt *int64  `json:"ended_at"`
	Error   *string `json:"error"`
	FoundBy *string `json:"found_by"` // lookup, report or people, if the attempt itself had no certain outcome
	Note    *string `json:"note"`     // the receiver's own reference
	Outcome string  `json:"outcome"`  // begun, accepted, failed, unknown or absent
}

// PayoutBatchVote is what somebody says became of the last attempt.
type PayoutBatchVote struct {
	APIKey  string `json:"api_key"`
	Created int64  `json:"created"`
	Outcome string `json:"outcome"` // delivered or not_delivered
}

package wire

// PayoutPolicy is what a platform says of the payouts of all its accounts. Ours.
type PayoutPolicy struct {
	ID       *string `json:"id"`     // null: it has said nothing yet
	Object   string  `json:"object"` // always "payout_policy"
	Livemode bool    `json:"livemode"`
	Updated  *int64  `json:"updated"`
	PayoutRules
	PendingChange *PayoutPolicyChange `json:"pending_change"` // waits for a second actor
}

// PayoutRules are amounts in minor units by currency; what is not there does not limit.
type PayoutRules struct {
	ApprovalOver    map[string]int64 `json:"approval_over"`     // more needs two people
	CoolingOffHours int64            `json:"cooling_off_hours"` // after a bank account changed
	DailyLimit      map[string]int64 `json:"daily_limit"`       // of all payouts made on a day of the timezone
	MinimumPayout   map[string]int64 `json:"minimum_payout"`
	Timezone        string           `json:"timezone"`
}

// PayoutPolicyChange is one change of a policy, done or asked for.
type PayoutPolicyChange struct {
	ID          string      `json:"id"`
	Object      string      `json:"object"` // always "payout_policy_change"
	After       PayoutRules `json:"after"`
	Before      PayoutRules `json:"before"`
	DecidedAt   *int64      `json:"decided_at"`
	DecidedBy   *string     `json:"decided_by"`
	Livemode    bool        `json:"livemode"`
	RequestedAt int64       `json:"requested_at"`
	RequestedBy string      `json:"requested_by"` // cannot approve it
	Status      string      `json:"status"`       // applied, pending, refused or superseded
}

// PayoutApproval is what somebody said of a payout, or tried to say. Ours.
type PayoutApproval struct {
	ID       string  `json:"id"`
	Object   string  `json:"object"` // always "payout_approval"
	Actor    string  `json:"actor"`  // the key that was used
	Created  int64   `json:"created"`
	Decision string  `json:"decision"` // approve or refuse
	Livemode bool    `json:"livemode"`
	Payout   Ref     `json:"payout"`
	Reason   *string `json:"reason"`
	Refusal  *string `json:"refusal"` // why it does not count; null: it does
}

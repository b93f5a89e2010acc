package wire

// PayoutHold keeps a payout, or all payouts of an account, from leaving. Ours.
type PayoutHold struct {
	ID         string  `json:"id"`
	Object     string  `json:"object"`  // always "payout_hold"
	Account    string  `json:"account"` // whose money it is
	Created    int64   `json:"created"`
	CreatedBy  string  `json:"created_by"` // the key that asked for it
	ExpiresAt  *int64  `json:"expires_at"` // from here on released on a business day of the bank; null: by hand
	Livemode   bool    `json:"livemode"`
	Payout     Ref     `json:"payout"` // null: the account as a whole
	Reason     string  `json:"reason"`
	ReleasedAt *int64  `json:"released_at"`
	ReleasedBy *string `json:"released_by"` // a key, or expiry
	Status     string  `json:"status"`      // active or released
}

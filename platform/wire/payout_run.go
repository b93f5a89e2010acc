package wire

// PayoutRun is the automatic payouts of a platform's accounts on a UTC day. Ours.
type PayoutRun struct {
	ID        string          `json:"id"`
	Object    string          `json:"object"`          // "payout_run"
	Added     *int64          `json:"added,omitempty"` // payouts that this request made; only where a run was asked for
	Created   int64           `json:"created"`
	Date      string          `json:"date"`       // 2006-01-02, UTC
	LastAdded int64           `json:"last_added"` // when something was added last
	Livemode  bool            `json:"livemode"`
	Made      []PayoutRunSum  `json:"made"`
	Skipped   []PayoutRunSkip `json:"skipped"` // purses left out although they may have money, each time they were looked at
}

// PayoutRunSum is what a run made in a currency.
type PayoutRunSum struct {
	Currency string `json:"currency"`
	Count    int64  `json:"count"`
	Amount   int64  `json:"amount"`
}

// PayoutRunSkip is why a run left purses out.
type PayoutRunSkip struct {
	Currency string `json:"currency"`
	Count    int64  `json:"count"`
	Reason   string `json:"reason"` // payouts_disabled, no_bank_account, bank_account_errored, no_rail, account_on_hold, bank_account_changed, below_minimum or daily_limit
}

// PayoutForecast is what a run would do with one purse. Ours.
type PayoutForecast struct {
	ID          string  `json:"id"`     // "acct_…:hkd", the cursor of pages
	Object      string  `json:"object"` // "payout_forecast"
	Account     Ref     `json:"account"`
	Amount      int64   `json:"amount"`            // 0 if it is left out
	Approval    bool    `json:"approval_required"` // people would have to agree
	Currency    string  `json:"currency"`
	Destination *string `json:"destination"`
	Payday      *string `json:"payday"`  // the latest by the schedule, a local date
	Skipped     *string `json:"skipped"` // why it is left out

	Parts []PayoutForecastPart `json:"parts,omitempty"` // of a payout to several bank accounts
}

// PayoutForecastPart is what one of several bank accounts would get.
type PayoutForecastPart struct {
	Amount      int64  `json:"amount"`
	Destination string `json:"destination"`
	Percent     string `json:"percent"`
}

// PayoutRunApproval is what one person's agreement did to a run. Ours.
type PayoutRunApproval struct {
	Object    string             `json:"object"`   // "payout_run_approval"
	Approved  int64              `json:"approved"` // payouts that go now
	PayoutRun string             `json:"payout_run"`
	Refused   []PayoutRunRefusal `json:"refused"`
	Waiting   int64              `json:"waiting"` // payouts that another person has to agree to, too
}

// PayoutRunRefusal is why an agreement does not count, and for how many payouts.
type PayoutRunRefusal struct {
	Code    string `json:"code"`
	Count   int64  `json:"count"`
	Message string `json:"message"` // of the first one
}

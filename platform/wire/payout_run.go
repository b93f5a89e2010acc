package wire

// PayoutRun is the automatic payouts of a platform's accounts on a UTC day. Ours.
type PayoutRun struct {
	ID        string          `json:"id"`
	Object    string          `json:"object"` // "payout_run"
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
	Object      string  `json:"object"` // "payout_forecast"
	Account     string  `json:"account"`
	Amount      int64   `json:"amount"`            // 0 if it is left out
	Approval    bool    `json:"approval_required"` // people would have to agree
	Currency    string  `json:"currency"`
	Destination *string `json:"destination"`
	Payday      *string `json:"payday"`  // the latest by the schedule, a local date
	Skipped     *string `json:"skipped"` // why it is left out
}

package wire

// BalanceDay is what an account's payments came to on one UTC day in one currency;
// Sluice's own extension. kept = processing_fees + net.
type BalanceDay struct {
	ID              string            `json:"id"`               // the day and the currency
	Object          string            `json:"object"`           // "balance_day"
	ApplicationFees int64             `json:"application_fees"` // a platform's income; a connected account's expense, negative
	Currency        string            `json:"currency"`
	Day             string            `json:"day"`  // YYYY-MM-DD
	Kept            int64             `json:"kept"` // what stayed with the account of all it took
	Livemode        bool              `json:"livemode"`
	Net             int64             `json:"net"`
	Payments        int64             `json:"payments"`        // how many
	ProcessingFees  int64             `json:"processing_fees"` // what it paid the processor
	Refunds         int64             `json:"refunds"`         // what payers got back; positive
	Transferred     int64             `json:"transferred"`     // to connected accounts, less what came back
	Types           []BalanceDayTotal `json:"types"`
	Volume          int64             `json:"volume"` // what payers paid; a platform's with payments on its connected accounts
}

// BalanceDayTotal is what one type of balance transactions came to on the day.
// processed and processed_refund are none: what a platform's processor took and gave back.
type BalanceDayTotal struct {
	Amount int64  `json:"amount"`
	Count  int64  `json:"count"`
	Fee    int64  `json:"fee"`
	Net    int64  `json:"net"`
	Type   string `json:"type"`
}

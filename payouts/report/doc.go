// Package report makes CSV files of payouts for finance people, in the shape of
// Stripe's payout reconciliation reports (https://docs.stripe.com/reports): a run
// is asked for, made in the background, and kept, so that it reads the same for ever.
//
// Unlike Stripe's, the reports hold every payout, automatic, manual and instant,
// since all of them know their lines. In every itemised report the net of a payout's
// rows sums to the payout's amount; the payout's own line is not a row.
//
// Amounts are in major units with the currency's decimals ("600.00", "600" JPY), as in Stripe's
// reports; ledger_entry leads to the postings.
//
//	pending ──► succeeded    the file is there
//	   └──────► failed       after maxTries; the error says what to do
package report

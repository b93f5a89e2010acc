package daily

import (
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// Day is what one account's payments came to on one UTC day in one currency.
//
//	kept = cost + net
//
// where kept is what stayed with the account of all it took, after what it moved
// on, gave back or paid as application fees, and cost is what it paid the processor.
type Day struct {
	Day      time.Time
	Currency money.Currency
	Payments int64 // how many were taken
	Volume   int64 // what payers paid; a platform's counts payments on its connected accounts too
	Refunds  int64 // what payers got back; positive
	Fees     int64 // application fees: a platform's income, a connected account's expense; less what was returned
	Moved    int64 // transfers to connected accounts, less what came back
	Kept     int64
	Cost     int64 // processing fees this account bore; positive
	Net      int64
	Totals   []Total
}

// Days sums totals, in the order Totals lists them, into days. A platform's volume
// is what its processor did; a connected account's is what its own lines say.
func Days(totals []Total, connected bool) []Day {
	var days []Day
	for _, t := range totals {
		if n := len(days); n == 0 || !days[n-1].Day.Equal(t.Day) || days[n-1].Currency != t.Currency {
			days = append(days, Day{Day: t.Day, Currency: t.Currency})
		}
		d := &days[len(days)-1]
		d.Totals = append(d.Totals, t)
		d.turnover(t, connected)
		d.earnings(t)
	}
	for i := range days {
		days[i].Kept = days[i].Net + days[i].Cost
	}
	return days
}

func (d *Day) turnover(t Total, connected bool) {
	switch {
	case t.Type == Processed, connected && (t.Type == "charge" || t.Type == "payment"):
		d.Payments += t.Count
		d.Volume += t.Amount
	case t.Type == ProcessedRefund, connected && (t.Type == "refund" || t.Type == "payment_refund" || t.Type == "refund_failure"):
		d.Refunds -= t.Amount
	}
}

// earnings leaves out lines that are no business of payments: payouts, top-ups,
// reserves only stand among the totals.
func (d *Day) earnings(t Total) {
	switch t.Type {
	case "charge", "payment":
		d.Cost += t.Cost
		d.Fees -= t.Fee - t.Cost
	case "stripe_fee":
		d.Cost -= t.Amount
	case "application_fee", "application_fee_refund":
		d.Fees += t.Amount
	case "transfer", "transfer_refund":
		d.Moved -= t.Amount
	case "refund", "refund_failure", "payment_refund":
	default:
		return
	}
	d.Net += t.Net
}

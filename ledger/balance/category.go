package balance

// categories are the types of lines whose reporting category has another name
// (https://docs.stripe.com/reports/reporting-categories).
var categories = map[string]string{
	"payment": "charge", "payment_refund": "refund", "transfer_refund": "transfer_reversal",
	"application_fee": "platform_earning", "application_fee_refund": "platform_earning_refund",
	"payout_failure": "payout_reversal", "payout_cancel": "payout_reversal",
	"stripe_fee": "fee", "reserve_transaction": "connect_reserved_funds", "adjustment": "other_adjustment",
}

// Category is the reporting category of a type of lines.
func Category(lineType string) string {
	if c, ok := categories[lineType]; ok {
		return c
	}
	return lineType
}

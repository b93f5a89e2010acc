package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/money"
)

// row is what a column may show: a payout, one of its lines, or a sum.
type row struct {
	payout   *payouts.Payout
	line     *balance.Transaction
	category string
	currency money.Currency
	sum      sum
	zone     *time.Location
}

type column struct {
	name  string
	extra bool // only if it is asked for
	show  func(row) string
}

func (r row) time(t time.Time) string { return t.In(r.zone).Format(time.DateTime) }

func (r row) major(minor int64) string { return money.New(minor, r.currency).Decimal() }

// payoutOnly are the columns of a payout that its lines have, too.
var payoutOnly = []column{
	{name: "payout_id", show: func(r row) string { return r.payout.ID }},
	{name: "payout_effective_at", show: func(r row) string { return r.payout.ArrivalDate.UTC().Format(time.DateOnly) }},
	{name: "payout_status", show: func(r row) string { return string(r.payout.Status) }},
	{name: "payout_method", extra: true, show: func(r row) string { return r.payout.Method }},
	{name: "payout_destination_id", extra: true, show: func(r row) string { return r.payout.Destination }},
	{name: "payout_run", extra: true, show: func(r row) string { return r.payout.Run }},
	{name: "payout_batch", extra: true, show: func(r row) string { return r.payout.Batch }},
	{name: "trace_id", extra: true, show: func(r row) string { return Cell(r.payout.TraceID) }},
	{name: "connected_account", show: func(r row) string {
		if r.payout.Account == r.payout.Platform {
			return ""
		}
		return r.payout.Account
	}},
}

var lineColumns = append([]column{
	{name: "automatic_payout_id", show: func(r row) string {
		if !r.payout.Automatic {
			return ""
		}
		return r.payout.ID
	}},
	{name: "balance_transaction_id", show: func(r row) string { return r.line.ID }},
	{name: "created", show: func(r row) string { return r.time(r.line.CreatedAt) }},
	{name: "available_on", show: func(r row) string { return r.time(r.line.AvailableOn) }},
	{name: "currency", show: func(r row) string { return string(r.line.Currency) }},
	{name: "gross", show: func(r row) string { return r.major(r.line.Amount) }},
	{name: "fee", show: func(r row) string { return r.major(r.line.Fee) }},
	{name: "net", show: func(r row) string { return r.major(r.line.Net) }},
	{name: "application_fee", extra: true, show: func(r row) string { return r.major(feeOf(r.line.FeeDetails, "application_fee")) }},
	{name: "processing_fee", extra: true, show: func(r row) string { return r.major(feeOf(r.line.FeeDetails, "stripe_fee")) }},
	{name: "reporting_category", show: func(r row) string { return balance.Category(r.line.Type) }},
	{name: "type", extra: true, show: func(r row) string { return r.line.Type }},
	{name: "source_id", show: func(r row) string { return r.line.Source }},
	{name: "description", show: func(r row) string { return Cell(r.line.Description) }},
	{name: "ledger_entry", extra: true, show: func(r row) string { return "le_" + strconv.FormatInt(r.line.EntryID, 10) }},
}, payoutOnly...)

var payoutColumns = append([]column{
	{name: "automatic", show: func(r row) string { return strconv.FormatBool(r.payout.Automatic) }},
	{name: "created", show: func(r row) string { return r.time(r.payout.CreatedAt) }},
	{name: "currency", show: func(r row) string { return string(r.payout.Currency) }},
	{name: "net", show: func(r row) string { return r.major(r.payout.Amount) }},
	{name: "balance_transaction_id", show: func(r row) string { return r.payout.BalanceTransaction }},
	{name: "failure_balance_transaction_id", extra: true, show: func(r row) string { return r.payout.FailureBalanceTransaction }},
	{name: "failure_code", extra: true, show: func(r row) string { return r.payout.FailureCode }},
	{name: "description", show: func(r row) string {
		if r.payout.Description == nil {
			return ""
		}
		return Cell(*r.payout.Description)
	}},
}, payoutOnly...)

// sum adds up the lines of a reporting category.
type sum struct{ count, gross, fee, net int64 }

var summaryColumns = []column{
	{name: "reporting_category", show: func(r row) string { return r.category }},
	{name: "currency", show: func(r row) string { return string(r.currency) }},
	{name: "count", show: func(r row) string { return strconv.FormatInt(r.sum.count, 10) }},
	{name: "gross", show: func(r row) string { return r.major(r.sum.gross) }},
	{name: "fee", show: func(r row) string { return r.major(r.sum.fee) }},
	{name: "net", show: func(r row) string { return r.major(r.sum.net) }},
}

func feeOf(fees []ledger.Fee, kind string) (total int64) {
	for _, f := range fees {
		if f.Type == kind {
			total += f.Amount
		}
	}
	return total
}

// Cell keeps a text from being read as a formula by spreadsheets
// (OWASP, "CSV Injection"): one that could begin a formula gets an apostrophe.
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

package journal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

var (
	at  = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	day = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
)

func hkd(minor int64) money.Amount { return money.New(minor, "hkd") }

func counter() NewID {
	n := 0
	return func() string { n++; return fmt.Sprintf("txn_%d", n) }
}

// cases gives, for every table in a comment, the event it describes.
func cases() map[string]ledger.Entry {
	charge := func(change func(c *Charge)) ledger.Entry {
		c := Charge{ID: "ch_1", Owner: "P", Platform: "P", Amount: hkd(10000), ProcessingFee: 340, At: at, MaturesOn: day}
		change(&c)
		return ChargeSucceeded(c, counter())
	}
	refund := func(change func(r *Refund)) ledger.Entry {
		r := Refund{ID: "re_1", Owner: "P", Platform: "P", Amount: hkd(4000), At: at, MaturesOn: day}
		change(&r)
		return Refunded(r, counter())
	}
	fee := FeeReturn{ID: "fr_1", Account: "C", Amount: 400}
	payout := Payout{ID: "po_1", Account: "A", Platform: "P", Amount: hkd(7000), At: at}
	returned := payout
	returned.Paid = true
	cut := payout
	cut.Amount = hkd(300)
	debit := payout
	debit.Amount = hkd(-7000)
	clearing := debit
	clearing.ClearsOn = day
	debited := clearing
	debited.Paid = true
	whole := clearing
	whole.Amount = hkd(7000)
	return map[string]ledger.Entry{
		"ChargeSucceeded: platform charge":   charge(func(c *Charge) {}),
		"ChargeSucceeded: available at once": charge(func(c *Charge) { c.MaturesOn = time.Time{} }),
		"ChargeSucceeded: direct, the account pays the processor": charge(func(c *Charge) {
			c.Owner, c.Direct = "C", &Direct{ApplicationFee: 1000, FeeID: "fee_1"}
		}),
		"ChargeSucceeded: direct, the platform pays the processor": charge(func(c *Charge) {
			c.Owner, c.Direct = "C", &Direct{ApplicationFee: 1000, FeeID: "fee_1", PlatformPaysProcessor: true}
		}),
		"ChargeSucceeded: direct, the fees eat more than the charge": charge(func(c *Charge) {
			c.Owner, c.Direct = "C", &Direct{ApplicationFee: 10000, FeeID: "fee_1"}
		}),
		"ChargeSucceeded: destination with application fee": charge(func(c *Charge) {
			c.Legs = []Leg{{Transfer: "tr_1", Payment: "py_1", Destination: "C", Amount: 10000, ApplicationFee: 1000, FeeID: "fee_1"}}
		}),
		"ChargeSucceeded: destination with transfer amount": charge(func(c *Charge) {
			c.Legs = []Leg{{Transfer: "tr_1", Payment: "py_1", Destination: "C", Amount: 9000}}
		}),
		"ChargeSucceeded: splits": charge(func(c *Charge) {
			c.Legs = []Leg{
				{Transfer: "tr_1", Payment: "py_1", Destination: "C1", Amount: 6000},
				{Transfer: "tr_2", Payment: "py_2", Destination: "C2", Amount: 3000},
			}
		}),
		"Refunded: platform charge":   refund(func(r *Refund) {}),
		"Refunded: available at once": refund(func(r *Refund) { r.MaturesOn = time.Time{} }),
		"Refunded: direct with application fee returned": refund(func(r *Refund) {
			r.Owner, r.Fees = "C", []FeeReturn{fee}
		}),
		"Refunded: destination with transfer reversed and fee returned": refund(func(r *Refund) {
			r.Unwound = []Unwound{{Reversal: "trr_1", PaymentRefund: "pyr_1", Destination: "C", Amount: 4000}}
			r.Fees = []FeeReturn{fee}
		}),
		"Refunded: splits unwound": refund(func(r *Refund) {
			r.Unwound = []Unwound{
				{Reversal: "trr_1", PaymentRefund: "pyr_1", Destination: "C1", Amount: 2400},
				{Reversal: "trr_2", PaymentRefund: "pyr_2", Destination: "C2", Amount: 1200},
			}
		}),
		"RefundFailed: on the charge's day": RefundFailed(
			FailedRefund{ID: "re_1", Owner: "A", Platform: "P", Amount: hkd(4000), At: at, MaturesOn: day}, counter()),
		"RefundFailed: available at once": RefundFailed(
			FailedRefund{ID: "re_1", Owner: "A", Platform: "P", Amount: hkd(4000), At: at}, counter()),
		"ApplicationFeeRefunded: on the charge's day": ApplicationFeeRefunded(
			FeeRefund{FeeReturn: fee, Platform: "P", Currency: "hkd", At: at, MaturesOn: day}, counter()),
		"TransferCreated: from the available balance": TransferCreated(
			Transfer{ID: "tr_1", Payment: "py_1", Platform: "P", Destination: "C", Amount: hkd(5000), At: at}, counter()),
		"TransferCreated: tied to a charge": TransferCreated(
			Transfer{ID: "tr_1", Payment: "py_1", Platform: "P", Destination: "C", Amount: hkd(5000), At: at,
				SourceCharge: true, MaturesOn: day}, counter()),
		"TransferReversed: from the available balance": TransferReversed(Reversal{
			Unwound:  Unwound{Reversal: "trr_1", PaymentRefund: "pyr_1", Destination: "C", Amount: 2000},
			Platform: "P", Currency: "hkd", At: at}, counter()),
		"TransferReversed: tied to a charge, fee returned": TransferReversed(Reversal{
			Unwound:  Unwound{Reversal: "trr_1", PaymentRefund: "pyr_1", Destination: "C", Amount: 2000},
			Platform: "P", Currency: "hkd", At: at, MaturesOn: day,
			Fee: &FeeReturn{ID: "fr_1", Account: "C", Amount: 200}}, counter()),
		"PayoutCreated: payout":                    PayoutCreated(payout, counter()),
		"PayoutPaid: paid":                         PayoutPaid(payout),
		"PayoutFailed: in transit":                 PayoutFailed(payout, counter()),
		"PayoutFailed: returned after it was paid": PayoutFailed(returned, counter()),
		"PayoutCanceled: canceled":                 PayoutCanceled(payout, counter()),
		"PayoutCut: remainder":                     PayoutCut(cut, counter()),

		"PayoutCreated: debit of what is owed":                        PayoutCreated(debit, counter()),
		"PayoutCreated: debit that has to clear first":                PayoutCreated(clearing, counter()),
		"PayoutPaid: debited":                                         PayoutPaid(clearing),
		"PayoutFailed: a debit that was refused":                      PayoutFailed(debit, counter()),
		"PayoutFailed: a debit that was taken back before it cleared": PayoutFailed(debited, counter()),
		"PayoutCanceled: a debit canceled":                            PayoutCanceled(clearing, counter()),
		"PayoutCut: all of a debit that has to clear":                 PayoutCut(whole, counter()),

		"Matured: earned":                    Matured(Maturity{Account: "A", Amount: hkd(9660), Day: day, At: at}),
		"Matured: more refunded than earned": Matured(Maturity{Account: "A", Amount: hkd(-340), Day: day, At: at}),
		"ReserveMoved: set aside":            ReserveMoved(Reserve{ID: "rsv_1", Platform: "P", Amount: hkd(500), At: at}, counter()),
		"ReserveMoved: released":             ReserveMoved(Reserve{ID: "rsv_2", Platform: "P", Amount: hkd(-500), At: at}, counter()),
		"TopupSucceeded: arrived":            TopupSucceeded(Topup{ID: "tu_1", Platform: "P", Amount: hkd(2000), At: at}, counter()),
	}
}

func TestEveryTableIsWhatIsPosted(t *testing.T) {
	posted := cases()
	for name, want := range tables(t) {
		entry, ok := posted[name]
		if !ok {
			t.Errorf("%s: the comment has this table, the test has no event for it", name)
			continue
		}
		delete(posted, name)
		if diff := cmp.Diff(want, render(entry)); diff != "" {
			t.Errorf("%s (-comment +posted):\n%s", name, diff)
		}
	}
	for name := range posted {
		t.Errorf("%s: no such table in the comments", name)
	}
}

func TestEveryEntryOfTheJournalIsBalanced(t *testing.T) {
	for name, e := range cases() {
		var sum int64
		for _, p := range e.Postings {
			sum += int64(p.Side) * p.Amount.Minor
			if p.Line != nil && p.Line.Amount-p.Line.Fee != -int64(p.Side)*p.Amount.Minor {
				t.Errorf("%s: line %s nets %d", name, p.Line.Type, p.Line.Amount-p.Line.Fee)
			}
			if p.Line != nil && feeSum(p.Line) != p.Line.Fee {
				t.Errorf("%s: fee details of %s sum to %d, not %d", name, p.Line.Type, feeSum(p.Line), p.Line.Fee)
			}
		}
		if sum != 0 {
			t.Errorf("%s sums to %d", name, sum)
		}
	}
}

func feeSum(l *ledger.Line) (sum int64) {
	for _, f := range l.FeeDetails {
		sum += f.Amount
	}
	return sum
}

func TestLinesAreFoundByWhatTheyTell(t *testing.T) {
	e := cases()["ChargeSucceeded: destination with application fee"]
	for _, c := range []struct{ kind, source, want string }{
		{"charge", "ch_1", "txn_1"}, {"transfer", "tr_1", "txn_2"}, {"payment", "py_1", "txn_3"},
		{"application_fee", "fee_1", "txn_4"}, {"refund", "ch_1", ""},
	} {
		if got := e.LineID(c.kind, c.source); got != c.want {
			t.Errorf("%s of %s is %q, want %q", c.kind, c.source, got, c.want)
		}
	}
}

// tables reads the T-account tables out of the comments of this package:
// a title, a heading that starts with "account", then one row per posting.
func tables(t *testing.T) map[string][]string {
	t.Helper()
	files := token.NewFileSet()
	found := make(map[string][]string)
	for _, file := range []string{"balance.go", "charge.go", "payout.go", "refund.go", "transfer.go"} {
		parsed, err := parser.ParseFile(files, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Doc != nil && fn.Name.IsExported() {
				read(t, fn.Name.Name, fn.Doc.List, found)
			}
		}
	}
	return found
}

func read(t *testing.T, function string, comment []*ast.Comment, found map[string][]string) {
	t.Helper()
	title, heading := "", ""
	for _, c := range comment {
		line, indented := strings.CutPrefix(c.Text, "//\t")
		switch {
		case !indented:
			title, heading = "", ""
		case title == "":
			title = function + ": " + line
			found[title] = nil
		case heading == "":
			heading = line
		default:
			found[title] = append(found[title], row(heading, line))
		}
	}
}

// row puts the columns of a table row under its heading: "pending P | Cr 9660 | charge 10000 fee 340".
func row(heading, line string) string {
	credit := strings.Index(heading, "debit") + len("debit")
	end := strings.Index(heading, "line")
	line += strings.Repeat(" ", max(0, end-len(line)))
	account := strings.Join(strings.Fields(line)[:2], " ")
	debit := strings.TrimPrefix(strings.Join(strings.Fields(line[:credit]), " "), account)
	amount := "Dr" + debit
	if strings.TrimSpace(debit) == "" {
		amount = "Cr " + strings.TrimSpace(line[credit:end])
	}
	return strings.TrimSpace(account + " | " + amount + " | " + strings.TrimSpace(line[end:]))
}

func render(e ledger.Entry) []string {
	var rows []string
	for _, p := range e.Postings {
		side := "Dr"
		if p.Side == ledger.Credit {
			side = "Cr"
		}
		text := fmt.Sprintf("%s %s | %s %d |", p.Account.Kind, p.Account.Owner, side, p.Amount.Minor)
		if p.Line != nil {
			text += fmt.Sprintf(" %s %d", p.Line.Type, p.Line.Amount)
			if p.Line.Fee != 0 {
				text += fmt.Sprintf(" fee %d", p.Line.Fee)
			}
		}
		if p.NoOverdraft {
			text += " floor"
		}
		rows = append(rows, text)
	}
	return rows
}

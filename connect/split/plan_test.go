package split

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

func hkd(minor int64) money.Amount { return money.New(minor, "hkd") }

func to(account string, share Share) Share {
	share.Destination = account
	return share
}

func fixed(minor int64) Share { return Share{Amount: &minor} }
func rest() Share             { return Share{Remainder: true} }

func percent(s string) Share {
	rate, err := money.ParsePercent(s)
	if err != nil {
		panic(err)
	}
	return Share{Percent: &rate}
}

func bearing(s Share) Share {
	s.FeeBearer = true
	return s
}

// table writes a plan as its legs and what remains, in minor units.
func table(p Plan) string {
	var b strings.Builder
	for _, leg := range p.Legs {
		fmt.Fprintf(&b, "%s %d", leg.Destination, leg.Amount.Minor)
		if !leg.ProcessingFee.IsZero() {
			fmt.Fprintf(&b, " (fee %d)", leg.ProcessingFee.Minor)
		}
		b.WriteByte('\n')
	}
	if !p.ApplicationFee.IsZero() {
		fmt.Fprintf(&b, "fee %d\n", p.ApplicationFee.Minor)
	}
	fmt.Fprintf(&b, "remains %d\n", p.Remains.Minor)
	return b.String()
}

// lines normalizes a table of a test: one line each, no indentation.
func lines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// Each charge is 600.00 HKD with a processing fee of 22.75.
func TestPlansOfTheFourForms(t *testing.T) {
	for name, c := range map[string]struct {
		terms Terms
		want  string
	}{
		"nothing asked: all stays": {Terms{}, `
			remains 57725`},
		"direct with fee": {Terms{Direct: true, ApplicationFee: new(int64(6000))}, `
			fee 6000
			remains 51725`},
		"destination with fee": {Terms{ApplicationFee: new(int64(6000)), TransferData: &TransferData{Destination: "acct_tutor"}}, `
			acct_tutor 60000
			fee 6000
			remains 3725`},
		"destination with amount": {Terms{TransferData: &TransferData{Destination: "acct_tutor", Amount: new(int64(54000))}}, `
			acct_tutor 54000
			remains 3725`},
		"destination with amount zero moves nothing": {Terms{TransferData: &TransferData{Destination: "acct_tutor", Amount: new(int64(0))}}, `
			remains 57725`},
		"destination gets all, the platform pays processing": {Terms{TransferData: &TransferData{Destination: "acct_tutor"}}, `
			acct_tutor 60000
			remains -2275`},
		"splits": {Terms{Shares: []Share{to("acct_tutor", percent("80")), to("acct_room", fixed(5000)), to("acct_agent", percent("2.5"))}}, `
			acct_tutor 48000
			acct_room 5000
			acct_agent 1500
			remains 3225`},
		"splits with remainder": {Terms{Shares: []Share{to("acct_tutor", rest()), to("acct_room", fixed(5000)), to("acct_agent", percent("10"))}}, `
			acct_tutor 49000
			acct_room 5000
			acct_agent 6000
			remains -2275`},
		"receivers that bear their part of the processing fee": {Terms{Shares: []Share{to("acct_tutor", bearing(percent("80"))), to("acct_room", fixed(5000))}}, `
			acct_tutor 46180 (fee 1820)
			acct_room 5000
			remains 6545`},
		"one account twice": {Terms{Shares: []Share{to("acct_tutor", fixed(100)), to("acct_tutor", fixed(200))}}, `
			acct_tutor 100
			acct_tutor 200
			remains 57425`},
	} {
		plan, err := Compute(c.terms, hkd(60000), hkd(2275))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := table(plan), lines(c.want); got != want {
			t.Errorf("%s:\n%swant\n%s", name, got, want)
		}
	}
}

func TestPercentagesShareTheWholeByLargestRemainder(t *testing.T) {
	terms := Terms{Shares: []Share{to("a", percent("33.3333")), to("b", percent("33.3333")), to("c", percent("33.3334"))}}
	plan, err := Compute(terms, money.New(100, "jpy"), money.New(0, "jpy"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := table(plan), "a 33\nb 33\nc 34\nremains 0\n"; got != want {
		t.Fatalf("%swant\n%s", got, want)
	}
}

func TestWhatRoundsToNothingIsNoLeg(t *testing.T) {
	terms := Terms{Shares: []Share{to("a", percent("0.0001")), to("b", fixed(100)), to("c", rest())}}
	plan, err := Compute(terms, hkd(100), hkd(0))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := table(plan), "b 100\nremains 0\n"; got != want {
		t.Fatalf("%swant\n%s", got, want)
	}
	if plan.Legs[0].Share != 1 {
		t.Fatalf("leg of b names share %d", plan.Legs[0].Share)
	}
}

// A lesson of 600.00 of which 450.00 was captured.
func TestPartialCaptureShrinksInProportionAndCapsFees(t *testing.T) {
	for name, c := range map[string]struct {
		terms Terms
		want  string
	}{
		"splits": {Terms{Shares: []Share{to("acct_tutor", percent("80")), to("acct_room", fixed(5000))}}, `
			acct_tutor 36000
			acct_room 3750
			remains 5250`},
		"fee": {Terms{Direct: true, ApplicationFee: new(int64(50000))}, `
			fee 45000
			remains 0`},
		"small fee stays": {Terms{Direct: true, ApplicationFee: new(int64(6000))}, `
			fee 6000
			remains 39000`},
		"transfer_data[amount]": {Terms{TransferData: &TransferData{Destination: "acct_tutor", Amount: new(int64(54000))}}, `
			acct_tutor 45000
			remains 0`},
	} {
		plan, err := ComputeCaptured(c.terms, hkd(60000), hkd(45000), hkd(0))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := table(plan), lines(c.want); got != want {
			t.Errorf("%s:\n%swant\n%s", name, got, want)
		}
	}
}

func TestRefusedTermsNameTheirParameter(t *testing.T) {
	dest := &TransferData{Destination: "acct_tutor"}
	many := make([]Share, MaxLegs+1)
	for i := range many {
		many[i] = to("a", fixed(1))
	}
	both := to("a", fixed(1))
	both.Remainder = true
	for _, c := range []struct {
		param, code string
		terms       Terms
	}{
		{"transfer_data", "parameter_invalid", Terms{Direct: true, TransferData: dest}},
		{"splits", "parameter_invalid", Terms{Direct: true, Shares: []Share{to("a", rest())}}},
		{"splits", "parameters_exclusive", Terms{TransferData: dest, Shares: []Share{to("a", rest())}}},
		{"splits", "parameters_exclusive", Terms{ApplicationFee: new(int64(1)), Shares: []Share{to("a", rest())}}},
		{"transfer_data[amount]", "parameters_exclusive", Terms{ApplicationFee: new(int64(1)), TransferData: &TransferData{Destination: "a", Amount: new(int64(1))}}},
		{"application_fee_amount", "parameter_invalid", Terms{ApplicationFee: new(int64(1))}},
		{"application_fee_amount", "amount_too_large", Terms{Direct: true, ApplicationFee: new(int64(1001))}},
		{"application_fee_amount", "parameter_invalid_integer", Terms{Direct: true, ApplicationFee: new(int64(-1))}},
		{"transfer_data[destination]", "parameter_missing", Terms{TransferData: &TransferData{}}},
		{"transfer_data[amount]", "amount_too_large", Terms{TransferData: &TransferData{Destination: "a", Amount: new(int64(1001))}}},
		{"transfer_data[amount]", "parameter_invalid_integer", Terms{TransferData: &TransferData{Destination: "a", Amount: new(int64(-1))}}},
		{"splits", "parameter_invalid", Terms{Shares: many}},
		{"splits[0][destination]", "parameter_missing", Terms{Shares: []Share{fixed(1)}}},
		{"splits[0][amount]", "parameter_missing", Terms{Shares: []Share{to("a", Share{})}}},
		{"splits[0]", "parameters_exclusive", Terms{Shares: []Share{both}}},
		{"splits[1][amount]", "parameter_invalid_integer", Terms{Shares: []Share{to("a", fixed(1)), to("b", fixed(0))}}},
		{"splits[1][amount]", "amount_too_large", Terms{Shares: []Share{to("a", fixed(600)), to("b", fixed(401))}}},
		{"splits[0][percent]", "parameter_invalid", Terms{Shares: []Share{to("a", percent("0"))}}},
		{"splits[1][percent]", "parameter_invalid", Terms{Shares: []Share{to("a", percent("60")), to("b", percent("40.0001"))}}},
		{"splits[0][percent]", "amount_too_large", Terms{Shares: []Share{to("a", percent("60")), to("b", fixed(401))}}},
		{"splits[1][remainder]", "parameter_invalid", Terms{Shares: []Share{to("a", rest()), to("b", rest())}}},
	} {
		_, err := Compute(c.terms, hkd(1000), hkd(0))
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Param != c.param || f.Code != c.code {
			t.Errorf("want %s at %s, got %+v (%v)", c.code, c.param, f, err)
		}
	}
}

func TestAmountsOfAnotherCurrencyAreACallersMistake(t *testing.T) {
	if _, err := Compute(Terms{}, hkd(1000), money.New(1, "usd")); err == nil || fault.As(err) != nil {
		t.Fatalf("got %v", err)
	}
	if _, err := ComputeCaptured(Terms{}, hkd(1000), hkd(1001), hkd(0)); err == nil {
		t.Fatal("more captured than authorized")
	}
}

func TestParseSharesReadsWhatARequestSpells(t *testing.T) {
	got, err := ParseShares([]Param{
		{Destination: "a", Percent: new("12.5"), FeeBearer: new(true), Description: "lesson"},
		{Destination: "b", Amount: new(int64(5))},
		{Destination: "c", Remainder: new(true)},
	})
	lesson := to("a", bearing(percent("12.5")))
	lesson.Description = "lesson"
	want := []Share{lesson, to("b", fixed(5)), to("c", rest())}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	_, err = ParseShares([]Param{{Destination: "a", Amount: new(int64(5))}, {Destination: "b", Percent: new("12,5")}})
	if f := fault.As(err); f == nil || f.Param != "splits[1][percent]" {
		t.Fatalf("got %v", err)
	}
}

func TestDestinationsAreListedOnce(t *testing.T) {
	got := Terms{Shares: []Share{to("b", fixed(1)), to("a", fixed(1)), to("b", rest())}}.Destinations()
	if !reflect.DeepEqual(got, []string{"b", "a"}) {
		t.Fatalf("got %v", got)
	}
}

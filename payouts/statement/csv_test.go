package statement_test

import (
	"strings"
	"testing"

	"github.com/sluicepay/sluice/payouts/statement"
)

const csvProfiles = `[
	{"name": "hongkong", "header": ["Date", "Description", "Ref", "Withdrawal", "Deposit", "Balance"], "skip": 1, "booked": "Date", "date_layout": "DD MMM YYYY",
	 "debit": "Withdrawal", "credit": "Deposit", "thousands": ",", "balance": "Balance", "fixed_currency": "HKD", "fixed_account": "main",
	 "end_to_end": "Ref", "remittance": ["Description"]},
	{"name": "europe", "delimiter": ";", "header": ["Konto", "Valuta", "Buchung", "Betrag", "S/H", "Whg", "Saldo", "Grund"], "account": "Konto", "valued": "Valuta",
	 "booked": "Buchung", "date_layout": "DD.MM.YY", "amount": "Betrag", "mark": "S/H", "mark_debit": "S", "mark_credit": "H", "decimal": ",", "thousands": ".",
	 "currency": "Whg", "balance": "Saldo", "newest": true, "reason": "Grund", "latin1": true}
]`

func profiles(t *testing.T) []statement.Profile {
	t.Helper()
	p, err := statement.ParseProfiles(strings.NewReader(csvProfiles))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestACSVReadsByItsProfile(t *testing.T) {
	expect(t, "Account 004-123\nDate,Description,Ref,Withdrawal,Deposit,Balance\n24 Nov 2026,\"Lesson, November\",po_1,\"1,250.50\",,\"8,749.50\"\n25 Nov 2026,Sale,,,0.5,8750.00\n", `
		statement  of main
		1 -1250.50 HKD 261124 261124  end=po_1 text=Lesson, November
		2 0.50 HKD 261125 261125  text=Sale
		end hkd lines=2 1000000→875000`, profiles(t)...)
	expect(t, "Konto;Valuta;Buchung;Betrag;S/H;Whg;Saldo;Grund\r\nDE02;26.11.26;25.11.26;1.000,00;H;EUR;900,00;AC04\r\nDE02;24.11.26;24.11.26;100;S;EUR;-100,00;\r\nDE03;24.11.26;24.11.26;5;H;JPY;5;\r\n", `
		statement  of DE02
		1 1000.00 EUR 261125 261126  reason=AC04 return
		2 -100.00 EUR 261124 261124
		end eur lines=2 0→90000
		statement  of DE03
		1 5 JPY 261124 261124
		end jpy lines=1 0→5`, profiles(t)...)
}

func TestACSVThatDoesNotFitIsRefused(t *testing.T) {
	const head = "x\nDate,Description,Ref,Withdrawal,Deposit,Balance\n"
	for _, c := range []struct{ rule, rows, says string }{
		{"no line", "", "no statement"},
		{"a balance that does not follow", "24 Nov 2026,a,,1,,9\n25 Nov 2026,CANARY,,1,,7.99\n", "statement 1, entry 2: its balance does not follow"},
		{"both in and out", "24 Nov 2026,CANARY,,1,1,9\n", "exactly one of debit and credit"},
		{"neither", "24 Nov 2026,CANARY,,,,9\n", "exactly one of debit and credit"},
		{"too many decimals", "24 Nov 2026,CANARY,,1.001,,9\n", "more decimals"},
		{"no number", "24 Nov 2026,a,,CANARY,,9\n", "not a decimal number"},
		{"no date", "CANARY,a,,1,,9\n", "a date is not a date"},
		{"a cell too few", "24 Nov 2026,CANARY,1,9\n", "line 3 of the CSV"},
		{"a quote without end", "24 Nov 2026,\"CANARY\n", "of the CSV cannot be read"},
		{"a cell without end", "24 Nov 2026,\"" + strings.Repeat("CANARY\n", 300_000), "longer than any bank writes"},
	} {
		t.Run(c.rule, func(t *testing.T) { expectRefused(t, head+c.rows, c.says, profiles(t)...) })
	}
}

func TestAProfileThatCouldNotReadALineIsRefused(t *testing.T) {
	for _, c := range []struct{ old, by, says string }{
		{`"name": "europe"`, `"name": "hongkong"`, "twice"},
		{`"skip": 1`, `"skip": -1`, "skip"},
		{`"skip": 1`, `"skipp": 1`, "skipp"},
		{`"booked": "Date"`, `"booked": "Day"`, `no column "Day"`},
		{`DD MMM YYYY`, `DD MM`, "date_layout"},
		{`"debit": "Withdrawal", `, ``, "amount"},
		{`"mark_debit": "S", `, ``, "mark"},
		{`"thousands": "."`, `"thousands": ","`, "thousands"},
		{`"fixed_currency": "HKD"`, `"fixed_currency": "HKX"`, "fixed_currency"},
		{`"fixed_account": "main",`, ``, "account"},
		{`"delimiter": ";"`, `"delimiter": ";;"`, "delimiter"},
	} {
		changed := strings.Replace(csvProfiles, c.old, c.by, 1)
		if _, err := statement.ParseProfiles(strings.NewReader(changed)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s for %s: %v", c.by, c.old, err)
		}
	}
}

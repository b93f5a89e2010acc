package statement_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/money"
)

// adding holds every statement that is vouched for against its own balances.
type adding struct {
	*testing.T
	sum  int64
	open bool
	ends int
}

func (a *adding) Begin(s statement.Statement) error {
	if a.open || !s.Currency.Known() {
		a.Errorf("a statement begins inside another, or without a currency: %v", s.Currency)
	}
	a.open, a.sum = true, 0
	return nil
}

func (a *adding) Line(l statement.Line) error {
	if !a.open || l.Amount.Minor > money.MaxMinor || l.Amount.Minor < -money.MaxMinor {
		a.Error("a line stands outside of a statement, or is out of range")
	}
	if l.Part == 0 {
		a.sum += l.Amount.Minor
	}
	return nil
}

func (a *adding) End(s statement.Statement) error {
	if !a.open {
		a.Error("a statement ends that never began")
	}
	a.open = false
	a.ends++
	if s.Checked && s.Opening.Minor+a.sum != s.Closing.Minor {
		a.Errorf("vouched for, but %d and %d are not %d", s.Opening.Minor, a.sum, s.Closing.Minor)
	}
	return nil
}

// Whatever comes, a reader ends without panic, and what it vouches for adds up.
func fuzz(f *testing.F, format statement.Format, seeds ...string) {
	p, err := statement.ParseProfiles(strings.NewReader(csvProfiles))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		a := &adding{T: t}
		err := statement.Read(format, strings.NewReader(content), p, a)
		var unsound *statement.Error
		switch {
		case err == nil && a.ends == 0:
			t.Error("a file of nothing is vouched for")
		case err != nil && !errors.As(err, &unsound):
			t.Errorf("not an error of the file: %v", err)
		}
	})
}

func FuzzCamt(f *testing.F) {
	fuzz(f, statement.Camt,
		camtFile("053", "08", "<Stmt>"+camtHead+camtBalance("OPBD", "CRDT", "100.00")+camtBalance("CLBD", "CRDT", "67.50")+camtEntries("08")+"</Stmt>"),
		camtFile("054", "02", "<Ntfctn>"+camtHead+camtEntries("02")+"</Ntfctn>"), camtFile("052", "04", "<Rpt/>"), "<a:Document xmlns:a='x'></b:Document>")
}

func FuzzMT(f *testing.F) {
	fuzz(f, statement.MT,
		":20:T\n:25:1EUR\n:28C:1\n:60F:C160229EUR1,00\n:61:1602300301RC1,00NTRFX//Y\nZ\n:86:159?20EREF+a?21b/RTRN/AC04\n:62F:C160301EUR0,00\n-\n",
		":20:T\n:34F:PLN0\n:61:261124    CD1,NTRFNONREF\n:90C:1PLN1,\n-}", ":61:\n:86:", "{4:\n:20:\n:60F:D000000JPY9,\n:62M:D9999999,")
}

func FuzzBAI2(f *testing.F) {
	fuzz(f, statement.BAI2, baiSample, "01,,,,,,/\n02,,,,,,/\n03,,,010,D,9,/", "88,", "16,475,1,D,-1,,/")
}

func FuzzCSV(f *testing.F) {
	fuzz(f, statement.CSV+"hongkong",
		"y\nDate,Description,Ref,Withdrawal,Deposit,Balance\n", "x\nDate,Description,Ref,Withdrawal,Deposit,Balance\n24 Nov 2026,a,b,\"1,0\",,9\n")
}

// What a file is, the way it begins tells, and nothing else panics over it.
func FuzzSniff(f *testing.F) {
	p, err := statement.ParseProfiles(strings.NewReader(csvProfiles))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "<", "01,", "101 ", "{1:", "\xEF\xBB\xBF:20:x", "x\nDate,Description,Ref,Withdrawal,Deposit,Balance"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		format, r := statement.Sniff(strings.NewReader(content), p)
		if err := statement.Read(format, r, p, &adding{T: t}); format == "" && err == nil {
			t.Error("a file that nobody knows was read")
		}
	})
}

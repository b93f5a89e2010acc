package banksim_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// The table of the package comment is what customers of the sandbox read: each
// row is tried, for payments and for debits.
func TestEveryRowOfTheTableIsTrue(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	bank := banksim.New(dbtest.New(t))
	codes, endings := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(doc)) {
		row := strings.Fields(strings.TrimPrefix(line, "//"))
		if !strings.HasPrefix(line, "//\t") || len(row) < 5 || row[0] == "account" {
			continue
		}
		number := "000123456789"
		switch tail, iban := strings.CutPrefix(row[0], "IBAN…"); {
		case iban:
			number = "DE6237040044053201" + tail[2:]
		case row[0] != "others":
			number = "00012345" + strings.TrimPrefix(row[0], "…")
			endings[strings.TrimPrefix(row[0], "…")] = true
		}
		if row[4] != "-" {
			codes[row[4]] = true
		}
		for _, debit := range []bool{false, true} {
			i := rail.Instruction{Reference: id.New("po"), Amount: money.New(7000, "hkd"), Creditor: creditor(number), ExecuteOn: noon.Add(day), At: noon, Debit: debit}
			told := bank.Submit(t.Context(), i)
			on := bank.Lookup(t.Context(), rail.Query{Reference: i.Reference, At: i.ExecuteOn})
			later := bank.Lookup(t.Context(), rail.Query{Reference: i.Reference, At: i.ExecuteOn.AddDate(0, 1, 0)})
			got := []string{told.State.String(), on.State.String(), later.State.String(), later.Code}
			want := slices.Clone(row[1:5])
			if want[3] == "-" {
				want[3] = ""
			}
			if debit && on.State == rail.Paid && later.State == rail.Failed {
				want[3] = "debit_not_authorized"
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, debit %v: %v, want %v", row[0], debit, got, want)
			}
		}
	}
	for code := range rail.Codes {
		if !codes[code] {
			t.Errorf("no account fails with %s", code)
		}
	}
	if got, want := slices.Sorted(maps.Keys(endings)), slices.Sorted(maps.Keys(banksim.Endings)); !slices.Equal(got, want) {
		t.Errorf("the table tells of %v, the bank knows %v", got, want)
	}
}

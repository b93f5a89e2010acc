package banksim_test

import (
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

const day = 24 * time.Hour

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func creditor(number string) rail.Creditor {
	return rail.Creditor{Name: "陳大文", Country: "HK", Routing: "110000", Number: secret.New(number)}
}

func TestSandboxBankConforms(t *testing.T) {
	railtest.Run(t, func(t *testing.T) railtest.Subject {
		pool := dbtest.New(t)
		return railtest.Subject{
			Rail: banksim.New(pool), Pool: pool, Now: noon, Good: creditor("000123456"),
			Bad: map[string]rail.Creditor{
				"account_closed": creditor("000111111113"), "no_account": creditor("000111111116"),
				"insufficient_funds": creditor("000222222227"), "debit_not_authorized": creditor("000333333335"),
				"invalid_currency": creditor("000444444440"),
			},
			Silent: []rail.Creditor{creditor("000777777777"), creditor("000666666660")},
			Debits: func(reference string) (n int) {
				err := pool.NewRaw("SELECT count(*) FROM banksim.movements WHERE reference = ? AND kind = 'debit'", reference).Scan(t.Context(), &n)
				if err != nil {
					t.Fatal(err)
				}
				return n
			},
		}
	})
}

func TestReturnedMoneyIsPaidFirst(t *testing.T) {
	bank := banksim.New(dbtest.New(t))
	i := rail.Instruction{Reference: id.New("po"), Amount: money.New(7000, "hkd"), Creditor: creditor("000555555558"), ExecuteOn: noon, At: noon}
	for _, c := range []struct {
		after time.Duration
		want  rail.State
	}{{0, rail.Paid}, {47 * time.Hour, rail.Paid}, {48 * time.Hour, rail.Failed}, {90 * time.Hour, rail.Failed}} {
		bank.Submit(t.Context(), i)
		if got := bank.Lookup(t.Context(), rail.Query{Reference: i.Reference, At: noon.Add(c.after)}); got.State != c.want {
			t.Errorf("after %s the bank says %s (%v), want %s", c.after, got.State, got.Err, c.want)
		}
	}
}

func TestInstructionWithoutAnEndIsAcceptedForEver(t *testing.T) {
	bank := banksim.New(dbtest.New(t))
	i := rail.Instruction{Reference: id.New("po"), Amount: money.New(7000, "hkd"), Creditor: creditor("000000000009"), ExecuteOn: noon, At: noon}
	bank.Submit(t.Context(), i)
	if got := bank.Lookup(t.Context(), rail.Query{Reference: i.Reference, At: noon.AddDate(1, 0, 0)}); got.State != rail.Accepted {
		t.Errorf("after a year the bank says %s", got.State)
	}
}

func TestInstantIsCarriedOutWhenItIsTold(t *testing.T) {
	bank := banksim.New(dbtest.New(t))
	for number, want := range map[string]rail.State{"000123456": rail.Paid, "000111111113": rail.Failed, "000000000009": rail.Accepted} {
		i := rail.Instruction{Reference: id.New("po"), Amount: money.New(7000, "hkd"), Creditor: creditor(number), Instant: true, ExecuteOn: noon.Add(day), At: noon}
		if got := bank.Submit(t.Context(), i); got.State != want {
			t.Errorf("%s: the bank says %s (%v), want %s", number, got.State, got.Err, want)
		}
	}
}

func TestRecallBringsBackWhatIsNotRefused(t *testing.T) {
	bank := banksim.New(dbtest.New(t))
	for _, c := range []struct {
		number  string
		on      time.Time
		want    rail.State
		refused bool
		paid    int
	}{
		{"000123456", noon, rail.Failed, false, 0},
		{"000123456", noon.Add(2 * day), rail.Failed, false, 1},
		{"000012348301", noon, rail.Accepted, true, 0},
		{"000012348301", noon.Add(2 * day), rail.Paid, true, 1},
		{"000111111113", noon.Add(2 * day), rail.Failed, false, 0},
	} {
		i := rail.Instruction{Reference: id.New("po"), Amount: money.New(7000, "hkd"), Creditor: creditor(c.number), ExecuteOn: noon.Add(day), At: noon}
		bank.Submit(t.Context(), i)
		for range 2 {
			if got := bank.Recall(t.Context(), rail.Query{Reference: i.Reference, At: c.on}); got.State != c.want || got.RecallRefused != c.refused {
				t.Errorf("%s: the bank says %s, refused %v (%v)", c.number, got.State, got.RecallRefused, got.Err)
			}
		}
		if n, err := bank.Paid(t.Context(), i.Reference); n != c.paid || err != nil {
			t.Errorf("%s: the bank paid %d times, %v", c.number, n, err)
		}
	}
	if got := bank.Recall(t.Context(), rail.Query{Reference: "po_none", At: noon}); got.State != rail.Absent {
		t.Errorf("what the bank never had is %s", got.State)
	}
}

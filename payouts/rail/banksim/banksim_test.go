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

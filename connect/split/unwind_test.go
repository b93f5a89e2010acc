package split

import (
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// A lesson of 100.01 to two tutors and an agent, refunded in three parts:
//
//	          got     33.33   33.33   33.35
//	acct_a   33.34    11.11   11.11   11.12
//	acct_b   33.33    11.10   11.11   11.12
//	acct_c    0.01     0.00    0.00    0.01
func TestPartialRefundsReturnByTheCumulativeMethod(t *testing.T) {
	plan, err := Compute(Terms{Shares: []Share{to("acct_a", fixed(3334)), to("acct_b", fixed(3333)), to("acct_c", fixed(1))}}, hkd(10001), hkd(0))
	if err != nil {
		t.Fatal(err)
	}
	before := Before{Reversed: make([]int64, 3)}
	for _, step := range []struct {
		refund int64
		want   [3]int64
	}{{3333, [3]int64{1111, 1110, 0}}, {3333, [3]int64{1111, 1111, 0}}, {3335, [3]int64{1112, 1112, 1}}} {
		back, err := Unwind(plan, before, hkd(step.refund), Options{ReverseTransfer: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range step.want {
			if back.Legs[i] != hkd(want) {
				t.Errorf("refund of %d after %d: leg %d returns %v, want %d", step.refund, before.Refunded, i, back.Legs[i], want)
			}
			before.Reversed[i] += back.Legs[i].Minor
		}
		before.Refunded += step.refund
	}
}

func TestARefundWithoutOptionsTouchesNoLegAndNoFee(t *testing.T) {
	plan := destinationPlan(t)
	back, err := Unwind(plan, Before{}, hkd(60000), Options{})
	if err != nil || !back.Legs[0].IsZero() || !back.ApplicationFee.IsZero() {
		t.Fatalf("got %+v, %v", back, err)
	}
}

func TestARefundReversesTransferAndFeeInProportion(t *testing.T) {
	back, err := Unwind(destinationPlan(t), Before{}, hkd(15000), Options{ReverseTransfer: true, RefundApplicationFee: true})
	if err != nil || back.Legs[0] != hkd(15000) || back.ApplicationFee != hkd(1500) {
		t.Fatalf("got %+v, %v", back, err)
	}
}

// Half of the transfer was reversed by hand, then everything is refunded.
func TestALegReversedByHandReturnsOnlyWhatItHasLeft(t *testing.T) {
	before := Before{Reversed: []int64{30000}, FeeRefunded: 5999}
	back, err := Unwind(destinationPlan(t), before, hkd(60000), Options{ReverseTransfer: true, RefundApplicationFee: true})
	if err != nil || back.Legs[0] != hkd(30000) || back.ApplicationFee != hkd(1) {
		t.Fatalf("got %+v, %v", back, err)
	}
}

func TestRefusedRefundsNameTheirParameter(t *testing.T) {
	plain, err := Compute(Terms{}, hkd(60000), hkd(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code, param string
		plan        Plan
		before      Before
		refund      int64
		options     Options
	}{
		{"amount_too_large", "amount", plain, Before{}, 60001, Options{}},
		{"amount_too_large", "amount", plain, Before{Refunded: 59999}, 2, Options{}},
		{"charge_already_refunded", "", plain, Before{Refunded: 60000}, 1, Options{}},
		{"parameter_invalid_integer", "amount", plain, Before{}, 0, Options{}},
		{"parameter_invalid", "reverse_transfer", plain, Before{}, 1, Options{ReverseTransfer: true}},
		{"parameter_invalid", "refund_application_fee", plain, Before{}, 1, Options{RefundApplicationFee: true}},
	} {
		_, err := Unwind(c.plan, c.before, hkd(c.refund), c.options)
		if f := fault.As(err); f == nil || f.Code != c.code || f.Param != c.param {
			t.Errorf("want %s at %q, got %v", c.code, c.param, err)
		}
	}
	if _, err := Unwind(plain, Before{}, money.New(1, "usd"), Options{}); err == nil || fault.As(err) != nil {
		t.Errorf("refund in another currency: %v", err)
	}
}

func destinationPlan(t *testing.T) Plan {
	t.Helper()
	plan, err := Compute(Terms{ApplicationFee: new(int64(6000)), TransferData: &TransferData{Destination: "acct_tutor"}}, hkd(60000), hkd(2275))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

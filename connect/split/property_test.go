package split

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// anyTerms draws terms in one of the four forms; splits may ask for too much.
func anyTerms(t *rapid.T, amount int64) Terms {
	part := func(name string) *int64 { return new(rapid.Int64Range(0, amount).Draw(t, name)) }
	switch rapid.SampledFrom([]string{"none", "direct", "destination+fee", "destination", "destination+amount", "splits", "splits", "splits"}).Draw(t, "form") {
	case "direct":
		return Terms{Direct: true, ApplicationFee: part("fee")}
	case "destination+fee":
		return Terms{TransferData: &TransferData{Destination: "a"}, ApplicationFee: part("fee")}
	case "destination":
		return Terms{TransferData: &TransferData{Destination: "a"}}
	case "destination+amount":
		return Terms{TransferData: &TransferData{Destination: "a", Amount: part("amount")}}
	case "splits":
		return Terms{Shares: anyShares(t, amount)}
	}
	return Terms{}
}

func anyShares(t *rapid.T, amount int64) []Share {
	n := rapid.IntRange(1, MaxLegs).Draw(t, "receivers")
	remainder := rapid.IntRange(0, 2*n).Draw(t, "remainder")
	shares := make([]Share, n)
	for i := range shares {
		shares[i] = Share{Destination: fmt.Sprint("acct_", i), FeeBearer: rapid.Bool().Draw(t, "bearer")}
		switch {
		case i == remainder:
			shares[i].Remainder = true
		case rapid.Bool().Draw(t, "fixed"):
			shares[i].Amount = new(rapid.Int64Range(1, max(1, amount/int64(n))).Draw(t, "amount"))
		default:
			shares[i].Percent = new(money.Rate(rapid.Int64Range(1, int64(money.Whole)/int64(n)).Draw(t, "percent")))
		}
	}
	return shares
}

func TestLegsAndWhatRemainsAreTheCharge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		authorized := rapid.Int64Range(1, money.MaxMinor).Draw(t, "authorized")
		captured := rapid.Int64Range(1, authorized).Draw(t, "captured")
		fee := rapid.Int64Range(0, authorized).Draw(t, "processing fee")
		terms := anyTerms(t, authorized)
		plan, err := ComputeCaptured(terms, hkd(authorized), hkd(captured), hkd(fee))
		if err != nil {
			if fault.As(err) == nil {
				t.Fatal(err)
			}
			return
		}
		total := plan.Remains.Minor + fee
		for _, leg := range plan.Legs {
			if !leg.Amount.Positive() || leg.ProcessingFee.Minor < 0 {
				t.Fatalf("leg %+v", leg)
			}
			total += leg.Amount.Minor
		}
		if terms.Direct {
			total += plan.ApplicationFee.Minor
		} else {
			total -= plan.ApplicationFee.Minor
		}
		if total != captured {
			t.Fatalf("plan %+v accounts for %d of %d", plan, total, captured)
		}
		if plan.ApplicationFee.Minor > captured {
			t.Fatalf("fee %v of %d", plan.ApplicationFee, captured)
		}
	})
}

func TestTermsAcceptedBeforeAuthorizationNeverFailAfterIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		authorized := rapid.Int64Range(1, 99_999_999).Draw(t, "authorized")
		terms := anyTerms(t, authorized)
		_, before := Compute(terms, hkd(authorized), hkd(0))
		captured := rapid.Int64Range(1, authorized).Draw(t, "captured")
		fee := rapid.Int64Range(0, money.MaxMinor).Draw(t, "processing fee")
		_, after := ComputeCaptured(terms, hkd(authorized), hkd(captured), hkd(fee))
		if (before == nil) != (after == nil) {
			t.Fatalf("before: %v, after: %v", before, after)
		}
	})
}

func TestTermsSurviveStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := anyTerms(t, 60000)
		stored, err := json.Marshal(terms)
		if err != nil {
			t.Fatal(err)
		}
		var back Terms
		if err := json.Unmarshal(stored, &back); err != nil || !reflect.DeepEqual(back, terms) {
			t.Fatalf("%s reads back as %+v, %v", stored, back, err)
		}
	})
}

func TestRefundsThatReachTheChargeReturnEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, 99_999_999).Draw(t, "amount")
		plan, err := Compute(anyTerms(t, amount), hkd(amount), hkd(rapid.Int64Range(0, amount).Draw(t, "processing fee")))
		if err != nil {
			return
		}
		before := Before{Reversed: make([]int64, len(plan.Legs))}
		options := Options{ReverseTransfer: len(plan.Legs) > 0, RefundApplicationFee: plan.ApplicationFee.Positive()}
		for step := 0; before.Refunded < amount; step++ {
			refund := amount - before.Refunded
			if step < 10 {
				refund = rapid.Int64Range(1, refund).Draw(t, "refund")
			}
			before = unwound(t, plan, before, refund, options)
		}
		for i, leg := range plan.Legs {
			if before.Reversed[i] != leg.Amount.Minor {
				t.Fatalf("leg %d returned %d of %v", i, before.Reversed[i], leg.Amount)
			}
		}
		if before.FeeRefunded != plan.ApplicationFee.Minor {
			t.Fatalf("fee returned %d of %v", before.FeeRefunded, plan.ApplicationFee)
		}
	})
}

func TestNothingReturnsMoreThanItGot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, 99_999_999).Draw(t, "amount")
		plan, err := Compute(anyTerms(t, amount), hkd(amount), hkd(0))
		if err != nil {
			return
		}
		before := Before{Reversed: make([]int64, len(plan.Legs))}
		for before.Refunded < amount {
			if i := rapid.IntRange(0, len(plan.Legs)).Draw(t, "reverse by hand"); i < len(plan.Legs) {
				before.Reversed[i] += rapid.Int64Range(0, plan.Legs[i].Amount.Minor-before.Reversed[i]).Draw(t, "reversal")
			}
			refund := max(1, (amount-before.Refunded)/2)
			before = unwound(t, plan, before, refund, Options{
				ReverseTransfer:      len(plan.Legs) > 0 && rapid.Bool().Draw(t, "reverse transfer"),
				RefundApplicationFee: plan.ApplicationFee.Positive() && rapid.Bool().Draw(t, "refund fee"),
			})
			for i, leg := range plan.Legs {
				if before.Reversed[i] > leg.Amount.Minor {
					t.Fatalf("leg %d returned %d of %v", i, before.Reversed[i], leg.Amount)
				}
			}
			if before.FeeRefunded > plan.ApplicationFee.Minor {
				t.Fatalf("fee returned %d of %v", before.FeeRefunded, plan.ApplicationFee)
			}
		}
	})
}

// unwound is the state after one more refund.
func unwound(t *rapid.T, plan Plan, before Before, refund int64, options Options) Before {
	back, err := Unwind(plan, before, hkd(refund), options)
	if err != nil {
		t.Fatal(err)
	}
	after := Before{Refunded: before.Refunded + refund, FeeRefunded: before.FeeRefunded + back.ApplicationFee.Minor}
	for i, amount := range back.Legs {
		if amount.Minor < 0 || back.ApplicationFee.Minor < 0 {
			t.Fatalf("back %+v", back)
		}
		after.Reversed = append(after.Reversed, before.Reversed[i]+amount.Minor)
	}
	return after
}

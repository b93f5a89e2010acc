package split

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// cases is how many random cases a test looks at: def, or what SLUICE_SPLIT_CASES says.
func cases(t *testing.T, def int) int {
	t.Helper()
	if text := os.Getenv("SLUICE_SPLIT_CASES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return def
}

// onAllCores looks at n cases, each core with dice of its own. SLUICE_SPLIT_SEED repeats them.
func onAllCores(t *testing.T, n int, look func(dice *rand.Rand) error) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SLUICE_SPLIT_SEED"); text != "" {
		again, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = again
	}
	t.Logf("SLUICE_SPLIT_SEED=%d SLUICE_SPLIT_CASES=%d", seed, n)
	cores := runtime.GOMAXPROCS(0)
	var done sync.WaitGroup
	for core := range cores {
		dice := rand.New(rand.NewPCG(seed, uint64(core)))
		done.Go(func() {
			for i := core; i < n; i += cores {
				if err := look(dice); err != nil {
					t.Errorf("case %d of core %d of %d: %v", i/cores, core, cores, err)
					return
				}
			}
		})
	}
	done.Wait()
}

// around is a number from 1 to most, of any length: as often of three digits as of fifteen.
func around(dice *rand.Rand, most int64) int64 {
	digits := int64(1)
	for range dice.IntN(16) {
		if digits > most/10 {
			break
		}
		digits *= 10
	}
	return 1 + dice.Int64N(min(most, digits*10))
}

// percentages are shares that claim at most the whole, and what they leave, as parts per million.
func percentages(dice *rand.Rand) (shares []Share, weights []int64) {
	left := money.Whole
	for i := range 1 + dice.IntN(MaxLegs) {
		if left < 2 {
			break
		}
		rate := money.Rate(1 + dice.Int64N(max(1, int64(left)/2)))
		left -= rate
		shares = append(shares, Share{Destination: "acct_" + strconv.Itoa(i), Percent: &rate})
		weights = append(weights, int64(rate))
	}
	return shares, append(weights, int64(left))
}

// Whatever is split among whom: the parts are the whole to the unit, each is within one
// unit of its exact share, who stands where among equals decides and nothing else, and
// money that goes back is cut as money that came. SLUICE_SPLIT_CASES=10000000 is the long run.
func TestSplitsAreExactFairAndStableInManyRandomCases(t *testing.T) {
	t.Parallel()
	onAllCores(t, cases(t, 50_000), func(dice *rand.Rand) error {
		shares, weights := percentages(dice)
		amount := around(dice, money.MaxMinor)
		plan, err := Compute(Terms{Shares: shares}, hkd(amount), hkd(0))
		if err != nil {
			return err
		}
		parts := make([]int64, len(weights)) // by share; last what remains
		parts[len(shares)] = plan.Remains.Minor
		for _, leg := range plan.Legs {
			parts[leg.Share] = leg.Amount.Minor
		}
		if err := fair(amount, weights, parts); err != nil {
			return err
		}
		again, err := Compute(Terms{Shares: shares}, hkd(amount), hkd(0))
		if err != nil || len(again.Legs) != len(plan.Legs) || again.Remains != plan.Remains {
			return fmt.Errorf("the same split gives %+v and %+v (%v)", plan, again, err)
		}
		// The opposite amount is cut into the opposite parts.
		back, err := money.Allocate(-amount, weights)
		if err != nil {
			return err
		}
		for i := range back {
			if back[i] != -parts[i] {
				return fmt.Errorf("%d by %v: there %v, back %v", amount, weights, parts, back)
			}
		}
		return stable(dice, amount, weights, parts)
	})
}

// fair holds parts against the exact shares: |part × all − amount × weight| < all.
func fair(amount int64, weights, parts []int64) error {
	var all, sum int64
	for i := range weights {
		all, sum = all+weights[i], sum+parts[i]
	}
	if sum != amount {
		return fmt.Errorf("%d by %v: %v make %d", amount, weights, parts, sum)
	}
	var left, right, whole big.Int
	whole.SetInt64(all)
	for i := range weights {
		left.Mul(big.NewInt(parts[i]), &whole)
		right.Mul(big.NewInt(amount), big.NewInt(weights[i]))
		if left.Sub(&left, &right).CmpAbs(&whole) >= 0 {
			return fmt.Errorf("%d by %v: part %d of %v is a unit or more from its share", amount, weights, i, parts)
		}
	}
	return nil
}

// stable puts the weights in another order that leaves equal ones in theirs: each weight
// keeps its part, and of equal weights the earlier never has less.
func stable(dice *rand.Rand, amount int64, weights, parts []int64) error {
	for i := range weights {
		for j := i + 1; j < len(weights); j++ {
			if weights[i] == weights[j] && parts[i] < parts[j] {
				return fmt.Errorf("%d by %v: of equals the later has more: %v", amount, weights, parts)
			}
		}
	}
	// A weight of nothing changes nobody's part, wherever it stands.
	at := dice.IntN(len(weights) + 1)
	with, err := money.Allocate(amount, slices.Insert(slices.Clone(weights), at, 0))
	if err != nil {
		return err
	}
	if with[at] != 0 || !slices.Equal(slices.Delete(with, at, at+1), parts) {
		return fmt.Errorf("%d by %v: %v, and %v with nothing at %d", amount, weights, parts, with, at)
	}
	return nil
}

// Any refunds that reach the whole charge bring back every transfer and the fee, to the
// unit, whatever was split, kept and borne. SLUICE_SPLIT_CASES counts the charges.
func TestRefundsThatReachTheChargeReturnEverythingInManyRandomCases(t *testing.T) {
	t.Parallel()
	onAllCores(t, cases(t, 20_000), func(dice *rand.Rand) error {
		amount := around(dice, money.MaxMinor)
		terms := Terms{TransferData: &TransferData{Destination: "acct_tutor"}, ApplicationFee: new(dice.Int64N(amount + 1))}
		switch dice.IntN(4) {
		case 0:
			terms = Terms{Direct: true, ApplicationFee: terms.ApplicationFee}
		case 1, 2:
			terms.ApplicationFee, terms.TransferData = nil, nil
			if terms.Shares, _ = percentages(dice); len(terms.Shares) > 1 && dice.IntN(2) == 0 {
				last := len(terms.Shares) - 1
				terms.Shares[last] = Share{Destination: "acct_rest", Remainder: true, FeeBearer: dice.IntN(2) == 0}
			}
		}
		plan, err := Compute(terms, hkd(amount), hkd(dice.Int64N(amount/20+1)))
		if err != nil {
			return err
		}
		before := Before{Reversed: make([]int64, len(plan.Legs))}
		options := Options{ReverseTransfer: len(plan.Legs) > 0, RefundApplicationFee: plan.ApplicationFee.Positive()}
		for steps := dice.IntN(8); before.Refunded < amount; steps-- {
			refund := amount - before.Refunded
			if steps > 0 {
				refund = around(dice, refund)
			}
			back, err := Unwind(plan, before, hkd(refund), options)
			if err != nil {
				return err
			}
			before.Refunded += refund
			before.FeeRefunded += back.ApplicationFee.Minor
			for i := range back.Legs {
				if back.Legs[i].Minor < 0 || back.ApplicationFee.Minor < 0 {
					return fmt.Errorf("a refund of %d takes %+v", refund, back)
				}
				before.Reversed[i] += back.Legs[i].Minor
			}
		}
		for i, leg := range plan.Legs {
			if before.Reversed[i] != leg.Amount.Minor {
				return fmt.Errorf("leg %d of %d returned %d of %s", i, amount, before.Reversed[i], leg.Amount)
			}
		}
		if before.FeeRefunded != plan.ApplicationFee.Minor {
			return fmt.Errorf("of %d the fee returned %d of %s", amount, before.FeeRefunded, plan.ApplicationFee)
		}
		return nil
	})
}

// Whatever a request may say, in the whole of int64: a plan adds up or there is an error,
// and nothing wraps or panics.
func FuzzCompute(f *testing.F) {
	f.Add(int64(60_000), int64(45_000), int64(2_275), int64(5_000), int64(800_000), true)
	f.Add(int64(-1<<63), int64(1<<63-1), int64(-1<<63), int64(1<<63-1), int64(-1<<63), false)
	f.Add(int64(money.MaxMinor), int64(money.MaxMinor), int64(money.MaxMinor), int64(1), int64(money.Whole), true)
	f.Fuzz(func(t *testing.T, authorized, captured, fee, part, rate int64, bears bool) {
		percent := money.Rate(rate)
		for _, terms := range []Terms{
			{}, {Direct: true, ApplicationFee: &part}, {TransferData: &TransferData{Destination: "a"}, ApplicationFee: &part},
			{TransferData: &TransferData{Destination: "a", Amount: &part}},
			{Shares: []Share{{Destination: "a", Amount: &part, FeeBearer: bears}, {Destination: "b", Percent: &percent, FeeBearer: bears}}},
			{Shares: []Share{{Destination: "a", Percent: &percent}, {Destination: "b", Remainder: true, FeeBearer: bears}}},
		} {
			plan, err := ComputeCaptured(terms, hkd(authorized), hkd(captured), hkd(fee))
			if err != nil {
				continue
			}
			var sum big.Int
			sum.Add(big.NewInt(plan.Remains.Minor), big.NewInt(fee))
			for _, leg := range plan.Legs {
				if !leg.Amount.Positive() || leg.Amount.Check() != nil {
					t.Fatalf("%+v has a leg of %s", terms, leg.Amount)
				}
				sum.Add(&sum, big.NewInt(leg.Amount.Minor))
			}
			kept := big.NewInt(plan.ApplicationFee.Minor)
			if !terms.Direct {
				kept.Neg(kept)
			}
			if sum.Add(&sum, kept).Cmp(big.NewInt(captured)) != 0 {
				t.Fatalf("%+v of %d accounts for %s", plan, captured, &sum)
			}
			_, _ = Unwind(plan, Before{Refunded: part, FeeRefunded: rate}, hkd(fee), Options{ReverseTransfer: true, RefundApplicationFee: bears})
		}
	})
}

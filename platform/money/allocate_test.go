package money

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func anyWeights(t *rapid.T) []int64 {
	weights := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64/64), 1, 60).Draw(t, "weights")
	if !slices.ContainsFunc(weights, func(w int64) bool { return w > 0 }) {
		weights[0] = 1
	}
	return weights
}

func TestAllocatedPartsSumToTheWholeWithinOneUnitEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, weights := rapid.Int64().Draw(t, "total"), anyWeights(t)
		parts, err := Allocate(total, weights)
		if err != nil {
			t.Fatal(err)
		}
		var sum, all big.Int
		for i := range parts {
			sum.Add(&sum, big.NewInt(parts[i]))
			all.Add(&all, big.NewInt(weights[i]))
		}
		if sum.Cmp(big.NewInt(total)) != 0 {
			t.Fatalf("parts %v sum to %v, not %d", parts, &sum, total)
		}
		for i, part := range parts {
			// |part × all − total × weight| < all
			var left, right big.Int
			left.Mul(big.NewInt(part), &all)
			right.Mul(big.NewInt(total), big.NewInt(weights[i]))
			if left.Sub(&left, &right).CmpAbs(&all) >= 0 {
				t.Fatalf("part %d = %d is a unit or more from its share", i, part)
			}
			if weights[i] == 0 && part != 0 {
				t.Fatalf("weight zero got %d", part)
			}
		}
	})
}

func TestAllocateIsSignSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, weights := rapid.Int64Range(0, math.MaxInt64).Draw(t, "total"), anyWeights(t)
		plus, err := Allocate(total, weights)
		if err != nil {
			t.Fatal(err)
		}
		minus, err := Allocate(-total, weights)
		if err != nil {
			t.Fatal(err)
		}
		for i := range plus {
			if plus[i] != -minus[i] {
				t.Fatalf("%v is not the opposite of %v", minus, plus)
			}
		}
	})
}

func TestAllocateGivesEqualRemaindersToTheEarlierWeight(t *testing.T) {
	for _, c := range []struct {
		total   int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{101, []int64{1, 1, 1}, []int64{34, 34, 33}},
		{-100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
		{10, []int64{0, 3, 0, 1}, []int64{0, 8, 0, 2}},
		{1, []int64{1, 2, 1}, []int64{0, 1, 0}},
		{0, []int64{5, 5}, []int64{0, 0}},
		{math.MinInt64, []int64{1}, []int64{math.MinInt64}},
		{math.MaxInt64, []int64{math.MaxInt64}, []int64{math.MaxInt64}},
	} {
		got, err := Allocate(c.total, c.weights)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d by %v = %v, %v; want %v", c.total, c.weights, got, err, c.want)
		}
	}
}

func TestAllocateRefusesUselessWeights(t *testing.T) {
	for _, weights := range [][]int64{nil, {0}, {0, 0}, {-1, 2}, {math.MaxInt64, 1}, {math.MaxInt64, math.MaxInt64, 2}} {
		if parts, err := Allocate(10, weights); err == nil {
			t.Errorf("%v gives %v", weights, parts)
		}
	}
	if _, err := New(MaxMinor+1, "hkd").Allocate(1); err == nil {
		t.Error("an amount out of range is allocated")
	}
}

func TestAmountAllocateKeepsTheCurrency(t *testing.T) {
	got, err := New(100, "jpy").Allocate(2, 1)
	if err != nil || !slices.Equal(got, []Amount{New(67, "jpy"), New(33, "jpy")}) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestRefundsThatReachTheWholeReturnEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(1, MaxMinor).Draw(t, "whole")
		part := rapid.Int64Range(0, MaxMinor).Draw(t, "part")
		var refunded, returned int64
		for step := 0; refunded < whole; step++ {
			refund := whole - refunded
			if step < 20 {
				refund = rapid.Int64Range(1, refund).Draw(t, "refund")
			}
			back, err := Cumulative(part, whole, refunded, refund)
			if err != nil || back < 0 {
				t.Fatalf("refund %d after %d of %d: %d, %v", refund, refunded, whole, back, err)
			}
			refunded, returned = refunded+refund, returned+back
			if returned > part {
				t.Fatalf("returned %d of %d", returned, part)
			}
		}
		if returned != part {
			t.Fatalf("returned %d of %d", returned, part)
		}
	})
}

func TestCumulativeRefusesMoreThanTheWhole(t *testing.T) {
	for _, c := range [][4]int64{{10, 100, 0, 101}, {10, 100, 60, 41}, {10, 100, 101, 0}, {10, 0, 0, 0}, {-1, 100, 0, 1}, {1, 100, -1, 1}, {1, 100, 1, -1}, {1, math.MaxInt64, math.MaxInt64, 1}} {
		if got, err := Cumulative(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("%v gives %d", c, got)
		}
	}
}

func FuzzAllocate(f *testing.F) {
	f.Add(int64(100), int64(1), int64(1), int64(1))
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), int64(0), int64(0))
	f.Add(int64(-7), int64(3), int64(2), int64(1))
	f.Fuzz(func(t *testing.T, total, a, b, c int64) {
		parts, err := Allocate(total, []int64{a, b, c})
		if err != nil {
			return
		}
		var sum big.Int
		for _, part := range parts {
			sum.Add(&sum, big.NewInt(part))
		}
		if sum.Cmp(big.NewInt(total)) != 0 {
			t.Fatalf("%v sum to %v, not %d", parts, &sum, total)
		}
	})
}

func BenchmarkAllocate(b *testing.B) {
	weights := []int64{850_000, 100_000, 30_000, 20_000}
	for b.Loop() {
		if _, err := Allocate(60001, weights); err != nil {
			b.Fatal(err)
		}
	}
}

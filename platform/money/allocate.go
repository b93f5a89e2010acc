package money

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Allocate cuts the amount into parts in proportion to the weights, by largest remainder.
//
// The parts sum to the amount exactly and each is within one minor unit of its
// exact share. Equal remainders go to the earlier weight, so the order of the
// weights decides and the result is the same every time. A negative amount is
// cut like its opposite. Weight zero gets nothing. Weights must not be
// negative, must not all be zero, and must sum to at most the largest int64.
func (a Amount) Allocate(weights ...int64) ([]Amount, error) {
	if !inRange(a.Minor) {
		return nil, fmt.Errorf("money: allocate %d %s: %w", a.Minor, a.Currency, ErrRange)
	}
	parts, err := Allocate(a.Minor, weights)
	if err != nil {
		return nil, err
	}
	amounts := make([]Amount, len(parts))
	for i, part := range parts {
		amounts[i] = Amount{Minor: part, Currency: a.Currency}
	}
	return amounts, nil
}

// Allocate is Amount.Allocate on bare minor units.
func Allocate(total int64, weights []int64) ([]int64, error) {
	sum, err := weightSum(weights)
	if err != nil {
		return nil, err
	}
	magnitude, negative := absolute(total)
	parts := make([]int64, len(weights))
	remainders := make([]uint64, len(weights))
	left := magnitude
	for i, weight := range weights {
		share, remainder := mulDiv(magnitude, uint64(weight), sum)
		parts[i], remainders[i] = int64(share), remainder
		left -= share
	}
	giveRest(parts, remainders, left)
	if negative {
		for i := range parts {
			parts[i] = -parts[i]
		}
	}
	return parts, nil
}

// giveRest hands the units that flooring left over, fewer than there are parts
// with a remainder, one each to the largest remainders.
func giveRest(parts []int64, remainders []uint64, left uint64) {
	if left == 0 {
		return
	}
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case remainders[i] > remainders[j]:
			return -1
		case remainders[i] < remainders[j]:
			return 1
		}
		return 0
	})
	for _, i := range order[:left] {
		parts[i]++
	}
}

func weightSum(weights []int64) (uint64, error) {
	var sum uint64
	for _, weight := range weights {
		if weight < 0 {
			return 0, errors.New("money: a weight is negative")
		}
		if sum += uint64(weight); sum > 1<<63-1 {
			return 0, errors.New("money: the weights are too large")
		}
	}
	if sum == 0 {
		return 0, errors.New("money: there is no weight to allocate by")
	}
	return sum, nil
}

// Cumulative says how much of part comes back with the next refund of whole,
// when before has been refunded already: what is due after it, floor(part ×
// (before + refund) / whole), less what was due before it.
//
// Whatever the sequence of refunds, once they reach whole the returns sum to
// part exactly; rounding each refund alone would drift. Arguments are not
// negative; whole is positive; before + refund is at most whole.
func Cumulative(part, whole, before, refund int64) (int64, error) {
	if part < 0 || before < 0 || refund < 0 || whole <= 0 {
		return 0, errors.New("money: cumulative: negative amount or nothing to refund")
	}
	if before > whole || refund > whole-before {
		return 0, fmt.Errorf("money: cumulative: refunds of %d and %d exceed %d", before, refund, whole)
	}
	due := func(refunded int64) int64 {
		share, _ := mulDiv(uint64(part), uint64(refunded), uint64(whole))
		return int64(share)
	}
	return due(before+refund) - due(before), nil
}

// mulDiv is a × b / c and its remainder through 128 bits; the quotient must fit, which b ≤ c ensures.
func mulDiv(a, b, c uint64) (quotient, remainder uint64) {
	hi, lo := bits.Mul64(a, b)
	return bits.Div64(hi, lo, c)
}

// absolute is the magnitude of n, also of the smallest int64.
func absolute(n int64) (magnitude uint64, negative bool) {
	if n < 0 {
		return uint64(-(n + 1)) + 1, true
	}
	return uint64(n), false
}

package money

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a fraction in parts per million: 34000 is 3.4 %.
type Rate int64

// Percent is one percent; Whole is all of it.
const (
	Percent Rate = 10_000
	Whole   Rate = 100 * Percent
)

// percentDigits is how many digits a percentage may have after its point; the
// wire's own fee percentages have two, a part per million allows four.
const percentDigits = 4

// ParsePercent reads "15", "12.5" or "0.0001": plain digits, at most four after
// the point, from 0 to 100. Signs, exponents, spaces and separators are errors.
func ParsePercent(s string) (Rate, error) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if !digits(whole) || len(whole) > 3 || pointed && !digits(fraction) || len(fraction) > percentDigits {
		return 0, fmt.Errorf("money: %q is not a percentage with up to %d decimals", s, percentDigits)
	}
	ppm, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", percentDigits-len(fraction)), 10, 64)
	if err != nil || Rate(ppm) > Whole {
		return 0, fmt.Errorf("money: %q is not a percentage between 0 and 100", s)
	}
	return Rate(ppm), nil
}

// String is the rate as a percentage without trailing zeros: "12.5".
func (r Rate) String() string {
	magnitude, negative := absolute(int64(r))
	text := strconv.FormatUint(magnitude/uint64(Percent), 10)
	if fraction := strings.TrimRight(fmt.Sprintf("%04d", magnitude%uint64(Percent)), "0"); fraction != "" {
		text += "." + fraction
	}
	if negative {
		return "-" + text
	}
	return text
}

// MarshalText writes the percentage, so that JSON shows "12.5" and never a float.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Rate) UnmarshalText(text []byte) error {
	parsed, err := ParsePercent(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// Portion is the rate's part of an amount, rounded once, half to even; a
// negative amount gives the negative of its opposite. The rate must be between
// 0 and Whole.
func Portion(a Amount, r Rate) (Amount, error) {
	if r < 0 || r > Whole {
		return Amount{}, fmt.Errorf("money: a portion of %d parts per million", int64(r))
	}
	if !inRange(a.Minor) {
		return Amount{}, fmt.Errorf("money: portion of %d %s: %w", a.Minor, a.Currency, ErrRange)
	}
	magnitude, negative := absolute(a.Minor)
	part, remainder := mulDiv(magnitude, uint64(r), uint64(Whole))
	if half := uint64(Whole) / 2; remainder > half || remainder == half && part%2 == 1 {
		part++
	}
	portion := New(int64(part), a.Currency)
	if negative {
		return portion.Neg(), nil
	}
	return portion, nil
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

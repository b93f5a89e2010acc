package cardnumber_test

import (
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/platform/fault"
)

func TestOnlyLuhnValidDigitsOfCardLengthAreCardNumbers(t *testing.T) {
	for s, want := range map[string]bool{
		"4242424242424242": true, "4242 4242 4242 4242": true, "4242-4242-4242-4242": true, "378282246310005": true,
		"6304000000000000000": true, // 19 digits
		"4242424242424241":    false, "0000000000000000": false, "4242": false, "lesson 4242424242424242x": false, "": false,
		strings.Repeat("0", 20): false,
	} {
		if got := cardnumber.Valid(s); got != want {
			t.Errorf("Valid(%q) = %v", s, got)
		}
	}
}

func TestRefusalNamesTheParameterAndNotTheNumber(t *testing.T) {
	err := cardnumber.RefuseIn("metadata", map[string]string{"note": "4242424242424242"})
	f := fault.As(err)
	if f == nil || f.Kind != fault.Invalid || f.Param != "metadata[note]" || strings.Contains(f.Message, "4242") {
		t.Fatalf("refusal is %v", err)
	}
	if err := cardnumber.RefuseIn("metadata", map[string]string{"note": "lesson 42"}); err != nil {
		t.Fatal(err)
	}
}

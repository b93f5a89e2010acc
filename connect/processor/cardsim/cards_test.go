package cardsim

import (
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

func TestCardNumbersOfTheTableAreValid(t *testing.T) {
	for number, card := range byNumber {
		if !luhn(number) {
			t.Errorf("%s: the number ending in %s has a wrong check digit", card.Handle, card.Last4)
		}
	}
	listed := 0
	for _, group := range cardTable {
		for _, card := range group {
			if card.number != "" {
				listed++
			}
		}
	}
	if listed != len(byNumber) {
		t.Errorf("%d numbers are listed, %d are different", listed, len(byNumber))
	}
}

func TestCardsAreFoundByEveryFormOfTheirHandle(t *testing.T) {
	for _, handle := range []string{"visa", "tok_visa", "pm_card_visa", "card_visa", "pm_card_us"} {
		if card, ok := ByHandle(handle); !ok || card.Last4 != "4242" || card.Brand != "visa" || card.Country != "US" {
			t.Errorf("%s: %+v, %v", handle, card, ok)
		}
	}
	if card, ok := ByHandle("tok_hk"); !ok || card.Country != "HK" || card.Last4 != "0004" {
		t.Errorf("tok_hk: %+v, %v", card, ok)
	}
	for _, handle := range []string{"", "tok_", "pm_card_nobody", "4242424242424242"} {
		if card, ok := ByHandle(handle); ok {
			t.Errorf("%q finds %s", handle, card.Handle)
		}
	}
	for alias, handle := range aliases {
		if _, ok := byHandle[handle]; !ok {
			t.Errorf("%s points to %s, which is no card", alias, handle)
		}
		if _, ok := byHandle[alias]; ok {
			t.Errorf("%s is a card and an alias", alias)
		}
	}
}

func TestCardsAreFoundByNumberAndDescribeThemselves(t *testing.T) {
	for number, want := range map[string][3]string{
		"4242 4242 4242 4242": {"visa", "4242", "visa"},
		"5555-5555-5555-4444": {"mastercard", "4444", "mastercard"},
		"378282246310005":     {"amex", "0005", "amex"},
		"6011111111111117":    {"discover", "1117", "discover"},
		"3566002020360505":    {"jcb", "0505", "jcb"},
		"6200000000000005":    {"unionpay", "0005", "unionpay"},
		"36227206271667":      {"diners", "1667", "diners_14"},
		"4000000000000077":    {"visa", "0077", "bypassPending"},
		"4000000000000341":    {"visa", "0341", "chargeCustomerFail"},
		"4000000000007726":    {"visa", "7726", "pendingRefund"},
		"4000000000005126":    {"visa", "5126", "refundFail"},
	} {
		card, err := ByNumber(number)
		if err != nil || card.Brand != want[0] || card.Last4 != want[1] || card.Handle != want[2] {
			t.Errorf("%s: %+v, %v", want[2], card, err)
		}
	}
}

func TestOtherNumbersAreDeclinedAtOnce(t *testing.T) {
	for number, code := range map[string]string{
		"4242424242424241":    "incorrect_number",
		"":                    "incorrect_number",
		"42":                  "incorrect_number",
		"42424242424242424a":  "incorrect_number",
		"timeoutBeforeCommit": "incorrect_number",
		"4929000000006":       "card_declined",
	} {
		_, err := ByNumber(number)
		if f := fault.As(err); f == nil || f.Kind != fault.Declined || f.Code != code {
			t.Errorf("%q: %v, want %s", number, err, code)
		}
	}
}

func TestFingerprintsDifferByNumberOnly(t *testing.T) {
	seen := make(map[string]string)
	for handle, card := range byHandle {
		if other, twice := seen[card.Fingerprint()]; twice {
			t.Errorf("%s and %s have one fingerprint", handle, other)
		}
		seen[card.Fingerprint()] = handle
	}
}

func TestDetailsAreChecked(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	visa, _ := ByHandle("visa")
	amex, _ := ByHandle("amex")
	for _, c := range []struct {
		card        Card
		month, year int64
		cvc, code   string
	}{
		{visa, 11, 2026, "123", ""}, {visa, 12, 34, "", ""}, {amex, 12, 2034, "1234", ""}, {amex, 12, 2034, "123", ""},
		{visa, 10, 2026, "123", "invalid_expiry_month"}, {visa, 13, 2030, "123", "invalid_expiry_month"}, {visa, 0, 2030, "123", "invalid_expiry_month"},
		{visa, 12, 2025, "123", "invalid_expiry_year"}, {visa, 12, 99, "123", "invalid_expiry_year"}, {visa, 12, -1, "123", "invalid_expiry_year"},
		{visa, 12, 2030, "12", "invalid_cvc"}, {visa, 12, 2030, "1234", "invalid_cvc"}, {visa, 12, 2030, "12a", "invalid_cvc"},
	} {
		err := c.card.CheckDetails(c.month, c.year, c.cvc, now)
		if got := codeOf(err); got != c.code {
			t.Errorf("%s %d/%d %q: %q, want %q", c.card.Brand, c.month, c.year, c.cvc, got, c.code)
		}
	}
}

func TestCardsDeclinedAtOnceCannotBeSaved(t *testing.T) {
	for handle, code := range map[string]string{
		"visa": "", "chargeCustomerFail": "", "chargeDeclined": "card_declined", "chargeDeclinedExpiredCard": "expired_card", "chargeDeclinedIncorrectCvc": "incorrect_cvc",
	} {
		card, _ := ByHandle(handle)
		if got := codeOf(card.CheckAttach()); got != code {
			t.Errorf("%s: %q, want %q", handle, got, code)
		}
	}
}

func codeOf(err error) string {
	if f := fault.As(err); f != nil {
		return f.Code
	}
	return ""
}

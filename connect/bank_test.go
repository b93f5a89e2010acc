package connect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestBankAccountsMustHaveTheFormOfTheirCountry(t *testing.T) {
	for _, tc := range []struct{ country, routing, number, code string }{
		{"HK", "110-000", "000-123-456", ""}, {"HK", "", "000123456", "routing_number_invalid"}, {"HK", "110000", "12", "account_number_invalid"},
		{"US", "110000000", "000123456789", ""}, {"US", "110000001", "000123456789", "routing_number_invalid"},
		{"GB", "10-88-00", "00012345", ""}, {"GB", "", "GB82WEST12345698765432", ""}, {"GB", "108800", "123", "account_number_invalid"},
		{"GB", "10-88-00", "1234567", ""}, {"GB", "108800", "12345", "account_number_invalid"}, {"GB", "10880", "00012345", "routing_number_invalid"},
		{"GB", "00-00-00", "00012345", "routing_number_invalid"}, {"US", "000000000", "000123456789", "routing_number_invalid"},
		{"HK", "004001", "1234567890123", "account_number_invalid"}, {"HK", "004-0011", "123456789", "routing_number_invalid"},
		{"JP", "1100000", "0001234", ""}, {"JP", "1100000", "00012345X", "account_number_invalid"},
		{"KW", "", "KW81CBKU0000000000001234560101", ""}, {"KW", "", "KW81CBKU0000000000001234560102", "account_number_invalid"},
		{"DE", "", "DE89 3704 0044 0532 0130 00", ""}, {"DE", "", "FR1420041010050500013M02606", "account_number_invalid"},
		{"TH", "", "1234567890", ""}, {"XX", "", "1", "country_unsupported"}, {"HK", "110-000", "", "parameter_missing"},
	} {
		_, err := connect.BankParams{Country: tc.country, RoutingNumber: tc.routing, AccountNumber: secret.New(tc.number)}.Check("external_account")
		code := ""
		if f := fault.As(err); f != nil {
			code = f.Code
			if tc.number != "" && strings.Contains(f.Message, tc.number) && len(tc.number) > 3 {
				t.Errorf("the message repeats the account number: %s", f.Message)
			}
		}
		if code != tc.code {
			t.Errorf("%s %q %q: code %q, want %q", tc.country, tc.routing, tc.number, code, tc.code)
		}
	}
}

func TestAccountNumbersDoNotPrint(t *testing.T) {
	b := connect.BankParams{Country: "HK", AccountNumber: secret.New("000123456")}
	if printed := fmt.Sprintf("%v %+v %#v", b, b, b); strings.Contains(printed, "000123456") {
		t.Fatalf("printed: %s", printed)
	}
}

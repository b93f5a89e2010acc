package connect

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// BankParams are bank account details as given. The number prints as a secret.
type BankParams struct {
	AccountHolderName string      `json:"account_holder_name"`
	AccountHolderType string      `json:"account_holder_type"`
	AccountType       string      `json:"account_type"`
	Country           string      `json:"country"`
	Currency          string      `json:"currency"`
	RoutingNumber     string      `json:"routing_number"`
	AccountNumber     secret.Text `json:"-"`
	Proxy             Proxy       `json:"proxy,omitempty"` // what AccountNumber is instead, in Hong Kong
}

// DecodeParam reads a hash of bank account details.
func (b *BankParams) DecodeParam(name string, v any) error {
	given, ok := v.(map[string]any)
	if !ok {
		return fault.Invalidf("", name, "Invalid hash: %s must be a set of bank account details.", name)
	}
	ways := 0
	for key, v := range given {
		param := fmt.Sprintf("%s[%s]", name, key)
		text, ok := v.(string)
		if !ok && v != nil && key != "documents" {
			return fault.Invalidf("", param, "Invalid string: %s", param)
		}
		switch key {
		case "account_holder_name":
			b.AccountHolderName = text
		case "account_holder_type":
			b.AccountHolderType = text
		case "account_type":
			b.AccountType = text
		case "country":
			b.Country = text
		case "currency":
			b.Currency = text
		case "routing_number":
			b.RoutingNumber = text
		case "account_number":
			b.AccountNumber = secret.New(text)
			ways++
		case string(FPSIDProxy), string(MobileProxy), string(EmailProxy):
			b.AccountNumber, b.Proxy = secret.New(text), Proxy(key)
			ways++
		case "object":
			if text != "bank_account" {
				return fault.Invalidf("", param, "Only bank accounts can be external accounts, not a %s.", text)
			}
		case "documents":
		default:
			return fault.Invalidf("parameter_unknown", param, "Received unknown parameter: %s", param)
		}
	}
	if ways > 1 {
		return fault.Invalidf("parameters_exclusive", name, "You may only specify one of these parameters: account_number, fps_id, mobile, email.")
	}
	return nil
}

// Last4 is the only part of the number that is shown.
func (b BankParams) Last4() string { return b.Proxy.masked(b.AccountNumber.Reveal()) }

// Check normalises the details and checks their form: whether such an account
// can exist, not whether it does. Faults name parameters below param.
func (b BankParams) Check(param string) (BankParams, error) {
	at := func(name string) string { return param + "[" + name + "]" }
	b.Country, b.Currency = strings.ToUpper(b.Country), strings.ToLower(b.Currency)
	number := compact(b.AccountNumber.Reveal())
	if b.Country == "GB" && shortBritish.MatchString(number) {
		number = "00"[len(number)-6:] + number // older accounts have six or seven digits
	}
	switch {
	case b.Country == "":
		return b, fault.Missing(at("country"))
	case currencies[b.Country] == "":
		return b, fault.Invalidf("country_unsupported", at("country"), "Country '%s' is unknown or not supported.", b.Country)
	case number == "":
		return b, fault.Missing(at("account_number"))
	}
	if b.Currency == "" {
		b.Currency = currencies[b.Country]
	}
	if !money.Currency(b.Currency).Known() {
		return b, fault.Invalidf("currency_not_supported", at("currency"), "Invalid currency: %s", b.Currency)
	}
	if err := b.checkHolder(at); err != nil {
		return b, err
	}
	if b.Proxy != NoProxy {
		return b.checkProxy(at)
	}
	b.RoutingNumber = strings.TrimSpace(b.RoutingNumber)
	b.AccountNumber = secret.New(number)
	if !routingFits(b.Country, compact(b.RoutingNumber), isIBAN(number)) {
		return b, fault.Invalidf("routing_number_invalid", at("routing_number"), "Invalid routing number for %s.", b.Country)
	}
	if !numberFits(b.Country, number) {
		return b, fault.Invalidf("account_number_invalid", at("account_number"), "Invalid account number for %s.", b.Country)
	}
	return b, nil
}

func (b BankParams) checkHolder(at func(string) string) error {
	if b.AccountHolderType != "" {
		if err := oneOf(at("account_holder_type"), b.AccountHolderType, "individual company"); err != nil {
			return err
		}
	}
	if b.AccountType != "" {
		return oneOf(at("account_type"), b.AccountType, "checking futsu savings toza")
	}
	return nil
}

func compact(s string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(s))
}

// The forms of domestic account numbers. Countries of neither table take 4 to 34 letters and digits.
var (
	routingForms = map[string]*regexp.Regexp{
		"HK": regexp.MustCompile(`^\d{6}$`), "US": regexp.MustCompile(`^\d{9}$`), "GB": regexp.MustCompile(`^\d{6}$`),
		"JP": regexp.MustCompile(`^\d{7}$`), "SG": regexp.MustCompile(`^\d{7}$`), "AU": regexp.MustCompile(`^\d{6}$`),
		"CA": regexp.MustCompile(`^\d{8,9}$`),
	}
	numberForms = map[string]*regexp.Regexp{
		"HK": regexp.MustCompile(`^\d{6,12}$`), "US": regexp.MustCompile(`^\d{4,17}$`), "GB": regexp.MustCompile(`^\d{8}$`),
		"JP": regexp.MustCompile(`^\d{6,8}$`), "SG": regexp.MustCompile(`^\d{6,12}$`), "AU": regexp.MustCompile(`^\d{5,10}$`),
		"CA": regexp.MustCompile(`^\d{5,12}$`),
	}
	shortBritish = regexp.MustCompile(`^\d{6,7}$`)
	anyNumber    = regexp.MustCompile(`^[A-Z0-9]{4,34}$`)
	ibanForm     = regexp.MustCompile(`^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$`)
)

// ibanCountries pay out to an IBAN only.
var ibanCountries = table(`AE 23 AT 20 BE 16 BG 22 BH 22 CH 21 CY 28 CZ 24 DE 22 DK 18 EE 20 ES 24 FI 18 FR 27 GR 27 HR 21 HU 28
	IE 22 IS 26 IT 27 JO 30 KW 30 LI 21 LT 20 LU 20 LV 21 MT 31 NL 18 NO 15 PL 28 PT 25 QA 29 RO 24 SA 24 SE 24 SI 19 SK 24`)

// PaysToIBAN reports whether bank accounts of a country are named by an IBAN.
func PaysToIBAN(country string) bool { return ibanCountries[country] != "" }

func routingFits(country, routing string, iban bool) bool {
	form := routingForms[country]
	if form == nil || iban {
		return true
	}
	if !form.MatchString(routing) || strings.Trim(routing, "0") == "" {
		return false
	}
	return country != "US" || abaSum(routing)%10 == 0
}

// abaSum is the checksum of American routing numbers: weights 3, 7, 1.
func abaSum(routing string) int {
	sum := 0
	for i, weight := range []int{3, 7, 1, 3, 7, 1, 3, 7, 1} {
		sum += weight * int(routing[i]-'0')
	}
	return sum
}

func numberFits(country, number string) bool {
	if length := ibanCountries[country]; length != "" {
		return isIBAN(number) && number[:2] == country && fmt.Sprint(len(number)) == length
	}
	if form := numberForms[country]; form != nil && form.MatchString(number) {
		return true
	}
	if country == "GB" {
		return isIBAN(number) && number[:2] == country
	}
	return numberForms[country] == nil && anyNumber.MatchString(number)
}

// isIBAN checks the form and the check digits (ISO 13616: the number, its first
// four characters moved to the end and letters read as 10 to 35, is 1 modulo 97).
func isIBAN(number string) bool {
	if !ibanForm.MatchString(number) {
		return false
	}
	rest := 0
	for _, c := range number[4:] + number[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
			continue
		}
		rest = (rest*10 + int(c-'0')) % 97
	}
	return rest == 1
}

// sandboxBank is the account behind a test handle such as "btok_hk" or "btok_us_verified".
func sandboxBank(token string) (BankParams, bool) {
	country, _, _ := strings.Cut(strings.TrimPrefix(token, "btok_"), "_")
	number, known := map[string][2]string{
		"hk": {"110-000", "000123456"}, "us": {"110000000", "000123456789"}, "gb": {"108800", "00012345"},
		"jp": {"1100000", "0001234"}, "sg": {"1100-000", "000123456"}, "au": {"110000", "000123456"},
		"kw": {"", "KW81CBKU0000000000001234560101"}, "de": {"", "DE89370400440532013000"},
	}[country]
	return BankParams{
		AccountHolderName: "Jenny Rosen", AccountHolderType: "individual", Country: strings.ToUpper(country),
		RoutingNumber: number[0], AccountNumber: secret.New(number[1]),
	}, known
}

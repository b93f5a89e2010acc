package cardsim

import (
	"fmt"
	"github.com/sluicepay/sluice/connect/processor"
	"strings"
)

// The numbers and handles are those of the testing page of Stripe's
// documentation, so that suites written against it run here unchanged. The
// last group is ours: faults of networks and processors.
var cardTable = [][]Card{brands, declines, secure, risky, disputed, settlement, faults, countries()}

var brands = []Card{
	{Handle: "visa", number: "4242424242424242"},
	{Handle: "visa_debit", number: "4000056655665556", Funding: "debit"},
	{Handle: "visa_old", number: "4012888888881881"},
	{Handle: "visa_classic", number: "4111111111111111"},
	{Handle: "mastercard", number: "5555555555554444"},
	{Handle: "mastercard_2series", number: "2223003122003222"},
	{Handle: "mastercard_debit", number: "5200828282828210", Funding: "debit"},
	{Handle: "mastercard_prepaid", number: "5105105105105100", Funding: "prepaid"},
	{Handle: "amex", number: "378282246310005"},
	{Handle: "amex_second", number: "371449635398431"},
	{Handle: "discover", number: "6011111111111117"},
	{Handle: "discover_second", number: "6011000990139424"},
	{Handle: "discover_debit", number: "6011981111111113", Funding: "debit"},
	{Handle: "diners", number: "3056930009020004"},
	{Handle: "diners_14", number: "36227206271667"},
	{Handle: "jcb", number: "3566002020360505"},
	{Handle: "unionpay", number: "6200000000000005"},
	{Handle: "unionpay_debit", number: "6200000000000047", Funding: "debit"},
	{Handle: "unionpay_19", number: "6205500000000000004"},
}

var declines = []Card{
	declining("chargeDeclined", "4000000000000002", genericDecline),
	declining("chargeDeclinedInsufficientFunds", "4000000000009995", because("insufficient_funds", "Your card has insufficient funds.")),
	declining("chargeDeclinedLostCard", "4000000000009987", because("lost_card", "Your card was declined.")),
	declining("chargeDeclinedStolenCard", "4000000000009979", because("stolen_card", "Your card was declined.")),
	declining("chargeDeclinedVelocityLimitExceeded", "4000000000006975", because("card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.")),
	declining("chargeDeclinedExpiredCard", "4000000000000069", processor.Failure{Code: "expired_card", Decline: "expired_card", Message: "Your card has expired."}),
	declining("chargeDeclinedIncorrectCvc", "4000000000000127", processor.Failure{Code: "incorrect_cvc", Decline: "incorrect_cvc", Message: "Your card's security code is incorrect."}),
	declining("chargeDeclinedProcessingError", "4000000000000119", processor.Failure{Code: "processing_error", Decline: "processing_error", Message: "An error occurred while processing your card. Try again in a little bit."}),
	declining("chargeDeclinedFraudulent", "", blocked("fraudulent")),
	declining("chargeDeclinedDoNotHonor", "", because("do_not_honor", "Your card was declined.")),
	{Handle: "chargeCustomerFail", number: "4000000000000341", behavior: behavior{failure: &genericDecline}},
}

var secure = []Card{
	{Handle: "authenticationRequiredOnSetup", number: "4000002500003155", behavior: behavior{secure: secureUnlessSetUp}},
	{Handle: "authenticationRequired", number: "4000002760003184", behavior: behavior{secure: secureAlways}},
	{Handle: "authenticationRequiredSetupForOffSession", number: "4000003800000446", behavior: behavior{secure: secureOnSession}},
	{Handle: "authenticationRequiredChargeDeclinedInsufficientFunds", number: "4000008260003178", behavior: behavior{secure: secureAlways, failure: ptr(because("insufficient_funds", "Your card has insufficient funds."))}},
	{Handle: "threeDSecure2Required", number: "4000000000003220", behavior: behavior{secure: secureAlways}},
	{Handle: "threeDSecureRequired", number: "4000000000003063", behavior: behavior{secure: secureAlways}},
	{Handle: "threeDSecureRequiredChargeDeclined", number: "4000008400001629", behavior: behavior{secure: secureAlways, failure: &genericDecline}},
	{Handle: "threeDSecureRequiredProcessingError", number: "4000008400001280", behavior: behavior{secure: secureError}},
	{Handle: "threeDSecureOptional", number: "4000000000003055"},
	{Handle: "threeDSecureOptionalProcessingError", number: "4000000000003097"},
	{Handle: "threeDSecureFrictionless", number: "4000000032200000"},
	{Handle: "amex_threeDSecureNotSupported", number: "", Brand: "amex", Last4: "0005", behavior: behavior{secure: secureNotSupported}},
}

var risky = []Card{
	{Handle: "radarBlock", number: "4100000000000019", behavior: behavior{failure: ptr(blocked("fraudulent")), risk: highestRisk}},
	{Handle: "riskLevelHighest", number: "4000000000004954", behavior: behavior{failure: ptr(blocked("fraudulent")), risk: highestRisk}},
	{Handle: "riskLevelElevated", number: "4000000000009235", behavior: behavior{risk: processor.Risk{Level: "elevated", Score: 65}}},
	{Handle: "cvcCheckFail", number: "4000000000000101", CVCCheck: "fail"},
	{Handle: "avsFail", number: "4000000000000010", AddressLineCheck: "fail", PostalCodeCheck: "fail"},
	{Handle: "avsLine1Fail", number: "4000000000000028", AddressLineCheck: "fail"},
	{Handle: "avsZipFail", number: "4000000000000036", PostalCodeCheck: "fail"},
	{Handle: "avsUnchecked", number: "4000000000000044", AddressLineCheck: "unavailable", PostalCodeCheck: "unavailable"},
}

var disputed = []Card{
	{Handle: "createDispute", number: "4000000000000259", behavior: disputedAs(processor.DisputeHint{Reason: "fraudulent", Count: 1})},
	{Handle: "createDisputeProductNotReceived", number: "4000000000002685", behavior: disputedAs(processor.DisputeHint{Reason: "product_not_received", Count: 1})},
	{Handle: "createDisputeInquiry", number: "4000000000001976", behavior: disputedAs(processor.DisputeHint{Reason: "fraudulent", Inquiry: true, Count: 1})},
	{Handle: "createIssuerFraudRecord", number: "4000000000005423", behavior: disputedAs(processor.DisputeHint{Reason: "fraudulent", Warning: true})},
	{Handle: "createMultipleDisputes", number: "4000000404000079", behavior: disputedAs(processor.DisputeHint{Reason: "fraudulent", Count: 2})},
	{Handle: "createCe3EligibleDispute", number: "4000000404000038", behavior: disputedAs(processor.DisputeHint{Reason: "fraudulent", Count: 1})},
	{Handle: "createComplianceDispute", number: "4000008400000779", behavior: disputedAs(processor.DisputeHint{Reason: "noncompliant", Count: 1})},
}

var settlement = []Card{
	{Handle: "bypassPending", number: "4000000000000077", behavior: behavior{atOnce: true}},
	{Handle: "bypassPendingInternational", number: "4000003720000278", Country: "IE", behavior: behavior{atOnce: true}},
	{Handle: "pendingRefund", number: "4000000000007726", behavior: behavior{refund: refundPends}},
	{Handle: "refundFail", number: "4000000000005126", behavior: behavior{refund: refundBounces}},
}

var faults = []Card{
	failing("timeoutBeforeCommit", faultTimeoutBeforeCommit),
	failing("timeoutAfterCommit", faultTimeoutAfterCommit),
	failing("serverError", faultServerError),
	failing("unknownThenSucceeds", faultUnknownThenSucceeds),
	failing("unknownThenFails", faultUnknownThenFails),
	failing("processing", faultProcessing),
	failing("processingThenFails", faultProcessingThenFails),
	failing("captureTimeoutAfterCommit", faultCaptureTimeout),
	{Handle: "refundTimeoutAfterCommit", behavior: behavior{refund: refundIsNoReply}},
}

// countryNumbers are cards by country of their issuer: pm_card_hk, tok_hk.
const countryNumbers = `
	br 4000000760000002  ca 4000001240000000  mx 4000004840008001  ae 4000007840000001
	at 4000000400000008  be 4000000560000004  ch 4000007560000009  cz 4000002030000002
	de 4000002760000016  dk 4000002080000001  es 4000007240000007  fi 4000002460000001
	fr 4000002500000003  gb 4000008260000000  ie 4000003720000005  it 4000003800000008
	nl 4000005280000002  no 4000005780000007  pl 4000006160000005  pt 4000006200000007
	se 4000007520000008  au 4000000360000006  cn 4000001560000002  hk 4000003440000004
	in 4000003560000008  jp 4000003920000003  my 4000004580000002  nz 4000005540000008
	sg 4000007020000003  th_credit 4000007640000003  tw 4000001580000008`

// aliases are further handles of the testing page, among them the brand forms
// of the declines (pm_card_visa_chargeDeclined).
var aliases = map[string]string{
	"us": "visa", "domesticPricing": "visa",
	"visa_chargeDeclined":                      "chargeDeclined",
	"visa_chargeDeclinedInsufficientFunds":     "chargeDeclinedInsufficientFunds",
	"visa_chargeDeclinedLostCard":              "chargeDeclinedLostCard",
	"visa_chargeDeclinedStolenCard":            "chargeDeclinedStolenCard",
	"visa_chargeDeclinedVelocityLimitExceeded": "chargeDeclinedVelocityLimitExceeded",
	"visa_chargeDeclinedExpiredCard":           "chargeDeclinedExpiredCard",
	"visa_chargeDeclinedIncorrectCvc":          "chargeDeclinedIncorrectCvc",
	"visa_chargeDeclinedProcessingError":       "chargeDeclinedProcessingError",
	"visa_chargeDeclinedFraudulent":            "chargeDeclinedFraudulent",
}

var (
	genericDecline = because("generic_decline", "Your card was declined.")
	highestRisk    = processor.Risk{Level: "highest", Score: 92}
	normalRisk     = processor.Risk{Level: "normal", Score: 20}
)

var byHandle, byNumber = indexed()

// indexed fills in what the table leaves out: brand and last4 from the number,
// credit, US, passing checks. Cards of ours without a number get the handle as
// their secret instead, so that fingerprints differ.
func indexed() (handles, numbers map[string]Card) {
	handles, numbers = make(map[string]Card), make(map[string]Card)
	for _, group := range cardTable {
		for _, card := range group {
			numbered := card.number != ""
			if numbered {
				card.Brand, card.Last4 = brandOf(card.number), card.number[len(card.number)-4:]
			} else {
				card.number = card.Handle
				card.Brand, card.Last4 = orElse(card.Brand, "visa"), orElse(card.Last4, "4242")
			}
			card.Funding, card.Country = orElse(card.Funding, "credit"), orElse(card.Country, "US")
			card.CVCCheck = orElse(card.CVCCheck, "pass")
			card.AddressLineCheck, card.PostalCodeCheck = orElse(card.AddressLineCheck, "pass"), orElse(card.PostalCodeCheck, "pass")
			if card.behavior.risk.Level == "" {
				card.behavior.risk = normalRisk
			}
			if _, twice := handles[card.Handle]; twice {
				panic("cardsim: two cards are called " + card.Handle)
			}
			handles[card.Handle] = card
			if numbered {
				numbers[card.number] = card
			}
		}
	}
	return handles, numbers
}

func countries() []Card {
	fields := strings.Fields(countryNumbers)
	var cards []Card
	for i := 0; i < len(fields); i += 2 {
		cards = append(cards, Card{Handle: fields[i], Country: strings.ToUpper(fields[i][:2]), number: fields[i+1]})
	}
	return cards
}

func brandOf(number string) string {
	for _, rule := range []struct{ prefix, brand string }{
		{"4", "visa"}, {"2", "mastercard"}, {"5", "mastercard"}, {"34", "amex"}, {"37", "amex"},
		{"35", "jcb"}, {"3", "diners"}, {"62", "unionpay"}, {"6", "discover"},
	} {
		if strings.HasPrefix(number, rule.prefix) {
			return rule.brand
		}
	}
	panic(fmt.Sprintf("cardsim: a number ending in %s has no brand", number[len(number)-4:]))
}

// declining is a card that is declined when it is charged and when it is saved.
func declining(handle, number string, failure processor.Failure) Card {
	return Card{Handle: handle, number: number, behavior: behavior{failure: &failure, onAttach: &failure}}
}

func failing(handle string, rule faultRule) Card {
	return Card{Handle: handle, behavior: behavior{fault: rule}}
}

func because(decline, message string) processor.Failure {
	return processor.Failure{Code: "card_declined", Decline: decline, Message: message}
}

func blocked(decline string) processor.Failure {
	return processor.Failure{Code: "card_declined", Decline: decline, Message: "Your card was declined.", Blocked: true}
}

func disputedAs(hint processor.DisputeHint) behavior { return behavior{dispute: &hint} }

func ptr(f processor.Failure) *processor.Failure { return &f }

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

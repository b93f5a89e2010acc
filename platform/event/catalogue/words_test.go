package catalogue_test

import (
	"reflect"

	"github.com/sluicepay/sluice/platform/wire"
)

// field is one attribute of a wire struct.
type field struct {
	of   reflect.Type
	name string
}

func of[T any](name string) field { return field{reflect.TypeFor[T](), name} }

// words are the attributes that say one of a few words. They may grow with a
// release: a reader keeps a branch for what it does not know.
var words = map[field][]string{
	of[wire.Account]("type"):                   {"standard", "express", "custom", "none"},
	of[wire.PayoutSchedule]("interval"):        {"daily", "manual", "monthly", "weekly"},
	of[wire.Capability]("status"):              {"active", "inactive", "pending", "unrequested"},
	of[wire.PersonVerification]("status"):      {"pending", "unverified", "verified"},
	of[wire.Charge]("status"):                  {"succeeded", "pending", "failed"},
	of[wire.Split]("type"):                     {"fixed", "percent", "remainder"},
	of[wire.PaymentIntent]("status"):           {"succeeded", "requires_payment_method", "requires_confirmation", "requires_action", "processing", "requires_capture", "canceled"},
	of[wire.PaymentIntent]("capture_method"):   {"automatic", "automatic_async", "manual"},
	of[wire.CheckoutSession]("status"):         {"open", "complete", "expired"},
	of[wire.CheckoutSession]("payment_status"): {"paid", "unpaid"},
	of[wire.CheckoutSession]("mode"):           {"payment"},
	of[wire.PaymentMethod]("type"):             {"card"},
	of[wire.PaymentMethod]("allow_redisplay"):  {"unspecified", "always", "limited"},
	of[wire.Customer]("tax_exempt"):            {"none", "exempt", "reverse"},
	of[wire.Refund]("status"):                  {"succeeded", "pending", "failed", "canceled"},
	of[wire.Payout]("status"):                  {"pending", "in_transit", "paid", "failed", "canceled"},
	of[wire.Payout]("type"):                    {"bank_account"},
	of[wire.Payout]("method"):                  {"standard", "instant"},
	of[wire.PayoutHold]("status"):              {"active", "released"},
	of[wire.PayoutTraceID]("status"):           {"pending", "supported", "unsupported"},
	of[wire.WebhookEndpoint]("status"):         {"enabled", "disabled"},
	of[wire.Transfer]("source_type"):           {"card"},
	of[wire.FeeSource]("type"):                 {"charge"},
	of[wire.AccountController]("type"):         {"account", "application"},
	of[wire.PaymentMethodDetails]("type"):      {"card", "stripe_account"},
}

// nullable are the lists that are null while nothing was said, as Stripe has it.
var nullable = map[field]bool{
	of[wire.BusinessProfile]("minority_owned_business_designation"): true,
	of[wire.CustomerInvoiceSettings]("custom_fields"):               true,
}

// objects are what the attribute "object" says of each noun.
var objects = map[reflect.Type]string{
	reflect.TypeFor[wire.Account]():          "account",
	reflect.TypeFor[wire.Application]():      "application",
	reflect.TypeFor[wire.ApplicationFee]():   "application_fee",
	reflect.TypeFor[wire.Balance]():          "balance",
	reflect.TypeFor[wire.BankAccount]():      "bank_account",
	reflect.TypeFor[wire.Capability]():       "capability",
	reflect.TypeFor[wire.Charge]():           "charge",
	reflect.TypeFor[wire.CheckoutSession]():  "checkout.session",
	reflect.TypeFor[wire.Customer]():         "customer",
	reflect.TypeFor[wire.Event]():            "event",
	reflect.TypeFor[wire.FeeRefund]():        "fee_refund",
	reflect.TypeFor[wire.PaymentIntent]():    "payment_intent",
	reflect.TypeFor[wire.PaymentMethod]():    "payment_method",
	reflect.TypeFor[wire.Payout]():           "payout",
	reflect.TypeFor[wire.PayoutHold]():       "payout_hold",
	reflect.TypeFor[wire.PayoutPolicy]():     "payout_policy",
	reflect.TypeFor[wire.Person]():           "person",
	reflect.TypeFor[wire.Refund]():           "refund",
	reflect.TypeFor[wire.Transfer]():         "transfer",
	reflect.TypeFor[wire.TransferReversal](): "transfer_reversal",
	reflect.TypeFor[wire.WebhookEndpoint]():  "webhook_endpoint",
}

// objectWord is what "object" says in a struct; lists say "list".
func objectWord(t reflect.Type) (string, bool) {
	if isList(t) {
		return "list", true
	}
	word, known := objects[t]
	return word, known
}

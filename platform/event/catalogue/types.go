package catalogue

import (
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/wire"
)

const first = "2026-11-22" // the first release

// types are sorted by name when the program starts; here they stand by object.
var types = sorted([]Type{
	{Name: "account.updated", Object: wire.Account{}, Scope: AnyAccount, Replaced: Sometimes,
		Description: "An account was opened, changed or closed: details, requirements, settings, or what it is allowed to do."},
	{Name: "account.application.authorized", Object: wire.Application{}, Scope: ConnectedAccount,
		Description: "An account's holder connected it to a platform through OAuth, or widened what the platform may do."},
	{Name: "account.application.deauthorized", Object: wire.Application{}, Scope: ConnectedAccount,
		Description: "A platform lost an account: the holder or the platform ended the connection. Always heard by the platform."},
	{Name: "account.application.grant_revoked", Object: wire.Application{}, Scope: ConnectedAccount,
		Description: "A code or refresh token was used twice, so all tokens of its grant were revoked. The connection stays."},
	{Name: "account.external_account.created", Object: wire.BankAccount{}, Scope: AnyAccount,
		Description: "A bank account was added to an account."},
	{Name: "account.external_account.updated", Object: wire.BankAccount{}, Scope: AnyAccount, Replaced: Always,
		Description: "A bank account of an account changed: the default, metadata, or its status after a failed payout."},
	{Name: "account.external_account.deleted", Object: wire.BankAccount{}, Scope: AnyAccount,
		Description: "A bank account was removed from an account."},
	{Name: "capability.updated", Object: wire.Capability{}, Scope: AnyAccount, Replaced: Sometimes,
		Description: "A capability was requested, or its status or requirements changed."},
	{Name: "person.created", Object: wire.Person{}, Scope: AnyAccount,
		Description: "A person was added to an account."},
	{Name: "person.updated", Object: wire.Person{}, Scope: AnyAccount, Replaced: Always,
		Description: "A person changed: details, what is required of them, or how their verification went."},
	{Name: "person.deleted", Object: wire.Person{}, Scope: AnyAccount,
		Description: "A person was removed from an account."},

	{Name: "payment_intent.created", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "A payment intent was created."},
	{Name: "payment_intent.requires_action", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "The payer has to authenticate before the payment can go on."},
	{Name: "payment_intent.processing", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "The outcome of a payment is not known yet."},
	{Name: "payment_intent.amount_capturable_updated", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "A payment was authorized and waits to be captured."},
	{Name: "payment_intent.succeeded", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "A payment succeeded."},
	{Name: "payment_intent.payment_failed", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "An attempt to pay failed; another one may follow."},
	{Name: "payment_intent.canceled", Object: wire.PaymentIntent{}, Scope: AnyAccount,
		Description: "A payment intent was canceled; what was authorized is given free."},

	{Name: "checkout.session.completed", Object: wire.CheckoutSession{}, Scope: AnyAccount, Since: "2026-12-01",
		Description: "A buyer has paid on the hosted checkout page, or the amount is reserved if it is to be captured later."},
	{Name: "checkout.session.expired", Object: wire.CheckoutSession{}, Scope: AnyAccount, Since: "2026-12-01",
		Description: "A checkout session ended unpaid: its time was over, or it was withdrawn."},

	{Name: "charge.succeeded", Object: wire.Charge{}, Scope: AnyAccount,
		Description: "A charge was taken, or authorized if it is to be captured later."},
	{Name: "charge.failed", Object: wire.Charge{}, Scope: AnyAccount,
		Description: "A charge was refused."},
	{Name: "charge.captured", Object: wire.Charge{}, Scope: AnyAccount,
		Description: "An authorized charge was captured, in whole or in part."},
	{Name: "charge.updated", Object: wire.Charge{}, Scope: AnyAccount, Replaced: Always,
		Description: "A charge changed: descriptions or metadata, an authorization given free, a refund that came back."},
	{Name: "charge.refunded", Object: wire.Charge{}, Scope: AnyAccount, Replaced: Always,
		Description: "A charge was refunded, in whole or in part."},
	{Name: "payment.created", Object: wire.Charge{}, Scope: ConnectedAccount,
		Description: "A transfer arrived at a connected account, which sees it as a payment."},

	{Name: "refund.created", Object: wire.Refund{}, Scope: AnyAccount,
		Description: "A refund was booked."},
	{Name: "refund.updated", Object: wire.Refund{}, Scope: AnyAccount, Replaced: Always,
		Description: "A refund reached the payer, or its metadata changed."},
	{Name: "refund.failed", Object: wire.Refund{}, Scope: AnyAccount,
		Description: "A refund did not reach the payer; its money is back."},

	{Name: "transfer.created", Object: wire.Transfer{}, Scope: PlatformAccount,
		Description: "Money was moved from the platform to a connected account."},
	{Name: "transfer.updated", Object: wire.Transfer{}, Scope: PlatformAccount, Replaced: Always,
		Description: "Description, metadata or hold of a transfer changed."},
	{Name: "transfer.reversed", Object: wire.Transfer{}, Scope: PlatformAccount,
		Description: "A transfer was taken back, in whole or in part."},
	{Name: "pending_reversal.created", Object: wire.PendingReversal{}, Scope: PlatformAccount, Since: "2026-11-25",
		Description: "A transfer is to be taken back from an account that does not have the money; it is taken as it comes."},
	{Name: "pending_reversal.updated", Object: wire.PendingReversal{}, Scope: PlatformAccount, Replaced: Always, Since: "2026-11-25",
		Description: "A part of what a pending reversal waits for was taken back: transfer.reversed tells the same of the transfer."},
	{Name: "pending_reversal.recovered", Object: wire.PendingReversal{}, Scope: PlatformAccount, Since: "2026-11-25",
		Description: "A pending reversal has taken back all it waited for."},
	{Name: "pending_reversal.canceled", Object: wire.PendingReversal{}, Scope: PlatformAccount, Since: "2026-11-25",
		Description: "A pending reversal ended with less than it waited for: it was canceled, or nothing is left of its transfer."},
	{Name: "application_fee.created", Object: wire.ApplicationFee{}, Scope: PlatformAccount,
		Description: "The platform took its share of a connected account's payment."},
	{Name: "application_fee.refunded", Object: wire.ApplicationFee{}, Scope: PlatformAccount,
		Description: "An application fee was given back, in whole or in part."},

	{Name: "customer.created", Object: wire.Customer{}, Scope: AnyAccount, Description: "A customer was created."},
	{Name: "customer.updated", Object: wire.Customer{}, Scope: AnyAccount, Replaced: Always, Description: "A customer changed."},
	{Name: "customer.deleted", Object: wire.Customer{}, Scope: AnyAccount, Description: "A customer was deleted; the object shows it as it last was."},
	{Name: "payment_method.attached", Object: wire.PaymentMethod{}, Scope: AnyAccount, Replaced: Always,
		Description: "A payment method was attached to a customer."},
	{Name: "payment_method.detached", Object: wire.PaymentMethod{}, Scope: AnyAccount, Replaced: Always,
		Description: "A payment method was detached from its customer."},
	{Name: "payment_method.updated", Object: wire.PaymentMethod{}, Scope: AnyAccount, Replaced: Always,
		Description: "A payment method changed: billing details, expiry or metadata."},

	{Name: "balance_settings.updated", Object: wire.BalanceSettings{}, Scope: AnyAccount, Replaced: Always, Since: "2026-11-25",
		Description: "When an account is paid out, or what of it, was changed, or whether it can be paid out."},
	{Name: "balance.available", Object: wire.Balance{}, Scope: AnyAccount,
		Description: "Pending funds, or money of transfers on hold, became available. Each time is an object of its own."},
	{Name: "reporting.report_run.succeeded", Object: wire.ReportRun{}, Scope: AnyAccount, Since: "2026-11-25",
		Description: "A report was made; its result can be fetched."},
	{Name: "reporting.report_run.failed", Object: wire.ReportRun{}, Scope: AnyAccount, Since: "2026-11-25",
		Description: "A report could not be made."},

	{Name: "payout.created", Object: wire.Payout{}, Scope: AnyAccount, Description: "A payout was made, by schedule or by hand."},
	{Name: "payout.updated", Object: wire.Payout{}, Scope: AnyAccount, Replaced: Always,
		Description: "A payout was handed to the bank, held, released, approved, called back, tried again or taken back, or its metadata changed."},
	{Name: "payout.paid", Object: wire.Payout{}, Scope: AnyAccount,
		Description: "The bank has paid. It may still send the money back: payout.failed."},
	{Name: "payout.failed", Object: wire.Payout{}, Scope: AnyAccount,
		Description: "The bank did not pay, or sent the money back; it is available again."},
	{Name: "payout.canceled", Object: wire.Payout{}, Scope: AnyAccount,
		Description: "A payout was called back before the bank heard of it."},
	{Name: "payout_bank_change.created", Object: wire.PayoutBankChange{}, Scope: PlatformAccount, Since: "2026-12-01",
		Description: "A bank says that something in a bank account is out of date. Two people have to accept it."},
	{Name: "payout_bank_change.updated", Object: wire.PayoutBankChange{}, Scope: PlatformAccount, Replaced: Always, Since: "2026-12-01",
		Description: "Somebody accepted or refused a bank's change, or it became obsolete by another one."},
	{Name: "payout_hold.created", Object: wire.PayoutHold{}, Scope: PlatformAccount, Since: "2026-11-25",
		Description: "Somebody holds a payout, or all payouts of an account."},
	{Name: "payout_hold.released", Object: wire.PayoutHold{}, Scope: PlatformAccount, Since: "2026-11-25",
		Description: "A hold ended, by hand or because its time was over. Another one may still stand."},
	{Name: "payout_policy.updated", Object: wire.PayoutPolicy{}, Scope: PlatformAccount, Replaced: Always, Since: "2026-11-25",
		Description: "What a platform says of its payouts changed: limits, approvals, cooling-off."},

	{Name: "webhook_endpoint.failing", Object: wire.WebhookEndpoint{}, Scope: AnyAccount, Since: "2026-11-25",
		Description: "Nothing but failures has come from an endpoint for a while; it will be disabled if that goes on. Never sent to the endpoint itself."},
	{Name: "webhook_endpoint.disabled", Object: wire.WebhookEndpoint{}, Scope: AnyAccount, Since: "2026-11-25",
		Description: "An endpoint was disabled: it answered 410, or failed for days. Never sent to the endpoint itself."},
})

func sorted(all []Type) []Type {
	for i := range all {
		t := &all[i]
		if t.Version == 0 {
			t.Version = 1
		}
		if t.Since == "" {
			t.Since = first
		}
		if t.Replaced == "" {
			t.Replaced = Never
		}
	}
	slices.SortFunc(all, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	return all
}

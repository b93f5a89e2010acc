package main

// Every URL on one screen. The first match wins: hot paths stand first.

import (
	"slices"

	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/ledger/ledgerhttp"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/payouts/payoutshttp"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/event/eventhttp"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/auditlog"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
)

// actionPath is the sandbox page where payers authenticate; the charge's id follows.
const actionPath = "/_sandbox/authenticate/"

// resources are what the scopes of restricted keys speak of: "charges:read".
var resources = []string{
	"account_notes", "accounts", "api_keys", "application_fees", "audit_log", "balance", "balance_settings", "balance_transactions", "bank_statements",
	"charges", "checkout_sessions", "customers", "events", "files", "ledger", "oauth_clients", "payment_intents", "payment_methods",
	"payout_approvals", "payout_batches", "payout_calendars", "payout_holds", "payout_policy", "payout_runs", "payouts", "refunds",
	"request_logs", "test_helpers", "tokens", "transfers", "verification_reviews", "webhook_endpoints",
}

func (a *App) routes() []rest.Route {
	s := a.server
	return slices.Concat(
		connecthttp.IntentRoutes(s, a.payments),                                           // /v1/payment_intents
		connecthttp.ChargeRoutes(s, a.payments),                                           // /v1/charges, /v1/splits/preview
		connecthttp.CheckoutRoutes(s, a.pool, a.checkout),                                 // /v1/checkout/sessions
		connecthttp.RefundRoutes(s, a.payments),                                           // /v1/refunds, refunds/preview
		connecthttp.TransferRoutes(s, a.pool, a.moves),                                    // /v1/transfers, reversals
		connecthttp.PendingReversalRoutes(s, a.pool, a.moves),                             // /v1/pending_reversals
		connecthttp.ApplicationFeeRoutes(s, a.pool, a.fees),                               // /v1/application_fees, refunds
		connecthttp.EarningRoutes(s, a.pool),                                              // /v1/earnings
		connecthttp.AccountRoutes(s, a.accounts),                                          // /v1/account, /v1/accounts, capabilities, external accounts
		connecthttp.BalanceSettingsRoutes(s, a.accounts),                                  // /v1/balance_settings
		connecthttp.PersonRoutes(s, a.accounts),                                           // /v1/accounts/{id}/persons, and its older name people
		connecthttp.AccountDeskRoutes(s, a.accounts, a.links, a.mails),                    // /v1/account_notes, account_reminders, account_volumes
		connecthttp.AccountLinkRoutes(s, a.links),                                         // /v1/account_links, /v1/accounts/{id}/login_links
		connecthttp.ReviewRoutes(s, a.accounts),                                           // /v1/verification_reviews
		connecthttp.VerificationRoutes(a.verify),                                          // what verifiers send by themselves
		connecthttp.FileRoutes(s, a.pool, a.files),                                        // /v1/files
		connecthttp.BrandRoutes(a.pool, a.accounts, a.files),                              // /brand/{account}/logo, icon
		connecthttp.TokenRoutes(s, a.methods),                                             // /v1/tokens
		connecthttp.PaymentMethodRoutes(s, a.methods),                                     // /v1/payment_methods
		connecthttp.CustomerRoutes(s, a.methods),                                          // /v1/customers
		ledgerhttp.Routes(s, a.pool, owners{a.accounts}),                                  // /v1/balance, /v1/balance_transactions, /v1/ledger
		ledgerhttp.VerificationRoutes(s, a.pool, owners{a.accounts}, clock.System{}),      // /v1/ledger/verifications
		ledgerhttp.DailyRoutes(s, a.pool, a.clocks),                                       // /v1/balance/daily
		ledgerhttp.DebtRoutes(s, a.pool, owners{a.accounts}, a.clocks),                    // /v1/negative_balances
		payoutshttp.DeliveryRoutes(s, a.pool, a.payouts, a.books),                         // /v1/payout_counts, /v1/payouts/{id}/delivery
		payoutshttp.Routes(s, a.pool, a.payouts),                                          // /v1/payouts
		payoutshttp.ApprovalRoutes(s, a.pool, a.payouts),                                  // /v1/payouts/{id}/approve, refuse, approvals
		payoutshttp.BankChangeRoutes(s, a.pool, a.payouts),                                // /v1/payout_bank_changes
		payoutshttp.HoldRoutes(s, a.pool, a.payouts),                                      // /v1/payout_holds
		payoutshttp.PolicyRoutes(s, a.pool, a.payouts),                                    // /v1/payout_policy
		payoutshttp.BatchRoutes(s, a.pool, a.payouts),                                     // /v1/payout_batches
		payoutshttp.ReportRoutes(s, a.pool, a.reports, a.cfg.BaseURL, clock.System{}),     // /v1/reporting
		payoutshttp.StatementRoutes(s, a.books),                                           // /v1/bank_statements
		payoutshttp.RunRoutes(s, a.pool, a.payouts),                                       // /v1/payout_runs
		payoutshttp.CalendarRoutes(s, a.pool, a.payouts),                                  // /v1/payout_calendars, closures
		eventhttp.Routes(s, a.pool, a.clocks, webhook.Count{}, a.accounts),                // /v1/events, /v2/core/events
		eventhttp.CatalogueRoutes(s, a.surroundings()),                                    // /v1/event_types, /event_schemas, /asyncapi.json
		connecthttp.WebhookEventRoutes(s, a.hooks, a.accounts, a.clocks),                  // /v1/events/{id}/retry
		connecthttp.WebhookEndpointRoutes(s, a.pool, a.hooks, clock.System{}),             // /v1/webhook_endpoints
		connecthttp.WebhookKeyRoutes(s, a.pool, a.hooks, clock.System{}),                  // roll_secret; /webhook_endpoints/{id}/jwks.json
		connecthttp.WebhookDeliveryRoutes(s, a.pool, a.hooks, a.accounts, clock.System{}), // /v1/webhook_deliveries, attempts
		connecthttp.WebhookReplayRoutes(s, a.pool, a.replays, clock.System{}),             // /v1/webhook_replays
		connecthttp.ListenRoutes(s, a.listen, a.cfg.BaseURL, clock.System{}),              // /v1/stripecli: sluice listen, and Stripe's CLI
		requestlog.Routes(s, a.pool),                                                      // /v1/request_logs
		auditlog.Routes(s, a.audit, a.auditSeal),                                          // /v1/audit_log; /audit_log/jwks.json
		oauthhttp.APIKeyRoutes(s, a.pool, a.keys, clock.System{}),                         // /v1/api_keys
		oauthhttp.ClientRoutes(s, a.pool, a.provider.Clients(), clock.System{}),           // /v1/oauth_clients
		oauthhttp.ProtocolRoutes(a.provider),                                              // /oauth/token, deauthorize, revoke, introspect, par; metadata
		a.pages,                                                                           // /oauth/authorize, consent; /sign-in, /security, /accounts; /checkout, /receipts, and the sandbox's bank; /_assets
		a.desk.Routes(),                                                                   // /dashboard, /earnings
		a.worldRoutes(),                                                                   // /v1/test_helpers/world_clock
		oauthhttp.SandboxRoutes(s, a.provider),                                            // /v1/test_helpers/oauth_codes
		a.healthRoutes(),                                                                  // /livez, /readyz
		a.devRoutes(),                                                                     // /, /_dev/…; only in development
	)
}

// surroundings are what readers of the catalogue are told about this installation.
func (a *App) surroundings() catalogue.Surroundings {
	return catalogue.Surroundings{BaseURL: a.cfg.BaseURL, Topic: bus.Events}
}

// loaders fetch what expand[] names.
func (a *App) loaders() rest.Loaders {
	loaders := connecthttp.AccountLoaders(a.accounts, a.methods)
	for prefix, load := range connecthttp.PaymentLoaders(a.payments, a.moves, a.fees, a.accounts) {
		loaders[prefix] = load
	}
	for kind, load := range connecthttp.CheckoutLoaders(a.checkout) {
		loaders[kind] = load
	}
	loaders["txn"] = ledgerhttp.Loader
	loaders["po"] = payoutshttp.Load(a.payouts)
	return loaders
}

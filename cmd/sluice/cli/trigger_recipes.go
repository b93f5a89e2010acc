package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/client"
)

// recipes say how each event of the catalogue is made to happen. What they need
// they make themselves, so that they work in an empty sandbox.
var recipes = map[string]func(*stage) subject{
	"account.updated": func(s *stage) subject {
		account := s.account()
		s.touch(s.platform, "/v1/accounts/"+account)
		return subject{client: s.as(account), object: account}
	},
	"account.external_account.created": func(s *stage) subject {
		account := s.account()
		return subject{client: s.as(account), object: s.bank(account)}
	},
	"account.external_account.updated": func(s *stage) subject {
		account := s.account()
		bank := s.bank(account)
		s.touch(s.platform, "/v1/accounts/"+account+"/external_accounts/"+bank)
		return subject{client: s.as(account), object: bank}
	},
	"account.external_account.deleted": func(s *stage) subject {
		account := s.account()
		bank := s.bank(account)
		s.remove(s.platform, "/v1/accounts/"+account+"/external_accounts/"+bank)
		return subject{client: s.as(account), object: bank}
	},
	"account.application.authorized": func(s *stage) subject {
		app := s.connect(s.account())
		return subject{client: s.as(app.account), object: app.id}
	},
	"account.application.deauthorized": func(s *stage) subject {
		app := s.connect(s.account())
		s.connect(app.account) // through this one we can still look on
		s.post(s.platform, "/oauth/deauthorize", form("client_id", app.id, "client_secret", s.platform.Key.Reveal(), "stripe_user_id", app.account))
		return subject{client: s.as(app.account), object: app.id}
	},
	"account.application.grant_revoked": func(s *stage) subject {
		app := s.connect(s.account())
		s.exchangeAgain(app)
		return subject{client: s.as(app.account), object: app.id}
	},
	"balance_settings.updated": func(s *stage) subject {
		account := s.account()
		next := s.next(s.as(account))
		s.post(s.as(account), "/v1/balance_settings", form("payments[settlement_timing][delay_days_override]", "5"))
		return next
	},
	"capability.updated": func(s *stage) subject {
		account := s.account()
		s.post(s.platform, "/v1/accounts/"+account+"/capabilities/card_payments", form("requested", "true"))
		return subject{client: s.as(account), object: "card_payments"}
	},
	"person.created": func(s *stage) subject {
		account, person := s.person()
		return subject{client: s.as(account), object: person}
	},
	"person.updated": func(s *stage) subject {
		account, person := s.person()
		s.touch(s.platform, "/v1/accounts/"+account+"/persons/"+person)
		return subject{client: s.as(account), object: person}
	},
	"person.deleted": func(s *stage) subject {
		account, person := s.person()
		s.remove(s.platform, "/v1/accounts/"+account+"/persons/"+person)
		return subject{client: s.as(account), object: person}
	},

	"payment_intent.created":         func(s *stage) subject { return s.about(s.intent()) },
	"payment_intent.succeeded":       func(s *stage) subject { return s.about(s.paid("pm_card_visa")) },
	"payment_intent.requires_action": func(s *stage) subject { return s.about(s.paid("pm_card_authenticationRequired")) },
	"payment_intent.processing":      func(s *stage) subject { return s.about(s.paid("pm_card_processing")) },
	"payment_intent.amount_capturable_updated": func(s *stage) subject {
		return s.about(s.paid("pm_card_visa", "capture_method", "manual"))
	},
	"payment_intent.payment_failed": func(s *stage) subject {
		intent := s.intent()
		s.declined(s.acting, "confirmation", "/v1/payment_intents/"+intent.ID+"/confirm", form("payment_method", "pm_card_chargeDeclined"))
		return s.about(intent)
	},
	"payment_intent.canceled": func(s *stage) subject {
		intent := s.intent()
		s.post(s.acting, "/v1/payment_intents/"+intent.ID+"/cancel", nil)
		return s.about(intent)
	},

	"checkout.session.completed": func(s *stage) subject {
		session := s.checkout()
		s.payOnPage(session)
		return s.about(session)
	},
	"checkout.session.expired": func(s *stage) subject {
		session := s.checkout()
		s.post(s.acting, "/v1/checkout/sessions/"+session.ID+"/expire", nil)
		return s.about(session)
	},

	"charge.succeeded": func(s *stage) subject { return s.about(s.charge("tok_visa")) },
	"charge.failed": func(s *stage) subject {
		next := s.next(s.acting)
		s.declined(s.acting, "charge", "/v1/charges", form("amount", "60000", "currency", "hkd", "source", "tok_chargeDeclined"))
		return next
	},
	"charge.captured": func(s *stage) subject {
		charge := s.charge("tok_visa", "capture", "false")
		s.post(s.acting, "/v1/charges/"+charge.ID+"/capture", nil)
		return s.about(charge)
	},
	"charge.updated": func(s *stage) subject {
		charge := s.charge("tok_visa")
		s.touch(s.acting, "/v1/charges/"+charge.ID)
		return s.about(charge)
	},
	"charge.refunded": func(s *stage) subject {
		charge := s.charge("tok_visa")
		s.refund(charge)
		return s.about(charge)
	},
	"payment.created": func(s *stage) subject {
		account := s.account()
		next := s.next(s.as(account))
		s.transfer(account)
		return next
	},

	"refund.created": func(s *stage) subject { return s.about(s.refund(s.charge("tok_visa"))) },
	"refund.updated": func(s *stage) subject {
		refund := s.refund(s.charge("tok_visa"))
		s.touch(s.acting, "/v1/refunds/"+refund.ID)
		return s.about(refund)
	},
	"refund.failed": func(s *stage) subject {
		refund := s.refund(s.charge("tok_refundFail"))
		s.wait("1h") // the payer's bank sends the money back
		return s.about(refund)
	},

	"transfer.created": func(s *stage) subject { return s.ofPlatform(s.transfer(s.account())) },
	"transfer.updated": func(s *stage) subject {
		transfer := s.transfer(s.account())
		s.touch(s.platform, "/v1/transfers/"+transfer.ID)
		return s.ofPlatform(transfer)
	},
	"transfer.reversed": func(s *stage) subject {
		transfer := s.transfer(s.account())
		s.create(s.platform, "transfer_reversal", "/v1/transfers/"+transfer.ID+"/reversals", form())
		return s.ofPlatform(transfer)
	},
	"pending_reversal.created": func(s *stage) subject {
		_, pending := s.pendingReversal()
		return s.ofPlatform(pending)
	},
	"pending_reversal.updated": func(s *stage) subject {
		account, pending := s.pendingReversal()
		s.transferOf(account, "10000")
		s.wait("1h")
		return s.ofPlatform(pending)
	},
	"pending_reversal.recovered": func(s *stage) subject {
		account, pending := s.pendingReversal()
		s.transfer(account)
		s.wait("1h")
		return s.ofPlatform(pending)
	},
	"pending_reversal.canceled": func(s *stage) subject {
		_, pending := s.pendingReversal()
		s.post(s.platform, "/v1/pending_reversals/"+pending.ID+"/cancel", nil)
		return s.ofPlatform(pending)
	},
	"application_fee.created": func(s *stage) subject { return s.ofPlatform(s.fee()) },
	"application_fee.refunded": func(s *stage) subject {
		fee := s.fee()
		s.create(s.platform, "fee_refund", "/v1/application_fees/"+fee.ID+"/refunds", form())
		return s.ofPlatform(fee)
	},

	"customer.created": func(s *stage) subject { return s.about(s.customer()) },
	"customer.updated": func(s *stage) subject {
		customer := s.customer()
		s.touch(s.acting, "/v1/customers/"+customer.ID)
		return s.about(customer)
	},
	"customer.deleted": func(s *stage) subject {
		customer := s.customer()
		s.remove(s.acting, "/v1/customers/"+customer.ID)
		return s.about(customer)
	},
	"payment_method.attached": func(s *stage) subject { return s.about(s.method()) },
	"payment_method.updated": func(s *stage) subject {
		method := s.method()
		s.touch(s.acting, "/v1/payment_methods/"+method.ID)
		return s.about(method)
	},
	"payment_method.detached": func(s *stage) subject {
		method := s.method()
		s.post(s.acting, "/v1/payment_methods/"+method.ID+"/detach", nil)
		return s.about(method)
	},

	"balance.available": func(s *stage) subject {
		s.charge("tok_visa")
		next := s.next(s.acting)
		s.wait("4d") // until what was paid is available
		return next
	},
	"payout_hold.created": func(s *stage) subject { return s.ofPlatform(s.hold()) },
	"payout_hold.released": func(s *stage) subject {
		hold := s.hold()
		s.post(s.platform, "/v1/payout_holds/"+hold.ID+"/release", nil)
		return s.ofPlatform(hold)
	},
	"payout_policy.updated": func(s *stage) subject {
		next := s.next(s.platform)
		s.post(s.platform, "/v1/payout_policy", form("minimum_payout[jpy]", strconv.FormatInt(time.Now().UnixMilli()%1_000_000+1, 10)))
		return next
	},
	"reporting.report_run.succeeded": func(s *stage) subject {
		run := s.create(s.platform, "report", "/v1/reporting/report_runs", form("report_type", "payouts.itemized.3",
			"parameters[interval_start]", "0", "parameters[interval_end]", "4102444800"))
		return s.ofPlatform(run)
	},
	"payout.created": func(s *stage) subject { return s.payout(goodBank) },
	"payout.updated": func(s *stage) subject {
		payout := s.payout(goodBank)
		s.touch(payout.client, "/v1/payouts/"+payout.object)
		return payout
	},
	"payout.canceled": func(s *stage) subject {
		payout := s.payout(goodBank)
		s.post(payout.client, "/v1/payouts/"+payout.object+"/cancel", nil)
		return payout
	},
	"payout.paid": func(s *stage) subject {
		payout := s.payout(goodBank)
		s.wait("3d")
		return payout
	},
	"payout.failed": func(s *stage) subject {
		payout := s.payout(closedBank)
		s.wait("3d")
		return payout
	},

	"webhook_endpoint.disabled": func(s *stage) subject {
		endpoint := s.create(s.platform, "webhook_endpoint", "/v1/webhook_endpoints", form("url", s.gone(), "enabled_events[]", "customer.created"))
		s.create(s.platform, "customer", "/v1/customers", form("name", "Au Yeung Lok"))
		return s.ofPlatform(endpoint)
	},
}

// untriggered are the events that no request can cause, and why.
var untriggered = map[string]string{
	"payout_bank_change.created":  "a bank says so in a file; the sandbox's does over ACH, for account numbers that end in 8401",
	"payout_bank_change.updated":  "a bank has to have said something; see payout_bank_change.created",
	"reporting.report_run.failed": "a report that can be asked for can be made, unless the database fails",
	"webhook_endpoint.failing":    "it is told after days of failures, and webhooks run on real time, which nobody can move",
}

// form is parameters by name and value.
func form(pairs ...string) url.Values {
	params := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		params.Set(pairs[i], pairs[i+1])
	}
	return params
}

// about is an object of the account that acts.
func (s *stage) about(a answer) subject { return subject{client: s.acting, object: a.ID} }

func (s *stage) ofPlatform(a answer) subject { return subject{client: s.platform, object: a.ID} }

// touch changes an object's metadata, to something it was not before.
func (s *stage) touch(by *client.Client, path string) {
	s.post(by, path, form("metadata[triggered]", rand.Text()[:8]))
}

// app is an OAuth client and the account it is connected to.
type app struct{ id, account, code string }

// connect connects an account to a new client, as if its holder had agreed in a browser.
func (s *stage) connect(account string) app {
	client := s.create(s.platform, "oauth_client", "/v1/oauth_clients",
		form("name", "TutorHub", "redirect_uris[]", "https://example.com/connected"))
	a := app{id: client.ID, account: account}
	a.code = s.post(s.platform, "/v1/test_helpers/oauth_codes", form("client", a.id, "account", account)).Code
	s.exchange(a)
	return a
}

// exchange gives tokens for the code. Stripe's libraries, too, use the secret key as client secret.
func (s *stage) exchange(a app) {
	s.post(s.platform, "/oauth/token", form("grant_type", "authorization_code", "code", a.code, "client_secret", s.platform.Key.Reveal()))
}

// exchangeAgain presents a used code, as somebody would who has stolen it.
func (s *stage) exchangeAgain(a app) {
	s.exchange(a)
	var refused *client.Error
	switch {
	case errors.As(s.err, &refused) && refused.Status == http.StatusBadRequest:
		s.err = nil
		fmt.Fprintln(s.out, "POST /oauth/token  refused: the code was used before")
	case s.err == nil:
		s.err = errors.New("a code could be used twice")
	}
}

// account is --account, or a new tutor who may receive transfers.
func (s *stage) account() string {
	if s.acting.Account != "" {
		return s.acting.Account
	}
	return s.create(s.platform, "account", "/v1/accounts", form(
		"type", "custom", "country", "HK", "email", "tutor@example.com", "business_type", "company",
		"business_profile[name]", "Chan Ka Yan", "business_profile[mcc]", "8299", "capabilities[transfers][requested]", "true",
	)).ID
}

// The bank accounts of the sandbox, by what becomes of a payout.
const (
	goodBank   = "000123456"
	closedBank = "000121113"
)

func (s *stage) bank(account string) string { return s.bankAt(account, goodBank) }

func (s *stage) bankAt(account, number string) string {
	return s.create(s.platform, "bank_account", "/v1/accounts/"+account+"/external_accounts", form(
		"external_account[object]", "bank_account", "external_account[country]", "HK", "external_account[currency]", "hkd",
		"external_account[routing_number]", "110-000", "external_account[account_number]", number,
		"external_account[account_holder_name]", "Chan Ka Yan",
	)).ID
}

func (s *stage) person() (account, person string) {
	account = s.account()
	return account, s.create(s.platform, "person", "/v1/accounts/"+account+"/persons", form("first_name", "Ka Yan", "last_name", "Chan")).ID
}

func (s *stage) intent() answer {
	return s.create(s.acting, "payment_intent", "/v1/payment_intents", form("amount", "60000", "currency", "hkd"))
}

// paid is an intent that was confirmed with a card of the sandbox.
func (s *stage) paid(card string, more ...string) answer {
	params := form(append(more, "amount", "60000", "currency", "hkd", "confirm", "true", "payment_method", card)...)
	return s.create(s.acting, "payment_intent", "/v1/payment_intents", params)
}

func (s *stage) checkout() answer {
	return s.create(s.acting, "checkout_session", "/v1/checkout/sessions", form(
		"mode", "payment", "success_url", "https://example.com/paid", "line_items[0][quantity]", "1",
		"line_items[0][price_data][currency]", "hkd", "line_items[0][price_data][unit_amount]", "60000",
		"line_items[0][price_data][product_data][name]", "Piano lesson",
	))
}

// payOnPage pays a session as its buyer does: on the hosted page.
func (s *stage) payOnPage(session answer) {
	if s.err != nil {
		return
	}
	fmt.Fprintln(s.out, "POST /checkout/…  as the buyer")
	ctx, cancel := context.WithTimeout(s.ctx, triggerPatience)
	defer cancel()
	filled := form("email", "lok@example.com", "number", "4242424242424242", "expiry", "12/40", "cvc", "123", "name", "Au Yeung Lok")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, session.URL, strings.NewReader(filled.Encode()))
	if err != nil {
		s.err = err
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(r) // where it leads afterwards is the seller's
	if err != nil {
		s.err = fmt.Errorf("pay on the page: %w", err)
		return
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		s.err = fmt.Errorf("the checkout page answers %s", response.Status)
	}
}

func (s *stage) charge(token string, more ...string) answer {
	return s.create(s.acting, "charge", "/v1/charges", form(append(more, "amount", "60000", "currency", "hkd", "source", token)...))
}

func (s *stage) refund(charge answer) answer {
	return s.create(s.acting, "refund", "/v1/refunds", form("charge", charge.ID))
}

// pendingReversal takes a transfer back from an account that has paid it out already.
func (s *stage) pendingReversal() (account string, pending answer) {
	account = s.account()
	s.post(s.platform, "/v1/accounts/"+account, form("settings[payouts][schedule][interval]", "manual"))
	bank, transfer := s.bank(account), s.transfer(account)
	s.create(s.as(account), "payout", "/v1/payouts", form("amount", "30000", "currency", "hkd", "destination", bank))
	return account, s.create(s.platform, "pending_reversal", "/v1/transfers/"+transfer.ID+"/reversals", form("when_insufficient", "pending"))
}

// hold keeps the payouts of a new account.
func (s *stage) hold() answer {
	return s.create(s.platform, "payout_hold", "/v1/payout_holds", form("account", s.account(), "reason", "Triggered by the command line"))
}

// transfer moves money of a new charge of the platform.
func (s *stage) transfer(account string) answer { return s.transferOf(account, "30000") }

func (s *stage) transferOf(account, amount string) answer {
	charge := s.create(s.platform, "charge", "/v1/charges", form("amount", "60000", "currency", "hkd", "source", "tok_bypassPending"))
	return s.create(s.platform, "transfer", "/v1/transfers",
		form("amount", amount, "currency", "hkd", "destination", account, "source_transaction", charge.ID))
}

// fee is the application fee of a new payment.
func (s *stage) fee() answer {
	intent := s.create(s.platform, "payment_intent", "/v1/payment_intents", form(
		"amount", "60000", "currency", "hkd", "confirm", "true", "payment_method", "pm_card_visa",
		"application_fee_amount", "9000", "transfer_data[destination]", s.account(),
	))
	return answer{ID: s.get(s.platform, "/v1/charges/"+intent.LatestCharge).ApplicationFee.ID}
}

func (s *stage) customer() answer {
	return s.create(s.acting, "customer", "/v1/customers", form("name", "Au Yeung Lok", "email", "lok@example.com"))
}

// method is a card that is attached to a new customer.
func (s *stage) method() answer {
	customer := s.customer()
	method := s.create(s.acting, "payment_method", "/v1/payment_methods", form("type", "card", "card[token]", "tok_visa"))
	return s.post(s.acting, "/v1/payment_methods/"+method.ID+"/attach", form("customer", customer.ID))
}

// payout pays money that a connected account has just been sent out to a bank account.
func (s *stage) payout(number string) subject {
	account := s.account()
	s.post(s.platform, "/v1/accounts/"+account, form("settings[payouts][schedule][interval]", "manual"))
	bank := s.bankAt(account, number)
	s.transfer(account)
	payout := s.create(s.as(account), "payout", "/v1/payouts", form("amount", "20000", "currency", "hkd", "destination", bank))
	return subject{client: s.as(account), object: payout.ID}
}

// gone is where a receiver of our own answers everything with 410. A server on
// another machine cannot reach it, and refuses to register it.
func (s *stage) gone() string {
	if s.err != nil {
		return ""
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.err = fmt.Errorf("listen for webhooks: %w", err)
		return ""
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }),
		ReadHeaderTimeout: time.Second,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // ends when the stage is closed
	}()
	s.closing = append(s.closing, func() { _ = server.Close(); <-ended })
	return "http://" + listener.Addr().String() + "/"
}

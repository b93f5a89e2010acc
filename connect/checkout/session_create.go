package checkout

import (
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Params are the parameters of a new session.
type Params struct {
	Mode               string         `form:"mode,required"`
	UIMode             string         `form:"ui_mode"`
	LineItems          []ItemParams   `form:"line_items"`
	IntentData         IntentData     `form:"payment_intent_data"`
	PaymentMethodTypes []string       `form:"payment_method_types"`
	SuccessURL         string         `form:"success_url"`
	CancelURL          string         `form:"cancel_url"`
	Customer           string         `form:"customer"`
	CustomerEmail      *string        `form:"customer_email"`
	ClientReferenceID  *string        `form:"client_reference_id"`
	ExpiresAt          *int64         `form:"expires_at"`
	Locale             string         `form:"locale"`
	Metadata           metadata.Patch `form:"metadata"`
}

// ItemParams are one line of what is bought.
type ItemParams struct {
	PriceData *PriceParams `form:"price_data"`
	Quantity  *int64       `form:"quantity"`
}

// PriceParams are the price of a line.
type PriceParams struct {
	Currency    string         `form:"currency,required"`
	UnitAmount  *int64         `form:"unit_amount"`
	ProductData *ProductParams `form:"product_data"`
}

// ProductParams are what a line is called.
type ProductParams struct {
	Name        string  `form:"name,required"`
	Description *string `form:"description"`
}

const (
	maxItems     = 100
	maxURL       = 2048
	maxName      = 250
	maxReference = 200
	maxQuantity  = 1_000_000
)

// Draft checks the parameters and makes the session they ask for, in memory: every
// receiver can receive, and there is somebody who takes the money.
func (s *Service) Draft(ctx context.Context, scope tenant.Scope, p Params) (*Session, error) {
	if err := p.check(scope.Livemode); err != nil {
		return nil, err
	}
	meta, err := p.Metadata.Apply(nil)
	if err != nil {
		return nil, err
	}
	mode := "test"
	if scope.Livemode {
		mode = "live"
	}
	now := s.now(scope.Livemode)
	session := &Session{
		ID: id.New("cs_" + mode), Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode,
		Status: Open, PaymentStatus: "unpaid", IntentData: p.IntentData, Customer: p.Customer, CustomerEmail: p.CustomerEmail,
		ClientReferenceID: p.ClientReferenceID, SuccessURL: p.SuccessURL, CancelURL: p.CancelURL, Locale: p.Locale,
		Metadata: meta, CreatedAt: now,
	}
	if session.ExpiresAt, err = expiry(now, p.ExpiresAt); err != nil {
		return nil, err
	}
	if err := session.fill(p.LineItems); err != nil {
		return nil, err
	}
	if err := s.cfg.Payments.CheckIntent(ctx, scope, session.params()); err != nil {
		return nil, intentFault(err)
	}
	if p.Customer != "" { // the page begins with what is known of the buyer
		customer, err := payment.NewCustomers(s.cfg.Payments.Methods).Get(ctx, s.cfg.Pool, scope, p.Customer)
		if err != nil {
			return nil, err
		}
		session.BuyerName, session.BuyerEmail = customer.Name, customer.Email
	}
	return session, nil
}

// Create keeps a drafted session.
func (s *Service) Create(ctx context.Context, tx bun.Tx, session *Session) error {
	return insertSession(ctx, tx, session)
}

func (p Params) check(livemode bool) error {
	switch {
	case p.Mode != "payment":
		return fault.Invalidf("parameter_invalid", "mode", "Invalid mode: only payment is supported, not %s.", cut(p.Mode))
	case !slices.Contains([]string{"", "hosted_page", "hosted"}, p.UIMode):
		return fault.Invalidf("parameter_invalid", "ui_mode", "Invalid ui_mode: only hosted_page is supported, not %s.", cut(p.UIMode))
	case p.SuccessURL == "":
		return fault.Missing("success_url")
	case p.Customer != "" && p.CustomerEmail != nil && *p.CustomerEmail != "":
		return fault.Invalidf("parameters_exclusive", "customer_email", "You may only specify one of these parameters: customer, customer_email.")
	case p.Locale != "" && !slices.Contains(locales, p.Locale):
		return fault.Invalidf("parameter_invalid", "locale", "Invalid locale: must be one of %s.", strings.Join(locales, ", "))
	}
	for i, kind := range p.PaymentMethodTypes {
		if kind != "card" {
			return fault.Invalidf("parameter_invalid", fmt.Sprintf("payment_method_types[%d]", i), "The payment method type %s is not set up here; use card.", cut(kind))
		}
	}
	if email := p.CustomerEmail; email != nil && *email != "" && !plausibleEmail(*email) {
		return fault.Invalidf("email_invalid", "customer_email", "Invalid email address: %s", cut(*email))
	}
	if err := checkURL("success_url", strings.ReplaceAll(p.SuccessURL, "{CHECKOUT_SESSION_ID}", "cs"), livemode); err != nil {
		return err
	}
	if p.CancelURL != "" {
		if err := checkURL("cancel_url", p.CancelURL, livemode); err != nil {
			return err
		}
	}
	if r := p.ClientReferenceID; r != nil {
		if len(*r) > maxReference {
			return fault.Invalidf("parameter_invalid", "client_reference_id", "client_reference_id must be at most %d characters.", maxReference)
		}
		if err := cardnumber.Refuse("client_reference_id", *r); err != nil {
			return err
		}
	}
	return cardnumber.RefuseIn("metadata", p.Metadata.Set)
}

// locales are the values of the API. The pages speak two languages; who asks for
// another one gets what the browser prefers.
var locales = []string{
	"auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id", "it", "ja", "ko",
	"lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
}

// expiry is when the session ends: a day from now, or when it was asked to.
func expiry(now time.Time, asked *int64) (time.Time, error) {
	if asked == nil {
		return now.Add(longest), nil
	}
	at := time.Unix(*asked, 0).UTC()
	// Whole seconds are asked for: what was reckoned from the second that now is in is not too early.
	if from := now.Truncate(time.Second); at.Before(from.Add(shortest)) || at.After(now.Add(longest)) {
		return at, fault.Invalidf("parameter_invalid_integer", "expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.")
	}
	return at, nil
}

// fill adds up what is bought.
func (s *Session) fill(items []ItemParams) error {
	switch {
	case len(items) == 0:
		return fault.Missing("line_items")
	case len(items) > maxItems:
		return fault.Invalidf("parameter_invalid", "line_items", "A session has at most %d line items.", maxItems)
	}
	for i, p := range items {
		at := fmt.Sprintf("line_items[%d]", i)
		item, currency, err := p.item(at)
		if err != nil {
			return err
		}
		if s.Currency == "" {
			s.Currency = currency
		}
		if currency != s.Currency {
			return fault.Invalidf("parameter_invalid", at+"[price_data][currency]", "All line items must have the same currency: this one has %s, an earlier one %s.", currency, s.Currency)
		}
		if item.UnitAmount > money.MaxMinor/item.Quantity || s.Amount > money.MaxMinor-item.UnitAmount*item.Quantity {
			return fault.Invalidf("amount_too_large", at+"[price_data][unit_amount]", "The total must be no more than %s.", money.MaximumCharge(currency))
		}
		s.Amount += item.UnitAmount * item.Quantity
		s.LineItems = append(s.LineItems, item)
	}
	return nil
}

func (p ItemParams) item(at string) (Item, money.Currency, error) {
	switch {
	case p.PriceData == nil:
		return Item{}, "", fault.Missing(at + "[price_data]")
	case p.PriceData.ProductData == nil:
		return Item{}, "", fault.Missing(at + "[price_data][product_data]")
	case p.PriceData.UnitAmount == nil:
		return Item{}, "", fault.Missing(at + "[price_data][unit_amount]")
	case *p.PriceData.UnitAmount < 0:
		return Item{}, "", fault.Invalidf("parameter_invalid_integer", at+"[price_data][unit_amount]", "This value must be greater than or equal to 0.")
	case p.Quantity == nil:
		return Item{}, "", fault.Missing(at + "[quantity]")
	case *p.Quantity < 1 || *p.Quantity > maxQuantity:
		return Item{}, "", fault.Invalidf("parameter_invalid_integer", at+"[quantity]", "This value must be between 1 and %d.", maxQuantity)
	}
	currency, err := money.ParseCurrency(p.PriceData.Currency)
	if err != nil {
		return Item{}, "", fault.Invalidf("currency_not_supported", at+"[price_data][currency]", "Invalid currency: %s", cut(p.PriceData.Currency))
	}
	item := Item{
		ID: id.New("li"), Price: id.New("price"), Product: id.New("prod"), Name: p.PriceData.ProductData.Name,
		UnitAmount: *p.PriceData.UnitAmount, Quantity: *p.Quantity,
	}
	if d := p.PriceData.ProductData.Description; d != nil {
		item.Description = *d
	}
	for _, text := range []struct{ param, value string }{{"name", item.Name}, {"description", item.Description}} {
		param := at + "[price_data][product_data][" + text.param + "]"
		if len([]rune(text.value)) > maxName {
			return Item{}, "", fault.Invalidf("parameter_invalid", param, "This value must be at most %d characters.", maxName)
		}
		if err := cardnumber.Refuse(param, text.value); err != nil {
			return Item{}, "", err
		}
	}
	return item, currency, nil
}

// intentFault names the parameter of a session behind a refusal of its intent.
func intentFault(err error) error {
	f := fault.As(err)
	if f == nil {
		return err
	}
	named := *f
	switch name, rest, _ := strings.Cut(f.Param, "["); name {
	case "amount", "currency":
		named.Param = "line_items"
	case "customer", "":
	default:
		named.Param = "payment_intent_data[" + name + "]"
		if rest != "" {
			named.Param += "[" + rest
		}
	}
	return &named
}

// checkURL wants an address that a browser can be sent to: https in live mode.
func checkURL(param, value string, livemode bool) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(value) > maxURL || strings.ContainsFunc(value, unprintable):
	case u.Scheme == "https" || u.Scheme == "http" && !livemode:
		return nil
	case u.Scheme == "http":
		return fault.Invalidf("url_invalid", param, "Livemode requests must always be redirected via HTTPS: %s", param)
	}
	return fault.Invalidf("url_invalid", param, "Not a valid URL: %s", param)
}

func unprintable(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f }

const maxEmail = 254

func plausibleEmail(text string) bool {
	at, err := mail.ParseAddress(text)
	return err == nil && at.Address == text && len(text) <= maxEmail && strings.Contains(text[strings.LastIndexByte(text, '@'):], ".")
}

// cut keeps what a message repeats short.
func cut(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

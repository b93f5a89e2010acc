package payment

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/processor/cardsim"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Method is an instrument to pay with. It knows the card's face and the
// processor's handle of it, never its number.
type Method struct {
	ID       string // pm_…, or card_… for what came as a source
	Account  string
	Livemode bool

	Handle      string // what the processor calls it
	Brand       string // visa, mastercard, amex, discover, diners, jcb, unionpay
	Last4       string
	ExpMonth    int
	ExpYear     int
	Country     string // of the issuer
	Funding     string // credit, debit, prepaid
	Fingerprint string // equal for the same card
	CVCCheck    string // pass, fail, unavailable, unchecked or ""

	Billing        wire.BillingDetails
	AllowRedisplay string
	Customer       string // cus_… once attached
	Metadata       map[string]string
	CreatedAt      time.Time
	Version        int64 // events so far; making one is not an event

	fresh bool   // not in the database yet: Keep puts it there
	token string // the tok_… it was made of, to be used up
}

// MethodConfig is what Methods, Tokens and Customers stand on.
type MethodConfig struct {
	Clocks  clock.Modes
	Log     connect.Log
	Keyring *secret.Keyring // seals bank account numbers of tokens
	Pepper  secret.Pepper   // purpose "fingerprints"
}

// Methods keeps payment methods.
type Methods struct {
	pool *bun.DB
	cfg  MethodConfig
}

// NewMethods keeps payment methods in pool.
func NewMethods(pool *bun.DB, cfg MethodConfig) *Methods { return &Methods{pool: pool, cfg: cfg} }

// Pool is where reads outside a transaction go.
func (m *Methods) Pool() *bun.DB { return m.pool }

// Clock is business time of a mode.
func (m *Methods) Clock(livemode bool) clock.Clock { return m.cfg.Clocks.For(livemode) }

// The year in which the cards behind test handles expire.
const handleExpiry = 2034

// Resolve finds what ref means as the value of param: a method (pm_…, card_…),
// an unused token (tok_…) or, in test mode, a test handle (tok_visa,
// pm_card_visa). It only reads: a method made of a token or a handle is new, and
// Keep must write it in the transaction that first refers to it.
//
// Fails with Invalid: resource_missing, token_already_used, or a card number
// where a reference belongs.
func (m *Methods) Resolve(ctx context.Context, idb bun.IDB, scope tenant.Scope, param, ref string) (Method, error) {
	if err := cardnumber.Refuse(param, ref); err != nil {
		return Method{}, err
	}
	if !scope.Livemode && (strings.HasPrefix(ref, "tok_") || strings.HasPrefix(ref, "pm_card_")) {
		if card, known := cardsim.ByHandle(ref); known {
			return m.ofHandle(scope, ref, card), nil
		}
	}
	if strings.HasPrefix(ref, "tok_") {
		return m.ofToken(ctx, idb, scope, param, ref)
	}
	method, found, err := findMethod(ctx, idb, scope, ref, false)
	if err != nil {
		return Method{}, err
	}
	if !found {
		return Method{}, missingRef(param, "PaymentMethod", ref)
	}
	return method, nil
}

// DefaultOf is the method a customer is charged with unless told otherwise: the
// default source, or else the default payment method of invoices. It fails with
// Invalid when the customer is unknown or has none.
func (m *Methods) DefaultOf(ctx context.Context, idb bun.IDB, scope tenant.Scope, customer string) (string, error) {
	c, found, err := findCustomer(ctx, idb, scope, customer, false)
	switch {
	case err != nil:
		return "", err
	case !found:
		return "", missingRef("customer", "customer", customer)
	case c.DefaultSource != "":
		return c.DefaultSource, nil
	case c.DefaultPaymentMethod != "":
		return c.DefaultPaymentMethod, nil
	}
	return "", &fault.Error{Kind: fault.Declined, Code: "missing", Param: "card", Message: "Cannot charge a customer that has no active card"}
}

// Keep writes methods that Resolve made, many in one statement, and uses up
// their tokens. It fails with Invalid token_already_used if somebody else was faster;
// a batch then has to be tried in parts.
func (m *Methods) Keep(ctx context.Context, tx bun.Tx, at time.Time, methods ...Method) error {
	var made []Method
	var tokens []string
	for _, method := range methods {
		if !method.fresh {
			continue
		}
		method.CreatedAt = at
		made = append(made, method)
		if method.token != "" {
			tokens = append(tokens, method.token)
		}
	}
	if err := useTokens(ctx, tx, at, tokens); err != nil {
		return err
	}
	return methodTable.Insert(ctx, tx, made)
}

func missingRef(param, noun, ref string) error {
	return fault.Invalidf("resource_missing", param, "No such %s: '%s'", noun, ref)
}

// ofHandle is a fresh method of a sandbox card; a source becomes card_…, as in the older API.
func (m *Methods) ofHandle(scope tenant.Scope, ref string, card cardsim.Card) Method {
	prefix := "pm"
	if strings.HasPrefix(ref, "tok_") {
		prefix = "card"
	}
	method := m.ofCard(scope, prefix, card)
	method.ExpMonth, method.ExpYear = 12, handleExpiry
	return method
}

func (m *Methods) ofCard(scope tenant.Scope, prefix string, card cardsim.Card) Method {
	sum := m.cfg.Pepper.Sum(secret.New("sandbox card|" + card.Brand + "|" + card.Last4 + "|" + card.Handle))
	return Method{
		ID: id.New(prefix), Account: scope.Account, Livemode: scope.Livemode, Handle: card.Handle, Brand: card.Brand, Last4: card.Last4,
		Country: card.Country, Funding: card.Funding, Fingerprint: hex.EncodeToString(sum[:8]),
		AllowRedisplay: "unspecified", Metadata: map[string]string{}, fresh: true,
	}
}

// ofToken is the method a card token stands for.
func (m *Methods) ofToken(ctx context.Context, idb bun.IDB, scope tenant.Scope, param, ref string) (Method, error) {
	t, found, err := findToken(ctx, idb, scope, ref)
	switch {
	case err != nil:
		return Method{}, err
	case !found || t.Card == nil:
		return Method{}, missingRef(param, "token", ref)
	case !t.UsedAt.IsZero():
		return Method{}, alreadyUsed(param, ref)
	}
	method := *t.Card
	method.Account, method.Livemode, method.fresh, method.token = t.Account, t.Livemode, true, ref
	return method, nil
}

func alreadyUsed(param, token string) error {
	return fault.Invalidf("token_already_used", param, "You cannot use a token more than once: %s.", token)
}

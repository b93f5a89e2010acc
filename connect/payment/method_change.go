package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/connect/processor/cardsim"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// MethodParams are the parameters of a new payment method.
type MethodParams struct {
	Type           string               `form:"type"`
	Card           *MethodCardParams    `form:"card"`
	BillingDetails *wire.BillingDetails `form:"billing_details"`
	AllowRedisplay string               `form:"allow_redisplay"`
	Metadata       metadata.Patch       `form:"metadata"`
	RadarOptions   passedOver           `form:"radar_options"`
}

// MethodCardParams are a token or, in test mode, a test card's details.
type MethodCardParams struct {
	Token    string     `form:"token"`
	Networks passedOver `form:"networks"`
	CardParams
}

// MethodUpdate are the parameters a payment method can be changed by.
type MethodUpdate struct {
	Card *struct {
		ExpMonth *int64     `form:"exp_month"`
		ExpYear  *int64     `form:"exp_year"`
		Networks passedOver `form:"networks"`
	} `form:"card"`
	BillingDetails *wire.BillingDetails `form:"billing_details"`
	AllowRedisplay *string              `form:"allow_redisplay"`
	Metadata       metadata.Patch       `form:"metadata"`
}

// passedOver is a parameter of Stripe's API that is accepted and has no meaning here.
type passedOver struct{}

// DecodeParam reads nothing.
func (*passedOver) DecodeParam(string, any) error { return nil }

// Create makes a payment method of a token or a test card.
func (m *Methods) Create(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, p MethodParams) (Method, error) {
	if p.Type != "card" && (p.Type != "" || p.Card == nil) {
		return Method{}, fault.Invalidf("", "type", "Invalid type: only card payment methods are supported.")
	}
	if p.Card == nil {
		return Method{}, fault.Missing("card")
	}
	method, err := m.ofParams(ctx, tx, at, scope, *p.Card)
	if err != nil {
		return Method{}, err
	}
	method.CreatedAt = at
	patch.Apply(&method.Billing, p.BillingDetails)
	if p.AllowRedisplay != "" {
		method.AllowRedisplay = p.AllowRedisplay
	}
	if err := method.check(); err != nil {
		return Method{}, err
	}
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return Method{}, err
	}
	if method.Metadata, err = p.Metadata.Apply(nil); err != nil {
		return Method{}, err
	}
	return method, m.Keep(ctx, tx, at, method)
}

func (m *Methods) ofParams(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, p MethodCardParams) (Method, error) {
	if p.Token == "" {
		return m.ofNumber(scope, at, "pm", "card", p.CardParams)
	}
	method, err := m.Resolve(ctx, tx, scope, "card[token]", p.Token)
	method.ID = id.New("pm")
	return method, err
}

func (m Method) check() error {
	switch m.AllowRedisplay {
	case "always", "limited", "unspecified":
		return nil
	}
	return fault.Invalidf("", "allow_redisplay", "Invalid allow_redisplay: must be one of always, limited, or unspecified")
}

// Get is a payment method of scope's account.
func (m *Methods) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, method string) (Method, error) {
	found, ok, err := findMethod(ctx, idb, scope, method, false)
	if err == nil && !ok {
		err = fault.NoSuch("PaymentMethod", method)
	}
	return found, err
}

// OfCustomer is a payment method that is attached to customer.
func (m *Methods) OfCustomer(ctx context.Context, idb bun.IDB, scope tenant.Scope, customer, method string) (Method, error) {
	found, err := m.Get(ctx, idb, scope, method)
	if err == nil && found.Customer != customer {
		err = fault.NoSuch("PaymentMethod", method)
	}
	return found, err
}

// Update changes a payment method.
func (m *Methods) Update(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, method string, p MethodUpdate) (Method, error) {
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return Method{}, err
	}
	return m.change(ctx, tx, at, scope, method, "payment_method.updated", func(method *Method) (err error) {
		patch.Apply(&method.Billing, p.BillingDetails)
		if p.AllowRedisplay != nil {
			method.AllowRedisplay = *p.AllowRedisplay
		}
		if p.Card != nil && p.Card.ExpMonth != nil {
			method.ExpMonth = int(*p.Card.ExpMonth)
		}
		if p.Card != nil && p.Card.ExpYear != nil {
			method.ExpYear = int(*p.Card.ExpYear)
		}
		if method.ExpMonth < 1 || method.ExpMonth > 12 || method.ExpYear < 1970 || method.ExpYear > 2199 {
			return fault.Invalidf("invalid_expiry_month", "card[exp_month]", "Your card's expiration date is invalid.")
		}
		if method.Metadata, err = p.Metadata.Apply(method.Metadata); err != nil {
			return err
		}
		return method.check()
	})
}

// Attach gives a payment method to a customer for later use; ref may also be a
// test handle, which makes a new method. Cards that issuers always refuse are
// declined already here.
func (m *Methods) Attach(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, ref, customer string) (Method, error) {
	if customer == "" {
		return Method{}, fault.Missing("customer")
	}
	if _, found, err := findCustomer(ctx, tx, scope, customer, false); err != nil || !found {
		if err == nil {
			err = missingRef("customer", "customer", customer)
		}
		return Method{}, err
	}
	return m.attach(ctx, tx, at, scope, "payment_method", ref, customer)
}

// attach is Attach to a customer known to exist; ref comes from param.
func (m *Methods) attach(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, param, ref, customer string) (Method, error) {
	method, err := m.Resolve(ctx, tx, scope, param, ref)
	if err != nil {
		return Method{}, err
	}
	if card, known := cardsim.ByHandle(method.Handle); known && !scope.Livemode {
		if err := card.CheckAttach(); err != nil {
			return Method{}, err
		}
	}
	if err := m.Keep(ctx, tx, at, method); err != nil {
		return Method{}, err
	}
	return m.change(ctx, tx, at, scope, method.ID, "payment_method.attached", func(method *Method) error {
		if method.Customer != "" && method.Customer != customer {
			return fault.Invalidf("payment_method_unexpected_state", param,
				"The payment method you provided has already been attached to a customer.")
		}
		method.Customer = customer
		return nil
	})
}

// Detach takes a payment method away from its customer, for good.
func (m *Methods) Detach(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, method string) (Method, error) {
	return m.change(ctx, tx, at, scope, method, "payment_method.detached", func(method *Method) error {
		if method.Customer == "" {
			return fault.Invalidf("payment_method_unexpected_state", "payment_method",
				"The payment method you provided is not attached to a customer so detachment is impossible.")
		}
		if err := forgetDefaults(ctx, tx, method.Customer, method.ID); err != nil {
			return err
		}
		method.Customer = ""
		return nil
	})
}

// change edits a method under its row lock and records the event, if something became different.
func (m *Methods) change(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, ref, kind string, edit func(*Method) error) (Method, error) {
	method, found, err := findMethod(ctx, tx, scope, ref, true)
	if err != nil {
		return Method{}, err
	}
	if !found {
		return Method{}, fault.NoSuch("PaymentMethod", ref)
	}
	before, err := json.Marshal(method.Wire())
	if err != nil {
		return Method{}, fmt.Errorf("encode payment method: %w", err)
	}
	if err := edit(&method); err != nil {
		return Method{}, err
	}
	previous, err := patch.Changed(json.RawMessage(before), method.Wire())
	if err != nil || previous == nil {
		return method, err
	}
	method.Version++
	if err := updateMethod(ctx, tx, method); err != nil {
		return Method{}, err
	}
	e, err := changeEvent(ctx, at, scope, kind, method.ID, method.Version, method.Wire(), previous)
	if err != nil {
		return Method{}, err
	}
	return method, m.cfg.Log.Append(ctx, tx, e)
}

// changeEvent is the event of a change to an object of scope's account.
func changeEvent(ctx context.Context, at time.Time, scope tenant.Scope, kind, object string, version int64, shown any, previous json.RawMessage) (event.Event, error) {
	raw, err := json.Marshal(shown)
	if err != nil {
		return event.Event{}, fmt.Errorf("encode %s: %w", kind, err)
	}
	origin := event.OriginOf(ctx)
	return event.Event{
		ID: id.New("evt"), Type: kind, Account: scope.Account, Platform: scope.Platform, Livemode: scope.Livemode, ObjectID: object,
		ObjectVersion: version, Object: raw, Previous: previous, RequestID: origin.RequestID, IdempotencyKey: origin.IdempotencyKey, CreatedAt: at,
	}, nil
}

var _ connect.BankTokens = (*Tokens)(nil)

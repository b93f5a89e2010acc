package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Customer is somebody who pays one account.
type Customer struct {
	ID                   string // cus_…
	Account              string
	Livemode             bool
	Email                string
	Name                 string
	Phone                string
	Description          string
	Address              *wire.Address
	Shipping             *wire.CustomerShipping
	PreferredLocales     []string
	TaxExempt            string // none, exempt or reverse
	InvoicePrefix        string
	Footer               string
	DefaultPaymentMethod string // pm_… or ""
	DefaultSource        string // card_… or ""
	Metadata             map[string]string
	CreatedAt            time.Time
	Version              int64
}

// CustomerParams are the parameters of a customer. On update, absent ones change nothing.
type CustomerParams struct {
	Email            *string                `form:"email"`
	Name             *string                `form:"name"`
	Phone            *string                `form:"phone"`
	Description      *string                `form:"description"`
	Address          *wire.Address          `form:"address"`
	Shipping         *wire.CustomerShipping `form:"shipping"`
	PreferredLocales []string               `form:"preferred_locales"`
	TaxExempt        *string                `form:"tax_exempt"`
	InvoicePrefix    *string                `form:"invoice_prefix"`
	InvoiceSettings  *struct {
		DefaultPaymentMethod *string    `form:"default_payment_method"`
		Footer               *string    `form:"footer"`
		CustomFields         passedOver `form:"custom_fields"`
		RenderingOptions     passedOver `form:"rendering_options"`
	} `form:"invoice_settings"`
	Source        string         `form:"source"` // attached, and the default source from then on
	Metadata      metadata.Patch `form:"metadata"`
	Tax           passedOver     `form:"tax"`
	CashBalance   passedOver     `form:"cash_balance"`
	NextInvoice   passedOver     `form:"next_invoice_sequence"`
	BusinessName  passedOver     `form:"business_name"`
	PersonalNames passedOver     `form:"individual_name"`
}

// Customers keeps customers.
type Customers struct{ methods *Methods }

// NewCustomers keeps customers beside methods.
func NewCustomers(methods *Methods) *Customers { return &Customers{methods: methods} }

// Create makes a customer of scope's account; method (may be "") is attached to it.
func (s *Customers) Create(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, method string, p CustomerParams) (Customer, error) {
	c := Customer{
		ID: id.New("cus"), Account: scope.Account, Livemode: scope.Livemode, PreferredLocales: []string{}, TaxExempt: "none",
		Metadata: map[string]string{}, CreatedAt: at, Version: 1,
	}
	c.InvoicePrefix = strings.ToUpper(c.ID[len(c.ID)-8:])
	if err := c.apply(p); err != nil {
		return Customer{}, err
	}
	// The row comes first: methods are attached to a customer that is there.
	if err := insertCustomer(ctx, tx, c); err != nil {
		return Customer{}, err
	}
	if method != "" {
		if _, err := s.methods.attach(ctx, tx, at, scope, "payment_method", method, c.ID); err != nil {
			return Customer{}, err
		}
	}
	if err := s.applyDefaults(ctx, tx, at, scope, &c, p); err != nil {
		return Customer{}, err
	}
	if err := updateCustomer(ctx, tx, c); err != nil {
		return Customer{}, err
	}
	return c, s.tell(ctx, tx, at, scope, "customer.created", c, nil)
}

// Get is a customer of scope's account.
func (s *Customers) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, customer string) (Customer, error) {
	return mustFindCustomer(ctx, idb, scope, customer, false)
}

// Update changes a customer.
func (s *Customers) Update(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, customer string, defaultSource *string, p CustomerParams) (Customer, error) {
	c, err := mustFindCustomer(ctx, tx, scope, customer, true)
	if err != nil {
		return Customer{}, err
	}
	before, err := json.Marshal(c.Wire())
	if err != nil {
		return Customer{}, fmt.Errorf("encode customer: %w", err)
	}
	if err := c.apply(p); err != nil {
		return Customer{}, err
	}
	if err := s.applyDefaults(ctx, tx, at, scope, &c, p); err != nil {
		return Customer{}, err
	}
	if defaultSource != nil {
		if err := s.mustBelong(ctx, tx, scope, "default_source", *defaultSource, c.ID); err != nil {
			return Customer{}, err
		}
		c.DefaultSource = *defaultSource
	}
	previous, err := patch.Changed(json.RawMessage(before), c.Wire())
	if err != nil || previous == nil {
		return c, err
	}
	c.Version++
	if err := updateCustomer(ctx, tx, c); err != nil {
		return Customer{}, err
	}
	return c, s.tell(ctx, tx, at, scope, "customer.updated", c, previous)
}

// Delete removes a customer and detaches its payment methods.
func (s *Customers) Delete(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, customer string) error {
	c, err := mustFindCustomer(ctx, tx, scope, customer, true)
	if err != nil {
		return err
	}
	methods, err := methodsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, method := range methods {
		if _, err := s.methods.Detach(ctx, tx, at, scope, method); err != nil {
			return err
		}
	}
	c.Version++
	if err := deleteCustomer(ctx, tx, at, c); err != nil {
		return err
	}
	return s.tell(ctx, tx, at, scope, "customer.deleted", c, nil)
}

func (s *Customers) tell(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, kind string, c Customer, previous json.RawMessage) error {
	e, err := changeEvent(ctx, at, scope, kind, c.ID, c.Version, c.Wire(), previous)
	if err != nil {
		return err
	}
	return s.methods.cfg.Log.Append(ctx, tx, e)
}

// apply lays the plain parameters over c.
func (c *Customer) apply(p CustomerParams) (err error) {
	for into, given := range map[*string]*string{
		&c.Email: p.Email, &c.Name: p.Name, &c.Phone: p.Phone, &c.Description: p.Description,
		&c.InvoicePrefix: p.InvoicePrefix, &c.TaxExempt: p.TaxExempt,
	} {
		if given != nil {
			*into = *given
		}
	}
	switch c.TaxExempt {
	case "none", "exempt", "reverse":
	case "":
		c.TaxExempt = "none"
	default:
		return fault.Invalidf("", "tax_exempt", "Invalid tax_exempt: must be one of none, exempt, or reverse")
	}
	if len(c.Email) > 512 || c.Email != "" && !strings.Contains(c.Email, "@") {
		return fault.Invalidf("email_invalid", "email", "Invalid email address: %s", c.Email)
	}
	for param, text := range map[string]string{"name": c.Name, "description": c.Description, "source": p.Source} {
		if err := cardnumber.Refuse(param, text); err != nil {
			return err
		}
	}
	c.Address, c.Shipping = laid(c.Address, p.Address), laid(c.Shipping, p.Shipping)
	if p.PreferredLocales != nil {
		c.PreferredLocales = p.PreferredLocales
	}
	if p.InvoiceSettings != nil && p.InvoiceSettings.Footer != nil {
		c.Footer = *p.InvoiceSettings.Footer
	}
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return err
	}
	c.Metadata, err = p.Metadata.Apply(c.Metadata)
	return err
}

// laid is old with params over it; old itself is left alone.
func laid[T any](old, params *T) *T {
	if params == nil {
		return old
	}
	next := new(T)
	if old != nil {
		*next = *old
	}
	patch.Apply(next, params)
	return next
}

// applyDefaults sets what the customer is charged with.
func (s *Customers) applyDefaults(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, c *Customer, p CustomerParams) error {
	if p.Source != "" {
		method, err := s.methods.attach(ctx, tx, at, scope, "source", p.Source, c.ID)
		if err != nil {
			return err
		}
		c.DefaultSource = method.ID
	}
	if p.InvoiceSettings == nil || p.InvoiceSettings.DefaultPaymentMethod == nil {
		return nil
	}
	method := *p.InvoiceSettings.DefaultPaymentMethod
	if method != "" {
		if err := s.mustBelong(ctx, tx, scope, "invoice_settings[default_payment_method]", method, c.ID); err != nil {
			return err
		}
	}
	c.DefaultPaymentMethod = method
	return nil
}

func (s *Customers) mustBelong(ctx context.Context, tx bun.Tx, scope tenant.Scope, param, method, customer string) error {
	m, err := s.methods.Resolve(ctx, tx, scope, param, method)
	if err != nil {
		return err
	}
	if m.Customer != customer {
		return fault.Invalidf("resource_missing", param, "The customer does not have a payment method with the ID %s. "+
			"The payment method must be attached to the customer.", method)
	}
	return nil
}

// Wire is the customer as the API shows it.
func (c Customer) Wire() wire.Customer {
	return wire.Customer{
		ID: c.ID, Object: "customer", Address: c.Address, Created: wire.Unix(c.CreatedAt), DefaultSource: wire.To(c.DefaultSource),
		Description: wire.Nullable(c.Description), Email: wire.Nullable(c.Email), InvoicePrefix: wire.Nullable(c.InvoicePrefix),
		InvoiceSettings: wire.CustomerInvoiceSettings{DefaultPaymentMethod: wire.To(c.DefaultPaymentMethod), Footer: wire.Nullable(c.Footer)},
		Livemode:        c.Livemode, Metadata: shownMetadata(c.Metadata), Name: wire.Nullable(c.Name), NextInvoiceSequence: 1,
		Phone: wire.Nullable(c.Phone), PreferredLocales: c.PreferredLocales, Shipping: c.Shipping, TaxExempt: c.TaxExempt,
	}
}

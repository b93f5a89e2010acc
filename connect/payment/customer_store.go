package payment

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type customerRow struct {
	bun.BaseModel `bun:"table:connect.customers,alias:cu"`

	ID                   string `bun:",pk"`
	Account              string
	Livemode             bool
	Email                string
	Name                 string
	Phone                string
	Description          string
	Address              json.RawMessage `bun:"type:jsonb"`
	Shipping             json.RawMessage `bun:"type:jsonb"`
	PreferredLocales     []string        `bun:"type:jsonb"`
	TaxExempt            string
	InvoicePrefix        string
	Footer               string
	DefaultPaymentMethod string
	DefaultSource        string
	Metadata             map[string]string `bun:"type:jsonb"`
	CreatedAt            time.Time
	Version              int64
}

func rowOfCustomer(c Customer) (*customerRow, error) {
	row := &customerRow{
		ID: c.ID, Account: c.Account, Livemode: c.Livemode, Email: c.Email, Name: c.Name, Phone: c.Phone, Description: c.Description,
		PreferredLocales: c.PreferredLocales, TaxExempt: c.TaxExempt, InvoicePrefix: c.InvoicePrefix, Footer: c.Footer,
		DefaultPaymentMethod: c.DefaultPaymentMethod, DefaultSource: c.DefaultSource, Metadata: c.Metadata, CreatedAt: c.CreatedAt, Version: c.Version,
	}
	var err error
	if row.Address, err = json.Marshal(c.Address); err != nil {
		return nil, fmt.Errorf("encode address: %w", err)
	}
	if row.Shipping, err = json.Marshal(c.Shipping); err != nil {
		return nil, fmt.Errorf("encode shipping: %w", err)
	}
	return row, nil
}

func (r customerRow) customer() (Customer, error) {
	c := Customer{
		ID: r.ID, Account: r.Account, Livemode: r.Livemode, Email: r.Email, Name: r.Name, Phone: r.Phone, Description: r.Description,
		PreferredLocales: r.PreferredLocales, TaxExempt: r.TaxExempt, InvoicePrefix: r.InvoicePrefix, Footer: r.Footer,
		DefaultPaymentMethod: r.DefaultPaymentMethod, DefaultSource: r.DefaultSource, Metadata: r.Metadata, CreatedAt: r.CreatedAt, Version: r.Version,
	}
	if err := errors.Join(json.Unmarshal(r.Address, &c.Address), json.Unmarshal(r.Shipping, &c.Shipping)); err != nil {
		return Customer{}, fmt.Errorf("decode customer %s: %w", r.ID, err)
	}
	return c, nil
}

// findCustomer is a customer of scope's account that is not deleted, its row locked if asked for.
func findCustomer(ctx context.Context, idb bun.IDB, scope tenant.Scope, customer string, lock bool) (Customer, bool, error) {
	var row customerRow
	q := idb.NewSelect().Model(&row).Where("cu.id = ? AND cu.account = ? AND cu.livemode = ? AND cu.deleted_at IS NULL", customer, scope.Account, scope.Livemode)
	if lock {
		q = q.For("UPDATE") // versions of one customer must follow each other
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Customer{}, false, nil
	}
	if err != nil {
		return Customer{}, false, fmt.Errorf("load customer: %w", err)
	}
	c, err := row.customer()
	return c, err == nil, err
}

func mustFindCustomer(ctx context.Context, idb bun.IDB, scope tenant.Scope, customer string, lock bool) (Customer, error) {
	c, found, err := findCustomer(ctx, idb, scope, customer, lock)
	if err == nil && !found {
		err = fault.NoSuch("customer", customer)
	}
	return c, err
}

// List is a page of customers; email (may be "") narrows to an exact address.
func (s *Customers) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, email string, p page.Params, created page.Range) (page.Of[Customer], error) {
	within := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("cu.account = ? AND cu.livemode = ? AND cu.deleted_at IS NULL", scope.Account, scope.Livemode)
	}
	rows, err := page.Fetch[customerRow](ctx, idb, p, "customer", within, func(q *bun.SelectQuery) *bun.SelectQuery {
		if email != "" {
			q = q.Where("cu.email = ?", email)
		}
		return created.Apply(q, "cu.created_at")
	})
	if err != nil {
		return page.Of[Customer]{}, err
	}
	customers := make([]Customer, len(rows.Items))
	for i, row := range rows.Items {
		if customers[i], err = row.customer(); err != nil {
			return page.Of[Customer]{}, err
		}
	}
	return page.Of[Customer]{Items: customers, HasMore: rows.HasMore}, nil
}

func insertCustomer(ctx context.Context, tx bun.Tx, c Customer) error {
	row, err := rowOfCustomer(c)
	if err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("insert customer: %w", err)
	}
	return nil
}

func updateCustomer(ctx context.Context, tx bun.Tx, c Customer) error {
	row, err := rowOfCustomer(c)
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model(row).WherePK().Column("email", "name", "phone", "description", "address", "shipping", "preferred_locales",
		"tax_exempt", "invoice_prefix", "footer", "default_payment_method", "default_source", "metadata", "version").Exec(ctx)
	if err != nil {
		return fmt.Errorf("update customer: %w", err)
	}
	return nil
}

func deleteCustomer(ctx context.Context, tx bun.Tx, at time.Time, c Customer) error {
	_, err := tx.NewUpdate().Model((*customerRow)(nil)).Set("deleted_at = ?, version = ?", at, c.Version).Where("id = ?", c.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete customer: %w", err)
	}
	return nil
}

// methodsOf is the ids of a customer's payment methods.
func methodsOf(ctx context.Context, tx bun.Tx, customer string) ([]string, error) {
	var ids []string
	if err := tx.NewSelect().Model((*methodRow)(nil)).Column("id").Where("m.customer = ?", customer).OrderExpr("m.id").Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("list payment methods: %w", err)
	}
	return ids, nil
}

// forgetDefaults takes a detached method out of its customer's defaults. The
// customer's version stays: the detachment's own event tells about it.
func forgetDefaults(ctx context.Context, tx bun.Tx, customer, method string) error {
	_, err := tx.NewUpdate().Model((*customerRow)(nil)).
		Set("default_payment_method = CASE WHEN default_payment_method = ? THEN '' ELSE default_payment_method END", method).
		Set("default_source = CASE WHEN default_source = ? THEN '' ELSE default_source END", method).
		Where("id = ?", customer).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget default payment method: %w", err)
	}
	return nil
}

package payment

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

type methodRow struct {
	bun.BaseModel `bun:"table:connect.payment_methods,alias:m"`

	ID             string `bun:",pk"`
	Account        string
	Livemode       bool
	Handle         string
	Brand          string
	Last4          string
	ExpMonth       int
	ExpYear        int
	Country        string
	Funding        string
	Fingerprint    string
	CVCCheck       string              `bun:"cvc_check"`
	BillingDetails wire.BillingDetails `bun:"type:jsonb"`
	AllowRedisplay string
	Customer       sql.NullString
	Metadata       map[string]string `bun:"type:jsonb"`
	CreatedAt      time.Time
	Version        int64
}

func rowOfMethod(m Method) methodRow {
	return methodRow{
		ID: m.ID, Account: m.Account, Livemode: m.Livemode, Handle: m.Handle, Brand: m.Brand, Last4: m.Last4, ExpMonth: m.ExpMonth,
		ExpYear: m.ExpYear, Country: m.Country, Funding: m.Funding, Fingerprint: m.Fingerprint, CVCCheck: m.CVCCheck,
		BillingDetails: m.Billing, AllowRedisplay: m.AllowRedisplay, Customer: sql.NullString{String: m.Customer, Valid: m.Customer != ""},
		Metadata: m.Metadata, CreatedAt: m.CreatedAt, Version: m.Version,
	}
}

func (r methodRow) method() Method {
	return Method{
		ID: r.ID, Account: r.Account, Livemode: r.Livemode, Handle: r.Handle, Brand: r.Brand, Last4: r.Last4, ExpMonth: r.ExpMonth,
		ExpYear: r.ExpYear, Country: r.Country, Funding: r.Funding, Fingerprint: r.Fingerprint, CVCCheck: r.CVCCheck,
		Billing: r.BillingDetails, AllowRedisplay: r.AllowRedisplay, Customer: r.Customer.String, Metadata: r.Metadata,
		CreatedAt: r.CreatedAt, Version: r.Version,
	}
}

// findMethod is a method of scope's account, its row locked if asked for.
func findMethod(ctx context.Context, idb bun.IDB, scope tenant.Scope, method string, lock bool) (Method, bool, error) {
	var row methodRow
	q := idb.NewSelect().Model(&row).Where("m.id = ? AND m.account = ? AND m.livemode = ?", method, scope.Account, scope.Livemode)
	if lock {
		q = q.For("UPDATE") // versions of one method must follow each other
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Method{}, false, nil
	}
	if err != nil {
		return Method{}, false, fmt.Errorf("load payment method: %w", err)
	}
	return row.method(), true, nil
}

func insertMethods(ctx context.Context, tx bun.Tx, rows []methodRow) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("insert payment methods: %w", err)
	}
	return nil
}

func updateMethod(ctx context.Context, tx bun.Tx, m Method) error {
	row := rowOfMethod(m)
	_, err := tx.NewUpdate().Model(&row).WherePK().
		Column("exp_month", "exp_year", "billing_details", "allow_redisplay", "customer", "metadata", "version").Exec(ctx)
	if err != nil {
		return fmt.Errorf("update payment method: %w", err)
	}
	return nil
}

// List is a page of a customer's payment methods.
func (m *Methods) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, customer string, p page.Params) (page.Of[Method], error) {
	rows, err := page.Fetch[methodRow](ctx, idb, p, "payment method", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("m.customer = ? AND m.account = ? AND m.livemode = ?", customer, scope.Account, scope.Livemode)
	}, nil)
	if err != nil {
		return page.Of[Method]{}, err
	}
	methods := make([]Method, len(rows.Items))
	for i, row := range rows.Items {
		methods[i] = row.method()
	}
	return page.Of[Method]{Items: methods, HasMore: rows.HasMore}, nil
}

type tokenRow struct {
	bun.BaseModel `bun:"table:connect.tokens,alias:t"`

	ID        string `bun:",pk"`
	Account   string
	Livemode  bool
	Type      string
	Details   json.RawMessage `bun:"type:jsonb"`
	Sealed    string
	ClientIP  string `bun:"client_ip"`
	CreatedAt time.Time
	UsedAt    bun.NullTime
}

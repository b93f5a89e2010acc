package payment

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
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

// methodTable is how many payment methods are written at once.
var methodTable = db.NewTable("connect.payment_methods", "id",
	db.Text("id", func(m Method) string { return m.ID }),
	db.Text("account", func(m Method) string { return m.Account }),
	db.Bool("livemode", func(m Method) bool { return m.Livemode }),
	db.Text("handle", func(m Method) string { return m.Handle }),
	db.Text("brand", func(m Method) string { return m.Brand }),
	db.Text("last4", func(m Method) string { return m.Last4 }),
	db.Int4("exp_month", func(m Method) int { return m.ExpMonth }),
	db.Int4("exp_year", func(m Method) int { return m.ExpYear }),
	db.Text("country", func(m Method) string { return m.Country }),
	db.Text("funding", func(m Method) string { return m.Funding }),
	db.Text("fingerprint", func(m Method) string { return m.Fingerprint }),
	db.Text("cvc_check", func(m Method) string { return m.CVCCheck }),
	db.JSON("billing_details", func(m Method) any { return m.Billing }),
	db.Text("allow_redisplay", func(m Method) string { return m.AllowRedisplay }),
	db.NullText("customer", func(m Method) *string { return orNull(m.Customer) }),
	db.JSON("metadata", func(m Method) any { return m.Metadata }),
	db.Time("created_at", func(m Method) time.Time { return m.CreatedAt }),
	db.Int8("version", func(m Method) int64 { return m.Version }),
)

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
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

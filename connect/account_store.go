package connect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type accountRow struct {
	bun.BaseModel `bun:"table:connect.accounts,alias:a"`

	ID                    string `bun:",pk"`
	Platform              string
	Livemode              *bool // null for platform accounts
	Type                  string
	FeesPayer             string
	LossesPayments        string
	RequirementCollection string
	Dashboard             string
	Country               string
	DefaultCurrency       string
	Email                 string
	BusinessType          string
	BusinessProfile       json.RawMessage   `bun:"type:jsonb"`
	Company               json.RawMessage   `bun:"type:jsonb"`
	Settings              json.RawMessage   `bun:"type:jsonb"`
	TOSAcceptance         json.RawMessage   `bun:"tos_acceptance,type:jsonb"`
	Metadata              map[string]string `bun:"type:jsonb"`
	Rejected              string
	PayoutsPaused         bool
	StrictRequirements    bool
	bookRow
	CreatedAt      time.Time
	ClosedAt       bun.NullTime
	Version        int64
	Access         tenant.Access
	ControllerType string

	SettingsVersion int64
}

type capabilityRow struct {
	bun.BaseModel `bun:"table:connect.capabilities,alias:c"`

	Account     string `bun:",pk"`
	Name        string `bun:",pk"`
	Requested   bool
	RequestedAt bun.NullTime
	Version     int64
}

type externalRow struct {
	bun.BaseModel `bun:"table:connect.external_accounts,alias:e"`

	ID                 string `bun:",pk"`
	Account            string
	Livemode           bool
	Country            string
	Currency           string
	AccountHolderName  string
	AccountHolderType  string
	AccountType        string
	BankName           string
	RoutingNumber      string
	Last4              string
	Fingerprint        string
	Sealed             string
	Status             string
	DefaultForCurrency bool
	DefaultSince       bun.NullTime
	Proxy              string
	Metadata           map[string]string `bun:"type:jsonb"`
	CreatedAt          time.Time
	Version            int64
}

// The controllers of accounts, as stored and as the API names them.
const (
	controlledByPlatform = "application"
	selfControlled       = "account"
)

// load is an open account that scope reaches, its row locked if asked for.
func (s *Accounts) load(ctx context.Context, idb bun.IDB, scope tenant.Scope, account string, lock bool) (Account, error) {
	if scope.Connected() && account != scope.Account {
		return Account{}, unreachable(account)
	}
	var row accountRow
	q := idb.NewSelect().Model(&row).Where("a.id = ? AND a.platform = ?", account, scope.Platform).
		Where("(a.livemode IS NULL OR a.livemode = ?) AND a.closed_at IS NULL", scope.Livemode)
	if !scope.Connected() { // the platform asks, about itself or an account it is connected to
		q = q.Where("a.access <> ''")
	}
	if lock {
		q = q.For("UPDATE OF a") // the account's row guards its capabilities and external accounts too
	}
	if err := q.Scan(ctx); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return Account{}, unreachable(account)
		}
		return Account{}, fmt.Errorf("load account: %w", err)
	}
	return s.one(ctx, idb, row, scope.Livemode)
}

// loadAny is an account whoever asks, closed ones too. Fails with NotFound.
func (s *Accounts) loadAny(ctx context.Context, idb bun.IDB, key summaryKey) (Account, error) {
	var row accountRow
	err := idb.NewSelect().Model(&row).Where("a.id = ?", key.account).
		Where("(a.livemode IS NULL OR a.livemode = ?)", key.livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, fault.NoSuch("account", key.account)
	}
	if err != nil {
		return Account{}, fmt.Errorf("load account: %w", err)
	}
	return s.one(ctx, idb, row, key.livemode)
}

// Many reads accounts that are not closed, whoever asks, with a constant number of
// statements. Those that are closed or of the other mode are missing in the answer.
func (s *Accounts) Many(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) ([]Account, error) {
	var rows []accountRow
	err := idb.NewSelect().Model(&rows).Where("a.id = ANY(?)", pgdialect.Array(accounts)).
		Where("(a.livemode IS NULL OR a.livemode = ?) AND a.closed_at IS NULL", livemode).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("load accounts: %w", err)
	}
	return s.complete(ctx, idb, rows, livemode)
}

// PlatformsOf are the platform accounts that accounts belong to.
func (s *Accounts) PlatformsOf(ctx context.Context, idb bun.IDB, accounts []string) (map[string]string, error) {
	var rows []struct{ ID, Platform string }
	err := idb.NewSelect().TableExpr("connect.accounts").Column("id", "platform").Where("id = ANY(?)", pgdialect.Array(accounts)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find platforms: %w", err)
	}
	platforms := make(map[string]string, len(rows))
	for _, row := range rows {
		platforms[row.ID] = row.Platform
	}
	return platforms, nil
}

func (s *Accounts) one(ctx context.Context, idb bun.IDB, row accountRow, livemode bool) (Account, error) {
	accounts, err := s.complete(ctx, idb, []accountRow{row}, livemode)
	if err != nil {
		return Account{}, err
	}
	return accounts[0], nil
}

// complete adds capabilities and external accounts to accounts, two queries for all.
func (s *Accounts) complete(ctx context.Context, idb bun.IDB, rows []accountRow, livemode bool) ([]Account, error) {
	accounts, at := make([]Account, len(rows)), make(map[string]int, len(rows))
	ids := make([]string, len(rows))
	for i, row := range rows {
		a, err := row.account(livemode)
		if err != nil {
			return nil, err
		}
		accounts[i], at[row.ID], ids[i] = a, i, row.ID
	}
	var capabilities []capabilityRow
	if err := idb.NewSelect().Model(&capabilities).Where("c.account = ANY(?)", pgdialect.Array(ids)).
		OrderExpr("c.account, c.name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("load capabilities: %w", err)
	}
	for _, c := range capabilities {
		a := &accounts[at[c.Account]]
		a.Capabilities = append(a.Capabilities, Capability{Name: c.Name, Requested: c.Requested, RequestedAt: c.RequestedAt.Time, Version: c.Version})
	}
	var externals []externalRow
	if err := idb.NewSelect().Model(&externals).Where("e.account = ANY(?)", pgdialect.Array(ids)).
		Where("e.livemode = ? AND e.deleted_at IS NULL", livemode).OrderExpr("e.account, e.id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("load external accounts: %w", err)
	}
	for _, e := range externals {
		a := &accounts[at[e.Account]]
		a.ExternalAccounts = append(a.ExternalAccounts, e.external())
	}
	return accounts, s.completeBooks(ctx, idb, accounts, ids, at)
}

func insertAccount(ctx context.Context, tx bun.Tx, a *Account) error {
	row, err := rowOf(a)
	if err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

func updateAccount(ctx context.Context, tx bun.Tx, a *Account) error {
	row, err := rowOf(a)
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model(row).WherePK().Column("default_currency", "email", "business_type", "business_profile",
		"company", "settings", "tos_acceptance", "metadata", "rejected", "payouts_paused", "closed_at", "version",
		"checks", "standing_at", "standing_due_at", "rules", "stage", "owes", "known_as", "settings_version").Exec(ctx)
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	return nil
}

func saveCapability(ctx context.Context, tx bun.Tx, account string, c Capability) error {
	row := capabilityRow{Account: account, Name: c.Name, Requested: c.Requested, RequestedAt: bun.NullTime{Time: c.RequestedAt}, Version: c.Version}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT ON CONSTRAINT capabilities_pkey DO UPDATE").
		Set("requested = EXCLUDED.requested, requested_at = EXCLUDED.requested_at, version = EXCLUDED.version").Exec(ctx)
	if err != nil {
		return fmt.Errorf("save capability: %w", err)
	}
	return nil
}

func insertExternal(ctx context.Context, tx bun.Tx, e ExternalAccount) error {
	if _, err := tx.NewInsert().Model(externalRowOf(e)).Exec(ctx); err != nil {
		return fmt.Errorf("insert external account: %w", err)
	}
	return nil
}

func updateExternal(ctx context.Context, tx bun.Tx, e ExternalAccount) error {
	_, err := tx.NewUpdate().Model(externalRowOf(e)).WherePK().Column("account_holder_name", "account_holder_type", "account_type",
		"status", "default_for_currency", "default_since", "metadata", "version").Exec(ctx)
	if err != nil {
		return fmt.Errorf("update external account: %w", err)
	}
	return nil
}

// deleteExternal forgets the number and keeps the rest for the payouts that went there.
func deleteExternal(ctx context.Context, tx bun.Tx, at time.Time, e ExternalAccount) error {
	_, err := tx.NewUpdate().Model((*externalRow)(nil)).Set("deleted_at = ?, sealed = '', version = ?", at, e.Version).
		Where("id = ?", e.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete external account: %w", err)
	}
	return nil
}

func rowOf(a *Account) (*accountRow, error) {
	row := &accountRow{
		ID: a.ID, Platform: a.Platform, Type: a.Type, FeesPayer: a.Controller.FeesPayer, LossesPayments: a.Controller.LossesPayments,
		RequirementCollection: a.Controller.RequirementCollection, Dashboard: a.Controller.Dashboard, Country: a.Country,
		DefaultCurrency: a.DefaultCurrency, Email: a.Email, BusinessType: a.BusinessType, Metadata: a.Metadata, Rejected: a.Rejected,
		PayoutsPaused: a.PayoutsPaused, StrictRequirements: a.StrictRequirements, CreatedAt: a.CreatedAt, ClosedAt: bun.NullTime{Time: a.ClosedAt}, Version: a.Version,
		bookRow: a.bookRow(), Access: a.Access, ControllerType: controlledByPlatform, SettingsVersion: a.SettingsVersion,
	}
	if a.SelfControlled {
		row.ControllerType = selfControlled
	}
	if !a.IsPlatform() {
		row.Livemode = &a.Livemode
	}
	for into, v := range map[*json.RawMessage]any{
		&row.BusinessProfile: a.BusinessProfile, &row.Company: a.Company, &row.Checks: a.checks,
		&row.Settings: a.Settings, &row.TOSAcceptance: a.TOS,
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode account: %w", err)
		}
		*into = raw
	}
	return row, nil
}

func (r accountRow) account(livemode bool) (Account, error) {
	a := Account{
		ID: r.ID, Platform: r.Platform, Livemode: livemode, Type: r.Type,
		Controller: Controller{FeesPayer: r.FeesPayer, LossesPayments: r.LossesPayments, RequirementCollection: r.RequirementCollection, Dashboard: r.Dashboard},
		Country:    r.Country, DefaultCurrency: r.DefaultCurrency, Email: r.Email, BusinessType: r.BusinessType, Metadata: r.Metadata,
		Rejected: r.Rejected, PayoutsPaused: r.PayoutsPaused, CreatedAt: r.CreatedAt, ClosedAt: r.ClosedAt.Time, Version: r.Version,
		StrictRequirements: r.StrictRequirements, book: r.book(), Access: r.Access, SelfControlled: r.ControllerType == selfControlled,
		SettingsVersion: r.SettingsVersion,
	}
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{r.BusinessProfile, &a.BusinessProfile}, {r.Company, &a.Company}, {r.Checks, &a.checks}, {r.Settings, &a.Settings}, {r.TOSAcceptance, &a.TOS}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return Account{}, fmt.Errorf("decode account %s: %w", r.ID, err)
		}
	}
	return a, nil
}

func externalRowOf(e ExternalAccount) *externalRow {
	return &externalRow{
		ID: e.ID, Account: e.Account, Livemode: e.Livemode, Country: e.Country, Currency: e.Currency, AccountHolderName: e.HolderName,
		AccountHolderType: e.HolderType, AccountType: e.AccountType, BankName: e.BankName, RoutingNumber: e.RoutingNumber,
		Last4: e.Last4, Fingerprint: e.Fingerprint, Sealed: e.sealed, Status: e.Status, DefaultForCurrency: e.Default,
		DefaultSince: bun.NullTime{Time: e.defaultSince}, Proxy: string(e.Proxy), Metadata: e.Metadata, CreatedAt: e.CreatedAt, Version: e.Version,
	}
}

func (r externalRow) external() ExternalAccount {
	return ExternalAccount{
		ID: r.ID, Account: r.Account, Livemode: r.Livemode, Country: r.Country, Currency: r.Currency, HolderName: r.AccountHolderName,
		HolderType: r.AccountHolderType, AccountType: r.AccountType, BankName: r.BankName, RoutingNumber: r.RoutingNumber,
		Last4: r.Last4, Fingerprint: r.Fingerprint, Status: r.Status, Default: r.DefaultForCurrency, Metadata: r.Metadata,
		CreatedAt: r.CreatedAt, Version: r.Version, sealed: r.Sealed, defaultSince: r.DefaultSince.Time, Proxy: Proxy(r.Proxy),
	}
}

// ListExternalAccounts pages through an account's external accounts. An account has few, so they are cut in memory.
func (a Account) ListExternalAccounts(p page.Params) (page.Of[ExternalAccount], error) {
	size, err := p.Size()
	if err != nil {
		return page.Of[ExternalAccount]{}, err
	}
	items := a.ExternalAccounts // newest first
	if cursor := p.StartingAfter + p.EndingBefore; cursor != "" {
		i := slices.IndexFunc(items, func(e ExternalAccount) bool { return strings.Compare(e.ID, cursor) == 0 })
		switch {
		case i < 0:
			return page.Of[ExternalAccount]{}, fault.Invalidf("resource_missing", "", "No such external account: '%s'", cursor)
		case p.EndingBefore != "":
			items = items[max(0, i-size):i]
			return page.Of[ExternalAccount]{Items: items, HasMore: i > size}, nil
		}
		items = items[i+1:]
	}
	return page.Of[ExternalAccount]{Items: items[:min(size, len(items))], HasMore: len(items) > size}, nil
}

// IDs lists the connected accounts of a platform in a mode, closed ones too.
func (s *Accounts) IDs(ctx context.Context, idb bun.IDB, platform string, livemode bool) ([]string, error) {
	var ids []string
	err := idb.NewSelect().Model((*accountRow)(nil)).Column("id").
		Where("a.platform = ? AND a.livemode = ? AND a.id <> a.platform", platform, livemode).Order("id").Scan(ctx, &ids)
	return ids, err
}

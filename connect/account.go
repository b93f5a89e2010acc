package connect

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Account is a platform account or a connected account with everything it has.
type Account struct {
	ID       string // acct_…
	Platform string // the platform it belongs to; its own id for a platform account
	Livemode bool   // the mode it is seen in: platform accounts exist in both

	Type       string // standard, express, custom or none (controller given freely)
	Controller Controller
	// SelfControlled accounts belong to who opened them through OAuth: their platform
	// may act for them but not change them.
	SelfControlled bool
	Access         tenant.Access // what the platform may do with it

	Country         string // ISO 3166 alpha-2, upper case
	DefaultCurrency string // ISO 4217, lower case
	Email           string
	BusinessType    string // individual, company, non_profit, government_entity or ""
	BusinessProfile wire.BusinessProfile
	Company         *wire.Company
	Settings        wire.AccountSettings
	TOS             wire.AccountTOSAcceptance
	Metadata        map[string]string

	StrictRequirements bool // hold this test account to the rules of live ones

	Rejected      string // fraud, terms_of_service, other or ""
	PayoutsPaused bool
	CreatedAt     time.Time
	ClosedAt      time.Time // zero while open
	Version       int64
	// SettingsVersion counts the changes of the balance settings.
	SettingsVersion int64

	Capabilities     []Capability      // by name
	ExternalAccounts []ExternalAccount // newest first
	Persons          []*Person         // newest first

	book // what is kept about verification, and what Standing needs of the surroundings
}

// Controller says who answers for a connected account.
type Controller struct {
	FeesPayer             string // "account" or "application", and Stripe's two variants of it
	LossesPayments        string // "application" or "stripe"
	RequirementCollection string // "application" or "stripe"
	Dashboard             string // "full", "express" or "none"
}

// directFeesPayer is who pays the processing fee of direct charges. With the
// older account types (application_express, application_custom) that is the account.
func (c Controller) directFeesPayer() string {
	if c.FeesPayer == "application" {
		return "application"
	}
	return "account"
}

// IsPlatform reports whether the account is a platform's own.
func (a Account) IsPlatform() bool { return a.ID == a.Platform }

// Scope is the account's own view.
func (a Account) Scope() tenant.Scope {
	return tenant.Scope{Platform: a.Platform, Account: a.ID, Livemode: a.Livemode}
}

// Standing is what the account may do now and what it owes.
func (a Account) Standing() Standing { return Derive(a.facts()) }

// BankTokens redeems btok_… tokens; package payment has them.
type BankTokens interface {
	// RedeemBank uses up a bank token that belongs to scope's account or to its
	// platform, in the same mode. Faults name the parameter external_account.
	RedeemBank(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, token string) (BankParams, error)
}

// Balances tells whether an account still has or owes money.
type Balances interface {
	Settled(ctx context.Context, tx bun.Tx, livemode bool, account string) (bool, error)
}

// Config is what Accounts stands on.
type Config struct {
	Clocks   clock.Modes
	Log      Log
	Keyring  *secret.Keyring // seals bank account numbers
	Pepper   secret.Pepper   // purpose "fingerprints"
	Tokens   BankTokens      // nil: no bank tokens
	Balances Balances        // nil: live accounts cannot be deleted

	Rules     *Rules        // nil: ours
	Verifiers VerifierModes // nobody in a mode: what was given is believed there
	Files     Files         // nil: any file_… in test mode, none in live mode
}

// Accounts keeps the accounts of all platforms.
type Accounts struct {
	pool   *bun.DB
	cfg    Config
	cache  *summaries
	cold   *coldReads // what the cache does not have
	holder bool       // changes are those of the accounts' holders
}

// NewAccounts keeps accounts in pool.
func NewAccounts(pool *bun.DB, cfg Config) *Accounts {
	s := &Accounts{pool: pool, cfg: cfg, cache: newSummaries()}
	s.cold = &coldReads{summarize: s.summarize}
	return s
}

// Clock is business time of a mode.
func (s *Accounts) Clock(livemode bool) clock.Clock { return s.cfg.Clocks.For(livemode) }

// Get is an account that scope reaches: acting for itself a platform reaches its
// own and the connected accounts it has access to, everybody else only their own
// (rest has checked who may act for them; work in the background goes on after a
// disconnect). It fails with Forbidden, so that nobody learns which accounts exist.
func (s *Accounts) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, account string) (Account, error) {
	return s.load(ctx, idb, scope, account, false)
}

func unreachable(account string) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "account_invalid",
		Message: "The provided key does not have access to account '" + account +
			"' (or that account does not exist). Application access may have been revoked."}
}

// Pool is where reads outside a transaction go.
func (s *Accounts) Pool() *bun.DB { return s.pool }

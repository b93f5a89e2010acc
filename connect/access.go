package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Reach is what platform may do with one of its accounts, at most four seconds
// old and fresh on the node that changed it. Closed accounts and those of others
// are not reached. Call it outside transactions: it may take a connection.
func (s *Accounts) Reach(ctx context.Context, platform, account string, livemode bool) (tenant.Access, error) {
	sum, err := s.summary(ctx, summaryKey{account, livemode})
	switch {
	case fault.Is(err, fault.NotFound):
		return tenant.NoAccess, nil
	case err != nil:
		return tenant.NoAccess, err
	case sum.Platform != platform || sum.Livemode != livemode || sum.Closed:
		return tenant.NoAccess, nil
	}
	return sum.Access, nil
}

// ReachNow is Reach straight from the database, and whether the account is open at all.
func (s *Accounts) ReachNow(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (access tenant.Access, open bool, err error) {
	row, found, err := s.accessRow(ctx, idb, platform, account, livemode)
	if err != nil || !found || !row.ClosedAt.IsZero() {
		return tenant.NoAccess, false, err
	}
	return row.Access, true, nil
}

// Hears reports whether platform may hear what happens on an account. A closed
// account is still heard of: that it was closed is the last that happens. What is
// known to be reached comes from the cache; a no is always asked for afresh, since
// an event kept back because of an old no would be lost.
func (s *Accounts) Hears(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (bool, error) {
	if sum, known := s.cache.get(summaryKey{account, livemode}); known && sum.Platform == platform && sum.Access != tenant.NoAccess {
		return true, nil
	}
	row, _, err := s.accessRow(ctx, idb, platform, account, livemode)
	return row.Access != tenant.NoAccess, err
}

// HearsOf is which of the accounts platform may hear of, as Hears says of each, with
// one question for all that the cache does not know.
func (s *Accounts) HearsOf(ctx context.Context, idb bun.IDB, platform string, livemode bool, accounts []string) (map[string]bool, error) {
	heard := make(map[string]bool, len(accounts))
	var unknown []string
	for _, account := range accounts {
		if sum, known := s.cache.get(summaryKey{account, livemode}); known && sum.Platform == platform && sum.Access != tenant.NoAccess {
			heard[account] = true
		} else {
			unknown = append(unknown, account)
		}
	}
	if len(unknown) == 0 {
		return heard, nil
	}
	var reached []string
	err := idb.NewSelect().Model((*accountRow)(nil)).Column("a.id").
		Where("a.id = ANY (?::text[]) AND a.platform = ? AND a.access <> ?", pgdialect.Array(unknown), platform, tenant.NoAccess).
		Where("(a.livemode IS NULL OR a.livemode = ?)", livemode).Scan(ctx, &reached)
	if err != nil {
		return nil, fmt.Errorf("read access of accounts: %w", err)
	}
	for _, account := range reached {
		heard[account] = true
	}
	return heard, nil
}

func (s *Accounts) accessRow(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (row accountRow, found bool, err error) {
	err = idb.NewSelect().Model(&row).Column("a.access", "a.closed_at").Where("a.id = ? AND a.platform = ?", account, platform).
		Where("(a.livemode IS NULL OR a.livemode = ?)", livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return accountRow{}, false, nil
	}
	if err != nil {
		return accountRow{}, false, fmt.Errorf("read access: %w", err)
	}
	return row, true, nil
}

// SetAccess changes what platform may do with a connected account, open or closed.
// It locks the account's row: a change of the account that the platform began under
// its old access has committed, or is refused. Call Forget once the transaction has committed, if that may take longer
// than a cache entry lives.
func (s *Accounts) SetAccess(ctx context.Context, tx bun.Tx, at time.Time, platform, account string, livemode bool, access tenant.Access) error {
	s.cache.forget(account)
	changed, err := tx.NewUpdate().Model((*accountRow)(nil)).Set("access = ?, access_changed_at = ?", access, at).
		Where("id = ? AND platform = ? AND id <> platform", account, platform).Where("livemode = ?", livemode).Exec(ctx)
	if err != nil {
		return fmt.Errorf("set access: %w", err)
	}
	if n, err := changed.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, unreachable(account))
	}
	return nil
}

// Forget keeps an account out of this node's cache for as long as an entry lives.
func (s *Accounts) Forget(account string) { s.cache.forget(account) }

// ForHolder is the same accounts, changed by whoever holds them instead of by
// their platform: the hosted pages and the account's own members.
func (s *Accounts) ForHolder() *Accounts {
	holder := *s
	holder.holder = true
	return &holder
}

// Changeable is Get for an account that the caller may change.
func (s *Accounts) Changeable(ctx context.Context, idb bun.IDB, scope tenant.Scope, account string) (Account, error) {
	a, err := s.Get(ctx, idb, scope, account)
	if err != nil {
		return Account{}, err
	}
	return a, s.mayChange(&a)
}

// mayChange tells whether the caller may change what an account says of itself.
func (s *Accounts) mayChange(a *Account) error {
	switch {
	case s.holder || a.IsPlatform():
		return nil
	case a.Access == tenant.NoAccess:
		return unreachable(a.ID)
	case !a.Access.Writes():
		return readOnly(a.ID)
	case a.SelfControlled:
		return &fault.Error{Kind: fault.Forbidden, Code: "not_allowed_on_standard_account",
			Message: "Account '" + a.ID + "' is controlled by its owner, who connected it through OAuth: " +
				"a platform cannot change or delete it. Its owner can, on the pages of this server."}
	}
	return nil
}

// MustBeWritable refuses an account that is connected for reading only.
func (s Summary) MustBeWritable() error {
	if s.Access.Writes() {
		return nil
	}
	return readOnly(s.ID)
}

func readOnly(account string) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "account_read_only",
		Message: "Account '" + account + "' is connected with the scope read_only: nothing on it can be changed or charged. " +
			"Ask its owner to connect again with the scope read_write."}
}

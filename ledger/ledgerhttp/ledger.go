package ledgerhttp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/ledger/history"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// entries shows the postings behind an object (source=ch_…), or those of the
// account, newest first. A platform may ask for one of its accounts' (owner=acct_…).
func (d door) entries(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Source  string     `form:"source"`
		Owner   string     `form:"owner"`
		Kind    string     `form:"kind"`
		Created page.Range `form:"created"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	size, err := p.Size()
	if err != nil {
		return nil, err
	}
	if p.Source != "" {
		records, err := ledger.EntriesFrom(ctx, d.pool, p.Source)
		if err != nil {
			return nil, err
		}
		shown, err := d.visible(ctx, r.Scope, records)
		return wire.ListOf("/v1/ledger/entries", false, shown), err
	}
	owner, err := d.ownerOf(ctx, r.Scope, p.Owner)
	if err != nil {
		return nil, err
	}
	filter := ledger.EntryFilter{Owner: owner, Livemode: r.Scope.Livemode, Kind: p.Kind, From: instant(p.Created.From), Until: instant(p.Created.Until)}
	cursor, param, newer := p.Cursor()
	at := ledger.EntryPage{Newer: newer, Size: size}
	if cursor != "" {
		n, ok := entryNumber(cursor)
		if !ok {
			return nil, page.NoCursor(param, "ledger entry", cursor)
		}
		at.Entry = n
	}
	records, more, err := ledger.EntriesOf(ctx, d.pool, filter, at)
	if err != nil {
		return nil, err
	}
	shown, err := d.visible(ctx, r.Scope, records)
	return wire.ListOf("/v1/ledger/entries", more, shown), err
}

// entry is one entry, as far as the scope may see it.
func (d door) entry(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	_, shown, err := d.seen(ctx, r.Scope, r.Path("id"))
	return shown, err
}

// seen is an entry of which the scope may see something, and its number.
func (d door) seen(ctx context.Context, scope tenant.Scope, entry string) (int64, wire.LedgerEntry, error) {
	n, ok := entryNumber(entry)
	if !ok {
		return 0, wire.LedgerEntry{}, fault.NoSuch("ledger entry", entry)
	}
	records, err := ledger.Records(ctx, d.pool, n, n)
	if err != nil {
		return 0, wire.LedgerEntry{}, err
	}
	shown, err := d.visible(ctx, scope, records)
	if err == nil && len(shown) == 0 {
		err = fault.NoSuch("ledger entry", entry)
	}
	if err != nil {
		return 0, wire.LedgerEntry{}, err
	}
	return n, shown[0], nil
}

// ownerOf is the owner that a list is of: the scope's account, or another that it sees.
func (d door) ownerOf(ctx context.Context, scope tenant.Scope, owner string) (string, error) {
	if owner == "" || owner == scope.Account {
		return scope.Account, nil
	}
	if !scope.Connected() {
		ours, err := d.accounts.ConnectedTo(ctx, scope.Platform, owner, scope.Livemode)
		if err != nil || ours {
			return owner, err
		}
	}
	return "", fault.Invalidf("resource_missing", "owner", "No such account: '%s'", owner)
}

// ownersOf are all owners that a scope sees, sorted.
func (d door) ownersOf(ctx context.Context, scope tenant.Scope) ([]string, error) {
	owners := []string{scope.Account}
	if !scope.Connected() {
		connected, err := d.accounts.ConnectedAccounts(ctx, scope.Platform, scope.Livemode)
		if err != nil {
			return nil, err
		}
		owners = append(owners, connected...)
	}
	slices.Sort(owners)
	return owners, nil
}

// instant is a second of unix time, or zero.
func instant(second *int64) time.Time {
	if second == nil {
		return time.Time{}
	}
	return time.Unix(*second, 0).UTC()
}

// visible keeps of each entry what the scope may see: a platform its own
// postings and those of its accounts, a connected account only its own.
func (d door) visible(ctx context.Context, scope tenant.Scope, records []ledger.Record) ([]wire.LedgerEntry, error) {
	known := map[string]bool{scope.Account: true}
	sees := func(owner string, livemode bool) (bool, error) {
		if livemode != scope.Livemode {
			return false, nil
		}
		if seen, ok := known[owner]; ok || scope.Connected() {
			return seen, nil
		}
		mine, err := d.accounts.ConnectedTo(ctx, scope.Platform, owner, scope.Livemode)
		known[owner] = mine
		return mine, err
	}
	var entries []wire.LedgerEntry
	for _, record := range records {
		entry, err := showEntry(record, sees)
		if err != nil {
			return nil, err
		}
		if len(entry.Postings) > 0 {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

func showEntry(r ledger.Record, sees func(owner string, livemode bool) (bool, error)) (wire.LedgerEntry, error) {
	e := wire.LedgerEntry{
		ID: entryID(r.ID), Object: "ledger_entry", Created: wire.Unix(r.At), Kind: r.Kind, Source: wire.To(r.Source),
		BalanceTransactions: []wire.Ref{},
	}
	for _, p := range r.Postings {
		ok, err := sees(p.Place.Account.Owner, p.Place.Account.Livemode)
		if err != nil {
			return wire.LedgerEntry{}, err
		}
		if ok {
			e.Livemode = p.Place.Account.Livemode
			e.Postings = append(e.Postings, showPosting(p))
		}
	}
	for _, l := range r.Lines {
		ok, err := sees(l.Account, l.Livemode)
		if err != nil {
			return wire.LedgerEntry{}, err
		}
		if ok {
			e.BalanceTransactions = append(e.BalanceTransactions, wire.To(l.ID))
		}
	}
	return e, nil
}

func showPosting(p ledger.RecordPosting) wire.LedgerPosting {
	shown := wire.LedgerPosting{
		Account: string(p.Place.Account.Kind), LedgerAccount: accountID(p.Account), Owner: p.Place.Account.Owner, Currency: string(p.Place.Currency),
	}
	if p.Amount >= 0 {
		shown.Debit = p.Amount
	} else {
		shown.Credit = -p.Amount
	}
	return shown
}

// Ledger entries and accounts are known by their numbers.
const (
	entryPrefix   = "le_"
	accountPrefix = "la_"
)

func entryID(n int64) string   { return entryPrefix + strconv.FormatInt(n, 10) }
func accountID(n int64) string { return accountPrefix + strconv.FormatInt(n, 10) }

func entryNumber(id string) (int64, bool)   { return numberOf(id, entryPrefix) }
func accountNumber(id string) (int64, bool) { return numberOf(id, accountPrefix) }

func numberOf(id, prefix string) (int64, bool) {
	digits, ok := strings.CutPrefix(id, prefix)
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, ok && err == nil && n > 0 && strconv.FormatInt(n, 10) == digits
}

// trialBalance sums the ledger of the platform and its accounts, or of one account,
// now or as of an instant.
func (d door) trialBalance(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		AsOf *int64 `form:"as_of"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := checkAsOf(p.AsOf); err != nil {
		return nil, err
	}
	owners, err := d.ownersOf(ctx, r.Scope)
	if err != nil {
		return nil, err
	}
	shown := wire.TrialBalance{Object: "ledger_trial_balance", AsOf: p.AsOf, Livemode: r.Scope.Livemode, Rows: []wire.TrialBalanceRow{}}
	if p.AsOf != nil {
		sums, err := history.SumsAt(ctx, d.pool, r.Scope.Livemode, owners, asOf(p.AsOf))
		if err != nil {
			return nil, err
		}
		for _, s := range sums {
			shown.Rows = append(shown.Rows, wire.TrialBalanceRow{Account: string(s.Kind), Accounts: s.Accounts, Class: s.Kind.Class(),
				Currency: string(s.Currency), Debits: s.Debits, Credits: s.Credits, Balance: s.Balance})
		}
		return shown, nil
	}
	rows, err := audit.TrialBalanceOf(ctx, d.pool, r.Scope.Livemode, owners)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		shown.Rows = append(shown.Rows, wire.TrialBalanceRow{Account: string(row.Kind), Accounts: row.Accounts, Class: row.Kind.Class(),
			Currency: string(row.Currency), Debits: row.Debits, Credits: row.Credits, Balance: row.Balance})
	}
	return shown, nil
}

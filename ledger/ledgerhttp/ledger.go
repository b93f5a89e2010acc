package ledgerhttp

import (
	"context"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// entries shows the postings behind an object (source=ch_…), or those of the
// account, newest first.
func (d door) entries(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		Limit         *int64 `form:"limit"`
		StartingAfter string `form:"starting_after"`
		Source        string `form:"source"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	size, err := page.Params{Limit: p.Limit}.Size()
	if err != nil {
		return nil, err
	}
	var records []ledger.Record
	if p.Source != "" {
		records, err = ledger.EntriesFrom(ctx, d.pool, p.Source)
	} else {
		records, err = d.entriesOf(ctx, r.Scope, p.StartingAfter, size+1)
	}
	if err != nil {
		return nil, err
	}
	more := p.Source == "" && len(records) > size
	if more {
		records = records[:size]
	}
	shown, err := d.visible(ctx, r.Scope, records)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/ledger/entries", more, shown), nil
}

func (d door) entriesOf(ctx context.Context, scope tenant.Scope, after string, limit int) ([]ledger.Record, error) {
	var before int64
	if after != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(after, entryPrefix), 10, 64)
		if err != nil || n <= 0 || entryID(n) != after {
			return nil, fault.Invalidf("resource_missing", "starting_after", "No such ledger entry: '%s'", after)
		}
		before = n
	}
	return ledger.EntriesOf(ctx, d.pool, scope.Account, scope.Livemode, before, limit)
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
		Account: string(p.Place.Account.Kind), Owner: p.Place.Account.Owner, Currency: string(p.Place.Currency),
	}
	if p.Amount >= 0 {
		shown.Debit = p.Amount
	} else {
		shown.Credit = -p.Amount
	}
	return shown
}

const entryPrefix = "le_"

func entryID(n int64) string { return entryPrefix + strconv.FormatInt(n, 10) }

// trialBalance sums the ledger of the platform and its accounts, or of one account.
func (d door) trialBalance(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	owners := []string{r.Scope.Account}
	if !r.Scope.Connected() {
		connected, err := d.accounts.ConnectedAccounts(ctx, r.Scope.Platform, r.Scope.Livemode)
		if err != nil {
			return nil, err
		}
		owners = append(owners, connected...)
	}
	rows, err := audit.TrialBalanceOf(ctx, d.pool, r.Scope.Livemode, owners)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.TrialBalanceRow, len(rows))
	for i, row := range rows {
		shown[i] = wire.TrialBalanceRow{Account: string(row.Kind), Currency: string(row.Currency),
			Debits: row.Debits, Credits: row.Credits, Balance: row.Balance}
	}
	return wire.TrialBalance{Object: "ledger_trial_balance", Livemode: r.Scope.Livemode, Rows: shown}, nil
}

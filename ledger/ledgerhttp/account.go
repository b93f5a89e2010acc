package ledgerhttp

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/history"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// lastInstant bounds as_of to the end of year 9999.
const lastInstant = 253402300799

func checkAsOf(second *int64) error {
	if second != nil && (*second < 0 || *second > lastInstant) {
		return fault.Invalidf("parameter_invalid_integer", "as_of", "Invalid timestamp: %d", *second)
	}
	return nil
}

// asOf is the last instant of a second, so that all that is shown with this time
// counts; zero is now.
func asOf(second *int64) time.Time {
	if second == nil {
		return time.Time{}
	}
	return time.Unix(*second+1, 0).UTC().Add(-time.Microsecond)
}

// listAccounts is the chart of accounts: those of the platform and of all accounts
// connected to it, in order of owner, kind and currency.
func (d door) listAccounts(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Owner    string         `form:"owner"`
		Kind     string         `form:"kind"`
		Currency money.Currency `form:"currency"`
		AsOf     *int64         `form:"as_of"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	size, err := p.Size()
	if err != nil {
		return nil, err
	}
	if err := checkAsOf(p.AsOf); err != nil {
		return nil, err
	}
	filter := history.Filter{Livemode: r.Scope.Livemode, Kind: ledger.Kind(p.Kind), Currency: money.Currency(strings.ToLower(string(p.Currency)))}
	if p.Owner != "" {
		owner, err := d.ownerOf(ctx, r.Scope, p.Owner)
		if err != nil {
			return nil, err
		}
		filter.Owners = []string{owner}
	} else if filter.Owners, err = d.ownersOf(ctx, r.Scope); err != nil {
		return nil, err
	}
	id, param, backwards := p.Cursor()
	var cursor history.Account
	if id != "" {
		if cursor, err = d.ledgerAccount(ctx, r.Scope, id); fault.Is(err, fault.NotFound) {
			return nil, page.NoCursor(param, "ledger account", id)
		} else if err != nil {
			return nil, err
		}
	}
	found, err := history.List(ctx, d.pool, filter, cursor, backwards, size)
	if err == nil && p.AsOf != nil {
		err = history.AsOf(ctx, d.pool, found.Items, asOf(p.AsOf))
	}
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/ledger/accounts", func(a history.Account) wire.LedgerAccount { return showAccount(a, p.AsOf) }), nil
}

func (d door) getAccount(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		AsOf *int64 `form:"as_of"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := checkAsOf(p.AsOf); err != nil {
		return nil, err
	}
	a, err := d.ledgerAccount(ctx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	one := []history.Account{a}
	if p.AsOf != nil {
		if err := history.AsOf(ctx, d.pool, one, asOf(p.AsOf)); err != nil {
			return nil, err
		}
	}
	return showAccount(one[0], p.AsOf), nil
}

// ledgerAccount is an account of an owner that the scope sees, or NotFound.
func (d door) ledgerAccount(ctx context.Context, scope tenant.Scope, id string) (history.Account, error) {
	number, ok := accountNumber(id)
	if !ok {
		return history.Account{}, fault.NoSuch("ledger account", id)
	}
	a, found, err := history.Find(ctx, d.pool, number)
	if err != nil {
		return history.Account{}, err
	}
	if found && a.Livemode == scope.Livemode {
		if _, err = d.ownerOf(ctx, scope, a.Owner); err == nil {
			return a, nil
		}
	}
	if err != nil && !fault.Is(err, fault.Invalid) {
		return history.Account{}, err
	}
	return history.Account{}, fault.NoSuch("ledger account", id)
}

func showAccount(a history.Account, second *int64) wire.LedgerAccount {
	return wire.LedgerAccount{
		ID: accountID(a.ID), Object: "ledger_account", AsOf: second, Balance: a.Balance(), Class: a.Kind.Class(), Credits: a.Credits,
		Currency: string(a.Currency), Debits: a.Debits, Kind: string(a.Kind), Livemode: a.Livemode, Owner: wire.To(a.Owner), Postings: a.Version,
	}
}

// lines is the statement of an account, newest first, with the balance after each posting.
func (d door) lines(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		AsOf *int64 `form:"as_of"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	size, err := p.Size()
	if err != nil {
		return nil, err
	}
	if err := checkAsOf(p.AsOf); err != nil {
		return nil, err
	}
	a, err := d.ledgerAccount(ctx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	params := history.LinesParams{AsOf: asOf(p.AsOf), Size: size}
	cursor, param, backwards := p.Cursor()
	if cursor != "" {
		place, ok := placeOf(cursor)
		if !ok {
			return nil, page.NoCursor(param, "ledger account line", cursor)
		}
		params.Place, params.Backwards = place, backwards
	}
	found, more, err := history.Lines(ctx, d.pool, a.ID, params)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.LedgerAccountLine, len(found))
	for i, l := range found {
		shown[i] = showLine(a, l)
	}
	return wire.ListOf("/v1/ledger/accounts/"+accountID(a.ID)+"/lines", more, shown), nil
}

// placeOf reads "le_5.0", a posting of an entry.
func placeOf(id string) (history.Place, bool) {
	entry, line, _ := strings.Cut(id, ".")
	n, ok := entryNumber(entry)
	place, err := strconv.ParseInt(line, 10, 16)
	return history.Place{EntryID: n, Line: int16(place)}, ok && err == nil
}

func showLine(a history.Account, l history.Line) wire.LedgerAccountLine {
	shown := wire.LedgerAccountLine{
		ID: entryID(l.EntryID) + "." + strconv.Itoa(int(l.Line)), Object: "ledger_account_line", Balance: l.Balance, Created: wire.Unix(l.OccurredAt),
		Currency: string(a.Currency), Entry: entryID(l.EntryID), Kind: l.Kind, LedgerAccount: accountID(a.ID), Livemode: a.Livemode, Source: wire.To(l.Source),
	}
	if l.Amount >= 0 {
		shown.Debit = l.Amount
	} else {
		shown.Credit = -l.Amount
	}
	return shown
}

package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/money"
)

// Preview is what Post would do with some entries, and what they would leave.
type Preview struct {
	Results  []Result
	Records  []Record // of those that would be accepted; not numbered
	Balances []Balance
}

// Balance is what a place is worth to its owner before and after (see Place): a
// liability what is owed to the owner, an asset what it holds.
type Balance struct {
	Place         Place
	Before, After int64
}

// Preview decides entries as Post does and books nothing. It takes no locks: what
// it says was true when it looked.
func (b *Book) Preview(ctx context.Context, idb bun.IDB, entries ...Entry) (Preview, error) {
	if err := validateAll(entries); err != nil {
		return Preview{}, err
	}
	table, places, err := look(ctx, idb, entries)
	if err != nil {
		return Preview{}, err
	}
	p, batch := Preview{Results: make([]Result, len(entries))}, newBatch(0)
	before := make([]int64, len(places))
	for i, place := range places {
		before[i] = table.rows[place].owed()
	}
	for i := range entries {
		p.Results[i] = table.apply(batch, entries[i])
	}
	for i, place := range places {
		if row := table.rows[place]; row.postings > 0 {
			p.Balances = append(p.Balances, Balance{Place: place, Before: before[i], After: row.owed()})
		}
	}
	p.Records = batch.records
	return p, nil
}

// look reads the totals of every place the entries may touch; places that do not
// exist yet are empty.
func look(ctx context.Context, idb bun.IDB, entries []Entry) (*table, []Place, error) {
	t, places := &table{rows: make(map[Place]*row)}, []Place(nil)
	add := func(p Place) {
		if t.rows[p] == nil {
			t.rows[p] = &row{place: p}
			places = append(places, p)
		}
	}
	for _, e := range entries {
		for _, p := range e.Postings {
			add(p.place())
			if p.routed() {
				add(p.matured())
			}
		}
	}
	n := len(places)
	owners, livemodes, kinds, currencies := make([]string, n), make([]bool, n), make([]string, n), make([]string, n)
	for i, p := range places {
		owners[i], livemodes[i], kinds[i], currencies[i] = p.Account.Owner, p.Account.Livemode, string(p.Account.Kind), string(p.Currency)
	}
	var rows []struct {
		Owner           string
		Livemode        bool
		Kind            Kind
		Currency        money.Currency
		Debits, Credits int64
		MaturedThrough  bun.NullTime
	}
	err := idb.NewRaw(`
		SELECT a.owner, a.livemode, a.kind, a.currency, a.debits, a.credits, a.matured_through
		FROM unnest(?::text[], ?::boolean[], ?::text[], ?::text[]) AS p (owner, livemode, kind, currency)
		JOIN ledger.accounts a USING (owner, livemode, kind, currency)`,
		pgdialect.Array(owners), pgdialect.Array(livemodes), pgdialect.Array(kinds), pgdialect.Array(currencies)).Scan(ctx, &rows)
	if err != nil {
		return nil, nil, fmt.Errorf("look at ledger accounts: %w", err)
	}
	for _, r := range rows {
		found := t.rows[Place{Account: Account{Livemode: r.Livemode, Owner: r.Owner, Kind: r.Kind}, Currency: r.Currency}]
		found.debits, found.credits, found.maturedThrough = r.Debits, r.Credits, r.MaturedThrough.UTC()
		if r.MaturedThrough.IsZero() {
			found.maturedThrough = time.Time{}
		}
	}
	return t, places, nil
}

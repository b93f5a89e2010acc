package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/money"
)

// Bounds of one call of Post.
const (
	MaxEntries  = 1024 // entry id = batch number * 1024 + index
	MaxPostings = 64   // per entry
)

// Book is where entries are posted. It remembers only the numbers of ledger
// accounts it has met, so one Book serves the whole process.
type Book struct {
	numbers *lru.Cache[Place, int64]
}

// remembered bounds the account numbers a Book keeps, about 200 bytes each.
const remembered = 100_000

// NewBook is a Book that has met nobody yet.
func NewBook() *Book {
	cache, err := lru.New[Place, int64](remembered)
	if err != nil {
		panic("ledger: " + err.Error()) // only for a size that is not positive
	}
	return &Book{numbers: cache}
}

// Place is one row of totals: an account in a currency.
type Place struct {
	Account  Account
	Currency money.Currency
}

// Repeated is the error for an event that is booked already, or twice in one call.
type Repeated struct {
	Kind, Source string
}

func (r *Repeated) Error() string {
	return fmt.Sprintf("ledger: %s of %s is booked already", r.Kind, r.Source)
}

// Lock takes the row locks of all places, creating those that do not exist,
// for a caller who must read before it knows what to post.
func (b *Book) Lock(ctx context.Context, tx bun.Tx, places ...Place) error {
	_, err := b.hold(ctx, tx, places)
	return err
}

// Post books the entries in the order given and moves the balances they touch.
//
// The result of each entry says under which number it was booked, or why it
// was refused (a fault with code balance_insufficient). A non-nil error is of
// the whole call and nothing may be committed: an entry that is not balanced
// or otherwise malformed, a *Repeated event, or the database failed.
//
// The number of statements does not depend on the number of entries.
func (b *Book) Post(ctx context.Context, tx bun.Tx, entries ...Entry) ([]Result, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if err := validateAll(entries); err != nil {
		return nil, err
	}
	table, err := b.open(ctx, tx, entries)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(entries))
	batch := newBatch(table.number)
	for i := range entries {
		results[i] = table.apply(batch, entries[i])
	}
	if batch.empty() {
		return results, nil
	}
	if err := write(ctx, tx, table, batch); err != nil {
		return nil, err
	}
	return results, nil
}

// open locks every place the entries may touch and reads their totals, in
// that order: totals read before the lock could be stale.
func (b *Book) open(ctx context.Context, tx bun.Tx, entries []Entry) (*table, error) {
	places := placesOf(entries)
	for {
		numbers, err := b.hold(ctx, tx, places)
		if err != nil {
			return nil, err
		}
		table, err := read(ctx, tx, numbers)
		if err != nil {
			return nil, err
		}
		missing := table.missing(entries)
		if len(missing) == 0 {
			return table, nil
		}
		places = append(places, missing...)
	}
}

// placesOf lists each place once. Money for a day that may have matured
// already can land on Available, so that place is listed too.
func placesOf(entries []Entry) []Place {
	seen := make(map[Place]bool)
	var places []Place
	add := func(p Place) {
		if !seen[p] {
			seen[p] = true
			places = append(places, p)
		}
	}
	for _, e := range entries {
		for _, p := range e.Postings {
			add(p.place())
			if p.routed() && !p.MaturesOn.After(e.At) {
				add(p.matured())
			}
		}
	}
	return places
}

func (p Posting) place() Place { return Place{Account: p.Account, Currency: p.Amount.Currency} }

// matured is where a routed posting lands once its day has come.
func (p Posting) matured() Place {
	place := p.place()
	place.Account.Kind = Available
	return place
}

func (p Posting) routed() bool { return p.Account.Kind == Pending && !p.MaturesOn.IsZero() }

// net is the posting as its owner sees it: credit positive.
func (p Posting) net() int64 { return -int64(p.Side) * p.Amount.Minor }

// LineID is the id of the entry's statement line of that type and source, or "".
func (e Entry) LineID(lineType, source string) string {
	for _, p := range e.Postings {
		if p.Line != nil && p.Line.Type == lineType && p.Line.Source == source {
			return p.Line.ID
		}
	}
	return ""
}

// dayOf is the UTC day of t, at midnight.
func dayOf(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

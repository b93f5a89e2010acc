package ledger

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

// row is the totals of one place while a batch is decided.
type row struct {
	id             int64
	place          Place
	debits         int64
	credits        int64
	postings       int64     // how many this batch added
	maturedThrough time.Time // zero: nothing has matured yet

	debitsBefore, creditsBefore int64 // as locked
}

// owed is the balance on the account's normal side: what a liability owes to
// its owner, what an asset is worth.
func (r *row) owed() int64 {
	if r.place.Account.Kind == ProcessorClearing || r.place.Account.Kind == Bank {
		return r.debits - r.credits
	}
	return r.credits - r.debits
}

// table holds the locked rows and the number of the batch.
type table struct {
	rows   map[Place]*row
	number int64
}

// missing lists places the entries need that are not locked yet.
func (t *table) missing(entries []Entry) []Place {
	var places []Place
	for _, e := range entries {
		for _, p := range e.Postings {
			if !t.hasMatured(p) || t.rows[p.matured()] != nil || slices.Contains(places, p.matured()) {
				continue
			}
			places = append(places, p.matured())
		}
	}
	return places
}

func (t *table) hasMatured(p Posting) bool {
	return p.routed() && !dayOf(p.MaturesOn).After(t.rows[p.place()].maturedThrough)
}

// land is the row a posting is booked on.
func (t *table) land(p Posting) *row {
	if t.hasMatured(p) {
		return t.rows[p.matured()]
	}
	return t.rows[p.place()]
}

// apply decides one entry: it moves the totals and joins the batch, or is
// refused and leaves the totals as they were.
func (t *table) apply(b *batch, e Entry) Result {
	landed := make([]*row, len(e.Postings))
	for i, p := range e.Postings {
		landed[i] = t.land(p)
	}
	for i, p := range e.Postings {
		if !landed[i].add(p) {
			undo(landed[:i], e.Postings)
			return Result{Err: fault.Invalidf("amount_too_large", "amount",
				"The totals of account %s would grow beyond what can be counted.", p.Account.Owner)}
		}
	}
	for i, p := range e.Postings {
		if owed := landed[i].owed(); p.NoOverdraft && owed < 0 {
			undo(landed, e.Postings)
			return Result{Err: overdrawn(p, owed)}
		}
	}
	return b.add(e, landed)
}

// add moves the totals; it refuses what an int64 cannot hold.
func (r *row) add(p Posting) bool {
	total := &r.debits
	if p.Side == Credit {
		total = &r.credits
	}
	if *total > math.MaxInt64-p.Amount.Minor {
		return false
	}
	*total += p.Amount.Minor
	r.postings++
	return true
}

func undo(landed []*row, postings []Posting) {
	for i, r := range landed {
		if postings[i].Side == Debit {
			r.debits -= postings[i].Amount.Minor
		} else {
			r.credits -= postings[i].Amount.Minor
		}
		r.postings--
	}
}

func overdrawn(p Posting, owed int64) error {
	return fault.Invalidf("balance_insufficient", "amount",
		"Insufficient %s funds: account %s is %d %s short. Amounts are in the currency's smallest unit.",
		p.Account.Kind, p.Account.Owner, -owed, strings.ToUpper(string(p.Amount.Currency)))
}

// batch is what was accepted, as it will be stored.
type batch struct {
	number     int64
	records    []Record
	landed     [][]*row
	maturities map[maturity]int64
}

// maturity is one day of one pending account.
type maturity struct {
	account int64
	day     time.Time
}

func newBatch(number int64) *batch {
	return &batch{number: number, maturities: make(map[maturity]int64)}
}

func (b *batch) empty() bool { return len(b.records) == 0 }

func (b *batch) add(e Entry, landed []*row) Result {
	r := Record{
		ID:   b.number*MaxEntries + int64(len(b.records)),
		Kind: e.Kind, Source: e.Source,
		At: e.At.UTC().Truncate(time.Microsecond),
	}
	result := Result{EntryID: r.ID, Pending: make([]bool, len(e.Postings))}
	for i, p := range e.Postings {
		pending := landed[i].place.Account.Kind == Pending
		result.Pending[i] = pending
		r.Postings = append(r.Postings, RecordPosting{Place: landed[i].place, Amount: -p.net()})
		if pending && p.routed() {
			b.maturities[maturity{landed[i].id, dayOf(p.MaturesOn)}] += p.net()
		}
		if p.Line != nil {
			r.Lines = append(r.Lines, lineOf(p, r.At, landed[i].id, pending))
		}
	}
	slices.SortFunc(r.Lines, func(a, b RecordLine) int { return strings.Compare(a.ID, b.ID) })
	b.records = append(b.records, r)
	b.landed = append(b.landed, landed)
	return result
}

func lineOf(p Posting, at time.Time, account int64, pending bool) RecordLine {
	l := RecordLine{
		Line: *p.Line, AccountID: account, Account: p.Account.Owner, Livemode: p.Account.Livemode,
		Currency: string(p.Amount.Currency), AvailableOn: at, Pending: pending,
	}
	if pending {
		l.AvailableOn = dayOf(p.MaturesOn)
	}
	return l
}

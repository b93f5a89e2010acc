package ledger

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
)

const (
	findSQL = `
SELECT a.id, a.owner, a.livemode, a.kind, a.currency
FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) AS p (owner, livemode, kind, currency)
JOIN ledger.accounts a USING (owner, livemode, kind, currency)`

	createSQL = `
INSERT INTO ledger.accounts (owner, livemode, kind, currency)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[])
ON CONFLICT ON CONSTRAINT accounts_owner_key DO NOTHING
RETURNING id, owner, livemode, kind, currency`

	// Taken in one order by everybody, whatever order the postings come in.
	// NO KEY UPDATE is the strength an UPDATE of totals takes.
	lockSQL = `
SELECT count(*) FROM (
	SELECT id FROM ledger.accounts WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE
) AS locked`

	// A later statement than the lock, so that it sees what the last holder committed.
	// The batch number is drawn here to save a round trip.
	readSQL = `
SELECT id, debits, credits, matured_through, (SELECT nextval('ledger.batch_numbers'))
FROM ledger.accounts WHERE id = ANY($1::bigint[])`
)

//go:embed book_post.sql
var writeSQL string

// hold finds or creates the places and locks them in order of their numbers.
func (b *Book) hold(ctx context.Context, tx bun.Tx, places []Place) (map[Place]int64, error) {
	for {
		numbers, err := b.find(ctx, tx, places)
		if err != nil {
			return nil, fmt.Errorf("find ledger accounts: %w", err)
		}
		ids := make([]int64, 0, len(numbers))
		for _, id := range numbers {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		var locked int
		if err := tx.Tx.QueryRowContext(ctx, lockSQL, db.Prepared, ids).Scan(&locked); err != nil {
			return nil, fmt.Errorf("lock ledger accounts: %w", err)
		}
		if locked == len(ids) {
			return numbers, nil
		}
		b.forget(places) // a number learned in a transaction that was rolled back
	}
}

func (b *Book) forget(places []Place) {
	for _, p := range places {
		b.numbers.Remove(p)
	}
}

// find gives the numbers of all places and creates accounts never seen before.
func (b *Book) find(ctx context.Context, tx bun.Tx, places []Place) (map[Place]int64, error) {
	numbers := make(map[Place]int64, len(places))
	var unknown []Place
	for _, p := range places {
		if id, ok := b.numbers.Get(p); ok {
			numbers[p] = id
		} else if !slices.Contains(unknown, p) {
			unknown = append(unknown, p)
		}
	}
	if len(unknown) == 0 {
		return numbers, nil
	}
	// Sorted, so that two batches creating the same accounts wait in one order.
	slices.SortFunc(unknown, comparePlaces)
	remembered := func(p Place, id int64) { numbers[p] = id; b.numbers.Add(p, id) }
	// Not remembered yet: to others the new accounts do not exist until we commit, and
	// whoever believed in them would wait for us while holding what we are about to lock.
	created := func(p Place, id int64) { numbers[p] = id }
	for _, step := range []struct {
		statement string
		found     func(Place, int64)
	}{{findSQL, remembered}, {createSQL, created}, {findSQL, created}} { // at last those that somebody else has just created
		if err := lookUp(ctx, tx, step.statement, unknown, step.found); err != nil {
			return nil, err
		}
		unknown = slices.DeleteFunc(unknown, func(p Place) bool { return numbers[p] != 0 })
		if len(unknown) == 0 {
			break
		}
	}
	return numbers, nil
}

func lookUp(ctx context.Context, tx bun.Tx, statement string, places []Place, found func(Place, int64)) error {
	rows, err := tx.Tx.QueryContext(ctx, statement, placeArrays(places)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var p Place
		if err := rows.Scan(&id, &p.Account.Owner, &p.Account.Livemode, &p.Account.Kind, &p.Currency); err != nil {
			return err
		}
		found(p, id)
	}
	return rows.Err()
}

func placeArrays(places []Place) []any {
	n := len(places)
	owners, livemodes := make([]string, n), make([]bool, n)
	kinds, currencies := make([]string, n), make([]string, n)
	for i, p := range places {
		owners[i], livemodes[i] = p.Account.Owner, p.Account.Livemode
		kinds[i], currencies[i] = string(p.Account.Kind), string(p.Currency)
	}
	return []any{db.Prepared, owners, livemodes, kinds, currencies}
}

func comparePlaces(a, b Place) int {
	live := func(p Place) int {
		if p.Account.Livemode {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(a.Account.Owner, b.Account.Owner),
		cmp.Compare(live(a), live(b)),
		cmp.Compare(a.Currency, b.Currency),
		cmp.Compare(a.Account.Kind, b.Account.Kind),
	)
}

// read takes the totals of locked accounts and draws a batch number.
func read(ctx context.Context, tx bun.Tx, numbers map[Place]int64) (*table, error) {
	t := &table{rows: make(map[Place]*row, len(numbers))}
	byID := make(map[int64]*row, len(numbers))
	ids := make([]int64, 0, len(numbers))
	for place, id := range numbers {
		r := &row{id: id, place: place}
		t.rows[place], byID[id] = r, r
		ids = append(ids, id)
	}
	rows, err := tx.Tx.QueryContext(ctx, readSQL, db.Prepared, ids)
	if err != nil {
		return nil, fmt.Errorf("read ledger accounts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, debits, credits int64
		var matured sql.NullTime
		if err := rows.Scan(&id, &debits, &credits, &matured, &t.number); err != nil {
			return nil, fmt.Errorf("read ledger accounts: %w", err)
		}
		r := byID[id]
		r.debits, r.credits, r.maturedThrough = debits, credits, matured.Time
		r.debitsBefore, r.creditsBefore = debits, credits
	}
	return t, rows.Err()
}

// write stores the batch with one statement.
func write(ctx context.Context, tx bun.Tx, t *table, b *batch) error {
	args := []any{db.Prepared, b.number, b.records[0].ID, b.records[len(b.records)-1].ID, Digest(b.number, b.records)}
	args = append(args, entryArrays(b)...)
	args = append(args, postingArrays(b)...)
	lines, err := lineArrays(b)
	if err != nil {
		return err
	}
	args = append(args, lines...)
	args = append(args, maturityArrays(b)...)
	args = append(args, totalArrays(t)...)
	if _, err := tx.Tx.ExecContext(ctx, writeSQL, args...); err != nil {
		return writeError(err)
	}
	return nil
}

func entryArrays(b *batch) []any {
	n := len(b.records)
	ids, kinds, sources, at := make([]int64, n), make([]string, n), make([]string, n), make([]time.Time, n)
	for i, r := range b.records {
		ids[i], kinds[i], sources[i], at[i] = r.ID, r.Kind, r.Source, r.At
	}
	return []any{ids, kinds, sources, at}
}

func postingArrays(b *batch) []any {
	var entries, accounts, amounts []int64
	var lines []int16
	var currencies []string
	for i, r := range b.records {
		for j, p := range r.Postings {
			entries = append(entries, r.ID)
			lines = append(lines, int16(j))
			accounts = append(accounts, b.landed[i][j].id)
			currencies = append(currencies, string(p.Place.Currency))
			amounts = append(amounts, p.Amount)
		}
	}
	return []any{entries, lines, accounts, currencies, amounts}
}

func lineArrays(b *batch) ([]any, error) {
	ids, accounts, types, currencies := []string{}, []string{}, []string{}, []string{}
	details, sources, descriptions := []string{}, []string{}, []string{}
	livemodes, pendings := []bool{}, []bool{}
	numbers, amounts, fees, entries := []int64{}, []int64{}, []int64{}, []int64{}
	availableOn, createdAt := []time.Time{}, []time.Time{}
	for _, r := range b.records {
		for _, l := range r.Lines {
			detail, err := feeJSON(l.FeeDetails)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, l.AccountID)
			ids, accounts, types = append(ids, l.ID), append(accounts, l.Account), append(types, l.Type)
			livemodes, pendings = append(livemodes, l.Livemode), append(pendings, l.Pending)
			currencies, amounts, fees = append(currencies, l.Currency), append(amounts, l.Amount), append(fees, l.Fee)
			details, availableOn = append(details, detail), append(availableOn, l.AvailableOn)
			sources, descriptions = append(sources, l.Source), append(descriptions, l.Description)
			entries, createdAt = append(entries, r.ID), append(createdAt, r.At)
		}
	}
	return []any{ids, numbers, accounts, livemodes, types, currencies, amounts, fees, details,
		availableOn, pendings, sources, descriptions, entries, createdAt}, nil
}

func feeJSON(fees []Fee) (string, error) {
	if len(fees) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(fees)
	return string(b), err
}

func maturityArrays(b *batch) []any {
	accounts, days, amounts := []int64{}, []time.Time{}, []int64{}
	for m, amount := range b.maturities {
		accounts, days, amounts = append(accounts, m.account), append(days, m.day), append(amounts, amount)
	}
	return []any{accounts, days, amounts}
}

func totalArrays(t *table) []any {
	var ids, debits, credits, postings []int64
	for _, r := range t.rows {
		if r.postings > 0 {
			ids, postings = append(ids, r.id), append(postings, r.postings)
			debits, credits = append(debits, r.debits-r.debitsBefore), append(credits, r.credits-r.creditsBefore)
		}
	}
	return []any{ids, debits, credits, postings}
}

// writeError names the event if it was booked before.
func writeError(err error) error {
	if db.Constraint(err) == "entries_source_kind_key" {
		return repeatedOf(err)
	}
	return fmt.Errorf("write ledger batch: %w", err)
}

// repeatedOf reads the event out of PostgreSQL's detail:
// Key (source, kind)=(ch_1, charge_succeeded) already exists.
func repeatedOf(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	_, key, _ := strings.Cut(pg.Detail, ")=(")
	key, _, _ = strings.Cut(key, ") ")
	source, kind, _ := strings.Cut(key, ", ")
	return &Repeated{Kind: kind, Source: source}
}

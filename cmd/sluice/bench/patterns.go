package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicepay/sluice/platform/id"
)

// traces say which rows a charge leaves behind: those whose column has one of the
// charge's names. They are what the payment writes before it is answered: what
// consumers write later is not here.
var traces = []struct{ table, column, names string }{
	{"connect.payment_methods", "id", "methods"},
	{"connect.charges", "id", "charges"},
	{"cardsim.payments", "reference", "charges"},
	{"connect.transfers", "source_transaction", "charges"},
	{"connect.application_fees", "originating_transaction", "charges"},
	{"ledger.entries", "id", "entries"},
	{"ledger.postings", "entry_id", "entries"},
	{"ledger.balance_transactions", "entry_id", "entries"},
	{"platform.events", "object_id", "objects"},
	{"platform.idempotency_keys", "object", "charges"},
}

// names are found by statements with the charges as k.
var names = map[string]string{
	"charges": `SELECT n, id FROM k`,
	"methods": `SELECT n, coalesce(nullif(payment_method, ''), method ->> 'source_id') FROM k JOIN connect.charges c USING (id)`,
	"entries": `SELECT n, e.id::text FROM k JOIN ledger.entries e ON e.source = k.id`,
	"objects": `SELECT n, id FROM k
		UNION ALL SELECT n, unnest(ARRAY[t.id, t.destination_payment]) FROM k JOIN connect.transfers t ON t.source_transaction = k.id
		UNION ALL SELECT n, f.id FROM k JOIN connect.application_fees f ON f.originating_transaction = k.id`,
}

// numbered are the columns that hold an entry's number, which is the batch's and a place in it.
var numbered = map[string]bool{"ledger.entries.id": true, "ledger.postings.entry_id": true, "ledger.balance_transactions.entry_id": true}

// ordered is the column by which events are published: any number that grows.
const ordered = "platform.events.order_xid"

// patterns are the rows of some charges, with holes where each charge has names of its own.
type patterns struct {
	tables  []*printed
	charges []*pattern

	accounts   [][]string // rows of ledger.accounts as text
	accountIDs []int64
	batches    atomic.Int64
	digest     []byte

	lock, insertAccounts, insertBatch, updateAccounts, addMaturities string
}

// printed is a table as it is printed from patterns.
type printed struct {
	name    string
	columns []column
	insert  string
}

type column struct {
	name, kind string
	nullable   bool
	random     bool // a key that means nothing
}

// pattern is one charge.
type pattern struct {
	prefixes []string   // of the names that are this charge's own
	rows     [][][]cell // by table
	postings []posted
	matures  time.Time
}

// cell is a value: text with holes for names, or a value as pgx takes it.
type cell struct {
	null   bool
	text   []string // literals; between them stand the names
	names  []int    // places in prefixes
	number int64
	at     time.Time
	flag   bool
}

type posted struct {
	account, amount int64
	pending         bool
}

var named = regexp.MustCompile(`\b([a-z]+)_[0-9A-Za-z]{22}\b`)

// samples reads the newest charges and all rows that belong to them.
func (b *bench) samples(ctx context.Context) (*patterns, error) {
	conn, err := pgx.Connect(ctx, b.served.DatabaseURL.Reveal())
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT id FROM connect.charges WHERE status = 'succeeded' AND transfer <> '' ORDER BY id DESC LIMIT $1`, floorSamples)
	if err != nil {
		return nil, err
	}
	charges, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	if len(charges) == 0 {
		return nil, errors.New("there is no charge to take as a pattern")
	}
	p := &patterns{digest: make([]byte, 32)}
	_, _ = rand.Read(p.digest)                // never fails
	raw := make([][][][]*string, len(traces)) // table, charge, row, column
	for i, trace := range traces {
		table, err := describe(ctx, conn, trace.table)
		if err != nil {
			return nil, err
		}
		p.tables = append(p.tables, table)
		if raw[i], err = table.read(ctx, conn, trace.column, trace.names, charges); err != nil {
			return nil, fmt.Errorf("read the rows of %s: %w", trace.table, err)
		}
	}
	shared := sharedNames(raw, len(charges))
	for c := range charges {
		one, err := p.cut(raw, c, shared)
		if err != nil {
			return nil, err
		}
		p.charges = append(p.charges, one)
	}
	return p, p.follow(ctx, conn, charges)
}

// describe lists the columns that somebody who inserts fills in.
func describe(ctx context.Context, conn *pgx.Conn, name string) (*printed, error) {
	rows, err := conn.Query(ctx, `
SELECT a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull,
	EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey))
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
	AND coalesce(pg_get_expr(d.adbin, d.adrelid) NOT LIKE 'nextval(%', true)
ORDER BY a.attnum`, name)
	if err != nil {
		return nil, err
	}
	t := &printed{name: name}
	var key bool
	var c column
	_, err = pgx.ForEachRow(rows, []any{&c.name, &c.kind, &c.nullable, &key}, func() error {
		c.random = key && c.kind == "uuid"
		t.columns = append(t.columns, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", name, err)
	}
	var columns, values, arrays []string
	for i, c := range t.columns {
		quoted := pgx.Identifier{c.name}.Sanitize()
		columns = append(columns, quoted)
		sent := c.kind
		switch c.kind {
		case "json", "jsonb":
			sent = "text" // as the product sends it
		case "text", "bigint", "integer", "smallint", "boolean", "bytea", "uuid", "date", "timestamp with time zone":
		default:
			return nil, fmt.Errorf("%s.%s is %s, which the floor cannot print", name, c.name, c.kind)
		}
		values = append(values, "v"+strconv.Itoa(i)+"::"+c.kind)
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::"+sent+"[]")
	}
	var aliases []string
	for i := range t.columns {
		aliases = append(aliases, "v"+strconv.Itoa(i))
	}
	t.insert = "INSERT INTO " + name + " (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") +
		" FROM unnest(" + strings.Join(arrays, ", ") + ") AS v (" + strings.Join(aliases, ", ") + ")"
	return t, nil
}

// read gives the rows of each charge, as text.
func (t *printed) read(ctx context.Context, conn *pgx.Conn, column, of string, charges []string) ([][][]*string, error) {
	var columns []string
	for _, c := range t.columns {
		columns = append(columns, "t."+pgx.Identifier{c.name}.Sanitize()+"::text")
	}
	kind := "text"
	if of == "entries" {
		kind = "bigint"
	}
	// The bounds let a table be searched that is indexed by ranges only.
	rows, err := conn.Query(ctx, `WITH k AS (SELECT id, n::int FROM unnest($1::text[]) WITH ORDINALITY AS k (id, n)), named AS MATERIALIZED (
			SELECT n, id::`+kind+` FROM (`+names[of]+`) AS named (n, id))
		SELECT n, `+strings.Join(columns, ", ")+` FROM named JOIN `+t.name+` t ON t.`+column+` = named.id
		WHERE t.`+column+` BETWEEN (SELECT min(id) FROM named) AND (SELECT max(id) FROM named)`, charges)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make([][][]*string, len(charges))
	for rows.Next() {
		var n int
		row := make([]*string, len(t.columns))
		into := []any{&n}
		for i := range row {
			into = append(into, &row[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		found[n-1] = append(found[n-1], row)
	}
	return found, rows.Err()
}

// sharedNames are those that stand in the rows of more than one charge: they stay as they are.
func sharedNames(raw [][][][]*string, charges int) map[string]bool {
	seenIn := map[string]int{}
	shared := map[string]bool{}
	for c := range charges {
		for _, table := range raw {
			for _, row := range table[c] {
				for _, value := range row {
					if value == nil {
						continue
					}
					for _, name := range named.FindAllString(*value, -1) {
						if at, seen := seenIn[name]; seen && at != c || strings.HasPrefix(name, "acct_") {
							shared[name] = true
						}
						seenIn[name] = c
					}
				}
			}
		}
	}
	return shared
}

// cut makes a pattern of a charge's rows.
func (p *patterns) cut(raw [][][][]*string, c int, shared map[string]bool) (*pattern, error) {
	one := &pattern{}
	places := map[string]int{}
	for t, table := range p.tables {
		var rows [][]cell
		for _, row := range raw[t][c] {
			cells := make([]cell, len(row))
			for i, value := range row {
				var err error
				if cells[i], err = one.cell(table.columns[i].kind, value, places, shared); err != nil {
					return nil, fmt.Errorf("%s.%s: %w", table.name, table.columns[i].name, err)
				}
				if table.name == "connect.charges" && table.columns[i].name == "matures_on" {
					one.matures = cells[i].at
				}
			}
			rows = append(rows, cells)
		}
		one.rows = append(one.rows, rows)
	}
	return one, nil
}

func (one *pattern) cell(kind string, value *string, places map[string]int, shared map[string]bool) (c cell, err error) {
	if value == nil {
		return cell{null: true}, nil
	}
	text := *value
	switch kind {
	case "bigint", "integer", "smallint":
		c.number, err = strconv.ParseInt(text, 10, 64)
		return c, err
	case "boolean":
		c.flag = text == "true"
		return c, nil
	case "date":
		c.at, err = time.Parse(time.DateOnly, text)
		return c, err
	case "timestamp with time zone":
		c.at, err = time.Parse("2006-01-02 15:04:05.999999999Z07", text)
		return c, err
	case "uuid":
		c.text = []string{text}
		return c, nil
	case "bytea":
		raw, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
		if err != nil {
			return c, err
		}
		text = string(raw)
	}
	from := 0
	for _, at := range named.FindAllStringIndex(text, -1) {
		name := text[at[0]:at[1]]
		if shared[name] {
			continue
		}
		place, ok := places[name]
		if !ok {
			place = len(one.prefixes)
			places[name] = place
			one.prefixes = append(one.prefixes, id.Prefix(name))
		}
		c.text, c.names = append(c.text, text[from:at[0]]), append(c.names, place)
		from = at[1]
	}
	c.text = append(c.text, text[from:])
	return c, nil
}

// renewed are names for one more charge of this pattern.
func (one *pattern) renewed() []string {
	names := make([]string, len(one.prefixes))
	for i, prefix := range one.prefixes {
		names[i] = id.New(prefix)
	}
	return names
}

func (c *cell) print(names []string) string {
	if len(c.names) == 0 {
		return c.text[0]
	}
	var b strings.Builder
	size := 0
	for _, part := range c.text {
		size += len(part)
	}
	for _, n := range c.names {
		size += len(names[n])
	}
	b.Grow(size)
	for i, part := range c.text {
		b.WriteString(part)
		if i < len(c.names) {
			b.WriteString(names[c.names[i]])
		}
	}
	return b.String()
}

// arguments are the columns of a table for a batch of charges, as arrays.
func (t *printed) arguments(place int, charges []*pattern, own [][]string, batch int64) []any {
	arguments := make([]any, len(t.columns))
	for i, c := range t.columns {
		name := t.name + "." + c.name
		switch {
		case numbered[name]:
			arguments[i] = gather(place, i, charges, false, func(n int, _ *cell) int64 { return batch*1024 + int64(n) })
		case name == ordered:
			arguments[i] = gather(place, i, charges, false, func(int, *cell) int64 { return batch })
		case c.random:
			arguments[i] = gather(place, i, charges, false, func(int, *cell) (u [16]byte) { _, _ = rand.Read(u[:]); return u })
		case c.kind == "uuid":
			arguments[i] = gather(place, i, charges, c.nullable, func(_ int, c *cell) [16]byte { return uuidOf(c.text[0]) })
		case c.kind == "bytea":
			arguments[i] = gather(place, i, charges, false, func(n int, c *cell) []byte {
				if c.null {
					return nil
				}
				return []byte(c.print(own[n]))
			})
		case c.kind == "boolean":
			arguments[i] = gather(place, i, charges, c.nullable, func(_ int, c *cell) bool { return c.flag })
		case c.kind == "date" || c.kind == "timestamp with time zone":
			arguments[i] = gather(place, i, charges, c.nullable, func(_ int, c *cell) time.Time { return c.at })
		case c.kind == "bigint" || c.kind == "integer" || c.kind == "smallint":
			arguments[i] = gather(place, i, charges, c.nullable, func(_ int, c *cell) int64 { return c.number })
		default:
			arguments[i] = gather(place, i, charges, c.nullable, func(n int, c *cell) string { return c.print(own[n]) })
		}
	}
	return arguments
}

// gather makes an array of a column; n is the charge's place in the batch.
func gather[T any](place, column int, charges []*pattern, nullable bool, value func(n int, c *cell) T) any {
	if !nullable {
		all := make([]T, 0, len(charges))
		for n, charge := range charges {
			for _, row := range charge.rows[place] {
				all = append(all, value(n, &row[column]))
			}
		}
		return all
	}
	all := make([]*T, 0, len(charges))
	for n, charge := range charges {
		for _, row := range charge.rows[place] {
			if row[column].null {
				all = append(all, nil)
				continue
			}
			v := value(n, &row[column])
			all = append(all, &v)
		}
	}
	return all
}

func uuidOf(text string) (u [16]byte) {
	_, _ = hex.Decode(u[:], []byte(strings.ReplaceAll(text, "-", ""))) // PostgreSQL has written it
	return u
}

// follow finds what the charges did to the accounts of the ledger. The tables'
// names are put in here: the rooms own their tables, and these statements run in a
// scratch database that no room knows.
func (p *patterns) follow(ctx context.Context, conn *pgx.Conn, charges []string) error {
	const accounts, batches, maturities = "ledger.accounts", "ledger.batches", "ledger.maturities"
	rows, err := conn.Query(ctx, `WITH k AS (SELECT id, n::int FROM unnest($1::text[]) WITH ORDINALITY AS k (id, n)), named AS MATERIALIZED (
			SELECT n, e.id FROM k JOIN ledger.entries e ON e.source = k.id)
		SELECT n - 1, t.account_id, t.amount, a.kind = 'pending' FROM named JOIN ledger.postings t ON t.entry_id = named.id JOIN ledger.accounts a ON a.id = t.account_id
		WHERE t.entry_id BETWEEN (SELECT min(id) FROM named) AND (SELECT max(id) FROM named)`, charges)
	if err != nil {
		return err
	}
	var n int
	var one posted
	_, err = pgx.ForEachRow(rows, []any{&n, &one.account, &one.amount, &one.pending}, func() error {
		p.charges[n].postings = append(p.charges[n].postings, one)
		if !slices.Contains(p.accountIDs, one.account) {
			p.accountIDs = append(p.accountIDs, one.account)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the postings: %w", err)
	}
	slices.Sort(p.accountIDs)
	rows, err = conn.Query(ctx, `SELECT id::text, owner, livemode::text, kind, currency FROM ledger.accounts WHERE id = ANY($1)`, p.accountIDs)
	if err != nil {
		return err
	}
	p.accounts, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (account []string, err error) {
		account = make([]string, 5)
		return account, row.Scan(&account[0], &account[1], &account[2], &account[3], &account[4])
	})
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	p.insertAccounts = "INSERT INTO " + accounts + " (id, owner, livemode, kind, currency) OVERRIDING SYSTEM VALUE VALUES ($1::text::bigint, $2, $3::text::boolean, $4, $5)"
	p.lock = "SELECT count(*) FROM (SELECT FROM ledger.accounts WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE) AS locked"
	p.insertBatch = "INSERT INTO " + batches + " (id, first_entry, last_entry, digest) VALUES ($1, $2, $3, $4)"
	p.updateAccounts = "UPDATE " + accounts + " a SET debits = a.debits + d.debits, credits = a.credits + d.credits, version = a.version + d.postings" +
		" FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS d (id, debits, credits, postings) WHERE a.id = d.id"
	p.addMaturities = "INSERT INTO " + maturities + " (account_id, day, amount) SELECT * FROM unnest($1::bigint[], $2::date[], $3::bigint[])" +
		" ON CONFLICT ON CONSTRAINT maturities_pkey DO UPDATE SET amount = maturities.amount + excluded.amount"
	return nil
}

// move puts the accounts into the scratch database.
func (p *patterns) move(ctx context.Context, address string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	batch := &pgx.Batch{}
	for _, a := range p.accounts {
		batch.Queue(p.insertAccounts, a[0], a[1], a[2], a[3], a[4])
	}
	return conn.SendBatch(ctx, batch).Close()
}

// rowsEach are the rows that a charge inserts, by table, the batch's own shared out.
func (p *patterns) rowsEach() map[string]float64 {
	each := map[string]float64{"ledger.batches": rounded(1 / float64(floorBatch))}
	for t, table := range p.tables {
		n := 0
		for _, c := range p.charges {
			n += len(c.rows[t])
		}
		each[table.name] = rounded(float64(n) / float64(len(p.charges)))
	}
	return each
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
)

// Floor is what the machine could do at best: the rows of a charge without the
// code that makes them, and the code's way in and out without rows.
type Floor struct {
	PerSecond   float64            `json:"charges_per_second"`
	PostgresCPU float64            `json:"postgres_cpu_us"` // for each charge
	WriterCPU   float64            `json:"writer_cpu_us"`   // of the bench, which writes
	WALBytes    float64            `json:"wal_bytes"`
	Rows        map[string]float64 `json:"rows_inserted_by_table"`
	Echo        Echo               `json:"echo"`
}

// Echo is a request through the middleware of the API (authentication, idempotency
// key, parameters, a charge rendered) that touches no database.
type Echo struct {
	PerSecond float64 `json:"requests_per_second"`
	Times
	ServerCPU float64 `json:"server_cpu_us"`
	LoadCPU   float64 `json:"load_cpu_us"`
}

func (f *Floor) print(out io.Writer) {
	fmt.Fprintf(out, "\nfloor: %.0f charges/s written in batches of %d by %d writers; µs each: PostgreSQL %.0f, writer %.0f; WAL %.0f B\n",
		f.PerSecond, floorBatch, floorWriters, f.PostgresCPU, f.WriterCPU, f.WALBytes)
	fmt.Fprintf(out, "echo:  %.0f requests/s; p50 %.1f ms, p99 %.1f ms; µs each: server %.0f, load %.0f\n",
		f.Echo.PerSecond, f.Echo.P50, f.Echo.P99, f.Echo.ServerCPU, f.Echo.LoadCPU)
}

const (
	floorBatch   = 200 // charges in a transaction: more give latency and nothing else
	floorWriters = 2
	floorSamples = 400 // charges whose rows are taken as patterns
	floorWarmUp  = time.Second
	floorLongest = 15 * time.Second
)

// bottom measures the floor and puts it beside the charges of the reports.
func (b *bench) bottom(ctx context.Context, progress io.Writer, reports []Report) error {
	fmt.Fprintln(progress, "  … floor: the same rows without our code")
	f, err := b.measureFloor(ctx, min(b.duration, floorLongest))
	if err != nil {
		return fmt.Errorf("measure the floor: %w", err)
	}
	fmt.Fprintln(progress, "  … floor: an echo through the same middleware")
	if f.Echo, err = b.measureEcho(ctx, progress); err != nil {
		return fmt.Errorf("measure the echo: %w", err)
	}
	for i := range reports {
		reports[i].Floor = &f
		if f.PerSecond > 0 {
			reports[i].FloorRatio = rounded(reports[i].Charges / f.PerSecond)
		}
	}
	return nil
}

// measureFloor writes copies of charges that the server has written into a database
// of its own with the same schema.
func (b *bench) measureFloor(ctx context.Context, duration time.Duration) (f Floor, err error) {
	patterns, err := b.samples(ctx)
	if err != nil {
		return f, err
	}
	scratch, drop, err := b.scratch(ctx)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	if err := patterns.move(ctx, scratch); err != nil {
		return f, err
	}
	g := gauge{pool: b.pool}
	if _, err := patterns.write(ctx, scratch, floorWarmUp); err != nil {
		return f, err
	}
	before, err := g.read(ctx)
	if err != nil {
		return f, err
	}
	began, cpu := time.Now(), ownCPU()
	written, err := patterns.write(ctx, scratch, duration)
	if err != nil {
		return f, err
	}
	took := time.Since(began)
	each := float64(max(written, 1))
	f = Floor{PerSecond: rounded(each / took.Seconds()), WriterCPU: rounded(micros(ownCPU()-cpu) / each), Rows: patterns.rowsEach()}
	after, err := g.read(ctx)
	if err != nil {
		return f, err
	}
	f.PostgresCPU, f.WALBytes = rounded(micros(after.postgres-before.postgres)/each), rounded(float64(after.wal-before.wal)/each)
	return f, nil
}

// scratch makes a database beside the one that is measured.
func (b *bench) scratch(ctx context.Context) (address string, drop func() error, err error) {
	u, err := url.Parse(b.served.DatabaseURL.Reveal())
	if err != nil {
		return "", nil, errors.New("the URL of the database is none")
	}
	name := strings.ToLower(id.New("floor"))
	quoted := pgx.Identifier{name}.Sanitize()
	if _, err := b.pool.ExecContext(ctx, "CREATE DATABASE "+quoted); err != nil {
		return "", nil, fmt.Errorf("make a database for the floor: %w", err)
	}
	drop = func() error {
		_, err := b.pool.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+quoted+" WITH (FORCE)")
		return err
	}
	u.Path = "/" + name
	pool, err := db.Open(ctx, db.Config{URL: u.String(), Name: "sluice bench", MaxConns: 2, StatementTimeout: -1})
	if err == nil {
		_, err = db.Migrate(ctx, pool)
		err = errors.Join(err, pool.Close())
	}
	if err != nil {
		return "", nil, errors.Join(err, drop())
	}
	return u.String(), drop, nil
}

// write has the writers write until the time is over, and says how many charges that were.
func (p *patterns) write(ctx context.Context, address string, duration time.Duration) (int, error) {
	end := time.Now().Add(duration)
	var written atomic.Int64
	errs := make([]error, floorWriters)
	var work sync.WaitGroup
	for w := range floorWriters {
		work.Go(func() {
			errs[w] = func() error {
				conn, err := pgx.Connect(ctx, address)
				if err != nil {
					return err
				}
				defer conn.Close(context.WithoutCancel(ctx))
				for time.Now().Before(end) {
					if err := p.commit(ctx, conn, int(written.Add(floorBatch))-floorBatch); err != nil {
						return err
					}
				}
				return nil
			}()
		})
	}
	work.Wait()
	return int(written.Load()), errors.Join(errs...)
}

// commit writes one batch in one round trip: a transaction with a statement for each table.
func (p *patterns) commit(ctx context.Context, conn *pgx.Conn, first int) error {
	number := p.batches.Add(1)
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	batch.Queue(p.lock, p.accountIDs) // in one order, or the writers would lock each other
	totals := newTotals()
	charges := make([]*pattern, floorBatch)
	own := make([][]string, floorBatch)
	for i := range charges {
		charges[i] = p.charges[(first+i)%len(p.charges)]
		own[i] = charges[i].renewed()
		totals.add(charges[i])
	}
	for t, table := range p.tables {
		batch.Queue(table.insert, table.arguments(t, charges, own, number)...)
	}
	batch.Queue(p.insertBatch, number, number*1024, number*1024+floorBatch-1, p.digest)
	batch.Queue(p.updateAccounts, totals.ids, totals.debits, totals.credits, totals.postings)
	batch.Queue(p.addMaturities, totals.pendingIDs, totals.days, totals.amounts)
	batch.Queue("COMMIT")
	return conn.SendBatch(ctx, batch).Close()
}

// totals is what a batch does to the ledger's accounts.
type totals struct {
	place                          map[int64]int
	ids, debits, credits, postings []int64
	pending                        map[maturing]int
	pendingIDs                     []int64
	days                           []time.Time
	amounts                        []int64
}

type maturing struct {
	account int64
	day     time.Time
}

func newTotals() *totals { return &totals{place: map[int64]int{}, pending: map[maturing]int{}} }

func (t *totals) add(c *pattern) {
	for _, p := range c.postings {
		at, ok := t.place[p.account]
		if !ok {
			at = len(t.ids)
			t.place[p.account] = at
			t.ids, t.debits, t.credits, t.postings = append(t.ids, p.account), append(t.debits, 0), append(t.credits, 0), append(t.postings, 0)
		}
		t.postings[at]++
		if p.amount > 0 {
			t.debits[at] += p.amount
		} else {
			t.credits[at] -= p.amount
		}
		if !p.pending || c.matures.IsZero() {
			continue
		}
		m := maturing{p.account, c.matures}
		if at, ok = t.pending[m]; !ok {
			at = len(t.pendingIDs)
			t.pending[m] = at
			t.pendingIDs, t.days, t.amounts = append(t.pendingIDs, p.account), append(t.days, c.matures), append(t.amounts, 0)
		}
		t.amounts[at] -= p.amount
	}
}

// measureEcho puts the load of charges on a server that only echoes.
func (b *bench) measureEcho(ctx context.Context, progress io.Writer) (e Echo, err error) {
	address, process, stop, err := b.served.Echo(ctx)
	if err != nil {
		return e, err
	}
	defer stop()
	c := stage{parties: b.parties[:1], run: id.New("bench")}.charge()
	c.path, c.want = EchoPath, succeeded
	r, err := c.render(address)
	if err != nil {
		return e, err
	}
	plan := Plan{
		Addresses: []string{address}, Requests: []Request{r}, Turns: []int{0}, Connections: slices.Max(b.connections),
		WarmUp: floorWarmUp, Duration: min(b.duration, floorLongest),
	}
	g := gauge{servers: []int{process}}
	var before reading
	between := func() (err error) { before, err = g.read(ctx); return err }
	err = drive(ctx, plan, progress, between, func(o Outcome) error {
		after, err := g.read(ctx)
		if o.Errors > 0 || o.Refused > 0 {
			err = errors.Join(err, errors.New(o.FirstError))
		}
		each := float64(max(o.Done, 1))
		e = Echo{
			PerSecond: rounded(each / o.Seconds), Times: o.Times,
			ServerCPU: rounded(micros(after.server-before.server) / each), LoadCPU: rounded(o.CPUSeconds * 1e6 / each),
		}
		return err
	})
	return e, err
}

// EchoPath is where an echo server listens.
const EchoPath = "/v1/bench/echo"

// Echoing starts a process that serves the middleware of the API and nothing behind it.
type Echoing func(ctx context.Context) (address string, process int, stop func(), err error)

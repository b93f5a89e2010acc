package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
)

// reading is what processes and PostgreSQL have counted so far.
type reading struct {
	server, postgres, broker time.Duration // CPU; 0 if the process is not here to be seen
	wal                      int64
	commits                  int64
	statements               int64
	inserted, updated        map[string]int64 // by table
	scanned                  map[string]int64 // rows read one after the other, for want of an index
	hot                      int64
}

// gauge reads them.
type gauge struct {
	pool    *bun.DB
	servers []int // process ids
	broker  int
}

func (g gauge) read(ctx context.Context) (r reading, err error) {
	for _, pid := range g.servers {
		r.server += cpuOf(pid)
	}
	if g.broker != 0 {
		r.broker = cpuOf(g.broker)
	}
	if g.pool == nil {
		return r, nil
	}
	var backend int
	err = g.pool.NewRaw(`SELECT pg_backend_pid(), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
		(SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())`).Scan(ctx, &backend, &r.wal, &r.commits)
	if err != nil {
		return r, fmt.Errorf("ask PostgreSQL what it has done: %w", err)
	}
	r.postgres = cpuOfPostgres(backend)
	if r.statements, err = countedStatements(ctx, g.pool); err != nil {
		return r, err
	}
	var tables []struct {
		Name                            string
		Inserted, Updated, Hot, Scanned int64
	}
	// Partitions count as the table they are part of.
	err = g.pool.NewRaw(`SELECT s.schemaname || '.' || coalesce(p.relname, s.relname) AS name,
			sum(n_tup_ins)::bigint AS inserted, sum(n_tup_upd)::bigint AS updated, sum(n_tup_hot_upd)::bigint AS hot,
			sum(seq_tup_read)::bigint AS scanned
		FROM pg_stat_user_tables s LEFT JOIN pg_inherits i ON i.inhrelid = s.relid LEFT JOIN pg_class p ON p.oid = i.inhparent
		GROUP BY 1`).Scan(ctx, &tables)
	if err != nil {
		return r, fmt.Errorf("ask PostgreSQL for its tables: %w", err)
	}
	r.inserted, r.updated, r.scanned = map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, t := range tables {
		r.inserted[t.Name], r.updated[t.Name], r.scanned[t.Name] = t.Inserted, t.Updated, t.Scanned
		r.hot += t.Hot
	}
	return r, nil
}

// Cost is what PostgreSQL and the processes did between two readings, for each
// object that was made.
type Cost struct {
	ServerCPU   float64            `json:"server_cpu_us"`
	PostgresCPU float64            `json:"postgres_cpu_us"` // all its processes; 0 where it runs elsewhere
	BrokerCPU   float64            `json:"broker_cpu_us"`   // and the bench, which does nothing meanwhile; 0 with a given server
	LoadCPU     float64            `json:"load_cpu_us"`
	WALBytes    float64            `json:"wal_bytes"`
	Commits     float64            `json:"commits"`
	Statements  float64            `json:"statements"` // 0 unless they were counted
	Rows        float64            `json:"rows_written"`
	Inserted    map[string]float64 `json:"rows_inserted_by_table,omitempty"`
	Updated     map[string]float64 `json:"rows_updated_by_table,omitempty"`
	HotUpdates  float64            `json:"rows_updated_in_place"` // of the updated: no index was touched
	Scanned     map[string]float64 `json:"rows_scanned_by_table"` // without an index: small tables only, if all is well
}

// since is what happened from before to r. Times and bytes are divided by done,
// which the load counted; rows by the rows that appeared in the table of what was made, because
// PostgreSQL's sessions tell what they have written up to a second late.
func (r reading) since(before reading, done int, load float64, made string) Cost {
	each := float64(max(done, 1))
	c := Cost{
		ServerCPU: rounded(micros(r.server-before.server) / each), PostgresCPU: rounded(micros(r.postgres-before.postgres) / each),
		BrokerCPU: rounded(micros(r.broker-before.broker) / each), LoadCPU: rounded(load * 1e6 / each),
		WALBytes: rounded(float64(r.wal-before.wal) / each), Commits: rounded(float64(r.commits-before.commits) / each),
		Statements: rounded(float64(r.statements-before.statements) / each),
		Inserted:   map[string]float64{}, Updated: map[string]float64{}, Scanned: map[string]float64{},
	}
	for table, n := range r.scanned {
		if share := float64(n-before.scanned[table]) / each; share >= 0.0005 {
			c.Scanned[table] = rounded(share)
		}
	}
	if appeared := r.inserted[made] - before.inserted[made]; appeared > 0 {
		each = float64(appeared)
	}
	for _, side := range []struct {
		into     map[string]float64
		from, to map[string]int64
	}{{c.Inserted, before.inserted, r.inserted}, {c.Updated, before.updated, r.updated}} {
		for table, n := range side.to {
			share := float64(n-side.from[table]) / each
			c.Rows += share
			if share >= 0.0005 {
				side.into[table] = rounded(share)
			}
		}
	}
	c.Rows, c.HotUpdates = rounded(c.Rows), rounded(float64(r.hot-before.hot)/each)
	return c
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// clockTick is how /proc counts CPU: Linux shows it in hundredths of a second on every machine.
const clockTick = 10 * time.Millisecond

// stat is what /proc says of a process.
type stat struct {
	name   string
	parent int
	own    time.Duration // user and system
	reaped time.Duration // of children that have ended
}

func statOf(pid int) (s stat, ok bool) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return s, false
	}
	text := string(raw)
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return s, false
	}
	// The first field after the name is the third of the line.
	fields := strings.Fields(text[to+1:])
	if len(fields) < 15 {
		return s, false
	}
	number := func(field int) time.Duration {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return time.Duration(n)
	}
	return stat{
		name: text[from+1 : to], parent: int(number(4)),
		own: (number(14) + number(15)) * clockTick, reaped: (number(16) + number(17)) * clockTick,
	}, true
}

func cpuOf(pid int) time.Duration {
	s, _ := statOf(pid)
	return s.own
}

// cpuOfPostgres is the CPU of a server and all its sessions and helpers, found by
// one of its sessions. 0 if that runs on another machine: the process of that number is none of PostgreSQL's.
func cpuOfPostgres(backend int) time.Duration {
	session, ok := statOf(backend)
	if !ok || !strings.HasPrefix(session.name, "postgres") {
		return 0
	}
	main, ok := statOf(session.parent)
	if !ok || !strings.HasPrefix(main.name, "postgres") {
		return 0
	}
	all := main.own + main.reaped
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		if pid, err := strconv.Atoi(p.Name()); err == nil {
			if s, ok := statOf(pid); ok && s.parent == session.parent {
				all += s.own
			}
		}
	}
	return all
}

// Backlog is what was left to be told when the load ended.
type Backlog struct {
	Unpublished int64   `json:"unpublished"` // events that Kafka did not have yet
	Unhandled   int64   `json:"unhandled"`   // events that consumers had not handled yet
	Seconds     float64 `json:"caught_up_s"` // until both were zero; -1: they were not within the time given
}

// left counts what is left. Consumers tell by their metrics, once a second.
func left(ctx context.Context, pool *bun.DB, metrics []string) (b Backlog, err error) {
	published, err := event.Published(ctx, pool)
	if err != nil {
		return b, err
	}
	for lane, at := range published {
		var n int64
		if err := pool.NewRaw(`SELECT count(*) FROM platform.events WHERE lane = ? AND (order_xid, seq) > (?, ?)`, lane, at.OrderXID, at.Seq).Scan(ctx, &n); err != nil {
			return b, fmt.Errorf("count what is not published: %w", err)
		}
		b.Unpublished += n
	}
	for _, address := range metrics {
		n, err := metric(ctx, address, "sluice_bus_consumer_lag_messages")
		if err != nil {
			return b, err
		}
		b.Unhandled += n
	}
	return b, nil
}

// metric is the sum of a metric over its labels.
func metric(ctx context.Context, address, name string) (sum int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("read the server's metrics: %w", err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, fmt.Errorf("read the server's metrics: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
		if err == nil {
			sum += int64(value)
		}
	}
	return sum, nil
}

// catchUp waits until everything has been told to everybody, and says how long that took.
func catchUp(ctx context.Context, pool *bun.DB, metrics []string, limit time.Duration) (Backlog, error) {
	began := time.Now()
	first, err := left(ctx, pool, metrics)
	if err != nil {
		return first, err
	}
	quiet := 0
	for now := first; ; {
		// Twice, a second apart: the metrics may be that old.
		if now.Unpublished == 0 && now.Unhandled == 0 {
			if quiet++; quiet == 5 {
				first.Seconds = max(0, (time.Since(began) - 4*lookAgain).Seconds())
				return first, nil
			}
		} else {
			quiet = 0
		}
		if time.Since(began) > limit {
			first.Seconds = -1
			return first, nil
		}
		if !sleep(ctx, lookAgain) {
			return first, ctx.Err()
		}
		if now, err = left(ctx, pool, metrics); err != nil {
			return first, err
		}
	}
}

const lookAgain = 300 * time.Millisecond

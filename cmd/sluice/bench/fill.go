package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/secret"
)

// Prepare makes the books of a setup and tells progress how that goes.
type Prepare func(ctx context.Context, progress io.Writer, setup Setup) (Books, error)

// fillOptions are the flags of `bench fill`.
type fillOptions struct {
	postings, accounts int
	days               int
	verify             bool
	dir, databaseURL   string
}

func fillCommand(prepare Prepare) *cobra.Command {
	var o fillOptions
	cmd := &cobra.Command{
		Use: "fill", Short: "Fill a database with a long history, for a bench that comes after", Args: cobra.NoArgs,
		Long: "Writes destination charges with an application fee into the ledger of an empty database: entries, postings, statement\n" +
			"lines, totals, batches with their digests, all as the server would have written them, but with COPY and with the\n" +
			"indexes built afterwards. Charges of other rooms and events are not made. What is in the directory has the keys to\n" +
			"it: give the same --dir to the bench that comes after.\n\n" +
			"Memory does not grow with the number of postings. A fill that was stopped cannot go on: remove the directory.",
		Example: "  sluice bench fill --dir /data/big --postings 100000000 --accounts 1000000\n  sluice bench charges --dir /data/big --hot --connections 64\n  sluice bench reads --dir /data/big",
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd, prepare) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.postings, "postings", 1_000_000, fmt.Sprintf("postings at least; a charge has %d", postingsEach))
	flags.IntVar(&o.accounts, "accounts", 10_000, "connected accounts")
	flags.IntVar(&o.days, "days", 400, "how far back the history goes")
	flags.BoolVar(&o.verify, "verify", true, "verify the ledger at the end; takes about as long as the filling")
	flags.StringVar(&o.dir, "dir", "", "where PostgreSQL and the keys live")
	flags.StringVar(&o.databaseURL, "database-url", os.Getenv("SLUICE_BENCH_DATABASE_URL"), "this PostgreSQL instead of a private one; default SLUICE_BENCH_DATABASE_URL")
	flags.Lookup("database-url").DefValue = ""
	return cmd
}

func (o fillOptions) run(cmd *cobra.Command, prepare Prepare) error {
	switch {
	case o.dir == "":
		return cli.Usagef("--dir is where what was filled can be found again: name one")
	case o.postings < 1 || o.accounts < 1 || o.days < 1:
		return cli.Usagef("--postings, --accounts and --days must be more than nothing")
	}
	ctx, progress := cmd.Context(), cmd.ErrOrStderr()
	b, err := prepare(ctx, progress, Setup{Dir: o.dir, DatabaseURL: secret.New(o.databaseURL)})
	if err != nil {
		return err
	}
	defer b.Stop()
	h, err := b.history(ctx, progress, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s postings of %s charges over %s accounts in %s\n",
		cli.Thousands(int64(h.charges)*postingsEach), cli.Thousands(int64(h.charges)), cli.Thousands(int64(o.accounts)), o.dir)
	if !o.verify {
		return nil
	}
	fmt.Fprintln(progress, "  … verifying")
	return verify(ctx, Server{DatabaseURL: b.DatabaseURL}, cmd.OutOrStdout())
}

const (
	postingsEach = 6 // of a destination charge with an application fee

	batchEach    = 200   // charges of a batch, as many as the server commits together at most
	portion      = 10000 // charges that a transaction copies
	printedAhead = 2     // portions in memory
)

// history fills the ledger.
func (b Books) history(ctx context.Context, progress io.Writer, o fillOptions) (h *history, err error) {
	if err := b.mustBeEmpty(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	step := func(format string, args ...any) {
		fmt.Fprintf(progress, "  ✓ %-66s %5.1f s\n", fmt.Sprintf(format, args...), time.Since(began).Seconds())
		began = time.Now()
	}
	// Paid out by hand only: a server that finds a million accounts due would pay them while it is measured.
	ids, err := b.fillAccounts(ctx, o.accounts, "manual", pace(progress, "accounts", o.accounts))
	if err != nil {
		return nil, err
	}
	step("%s accounts", cli.Thousands(int64(len(ids))))
	charges := (o.postings + postingsEach - 1) / postingsEach
	h = newHistory(b.Platform, ids, charges, b.Clock.Now().AddDate(0, 0, -o.days), b.Clock.Now())
	shelved, err := b.shelve(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.copy(ctx, b.DatabaseURL, pace(progress, "charges", charges)); err != nil {
		return nil, fmt.Errorf("fill the ledger: %w; it is half full now: remove the directory or the database", err)
	}
	step("%s postings", cli.Thousands(int64(charges)*postingsEach))
	for _, index := range shelved {
		if err := b.tidy(ctx, index.make); err != nil {
			return nil, fmt.Errorf("build %s: %w", index.name, err)
		}
		step("index %s", index.name)
	}
	for _, tidy := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if err := b.tidy(ctx, tidy); err != nil {
			return nil, err
		}
	}
	step("statistics and checkpoint")
	sealed, err := audit.Seal(ctx, b.Pool)
	if err != nil {
		return nil, err
	}
	step("%s batches sealed", cli.Thousands(int64(sealed)))
	return h, nil
}

// mustBeEmpty refuses to write history into somebody's ledger.
func (b Books) mustBeEmpty(ctx context.Context) error {
	for _, table := range []string{"ledger.entries", "ledger.accounts", "ledger.batches", "connect.charges"} {
		var some bool
		if err := b.Pool.NewRaw("SELECT EXISTS (SELECT FROM "+table+")").Scan(ctx, &some); err != nil {
			return err
		}
		if some {
			return fmt.Errorf("%s is not empty: history is only written into a new database; choose another --dir or --database-url", table)
		}
	}
	return nil
}

// pace tells now and then how far something is and how long it will take.
func pace(out io.Writer, what string, all int) func(done int) {
	began, told := time.Now(), time.Now()
	var mu sync.Mutex
	return func(done int) {
		mu.Lock()
		defer mu.Unlock()
		if done == 0 || time.Since(told) < 5*time.Second {
			return
		}
		told = time.Now()
		took := time.Since(began)
		left := time.Duration(int64(took) / int64(done) * int64(all-done))
		fmt.Fprintf(out, "    %s of %s %s, %d/s, %s to go\n", cli.Thousands(int64(done)), cli.Thousands(int64(all)), what,
			int64(done)*int64(time.Second)/int64(took), left.Round(time.Second))
	}
}

// shelvedIndex is an index that is put away while rows pour in: building it afterwards
// is a sort, and keeping it up is a random page for every row.
type shelvedIndex struct{ name, drop, make string }

func (b Books) shelve(ctx context.Context) ([]shelvedIndex, error) {
	var found []struct {
		Name, Table, Definition, Constraint string
	}
	err := b.Pool.NewRaw(`
		SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS "table", pg_get_indexdef(i.indexrelid) AS definition,
			CASE WHEN c.oid IS NULL THEN '' ELSE format('ADD CONSTRAINT %I %s', c.conname, pg_get_constraintdef(c.oid)) END AS "constraint"
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
			LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
		WHERE i.indrelid IN ('ledger.entries'::regclass, 'ledger.postings'::regclass, 'ledger.balance_transactions'::regclass) AND m.amname = 'btree'
		ORDER BY 1`).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find the indexes: %w", err)
	}
	var shelved []shelvedIndex
	for _, f := range found {
		one := shelvedIndex{name: f.Name, drop: "DROP INDEX " + f.Name, make: f.Definition}
		if f.Constraint != "" {
			constraint := f.Name[strings.LastIndexByte(f.Name, '.')+1:] // has its index's name
			one.drop, one.make = "ALTER TABLE "+f.Table+" DROP CONSTRAINT "+constraint, "ALTER TABLE "+f.Table+" "+f.Constraint
		}
		if _, err := b.Pool.ExecContext(ctx, one.drop); err != nil {
			return nil, fmt.Errorf("put %s away: %w", f.Name, err)
		}
		shelved = append(shelved, one)
	}
	return shelved, nil
}

// copy writes all portions, one after the other, and then the totals. While one is
// sent the next is printed. They go in order: indexes over ranges of entries, which
// the server's own batches keep in order too, would find nothing in a mixture.
func (h *history) copy(ctx context.Context, address secret.Text, told func(done int)) error {
	conn, err := pgx.Connect(ctx, address.Reveal())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	empty, printed := make(chan *pages, printedAhead), make(chan *pages)
	for range printedAhead {
		empty <- newPages()
	}
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(printed)
		for first := 0; first < h.charges; first += portion {
			var p *pages
			select {
			case p = <-empty:
			case <-within.Done():
				return within.Err()
			}
			p.reset()
			h.print(p, first, min(portion, h.charges-first))
			select {
			case printed <- p:
			case <-within.Done():
				return within.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		done := 0
		for p := range printed {
			if err := p.send(within, conn); err != nil {
				return err
			}
			done = min(done+portion, h.charges)
			told(done)
			empty <- p
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return h.close(ctx, conn)
}

// close writes the accounts with their totals, and moves the sequences behind what was numbered here.
func (h *history) close(ctx context.Context, conn *pgx.Conn) error {
	p := newPages()
	for i := range h.totals {
		t := &h.totals[i]
		place := h.place(i)
		p.accounts.row(8).number(int64(i + 1)).text(place.Account.Owner).flag(false).text(string(place.Account.Kind)).text(string(place.Currency)).
			number(t.debits).number(t.credits).number(t.postings)
	}
	if err := p.send(ctx, conn); err != nil {
		return err
	}
	batches := (h.charges + batchEach - 1) / batchEach
	_, err := conn.Exec(ctx, `SELECT setval('ledger.batch_numbers', $1), setval(pg_get_serial_sequence('ledger.accounts', 'id'), $2)`, batches, len(h.totals))
	return err
}

// detailsOf are fee details as the product writes them.
func detailsOf(fees []ledger.Fee) string {
	if len(fees) == 0 {
		return "[]"
	}
	text := []byte{'['}
	for i, f := range fees {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, `{"type":`...)
		text = strconv.AppendQuote(text, f.Type)
		text = append(text, `,"amount":`...)
		text = strconv.AppendInt(text, f.Amount, 10)
		text = append(text, `,"currency":`...)
		text = strconv.AppendQuote(text, f.Currency)
		text = append(text, `,"description":`...)
		text = strconv.AppendQuote(text, f.Description)
		text = append(text, `,"application":`...)
		text = strconv.AppendQuote(text, f.Application)
		text = append(text, '}')
	}
	return string(append(text, ']'))
}

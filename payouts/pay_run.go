package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Run is the automatic payouts of a platform and a UTC day.
type Run struct {
	ID        string // prun_…
	Platform  string
	Livemode  bool
	Day       time.Time `bun:"type:date"`
	CreatedAt time.Time
	LastAt    time.Time // when something was added last

	Counts []RunCount `bun:"-"`
}

// RunCount is what a run made in a currency, or why it left purses out. A purse that
// was looked at several times counts each time.
type RunCount struct {
	Run      string
	Reason   Skip // "" is what was made
	Currency money.Currency
	Count    int64
	Amount   int64 // minor units
}

type runRow struct {
	bun.BaseModel `bun:"table:payouts.pay_runs,alias:r"`
	Run
}

// runID is the run of a platform's UTC day.
func runID(platform string, livemode bool, at time.Time) string {
	day := dayOf(at)
	return id.Of("prun", day, fmt.Sprintf("%s %t %s", platform, livemode, day.Format(time.DateOnly)))
}

// countRuns adds decisions to the runs of the day. It comes last in the transaction:
// schedulers wait for each other here.
func countRuns(ctx context.Context, tx bun.Tx, livemode bool, decisions []*decision, now time.Time) error {
	type key struct {
		platform, reason, currency string
	}
	counts, sums := map[key]int64{}, map[key]int64{}
	for _, d := range decisions {
		if d.skip == SkipNotToday || d.skip == SkipManual || d.skip == SkipPaid || d.skip == SkipNothing {
			continue // nobody would miss them
		}
		k := key{d.due.Platform, string(d.skip), string(d.due.Currency)}
		counts[k]++
		if d.payout != nil {
			sums[k] += d.payout.Amount
		}
	}
	if len(counts) == 0 {
		return nil
	}
	keys := make([]key, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { // in one order everywhere
		a, b := keys[i], keys[j]
		return a.platform+a.reason+a.currency < b.platform+b.reason+b.currency
	})
	var platforms, runs, ofRun, reasons, currencies []string
	var count, amount []int64
	for _, k := range keys {
		run := runID(k.platform, livemode, now)
		if len(runs) == 0 || runs[len(runs)-1] != run {
			platforms, runs = append(platforms, k.platform), append(runs, run)
		}
		ofRun, reasons, currencies = append(ofRun, run), append(reasons, k.reason), append(currencies, k.currency)
		count, amount = append(count, counts[k]), append(amount, sums[k])
	}
	_, err := tx.NewRaw(`
		INSERT INTO payouts.pay_runs AS r (id, platform, livemode, day, created_at, last_at)
		SELECT id, platform, ?0, ?1::date, ?2, ?2 FROM unnest(?3::text[], ?4::text[]) AS v (id, platform)
		ON CONFLICT (id) DO UPDATE SET last_at = greatest(r.last_at, EXCLUDED.last_at)`,
		livemode, dayOf(now).Format(time.DateOnly), now, pgdialect.Array(runs), pgdialect.Array(platforms)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count payout runs: %w", err)
	}
	_, err = tx.NewRaw(`
		INSERT INTO payouts.pay_run_counts AS c (run, reason, currency, count, amount)
		SELECT * FROM unnest(?0::text[], ?1::text[], ?2::text[], ?3::bigint[], ?4::bigint[])
		ON CONFLICT (run, reason, currency) DO UPDATE SET count = c.count + EXCLUDED.count, amount = c.amount + EXCLUDED.amount`,
		pgdialect.Array(ofRun), pgdialect.Array(reasons), pgdialect.Array(currencies), pgdialect.Array(count), pgdialect.Array(amount)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count payout runs: %w", err)
	}
	return nil
}

func runsOf(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("r.platform = ? AND r.livemode = ?", scope.Platform, scope.Livemode)
	}
}

// Run is a run of the scope's platform, or NotFound.
func (s *Service) Run(ctx context.Context, idb bun.IDB, scope tenant.Scope, run string) (*Run, error) {
	var row runRow
	err := runsOf(scope)(idb.NewSelect().Model(&row)).Where("r.id = ?", run).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout run", run)
	}
	if err != nil {
		return nil, fmt.Errorf("read payout run: %w", err)
	}
	return &row.Run, s.counts(ctx, idb, []*Run{&row.Run})
}

// Runs is a page of the platform's runs, newest first.
func (s *Service) Runs(ctx context.Context, idb bun.IDB, scope tenant.Scope, p page.Params) (page.Of[*Run], error) {
	rows, err := page.Fetch[runRow](ctx, idb, p, "payout run", runsOf(scope), nil)
	if err != nil {
		return page.Of[*Run]{}, fmt.Errorf("list payout runs: %w", err)
	}
	found := page.Of[*Run]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Run)
	}
	return found, s.counts(ctx, idb, found.Items)
}

func (s *Service) counts(ctx context.Context, idb bun.IDB, runs []*Run) error {
	ids, byID := make([]string, len(runs)), make(map[string]*Run, len(runs))
	for i, r := range runs {
		ids[i], byID[r.ID] = r.ID, r
	}
	var rows []RunCount
	err := idb.NewSelect().TableExpr("payouts.pay_run_counts").ColumnExpr("*").Where("run = ANY(?)", pgdialect.Array(ids)).
		OrderExpr("run, currency, reason").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read payout runs: %w", err)
	}
	for _, row := range rows {
		byID[row.Run].Counts = append(byID[row.Run].Counts, row)
	}
	return nil
}

// RunNow makes the payouts of the platform's accounts whose time has come, without
// waiting for the scheduler, and returns the day's run and how many it added.
func (s *Service) RunNow(ctx context.Context, scope tenant.Scope) (*Run, int, error) {
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	made, err := s.runDue(ctx, scope.Livemode, scope.Platform, now)
	if err != nil {
		return nil, made, err
	}
	run, err := s.Run(ctx, s.pool, scope, runID(scope.Platform, scope.Livemode, now))
	if fault.Is(err, fault.NotFound) {
		run, err = &Run{Platform: scope.Platform, Livemode: scope.Livemode, Day: dayOf(now), CreatedAt: now, LastAt: now}, nil
	}
	return run, made, err
}

// Forecast is what a run would do with one purse.
type Forecast struct {
	Account     string
	Currency    money.Currency
	Destination string
	Amount      int64 // minor units; 0 if it is left out
	Skip        Skip  // why, or ""
	Approval    bool  // people would have to agree
	Payday      string
}

// Preview is what a run at a time would do with the money that is available now, in
// order of account and currency, behind a purse. It writes nothing.
func (s *Service) Preview(ctx context.Context, scope tenant.Scope, at time.Time, behind Due, limit int) (found []Forecast, more bool, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		found = nil
		var dues []dueRow
		err := tx.NewSelect().Model(&dues).Where("d.platform = ? AND d.livemode = ?", scope.Platform, scope.Livemode).
			Where("(d.account, d.currency) > (?, ?)", behind.Account, string(behind.Currency)).
			OrderExpr("d.account, d.currency").Limit(int64(limit) + 1).Scan(ctx)
		if err != nil {
			return fmt.Errorf("list dues: %w", err)
		}
		if more = len(dues) > limit; more {
			dues = dues[:limit]
		}
		decisions, err := s.decideAll(ctx, tx, scope.Livemode, dues, at, false)
		if err != nil {
			return err
		}
		for _, d := range decisions {
			found = append(found, d.forecast())
		}
		return errForeseen
	})
	if errors.Is(err, errForeseen) {
		err = nil
	}
	return found, more, err
}

// errForeseen lets go of what a preview has locked.
var errForeseen = errors.New("nothing is to be written")

func (d *decision) forecast() Forecast {
	f := Forecast{Account: d.due.Account, Currency: d.due.Currency, Destination: d.to.ID, Skip: d.skip}
	if d.payday != (Firing{}) {
		f.Payday = d.payday.Date.String()
	}
	if d.payout != nil {
		f.Amount, f.Approval = d.payout.Amount, d.payout.Approval == ApprovalRequired
	}
	return f
}

// Wire is the run as the API shows it.
func (r *Run) Wire() wire.PayoutRun {
	w := wire.PayoutRun{
		ID: r.ID, Object: "payout_run", Created: wire.Unix(r.CreatedAt), Date: r.Day.Format(time.DateOnly), LastAdded: wire.Unix(r.LastAt),
		Livemode: r.Livemode, Made: []wire.PayoutRunSum{}, Skipped: []wire.PayoutRunSkip{},
	}
	for _, c := range r.Counts {
		if c.Reason == "" {
			w.Made = append(w.Made, wire.PayoutRunSum{Currency: string(c.Currency), Count: c.Count, Amount: c.Amount})
			continue
		}
		w.Skipped = append(w.Skipped, wire.PayoutRunSkip{Currency: string(c.Currency), Count: c.Count, Reason: string(c.Reason)})
	}
	return w
}

// Wire is the forecast as the API shows it.
func (f Forecast) Wire() wire.PayoutForecast {
	return wire.PayoutForecast{
		Object: "payout_forecast", Account: f.Account, Amount: f.Amount, Approval: f.Approval, Currency: string(f.Currency),
		Destination: wire.Nullable(f.Destination), Payday: wire.Nullable(f.Payday), Skipped: wire.Nullable(string(f.Skip)),
	}
}

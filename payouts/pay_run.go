package payouts

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/calendar"
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
		counts[k] += max(1, int64(len(d.divided())))
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
		return cmp.Or(cmp.Compare(a.platform, b.platform), cmp.Compare(a.reason, b.reason), cmp.Compare(a.currency, b.currency)) < 0
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

// RunPayouts is a page of what a run made, of all accounts of the platform, newest first.
func (s *Service) RunPayouts(ctx context.Context, scope tenant.Scope, run string, p page.Params) (page.Of[*Payout], error) {
	if _, err := s.Run(ctx, s.pool, scope, run); err != nil {
		return page.Of[*Payout]{}, err
	}
	rows, err := page.Fetch[payoutRow](ctx, s.pool, p, "payout", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.run = ? AND p.platform = ? AND p.livemode = ?", run, scope.Platform, scope.Livemode)
	}, nil)
	if err != nil {
		return page.Of[*Payout]{}, fmt.Errorf("list the payouts of a run: %w", err)
	}
	found := page.Of[*Payout]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Payout)
	}
	return found, nil
}

// RunParams start a run by hand.
type RunParams struct {
	Date string `form:"date"` // nobody pays on another day than today
}

// RunNow makes the payouts of the platform's accounts whose time has come, without
// waiting for the scheduler, and returns the day's run and how many it added.
func (s *Service) RunNow(ctx context.Context, scope tenant.Scope, params RunParams) (*Run, int, error) {
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	if params.Date != "" {
		day, err := runDay(params.Date)
		if err != nil {
			return nil, 0, err
		}
		if today := calendar.Of(now, time.UTC); day != today {
			return nil, 0, fault.Invalidf("parameter_invalid", "date", "Payouts are made today, %s, and on no other day. Preview what %s would bring.", today, day)
		}
	}
	made, err := s.runDue(ctx, scope.Livemode, scope.Platform, now)
	if err != nil {
		return nil, made, err
	}
	row := runRow{Run: Run{
		ID: runID(scope.Platform, scope.Livemode, now), Platform: scope.Platform, Livemode: scope.Livemode, Day: dayOf(now), CreatedAt: now, LastAt: now,
	}}
	if _, err := s.pool.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING").Exec(ctx); err != nil { // of a day on which nothing was due
		return nil, made, fmt.Errorf("insert payout run: %w", err)
	}
	run, err := s.Run(ctx, s.pool, scope, row.ID)
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
	Parts       []*Payout // where it is divided
}

// ForecastParams ask what a run would do.
type ForecastParams struct {
	Date          string `form:"date"` // 2006-01-02: by the end of that UTC day; default now
	Limit         *int64 `form:"limit"`
	StartingAfter string `form:"starting_after"` // the id of a forecast, acct_…:hkd
}

// farthest is how many days ahead a run is foreseen: the money is that of today.
const farthest = 366

// Foresee is a page of what a run would do with the money that is available now, in
// order of account and currency. It writes nothing.
func (s *Service) Foresee(ctx context.Context, scope tenant.Scope, params ForecastParams) (page.Of[Forecast], error) {
	size, err := page.Params{Limit: params.Limit}.Size()
	if err != nil {
		return page.Of[Forecast]{}, err
	}
	at := s.cfg.Clocks.For(scope.Livemode).Now()
	if params.Date != "" {
		if at, err = endOfDay(params.Date, at); err != nil {
			return page.Of[Forecast]{}, err
		}
	}
	var behind Due
	if params.StartingAfter != "" {
		account, currency, ok := strings.Cut(params.StartingAfter, ":")
		if !ok {
			return page.Of[Forecast]{}, page.NoCursor("starting_after", "payout forecast", params.StartingAfter)
		}
		behind = Due{Account: account, Currency: money.Currency(currency)} // a purse may have been paid since
	}
	found, more, err := s.Preview(ctx, scope, at, behind, size)
	return page.Of[Forecast]{Items: found, HasMore: more}, err
}

// endOfDay is the last moment of a UTC day from now's on.
func endOfDay(text string, now time.Time) (time.Time, error) {
	day, err := runDay(text)
	if err != nil {
		return time.Time{}, err
	}
	switch today := calendar.Of(now, time.UTC); {
	case day.Before(today):
		return time.Time{}, fault.Invalidf("parameter_invalid", "date", "Invalid date: %s is past, today is %s.", day, today)
	case today.AddDays(farthest).Before(day):
		return time.Time{}, fault.Invalidf("parameter_invalid", "date", "Invalid date: runs are foreseen for %d days.", farthest)
	}
	return day.AddDays(1).UTC().Add(-time.Nanosecond), nil
}

func runDay(text string) (calendar.Date, error) {
	day, err := calendar.Parse(text)
	if err != nil {
		return day, fault.Invalidf("parameter_invalid", "date", "Invalid date: %q is no day such as 2026-11-30.", text)
	}
	return day, nil
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
		f.Amount, f.Approval, f.Parts = d.payout.Amount, d.payout.Approval == ApprovalRequired, d.divided()
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

func (f Forecast) cursor() string { return f.Account + ":" + string(f.Currency) }

// Wire is the forecast as the API shows it.
func (f Forecast) Wire() wire.PayoutForecast {
	w := wire.PayoutForecast{
		ID: f.cursor(), Object: "payout_forecast", Account: wire.To(f.Account), Amount: f.Amount, Approval: f.Approval, Currency: string(f.Currency),
		Destination: wire.Nullable(f.Destination), Payday: wire.Nullable(f.Payday), Skipped: wire.Nullable(string(f.Skip)),
	}
	for _, p := range f.Parts {
		w.Parts = append(w.Parts, wire.PayoutForecastPart{Amount: p.Amount, Destination: p.Destination, Percent: p.Share.String()})
	}
	return w
}

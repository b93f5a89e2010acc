package payouts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Closure is what a platform says of one day of a calendar.
type Closure struct {
	ID        string // pclo_…
	Platform  string
	Livemode  bool
	Calendar  string
	Day       time.Time `bun:"type:date"`
	Closed    bool      // false: the bank works although the calendar says that it does not
	Reason    string
	Actor     string
	CreatedAt time.Time
	EndedAt   time.Time `bun:",nullzero"`
}

type closureRow struct {
	bun.BaseModel `bun:"table:payouts.closures,alias:c"`
	Closure
}

// NewClosure says that a bank is closed, or open, on a day.
type NewClosure struct {
	Calendar string
	Day      string // 2006-01-02
	Closed   bool
	Reason   string
	Actor    string
}

// maxClosureReason is in characters.
const maxClosureReason = 500

// Days are the bank days of a rail's calendar as a platform knows them: the built-in
// data with what the platform has said of single days. A name may join several
// calendars by +; then all of the banks must work.
func (s *Service) Days(ctx context.Context, idb bun.IDB, platform string, livemode bool, name string) (calendar.Days, error) {
	joined, err := calendar.Joined(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(joined))
	for i, c := range joined {
		names[i] = c.Name
	}
	said, err := closures(ctx, idb, platform, livemode, names)
	if err != nil {
		return nil, err
	}
	all := make([]calendar.Days, len(joined))
	for i, c := range joined {
		closed := map[calendar.Date]bool{}
		for _, word := range said {
			if word.Calendar == c.Name {
				closed[calendar.Of(word.Day, time.UTC)] = word.Closed
			}
		}
		all[i] = calendar.With(c, closed)
	}
	return calendar.Union(all...), nil
}

// Closures is what a platform says of a calendar's days now, in order of day.
func (s *Service) Closures(ctx context.Context, idb bun.IDB, scope tenant.Scope, name string) ([]Closure, error) {
	return closures(ctx, idb, scope.Platform, scope.Livemode, []string{name})
}

func closures(ctx context.Context, idb bun.IDB, platform string, livemode bool, names []string) ([]Closure, error) {
	var rows []closureRow
	err := idb.NewSelect().Model(&rows).Where("c.platform = ? AND c.livemode = ? AND c.calendar = ANY(?)", platform, livemode, pgdialect.Array(names)).
		Where("c.ended_at IS NULL").OrderExpr("c.day").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read closures: %w", err)
	}
	said := make([]Closure, len(rows))
	for i, row := range rows {
		said[i] = row.Closure
	}
	return said, nil
}

// SetClosure takes the platform's word for a day, instead of what it said before, and
// moves the payouts that have not been handed over.
func (s *Service) SetClosure(ctx context.Context, tx bun.Tx, scope tenant.Scope, n NewClosure) (*Closure, error) {
	if _, ok := calendar.Named(n.Calendar); !ok || n.Calendar == "" {
		return nil, fault.NoSuch("payout calendar", n.Calendar)
	}
	day, err := calendar.Parse(n.Day)
	switch {
	case err != nil:
		return nil, fault.Invalidf("parameter_invalid", "date", "Invalid date: %q is no day such as 2026-12-25.", n.Day)
	case strings.TrimSpace(n.Reason) == "":
		return nil, fault.Missing("reason")
	case len([]rune(n.Reason)) > maxClosureReason:
		return nil, fault.Invalidf("", "reason", "The reason must be at most %d characters.", maxClosureReason)
	}
	if s.cfg.CheckText != nil {
		if err := s.cfg.CheckText("reason", n.Reason); err != nil {
			return nil, err
		}
	}
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	c := &Closure{ID: id.New("pclo"), Platform: scope.Platform, Livemode: scope.Livemode, Calendar: n.Calendar, Day: day.UTC(), Closed: n.Closed,
		Reason: n.Reason, Actor: n.Actor, CreatedAt: now}
	if err := endClosure(ctx, tx, scope, n.Calendar, day, now); err != nil {
		return nil, err
	}
	added, err := tx.NewInsert().Model(&closureRow{Closure: *c}).On("CONFLICT (platform, livemode, calendar, day) WHERE ended_at IS NULL DO NOTHING").Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("insert closure: %w", err)
	}
	if n, err := added.RowsAffected(); err != nil || n == 0 {
		return nil, &fault.Error{Kind: fault.Conflict, Code: "lock_timeout", Unsaved: true, Err: err,
			Message: "Somebody else has just said something of this day. Look at it, and try again."}
	}
	return c, s.replan(ctx, tx, scope, n.Calendar, now)
}

// TakeBackClosure lets the built-in data speak for a day again.
func (s *Service) TakeBackClosure(ctx context.Context, tx bun.Tx, scope tenant.Scope, name, date string) (*Closure, error) {
	day, err := calendar.Parse(date)
	if err != nil {
		return nil, fault.NoSuch("closure", date)
	}
	said, err := s.Closures(ctx, tx, scope, name)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(said, func(c Closure) bool { return calendar.Of(c.Day, time.UTC) == day })
	if at < 0 {
		return nil, fault.NoSuch("closure", date)
	}
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	if err := endClosure(ctx, tx, scope, name, day, now); err != nil {
		return nil, err
	}
	return &said[at], s.replan(ctx, tx, scope, name, now)
}

func endClosure(ctx context.Context, tx bun.Tx, scope tenant.Scope, name string, day calendar.Date, now time.Time) error {
	_, err := tx.NewUpdate().Model((*closureRow)(nil)).Set("ended_at = ?", now).
		Where("platform = ? AND livemode = ? AND calendar = ? AND day = ?::date AND ended_at IS NULL", scope.Platform, scope.Livemode, name, day.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end closure: %w", err)
	}
	return nil
}

// replan moves what has not been handed over to the bank's next day, and has paydays
// of the platform looked at anew.
func (s *Service) replan(ctx context.Context, tx bun.Tx, scope tenant.Scope, name string, now time.Time) error {
	var ways []string
	byName := map[string]rail.Capabilities{}
	for _, r := range s.cfg.Rails.For(scope.Livemode) {
		if way := r.Capabilities(); slices.Contains(strings.Split(way.Calendar, "+"), name) {
			ways, byName[way.Name] = append(ways, way.Name), way
		}
	}
	if len(ways) == 0 {
		return nil
	}
	var rows []payoutRow
	err := tx.NewSelect().Model(&rows).Where("p.platform = ? AND p.livemode = ? AND p.rail = ANY(?)", scope.Platform, scope.Livemode, pgdialect.Array(ways)).
		Where("p.status = 'pending' AND p.handed_over_at IS NULL AND p.method = 'standard'").OrderExpr("p.id").For("UPDATE").Scan(ctx)
	if err != nil {
		return fmt.Errorf("find payouts to replan: %w", err)
	}
	for i := range rows {
		p := &rows[i].Payout
		way := byName[p.Rail]
		days, err := s.Days(ctx, tx, scope.Platform, scope.Livemode, way.Calendar)
		if err != nil {
			return err
		}
		arrives := executes(way, days, later(now, p.SendAfter))
		if arrives.Equal(p.ArrivalDate) {
			continue
		}
		before := map[string]any{"arrival_date": p.ArrivalDate.Unix()}
		p.ArrivalDate = arrives
		if err := s.finish(ctx, tx, p, "payout.updated", now, before); err != nil {
			return err
		}
	}
	_, err = tx.NewRaw(`UPDATE payouts.dues SET decide_at = least(decide_at, ?) WHERE platform = ? AND livemode = ?`, now, scope.Platform, scope.Livemode).Exec(ctx)
	if err != nil {
		return fmt.Errorf("replan paydays: %w", err)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

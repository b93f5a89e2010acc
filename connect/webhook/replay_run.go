package webhook

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

const (
	// replayWindow is how many deliveries of one replay may be due and untried at a time.
	replayWindow = 2000
	// replayStep bounds one transaction.
	replayStep = 500
)

// Replays sends again, many deliveries at a time. Create only writes down what is
// wanted; Run, a job of one process at a time, does it in steps of a transaction
// each: how far it is commits with what it did, so no delivery is made due twice by
// one replay, whatever stops or is started again.
type Replays struct {
	pool  *bun.DB
	clock clock.Clock
	paced map[string]time.Time // of limited replays: when the last step was; only Run touches it
}

// NewReplays makes the register of replays; clk is real time.
func NewReplays(pool *bun.DB, clk clock.Clock) *Replays {
	return &Replays{pool: pool, clock: clk, paced: map[string]time.Time{}}
}

// Create starts a replay of an endpoint of the scope, or only counts. One at a time
// runs for an endpoint: two would mix their order.
func (s *Replays) Create(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, want NewReplay) (Replay, error) {
	of, err := want.of()
	if err != nil {
		return Replay{}, err
	}
	e, err := lockEndpoint(ctx, tx, scope, want.Endpoint)
	if err != nil {
		return Replay{}, naming("webhook_endpoint", err)
	}
	if err := mustBeEnabled(e); err != nil && !want.DryRun {
		return Replay{}, err
	}
	r := Replay{Endpoint: e.ID, Account: e.Account, Livemode: e.Livemode, ReplayOf: of, Status: Running, CreatedAt: at}
	if want.RateLimit != nil {
		r.RateLimit = int(*want.RateLimit)
	}
	var upTo int64
	if r.Total, upTo, err = countReplay(ctx, tx, e.ID, of); err != nil || want.DryRun {
		return r, err
	}
	if running, err := isReplaying(ctx, tx, e.ID); err != nil {
		return Replay{}, err
	} else if running {
		return Replay{}, &fault.Error{Kind: fault.Conflict, Code: "webhook_replay_running", Param: "webhook_endpoint",
			Message: "A replay to this endpoint is running. Wait for its end, or cancel it."}
	}
	r.ID = id.New("whr")
	if r.Total == 0 {
		r.Status, r.EndedAt = Done, at
	}
	return r, insertReplay(ctx, tx, r, upTo)
}

// Get is one replay of the scope. Fails with NotFound.
func (s *Replays) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, replayID string) (Replay, error) {
	return selectReplay(ctx, idb.NewSelect(), scope, replayID)
}

// List is a page of the scope's replays, newest first; endpoint "" is of all endpoints.
func (s *Replays) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, endpoint string, p page.Params) (page.Of[Replay], error) {
	narrow := func(q *bun.SelectQuery) *bun.SelectQuery {
		if endpoint == "" {
			return q
		}
		return q.Where("?TableAlias.endpoint = ?", endpoint)
	}
	rows, err := page.Fetch[replayRow](ctx, idb, p, "webhook replay", replaysOf(scope), narrow)
	return mapped(rows, replayRow.replay), err
}

// Cancel ends a running replay. What it made due already is still sent; one that has
// ended stays as it is.
func (s *Replays) Cancel(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, replayID string) (Replay, error) {
	if _, err := selectReplay(ctx, tx.NewSelect(), scope, replayID); err != nil {
		return Replay{}, err
	}
	row, running, err := lockRunning(ctx, tx, replayID)
	if err != nil {
		return Replay{}, err
	}
	if running {
		if err := advanceReplay(ctx, tx, row, Canceled, at); err != nil {
			return Replay{}, err
		}
	}
	return selectReplay(ctx, tx.NewSelect(), scope, replayID)
}

// Run makes due what the running replays have room for, round by round, and returns
// when the rest has to wait: for the endpoints, or for the next second of a limited
// one. It is fit to be stopped anywhere and done again.
func (s *Replays) Run(ctx context.Context) error {
	for {
		ids, err := runningReplays(ctx, s.pool)
		if err != nil {
			return err
		}
		maps.DeleteFunc(s.paced, func(replayID string, _ time.Time) bool { return !slices.Contains(ids, replayID) })
		moved := false
		for _, replayID := range ids {
			more, failed := s.step(ctx, replayID)
			moved, err = moved || more, errors.Join(err, failed)
		}
		if err != nil || !moved {
			return err
		}
	}
}

// step is one transaction of one replay; more says that another may follow at once.
//
// The endpoint is locked first, as everywhere: while it is being disabled nothing of
// it becomes due. A disabled endpoint's replay waits, a deleted one's is over.
func (s *Replays) step(ctx context.Context, replayID string) (more bool, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		more = false
		var e endpointRow
		if err := tx.NewSelect().Model(&e).Where("id = (SELECT endpoint FROM connect.webhook_replays WHERE id = ?)", replayID).
			For("SHARE").Scan(ctx); err != nil {
			return err
		}
		row, running, err := lockRunning(ctx, tx, replayID)
		if err != nil || !running {
			return err
		}
		at := s.clock.Now()
		if !e.DeletedAt.IsZero() {
			return advanceReplay(ctx, tx, row, Canceled, at)
		}
		if e.Disabled {
			return nil
		}
		limit, spacing, err := s.room(ctx, tx, at, row)
		if err != nil || limit == 0 {
			return err
		}
		n, err := replayNext(ctx, tx, at, &row, limit, spacing)
		if err != nil {
			return err
		}
		if n < limit { // that was all
			return advanceReplay(ctx, tx, row, Done, at)
		}
		more = row.RateLimit == 0
		return advanceReplay(ctx, tx, row, Running, time.Time{})
	})
	return more, err
}

// room is how many deliveries the replay may make due now, and how far apart. A
// limited one gets the next second's, so that no second has more than its limit.
func (s *Replays) room(ctx context.Context, tx bun.Tx, at time.Time, row replayRow) (limit int, spacing time.Duration, err error) {
	waiting, err := waitingOf(ctx, tx, row, replayWindow)
	if err != nil {
		return 0, 0, err
	}
	limit = min(replayStep, replayWindow-waiting)
	if row.RateLimit == 0 {
		return limit, time.Microsecond, nil
	}
	if last, ok := s.paced[row.ID]; ok && at.Before(last.Add(time.Second)) {
		return 0, 0, nil
	}
	s.paced[row.ID] = at
	return min(limit, row.RateLimit), time.Second / time.Duration(row.RateLimit), nil
}

// mustBeEnabled refuses to send to an endpoint that takes nothing.
func mustBeEnabled(e Endpoint) error {
	if e.Disabled {
		return fault.Invalidf("webhook_endpoint_disabled", "webhook_endpoint",
			"The webhook endpoint %s is disabled. Enable it first, with disabled=false; it then gets what it missed.", e.ID)
	}
	return nil
}

// naming says which parameter named what is not there.
func naming(param string, err error) error {
	if f := fault.As(err); f != nil && f.Kind == fault.NotFound {
		named := *f
		named.Param = param
		return &named
	}
	return err
}

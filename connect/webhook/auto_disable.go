package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
)

// An endpoint that has given nothing but failures is warned about twice and then
// disabled. The time counts from the first failure in a row to the last, so an
// endpoint that nothing was sent to is not judged, and one bad hour never counts
// for days.
const disabledAfter = 5 * 24 * time.Hour

var warnedAfter = []time.Duration{24 * time.Hour, 3 * 24 * time.Hour}

// Why an endpoint was disabled by us.
const (
	gone    = "gone"    // it answered 410
	failing = "failing" // it gave nothing but failures for days
)

// The events about an endpoint. They go to its account, and never to itself.
const (
	EventFailing  = "webhook_endpoint.failing"
	EventDisabled = "webhook_endpoint.disabled"
)

// Notice is what an endpoint's account is told besides the event.
type Notice struct {
	Account  string
	Livemode bool
	Endpoint Endpoint
	Disabled bool      // else it is a warning
	Since    time.Time // the first failure in a row; zero if that is not why
}

// Notifier tells people. It must not block. Satisfied by cmd's mail queue.
type Notifier interface {
	Notify(ctx context.Context, n Notice)
}

// Judge warns about endpoints that fail and disables those that have failed for
// days. One process does it, every minute or so.
func (d *Dispatcher) Judge(ctx context.Context) error {
	at := d.clock.Now()
	var suspects []string
	err := d.pool.NewRaw(`
SELECT h.endpoint FROM connect.webhook_health AS h JOIN connect.webhook_endpoints AS e ON e.id = h.endpoint
WHERE h.last_failure_at >= h.first_failure_at + ? * interval '1 second'
    AND NOT e.disabled AND e.deleted_at IS NULL AND e.listener IS NULL
ORDER BY h.endpoint`, warnedAfter[0].Seconds()).Scan(ctx, &suspects)
	if err != nil {
		return fmt.Errorf("find failing webhook endpoints: %w", err)
	}
	var errs []error
	for _, endpointID := range suspects {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, d.judge(ctx, at, endpointID))
	}
	return errors.Join(errs...)
}

// judge takes the next step with one endpoint, if it is time for one.
func (d *Dispatcher) judge(ctx context.Context, at time.Time, endpointID string) error {
	var notice *Notice
	err := db.InTx(ctx, d.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		notice = nil
		e, err := lockSick(ctx, tx, endpointID)
		if err != nil || e.Disabled {
			return err
		}
		h, err := readHealth(ctx, tx.NewSelect(), endpointID)
		if err != nil {
			return err
		}
		failed := h.LastFailureAt.Sub(h.FirstFailureAt)
		switch {
		case h.FirstFailureAt.IsZero():
			return nil // it has recovered meanwhile
		case h.Warned < len(warnedAfter) && failed >= warnedAfter[h.Warned]:
			notice, err = d.warn(ctx, tx, at, e, h)
		case h.Warned == len(warnedAfter) && failed >= disabledAfter:
			notice, err = d.disableIn(ctx, tx, at, e, failing)
			if err != nil {
				return err
			}
			notice.Since = h.FirstFailureAt
			err = stillSick(ctx, tx, h)
		}
		return err
	})
	if errors.Is(err, errRecovered) {
		return nil
	}
	d.notify(ctx, err, notice)
	return err
}

// errRecovered takes a judgement back: a send went well meanwhile.
var errRecovered = errors.New("webhook: the endpoint has recovered")

// stillSick locks the health that was judged, and fails if it is better now. The lock
// comes last: whoever records a send has locked deliveries before.
func stillSick(ctx context.Context, tx bun.Tx, judged healthRow) error {
	h, err := readHealth(ctx, tx.NewSelect().For("UPDATE"), judged.Endpoint)
	if err != nil {
		return err
	}
	if !h.FirstFailureAt.Equal(judged.FirstFailureAt) || h.Warned != judged.Warned {
		return errRecovered
	}
	return nil
}

// warn tells the account. Whoever could not be warned in time, because nothing was
// sent for days, gets the time from the warning to the end all the same.
func (d *Dispatcher) warn(ctx context.Context, tx bun.Tx, at time.Time, e Endpoint, h healthRow) (*Notice, error) {
	if err := stillSick(ctx, tx, h); err != nil {
		return nil, err
	}
	since := h.FirstFailureAt
	if latest := h.LastFailureAt.Add(-warnedAfter[h.Warned]); latest.After(since) {
		since = latest
	}
	_, err := tx.NewUpdate().Model((*healthRow)(nil)).Set("warned = warned + 1").Set("first_failure_at = ?", since).
		Where("endpoint = ?", e.ID).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("note webhook warning: %w", err)
	}
	return &Notice{Account: e.Account, Livemode: e.Livemode, Endpoint: e, Since: h.FirstFailureAt}, d.tell(ctx, tx, at, e, EventFailing)
}

// retire ends an endpoint that is gone from where it was at once; false if it has
// another URL by now, of which the answer says nothing.
func (d *Dispatcher) retire(ctx context.Context, was Endpoint) (ended bool, err error) {
	var notice *Notice
	err = db.InTx(ctx, d.pool, func(ctx context.Context, tx bun.Tx) error {
		notice = nil
		e, err := lockSick(ctx, tx, was.ID)
		if err != nil {
			return err
		}
		if ended = e.URL == was.URL || e.Disabled; !ended || e.Disabled {
			return nil
		}
		notice, err = d.disableIn(ctx, tx, d.clock.Now(), e, gone)
		return err
	})
	d.notify(ctx, err, notice)
	return ended && err == nil, err
}

// disableIn keeps what is pending as undelivered: enabling the endpoint again sends it.
func (d *Dispatcher) disableIn(ctx context.Context, tx bun.Tx, at time.Time, e Endpoint, reason string) (*Notice, error) {
	e.Disabled, e.DisabledAt, e.DisabledReason = true, at, reason
	_, err := tx.NewUpdate().Model((*endpointRow)(nil)).
		Set("disabled = true").Set("disabled_at = ?", at).Set("disabled_reason = ?", reason).Where("id = ?", e.ID).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("disable webhook endpoint: %w", err)
	}
	if err := holdDeliveries(ctx, tx, e.ID); err != nil {
		return nil, err
	}
	return &Notice{Account: e.Account, Livemode: e.Livemode, Endpoint: e, Disabled: true}, d.tell(ctx, tx, at, e, EventDisabled)
}

// tell appends an event about the endpoint, whose row is locked.
func (d *Dispatcher) tell(ctx context.Context, tx bun.Tx, at time.Time, e Endpoint, eventType string) error {
	_, err := tx.NewUpdate().Model((*endpointRow)(nil)).Set("event_version = ?", e.EventVersion+1).Where("id = ?", e.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("number webhook endpoint's event: %w", err)
	}
	platform, err := d.accounts.PlatformOf(ctx, tx, e.Account, e.Livemode)
	if err != nil {
		return err
	}
	object, err := json.Marshal(e.Wire())
	if err != nil {
		return fmt.Errorf("show webhook endpoint: %w", err)
	}
	return event.Log{}.Append(ctx, tx, event.Event{
		Type: eventType, Account: e.Account, Platform: platform, Livemode: e.Livemode,
		ObjectID: e.ID, ObjectVersion: e.EventVersion + 1, Object: object, CreatedAt: at,
	})
}

func (d *Dispatcher) notify(ctx context.Context, failed error, n *Notice) {
	if failed == nil && n != nil {
		d.addressees.forget(n.Endpoint.ID)
		if d.cfg.Notifier != nil {
			d.cfg.Notifier.Notify(ctx, *n)
		}
	}
}

// lockSick locks an endpoint. A deleted one counts as disabled.
func lockSick(ctx context.Context, tx bun.Tx, endpointID string) (Endpoint, error) {
	var row endpointRow
	if err := tx.NewSelect().Model(&row).Where("id = ?", endpointID).For("UPDATE").Scan(ctx); err != nil {
		return Endpoint{}, fmt.Errorf("lock webhook endpoint: %w", err)
	}
	return row.endpoint(), nil
}

func readHealth(ctx context.Context, q *bun.SelectQuery, endpointID string) (h healthRow, err error) {
	if err := q.Model(&h).Where("endpoint = ?", endpointID).Scan(ctx); err != nil {
		return h, fmt.Errorf("read webhook health: %w", err)
	}
	return h, nil
}

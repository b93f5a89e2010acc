package bus

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
)

// effect claims a batch and has the effect of what is new. A panic becomes an
// error: one bad event must not take the process along.
func (g *group) effect(ctx context.Context, tx bun.Tx, batch []Message) (committed func(), err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	ids := make([]string, len(batch))
	for i, m := range batch {
		ids[i] = m.EventID
	}
	fresh, err := event.Inbox{}.Claim(ctx, tx, g.sub.Group, ids)
	if err != nil {
		return nil, err
	}
	first := make([]Message, 0, len(fresh))
	for _, m := range batch {
		if fresh[m.EventID] {
			delete(fresh, m.EventID) // the next one is a duplicate
			first = append(first, m)
		}
	}
	if len(first) == 0 {
		return nil, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("effect panicked: %v", r)
		}
	}()
	return g.sub.Effect(ctx, tx, first)
}

// after tells the subscriber of a commit.
func (g *group) after(committed func()) {
	if committed == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			g.bus.log.Error("panic after a commit", "group", g.sub.Group, "error", r)
		}
	}()
	committed()
}

// redriveEvery is how often a process looks for parked events to try again.
const redriveEvery = time.Second

// redrive tries parked events again that somebody asked for, until ctx ends. It
// needs only the database: no broker, no partition.
func (g *group) redrive(ctx context.Context) {
	for {
		if err := g.redriveAll(ctx); err != nil && ctx.Err() == nil {
			g.bus.log.Warn("cannot look after parked events, trying again", "group", g.sub.Group, "error", err)
		}
		if !pause(ctx, redriveEvery) {
			return
		}
	}
}

func (g *group) redriveAll(ctx context.Context) error {
	for ctx.Err() == nil {
		var committed func()
		tried, e, err := g.bus.parking.Retry(ctx, g.sub.Group, self, func(ctx context.Context, tx bun.Tx, e event.Parked) (err error) {
			committed, err = g.effect(ctx, tx, []Message{fromParked(e)})
			return err
		})
		if err != nil && tried && !event.Excused(err) {
			g.bus.log.Error("parked event failed again", "group", g.sub.Group, "event", e.EventID, "type", e.Type, "account", e.Key, "error", err)
			continue
		}
		if err != nil {
			return err
		}
		if !tried {
			break
		}
		g.after(committed)
		g.bus.log.Info("parked event handled", "group", g.sub.Group, "event", e.EventID, "type", e.Type, "account", e.Key)
	}
	n, err := g.bus.parking.Count(ctx, g.sub.Group)
	if err == nil {
		g.parked.Store(int64(n))
	}
	return err
}

// self names this process in the parking's log.
var self = func() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}()

package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
)

// A commit of one event costs nearly as much as a commit of many, and most partitions
// have only a few at a time. So a group's partitions ripen by one clock, and those that
// are ripe commit in one transaction: ten times a second at the most, however many
// partitions there are. A partition that has much commits by itself beside them.
//
// What fails together is tried again apart, each partition by itself, so a poisoned
// event or a partition lost to another process costs its neighbours a second try and
// nothing else.
const (
	// muchEvents and muchBytes are what a partition commits by itself.
	muchEvents = 100
	muchBytes  = 1 << 20
	// stragglers is how long the first to come waits for those who are about to.
	stragglers = 10 * time.Millisecond
)

// errApart means that a batch was not committed together with others.
var errApart = errors.New("no other partition has anything to commit")

// meeting is where the partitions of a group meet.
type meeting struct {
	mu       sync.Mutex
	began    time.Time     // when the group last began to commit
	expected int           // partitions with events in hand that have not come yet
	complete chan struct{} // closed when none is expected any more; nil when nobody asks
	parts    []*part       // of those who have come
}

// part is one partition's batch in a transaction of several.
type part struct {
	*partition
	batch []Message
	next  int64
	freed []string
	done  chan error // room for one
}

// ripe is when the group may commit again.
func (m *meeting) ripe() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.began.Add(ripens)
}

// begin notes that the group commits now.
func (m *meeting) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began = time.Now()
}

// expect announces the partition, which has events in hand.
func (p *partition) expect() {
	if p.announced {
		return
	}
	p.announced = true
	p.meeting.mu.Lock()
	defer p.meeting.mu.Unlock()
	p.meeting.expected++
}

// dismiss takes the announcement back: the partition has come, or will not.
func (p *partition) dismiss() {
	if !p.announced {
		return
	}
	p.announced = false
	p.meeting.mu.Lock()
	defer p.meeting.mu.Unlock()
	p.meeting.came()
}

// came is called under the lock.
func (m *meeting) came() {
	if m.expected--; m.expected == 0 && m.complete != nil {
		close(m.complete)
		m.complete = nil
	}
}

// everybody is closed when nobody is expected any more. It is called under the lock.
func (m *meeting) everybody() <-chan struct{} {
	if m.complete == nil {
		m.complete = make(chan struct{})
	}
	all := m.complete
	if m.expected == 0 {
		close(m.complete)
		m.complete = nil
	}
	return all
}

// together commits the batch with those of other partitions, or not at all. The first
// to come leads: it waits a moment for the others and commits for all. Nobody leaves
// before that has ended, which the leader's ctx bounds: partitions of one generation
// end together.
func (p *partition) together(ctx context.Context, batch []Message, next int64) error {
	mine := &part{partition: p, batch: batch, next: next, done: make(chan error, 1)}
	m := &p.meeting
	m.mu.Lock()
	m.parts = append(m.parts, mine)
	leads := len(m.parts) == 1
	if p.announced {
		p.announced = false
		m.came()
	}
	all := m.everybody()
	m.mu.Unlock()
	if leads {
		p.lead(ctx, all)
	}
	if err := <-mine.done; err != nil {
		return err
	}
	for _, key := range mine.freed {
		delete(p.held, key)
	}
	p.moved(next)
	return nil
}

// lead commits for everybody who comes.
func (p *partition) lead(ctx context.Context, all <-chan struct{}) {
	late := time.NewTimer(stragglers)
	defer late.Stop()
	select {
	case <-all:
	case <-late.C:
	case <-ctx.Done():
	}
	m := &p.meeting
	m.mu.Lock()
	parts := m.parts
	m.parts = nil
	m.mu.Unlock()
	err := errApart
	if len(parts) > 1 {
		err = p.group.transact(ctx, parts)
	}
	for _, each := range parts {
		each.done <- err
	}
}

// transact is batches of several partitions in one transaction: see the package comment.
func (g *group) transact(ctx context.Context, parts []*part) error {
	slices.SortFunc(parts, func(a, b *part) int { return a.id - b.id })
	g.meeting.begin()
	var committed func()
	err := db.InTx(ctx, g.bus.pool, func(ctx context.Context, tx bun.Tx) error {
		committed = nil
		if err := g.move(ctx, tx, parts); err != nil {
			return err
		}
		var batch []Message
		for _, each := range parts {
			free, open, err := each.lineUp(ctx, tx, each.batch)
			if err != nil {
				return err
			}
			each.freed = open
			batch = append(batch, free...)
		}
		var err error
		committed, err = g.effect(ctx, tx, batch)
		return err
	})
	if err == nil {
		g.after(committed)
	}
	return err
}

package bus

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/sluicepay/sluice/platform/id"
)

// watchEvery is how often the brokers are asked where partitions end.
const watchEvery = time.Second

// order is what the watch wants a partition to do.
type order int

const (
	carryOn      order = iota
	readAnew           // with a new reader
	leave              // the generation: new connections, a new assignment
	startFromTop       // the partition is not the one we knew
)

// waiting is how long a partition has had messages and got none, as the watch sees it.
type waiting struct {
	at    int64     // our place
	since time.Time // when the watch first saw messages after it; zero if there are none
	tries int       // readers made anew at this place
	short int       // looks in a row at which the partition ended before our place
}

// watch looks at this process's partitions until ctx ends.
func (g *group) watch(ctx context.Context) {
	for pause(ctx, watchEvery) {
		partitions := g.current()
		if len(partitions) == 0 {
			continue
		}
		known := make([]bool, len(partitions))   // before we ask: a commit may come between,
		places := make([]int64, len(partitions)) // and so may messages
		for i, p := range partitions {
			known[i], places[i] = p.isKnown(), p.position()
		}
		ends, commits, err := g.look(ctx, partitions)
		if err != nil {
			continue // a broker that does not answer is the reader's business
		}
		for i, p := range partitions {
			commit, told := commits[p.id]
			p.judge(time.Now(), places[i], ends[p.id].LastOffset, known[i] && told && commit < 0)
		}
	}
}

func (g *group) look(ctx context.Context, partitions []*partition) (ends map[int]kafka.PartitionOffsets, commits map[int]int64, err error) {
	ids := make([]int, len(partitions))
	asked := make([]kafka.OffsetRequest, len(partitions))
	for i, p := range partitions {
		ids[i], asked[i] = p.id, kafka.LastOffsetOf(p.id)
	}
	if ends, err = g.bus.offsets(ctx, g.sub.Topic, asked...); err != nil {
		return nil, nil, err
	}
	commits, err = g.bus.committed(ctx, g.sub.Group, g.sub.Topic, ids)
	return ends, commits, err
}

// judge compares where the partition ends with where we are, and with where we
// were before the brokers were asked: a busy partition may well be past an end
// that is a moment old. forgotten means that Kafka has lost our commit.
func (p *partition) judge(now time.Time, place, end int64, forgotten bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = end
	w := &p.waiting
	if w.at != p.next || !p.inHand.IsZero() || end <= p.next {
		*w = waiting{at: p.next, short: w.short}
	}
	if end > p.next && p.inHand.IsZero() && w.since.IsZero() {
		w.since = now
	}
	if w.short++; end >= place {
		w.short = 0
	}
	switch {
	case forgotten, w.short > 1: // a new leader may be a little behind for a moment
		p.known, w.short = false, 0
		p.want(startFromTop)
	case !w.since.IsZero() && now.Sub(w.since) >= p.sub.Stall:
		w.since = time.Time{}
		if w.tries++; w.tries > 1 {
			p.want(leave)
			return
		}
		p.want(readAnew)
	}
}

func (p *partition) isKnown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

// doubt has the partition read from its first message.
func (p *partition) doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = false
	p.want(startFromTop)
}

// want must be called with the lock.
func (p *partition) want(o order) {
	p.order = o
	p.rouse()
}

// listen lets the watch end the present reader's wait.
func (p *partition) listen(rouse context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rouse = rouse
	if p.order != carryOn {
		rouse()
	}
}

// obey does what the watch wants; false ends the partition.
func (p *partition) obey(ctx context.Context) bool {
	p.mu.Lock()
	wanted, at, end := p.order, p.next, p.end
	p.order = carryOn
	p.mu.Unlock()
	about := []any{"group", p.sub.Group, "partition", p.id, "offset", at, "end", end}
	switch wanted {
	case leave:
		p.bus.log.Warn("messages still do not come, leaving the generation", about...)
		return false
	case startFromTop:
		p.bus.log.Warn("the topic was made anew, reading it from its first message", about...)
		p.started, p.hinted = kafka.FirstOffset, -1
		return p.begin(ctx)
	}
	p.bus.log.Warn("messages do not come, reading anew", about...)
	return true
}

// begun and ended tell what is under way, for the lag's age.
func (p *partition) begun(m Message) {
	made, ok := id.Time(m.EventID)
	if !ok {
		made = time.Now()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand = made
}

func (p *partition) ended() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand = time.Time{}
}

// Lag is how far a group is behind in one of this process's partitions.
type Lag struct {
	Group      string
	Partition  int
	Messages   int64         // not handled yet, as of about a second ago
	Age        time.Duration // of the oldest of them; zero when there is none
	Rebalances int64         // generations of the group that this process has been part of
	Parked     int64         // events of the whole group
}

// Lags is every partition that this process has, by group and number.
func (b *Bus) Lags() []Lag {
	b.mu.Lock()
	groups := make([]*group, 0, len(b.groups))
	for g := range b.groups {
		groups = append(groups, g)
	}
	b.mu.Unlock()
	var lags []Lag
	for _, g := range groups {
		for _, p := range g.current() {
			lag := p.lag(time.Now())
			lag.Rebalances, lag.Parked = g.generations.Load(), g.parked.Load()
			lags = append(lags, lag)
		}
	}
	slices.SortFunc(lags, func(a, b Lag) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Partition, b.Partition))
	})
	return lags
}

// lag knows the time of the oldest message only once it is in hand; until then
// it is how long the watch has seen it wait.
func (p *partition) lag(now time.Time) Lag {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Lag{Group: p.sub.Group, Partition: p.id, Messages: max(0, p.end-p.next)}
	switch {
	case !p.inHand.IsZero():
		l.Messages, l.Age = max(1, l.Messages), now.Sub(p.inHand)
	case l.Messages > 0 && !p.waiting.since.IsZero():
		l.Age = now.Sub(p.waiting.since)
	}
	return l
}

// enter and leave keep who is at work: groups of a bus, partitions of a group.

func (b *Bus) enter(g *group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.groups[g] = struct{}{}
}

func (b *Bus) leave(g *group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.groups, g)
}

func (g *group) enter(p *partition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.partitions[p.id] = p
}

func (g *group) leave(p *partition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.partitions[p.id] == p {
		delete(g.partitions, p.id)
	}
}

package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// Why a connection of a listener ends, beside the device's own reasons.
var (
	ErrTakenOver = errors.New("webhook: a newer connection of this device took over")
	ErrRevoked   = errors.New("webhook: the API key of this session was revoked")
	ErrEnded     = errors.New("webhook: the session is at its end")
	ErrStopping  = errors.New("webhook: the server is stopping")
)

// errSession is answered to whatever is not a good session. Stripe's CLI knows the
// sentence, and opens a new session when it reads it.
var errSession = &fault.Error{Kind: fault.Unauthenticated, Code: "session_invalid", Message: "Unknown WebSocket ID."}

// Keys tells whether an API key is still good. Satisfied in cmd by credential.Service.
type Keys interface {
	Good(ctx context.Context, account string, livemode bool, keyID string) (bool, error)
}

// ListenersConfig is what listeners stand on, and their bounds; zero bounds get the defaults.
type ListenersConfig struct {
	Pool     *bun.DB
	Ring     *secret.Keyring
	Accounts Directory
	Keys     Keys
	Clock    clock.Clock // real time

	Connections int           // at a time in this process, default 1000
	PerAccount  int           // of one account in this process, default 40
	Poll        time.Duration // how often to look for news, default 100 ms: one query for all connections
	Recheck     time.Duration // how often to ask whether keys are good, default 4 s
	Patience    time.Duration // how long an answer may follow its acknowledgement, default 2 s
}

func (c ListenersConfig) withDefaults() ListenersConfig {
	if c.Connections == 0 {
		c.Connections = 1000
	}
	if c.PerAccount == 0 {
		c.PerAccount = 40
	}
	if c.Poll == 0 {
		c.Poll = 100 * time.Millisecond
	}
	if c.Recheck == 0 {
		c.Recheck = 4 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Second
	}
	return c
}

// Listeners serves the devices that are connected to this process.
type Listeners struct {
	cfg    ListenersConfig
	wakeup chan struct{}
	left   sync.WaitGroup

	mu      sync.Mutex
	pulls   map[*Pull]struct{}
	stopped bool
}

// NewListeners makes the service; Run keeps it going.
func NewListeners(cfg ListenersConfig) *Listeners {
	return &Listeners{cfg: cfg.withDefaults(), wakeup: make(chan struct{}, 1), pulls: map[*Pull]struct{}{}}
}

// Wake makes Run look for news now. It never blocks.
func (l *Listeners) Wake() {
	select {
	case l.wakeup <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Connect gives a device its turn: until the Pull ends, its deliveries go through
// this one. A connection of the same device before, here or elsewhere, is ended.
// Fails with Unauthenticated for a bad session, with RateLimited when there are too
// many connections.
func (l *Listeners) Connect(ctx context.Context, sessionText string) (*Pull, error) {
	s, err := l.unseal(sessionText)
	if err != nil {
		return nil, err
	}
	if good, err := l.cfg.Keys.Good(ctx, s.Account, s.Livemode, s.Key); err != nil || !good {
		return nil, either(err, errSession)
	}
	p, err := l.enter(s)
	if err != nil {
		return nil, err
	}
	if err := p.begin(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// either is err, or else what stands for it.
func either(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// enter takes a place for a connection, and ends the device's connection before.
func (l *Listeners) enter(s session) (*Pull, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil, &fault.Error{Kind: fault.Unavailable, Message: "The server is stopping. Please connect again."}
	}
	ofAccount := 0
	for other := range l.pulls {
		switch {
		case other.session.Own == s.Own:
			other.end(ErrTakenOver)
		case other.session.Account == s.Account:
			ofAccount++
		}
	}
	if len(l.pulls) >= l.cfg.Connections || ofAccount >= l.cfg.PerAccount {
		return nil, &fault.Error{Kind: fault.RateLimited, Message: "Too many devices are listening. Stop one and try again."}
	}
	p := newPull(l, s)
	l.pulls[p] = struct{}{}
	l.left.Add(1)
	return p, nil
}

func (l *Listeners) leave(p *Pull) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.pulls[p]; there {
		delete(l.pulls, p)
		l.left.Done()
	}
}

func (l *Listeners) connected() []*Pull {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]*Pull, 0, len(l.pulls))
	for p := range l.pulls {
		out = append(out, p)
	}
	return out
}

// Run tells connections of news and of their end, until ctx is done. Then it ends
// them all and waits until they have given back what was in their hands.
func (l *Listeners) Run(ctx context.Context) error {
	poll, recheck := time.NewTicker(l.cfg.Poll), time.NewTicker(l.cfg.Recheck)
	defer poll.Stop()
	defer recheck.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-l.wakeup:
			l.look(ctx)
		case <-poll.C:
			l.look(ctx)
		case <-recheck.C:
			l.recheck(ctx)
		}
	}
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	for _, p := range l.connected() {
		p.end(ErrStopping)
	}
	l.left.Wait()
	return nil
}

// look asks for news of all connections at once.
func (l *Listeners) look(ctx context.Context) {
	pulls := l.connected()
	if len(pulls) == 0 {
		return
	}
	endpoints, before := make([]string, 0, 2*len(pulls)), make(map[*Pull]time.Time, len(pulls))
	for _, p := range pulls {
		if fence := p.began(); !fence.IsZero() {
			endpoints, before[p] = append(endpoints, p.session.endpoints()...), fence
		}
	}
	found, err := look(ctx, l.cfg.Pool, l.cfg.Clock.Now(), endpoints)
	if err != nil {
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "no look for listeners' deliveries", "error", err)
		}
		return
	}
	standings := make(map[string]standing, len(found))
	for _, s := range found {
		standings[s.ID] = s
	}
	for p, fence := range before {
		own, connect := standings[p.session.Own], standings[p.session.Connect]
		switch {
		case !own.ListenedAt.Equal(fence):
			p.end(ErrTakenOver)
		case own.Due || connect.Due:
			p.wake()
		}
	}
}

// recheck ends the connections whose key is not good any more, and those whose
// session is over. A database that does not answer ends nothing.
func (l *Listeners) recheck(ctx context.Context) {
	now := l.cfg.Clock.Now()
	for _, p := range l.connected() {
		s := p.session
		if !now.Before(s.Until) {
			p.end(ErrEnded)
			continue
		}
		if good, err := l.cfg.Keys.Good(ctx, s.Account, s.Livemode, s.Key); err == nil && !good {
			p.end(ErrRevoked)
		}
	}
}

// forgottenPerCommit bounds one transaction of Sweep.
const forgottenPerCommit = 100

// Sweep forgets the listeners that were silent for a week. What was pending for
// them is kept as undelivered, like that of any endpoint deleted.
func (l *Listeners) Sweep(ctx context.Context) error {
	for {
		var silent []Endpoint
		err := db.InTx(ctx, l.cfg.Pool, func(ctx context.Context, tx bun.Tx) (err error) {
			at := l.cfg.Clock.Now()
			if silent, err = silentListeners(ctx, tx, at.Add(-forgetAfter), forgottenPerCommit); err != nil {
				return err
			}
			return forgetListener(ctx, tx, silent, at)
		})
		if err != nil || len(silent) < forgottenPerCommit {
			return err
		}
	}
}

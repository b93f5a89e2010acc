package connect

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// summaryTTL bounds how long another node may act on an account's old standing.
// With the answer on its way it stays below the five seconds we promise.
const summaryTTL = 4 * time.Second

// summaryCount bounds the cache; the least recently used accounts are read again.
const summaryCount = 50_000

// Summary is what the payment path must know of an account.
type Summary struct {
	ID              string
	Platform        string
	Livemode        bool
	Transfers       bool // may be the destination of transfers
	CardPayments    bool // may take direct charges
	PayoutsEnabled  bool
	FeesPayer       string // who pays the processing fee of its direct charges: "account" or "application"
	DefaultCurrency string
	Country         string
	DelayDays       int64 // days until its funds become available
	Closed          bool
	Access          tenant.Access // what the platform may do with it
}

// Lookup is the summary of scope's account, or of another one that scope's platform
// is connected to, in scope's mode. It is at most four seconds old, and fresh on the
// node that changed it. Scope's own account is found whatever the access: what was
// begun for it is finished after a disconnect too. Fails with NotFound. Call it
// outside transactions: it may take a connection.
func (s *Accounts) Lookup(ctx context.Context, scope tenant.Scope, account string) (Summary, error) {
	sum, err := s.summary(ctx, summaryKey{account, scope.Livemode})
	if err != nil {
		return Summary{}, err
	}
	if sum.Platform != scope.Platform || sum.Livemode != scope.Livemode || account != scope.Account && sum.Access == tenant.NoAccess {
		return Summary{}, fault.NoSuch("account", account)
	}
	return sum, nil
}

// PlatformOf is the platform account that an account belongs to; it never changes.
func (s *Accounts) PlatformOf(ctx context.Context, idb bun.IDB, account string, livemode bool) (string, error) {
	key := summaryKey{account, livemode}
	if sum, ok := s.cache.get(key); ok {
		return sum.Platform, nil
	}
	a, err := s.loadAny(ctx, idb, key)
	return a.Platform, err
}

// summary comes from the cache, or is read and kept.
func (s *Accounts) summary(ctx context.Context, key summaryKey) (Summary, error) {
	if sum, ok := s.cache.get(key); ok {
		return sum, nil
	}
	sum, err := s.cold.read(ctx, key)
	if err == nil {
		s.cache.put(key, sum)
	}
	return sum, err
}

// summarize reads accounts, closed ones too, with a constant number of statements for
// each mode. Those that do not exist are missing in the answer.
func (s *Accounts) summarize(ctx context.Context, keys []summaryKey) (map[summaryKey]Summary, error) {
	var ids [2][]string
	for _, key := range keys {
		mode := 0
		if key.livemode {
			mode = 1
		}
		ids[mode] = append(ids[mode], key.account)
	}
	found := make(map[summaryKey]Summary, len(keys))
	for mode, wanted := range ids {
		if len(wanted) == 0 {
			continue
		}
		var rows []accountRow
		err := s.pool.NewSelect().Model(&rows).Where("a.id = ANY(?)", pgdialect.Array(wanted)).
			Where("(a.livemode IS NULL OR a.livemode = ?)", mode == 1).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("load accounts: %w", err)
		}
		accounts, err := s.complete(ctx, s.pool, rows, mode == 1)
		if err != nil {
			return nil, err
		}
		for i := range accounts {
			found[summaryKey{accounts[i].ID, mode == 1}] = summaryOf(&accounts[i])
		}
	}
	return found, nil
}

func summaryOf(a *Account) Summary {
	standing := a.Standing()
	return Summary{
		ID: a.ID, Platform: a.Platform, Livemode: a.Livemode,
		Transfers: standing.Capabilities[TransfersCapability].Active, CardPayments: standing.Capabilities[CardPaymentsCapability].Active,
		PayoutsEnabled: standing.PayoutsEnabled, FeesPayer: a.Controller.directFeesPayer(), DefaultCurrency: a.DefaultCurrency,
		Country: a.Country, DelayDays: a.Settings.Payouts.Schedule.DelayDays, Closed: !a.ClosedAt.IsZero(),
		Access: a.Access,
	}
}

// summaryKey names an account in one mode: a platform account is seen in both.
type summaryKey struct {
	account  string
	livemode bool
}

type cached struct {
	summary Summary
	until   time.Time
	changed bool // changed here a moment ago: not to be trusted, not to be replaced before until
}

type summaries struct {
	mu  sync.Mutex // put looks before it writes
	lru *lru.Cache[summaryKey, cached]
}

func newSummaries() *summaries {
	cache, err := lru.New[summaryKey, cached](summaryCount)
	if err != nil {
		panic("connect: " + err.Error()) // only a size below one fails
	}
	return &summaries{lru: cache}
}

func (c *summaries) get(key summaryKey) (Summary, bool) {
	e, ok := c.lru.Get(key)
	if !ok || e.changed || time.Now().After(e.until) {
		return Summary{}, false
	}
	return e.summary, true
}

func (c *summaries) put(key summaryKey, s Summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.lru.Peek(key); ok && e.changed && time.Now().Before(e.until) {
		return
	}
	c.lru.Add(key, cached{summary: s, until: time.Now().Add(summaryTTL)})
}

// forget keeps an account out of the cache for a while: it is called before the
// change commits, and a read in between must not bring the old state back.
func (c *summaries) forget(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, livemode := range []bool{false, true} {
		c.lru.Add(summaryKey{account, livemode}, cached{until: time.Now().Add(summaryTTL), changed: true})
	}
}

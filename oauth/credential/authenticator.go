package credential

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

const (
	// cacheFor bounds how long a node may still accept a key that another node
	// revoked: the five seconds we promise, less a second for the answer on its way.
	cacheFor = 4 * time.Second
	// cacheSize bounds the memory: the keys in use at one time. Over it, the
	// least recently used key costs a query again.
	cacheSize = 10_000
	// noteEvery is how exact last_used_at is.
	noteEvery = time.Minute
	// flushEvery is how often noted uses are written.
	flushEvery = 10 * time.Second
)

// Authenticator tells whether a key is good, from a small cache or the database.
type Authenticator struct {
	pool   *bun.DB
	pepper secret.Pepper
	clock  clock.Clock
	cache  *lru.Cache[[32]byte, *cached]

	mu    sync.Mutex
	used  map[string]time.Time // uses not written yet, by key id
	epoch atomic.Uint64        // grows with every forget: answers asked for before it are not cached
}

// cached is one good key as the database told at readAt (machine time).
type cached struct {
	key     Key
	readAt  time.Time
	notedAt atomic.Int64 // unix nanoseconds of the last noted use
}

// NewAuthenticator reads keys from pool. clk is real time (keys do not follow the world clock).
func NewAuthenticator(pool *bun.DB, pepper secret.Pepper, clk clock.Clock) *Authenticator {
	cache, err := lru.New[[32]byte, *cached](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Authenticator{pool: pool, pepper: pepper, clock: clk, cache: cache, used: map[string]time.Time{}}
}

// Authenticate is the key that plain is, if it is good now. Fails with
// Unauthenticated, whose message shows at most the key's prefix and last four.
func (a *Authenticator) Authenticate(ctx context.Context, plain string) (Key, error) {
	token, err := Parse(plain)
	if err != nil {
		return Key{}, invalidKey("")
	}
	hash := a.pepper.Sum(token.Plain())
	entry, found := a.cache.Get(hash)
	if !found || time.Since(entry.readAt) > cacheFor {
		if entry, err = a.load(ctx, hash); err != nil {
			return Key{}, err
		}
	}
	if entry == nil {
		return Key{}, invalidKey(token.Redacted())
	}
	now := a.clock.Now()
	switch entry.key.Status(now) {
	case "revoked":
		return Key{}, invalidKey(token.Redacted())
	case "expired":
		return Key{}, expiredKey(token.Redacted())
	}
	a.note(entry, now)
	return entry.key, nil
}

// load asks the database; nil is a key that was never issued. The age of the
// answer counts from before the question. An answer that a forget overtook is
// used but not kept: it may be from before the change.
func (a *Authenticator) load(ctx context.Context, hash [32]byte) (*cached, error) {
	epoch, readAt := a.epoch.Load(), time.Now()
	key, found, err := findByHash(ctx, a.pool, hash)
	if err != nil {
		return nil, err
	}
	if !found {
		a.cache.Remove(hash)
		return nil, nil
	}
	entry := &cached{key: key, readAt: readAt}
	if !key.LastUsedAt.IsZero() {
		entry.notedAt.Store(key.LastUsedAt.UnixNano())
	}
	a.cache.Add(hash, entry)
	if a.epoch.Load() != epoch {
		a.cache.Remove(hash)
	}
	return entry, nil
}

// forget drops a key from the cache. It walks the whole cache: roll and revoke are rare.
func (a *Authenticator) forget(keyID string) {
	a.epoch.Add(1)
	for _, hash := range a.cache.Keys() {
		if entry, found := a.cache.Peek(hash); found && entry.key.ID == keyID {
			a.cache.Remove(hash)
		}
	}
}

// note remembers a use, at most one a minute and key, so that the hot path
// takes no lock and the table is not written on every request.
func (a *Authenticator) note(entry *cached, now time.Time) {
	last := entry.notedAt.Load()
	if now.UnixNano()-last < int64(noteEvery) || !entry.notedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	a.mu.Lock()
	a.used[entry.key.ID] = now
	a.mu.Unlock()
}

// Run writes noted uses every few seconds until ctx is done, and once more at the end.
func (a *Authenticator) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return a.Flush(last)
		case <-tick.C:
			if err := a.Flush(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "last use of API keys not written", "error", err)
			}
		}
	}
}

// Flush writes the noted uses. What a failure leaves unwritten is lost: the next use notes it again.
func (a *Authenticator) Flush(ctx context.Context) error {
	a.mu.Lock()
	used := a.used
	a.used = map[string]time.Time{}
	a.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	return markUsed(ctx, a.pool, used)
}

func invalidKey(shown string) error {
	message := "Invalid API Key provided"
	if shown != "" {
		message += ": " + shown
	}
	return &fault.Error{Kind: fault.Unauthenticated, Message: message}
}

func expiredKey(shown string) error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "api_key_expired", Message: "Expired API Key provided: " + shown}
}

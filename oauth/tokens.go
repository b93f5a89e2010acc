package oauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Bounds as for API keys (credential.Authenticator): what another node revoked
// is refused here within five seconds.
const (
	cacheFor   = 4 * time.Second
	cacheSize  = 10_000
	noteEvery  = time.Minute
	flushEvery = 10 * time.Second
)

// Tokens tells whether an access token is good, from a small cache or the database.
type Tokens struct {
	pool      *bun.DB
	sums      func(plain string) [][]byte
	market    Marketplace
	clock     clock.Clock
	resources []string
	cache     *lru.Cache[[32]byte, *liveToken]
	epoch     atomic.Uint64 // grows with every forget: answers asked for before it are not cached

	mu   sync.Mutex
	used map[string]time.Time // uses not written yet, by connection
}

// liveToken is one good token as the database told at readAt (machine time).
type liveToken struct {
	grant      Grant
	client     string
	connection string // "" for a platform's own token
	family     string
	expiresAt  time.Time
	readAt     time.Time
	notedAt    atomic.Int64
}

// Grant is whom an access token stands for.
type Grant struct {
	ID       string // of its family, for rate limits and logs; not secret
	Account  string // acted for
	Platform string // behind the token; "" when it acts for the platform itself
	Client   string
	Livemode bool
	Access   tenant.Access
	Scopes   []string // "charges:read", "charges:write"; never nil
}

func newTokens(cfg Config) *Tokens {
	cache, err := lru.New[[32]byte, *liveToken](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	resources := slices.Clone(cfg.Resources)
	slices.Sort(resources)
	return &Tokens{
		pool: cfg.Pool, sums: cfg.sums, market: cfg.Marketplace, clock: cfg.Clock, resources: resources,
		cache: cache, used: map[string]time.Time{},
	}
}

// Authenticate is what an access token allows now. Fails with Unauthenticated.
func (t *Tokens) Authenticate(ctx context.Context, plain string) (Grant, error) {
	if !IsAccessToken(plain) {
		return Grant{}, badToken("")
	}
	sums := t.sums(plain)
	hash := [32]byte(sums[0])
	entry, found := t.cache.Get(hash)
	if !found || time.Since(entry.readAt) > cacheFor {
		var err error
		if entry, err = t.load(ctx, hash, sums); err != nil {
			return Grant{}, err
		}
	}
	now := t.clock.Now()
	if entry == nil || !now.Before(entry.expiresAt) {
		return Grant{}, badToken(plain)
	}
	t.note(entry, now)
	return entry.grant, nil
}

// badToken shows of a token what errors show of a key: its ends.
func badToken(plain string) error {
	message := "Invalid access token provided"
	if plain != "" {
		message += ": " + plain[:len(accessTest)] + "********" + last4(plain)
	}
	return &fault.Error{Kind: fault.Unauthenticated, Message: message + ". It may have expired, or access may have been revoked."}
}

// grantSQL reads a token with everything that may have ended it on our side. The
// account's own state is the marketplace's to tell.
const grantSQL = `
SELECT t.family, t.client, COALESCE(t.connection, '') AS connection, t.platform, t.account, t.livemode, t.scope, t.expires_at,
	COALESCE(n.scope, '') AS connection_scope, n.last_used_at
FROM oauth.tokens AS t
JOIN oauth.clients AS c ON c.id = t.client AND c.disabled_at IS NULL
LEFT JOIN oauth.connections AS n ON n.id = t.connection
WHERE t.hash IN (?) AND t.kind = 'access' AND t.revoked_at IS NULL AND t.expires_at > ?
	AND (t.connection IS NULL OR n.status = 'active')`

type grantRow struct {
	Family          string    `bun:"family"`
	Client          string    `bun:"client"`
	Connection      string    `bun:"connection"`
	Platform        string    `bun:"platform"`
	Account         string    `bun:"account"`
	Livemode        bool      `bun:"livemode"`
	Scope           string    `bun:"scope"`
	ExpiresAt       time.Time `bun:"expires_at"`
	ConnectionScope string    `bun:"connection_scope"`
	LastUsedAt      time.Time `bun:"last_used_at"`
}

// load asks the database; nil is a token that is not good. An answer that a
// forget overtook is used but not kept: it may be from before the change.
func (t *Tokens) load(ctx context.Context, hash [32]byte, sums [][]byte) (*liveToken, error) {
	epoch, readAt := t.epoch.Load(), time.Now()
	t.cache.Remove(hash)
	var row grantRow
	err := t.pool.NewRaw(grantSQL, bun.List(sums), t.clock.Now()).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find access token: %w", err)
	}
	access, err := t.reach(ctx, row)
	if err != nil || access == tenant.NoAccess {
		return nil, err
	}
	entry := &liveToken{
		client: row.Client, connection: row.Connection, family: row.Family, expiresAt: row.ExpiresAt, readAt: readAt,
		grant: Grant{
			ID: row.Family, Account: row.Account, Client: row.Client, Livemode: row.Livemode, Access: access, Scopes: t.scopes(access),
		},
	}
	if row.Connection != "" {
		entry.grant.Platform = row.Platform
	}
	if !row.LastUsedAt.IsZero() {
		entry.notedAt.Store(row.LastUsedAt.UnixNano())
	}
	t.cache.Add(hash, entry)
	if t.epoch.Load() != epoch {
		t.cache.Remove(hash)
	}
	return entry, nil
}

// reach is what a token allows: no more than the token's scope, the connection's,
// and what the marketplace lets the platform do; nothing if the account is closed.
func (t *Tokens) reach(ctx context.Context, row grantRow) (tenant.Access, error) {
	access := tenant.Access(row.Scope)
	if row.Connection == "" {
		_, err := t.market.Platform(ctx, t.pool, row.Platform, row.Livemode)
		return ifFound(access, err)
	}
	allowed, open, err := t.market.Reach(ctx, t.pool, row.Platform, row.Account, row.Livemode)
	if err != nil || !open {
		return ifFound(tenant.NoAccess, err)
	}
	return narrower(narrower(access, tenant.Access(row.ConnectionScope)), allowed), nil
}

func ifFound(access tenant.Access, err error) (tenant.Access, error) {
	if fault.Is(err, fault.NotFound) {
		return tenant.NoAccess, nil
	}
	if err != nil {
		return tenant.NoAccess, err
	}
	return access, nil
}

// scopes spells an access out for every resource that tokens reach. The list is
// never nil: nil would mean everything.
func (t *Tokens) scopes(access tenant.Access) []string {
	verb := ":read"
	if access.Writes() {
		verb = ":write"
	}
	out := make([]string, len(t.resources))
	for i, resource := range t.resources {
		out[i] = resource + verb
	}
	return out
}

// Forget makes this node ask the database again about a connection's tokens.
// Other nodes do so by themselves within five seconds.
func (t *Tokens) Forget(connectionID string) {
	t.forget(func(entry *liveToken) bool { return entry.connection == connectionID })
}

// forget walks the whole cache: what it follows is rare.
func (t *Tokens) forget(meant func(*liveToken) bool) {
	t.epoch.Add(1)
	for _, hash := range t.cache.Keys() {
		if entry, found := t.cache.Peek(hash); found && meant(entry) {
			t.cache.Remove(hash)
		}
	}
}

// note remembers a use of a connection, at most one a minute and token.
func (t *Tokens) note(entry *liveToken, now time.Time) {
	last := entry.notedAt.Load()
	if entry.connection == "" || now.UnixNano()-last < int64(noteEvery) || !entry.notedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	t.mu.Lock()
	t.used[entry.connection] = now
	t.mu.Unlock()
}

// Run writes noted uses every few seconds until ctx is done, and once more at the end.
func (t *Tokens) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return t.Flush(last)
		case <-tick.C:
			if err := t.Flush(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "last use of connections not written", "error", err)
			}
		}
	}
}

// Flush writes the noted uses. What a failure leaves unwritten is lost: the next use notes it again.
func (t *Tokens) Flush(ctx context.Context) error {
	t.mu.Lock()
	used := t.used
	t.used = map[string]time.Time{}
	t.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	return markConnectionsUsed(ctx, t.pool, used)
}

package credential

import (
	"context"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
)

const maxName = 200

// Service makes, rolls and revokes API keys.
type Service struct {
	pepper    secret.Pepper
	resources []string
	auth      *Authenticator
}

// NewService makes keys whose scopes name the given resources (the names in the
// API's route table); auth forgets what the service revokes.
func NewService(auth *Authenticator, resources ...string) *Service {
	return &Service{pepper: auth.pepper, resources: resources, auth: auth}
}

// Owner is whose keys a call manages, in one mode: test keys see test keys only.
type Owner struct {
	Account  string
	Livemode bool
	// Platform is the platform behind a connected account, for keys to be made; ""
	// when the account is itself a platform.
	Platform string
}

// NewKey says what key to make.
type NewKey struct {
	Kind      Kind
	Name      string
	Scopes    []string       // restricted keys only
	Networks  []netip.Prefix // that it is good from; nil: from everywhere
	ExpiresAt time.Time      // zero: never
}

// Create makes a key. The text returned is the key in plain; it exists nowhere else.
func (s *Service) Create(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, want NewKey) (Key, secret.Text, error) {
	if err := s.check(&want, at); err != nil {
		return Key{}, secret.Text{}, err
	}
	return s.insert(ctx, tx, at, owner, want)
}

func (s *Service) check(want *NewKey, at time.Time) error {
	if !want.Kind.known() {
		return fault.Invalidf("parameter_invalid", "type", "Invalid type: must be one of sk, pk, or rk.")
	}
	if err := checkName(want.Name); err != nil {
		return err
	}
	if !want.ExpiresAt.IsZero() && !want.ExpiresAt.After(at) {
		return fault.Invalidf("parameter_invalid", "expires_at", "Invalid expires_at: must be in the future.")
	}
	if want.Kind != Restricted {
		if len(want.Scopes) > 0 {
			return fault.Invalidf("parameter_invalid", "scopes", "Only restricted keys (rk) have scopes.")
		}
		return nil
	}
	scopes, err := checkScopes(want.Scopes, s.resources)
	want.Scopes = scopes
	return err
}

func checkName(name string) error {
	if utf8.RuneCountInString(name) > maxName {
		return fault.Invalidf("parameter_invalid", "name", "Invalid name: must be at most %d characters.", maxName)
	}
	return nil
}

func (s *Service) insert(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, want NewKey) (Key, secret.Text, error) {
	token, err := generate(want.Kind, owner.Livemode)
	if err != nil {
		return Key{}, secret.Text{}, err
	}
	key := Key{
		ID: id.New("key"), Account: owner.Account, Platform: owner.Platform, Livemode: owner.Livemode, Kind: want.Kind,
		Prefix: token.Prefix(), Last4: token.Last4(), Name: want.Name, Scopes: want.Scopes, Networks: want.Networks,
		CreatedAt: at, ExpiresAt: want.ExpiresAt,
	}
	if err := insertKey(ctx, tx, key, s.pepper.Sum(token.Plain())); err != nil {
		return Key{}, secret.Text{}, err
	}
	return key, token.Plain(), nil
}

// Roll makes a key of the same kind, name, scopes, networks and lifetime, and lets the old
// one work for overlap more: 0 to MaxOverlap. A key is rolled once; its
// successor can be rolled again.
func (s *Service) Roll(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, keyID string, overlap time.Duration) (Key, secret.Text, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Key{}, secret.Text{}, fault.Invalidf("parameter_invalid", "expires_in",
			"Invalid expires_in: must be from 0 to %d seconds.", int64(MaxOverlap/time.Second))
	}
	old, err := lockKey(ctx, tx, owner, keyID)
	if err != nil {
		return Key{}, secret.Text{}, err
	}
	if err := old.checkActive(at); err != nil {
		return Key{}, secret.Text{}, err
	}
	if old.ReplacedBy != "" {
		return Key{}, secret.Text{}, fault.Invalidf("api_key_inactive", "id", "This API key was rolled before.")
	}
	owner.Platform = old.Platform
	next, plain, err := s.insert(ctx, tx, at, owner, old.successor(at))
	if err != nil {
		return Key{}, secret.Text{}, err
	}
	end := at.Add(overlap)
	if !old.ExpiresAt.IsZero() && old.ExpiresAt.Before(end) {
		end = old.ExpiresAt
	}
	return next, plain, markRolled(ctx, tx, old.ID, next.ID, end)
}

// successor is what a roll makes: a key that was to live 90 days is followed by one that lives 90 days.
func (k Key) successor(at time.Time) NewKey {
	next := NewKey{Kind: k.Kind, Name: k.Name, Scopes: k.Scopes, Networks: k.Networks}
	if !k.ExpiresAt.IsZero() {
		next.ExpiresAt = at.Add(k.ExpiresAt.Sub(k.CreatedAt))
	}
	return next
}

// Changes are what may change in a key's life; nil leaves it as it is.
type Changes struct {
	Name     *string
	Networks *[]netip.Prefix // an empty list lifts the limit
}

// Update changes an active key. The caller calls Forget once the transaction is committed.
func (s *Service) Update(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, keyID string, c Changes) (Key, error) {
	key, err := lockKey(ctx, tx, owner, keyID)
	if err != nil {
		return Key{}, err
	}
	if err := key.checkActive(at); err != nil {
		return Key{}, err
	}
	if c.Name != nil {
		if err := checkName(*c.Name); err != nil {
			return Key{}, err
		}
		key.Name = *c.Name
	}
	if c.Networks != nil {
		key.Networks = *c.Networks
	}
	return key, markChanged(ctx, tx, key)
}

// Revoke ends a key for good. Revoking it again changes nothing. The caller
// calls Forget once the transaction is committed.
func (s *Service) Revoke(ctx context.Context, tx bun.Tx, at time.Time, owner Owner, keyID string) (Key, error) {
	key, err := lockKey(ctx, tx, owner, keyID)
	if err != nil {
		return Key{}, err
	}
	if !key.RevokedAt.IsZero() {
		return key, nil
	}
	key.RevokedAt = at
	return key, markRevoked(ctx, tx, key.ID, at)
}

// Forget makes this node ask the database again about a key that was changed, rolled
// or revoked. Other nodes do so by themselves within five seconds.
func (s *Service) Forget(keyID string) { s.auth.forget(keyID) }

// Get is one key of the owner. Fails with NotFound.
func (s *Service) Get(ctx context.Context, idb bun.IDB, owner Owner, keyID string) (Key, error) {
	return getKey(ctx, idb, owner, keyID)
}

// List is a page of the owner's keys, newest first, revoked and expired ones included.
func (s *Service) List(ctx context.Context, idb bun.IDB, owner Owner, p page.Params) (page.Of[Key], error) {
	return listKeys(ctx, idb, owner, p)
}

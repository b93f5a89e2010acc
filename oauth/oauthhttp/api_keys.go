package oauthhttp

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire"
)

// apiKeyDoor serves /v1/api_keys.
type apiKeyDoor struct {
	pool  *bun.DB
	keys  *credential.Service
	clock clock.Clock // real time: keys do not follow the sandbox
}

// APIKeyRoutes are the operations on /v1/api_keys, an extension of Sluice.
func APIKeyRoutes(s *rest.Server, pool *bun.DB, keys *credential.Service, clk clock.Clock) []rest.Route {
	d := apiKeyDoor{pool: pool, keys: keys, clock: clk}
	const all, one = "/v1/api_keys", "/v1/api_keys/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "api_keys", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodPost, all, s.Reveal(d.create), wire.APIKey{}),
		route(http.MethodGet, all, s.Read(d.list), wire.List[wire.APIKey]{}),
		route(http.MethodGet, one, s.Read(d.get), wire.APIKey{}),
		route(http.MethodPost, one, s.Steps(d.update), wire.APIKey{}),
		route(http.MethodPost, one+"/roll", s.Reveal(d.roll), wire.APIKey{}),
		route(http.MethodPost, one+"/revoke", s.Steps(d.revoke), wire.APIKey{}),
	}
}

// ownerOf is whose keys the caller manages: its own account's, in its key's
// mode. Restricted and publishable keys manage none, whatever their scopes say,
// because a key that makes keys can give itself every right. People of the account
// do, as far as their role reaches; see within.
func ownerOf(r *rest.Request) (credential.Owner, error) {
	whole := r.Principal.Kind == rest.Secret && r.Principal.Scopes == nil
	if !whole && !r.Principal.Member || r.Scope.Connected() {
		return credential.Owner{}, rest.Unsaved(&fault.Error{
			Kind: fault.Forbidden, Message: "API keys can be managed only with an unrestricted secret key of the platform account.",
		})
	}
	return credential.Owner{Account: r.Scope.Account, Livemode: r.Scope.Livemode}, nil
}

// within refuses a person a key that may do more than they may: else whoever makes
// keys would have every right by the next request.
func within(r *rest.Request, kind credential.Kind, scopes []string) error {
	own := r.Principal.Scopes
	if own == nil || kind == credential.Publishable {
		return nil
	}
	for _, scope := range scopes {
		resource, reads := strings.CutSuffix(scope, ":read")
		if !slices.Contains(own, scope) && !(reads && slices.Contains(own, resource+":write")) {
			return tooFar("Your role does not have the permission " + scope + ", so it cannot give it to a key.")
		}
	}
	if kind == credential.Restricted {
		return nil
	}
	return tooFar("A secret key may do everything, which your role may not. Make a restricted key, or ask an owner of the account.")
}

func tooFar(message string) error {
	return rest.Unsaved(&fault.Error{Kind: fault.Forbidden, Code: "role_required", Message: message})
}

func (d apiKeyDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	owner, err := ownerOf(r)
	if err != nil {
		return nil, nil, err
	}
	var p struct {
		Type       string   `form:"type"`
		Name       string   `form:"name"`
		Scopes     []string `form:"scopes"`
		AllowedIPs []string `form:"allowed_ips"`
		ExpiresAt  *int64   `form:"expires_at"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	kind, err := kindOf(p.Type)
	if err != nil {
		return nil, nil, err
	}
	if err := within(r, kind, p.Scopes); err != nil {
		return nil, nil, err
	}
	networks, err := credential.ParseNetworks(p.AllowedIPs)
	if err != nil {
		return nil, nil, err
	}
	want := credential.NewKey{Kind: kind, Name: p.Name, Scopes: p.Scopes, Networks: networks}
	if p.ExpiresAt != nil {
		want.ExpiresAt = time.Unix(*p.ExpiresAt, 0).UTC()
	}
	now := d.clock.Now()
	key, plain, err := d.keys.Create(ctx, tx, now, owner, want)
	if err != nil {
		return nil, nil, err
	}
	shown, kept = revealAPIKey(key, plain, now)
	return shown, kept, nil
}

func (d apiKeyDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := ownerOf(r)
	if err != nil {
		return nil, err
	}
	var p struct{ page.Params }
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.keys.List(ctx, d.pool, owner, p.Params)
	if err != nil {
		return nil, err
	}
	now := d.clock.Now()
	show := func(k credential.Key) wire.APIKey { return showAPIKey(k, now) }
	return page.List(found, "/v1/api_keys", show), nil
}

func (d apiKeyDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := ownerOf(r)
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	key, err := d.keys.Get(ctx, d.pool, owner, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return showAPIKey(key, d.clock.Now()), nil
}

// update changes a key's name and where it is good from. Who may not make such a key
// may not loosen one either.
func (d apiKeyDoor) update(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := ownerOf(r)
	if err != nil {
		return nil, err
	}
	var p struct {
		Name       *string   `form:"name"`
		AllowedIPs *[]string `form:"allowed_ips"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	changes := credential.Changes{Name: p.Name}
	if p.AllowedIPs != nil {
		networks, err := credential.ParseNetworks(*p.AllowedIPs)
		if err != nil {
			return nil, err
		}
		if r.Principal.KeyID == r.Path("id") && !rest.From(r.Request, networks) {
			return nil, fault.Invalidf("parameter_invalid", "allowed_ips",
				"Invalid allowed_ips: the address you call from, %s, is not among them, so this key could not undo it.", rest.PeerIP(r.Request))
		}
		changes.Networks = &networks
	}
	var key credential.Key
	now := d.clock.Now()
	err = db.InTx(ctx, d.pool, func(ctx context.Context, tx bun.Tx) error {
		old, err := d.keys.Get(ctx, tx, owner, r.Path("id"))
		if err != nil {
			return err
		}
		if err := within(r, old.Kind, old.Scopes); err != nil {
			return err
		}
		key, err = d.keys.Update(ctx, tx, now, owner, r.Path("id"), changes)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.keys.Forget(key.ID)
	return showAPIKey(key, now), nil
}

// roll answers with the new key. expires_in is how many seconds the old one
// keeps working, 0 when absent.
func (d apiKeyDoor) roll(ctx context.Context, tx bun.Tx, r *rest.Request) (shown, kept any, err error) {
	owner, err := ownerOf(r)
	if err != nil {
		return nil, nil, err
	}
	var p struct {
		ExpiresIn int64 `form:"expires_in"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, nil, err
	}
	overlap, err := overlapOf(p.ExpiresIn)
	if err != nil {
		return nil, nil, err
	}
	old, err := d.keys.Get(ctx, tx, owner, r.Path("id"))
	if err != nil {
		return nil, nil, err
	}
	if err := within(r, old.Kind, old.Scopes); err != nil {
		return nil, nil, err
	}
	now := d.clock.Now()
	key, plain, err := d.keys.Roll(ctx, tx, now, owner, r.Path("id"), overlap)
	if err != nil {
		return nil, nil, err
	}
	shown, kept = revealAPIKey(key, plain, now)
	return shown, kept, nil
}

// overlapOf refuses before multiplying, so that no number of seconds wraps around.
func overlapOf(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > int64(credential.MaxOverlap/time.Second) {
		return 0, fault.Invalidf("parameter_invalid", "expires_in",
			"Invalid expires_in: must be from 0 to %d seconds.", int64(credential.MaxOverlap/time.Second))
	}
	return time.Duration(seconds) * time.Second, nil
}

// revoke ends a key. Doing it twice changes nothing, so it needs no idempotency
// key of the request; this node forgets the key after the commit, not before.
func (d apiKeyDoor) revoke(ctx context.Context, r *rest.Request) (any, error) {
	owner, err := ownerOf(r)
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	var key credential.Key
	now := d.clock.Now()
	err = db.InTx(ctx, d.pool, func(ctx context.Context, tx bun.Tx) error {
		key, err = d.keys.Revoke(ctx, tx, now, owner, r.Path("id"))
		return err
	})
	if err != nil {
		return nil, err
	}
	d.keys.Forget(key.ID)
	return showAPIKey(key, now), nil
}

// kinds are the key types as the API spells them.
var kinds = map[string]credential.Kind{
	string(rest.Secret):      credential.Secret,
	string(rest.Publishable): credential.Publishable,
	string(rest.Restricted):  credential.Restricted,
}

func kindOf(name string) (credential.Kind, error) {
	if name == "" {
		return "", fault.Missing("type")
	}
	kind, known := kinds[name]
	if !known {
		return "", fault.Invalidf("parameter_invalid", "type", "Invalid type: must be one of secret, publishable, or restricted.")
	}
	return kind, nil
}

func nameOf(kind credential.Kind) rest.KeyKind {
	switch kind {
	case credential.Publishable:
		return rest.Publishable
	case credential.Restricted:
		return rest.Restricted
	case credential.Secret:
	}
	return rest.Secret
}

func showAPIKey(k credential.Key, now time.Time) wire.APIKey {
	return wire.APIKey{
		ID: k.ID, Object: "api_key", AllowedIPs: credential.ShowNetworks(k.Networks), Created: wire.Unix(k.CreatedAt), ExpiresAt: wire.NullableUnix(k.ExpiresAt),
		Last4: k.Last4, LastUsedAt: wire.NullableUnix(k.LastUsedAt), Livemode: k.Livemode, Name: wire.Nullable(k.Name),
		Prefix: k.Prefix, ReplacedBy: wire.Nullable(k.ReplacedBy), RevokedAt: wire.NullableUnix(k.RevokedAt),
		Scopes: k.Scopes, Status: k.Status(now), Type: string(nameOf(k.Kind)),
	}
}

// revealAPIKey is a new key as it is shown once, and as it may be kept.
func revealAPIKey(k credential.Key, plain secret.Text, now time.Time) (with, without wire.APIKey) {
	without = showAPIKey(k, now)
	with = without
	with.Secret = plain.Reveal()
	return with, without
}

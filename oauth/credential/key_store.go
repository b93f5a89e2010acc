package credential

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
)

type keyRow struct {
	bun.BaseModel `bun:"table:oauth.api_keys,alias:api_key"`

	ID         string    `bun:"id,pk"`
	Account    string    `bun:"account"`
	Platform   string    `bun:"platform"`
	Livemode   bool      `bun:"livemode"`
	Kind       string    `bun:"kind"`
	Hash       []byte    `bun:"hash"`
	Prefix     string    `bun:"prefix"`
	Last4      string    `bun:"last4"`
	Name       string    `bun:"name"`
	Scopes     []string  `bun:"scopes,array"`
	Networks   []string  `bun:"networks,array"`
	CreatedAt  time.Time `bun:"created_at"`
	ExpiresAt  time.Time `bun:"expires_at,nullzero"`
	RevokedAt  time.Time `bun:"revoked_at,nullzero"`
	ReplacedBy string    `bun:"replaced_by,nullzero"`
	LastUsedAt time.Time `bun:"last_used_at,nullzero"`
}

// key fails on a network that nobody can read: to pass it over would widen the key.
func (r keyRow) key() (Key, error) {
	k := Key{
		ID: r.ID, Account: r.Account, Platform: r.Platform, Livemode: r.Livemode, Kind: Kind(r.Kind),
		Prefix: r.Prefix, Last4: r.Last4, Name: r.Name,
		CreatedAt: r.CreatedAt.UTC(), ReplacedBy: r.ReplacedBy,
		ExpiresAt: utc(r.ExpiresAt), RevokedAt: utc(r.RevokedAt), LastUsedAt: utc(r.LastUsedAt),
	}
	if len(r.Scopes) > 0 {
		k.Scopes = r.Scopes
	}
	for _, text := range r.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return Key{}, fmt.Errorf("api key %s: network: %w", r.ID, err)
		}
		k.Networks = append(k.Networks, network)
	}
	return k, nil
}

// utc keeps zero times zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func insertKey(ctx context.Context, tx bun.Tx, k Key, hash [32]byte) error {
	scopes := k.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	row := keyRow{
		ID: k.ID, Account: k.Account, Platform: k.Platform, Livemode: k.Livemode, Kind: string(k.Kind), Hash: hash[:],
		Prefix: k.Prefix, Last4: k.Last4, Name: k.Name, Scopes: scopes, Networks: storedNetworks(k.Networks),
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert api key: %w", err)
	}
	return nil
}

// storedNetworks are networks as the table holds them.
func storedNetworks(networks []netip.Prefix) []string {
	out := make([]string, len(networks))
	for i, n := range networks {
		out[i] = n.String()
	}
	return out
}

func getKey(ctx context.Context, idb bun.IDB, owner Owner, keyID string) (Key, error) {
	return selectKey(ctx, idb.NewSelect(), owner, keyID)
}

// lockKey locks the row: two rolls of one key must not both make a successor.
func lockKey(ctx context.Context, tx bun.Tx, owner Owner, keyID string) (Key, error) {
	return selectKey(ctx, tx.NewSelect().For("UPDATE"), owner, keyID)
}

func selectKey(ctx context.Context, q *bun.SelectQuery, owner Owner, keyID string) (Key, error) {
	var row keyRow
	err := q.Model(&row).Where("id = ?", keyID).
		Where("account = ? AND livemode = ?", owner.Account, owner.Livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, fault.NoSuch("api_key", keyID)
	}
	if err != nil {
		return Key{}, fmt.Errorf("get api key: %w", err)
	}
	return row.key()
}

func listKeys(ctx context.Context, idb bun.IDB, owner Owner, p page.Params) (page.Of[Key], error) {
	of := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account = ? AND livemode = ?", owner.Account, owner.Livemode)
	}
	rows, err := page.Fetch[keyRow](ctx, idb, p, "api_key", of, nil)
	if err != nil {
		return page.Of[Key]{}, fmt.Errorf("list api keys: %w", err)
	}
	out := page.Of[Key]{Items: make([]Key, len(rows.Items)), HasMore: rows.HasMore}
	for i, row := range rows.Items {
		if out.Items[i], err = row.key(); err != nil {
			return page.Of[Key]{}, err
		}
	}
	return out, nil
}

// findByHash is the key with this hash, if it was ever issued.
func findByHash(ctx context.Context, idb bun.IDB, hash [32]byte) (Key, bool, error) {
	var row keyRow
	err := idb.NewSelect().Model(&row).Where("hash = ?", hash[:]).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, false, nil
	}
	if err != nil {
		return Key{}, false, fmt.Errorf("find api key: %w", err)
	}
	key, err := row.key()
	return key, true, err
}

func markRolled(ctx context.Context, tx bun.Tx, keyID, successor string, expiresAt time.Time) error {
	_, err := tx.NewUpdate().Model((*keyRow)(nil)).
		Set("replaced_by = ?", successor).Set("expires_at = ?", expiresAt).
		Where("id = ?", keyID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("mark api key rolled: %w", err)
	}
	return nil
}

// markChanged writes what may change in a key's life: its name and where it is good from.
func markChanged(ctx context.Context, tx bun.Tx, k Key) error {
	_, err := tx.NewUpdate().Model((*keyRow)(nil)).
		Set("name = ?", k.Name).Set("networks = ?", pgdialect.Array(storedNetworks(k.Networks))).
		Where("id = ?", k.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("change api key: %w", err)
	}
	return nil
}

func markRevoked(ctx context.Context, tx bun.Tx, keyID string, at time.Time) error {
	_, err := tx.NewUpdate().Model((*keyRow)(nil)).
		Set("revoked_at = ?", at).Where("id = ?", keyID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("mark api key revoked: %w", err)
	}
	return nil
}

// markUsedSQL never moves a time back: two nodes report the same key in any order.
const markUsedSQL = `
UPDATE oauth.api_keys AS k SET last_used_at = u.at
FROM unnest(?::text[], ?::timestamptz[]) AS u (id, at)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)`

func markUsed(ctx context.Context, idb bun.IDB, used map[string]time.Time) error {
	ids, times := make([]string, 0, len(used)), make([]time.Time, 0, len(used))
	for keyID, at := range used {
		ids, times = append(ids, keyID), append(times, at)
	}
	_, err := idb.NewRaw(markUsedSQL, pgdialect.Array(ids), pgdialect.Array(times)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("mark api keys used: %w", err)
	}
	return nil
}

package requestlog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
)

// insertEntries takes the whole batch in one statement. A batch whose commit got no
// answer comes again. The commit does not wait for the disk: the log may lose its last
// moment in a crash, and the money's commits do not queue behind it.
const insertEntries = `
WITH async AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting)
INSERT INTO platform.request_logs (id, account, livemode, for_account, key_id, person, method, path, route, status, took_us,
	idempotency_key, replayed, object_id, api_version, ip, params, error_type, error_code, error_param, error, created_at)
SELECT id, account, livemode, for_account, key_id, person, method, path, route, status, took_us,
	idempotency_key, replayed, object_id, api_version, ip, NULLIF(params, '')::json, error_type, error_code, error_param,
	NULLIF(error, '')::json, created_at
FROM async, unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
	$11::bigint[], $12::text[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[],
	$21::text[], $22::timestamptz[])
	AS e (id, account, livemode, for_account, key_id, person, method, path, route, status, took_us,
	idempotency_key, replayed, object_id, api_version, ip, params, error_type, error_code, error_param, error, created_at)
ON CONFLICT DO NOTHING`

func insert(ctx context.Context, pool *bun.DB, entries []entry) error {
	if _, err := db.Exec(ctx, pool, insertEntries, columns(entries)...); err != nil {
		return fmt.Errorf("write %d requests: %w", len(entries), err)
	}
	return nil
}

func columns(entries []entry) []any {
	text := func(of func(*entry) string) any { return array(entries, of) }
	number := func(of func(*entry) int64) any { return array(entries, of) }
	truth := func(of func(*entry) bool) any { return array(entries, of) }
	return []any{
		text(func(e *entry) string { return e.ID }), text(func(e *entry) string { return e.Account }), truth(func(e *entry) bool { return e.Livemode }),
		text(func(e *entry) string { return e.ForAccount }), text(func(e *entry) string { return e.KeyID }), text(func(e *entry) string { return e.Person }),
		text(func(e *entry) string { return e.Method }), text(func(e *entry) string { return e.Path }), text(func(e *entry) string { return e.Route }),
		number(func(e *entry) int64 { return int64(e.Status) }), number(func(e *entry) int64 { return e.TookUS }),
		text(func(e *entry) string { return e.IdempotencyKey }), truth(func(e *entry) bool { return e.Replayed }),
		text(func(e *entry) string { return e.ObjectID }), text(func(e *entry) string { return e.APIVersion }), text(func(e *entry) string { return e.IP }),
		text(func(e *entry) string { return string(e.Params) }), text(func(e *entry) string { return e.ErrorType }),
		text(func(e *entry) string { return e.ErrorCode }), text(func(e *entry) string { return e.ErrorParam }),
		text(func(e *entry) string { return string(e.Error) }), array(entries, func(e *entry) time.Time { return e.CreatedAt }),
	}
}

func array[T any](entries []entry, of func(*entry) T) []T {
	out := make([]T, len(entries))
	for i := range entries {
		out[i] = of(&entries[i])
	}
	return out
}

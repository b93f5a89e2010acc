package idempotency

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
)

// Store keeps claims and answers in platform.idempotency_keys.
type Store struct{}

// NewStore makes a store.
func NewStore() *Store { return &Store{} }

type row struct {
	Hash        string
	Fingerprint string
	RequestID   string
	Status      *int
	Body        []byte
}

// Find looks without claiming: the fast path before any transaction.
// Fresh means that nobody has used the key so far.
func (s *Store) Find(ctx context.Context, idb bun.IDB, c *Claim) (Outcome, error) {
	rows, err := find(ctx, idb, []string{text(c.Hash)})
	if err != nil || len(rows) == 0 {
		return Outcome{State: Fresh, Key: c.Key}, err
	}
	return decide(c, rows[0])
}

// RequestID is the request that claimed a key first, or "" once the key is forgotten.
func (s *Store) RequestID(ctx context.Context, idb bun.IDB, hash [16]byte) (string, error) {
	rows, err := find(ctx, idb, []string{text(hash)})
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0].RequestID, nil
}

// claimSQL bounds the wait for another process that holds one of the keys in an open
// transaction. The limit is set inside the statement, before its insert waits.
const claimSQL = `
WITH patience AS (SELECT set_config('lock_timeout', '2s', true) AS was)
INSERT INTO platform.idempotency_keys (hash, fingerprint, request_id, object, expires_at)
SELECT c.hash, c.fingerprint, c.request_id, c.object, $1::timestamptz
  FROM patience, unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS c (hash, fingerprint, request_id, object)
ON CONFLICT (hash) DO NOTHING
RETURNING hash::text`

// ClaimMany claims the keys of a batch in one statement. The result has one outcome per
// claim in the same order; nil claims are Fresh. Of equal keys inside the batch the
// first wins, the others are InProgress.
//
// Keys are inserted in sorted order, so that two batches never wait for each other.
// If a key stays locked by another transaction for 2 s, the error is InUse; the same
// patience (lock_timeout) then holds for the rest of tx.
func (s *Store) ClaimMany(ctx context.Context, tx bun.Tx, at time.Time, claims []*Claim) ([]Outcome, error) {
	firsts := winners(claims)
	outcomes := make([]Outcome, len(claims))
	if len(firsts) == 0 {
		return outcomes, nil
	}
	ours, err := insert(ctx, tx, at, claims, firsts)
	if err != nil {
		return nil, err
	}
	taken, err := s.others(ctx, tx, claims, firsts, ours)
	if err != nil {
		return nil, err
	}
	won := make(map[[16]byte]bool, len(firsts))
	for i, c := range claims {
		if c == nil {
			continue
		}
		c.decided.Store(true)
		hash := text(c.Hash)
		theirs, used := taken[hash]
		switch {
		case used:
			if outcomes[i], err = decide(c, theirs); err != nil {
				return nil, err
			}
		case ours[hash] && !won[c.Hash]:
			outcomes[i] = Outcome{State: Fresh, Key: c.Key}
			won[c.Hash] = true
		default:
			outcomes[i] = Outcome{State: InProgress, Key: c.Key}
		}
	}
	return outcomes, nil
}

// winners are the indexes of the first claim of each key, in order of hash.
func winners(claims []*Claim) []int {
	seen := make(map[[16]byte]bool, len(claims))
	var firsts []int
	for i, c := range claims {
		if c != nil && !seen[c.Hash] {
			seen[c.Hash] = true
			firsts = append(firsts, i)
		}
	}
	slices.SortFunc(firsts, func(a, b int) int { return bytes.Compare(claims[a].Hash[:], claims[b].Hash[:]) })
	return firsts
}

func insert(ctx context.Context, tx bun.Tx, at time.Time, claims []*Claim, firsts []int) (map[string]bool, error) {
	n := len(firsts)
	hashes, prints := make([][16]byte, n), make([][16]byte, n)
	requests, objects := make([]string, n), make([]string, n)
	for i, first := range firsts {
		c := claims[first]
		hashes[i], prints[i] = c.Hash, c.Fingerprint
		requests[i], objects[i] = c.RequestID, c.Object
	}
	inserted, err := taken(tx.Tx.QueryContext(ctx, claimSQL, db.Prepared, at.Add(Retention), hashes, prints, requests, objects))
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "55P03" {
		return nil, InUse(claims[firsts[0]].Key)
	}
	if err != nil {
		return nil, fmt.Errorf("claim idempotency keys: %w", err)
	}
	ours := make(map[string]bool, n)
	for _, hash := range inserted {
		ours[hash] = true
	}
	return ours, nil
}

// taken reads the hashes that a claim got.
func taken(rows *sql.Rows, err error) (hashes []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, rows.Err()
}

// others reads the rows of keys that others hold. It is a later statement than the
// insert, so it sees what the insert waited for.
func (s *Store) others(ctx context.Context, tx bun.Tx, claims []*Claim, firsts []int, ours map[string]bool) (map[string]row, error) {
	var lost []string
	for _, first := range firsts {
		if hash := text(claims[first].Hash); !ours[hash] {
			lost = append(lost, hash)
		}
	}
	if len(lost) == 0 {
		return nil, nil
	}
	rows, err := find(ctx, tx, lost)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]row, len(rows))
	for _, r := range rows {
		taken[r.Hash] = r
	}
	return taken, nil
}

const findSQL = `
SELECT hash::text, fingerprint::text, request_id, status, body
  FROM platform.idempotency_keys WHERE hash = ANY(?::uuid[])`

func find(ctx context.Context, idb bun.IDB, hashes []string) ([]row, error) {
	var rows []row
	if err := idb.NewRaw(findSQL, pgdialect.Array(hashes)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("find idempotency keys: %w", err)
	}
	return rows, nil
}

// decide compares a claim with the row that holds its key.
func decide(c *Claim, r row) (Outcome, error) {
	switch {
	case r.Fingerprint != text(c.Fingerprint):
		return Outcome{State: Mismatch, Key: c.Key}, nil
	case r.Status == nil:
		return Outcome{State: InProgress, Key: c.Key}, nil
	}
	response, err := r.response()
	return Outcome{State: Replay, Key: c.Key, Response: response}, err
}

func (r row) response() (Response, error) {
	body, err := sent(r.Body)
	return Response{Status: *r.Status, Body: body, RequestID: r.RequestID}, err
}

// An answer is saved once; a second one, from a request and a sweeper that met, changes
// nothing. expires_at stays: changing an indexed column would cost the index another entry.
const saveSQL = `
UPDATE platform.idempotency_keys AS k
   SET status = a.status, body = a.body, answered_at = $1::timestamptz
  FROM unnest($2::uuid[], $3::smallint[], $4::bytea[]) AS a (hash, status, body)
 WHERE k.hash = a.hash AND k.status IS NULL`

// SaveMany saves the answers of claims, in one statement. The first answer of a key
// stays. Retention counts from the claim.
func (s *Store) SaveMany(ctx context.Context, tx bun.Tx, at time.Time, hashes [][16]byte, responses []Response) error {
	if len(hashes) != len(responses) {
		return fmt.Errorf("save idempotency answers: %d keys, %d answers", len(hashes), len(responses))
	}
	if len(hashes) == 0 {
		return nil
	}
	statuses, bodies := make([]int16, len(hashes)), make([][]byte, len(hashes))
	for i, r := range responses {
		statuses[i], bodies[i] = int16(r.Status), r.keep()
	}
	if _, err := tx.Tx.ExecContext(ctx, saveSQL, db.Prepared, at, hashes, statuses, bodies); err != nil {
		return fmt.Errorf("save idempotency answers: %w", err)
	}
	return nil
}

// ReleaseMany gives claims without an answer up, so that their keys are free again.
func (s *Store) ReleaseMany(ctx context.Context, tx bun.Tx, hashes [][16]byte) error {
	keys := make([]string, len(hashes))
	for i, hash := range hashes {
		keys[i] = text(hash)
	}
	const releaseSQL = `DELETE FROM platform.idempotency_keys WHERE hash = ANY(?::uuid[]) AND status IS NULL`
	if _, err := tx.NewRaw(releaseSQL, pgdialect.Array(keys)).Exec(ctx); err != nil {
		return fmt.Errorf("release idempotency keys: %w", err)
	}
	return nil
}

// Held is a claim without an answer, as a sweeper finds it by its object.
type Held struct {
	Hash      [16]byte
	RequestID string
}

// HeldBy finds the claims without an answer that belong to objects. A sweeper that has
// just settled the objects saves or releases them. objects must be few: the look-up
// reads the table's recent end only, from since on.
func (s *Store) HeldBy(ctx context.Context, tx bun.Tx, since time.Time, objects []string) (map[string]Held, error) {
	var rows []struct{ Hash, RequestID, Object string }
	const heldSQL = `
SELECT hash::text, request_id, object FROM platform.idempotency_keys
 WHERE expires_at >= ? AND status IS NULL AND object = ANY(?::text[])`
	if err := tx.NewRaw(heldSQL, since.Add(Retention), pgdialect.Array(objects)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("find held idempotency keys: %w", err)
	}
	held := make(map[string]Held, len(rows))
	for _, r := range rows {
		hash, err := parse(r.Hash)
		if err != nil {
			return nil, err
		}
		held[r.Object] = Held{Hash: hash, RequestID: r.RequestID}
	}
	return held, nil
}

// Sweep forgets up to limit keys that expired before now and tells how many. Keys in
// progress are forgotten too: thirty days later nobody waits for them.
func Sweep(ctx context.Context, pool *bun.DB, now time.Time, limit int) (int, error) {
	const sweepSQL = `
DELETE FROM platform.idempotency_keys WHERE hash IN (
       SELECT hash FROM platform.idempotency_keys WHERE expires_at < ? LIMIT ? FOR UPDATE SKIP LOCKED)`
	done, err := pool.NewRaw(sweepSQL, now, limit).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep idempotency keys: %w", err)
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// Kept are all answers that are remembered, for checks of what rests in the database.
func Kept(ctx context.Context, idb bun.IDB) ([]Response, error) {
	var rows []row
	err := idb.NewRaw(`SELECT request_id, status, body FROM platform.idempotency_keys WHERE status IS NOT NULL`).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read kept answers: %w", err)
	}
	out := make([]Response, len(rows))
	for i, r := range rows {
		if out[i], err = r.response(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// text is a hash in PostgreSQL's spelling of uuid.
func text(hash [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], hash[0:4])
	hex.Encode(b[9:13], hash[4:6])
	hex.Encode(b[14:18], hash[6:8])
	hex.Encode(b[19:23], hash[8:10])
	hex.Encode(b[24:36], hash[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

func parse(s string) (hash [16]byte, err error) {
	raw, err := hex.DecodeString(s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36])
	copy(hash[:], raw)
	return hash, err
}

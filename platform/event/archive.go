package event

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/wire"
)

// MinRetention is how long the log keeps every event: a day more than the API
// shows it, for clocks that differ.
const MinRetention = Visible + 24*time.Hour

// Archived is a month that the log has forgotten.
type Archived struct {
	Month  string // "2026-08"; the log's first month includes everything before it
	Rows   int64
	File   string // in the archive directory; "" = not kept
	SHA256 string // of the file, in hex
}

// Month is one that could be archived.
type Month struct {
	Name      string
	Rows      int64
	Published bool // in every lane
}

// Archivable are the months that had ended at a moment, oldest first.
func Archivable(ctx context.Context, idb bun.IDB, before time.Time) ([]Month, error) {
	ended, err := endedBefore(ctx, idb, before)
	if err != nil {
		return nil, err
	}
	out := make([]Month, len(ended))
	for i, p := range ended {
		out[i].Name = p.month()
		if err := idb.NewRaw(`SELECT count(*) FROM platform.?`, bun.Ident(p.Name)).Scan(ctx, &out[i].Rows); err != nil {
			return nil, fmt.Errorf("count the events of %s: %w", p.month(), err)
		}
		behind, err := lanesBehind(ctx, idb, p)
		if err != nil {
			return nil, err
		}
		out[i].Published = behind == 0
	}
	return out, nil
}

func endedBefore(ctx context.Context, idb bun.IDB, before time.Time) (ended []partition, err error) {
	all, err := partitions(ctx, idb)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if !p.Default && p.Until <= id.Floor(prefix, before) {
			ended = append(ended, p)
		}
	}
	return ended, nil
}

// lanesBehind is how many lanes still have events of the month to publish.
func lanesBehind(ctx context.Context, idb bun.IDB, p partition) (n int, err error) {
	err = idb.NewRaw(`
SELECT count(*) FROM platform.relay_lanes l WHERE EXISTS (
	SELECT FROM platform.? e WHERE e.lane = l.lane AND (e.order_xid, e.seq) > (l.order_xid, l.seq))`,
		bun.Ident(p.Name)).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("look what is unpublished of %s: %w", p.month(), err)
	}
	return n, nil
}

// Archive takes the months that had ended at a moment out of the log, oldest
// first, and returns those it took. before is at least MinRetention ago. With a
// directory, each month is first written there as a file that ReadArchive reads;
// with "" its events are gone.
//
// A month goes whole or not at all. A crash leaves at most a file whose month is
// still in the log; the next run writes the same bytes under the same name.
func Archive(ctx context.Context, pool *bun.DB, dir string, before, now time.Time) (done []Archived, err error) {
	if before.After(now.Add(-MinRetention)) {
		return nil, fmt.Errorf("archive events before %s: the log keeps %d days", before.UTC().Format(time.DateOnly), int(MinRetention.Hours()/24))
	}
	if err := checkClock(ctx, pool, now); err != nil {
		return nil, fmt.Errorf("archive events: %w", err)
	}
	ended, err := endedBefore(ctx, pool, before)
	if err != nil {
		return nil, err
	}
	for _, p := range ended {
		a := Archived{Month: p.month()}
		err := db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error { return archive(ctx, tx, p, dir, now, &a) })
		if err != nil {
			return done, fmt.Errorf("archive the events of %s: %w", p.month(), err)
		}
		done = append(done, a)
	}
	return done, nil
}

// archiveLock is the advisory lock that lets one process archive at a time: "slarchiv" in ASCII.
const archiveLock = 0x736c617263686976

// beginArchive keeps writers out of the month from here on. None should come:
// ids of that time are no longer made. Readers go on.
const beginArchive = `
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL lock_timeout = '2s';
LOCK TABLE platform.? IN SHARE MODE`

func archive(ctx context.Context, tx bun.Tx, p partition, dir string, now time.Time, a *Archived) error {
	var alone bool
	if err := tx.NewRaw(`SELECT pg_try_advisory_xact_lock(?)`, int64(archiveLock)).Scan(ctx, &alone); err != nil {
		return err
	}
	if !alone {
		return errors.New("another process is archiving")
	}
	if _, err := tx.NewRaw(beginArchive, bun.Ident(p.Name)).Exec(ctx); err != nil {
		return err
	}
	behind, err := lanesBehind(ctx, tx, p)
	if err != nil {
		return err
	}
	if behind > 0 {
		return fmt.Errorf("%d lanes are not published up to its end: is a relay running?", behind)
	}
	if err := tx.NewRaw(`SELECT count(*) FROM platform.?`, bun.Ident(p.Name)).Scan(ctx, &a.Rows); err != nil {
		return err
	}
	if dir != "" {
		if err := keep(ctx, tx, p, dir, a); err != nil {
			return err
		}
	}
	if err := drop(ctx, tx, p); err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO platform.event_archives (month, until_id, rows, file, sha256, archived_at) VALUES (?, ?, ?, ?, ?, ?)`,
		a.Month, p.Until, a.Rows, a.File, a.SHA256, now).Exec(ctx)
	return err
}

// dropTries bounds how long drop tries. The transaction has its number by then
// and holds the relays' horizon back.
const dropTries = 8

// drop takes the partition out of the log. That needs the whole log for a
// moment: DETACH CONCURRENTLY, which would not, refuses a log with a default
// partition. So it waits for running writers only as briefly as new ones can
// stand to wait behind it, and tries several times.
func drop(ctx context.Context, tx bun.Tx, p partition) error {
	for try := 1; ; try++ {
		_, err := tx.NewRaw(`SAVEPOINT before_drop; SET LOCAL lock_timeout = '200ms'; LOCK TABLE ONLY platform.events IN ACCESS EXCLUSIVE MODE`).Exec(ctx)
		if err == nil {
			break
		}
		var pg *pgconn.PgError
		if try == dropTries || !errors.As(err, &pg) || pg.Code != "55P03" { // lock_not_available
			return err
		}
		if _, err := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT before_drop`); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	_, err := tx.NewRaw(`ALTER TABLE platform.events DETACH PARTITION platform.?0; DROP TABLE platform.?0`, bun.Ident(p.Name)).Exec(ctx)
	return err
}

// keep writes the month's file: beside its place first, then read back, and
// renamed once it is on the disk and right. Its name has the beginning of its
// digest, so no other file is ever overwritten.
func keep(ctx context.Context, tx bun.Tx, p partition, dir string, a *Archived) (err error) {
	draft, err := os.CreateTemp(dir, ".events-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		_ = draft.Close()
		_ = os.Remove(draft.Name()) // fails after the rename, as it should
	}()
	digest := sha256.New()
	if err := writeArchive(ctx, tx, p, io.MultiWriter(draft, digest)); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	if _, err := draft.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var there int64
	if err := ReadArchive(draft, func(Entry) error { there++; return nil }); err != nil {
		return fmt.Errorf("read the archive back: %w", err)
	}
	if there != a.Rows {
		return fmt.Errorf("the archive has %d events, the log %d", there, a.Rows)
	}
	a.SHA256 = hex.EncodeToString(digest.Sum(nil))
	a.File = fmt.Sprintf("events-%s-%s.jsonl.gz", a.Month, a.SHA256[:12])
	if err := os.Rename(draft.Name(), filepath.Join(dir, a.File)); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// archiveLine is an event in an archive: its envelope, and what the log knows beyond it.
type archiveLine struct {
	Event     json.RawMessage `json:"event"`
	Platform  string          `json:"platform"`
	ObjectID  string          `json:"object_id"`
	Lane      int             `json:"lane"`
	OrderXID  int64           `json:"order_xid"`
	Seq       int64           `json:"seq"`
	CreatedAt time.Time       `json:"created_at"` // the envelope tells only the second
}

// writeArchive writes a line per event, lane by lane in publishing order.
func writeArchive(ctx context.Context, tx bun.Tx, p partition, to io.Writer) error {
	rows, err := tx.QueryContext(ctx, `
SELECT `+rowColumns+`, lane
FROM platform.? ORDER BY lane, order_xid, seq`, bun.Ident(p.Name))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	zip := gzip.NewWriter(to)
	lines := json.NewEncoder(zip)
	lines.SetEscapeHTML(false)
	for rows.Next() {
		var r row
		var lane int
		if err := rows.Scan(append(r.places(), &lane)...); err != nil {
			return err
		}
		e, err := r.event()
		if err != nil {
			return err
		}
		envelope, err := e.Envelope()
		if err != nil {
			return err
		}
		line := archiveLine{
			Event: envelope, Platform: r.Platform, ObjectID: r.ObjectID, Lane: lane, OrderXID: r.OrderXID, Seq: r.Seq, CreatedAt: r.CreatedAt.UTC(),
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), zip.Close())
}

// ReadArchive gives the events of an archive's file, in its order.
func ReadArchive(from io.Reader, each func(Entry) error) error {
	zip, err := gzip.NewReader(bufio.NewReader(from))
	if err != nil {
		return err
	}
	lines := json.NewDecoder(zip)
	for {
		var line archiveLine
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err := line.entry()
		if err != nil {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
	}
}

func (l archiveLine) entry() (Entry, error) {
	var w wire.Event
	if err := json.Unmarshal(l.Event, &w); err != nil {
		return Entry{}, err
	}
	e := Event{
		ID: w.ID, Type: w.Type, Account: w.Account, Platform: l.Platform, Livemode: w.Livemode,
		ObjectID: l.ObjectID, ObjectVersion: w.ObjectVersion, Object: w.Data.Object, Previous: w.Data.PreviousAttributes,
		RequestID: orEmpty(w.Request.ID), IdempotencyKey: orEmpty(w.Request.IdempotencyKey), CreatedAt: l.CreatedAt,
	}
	if e.Account == "" { // a platform's own event names none
		e.Account = l.Platform
	}
	if !strings.HasPrefix(e.ID, prefix) {
		return Entry{}, fmt.Errorf("not an event: %q", e.ID)
	}
	return Entry{e, Position{l.OrderXID, l.Seq}}, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

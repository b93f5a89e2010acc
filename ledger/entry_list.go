package ledger

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
)

// EntriesFrom lists the entries that an object caused or made a statement line
// in, oldest first, at most 100.
func EntriesFrom(ctx context.Context, idb bun.IDB, source string) ([]Record, error) {
	var ids []int64
	err := idb.NewRaw(`
		SELECT id FROM ledger.entries WHERE source = ?
		UNION SELECT entry_id FROM ledger.balance_transactions WHERE source = ?
		ORDER BY 1 LIMIT 100`, source, source).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find entries: %w", err)
	}
	return recordsOf(ctx, idb, ids)
}

// EntryFilter narrows the entries in which an owner takes part.
type EntryFilter struct {
	Owner       string
	Livemode    bool
	Kind        string    // "" is every kind
	From, Until time.Time // when it occurred: not before, and before; zero is no bound
}

// EntryPage says which page of a list of entries is wanted.
type EntryPage struct {
	Entry int64 // the page begins behind it; 0 is the newest
	Newer bool  // what is newer than Entry, instead of older
	Size  int
}

// entryReach is how many entries of each account are looked through for a page of a
// filtered list, so that a kind that is rare does not read the whole history.
const entryReach = 5000

// entriesSQL lists the entries of an owner's accounts behind a place. Of each account
// it reads a stretch: as many entries as fill a page, or as far as it reaches. Where a
// stretch ends is the horizon: what is behind it may lack entries of that account.
const entriesSQL = `
WITH stretch AS (
	SELECT a.id, p.entry_id, count(*) OVER (PARTITION BY a.id) AS n FROM ledger.accounts a
	CROSS JOIN LATERAL (
		SELECT DISTINCT entry_id FROM ledger.postings
		WHERE account_id = a.id AND entry_id ?0 ?1
			AND entry_id > coalesce((SELECT entry_id FROM ledger.checkpoints
				WHERE account_id = a.id AND latest < ?2 ORDER BY latest DESC, entry_id DESC LIMIT 1), 0)
			AND entry_id <= coalesce((SELECT entry_id FROM ledger.checkpoints
				WHERE account_id = a.id AND latest > ?3 AND earliest > ?3 ORDER BY latest, entry_id LIMIT 1), 9223372036854775807)
		ORDER BY entry_id ?4 LIMIT ?5
	) p WHERE a.owner = ?6 AND a.livemode = ?7
), horizon AS (
	SELECT ?8(entry_id) AS entry_id FROM (SELECT ?9(entry_id) AS entry_id FROM stretch WHERE n = ?5 GROUP BY id) AS ends
)
SELECT (SELECT entry_id FROM horizon) IS NOT NULL AS cut, ARRAY(
	SELECT DISTINCT s.entry_id FROM stretch s JOIN ledger.entries e ON e.id = s.entry_id
	WHERE s.entry_id ?10 coalesce((SELECT entry_id FROM horizon), s.entry_id)
		AND (?11 = '' OR e.kind = ?11) AND e.occurred_at >= ?2 AND e.occurred_at < ?12
	ORDER BY s.entry_id ?4 LIMIT ?13
) AS entries`

// EntriesOf lists one page of the entries in which an owner takes part, newest first,
// and whether there is more in the direction of travel.
//
// Of a filtered list it may find fewer than asked for although there is more, and
// fails with Invalid if the stretch it reaches holds none.
func EntriesOf(ctx context.Context, idb bun.IDB, f EntryFilter, p EntryPage) (records []Record, more bool, err error) {
	filtered := f.Kind != "" || !f.From.IsZero() || !f.Until.IsZero()
	past, descending := bun.Safe("<"), bun.Safe("DESC")
	outermost, innermost, within := bun.Safe("max"), bun.Safe("min"), bun.Safe(">=")
	if p.Newer {
		past, descending = bun.Safe(">"), bun.Safe("ASC")
		outermost, innermost, within = bun.Safe("min"), bun.Safe("max"), bun.Safe("<=")
	} else if p.Entry == 0 {
		p.Entry = math.MaxInt64
	}
	stretch := p.Size + 1
	if filtered {
		stretch = entryReach
	}
	from, until := f.From, f.Until
	if until.IsZero() {
		until = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	var found struct {
		Cut     bool    // there is more behind the stretch
		Entries []int64 `bun:",array"`
	}
	err = idb.NewRaw(entriesSQL, past, p.Entry, from, until.Add(time.Minute), descending, stretch, f.Owner, f.Livemode,
		outermost, innermost, within, f.Kind, until, p.Size+1).Scan(ctx, &found)
	if err != nil {
		return nil, false, fmt.Errorf("list entries: %w", err)
	}
	if len(found.Entries) == 0 && found.Cut {
		return nil, false, fault.Invalidf("range_too_wide", "created",
			"None of the next %d entries of an account fits. Say in which time to look, with created[gte] and created[lt].", stretch)
	}
	ids := found.Entries[:min(len(found.Entries), p.Size)]
	records, err = recordsOf(ctx, idb, ids)
	slices.Reverse(records)
	return records, found.Cut || len(found.Entries) > p.Size, err
}

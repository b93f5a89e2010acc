package requestlog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Watched is whose requests somebody looks at.
type Watched struct {
	Account  string
	Livemode bool
}

// Tail tells whose log has grown since it was last asked. It is for one goroutine.
type Tail struct {
	ends map[Watched]string
}

// tailOf is how many of the newest requests are compared: a request is in the log when
// it has ended, and has its place by when it began.
const tailOf = 20

// newest looks at the end of each log in the primary key.
const newest = `
SELECT w.account, w.livemode, COALESCE(r.ids, '') AS ids
FROM unnest(?::text[], ?::boolean[]) AS w (account, livemode)
CROSS JOIN LATERAL (SELECT md5(string_agg(id, ' ')) AS ids FROM (
	SELECT id FROM platform.request_logs WHERE account = w.account AND livemode = w.livemode ORDER BY id DESC LIMIT ?) AS last) AS r`

// Grown are those of watched whose log has grown. Of one that was not asked for before
// only the end is noted.
func (t *Tail) Grown(ctx context.Context, idb bun.IDB, watched []Watched) ([]Watched, error) {
	if len(watched) == 0 {
		t.ends = nil
		return nil, nil
	}
	accounts, modes := make([]string, len(watched)), make([]bool, len(watched))
	for i, w := range watched {
		accounts[i], modes[i] = w.Account, w.Livemode
	}
	var rows []struct {
		Watched
		IDs string `bun:"ids"`
	}
	if err := idb.NewRaw(newest, pgdialect.Array(accounts), pgdialect.Array(modes), tailOf).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look at the ends of request logs: %w", err)
	}
	var grown []Watched
	ends := make(map[Watched]string, len(rows))
	for _, row := range rows {
		if before, known := t.ends[row.Watched]; known && before != row.IDs {
			grown = append(grown, row.Watched)
		}
		ends[row.Watched] = row.IDs
	}
	t.ends = ends
	return grown, nil
}

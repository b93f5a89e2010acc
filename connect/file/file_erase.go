package file

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Erase destroys the content and the name of a file of scope's account, because a
// person asked for it. That there was a file stays known; expires_at tells since
// when it is gone. Erasing twice changes nothing.
func (s *Files) Erase(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, file string) error {
	f, found, err := findFile(ctx, tx.NewSelect().For("UPDATE OF f"), file)
	switch {
	case err != nil:
		return err
	case !found || f.Account != scope.Account || f.Livemode != scope.Livemode:
		return fault.NoSuch("file", file)
	case !f.ErasedAt.IsZero():
		return nil
	}
	return erase(ctx, tx, at, []string{file})
}

// sweepBatch bounds one transaction of Sweep.
const sweepBatch = 100

// Sweep erases the documents of a mode whose retention has ended, and says how many.
func (s *Files) Sweep(ctx context.Context, livemode bool) (erased int, err error) {
	for {
		n := 0
		err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
			// Two sweeps share the work: what one has locked, the other leaves out.
			const dueSQL = `
SELECT id FROM connect.files
 WHERE livemode = ? AND expires_at <= ? AND erased_at IS NULL
 ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED`
			at := s.cfg.Clocks.For(livemode).Now()
			var due []string
			if err := tx.NewRaw(dueSQL, livemode, at, sweepBatch).Scan(ctx, &due); err != nil {
				return fmt.Errorf("find files to erase: %w", err)
			}
			n = len(due)
			return erase(ctx, tx, at, due)
		})
		if err != nil {
			return erased, err
		}
		if erased += n; n < sweepBatch {
			return erased, nil
		}
	}
}

// erase takes files whose rows are locked.
func erase(ctx context.Context, tx bun.Tx, at time.Time, files []string) error {
	if len(files) == 0 {
		return nil
	}
	const contentSQL = `DELETE FROM connect.file_contents WHERE file = ANY(?)`
	if _, err := tx.NewRaw(contentSQL, pgdialect.Array(files)).Exec(ctx); err != nil {
		return fmt.Errorf("erase file contents: %w", err)
	}
	const fileSQL = `UPDATE connect.files SET filename = '', erased_at = ?0, expires_at = LEAST(expires_at, ?0) WHERE id = ANY(?1)`
	if _, err := tx.NewRaw(fileSQL, at, pgdialect.Array(files)).Exec(ctx); err != nil {
		return fmt.Errorf("erase files: %w", err)
	}
	return nil
}

package payouts

import (
	"context"
	"fmt"
	"io"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Download notes that somebody is about to see a file, which holds account numbers,
// and returns the batch for WriteFile. Who looks is written down before he sees.
func (s *Service) Download(ctx context.Context, scope tenant.Scope, batch, actor, request string) (b *Batch, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		if b, err = findBatch(ctx, tx, scope, batch, false); err != nil {
			return err
		}
		if _, ok := s.filed(b.Livemode, b.Rail); !ok {
			return fault.Invalidf("payout_rail_gone", "", "The rail '%s' is not configured any more, so its file cannot be written.", b.Rail)
		}
		_, err := tx.NewRaw(`INSERT INTO payouts.downloads (id, batch, actor, request, created_at) VALUES (?, ?, ?, ?, ?)`,
			id.New("dwl"), b.ID, actor, request, s.cfg.Clocks.For(scope.Livemode).Now()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("note a download: %w", err)
		}
		return nil
	})
	return b, err
}

// WriteFile streams the file of a sealed batch. With an error, its end was not written.
func (s *Service) WriteFile(ctx context.Context, w io.Writer, b *Batch) error {
	way, ok := s.filed(b.Livemode, b.Rail)
	if !ok {
		return fmt.Errorf("the rail %q does not take files any more", b.Rail)
	}
	return s.write(ctx, w, way, *b)
}

package payouts

import (
	"context"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
)

// Settle asks the bank about payouts in transit whose day has come, and about
// paid ones that may still come back, and returns how many moved on. It may run
// in several processes at once: asking twice changes nothing.
func (s *Service) Settle(ctx context.Context, livemode bool, now time.Time) (moved int, err error) {
	return s.eachOf(ctx, toAsk, livemode, now, func(ctx context.Context, p askable) (bool, error) {
		way, ok := s.direct(livemode, p.Rail)
		if !ok {
			return false, nil // its bank answers in files
		}
		moved, err := s.note(ctx, p.ID, way.Lookup(ctx, rail.Query{Reference: p.ID, At: now}), now)
		if moved {
			s.cfg.After(Settled)
		}
		return moved, err
	})
}

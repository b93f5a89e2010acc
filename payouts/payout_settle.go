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
	way := s.cfg.Rails.For(livemode)
	if way == nil {
		return 0, nil
	}
	return s.eachOf(ctx, toAsk, livemode, now, func(ctx context.Context, payout string) (bool, error) {
		moved, err := s.note(ctx, payout, way.Lookup(ctx, rail.Query{Reference: payout, At: now}), now)
		if moved {
			s.cfg.After(Settled)
		}
		return moved, err
	})
}

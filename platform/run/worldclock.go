package run

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
)

// worldPoll is how soon other processes notice that the sandbox's clock was advanced.
const worldPoll = 500 * time.Millisecond

// maxWorldOffset keeps the sandbox within the years that dates and banks can express.
const maxWorldOffset = 20 * 365 * 24 * time.Hour

// WorldClock keeps the sandbox's clock in the database: it survives restarts,
// all processes follow it, and it only goes forward.
type WorldClock struct {
	pool  *bun.DB
	world *clock.World
}

// NewWorldClock ties world to the database; Load it before the first use.
func NewWorldClock(pool *bun.DB, world *clock.World) *WorldClock {
	return &WorldClock{pool: pool, world: world}
}

// Load brings this process up to what the database says.
func (c *WorldClock) Load(ctx context.Context) error {
	var micros int64
	if err := c.pool.NewRaw("SELECT offset_micros FROM platform.world_clock WHERE id = 1").Scan(ctx, &micros); err != nil {
		return fmt.Errorf("read the world clock: %w", err)
	}
	c.world.SetOffset(time.Duration(micros) * time.Microsecond)
	return nil
}

// Advance moves the sandbox forward by d for everybody and returns its present.
// This process follows at once, others within half a second.
func (c *WorldClock) Advance(ctx context.Context, d time.Duration) (time.Time, error) {
	if d <= 0 {
		return time.Time{}, fault.Invalidf("parameter_invalid_integer", "advance", "The world clock only moves forward.")
	}
	if d > maxWorldOffset {
		return time.Time{}, tooFar()
	}
	// The addition happens under the row lock, so that two who advance at once both count.
	const advance = `UPDATE platform.world_clock SET offset_micros = offset_micros + ?0
WHERE id = 1 AND offset_micros + ?0 <= ?1 RETURNING offset_micros`
	var offsets []int64
	if err := c.pool.NewRaw(advance, d.Microseconds(), maxWorldOffset.Microseconds()).Scan(ctx, &offsets); err != nil {
		return time.Time{}, fmt.Errorf("advance the world clock: %w", err)
	}
	if len(offsets) == 0 {
		return time.Time{}, tooFar()
	}
	c.world.SetOffset(time.Duration(offsets[0]) * time.Microsecond)
	return c.world.Now(), nil
}

func tooFar() error {
	return fault.Invalidf("parameter_invalid_integer", "advance", "The world clock can be at most 20 years ahead.")
}

// Run follows what other processes do to the clock, until ctx is done.
func (c *WorldClock) Run(ctx context.Context) error {
	tick := time.NewTicker(worldPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := c.Load(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "world clock not read; the last known one stays", "error", err)
		}
	}
}

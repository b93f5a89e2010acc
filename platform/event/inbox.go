package event

import (
	"context"

	"github.com/uptrace/bun"
)

// Inbox makes a consumer's effect happen once per event.
type Inbox struct{}

// Once claims the event for the consumer in the effect's transaction; first is
// false when an earlier transaction has had the effect already.
func (Inbox) Once(ctx context.Context, tx bun.Tx, consumer, eventID string) (first bool, err error) {
	return false, nil
}

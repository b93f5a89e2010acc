package session

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// ByLink is the proof of whom an operator let in.
const ByLink Proof = "link"

// Admit signs a person in whom the operator of this server vouches for: the developer
// at their own machine. Second steps are not asked. old is the browser's present
// cookie; its session ends.
func (p *People) Admit(ctx context.Context, from From, old secret.Text, userID string) (entry Entry, err error) {
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		row, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		if !row.DisabledAt.IsZero() {
			return fault.NoSuch("user", userID)
		}
		now := p.clock.Now()
		if entry, err = p.open(ctx, tx, now, from, old, row.user(), false, ByLink); err != nil {
			return err
		}
		return p.record(ctx, tx, now, from, row.ID, "signed_in", string(ByLink))
	})
	return entry, err
}

package payouts

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
)

// Claims knows of available money that must stay for others: what platforms are
// taking back goes before any payout.
type Claims interface {
	// Claimed is how much is claimed of each of the purses, which are locked.
	Claimed(ctx context.Context, idb bun.IDB, purses []balance.Purse) (map[balance.Purse]int64, error)
}

// free is what of a locked purse may be paid out.
func (s *Service) free(ctx context.Context, tx bun.Tx, purse balance.Purse) (int64, error) {
	funds, err := balance.In(ctx, tx, purse)
	if err != nil || s.cfg.Claims == nil {
		return funds.Available, err
	}
	claimed, err := s.cfg.Claims.Claimed(ctx, tx, []balance.Purse{purse})
	if err != nil {
		return 0, fmt.Errorf("read what is claimed: %w", err)
	}
	return funds.Available - claimed[purse], nil
}

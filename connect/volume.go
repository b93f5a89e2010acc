package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/daily"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

const (
	volumeDays  = 30
	maxVolumeOf = 100 // accounts
)

// Volumes are what came in for accounts over the last thirty days up to at, by account
// and currency; the sums of days answer, whatever the number of payments. Accounts that
// scope's platform does not reach are left out.
func (s *Accounts) Volumes(ctx context.Context, idb bun.IDB, at time.Time, scope tenant.Scope, accounts []string) ([]wire.AccountVolume, error) {
	switch {
	case len(accounts) > maxVolumeOf:
		return nil, fault.Invalidf("parameter_invalid", "accounts", "Invalid accounts: at most %d.", maxVolumeOf)
	case len(accounts) == 0 || scope.Connected():
		return nil, nil
	}
	var reached []string
	if err := connected(scope)(idb.NewSelect().Model((*accountRow)(nil)).Column("a.id")).Where("a.id IN (?)", bun.List(accounts)).Scan(ctx, &reached); err != nil {
		return nil, fmt.Errorf("find accounts: %w", err)
	}
	if len(reached) == 0 {
		return nil, nil
	}
	sums, err := daily.Volumes(ctx, idb, scope.Livemode, reached, at.AddDate(0, 0, 1-volumeDays))
	if err != nil {
		return nil, err
	}
	out := make([]wire.AccountVolume, len(sums))
	for i, v := range sums {
		out[i] = wire.AccountVolume{Object: "account_volume", Account: v.Account, Amount: v.Amount, Count: v.Count, Currency: string(v.Currency)}
	}
	return out, nil
}

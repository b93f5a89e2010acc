package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Copies makes n accounts like one of scope's own, with its capabilities and bank
// accounts, and tells nobody: they are what a measurement fills a database with. It
// returns their ids. A number is sealed anew for each, so that it opens there.
func (s *Accounts) Copies(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, n int) ([]string, error) {
	like, err := s.Get(ctx, tx, scope, account)
	if err != nil {
		return nil, err
	}
	if n < 1 || len(like.Capabilities) == 0 || len(like.ExternalAccounts) == 0 || len(like.Persons) > 0 {
		return nil, fault.Invalidf("", "account", "Only accounts with capabilities and bank accounts, and without persons, are copied.")
	}
	ids := make([]string, n)
	var rows []accountRow
	var capabilities []capabilityRow
	var externals []externalRow
	row, err := rowOf(&like)
	if err != nil {
		return nil, err
	}
	for i := range ids {
		ids[i] = id.New("acct")
		row.ID, row.CreatedAt = ids[i], at
		rows = append(rows, *row)
		for _, c := range like.Capabilities {
			capabilities = append(capabilities, capabilityRow{Account: ids[i], Name: c.Name, Requested: c.Requested,
				RequestedAt: bun.NullTime{Time: c.RequestedAt}, Version: c.Version})
		}
		for _, e := range like.ExternalAccounts {
			number, err := s.Number(e)
			if err != nil {
				return nil, fmt.Errorf("open account number: %w", err)
			}
			e.ID, e.Account, e.CreatedAt = id.New("ba"), ids[i], at
			if e.sealed, err = s.cfg.Keyring.Seal(number, sealedTable, e.ID); err != nil {
				return nil, fmt.Errorf("seal account number: %w", err)
			}
			externals = append(externals, *externalRowOf(e))
		}
	}
	for _, model := range []any{&rows, &capabilities, &externals} {
		if _, err := tx.NewInsert().Model(model).Exec(ctx); err != nil {
			return nil, fmt.Errorf("copy account: %w", err)
		}
	}
	return ids, nil
}

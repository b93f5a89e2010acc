package payment

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Sources lets transfers draw on charges (source_transaction).
type Sources struct{}

// LockSource holds a captured charge of the scope.
func (Sources) LockSource(ctx context.Context, tx bun.Tx, scope tenant.Scope, charge string) (connect.Source, error) {
	c, err := lockCharge(ctx, tx, scope, charge)
	switch {
	case fault.Is(err, fault.NotFound):
		return connect.Source{}, fault.Invalidf("resource_missing", "source_transaction", "No such charge: '%s'", charge)
	case err != nil:
		return connect.Source{}, err
	case !c.Captured:
		return connect.Source{}, fault.Invalidf("parameter_invalid", "source_transaction", "Charge %s has no captured money to transfer.", c.ID)
	}
	source := connect.Source{
		Amount:    money.New(c.AmountCaptured-c.AmountRefunded-c.AmountRefunding, c.Currency),
		MaturesOn: c.MaturesOn, TransferGroup: c.TransferGroup,
	}
	if source.TransferGroup == "" {
		source.TransferGroup = "group_" + c.ID
	}
	return source, nil
}

package payoutshttp

import (
	"context"

	"github.com/sluicepay/sluice/platform/rest"
)

func (d payoutDoor) explain(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := d.payouts.Explain(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return e.Wire(), nil
}

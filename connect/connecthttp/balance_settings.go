package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// BalanceSettingsRoutes are when money becomes available and is paid out, of the account that asks.
func BalanceSettingsRoutes(s *rest.Server, svc *connect.Accounts) []rest.Route {
	d := balanceSettingsDoor{svc}
	const path = "/v1/balance_settings"
	return []rest.Route{
		{Method: "GET", Path: path, Resource: "balance_settings", Handler: s.Read(d.get), Returns: wire.BalanceSettings{}},
		{Method: "POST", Path: path, Resource: "balance_settings", Handler: s.Write(d.update), Returns: wire.BalanceSettings{}},
	}
}

type balanceSettingsDoor struct{ svc *connect.Accounts }

func (d balanceSettingsDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	a, err := d.svc.Get(ctx, d.svc.Pool(), r.Scope, r.Scope.Account)
	if err != nil {
		return nil, err
	}
	return a.BalanceSettingsWire(), nil
}

func (d balanceSettingsDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.BalanceSettingsParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	a, err := d.svc.UpdateBalanceSettings(ctx, tx, d.svc.Clock(r.Scope.Livemode).Now(), r.Scope, p)
	if err != nil {
		return nil, err
	}
	return a.BalanceSettingsWire(), nil
}

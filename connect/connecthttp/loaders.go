package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// AccountLoaders fetch accounts, applications, external accounts, customers and payment methods for expand[].
func AccountLoaders(accounts *connect.Accounts, methods *payment.Methods) rest.Loaders {
	customers := payment.NewCustomers(methods)
	return rest.Loaders{
		"acct": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			a, err := accounts.Get(ctx, idb, scope, id)
			return a.Wire(), err
		},
		"ca": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			if id != wire.ApplicationID(scope.Platform) {
				return nil, fault.NoSuch("application", id)
			}
			a, err := accounts.Get(ctx, idb, tenant.Scope{Platform: scope.Platform, Account: scope.Platform, Livemode: scope.Livemode}, scope.Platform)
			return wire.Application{ID: id, Object: "application", Name: a.BusinessProfile.Name}, err
		},
		"ba": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			a, err := accounts.Get(ctx, idb, scope, scope.Account)
			if err != nil {
				return nil, err
			}
			e, err := a.ExternalAccount(id)
			return e.Wire(), err
		},
		"cus": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			c, err := customers.Get(ctx, idb, scope, id)
			return c.Wire(), err
		},
		"pm": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			m, err := methods.Get(ctx, idb, scope, id)
			return m.Wire(), err
		},
		"card": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			m, err := methods.Get(ctx, idb, scope, id)
			return m.CardWire(), err
		},
	}
}

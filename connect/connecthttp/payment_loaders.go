package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
)

// hearing tells whether a platform may look at an account. Satisfied by connect.Accounts.
type hearing interface {
	Hears(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (bool, error)
}

// elsewhere is an object of another account than scope's own, if its platform may
// look there: what was once transferred to an account it has lost stays an id.
func elsewhere(ctx context.Context, idb bun.IDB, accounts hearing, scope tenant.Scope, account, id string, object any) (any, error) {
	if account != scope.Account && account != scope.Platform {
		hears, err := accounts.Hears(ctx, idb, scope.Platform, account, scope.Livemode)
		if err != nil {
			return nil, err
		}
		if !hears {
			return nil, fault.NoSuch("object", id)
		}
	}
	return rest.Elsewhere{Account: account, Object: object}, nil
}

// PaymentLoaders fetch charges, intents, refunds, transfers and fees for expand[].
// Those that stand on connected accounts are found from their platform too.
func PaymentLoaders(payments *payment.Service, transfers *connect.TransferService, fees *connect.ApplicationFees, accounts hearing) rest.Loaders {
	return rest.Loaders{
		"ch": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			c, err := payments.FindCharge(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return elsewhere(ctx, idb, accounts, scope, c.Account, id, payment.ChargeWire(c))
		},
		"py": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			t, err := transfers.FindPaymentTransfer(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return elsewhere(ctx, idb, accounts, scope, t.Destination, id, connect.PaymentWire(t))
		},
		"pyr": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			r, t, err := transfers.FindPaymentReversal(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return elsewhere(ctx, idb, accounts, scope, t.Destination, id, payment.PaymentRefundWire(r, t))
		},
		connect.RefundsOfCharge: func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			return refundsOf(ctx, payments, idb, scope, payment.RefundFilter{Charge: id})
		},
		"pi": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			i, err := payments.GetIntent(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return payment.IntentWire(i), nil
		},
		"re": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			r, err := payments.GetRefund(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return payment.RefundWire(r), nil
		},
		"tr": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			t, err := transfers.Get(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return transferDoor{svc: transfers}.shown(ctx, idb, t)
		},
		"trr": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			r, err := transfers.FindReversal(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return connect.ReversalWire(r), nil
		},
		"fee": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			fee, err := fees.Get(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return feeDoor{svc: fees}.shown(ctx, idb, fee)
		},
		"fr": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			r, err := fees.FindRefund(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return connect.FeeRefundWire(r), nil
		},
	}
}

package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
)

// PaymentLoaders fetch charges, intents, refunds, transfers and fees for expand[].
// Those that stand on connected accounts are found from their platform too.
func PaymentLoaders(payments *payment.Service, transfers *connect.TransferService, fees *connect.ApplicationFees) rest.Loaders {
	return rest.Loaders{
		"ch": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			c, err := payments.FindCharge(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return rest.Elsewhere{Account: c.Account, Object: payment.ChargeWire(c)}, nil
		},
		"py": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			t, err := transfers.FindPaymentTransfer(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return rest.Elsewhere{Account: t.Destination, Object: payment.PaymentWire(t)}, nil
		},
		"pyr": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			r, t, err := transfers.FindPaymentReversal(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return rest.Elsewhere{Account: t.Destination, Object: payment.PaymentRefundWire(r, t)}, nil
		},
		payment.RefundsOfCharge: func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
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

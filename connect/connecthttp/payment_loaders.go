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
func PaymentLoaders(payments *payment.Service, transfers *connect.TransferService, fees *connect.ApplicationFees) rest.Loaders {
	return rest.Loaders{
		"ch": showCharge(payments),
		"py": func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
			t, err := transfers.SeenPaymentTransfer(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return payment.PaymentWire(t), nil
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
	}
}

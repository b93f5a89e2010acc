package connecthttp

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// ChargeRoutes are charges, with the legacy refund paths, and the split preview.
func ChargeRoutes(s *rest.Server, svc *payment.Service) []rest.Route {
	d := chargeDoor{svc: svc}
	const all, one = "/v1/charges", "/v1/charges/{id}"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: "charges", Worth: ratelimit.Charge, Handler: s.Claims(d.create), Returns: wire.Charge{}},
		{Method: "GET", Path: all, Resource: "charges", Handler: s.Read(d.list), Returns: wire.List[wire.Charge]{}},
		{Method: "GET", Path: all + "/totals", Resource: "charges", Handler: s.Read(d.totals), Returns: wire.ListTotals{}},
		{Method: "GET", Path: one, Resource: "charges", Handler: s.Read(d.get), Returns: wire.Charge{}},
		{Method: "POST", Path: one, Resource: "charges", Handler: s.Write(d.update), Returns: wire.Charge{}},
		{Method: "POST", Path: one + "/capture", Resource: "charges", Worth: ratelimit.Charge, Handler: s.Steps(d.capture), Returns: wire.Charge{}},
		{Method: "POST", Path: one + "/refunds", Resource: "charges", Worth: ratelimit.Charge, Handler: s.Steps(d.refund), Returns: wire.Refund{}},
		{Method: "GET", Path: one + "/refunds", Resource: "charges", Handler: s.Read(d.refunds), Returns: wire.List[wire.Refund]{}},
		{Method: "GET", Path: one + "/refunds/{refund}", Resource: "charges", Handler: s.Read(d.getRefund), Returns: wire.Refund{}},
		{Method: "POST", Path: one + "/refund", Resource: "charges", Worth: ratelimit.Charge, Handler: s.Steps(d.refundLegacy), Returns: wire.Charge{}},
		{Method: "POST", Path: "/v1/splits/preview", Resource: "charges", Handler: s.Read(d.preview)},
	}
}

type chargeDoor struct{ svc *payment.Service }

func (d chargeDoor) create(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.ChargeParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.svc.CreateCharge(ctx, r.Scope, p)
}

func (d chargeDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f payment.ChargeFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	charges, err := d.svc.ListCharges(ctx, d.svc.Pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/charges", charges.HasMore, charges.Items), nil
}

func (d chargeDoor) totals(ctx context.Context, r *rest.Request) (any, error) {
	var f payment.ChargeFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	return d.svc.ChargeTotals(ctx, d.svc.Pool, r.Scope, f)
}

func (d chargeDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return showCharge(d.svc)(ctx, d.svc.Pool, r.Scope, r.Path("id"))
}

// showCharge is a charge, or the payment py_… by which a transfer arrived.
func showCharge(svc *payment.Service) rest.Loader {
	return func(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
		if strings.HasPrefix(id, "py_") {
			t, err := svc.Transfers.PaymentTransfer(ctx, idb, scope, id)
			if err != nil {
				return nil, err
			}
			return connect.PaymentWire(t), nil
		}
		c, err := svc.GetCharge(ctx, idb, scope, id)
		if err != nil {
			return nil, err
		}
		return payment.ChargeWire(c), nil
	}
}

func (d chargeDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var u payment.ChargeUpdate
	if err := r.Decode(&u); err != nil {
		return nil, err
	}
	c, err := d.svc.UpdateCharge(ctx, tx, r.Scope, r.Path("id"), u)
	if err != nil {
		return nil, err
	}
	return payment.ChargeWire(c), nil
}

func (d chargeDoor) capture(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.CaptureParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.svc.CaptureCharge(ctx, r.Scope, r.Path("id"), p)
}

func (d chargeDoor) refund(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.RefundParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	p.Charge, p.PaymentIntent = r.Path("id"), ""
	return d.svc.CreateRefund(ctx, r.Scope, p)
}

// refundLegacy is the oldest way to refund: it returns the charge.
func (d chargeDoor) refundLegacy(ctx context.Context, r *rest.Request) (any, error) {
	return faced(ctx, d.svc.Pool, func(ctx context.Context, idb bun.IDB, object any, failure error) (any, error) {
		if failure != nil {
			return nil, failure
		}
		return showCharge(d.svc)(ctx, idb, r.Scope, r.Path("id"))
	}, func(ctx context.Context) (any, error) { return d.refund(ctx, r) })
}

func (d chargeDoor) getRefund(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	refund, err := d.svc.ShowRefund(ctx, d.svc.Pool, r.Scope, r.Path("refund"))
	if err != nil {
		return nil, err
	}
	if refund.Charge.ID != r.Path("id") {
		return nil, fault.NoSuch("refund", refund.ID)
	}
	return refund, nil
}

func (d chargeDoor) refunds(ctx context.Context, r *rest.Request) (any, error) {
	var f payment.RefundFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	f.Charge = r.Path("id")
	if _, err := showCharge(d.svc)(ctx, d.svc.Pool, r.Scope, f.Charge); err != nil {
		return nil, err
	}
	return refundsOf(ctx, d.svc, d.svc.Pool, r.Scope, f)
}

// refundsOf are the refunds of a charge or payment.
func refundsOf(ctx context.Context, svc *payment.Service, idb bun.IDB, scope tenant.Scope, f payment.RefundFilter) (any, error) {
	refunds, err := svc.ShowRefunds(ctx, idb, scope, f)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/charges/"+f.Charge+"/refunds", refunds.HasMore, refunds.Items), nil
}

// preview shows what a payment would move, and posts nothing.
func (d chargeDoor) preview(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.PreviewParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	plan, err := d.svc.Preview(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return previewWire(plan), nil
}

func previewWire(p split.Plan) wire.SplitPreview {
	w := wire.SplitPreview{
		Object: "split_preview", Amount: p.Amount.Minor, Currency: string(p.Amount.Currency), ProcessingFee: p.ProcessingFee.Minor,
		ApplicationFee: p.ApplicationFee.Minor, Remains: p.Remains.Minor, Transfers: []wire.SplitPreviewLeg{},
	}
	for _, leg := range p.Legs {
		w.Transfers = append(w.Transfers, wire.SplitPreviewLeg{
			Destination: leg.Destination, Amount: leg.Amount.Minor, ProcessingFee: leg.ProcessingFee.Minor, Description: leg.Description,
		})
	}
	return w
}

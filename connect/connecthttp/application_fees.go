package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// ApplicationFeeRoutes are application fees and their refunds.
func ApplicationFeeRoutes(s *rest.Server, pool *bun.DB, svc *connect.ApplicationFees) []rest.Route {
	d := feeDoor{pool: pool, svc: svc}
	const all, one, refunds = "/v1/application_fees", "/v1/application_fees/{id}", "/v1/application_fees/{id}/refunds"
	return []rest.Route{
		{Method: "GET", Path: all, Resource: "application_fees", Handler: s.Read(d.list), Returns: wire.List[wire.ApplicationFee]{}},
		{Method: "GET", Path: one, Resource: "application_fees", Handler: s.Read(d.get), Returns: wire.ApplicationFee{}},
		{Method: "POST", Path: one + "/refund", Resource: "application_fees", Handler: s.Write(d.refundLegacy), Returns: wire.ApplicationFee{}},
		{Method: "POST", Path: refunds, Resource: "application_fees", Handler: s.Write(d.refund), Returns: wire.FeeRefund{}},
		{Method: "GET", Path: refunds, Resource: "application_fees", Handler: s.Read(d.listRefunds), Returns: wire.List[wire.FeeRefund]{}},
		{Method: "GET", Path: refunds + "/{refund}", Resource: "application_fees", Handler: s.Read(d.getRefund), Returns: wire.FeeRefund{}},
		{Method: "POST", Path: refunds + "/{refund}", Resource: "application_fees", Handler: s.Write(d.updateRefund), Returns: wire.FeeRefund{}},
	}
}

type feeDoor struct {
	pool *bun.DB
	svc  *connect.ApplicationFees
}

func (d feeDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f connect.FeeFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	fees, err := d.svc.List(ctx, d.pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.ApplicationFee, 0, len(fees.Items))
	for _, fee := range fees.Items {
		w, err := d.shown(ctx, d.pool, fee)
		if err != nil {
			return nil, err
		}
		shown = append(shown, w)
	}
	return wire.ListOf("/v1/application_fees", fees.HasMore, shown), nil
}

func (d feeDoor) shown(ctx context.Context, idb bun.IDB, fee *connect.ApplicationFee) (wire.ApplicationFee, error) {
	if fee.AmountRefunded == 0 {
		return connect.ApplicationFeeWire(fee, nil, false), nil
	}
	refunds, err := d.svc.Refunds(ctx, idb, fee.ID, page.Params{})
	if err != nil {
		return wire.ApplicationFee{}, err
	}
	shown := make([]wire.FeeRefund, len(refunds.Items))
	for i, r := range refunds.Items {
		shown[i] = connect.FeeRefundWire(r)
	}
	return connect.ApplicationFeeWire(fee, shown, refunds.HasMore), nil
}

func (d feeDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	fee, err := d.svc.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, d.pool, fee)
}

func (d feeDoor) refund(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p connect.FeeRefundParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	refund, err := d.svc.Refund(ctx, tx, r.Scope, r.Path("id"), p)
	if err != nil {
		return nil, err
	}
	return connect.FeeRefundWire(refund), nil
}

// refundLegacy is the oldest way to give a fee back: it returns the fee.
func (d feeDoor) refundLegacy(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if _, err := d.refund(ctx, tx, r); err != nil {
		return nil, err
	}
	fee, err := d.svc.Get(ctx, tx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, tx, fee)
}

func (d feeDoor) listRefunds(ctx context.Context, r *rest.Request) (any, error) {
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	fee, err := d.svc.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	refunds, err := d.svc.Refunds(ctx, d.pool, fee.ID, p)
	if err != nil {
		return nil, err
	}
	return page.List(refunds, "/v1/application_fees/"+fee.ID+"/refunds", connect.FeeRefundWire), nil
}

func (d feeDoor) getRefund(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	fee, err := d.svc.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	refund, err := d.svc.GetRefund(ctx, d.pool, fee.ID, r.Path("refund"))
	if err != nil {
		return nil, err
	}
	return connect.FeeRefundWire(refund), nil
}

func (d feeDoor) updateRefund(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p metadataOnly
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	refund, err := d.svc.UpdateRefund(ctx, tx, r.Scope, r.Path("id"), r.Path("refund"), p.Metadata)
	if err != nil {
		return nil, err
	}
	return connect.FeeRefundWire(refund), nil
}

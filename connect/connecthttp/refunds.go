package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// RefundRoutes are refunds.
func RefundRoutes(s *rest.Server, svc *payment.Service) []rest.Route {
	d := refundDoor{svc}
	const all, one = "/v1/refunds", "/v1/refunds/{id}"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: "refunds", Worth: ratelimit.Charge, Handler: s.Steps(d.create), Returns: wire.Refund{}},
		{Method: "GET", Path: all, Resource: "refunds", Handler: s.Read(d.list), Returns: wire.List[wire.Refund]{}},
		{Method: "POST", Path: all + "/preview", Resource: "refunds", Handler: s.Read(d.preview), Returns: wire.RefundPreview{}},
		{Method: "GET", Path: one, Resource: "refunds", Handler: s.Read(d.get), Returns: wire.Refund{}},
		{Method: "POST", Path: one, Resource: "refunds", Handler: s.Write(d.update), Returns: wire.Refund{}},
		{Method: "POST", Path: one + "/cancel", Resource: "refunds", Handler: s.Write(d.cancel), Returns: wire.Refund{}},
	}
}

type refundDoor struct{ svc *payment.Service }

func (d refundDoor) create(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.RefundParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.svc.CreateRefund(ctx, r.Scope, p)
}

// preview shows what a refund would do, and does nothing.
func (d refundDoor) preview(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.RefundParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	preview, err := d.svc.PreviewRefund(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return payment.RefundPreviewWire(r.Scope, preview), nil
}

func (d refundDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f payment.RefundFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	refunds, err := d.svc.ShowRefunds(ctx, d.svc.Pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/refunds", refunds.HasMore, refunds.Items), nil
}

func (d refundDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return d.svc.ShowRefund(ctx, d.svc.Pool, r.Scope, r.Path("id"))
}

func (d refundDoor) cancel(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return nil, d.svc.CancelRefund(ctx, tx, r.Scope, r.Path("id"))
}

func (d refundDoor) update(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p metadataOnly
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	refund, err := d.svc.UpdateRefund(ctx, tx, r.Scope, r.Path("id"), p.Metadata)
	if err != nil {
		return nil, err
	}
	return payment.RefundWire(refund), nil
}

// metadataOnly are the parameters of objects of which only metadata may change.
type metadataOnly struct {
	Metadata metadata.Patch `form:"metadata"`
}

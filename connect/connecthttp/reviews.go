package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// ReviewRoutes are the review queue, an extension of ours. The actor of a
// decision is the key that makes it: two keys are four eyes.
func ReviewRoutes(s *rest.Server, svc *connect.Accounts) []rest.Route {
	d := reviewDoor{svc}
	const all, one, resource = "/v1/verification_reviews", "/v1/verification_reviews/{id}", "verification_reviews"
	return []rest.Route{
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.VerificationReview]{}},
		{Method: "POST", Path: all, Resource: resource, Handler: s.Write(d.request), Returns: wire.VerificationReview{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.VerificationReview{}},
		{Method: "POST", Path: one + "/approve", Resource: resource, Handler: s.Write(d.approve), Returns: wire.VerificationReview{}},
		{Method: "POST", Path: one + "/reject", Resource: resource, Handler: s.Write(d.reject), Returns: wire.VerificationReview{}},
	}
}

type reviewDoor struct{ svc *connect.Accounts }

func (d reviewDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p connect.ReviewFilter
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	reviews, err := d.svc.Reviews(ctx, d.svc.Pool(), r.Scope, p)
	if err != nil {
		return nil, err
	}
	return page.List(reviews, "/v1/verification_reviews", connect.Review.Wire), nil
}

func (d reviewDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return showReview(d.svc.Review(ctx, d.svc.Pool(), r.Scope, r.Path("id")))
}

func (d reviewDoor) request(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Account string `form:"account,required"`
		Subject string `form:"subject,required"`
		Reason  string `form:"reason,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	at := d.svc.Clock(r.Scope.Livemode).Now()
	return showReview(d.svc.RequestReview(ctx, tx, at, r.Scope, p.Account, p.Subject, r.Principal.KeyID, p.Reason))
}

func (d reviewDoor) approve(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Reason string `form:"reason"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	at := d.svc.Clock(r.Scope.Livemode).Now()
	return showReview(d.svc.Approve(ctx, tx, at, r.Scope, r.Path("id"), r.Principal.KeyID, p.Reason))
}

func (d reviewDoor) reject(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Reason string `form:"reason,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	at := d.svc.Clock(r.Scope.Livemode).Now()
	return showReview(d.svc.Refuse(ctx, tx, at, r.Scope, r.Path("id"), r.Principal.KeyID, p.Reason))
}

func showReview(review connect.Review, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return review.Wire(), nil
}

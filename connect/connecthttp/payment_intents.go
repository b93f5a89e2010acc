package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/ratelimit"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// IntentRoutes are payment intents. With the client secret of an intent its payer's
// browser may see and confirm it.
func IntentRoutes(s *rest.Server, svc *payment.Service) []rest.Route {
	d := intentDoor{svc}
	const all, one = "/v1/payment_intents", "/v1/payment_intents/{id}"
	return []rest.Route{
		{Method: "POST", Path: all, Resource: "payment_intents", Worth: ratelimit.Charge, Handler: s.Claims(d.create), Returns: wire.PaymentIntent{}},
		{Method: "GET", Path: all, Resource: "payment_intents", Handler: s.Read(d.list), Returns: wire.List[wire.PaymentIntent]{}},
		{Method: "GET", Path: one, Resource: "payment_intents", Handler: s.Read(d.get), Publishable: true, Returns: wire.PaymentIntent{}},
		{Method: "POST", Path: one, Resource: "payment_intents", Handler: s.Prepared(d.update), Returns: wire.PaymentIntent{}},
		{Method: "POST", Path: one + "/confirm", Resource: "payment_intents", Worth: ratelimit.Charge, Handler: s.Steps(d.confirm), Publishable: true, Returns: wire.PaymentIntent{}},
		{Method: "POST", Path: one + "/capture", Resource: "payment_intents", Worth: ratelimit.Charge, Handler: s.Steps(d.capture), Returns: wire.PaymentIntent{}},
		{Method: "POST", Path: one + "/cancel", Resource: "payment_intents", Worth: ratelimit.Charge, Handler: s.Steps(d.cancel), Returns: wire.PaymentIntent{}},
	}
}

type intentDoor struct{ svc *payment.Service }

func (d intentDoor) create(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.IntentParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.svc.CreateIntent(ctx, r.Scope, p)
}

func (d intentDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var f payment.IntentFilter
	if err := r.Decode(&f); err != nil {
		return nil, err
	}
	intents, err := d.svc.ListIntents(ctx, d.svc.Pool, r.Scope, f)
	if err != nil {
		return nil, err
	}
	return page.List(intents, "/v1/payment_intents", payment.IntentWire), nil
}

func (d intentDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		ClientSecret string `form:"client_secret"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := d.knowsSecret(ctx, r, p.ClientSecret); err != nil {
		return nil, err
	}
	intent, err := d.svc.GetIntent(ctx, d.svc.Pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	if r.Principal.Kind == rest.Publishable {
		return payment.IntentWire(intent).Public(), nil
	}
	return payment.IntentWire(intent), nil
}

func (d intentDoor) update(ctx context.Context, r *rest.Request) (rest.WriteHandler, error) {
	var u payment.IntentUpdate
	if err := r.Decode(&u); err != nil {
		return nil, err
	}
	change, err := d.svc.PrepareUpdate(ctx, r.Scope, r.Path("id"), u)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
		return d.svc.UpdateIntent(ctx, tx, r.Scope, change)
	}, nil
}

func (d intentDoor) confirm(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.ConfirmParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := d.knowsSecret(ctx, r, p.ClientSecret); err != nil {
		return nil, err
	}
	if r.Principal.Kind != rest.Publishable {
		return d.svc.ConfirmIntent(ctx, r.Scope, r.Path("id"), p)
	}
	if err := publicConfirm(p); err != nil {
		return nil, err
	}
	return faced(ctx, d.svc.Pool, publicIntent, func(ctx context.Context) (any, error) {
		return d.svc.ConfirmIntent(ctx, r.Scope, r.Path("id"), p)
	})
}

func (d intentDoor) capture(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.CaptureParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.svc.CaptureIntent(ctx, r.Scope, r.Path("id"), p)
}

func (d intentDoor) cancel(ctx context.Context, r *rest.Request) (any, error) {
	var p payment.CancelParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	return d.svc.CancelIntent(ctx, r.Scope, r.Path("id"), p)
}

package payoutshttp

import (
	"context"
	"io"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

type batchDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

// BatchRoutes are the operations on /v1/payout_batches. They are a platform's own:
// no connected account sees who else is paid with it.
func BatchRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := batchDoor{pool: pool, payouts: service}
	const all, one = "/v1/payout_batches", "/v1/payout_batches/{id}"
	route := func(method, path string, h http.Handler, returns any) rest.Route {
		return rest.Route{Method: method, Path: path, Resource: "payout_batches", Handler: h, Returns: returns}
	}
	return []rest.Route{
		route(http.MethodGet, all, s.Read(d.list), nil),
		route(http.MethodGet, one, s.Read(d.get), nil),
		route(http.MethodGet, one+"/file", s.Download(d.file), nil),
		route(http.MethodGet, one+"/payouts", s.Read(d.members), wire.List[wire.Payout]{}),
		route(http.MethodPost, one+"/resolve", s.Write(d.resolve), nil),
	}
}

// platformOnly refuses whoever acts for a connected account, or is one.
func platformOnly(r *rest.Request) error {
	if r.Scope.Connected() || r.Principal.Platform != "" {
		return &fault.Error{Kind: fault.Forbidden, Code: "platform_account_required", Message: "Payout batches, runs and calendars belong to the platform: ask without the Stripe-Account header, with the platform's own key."}
	}
	return nil
}

// keyholder refuses whoever does not hold an unrestricted secret key of the platform,
// and is not its owner at a desk.
func keyholder(r *rest.Request) error {
	if err := platformOnly(r); err != nil {
		return err
	}
	if r.Principal.Kind != rest.Secret && !r.Principal.Member || r.Principal.Scopes != nil {
		return &fault.Error{Kind: fault.Forbidden, Message: "This needs an unrestricted secret key of the platform, or its owner: the file shows account numbers."}
	}
	return nil
}

func (d batchDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p payouts.BatchListParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.payouts.Batches(ctx, r.Scope, p)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_batches", (*payouts.Batch).Wire), nil
}

func (d batchDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return d.detail(ctx, d.pool, r)
}

func (d batchDoor) detail(ctx context.Context, idb bun.IDB, r *rest.Request) (any, error) {
	b, uploads, err := d.payouts.Batch(ctx, idb, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	var votes []payouts.Vote
	if len(uploads) > 0 {
		if votes, err = d.payouts.Votes(ctx, idb, uploads[0].ID); err != nil {
			return nil, err
		}
	}
	return b.Detail(uploads, votes), nil
}

// file is for those who may see every payee's bank account.
func (d batchDoor) file(ctx context.Context, r *rest.Request) (rest.Attachment, error) {
	if err := keyholder(r); err != nil {
		return rest.Attachment{}, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return rest.Attachment{}, err
	}
	b, err := d.payouts.Download(ctx, r.Scope, r.Path("id"), r.Principal.KeyID, r.ID)
	if err != nil {
		return rest.Attachment{}, err
	}
	return rest.Attachment{
		Name: b.File, Type: "application/octet-stream", Size: b.Size,
		Write: func(w io.Writer) error { return d.payouts.WriteFile(ctx, w, b) },
	}, nil
}

func (d batchDoor) members(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p struct{ page.Params }
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.payouts.BatchPayouts(ctx, r.Scope, r.Path("id"), p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/payout_batches/"+r.Path("id")+"/payouts", (*payouts.Payout).Wire), nil
}

func (d batchDoor) resolve(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := keyholder(r); err != nil {
		return nil, err
	}
	var p payouts.ResolveParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if _, err := d.payouts.Resolve(ctx, tx, r.Scope, r.Path("id"), r.Principal.KeyID, p); err != nil {
		return nil, err
	}
	return d.detail(ctx, tx, r)
}

package payoutshttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// DeliveryRoutes are what only a platform may know of payouts: how many there are of
// all its accounts, and how they go to the bank. An extension of ours.
func DeliveryRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service, books *reconcile.Books) []rest.Route {
	d := deliveryDoor{pool: pool, payouts: service, books: books}
	const resource = "payouts"
	return []rest.Route{
		{Method: http.MethodGet, Path: "/v1/payout_counts", Resource: resource, Handler: s.Read(d.counts), Returns: wire.PayoutCounts{}},
		{Method: http.MethodGet, Path: "/v1/payouts/{id}/delivery", Resource: resource, Handler: s.Read(d.delivery), Returns: wire.PayoutDelivery{}},
	}
}

type deliveryDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
	books   *reconcile.Books
}

func (d deliveryDoor) counts(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		Run string `form:"payout_run"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	found, err := d.payouts.Counts(ctx, d.pool, r.Scope, p.Run)
	if err != nil {
		return nil, err
	}
	shown := wire.PayoutCounts{Object: "payout_counts", Livemode: r.Scope.Livemode}
	for _, c := range found {
		shown.Statuses = append(shown.Statuses, c.Wire())
	}
	return shown, nil
}

// delivery answers for every account of the platform, without the header that names one.
func (d deliveryDoor) delivery(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	found, err := d.payouts.Delivery(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	lines, err := d.books.About(ctx, found.Payout.ID, found.Payout.Batch)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.BankStatementLine, len(lines))
	for i, l := range lines {
		shown[i] = l.Wire(r.Scope.Livemode, "")
	}
	return found.Wire(shown), nil
}

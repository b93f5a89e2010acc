package connecthttp

import (
	"context"
	"net/http"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// EarningRoutes are what an account was paid, payment by payment.
func EarningRoutes(s *rest.Server, pool *bun.DB) []rest.Route {
	list := func(ctx context.Context, r *rest.Request) (any, error) {
		var f connect.EarningFilter
		if err := r.Decode(&f); err != nil {
			return nil, err
		}
		f.Currency = money.Currency(strings.ToLower(string(f.Currency)))
		found, err := connect.Earnings(ctx, pool, r.Scope, f)
		if err != nil {
			return nil, err
		}
		return page.List(found, "/v1/earnings", connect.Earning.Wire), nil
	}
	return []rest.Route{{Method: http.MethodGet, Path: "/v1/earnings", Resource: "balance_transactions", Handler: s.Read(list),
		Returns: wire.List[wire.Earning]{}}}
}

package connecthttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// TokenRoutes are tokens; publishable keys may make them.
func TokenRoutes(s *rest.Server, methods *payment.Methods) []rest.Route {
	d := tokenDoor{methods: methods, tokens: payment.NewTokens(methods)}
	return []rest.Route{
		{Method: "POST", Path: "/v1/tokens", Resource: "tokens", Handler: s.Write(d.create), Publishable: true, Returns: wire.Token{}},
		{Method: "GET", Path: "/v1/tokens/{id}", Resource: "tokens", Handler: s.Read(d.get), Publishable: true, Returns: wire.Token{}},
	}
}

type tokenDoor struct {
	methods *payment.Methods
	tokens  *payment.Tokens
}

func (d tokenDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p payment.TokenParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	t, err := d.tokens.Create(ctx, tx, d.methods.Clock(r.Scope.Livemode).Now(), r.Scope, rest.PeerIP(r.Request), p)
	if err != nil {
		return nil, err
	}
	return t.Wire(), nil
}

func (d tokenDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	t, err := d.tokens.Get(ctx, d.methods.Pool(), r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return t.Wire(), nil
}

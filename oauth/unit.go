package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/tenant"
)

// unit is the work of one protocol request: its transaction, and what was locked
// and decided before fosite is asked. It travels in the context, because fosite
// hands nothing else to its storage.
//
// fosite reads before it begins a transaction, and commits before it knows what
// we do after it. So we open the transaction ourselves, hold every lock before
// fosite reads, and commit after all is done; fosite's own begin and commit join
// ours, and its rollback makes the whole unit fail.
type unit struct {
	tx     bun.Tx
	now    time.Time
	client *Client

	connection *Connection // nil for client credentials
	code       *codeRow    // exchanged by this unit
	used       *tokenRow   // refresh token used by this unit
	presented  string      // the refresh token in plain
	salt       []byte      // of the successors of used
	scope      tenant.Access
	request    *AuthorizeRequest // approved by this unit

	token *tokenRow // looked at, by revocation and introspection

	doomed bool // fosite rolled back
}

type unitKey struct{}

func withUnit(ctx context.Context, u *unit) context.Context {
	return context.WithValue(ctx, unitKey{}, u)
}

var errNoUnit = errors.New("oauth: storage used outside a unit of work")

func unitOf(ctx context.Context) (*unit, error) {
	u, _ := ctx.Value(unitKey{}).(*unit)
	if u == nil {
		return nil, errNoUnit
	}
	return u, nil
}

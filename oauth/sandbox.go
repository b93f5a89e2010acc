package oauth

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// SandboxCode is a person's yes without the person, in test mode: the code that
// a browser would have brought. It opens nothing: the platform must be able to
// write to the account already, which is so for accounts that it opened itself
// and never for one that has left it.
func (p *Provider) SandboxCode(ctx context.Context, tx bun.Tx, owner Owner, clientID, account string) (code string, err error) {
	if owner.Livemode {
		return "", errors.New("oauth: a person was asked to be left out in live mode")
	}
	client, err := getClient(ctx, tx, owner, clientID, "SHARE")
	if err != nil {
		return "", err
	}
	if !client.Enabled() {
		return "", fault.Invalidf("", "client", "The client %s is disabled.", clientID)
	}
	access, open, err := p.cfg.Marketplace.Reach(ctx, tx, owner.Platform, account, false)
	if err != nil {
		return "", err
	}
	if !open || access != tenant.ReadWrite || account == owner.Platform {
		return "", fault.NoSuch("account", account)
	}
	now := p.cfg.Clock.Now()
	connection, err := p.connect(ctx, tx, &Connection{
		ID: id.New("conn"), Client: client.ID, Platform: client.Platform, Account: account, ApprovedBy: owner.Platform, CreatedAt: now,
	})
	if err != nil {
		return "", err
	}
	request := &AuthorizeRequest{ID: id.New("areq"), Client: client, RedirectURI: client.RedirectURIs[0], Account: account, Granted: client.widest()}
	u := &unit{tx: tx, now: now, client: client, connection: connection, scope: client.widest(), request: request}
	return p.codeFor(withUnit(ctx, u), request, u)
}

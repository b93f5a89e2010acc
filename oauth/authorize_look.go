package oauth

import (
	"context"

	"github.com/uptrace/bun"
)

// Look is an open request by its id, whoever asks: for the name and the colours of a
// sign-in page on the way to it. Nobody can answer a request through it. It is nil
// for one that is answered, expired or not there.
func (p *Provider) Look(ctx context.Context, idb bun.IDB, requestID string) (*AuthorizeRequest, error) {
	if len(requestID) > 64 || !fine(requestID) {
		return nil, nil
	}
	row, err := findRequest(ctx, idb, requestID, false)
	if err != nil || row == nil || !p.cfg.Clock.Now().Before(row.ExpiresAt) {
		return nil, err
	}
	if status := RequestStatus(row.Status); status != RequestPending && status != RequestConsented {
		return nil, nil
	}
	client, err := findClient(ctx, idb, row.Client)
	if err != nil || client == nil || !client.Enabled() {
		return nil, err
	}
	return row.request(client), nil
}

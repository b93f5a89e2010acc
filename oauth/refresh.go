package oauth

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/tenant"
)

// badRefresh is the one answer to a refresh token that this caller cannot use.
func badRefresh() *Error {
	return invalidGrant("The refresh token does not exist, was used before, has expired, was revoked, or belongs to another client.")
}

// refresh gives the next pair of tokens for a refresh token.
//
// A refresh token is used once (F3). What follows it is derived from it, a
// salt in its row, and a pepper (successor): so for a minute its own client gets
// the same answer again, however often and however many ask at once. A lost
// answer is no lost connection, there is never more than one live successor, and
// nobody needs to guess which of two requests was honest. After that minute, or
// once the successor was used, presenting the old token means that two parties
// hold it: after the minute the whole family is revoked. Another client's
// attempt changes nothing (F5).
func (p *Provider) refresh(ctx context.Context, c call) (answer TokenAnswer, err error) {
	plain := c.form.Get("refresh_token")
	if plain == "" {
		return TokenAnswer{}, invalidRequest("refresh_token is missing.")
	}
	asked, ok := parseScope(c.form.Get("scope"))
	if !ok {
		return TokenAnswer{}, invalidScope("Unknown scope: it must be read_only or read_write.")
	}
	if !wellFormed(plain, refreshPrefix) {
		return TokenAnswer{}, badRefresh()
	}
	peek, err := findToken(ctx, p.cfg.Pool, p.sums(plain), kindRefresh, false)
	if err != nil {
		return TokenAnswer{}, err
	}
	if peek == nil {
		return TokenAnswer{}, badRefresh()
	}
	client, err := p.clientFor(ctx, c.caller, peek.Client)
	if err != nil {
		return TokenAnswer{}, err
	}
	if client == nil {
		return TokenAnswer{}, p.foreign(ctx, c, incidentRow{Kind: foreignRefresh, Client: peek.Client, Connection: peek.Connection, Family: peek.Family}, badRefresh())
	}
	err = p.unitWork(ctx, func(ctx context.Context, tx bun.Tx) (refusal, err error) {
		answer, refusal, err = p.refreshLocked(ctx, tx, client, peek, plain, asked)
		return refusal, err
	})
	if err != nil {
		return TokenAnswer{}, err
	}
	return answer, nil
}

func (p *Provider) refreshLocked(ctx context.Context, tx bun.Tx, client *Client, peek *tokenRow, plain string, asked tenant.Access) (answer TokenAnswer, refusal, err error) {
	locked, err := lockConnections(ctx, tx, peek.Platform, peek.Account, peek.Livemode)
	if err != nil {
		return answer, nil, err
	}
	connection, err := pick(locked, peek.Connection)
	if err != nil {
		return answer, nil, err
	}
	used, err := findToken(ctx, tx, [][]byte{peek.Hash}, kindRefresh, true)
	if err != nil {
		return answer, nil, err
	}
	u := &unit{tx: tx, now: p.cfg.Clock.Now(), client: client, connection: connection, used: used, presented: plain}
	if refusal, err = p.refreshable(ctx, u); refusal != nil || err != nil {
		return answer, refusal, err
	}
	if refusal = u.narrowTo(asked); refusal != nil {
		return answer, refusal, nil
	}
	if !used.RotatedAt.IsZero() {
		return p.again(ctx, u)
	}
	u.salt = make([]byte, 16)
	if _, err := rand.Read(u.salt); err != nil {
		return answer, nil, fmt.Errorf("oauth: randomness: %w", err)
	}
	access, refresh, err := p.granted(ctx, u, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {plain}})
	if err != nil {
		return answer, nil, err
	}
	answer, err = p.answerFor(ctx, tx, u, access, refresh, u.now.Add(p.cfg.AccessFor))
	return answer, nil, err
}

// refreshable is the ladder of reasons to refuse a locked refresh token.
func (p *Provider) refreshable(ctx context.Context, u *unit) (refusal, err error) {
	switch {
	case u.used == nil: // swept meanwhile
		return badRefresh(), nil
	case !u.used.RevokedAt.IsZero() || !u.now.Before(u.used.ExpiresAt):
		return badRefresh(), nil
	case u.connection.clientDisabled:
		return badClient(), nil
	case !u.connection.Active():
		return badRefresh(), nil
	case !u.used.RotatedAt.IsZero() && u.now.Sub(u.used.RotatedAt) > graceFor:
		return badRefresh(), p.revokeReused(ctx, u, refreshReused, u.used.Family)
	}
	open, err := p.openAccount(ctx, u.tx, u.connection)
	if err == nil && !open {
		return invalidGrant("The account is closed."), nil
	}
	return nil, err
}

// narrowTo decides the scope of the new access token: what was granted, or less
// if less is asked (F11). The refresh token keeps its own.
func (u *unit) narrowTo(asked tenant.Access) error {
	granted := tenant.Access(u.used.Scope)
	if asked != tenant.NoAccess && !includes(granted, asked) {
		return invalidScope("The scope exceeds what was granted.")
	}
	u.scope = narrower(granted, u.client.widest())
	if asked != tenant.NoAccess {
		u.scope = narrower(u.scope, asked)
	}
	return nil
}

// again gives the answer of a refresh that happened within the last minute once
// more, if its tokens were neither used nor revoked since.
func (p *Provider) again(ctx context.Context, u *unit) (answer TokenAnswer, refusal, err error) {
	if string(u.scope) != u.used.RotatedScope {
		return answer, invalidGrant("The refresh token was used a moment ago, for another scope."), nil
	}
	derive := func(word, prefix string) string {
		return successor(p.cfg.Successors, u.presented, u.used.RotatedSalt, word, prefix).Reveal()
	}
	access, refresh := derive(kindAccess, accessPrefix(u.client.Livemode)), derive(kindRefresh, refreshPrefix)
	nextAccess, err := findToken(ctx, u.tx, p.sums(access), kindAccess, false)
	if err != nil {
		return answer, nil, err
	}
	nextRefresh, err := findToken(ctx, u.tx, p.sums(refresh), kindRefresh, false)
	if err != nil {
		return answer, nil, err
	}
	if nextAccess == nil || nextRefresh == nil || !nextAccess.live(u.now) || !nextRefresh.live(u.now) {
		return answer, badRefresh(), nil
	}
	answer, err = p.answerFor(ctx, u.tx, u, access, refresh, nextAccess.ExpiresAt)
	return answer, nil, err
}

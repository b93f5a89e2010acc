package oauth

import (
	"context"
	"net/url"

	"github.com/uptrace/bun"
)

// badCode is the one answer to a code that cannot be exchanged by this caller.
func badCode() *Error {
	return invalidGrant("The authorization code does not exist, was used before, has expired, or belongs to another client.")
}

// exchange gives tokens for a code, once.
//
// The connection is locked first, then the code, and everything is read again
// under the locks (F2: bare fosite exchanged one code eight times of eight). A
// code presented by another client is refused without a reaction (F5). A spent
// code that its own client presents again revokes what came of it, unless the
// request was under way when the code was spent: a callback that is sent twice
// at once must not undo itself.
func (p *Provider) exchange(ctx context.Context, c call) (answer TokenAnswer, err error) {
	plain := c.form.Get("code")
	if plain == "" {
		return TokenAnswer{}, invalidRequest("code is missing.")
	}
	if !wellFormed(plain, codePrefix) {
		return TokenAnswer{}, badCode()
	}
	peek, err := findCode(ctx, p.cfg.Pool, p.sums(plain), false)
	if err != nil {
		return TokenAnswer{}, err
	}
	if peek == nil {
		return TokenAnswer{}, badCode()
	}
	client, err := p.clientFor(ctx, c.caller, peek.Client)
	if err != nil {
		return TokenAnswer{}, err
	}
	if client == nil {
		return TokenAnswer{}, p.foreign(ctx, c, incidentRow{Kind: foreignCode, Client: peek.Client, Connection: peek.Connection, Family: peek.Family}, badCode())
	}
	connection, err := findConnection(ctx, p.cfg.Pool, "connection.id = ?", peek.Connection)
	if err != nil || connection == nil {
		return TokenAnswer{}, orElse(err, badCode())
	}
	err = p.unitWork(ctx, func(ctx context.Context, tx bun.Tx) (refusal, err error) {
		answer, refusal, err = p.exchangeLocked(ctx, tx, c, client, connection, plain)
		return refusal, err
	})
	if err != nil {
		return TokenAnswer{}, err
	}
	return answer, nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// foreign notes that somebody presented what is not theirs.
func (p *Provider) foreign(ctx context.Context, c call, row incidentRow, refusal error) error {
	row.ByClient = c.caller.name()
	if err := p.note(ctx, p.cfg.Pool, row); err != nil {
		return err
	}
	return refusal
}

func (p *Provider) exchangeLocked(ctx context.Context, tx bun.Tx, c call, client *Client, connection *Connection, plain string) (answer TokenAnswer, refusal, err error) {
	locked, err := lockConnections(ctx, tx, connection.Platform, connection.Account, connection.Livemode)
	if err != nil {
		return answer, nil, err
	}
	if connection, err = pick(locked, connection.ID); err != nil {
		return answer, nil, err
	}
	code, err := findCode(ctx, tx, p.sums(plain), true)
	if err != nil {
		return answer, nil, err
	}
	u := &unit{tx: tx, now: p.cfg.Clock.Now(), client: client, connection: connection, code: code}
	if refusal, err = p.exchangeable(ctx, u, c); refusal != nil || err != nil {
		return answer, refusal, err
	}
	granted, _ := parseScope(code.Scope)
	u.scope = narrower(granted, client.widest())
	access, refresh, err := p.granted(ctx, u, url.Values{"grant_type": {"authorization_code"}, "code": {plain}})
	if err != nil {
		return answer, nil, err
	}
	if err := p.connections.activate(ctx, tx, u.now, locked, connection, u.scope); err != nil {
		return answer, nil, err
	}
	if err := p.step("connection active"); err != nil {
		return answer, nil, err
	}
	answer, err = p.answerFor(ctx, tx, u, access, refresh, u.now.Add(p.cfg.AccessFor))
	return answer, nil, err
}

// exchangeable is the ladder of reasons to refuse a locked code.
func (p *Provider) exchangeable(ctx context.Context, u *unit, c call) (refusal, err error) {
	switch {
	case u.code == nil: // swept meanwhile
		return badCode(), nil
	case !u.code.SpentAt.IsZero():
		return badCode(), p.replayed(ctx, u, c)
	case !u.now.Before(u.code.ExpiresAt):
		return badCode(), nil
	case u.connection.clientDisabled:
		return badClient(), nil
	case !p.begunBy(u.code, c):
		if err := spendCode(ctx, u.tx, u.code.Hash, u.now, spentFailed); err != nil {
			return nil, err
		}
		return badCode(), p.note(ctx, u.tx, incidentOf(codeProofFailed, u, u.code.Family))
	}
	open, err := p.openAccount(ctx, u.tx, u.connection)
	if err == nil && !open {
		return invalidGrant("The account is closed."), nil
	}
	return nil, err
}

// begunBy reports whether the caller proves that it began the flow which ended
// in this code. redirect_uri may be absent, as Stripe's libraries leave it out;
// PKCE or the secret key protects the code.
func (p *Provider) begunBy(code *codeRow, c call) bool {
	if c.form.Has("redirect_uri") && !equal(c.form.Get("redirect_uri"), code.RedirectURI) {
		return false
	}
	return proves(code.Challenge, c.form.Get("code_verifier"), c.caller.byKey)
}

// replayed reacts to a spent code in the hands of its own client.
func (p *Provider) replayed(ctx context.Context, u *unit, c call) error {
	if u.code.SpentFor != spentExchanged || !c.arrived.After(u.code.SpentAt) {
		return nil
	}
	return p.revokeReused(ctx, u, codeReplayed, u.code.Family)
}

func incidentOf(kind string, u *unit, family string) incidentRow {
	return incidentRow{Kind: kind, Client: u.client.ID, ByClient: u.client.ID, Connection: u.connection.ID, Family: family}
}

// revokeReused ends a family because one of its secrets was used twice. The
// connection stays: its platform acts for the account with its own key.
func (p *Provider) revokeReused(ctx context.Context, u *unit, kind, family string) error {
	revoked, err := revokeFamily(ctx, u.tx, family, "", u.now)
	if err != nil || revoked == 0 {
		return err // everything ended before
	}
	if err := p.connections.append(ctx, u.tx, u.connection, eventGrantRevoked); err != nil {
		return err
	}
	return p.note(ctx, u.tx, incidentOf(kind, u, family))
}

package payouts

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Hold keeps money from leaving: one payout, or everything of an account. Several
// may stand at once; what they hold leaves when the last is released.
type Hold struct {
	ID         string // phold_…
	Platform   string
	Livemode   bool
	Account    string
	Payout     string // "" holds the account
	Reason     string
	CreatedBy  string // the key that asked for it
	CreatedAt  time.Time
	ExpiresAt  time.Time `bun:",nullzero"` // zero: until somebody releases it
	ReleasedAt time.Time `bun:",nullzero"`
	ReleasedBy string    // a key, or ByExpiry
	Version    int64
}

// ByExpiry is who has released a hold whose time was over.
const ByExpiry = "expiry"

// HoldParams ask for a hold on an account or on a payout.
type HoldParams struct {
	Account   string `form:"account"`
	Payout    string `form:"payout"`
	Reason    string `form:"reason,required"`
	ExpiresAt *int64 `form:"expires_at"` // unix
}

const (
	maxReason = 500                      // characters
	maxHold   = 2 * 366 * 24 * time.Hour // from when it is said
)

func (s *Service) checkHold(p HoldParams, now time.Time) error {
	switch {
	case p.Account == "" && p.Payout == "":
		return fault.Invalidf("parameter_missing", "account", "One of the following params should be provided for this request: account or payout.")
	case p.Account != "" && p.Payout != "":
		return fault.Invalidf("parameters_exclusive", "payout", "Received both account and payout parameters. Please pass in only one.")
	case p.ExpiresAt != nil && *p.ExpiresAt <= now.Unix():
		return fault.Invalidf("parameter_invalid_integer", "expires_at", "expires_at must be in the future.")
	case p.ExpiresAt != nil && *p.ExpiresAt > now.Add(maxHold).Unix():
		return fault.Invalidf("parameter_invalid_integer", "expires_at", "expires_at must be at most two years from now.")
	}
	return s.checkReason(p.Reason)
}

// checkReason refuses what must not be kept as a reason.
func (s *Service) checkReason(text string) error {
	if utf8.RuneCountInString(text) > maxReason {
		return fault.Invalidf("", "reason", "The reason must be at most %d characters.", maxReason)
	}
	if s.cfg.CheckText == nil {
		return nil
	}
	return s.cfg.CheckText("reason", text)
}

// Hold stops a payout that the bank cannot have heard of, or all payouts of an
// account: those that wait to be handed over, and those that would be made.
func (s *Service) Hold(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor string, params HoldParams) (*Hold, error) {
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	if err := s.checkHold(params, now); err != nil {
		return nil, err
	}
	h := &Hold{
		ID: id.New("phold"), Platform: scope.Platform, Livemode: scope.Livemode, Account: params.Account, Payout: params.Payout,
		Reason: params.Reason, CreatedBy: actor, CreatedAt: now, Version: 1,
	}
	if params.ExpiresAt != nil {
		h.ExpiresAt = time.Unix(*params.ExpiresAt, 0).UTC()
	}
	concerned, err := s.concerned(ctx, tx, scope, h)
	if err != nil {
		return nil, err
	}
	if err := insertHold(ctx, tx, h); err != nil {
		return nil, err
	}
	if err := s.hold(ctx, tx, concerned, now); err != nil {
		return nil, err
	}
	return h, s.tellHold(ctx, tx, h, "payout_hold.created", now)
}

// concerned locks the payouts that a new hold stops.
func (s *Service) concerned(ctx context.Context, tx bun.Tx, scope tenant.Scope, h *Hold) ([]*Payout, error) {
	if h.Payout == "" {
		return s.stopAccount(ctx, tx, scope, h.Account)
	}
	p, err := ofPlatform(ctx, tx, scope, h.Payout, true)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, fault.Invalidf("resource_missing", "payout", "No such payout: '%s'", h.Payout)
	case err != nil:
		return nil, err
	case p.Sealed():
		return nil, fault.Invalidf("payout_sealed", "payout", "The payout %s was handed to the bank: it cannot be held any more. It may be recalled if its rail can do that.", p.ID)
	case p.Status != Pending:
		return nil, fault.Invalidf("payout_not_pending", "payout", "Only pending payouts can be held; this one is %s.", p.Status)
	}
	h.Account = p.Account
	return []*Payout{p}, nil
}

// stopAccount locks the account's payouts that were not handed over, and then its
// purses: whoever makes payouts of them waits, and sees the hold. A payout made
// between the two locks is locked late; the rare circle with somebody who cancels
// it meanwhile is broken by PostgreSQL and db.InTx repeats the transaction.
func (s *Service) stopAccount(ctx context.Context, tx bun.Tx, scope tenant.Scope, account string) ([]*Payout, error) {
	of := scope.For(account)
	if _, err := s.cfg.Accounts.Payable(ctx, tx, of); gone(err) || scope.Connected() && account != scope.Account {
		return nil, fault.Invalidf("resource_missing", "account", "No such account: '%s'", account)
	} else if err != nil {
		return nil, err
	}
	if _, err := unsealed(ctx, tx, of); err != nil {
		return nil, err
	}
	funds, err := balance.Of(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	places := make([]ledger.Place, len(funds))
	for i, f := range funds {
		places[i] = ledger.Place{
			Account: ledger.Account{Livemode: of.Livemode, Owner: account, Kind: ledger.Available}, Currency: f.Currency,
		}
	}
	if err := s.cfg.Book.Lock(ctx, tx, places...); err != nil {
		return nil, err
	}
	return unsealed(ctx, tx, of)
}

// hold marks locked payouts.
func (s *Service) hold(ctx context.Context, tx bun.Tx, payouts []*Payout, now time.Time) error {
	for _, p := range payouts {
		if p.Held {
			continue
		}
		p.Held = true
		if err := s.finish(ctx, tx, p, "payout.updated", now, map[string]any{"on_hold": false}); err != nil {
			return err
		}
	}
	return nil
}

// GetHold is one of the platform's holds, or NotFound.
func (s *Service) GetHold(ctx context.Context, idb bun.IDB, scope tenant.Scope, hold string) (*Hold, error) {
	return findHold(ctx, idb, scope, hold, false)
}

func (s *Service) tellHold(ctx context.Context, tx bun.Tx, h *Hold, kind string, at time.Time) error {
	e, err := h.event(kind, at)
	if err != nil {
		return fmt.Errorf("render payout hold: %w", err)
	}
	origin := event.OriginOf(ctx)
	e.RequestID, e.IdempotencyKey = origin.RequestID, origin.IdempotencyKey
	return s.cfg.Events.Append(ctx, tx, e)
}

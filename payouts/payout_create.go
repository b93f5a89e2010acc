package payouts

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// CreateParams ask for a payout by hand.
type CreateParams struct {
	Amount              int64          `form:"amount,required"`
	Currency            string         `form:"currency,required"`
	Description         *string        `form:"description"`
	Destination         string         `form:"destination"`
	Metadata            metadata.Patch `form:"metadata"`
	Method              string         `form:"method"`
	SourceType          string         `form:"source_type"`
	StatementDescriptor *string        `form:"statement_descriptor"`

	retryOf string // the failed payout that this one tries again
}

// Lengths of texts, in characters.
const (
	maxDescriptor  = 22
	maxDescription = 5000
)

// Check refuses what can never become a payout; it needs no database.
func (p CreateParams) Check() error {
	switch {
	case p.Amount < 1:
		return fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case p.Amount > money.MaxMinor:
		return fault.Invalidf("amount_too_large", "amount", "Amount is too large.")
	case !money.Currency(p.Currency).Known():
		return fault.Invalidf("currency_not_supported", "currency", "Invalid currency: %s", p.Currency)
	case p.Method != "" && p.Method != Standard && p.Method != Instant:
		return fault.Invalidf("", "method", "Invalid method: must be one of instant or standard")
	case p.SourceType != "" && p.SourceType != "card":
		return fault.Invalidf("", "source_type", "Invalid source_type: the balance holds only funds of type card.")
	case longer(p.StatementDescriptor, maxDescriptor):
		return fault.Invalidf("", "statement_descriptor", "The statement descriptor must be at most %d characters.", maxDescriptor)
	case longer(p.Description, maxDescription):
		return fault.Invalidf("", "description", "The description must be at most %d characters.", maxDescription)
	}
	return nil
}

func longer(text *string, limit int) bool {
	return text != nil && utf8.RuneCountInString(*text) > limit
}

// Create makes a payout by hand, for any part of the available balance; more is
// refused with balance_insufficient. It is handed over after the cancel window.
func (s *Service) Create(ctx context.Context, tx bun.Tx, scope tenant.Scope, params CreateParams) (*Payout, error) {
	if err := params.Check(); err != nil {
		return nil, err
	}
	payable, err := s.cfg.Accounts.Payable(ctx, tx, scope)
	if err != nil {
		return nil, err
	}
	p, err := s.draft(scope, params, payable)
	if err != nil {
		return nil, err
	}
	if err := balance.Lock(ctx, tx, s.cfg.Book, p.Purse()); err != nil {
		return nil, err
	}
	funds, err := balance.In(ctx, tx, p.Purse())
	if err != nil {
		return nil, err
	}
	if funds.Available < p.Amount {
		return nil, fault.Invalidf("balance_insufficient", "amount",
			"You have insufficient available funds for this payout: %s of %s is available.",
			money.New(max(0, funds.Available), p.Currency), money.New(p.Amount, p.Currency))
	}
	return p, s.open(ctx, tx, p)
}

func (s *Service) draft(scope tenant.Scope, params CreateParams, payable Payable) (*Payout, error) {
	if !payable.PayoutsEnabled {
		return nil, fault.Invalidf("payouts_not_allowed", "", "Payouts are disabled for the account '%s'.", scope.Account)
	}
	currency := money.Currency(params.Currency)
	destination, err := payable.choose(params.Destination, currency)
	if err != nil {
		return nil, err
	}
	way, err := s.way(scope.Livemode, destination, params)
	if err != nil {
		return nil, err
	}
	given, err := params.Metadata.Apply(nil)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	p := newPayout(scope, money.New(params.Amount, currency), destination, way, payable, now)
	p.SendAfter = now.Add(cancelWindow)
	p.ArrivalDate = dayOf(p.SendAfter)
	if params.Method == Instant {
		p.hasten(now)
	}
	p.Description, p.Metadata, p.RetryOf = params.Description, given, params.retryOf
	if params.StatementDescriptor != nil {
		p.StatementDescriptor = params.StatementDescriptor
	}
	return p, nil
}

// way is the rail that takes a payout by hand.
func (s *Service) way(livemode bool, to Destination, params CreateParams) (rail.Capabilities, error) {
	set := s.cfg.Rails.For(livemode)
	if len(set) == 0 {
		return rail.Capabilities{}, fault.Invalidf("payouts_not_allowed", "", "This installation has no bank to pay out in this mode.")
	}
	way, err := wayTo(set, to, params.Method)
	if err != nil {
		return way, err
	}
	if err := withinLimit(way, money.New(params.Amount, to.Currency), params.Method); err != nil {
		return way, err
	}
	if step := way.Step(to.Currency); params.Amount%step != 0 {
		return way, fault.Invalidf("parameter_invalid_integer", "amount",
			"Payouts in %s must be a multiple of %s.", to.Currency, money.New(step, to.Currency))
	}
	return way, nil
}

func wayTo(set rail.Set, to Destination, method string) (rail.Capabilities, error) {
	if method == Instant {
		return instantWay(set, to)
	}
	found, ok := set.Find(rail.Use{Currency: to.Currency, Country: to.Country})
	if !ok {
		return rail.Capabilities{}, fault.Invalidf("currency_not_supported", "currency", "No bank of this installation pays out in %s.", to.Currency)
	}
	return found.Capabilities(), nil
}

// newPayout is a payout that can be handed over at once and arrives today.
func newPayout(scope tenant.Scope, amount money.Amount, to Destination, way rail.Capabilities, payable Payable, now time.Time) *Payout {
	p := &Payout{
		ID: id.New("po"), Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode,
		Amount: amount.Minor, Currency: amount.Currency, Status: Pending, Destination: to.ID, Metadata: map[string]string{},
		ArrivalDate: dayOf(now), SendAfter: now, CreatedAt: now, Version: 1,
		Rail: way.Name, Method: Standard,
	}
	if payable.StatementDescriptor != "" {
		p.StatementDescriptor = &payable.StatementDescriptor
	}
	return p
}

// open takes the money and the lines for p, whose purse is locked, and tells it.
func (s *Service) open(ctx context.Context, tx bun.Tx, p *Payout) error {
	entry := journal.PayoutCreated(p.entry(p.CreatedAt), newLineID)
	p.BalanceTransaction = entry.LineID("payout", p.ID)
	if err := insert(ctx, tx, p); err != nil {
		return err
	}
	if err := s.post(ctx, tx, entry); err != nil {
		return err
	}
	_, err := balance.Attach(ctx, tx, s.cfg.Book, balance.Payout{
		Purse: p.Purse(), ID: p.ID, Amount: p.Amount, At: p.CreatedAt, NewID: newLineID,
		Whole: p.OriginalPayout != "", ClearsOn: p.clearsOn(),
	})
	if err != nil {
		return fmt.Errorf("attach lines to %s: %w", p.ID, err)
	}
	return s.tell(ctx, tx, p, "payout.created", p.CreatedAt, nil)
}

func (s *Service) tell(ctx context.Context, tx bun.Tx, p *Payout, kind string, at time.Time, before map[string]any) error {
	e, err := p.event(kind, at, before)
	if err != nil {
		return err
	}
	return s.cfg.Events.Append(ctx, tx, e)
}

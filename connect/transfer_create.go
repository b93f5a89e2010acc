package connect

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Source is a charge that a transfer draws on.
type Source struct {
	Amount        money.Amount // captured and not refunded
	MaturesOn     time.Time    // zero: available at once
	TransferGroup string
}

// Sources locks a captured charge of the scope, or fails with a fault.
type Sources interface {
	LockSource(ctx context.Context, tx bun.Tx, scope tenant.Scope, charge string) (Source, error)
}

// Directory answers what a transfer must know of its destination.
type Directory interface {
	Lookup(ctx context.Context, scope tenant.Scope, account string) (Summary, error)
}

// TransferService moves money between the platform's balance and those of its connected accounts.
type TransferService struct {
	Book     *ledger.Book
	Clocks   clock.Modes
	Accounts Directory
	Sources  Sources
	// Freed tells that money of an account became available in a transaction.
	Freed  func(ctx context.Context, tx bun.Tx, at time.Time, purse balance.Purse) error
	events event.Log
}

// TransferParams asks for a transfer.
type TransferParams struct {
	Amount            *int64         `form:"amount"`
	Currency          string         `form:"currency"`
	Destination       string         `form:"destination"`
	SourceTransaction string         `form:"source_transaction"`
	SourceType        string         `form:"source_type"`
	TransferGroup     string         `form:"transfer_group"`
	Description       *string        `form:"description"`
	Metadata          metadata.Patch `form:"metadata"`
	HoldParams
}

// Check refuses a transfer that can never be made. It runs outside the transaction.
func (s *TransferService) Check(ctx context.Context, scope tenant.Scope, p TransferParams) error {
	switch {
	case scope.Connected():
		return fault.Invalidf("platform_account_required", "", "Only a platform account can create transfers; call without the Stripe-Account header.")
	case p.Amount == nil:
		return fault.Missing("amount")
	case *p.Amount < 1:
		return fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case *p.Amount > money.MaxMinor:
		return fault.Invalidf("amount_too_large", "amount", "Amount is too large.")
	case p.Currency == "":
		return fault.Missing("currency")
	case p.Destination == "":
		return fault.Missing("destination")
	}
	if _, err := money.ParseCurrency(p.Currency); err != nil {
		return fault.Invalidf("currency_not_supported", "currency", "Invalid currency: %s", p.Currency)
	}
	if err := checkWords(p.Description, p.Metadata); err != nil {
		return err
	}
	if err := p.check(s.Clocks.For(scope.Livemode).Now()); err != nil {
		return err
	}
	return CheckDestination(ctx, s.Accounts, scope, p.Destination, "destination")
}

// checkWords refuses card numbers in free texts.
func checkWords(description *string, meta metadata.Patch) error {
	if description != nil {
		if err := cardnumber.Refuse("description", *description); err != nil {
			return err
		}
	}
	return cardnumber.RefuseIn("metadata", meta.Set)
}

// CheckDestination refuses an account that cannot receive transfers of the scope; param names it in the request.
func CheckDestination(ctx context.Context, accounts Directory, scope tenant.Scope, account, param string) error {
	if account == scope.Platform {
		return fault.Invalidf("transfers_not_allowed", param, "Cannot transfer to your own account.")
	}
	summary, err := accounts.Lookup(ctx, scope, account)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.Invalidf("resource_missing", param, "No such destination: '%s'", account)
	case err != nil:
		return err
	case summary.MustBeWritable() != nil:
		return summary.MustBeWritable()
	case summary.Closed || !summary.Transfers:
		return fault.Invalidf("insufficient_capabilities_for_transfer", param,
			"Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments")
	}
	return nil
}

// Create moves the money, all or nothing. Without source_transaction the
// available balance must cover it (balance_insufficient); with it the transfer
// may move money that has not come yet, and becomes available with its charge.
func (s *TransferService) Create(ctx context.Context, tx bun.Tx, scope tenant.Scope, p TransferParams) (*Transfer, error) {
	currency, err := money.ParseCurrency(p.Currency)
	if err != nil {
		return nil, err
	}
	meta, err := p.Metadata.Apply(nil)
	if err != nil {
		return nil, err
	}
	t := &Transfer{
		ID: id.New("tr"), Platform: scope.Platform, Livemode: scope.Livemode, Amount: *p.Amount, Currency: currency,
		Destination: p.Destination, DestinationPayment: id.New("py"), SourceTransaction: p.SourceTransaction, Leg: ByHand,
		TransferGroup: p.TransferGroup, Description: p.Description, Metadata: meta,
		CreatedAt: s.Clocks.For(scope.Livemode).Now(), Version: 1,
	}
	if err := s.drawOnSource(ctx, tx, scope, t); err != nil {
		return nil, err
	}
	p.HoldParams.lay(t)
	if err := s.post(ctx, tx, t); err != nil {
		return nil, err
	}
	if err := InsertTransfers(ctx, tx, []*Transfer{t}); err != nil {
		return nil, err
	}
	return t, s.tell(ctx, tx, t)
}

// drawOnSource ties the transfer to its charge: all transfers of a charge
// together never exceed what was captured and not refunded.
func (s *TransferService) drawOnSource(ctx context.Context, tx bun.Tx, scope tenant.Scope, t *Transfer) error {
	if t.SourceTransaction == "" {
		return nil
	}
	source, err := s.Sources.LockSource(ctx, tx, scope, t.SourceTransaction)
	if err != nil {
		return err
	}
	if source.Amount.Currency != t.Currency {
		return fault.Invalidf("transfer_source_balance_parameters_mismatch", "currency",
			"The currency of source_transaction's balance transaction (%s) must be the same as the transfer currency (%s)", source.Amount.Currency, t.Currency)
	}
	var drawn int64
	err = tx.NewSelect().Model((*transferRow)(nil)).ColumnExpr("coalesce(sum(amount - amount_reversed), 0)").
		Where("source_transaction = ?", t.SourceTransaction).Scan(ctx, &drawn)
	if err != nil {
		return err
	}
	if left := source.Amount.Minor - drawn; t.Amount > left {
		return fault.Invalidf("charge_exceeds_source_limit", "amount",
			"You cannot create a transfer of %s: the source charge has %s left to transfer.", money.New(t.Amount, t.Currency), money.New(max(left, 0), t.Currency))
	}
	t.MaturesOn = source.MaturesOn
	if t.TransferGroup == "" {
		t.TransferGroup = source.TransferGroup
	}
	return nil
}

func (s *TransferService) post(ctx context.Context, tx bun.Tx, t *Transfer) error {
	description := ""
	if t.Description != nil {
		description = *t.Description
	}
	entry := journal.TransferCreated(journal.Transfer{
		ID: t.ID, Payment: t.DestinationPayment, Livemode: t.Livemode, Platform: t.Platform, Destination: t.Destination,
		Amount: money.New(t.Amount, t.Currency), Description: description, At: t.CreatedAt,
		SourceCharge: t.SourceTransaction != "", MaturesOn: t.MaturesOn,
	}, newLineID)
	entries := []ledger.Entry{entry}
	if t.Held > 0 {
		entries = append(entries, t.hold(t.Held, t.CreatedAt, true))
	}
	if err := PostAll(ctx, tx, s.Book, entries...); err != nil {
		return err
	}
	t.BalanceTransaction = entry.LineID("transfer", t.ID)
	t.DestinationBalanceTransaction = entry.LineID("payment", t.DestinationPayment)
	return nil
}

// PostOne posts a single entry and returns its refusal.
func PostOne(ctx context.Context, tx bun.Tx, book *ledger.Book, entry ledger.Entry) error {
	return PostAll(ctx, tx, book, entry)
}

// PostAll posts entries that stand or fall together and returns the first
// refusal; then the caller rolls back.
func PostAll(ctx context.Context, tx bun.Tx, book *ledger.Book, entries ...ledger.Entry) error {
	results, err := book.Post(ctx, tx, entries...)
	for i := 0; err == nil && i < len(results); i++ {
		err = results[i].Err
	}
	return err
}

func newLineID() string { return id.New("txn") }

func (s *TransferService) tell(ctx context.Context, tx bun.Tx, t *Transfer) error {
	created, err := t.Created(event.OriginOf(ctx))
	if err != nil {
		return err
	}
	arrived, err := t.Arrived(event.OriginOf(ctx))
	if err != nil {
		return err
	}
	return s.events.Append(ctx, tx, created, arrived)
}

// TransferUpdate changes what may change of a transfer.
type TransferUpdate struct {
	Description *string        `form:"description"`
	Metadata    metadata.Patch `form:"metadata"`
	HoldParams
}

// Update changes description, metadata and hold. What is asked to become what it
// is already is no change and no event.
func (s *TransferService) Update(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string, u TransferUpdate) (*Transfer, error) {
	now := s.Clocks.For(scope.Livemode).Now()
	if err := checkWords(u.Description, u.Metadata); err != nil {
		return nil, err
	}
	if err := u.check(now); err != nil {
		return nil, err
	}
	t, err := lockTransfer(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	before := TransferWire(t, nil, t.AmountReversed > 0)
	if t.Metadata, err = u.Metadata.Apply(t.Metadata); err != nil {
		return nil, err
	}
	if u.Description != nil {
		t.Description = u.Description
	}
	if err := s.changeHold(ctx, tx, t, u.HoldParams, now); err != nil {
		return nil, err
	}
	previous, err := patch.Changed(before, TransferWire(t, nil, t.AmountReversed > 0))
	if err != nil || previous == nil {
		return t, err
	}
	t.Version++
	if _, err := tx.NewUpdate().Model(&transferRow{Transfer: *t}).Column("description", "metadata", "held", "held_until", "version").WherePK().Exec(ctx); err != nil {
		return nil, err
	}
	updated, err := t.updated(before, now, event.OriginOf(ctx))
	if err != nil {
		return nil, err
	}
	return t, s.events.Append(ctx, tx, updated)
}

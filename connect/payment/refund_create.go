package payment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
)

// RefundParams asks for a refund of a charge or of the charge of an intent.
type RefundParams struct {
	Charge               string         `form:"charge"`
	PaymentIntent        string         `form:"payment_intent"`
	Amount               *int64         `form:"amount"` // all that is left if absent
	Reason               *string        `form:"reason"`
	ReverseTransfer      bool           `form:"reverse_transfer"`
	RefundApplicationFee bool           `form:"refund_application_fee"`
	Metadata             metadata.Patch `form:"metadata"`
	InstructionsEmail    rest.Ignored   `form:"instructions_email"`
}

var refundReasons = []string{"duplicate", "fraudulent", "requested_by_customer"}

// CreateRefund gives money back in the three steps of a payment: the amount is
// set aside on the charge, the processor is asked, the ledger is told. It
// returns a wire.Refund or the answer given earlier for the same idempotency key.
func (s *Service) CreateRefund(ctx context.Context, scope tenant.Scope, p RefundParams) (any, error) {
	if err := s.checkRefund(ctx, scope, &p); err != nil {
		return nil, err
	}
	claim := idempotency.From(ctx)
	r, c, replayed, err := s.beginRefund(ctx, scope, p, claim)
	if replayed != nil || err != nil {
		return replayed, err
	}
	s.Step("refund_begun")

	ctx = context.WithoutCancel(ctx)
	result, err := s.askRefund(ctx, r, c.ID)
	if err != nil {
		return nil, err
	}
	s.Step("refund_authorized")

	object, answer, err := s.settleRefund(ctx, r.ID, result, claim)
	if err != nil {
		return nil, fmt.Errorf("settle %s: %w", r.ID, err)
	}
	s.Step("refund_settled")
	if answer != nil {
		return *answer, nil
	}
	return object, nil
}

func (s *Service) checkRefund(ctx context.Context, scope tenant.Scope, p *RefundParams) error {
	switch {
	case p.Charge == "" && p.PaymentIntent == "":
		return fault.Invalidf("parameter_missing", "charge", "One of the following params should be provided for this request: payment_intent or charge.")
	case p.Reason != nil && !slices.Contains(refundReasons, *p.Reason):
		return fault.Invalidf("parameter_invalid", "reason", "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer")
	case p.Amount != nil && *p.Amount < 1:
		return fault.Invalidf("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	}
	if err := cardnumber.RefuseIn("metadata", p.Metadata.Set); err != nil {
		return err
	}
	if p.Charge != "" {
		return nil
	}
	intent, err := s.GetIntent(ctx, s.Pool, scope, p.PaymentIntent)
	if err != nil {
		return err
	}
	if intent.LatestCharge == "" || intent.Status != Succeeded && intent.Status != RequiresCapture {
		return fault.Invalidf("payment_intent_unexpected_state", "payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", intent.ID)
	}
	p.Charge = intent.LatestCharge
	return nil
}

// beginRefund sets the amount aside on the charge, so that refunds together never exceed it.
func (s *Service) beginRefund(ctx context.Context, scope tenant.Scope, p RefundParams, claim *idempotency.Claim) (r *Refund, c *Charge, replayed any, err error) {
	port, err := s.processor(scope.Livemode)
	if err != nil {
		return nil, nil, nil, err
	}
	var refused error
	err = db.InTx(ctx, s.Pool, func(ctx context.Context, tx bun.Tx) error {
		r, c, replayed, refused = nil, nil, nil, nil
		refundID := id.New("re")
		fresh, earlier, err := s.claim(ctx, tx, claim, refundID)
		if err != nil || !fresh {
			replayed = earlier
			return err
		}
		if c, err = lockCharge(ctx, tx, scope, p.Charge); err == nil {
			r, err = s.draftRefund(port, c, p, refundID)
		}
		if err == nil {
			_, err = s.unwind(ctx, tx, c, r) // refuses what cannot come back before the processor is asked
		}
		if fault.As(err) != nil {
			refused = err
			replayed, err = s.refuse(ctx, tx, claim, err)
			return err
		}
		if err != nil {
			return err
		}
		if claim != nil {
			r.Claim = claim.Hash[:]
		}
		c.AmountRefunding += r.Amount
		if err := chargeTable.Update(ctx, tx, []*Charge{c}, "amount_refunding"); err != nil {
			return err
		}
		return insertRefund(ctx, tx, r)
	})
	if err == nil && replayed == nil {
		err = refused
	}
	return r, c, replayed, err
}

// claim takes the key of a request in its begin transaction; not fresh comes
// with the earlier answer or the reason why there is none.
func (s *Service) claim(ctx context.Context, tx bun.Tx, claim *idempotency.Claim, object string) (fresh bool, earlier any, err error) {
	if claim == nil {
		return true, nil, nil
	}
	claim.Object = object
	outcomes, err := s.Keys.ClaimMany(ctx, tx, clockOfClaims.Now(), []*idempotency.Claim{claim})
	if err != nil {
		return false, nil, err
	}
	if outcomes[0].State == idempotency.Fresh {
		return true, nil, nil
	}
	return false, outcomes[0], nil
}

// refuse answers a claimed key with an error decided before any effect.
func (s *Service) refuse(ctx context.Context, tx bun.Tx, claim *idempotency.Claim, refusal error) (any, error) {
	var answers answers
	answer, err := answers.add(ctx, tx, claim, nil, refusal)
	if err != nil {
		return nil, err
	}
	if err := answers.save(ctx, tx, s.Keys); err != nil || answer == nil {
		return nil, err
	}
	return *answer, nil
}

// draftRefund checks a refund against its charge.
func (s *Service) draftRefund(port processor.Processor, c *Charge, p RefundParams, refundID string) (*Refund, error) {
	switch {
	case c.Status != ChargeSucceeded:
		return nil, fault.Invalidf("charge_not_refundable", "charge", "Charge %s has not succeeded and cannot be refunded.", c.ID)
	case !c.Captured:
		return nil, fault.Invalidf("charge_not_refundable", "charge", "Charge %s is not captured: cancel its authorization instead.", c.ID)
	case c.Refundable() == 0:
		return nil, fault.Invalidf("charge_already_refunded", "charge", "Charge %s has already been refunded.", c.ID)
	}
	amount := money.New(c.Refundable(), c.Currency)
	if p.Amount != nil {
		amount.Minor = *p.Amount
	}
	if amount.Minor > c.Refundable() {
		return nil, fault.Invalidf("amount_too_large", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", amount, money.New(c.Refundable(), c.Currency))
	}
	if err := port.Capabilities().CheckRefund(money.New(c.AmountCaptured, c.Currency), amount); err != nil {
		return nil, err
	}
	r := &Refund{
		ID: refundID, Platform: c.Platform, Account: c.Account, Livemode: c.Livemode, Charge: c.ID, PaymentIntent: c.PaymentIntent,
		Amount: amount.Minor, Currency: c.Currency, Status: RefundPending, Reason: p.Reason, ReverseTransfer: p.ReverseTransfer,
		RefundApplicationFee: p.RefundApplicationFee, CreatedAt: s.Clocks.For(c.Livemode).Now(), BegunAt: clockOfClaims.Now(),
	}
	var err error
	r.Metadata, err = p.Metadata.Apply(nil)
	return r, err
}

// askRefund asks the processor. Its refusal is an end; any other error leaves the outcome unknown.
func (s *Service) askRefund(ctx context.Context, r *Refund, charge string) (processor.RefundResult, error) {
	port, err := s.processor(r.Livemode)
	if err != nil {
		return processor.RefundResult{}, err
	}
	ctx, answered := context.WithTimeout(ctx, processorTimeout)
	defer answered()
	result, err := port.Refund(ctx, processor.RefundRequest{Reference: r.ID, Payment: charge, Amount: money.New(r.Amount, r.Currency)})
	if err != nil {
		s.Log.ErrorContext(ctx, "refund", "refund", r.ID, "charge", charge, "error", err)
		result = processor.RefundResult{Status: processor.RefundUnknown}
		if refused(err) {
			result.Status = processor.RefundFailed
		}
	}
	return result, nil
}

// settleRefund books what the processor decided about a refund.
func (s *Service) settleRefund(ctx context.Context, refundID string, result processor.RefundResult, claim *idempotency.Claim) (object any, answer *idempotency.Response, err error) {
	err = db.InTx(ctx, s.Pool, func(ctx context.Context, tx bun.Tx) error {
		found, err := lockRefundWithCharge(ctx, tx, refundID)
		if err != nil {
			return err
		}
		r, c := found.refund, found.charge
		if r.Booked || r.Status != RefundPending {
			object = RefundWire(r) // settled by somebody else, who has answered the key
			return nil
		}
		if err := s.applyRefund(ctx, tx, r, c, result); err != nil {
			return err
		}
		object = RefundWire(r)
		var answers answers
		if answer, err = answers.add(ctx, tx, claim, object, nil); err != nil {
			return err
		}
		return answers.save(ctx, tx, s.Keys)
	})
	return object, answer, err
}

type refundOf struct {
	refund *Refund
	charge *Charge
}

// lockRefundWithCharge holds the charge before the refund: the order every path keeps.
func lockRefundWithCharge(ctx context.Context, tx bun.Tx, refundID string) (refundOf, error) {
	row := new(refundRow)
	if err := tx.NewSelect().Model(row).Column("charge").Where("id = ?", refundID).Scan(ctx); err != nil {
		return refundOf{}, err
	}
	charges, err := lockCharges(ctx, tx, []string{row.Charge})
	if err != nil {
		return refundOf{}, err
	}
	r, err := lockRefund(ctx, tx, refundID)
	return refundOf{refund: r, charge: charges[row.Charge]}, err
}

func (s *Service) applyRefund(ctx context.Context, tx bun.Tx, r *Refund, c *Charge, result processor.RefundResult) error {
	at := s.Clocks.For(r.Livemode).Now()
	r.Claim = nil
	switch result.Status {
	case processor.RefundSucceeded, processor.RefundPending:
		r.Unconfirmed = result.Status == processor.RefundPending || result.Provisional
		return s.bookRefund(ctx, tx, r, c, result.Status == processor.RefundSucceeded, at)
	case processor.RefundFailed, processor.RefundAbsent:
		r.Status, r.FailureReason = RefundFailed, result.FailureReason
		if r.FailureReason == "" {
			r.FailureReason = "unknown"
		}
		c.AmountRefunding -= r.Amount
		r.Version++
		if err := chargeTable.Update(ctx, tx, []*Charge{c}, "amount_refunding"); err != nil {
			return err
		}
		var b eventBatch
		b.refund("refund.failed", r, at, event.OriginOf(ctx))
		if b.err != nil {
			return b.err
		}
		if err := updateRefund(ctx, tx, r); err != nil {
			return err
		}
		return s.events.Append(ctx, tx, b.events...)
	case processor.RefundUnknown:
	}
	return updateRefund(ctx, tx, r)
}

// unwound is what one refund brings back, ready to be booked.
type unwound struct {
	entry     journal.Refund
	freed     []ledger.Entry // of legs on hold, before the refund takes them
	transfers []*connect.Transfer
	reversals []*connect.Reversal
	fee       *connect.ApplicationFee
	feeRefund *connect.FeeRefund
}

// unwind works out what comes back with a refund and holds it. The charge must be locked.
func (s *Service) unwind(ctx context.Context, tx bun.Tx, c *Charge, r *Refund) (unwound, error) {
	legs, err := connect.LockLegs(ctx, tx, c.ID)
	if err != nil {
		return unwound{}, err
	}
	var fee *connect.ApplicationFee
	if c.ApplicationFee != "" {
		if fee, err = connect.LockApplicationFee(ctx, tx, c.ApplicationFee); err != nil {
			return unwound{}, err
		}
	}
	return unwindOf(c, r, legs, fee, s.Clocks.For(c.Livemode).Now())
}

// unwindOf is what comes back with a refund, by the cumulative method over what
// is refunded and reversed so far. It changes the legs and the fee in memory.
func unwindOf(c *Charge, r *Refund, legs []*connect.Transfer, fee *connect.ApplicationFee, at time.Time) (unwound, error) {
	captured := money.New(c.AmountCaptured, c.Currency)
	plan, err := split.ComputeCaptured(c.Terms, c.Total(), captured, money.New(c.ProcessingFee, c.Currency))
	if err != nil {
		return unwound{}, err
	}
	u := unwound{transfers: legs, fee: fee, entry: journal.Refund{
		ID: r.ID, Livemode: c.Livemode, Owner: c.Account, Platform: c.Platform, Amount: money.New(r.Amount, r.Currency),
		At: at, MaturesOn: c.MaturesOn,
	}}
	before := split.Before{Refunded: c.AmountRefunded}
	for _, t := range legs {
		before.Reversed = append(before.Reversed, t.AmountReversed)
	}
	if fee != nil {
		before.FeeRefunded = fee.AmountRefunded
	}
	back, err := split.Unwind(plan, before, money.New(r.Amount, r.Currency),
		split.Options{ReverseTransfer: r.ReverseTransfer, RefundApplicationFee: r.RefundApplicationFee})
	if err != nil {
		return u, err
	}
	u.reverseLegs(r, back)
	u.returnFee(r, back)
	return u, nil
}

// entries is what is booked: what was on hold is set free, then the refund takes it.
func (u *unwound) entries() []ledger.Entry {
	return append(u.freed, journal.Refunded(u.entry, newLineID))
}

func (u *unwound) reverseLegs(r *Refund, back split.Back) {
	for i, t := range u.transfers {
		amount := back.Legs[i].Minor
		if amount == 0 {
			continue
		}
		t.AmountReversed += amount
		t.Version++
		if freed, held := t.TakeHeld(amount, u.entry.At); held > 0 {
			u.freed = append(u.freed, freed)
		}
		reversal := &connect.Reversal{
			ID: id.New("trr"), Transfer: t.ID, Amount: amount, Currency: t.Currency, DestinationPaymentRefund: id.New("pyr"),
			SourceRefund: r.ID, Metadata: map[string]string{}, CreatedAt: u.entry.At,
		}
		u.reversals = append(u.reversals, reversal)
		u.entry.Unwound = append(u.entry.Unwound, journal.Unwound{
			Reversal: reversal.ID, PaymentRefund: reversal.DestinationPaymentRefund, Destination: t.Destination, Amount: amount,
		})
	}
}

func (u *unwound) returnFee(r *Refund, back split.Back) {
	amount := back.ApplicationFee.Minor
	if amount == 0 {
		return
	}
	u.fee.AmountRefunded += amount
	u.fee.Version++
	u.feeRefund = &connect.FeeRefund{
		ID: id.New("fr"), Fee: u.fee.ID, Amount: amount, Currency: r.Currency, Metadata: map[string]string{}, CreatedAt: u.entry.At,
	}
	u.entry.Fees = []journal.FeeReturn{{ID: u.feeRefund.ID, Account: u.fee.Account, Amount: amount}}
}

// bookRefund posts the refund with everything that comes back, and tells it.
func (s *Service) bookRefund(ctx context.Context, tx bun.Tx, r *Refund, c *Charge, done bool, at time.Time) error {
	u, err := s.unwind(ctx, tx, c, r)
	if err != nil {
		return err
	}
	entries := u.entries()
	entry := entries[len(entries)-1]
	if err := connect.PostAll(ctx, tx, s.Book, entries...); err != nil {
		return err
	}
	r.Booked, r.BalanceTransaction = true, entry.LineID("refund", r.ID)
	if done {
		r.Status = RefundSucceeded
	}
	r.Version++
	before := ChargeWire(c)
	c.AmountRefunding -= r.Amount
	c.AmountRefunded += r.Amount
	c.Version++
	var b eventBatch
	origin := event.OriginOf(ctx)
	b.refund("refund.created", r, at, origin)
	b.changed("charge.refunded", before, c, at, origin)
	for _, reversal := range u.reversals {
		reversal.BalanceTransaction = entry.LineID("transfer_refund", reversal.ID)
		reversal.DestinationBalanceTransaction = entry.LineID("payment_refund", reversal.DestinationPaymentRefund)
		if len(u.reversals) == 1 {
			r.TransferReversal = reversal.ID
		}
	}
	for _, t := range u.transfers {
		if slices.ContainsFunc(u.reversals, func(x *connect.Reversal) bool { return x.Transfer == t.ID }) {
			b.add(t.ReversedEvent(at, origin))
		}
	}
	if err := chargeTable.Update(ctx, tx, []*Charge{c}, "amount_refunding", "amount_refunded", "version"); err != nil {
		return err
	}
	if err := connect.RecordReversals(ctx, tx, u.transfers, u.reversals); err != nil {
		return err
	}
	if u.feeRefund != nil {
		u.feeRefund.BalanceTransaction = entry.LineID("application_fee_refund", u.feeRefund.ID)
		if err := connect.RecordFeeRefund(ctx, tx, u.fee, u.feeRefund); err != nil {
			return err
		}
		b.add(u.fee.RefundedEvent(at, origin))
	}
	if b.err != nil {
		return b.err
	}
	if err := updateRefund(ctx, tx, r); err != nil {
		return err
	}
	return s.events.Append(ctx, tx, b.events...)
}

// UpdateRefund changes the metadata of a refund.
func (s *Service) UpdateRefund(ctx context.Context, tx bun.Tx, scope tenant.Scope, refundID string, patch metadata.Patch) (*Refund, error) {
	if err := cardnumber.RefuseIn("metadata", patch.Set); err != nil {
		return nil, err
	}
	if _, err := s.GetRefund(ctx, tx, scope, refundID); err != nil {
		return nil, err
	}
	r, err := lockRefund(ctx, tx, refundID)
	if err != nil {
		return nil, err
	}
	before := RefundWire(r)
	if r.Metadata, err = patch.Apply(r.Metadata); err != nil || maps.Equal(r.Metadata, before.Metadata) {
		return r, err
	}
	if r.Version == 0 { // not booked yet: refund.created, to come, will show it
		return r, updateRefund(ctx, tx, r)
	}
	r.Version++
	if err := updateRefund(ctx, tx, r); err != nil {
		return nil, err
	}
	var b eventBatch
	b.updated(before, r, s.Clocks.For(r.Livemode).Now(), event.OriginOf(ctx))
	if b.err != nil {
		return nil, b.err
	}
	return r, s.events.Append(ctx, tx, b.events...)
}

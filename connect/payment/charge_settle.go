package payment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

// settlement is a processor's answer on its way into the books.
type settlement struct {
	charge    string
	intent    string  // of the charge, or ""
	begun     *Charge // the charge as this process has just begun it, or nil: spares reading it again
	result    processor.Result
	claim     *idempotency.Claim // of the request that waits, or nil
	origin    event.Origin
	at        time.Time
	delayDays int64
	// tellCharge answers with the charge even if it has an intent.
	tellCharge bool

	// Decided by settle: what the caller is told.
	object any // wire.Charge or wire.PaymentIntent
	err    error
	answer *idempotency.Response // the same as saved for the key that waits, or nil
}

// settled is one settlement's changes before they are written.
type settled struct {
	*settlement
	charge    *Charge
	released  *wire.Charge // how a charge looked whose reservation was given free
	intent    *Intent      // moved with the charge; nil for a bare charge and for an attempt that a later one has replaced
	shown     *Intent      // the charge's intent, moved or not
	entry     *ledger.Entry
	transfers []*connect.Transfer
	fee       *connect.ApplicationFee
	finished  string // captureKind or voidKind when a reservation comes to its end
}

// settleAll books many answers in one commit. It may run more than once for the
// same settlements; a charge that has an outcome already is left alone.
func (s *Service) settleAll(ctx context.Context, tx bun.Tx, items []*settlement) error {
	work, err := lockSettled(ctx, tx, items)
	if err != nil {
		return err
	}
	var open []*settled
	for _, w := range work {
		if w.err = nil; w.undecided() {
			if err := s.applyResult(w); err != nil {
				return err
			}
			open = append(open, w)
		}
	}
	if err := writeSettled(ctx, tx, open); err != nil {
		return err
	}
	if err := s.tell(ctx, tx, open); err != nil {
		return err
	}
	answer := func() error { return s.answerSettled(ctx, tx, work, open) }
	post := func() error { return s.post(ctx, tx, open) }
	// Posted last, so that the platform's balance, which every charge touches, is locked
	// for one statement and the commit only: the other writer waits for nothing else.
	// An answer that expands its statement line must wait for the posting.
	steps := []func() error{answer, post}
	if slices.ContainsFunc(items, (*settlement).expands) {
		steps = []func() error{post, answer}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (i *settlement) expands() bool { return i.claim != nil && i.claim.Expands }

// lockSettled holds intents, then charges, each in id order.
func lockSettled(ctx context.Context, tx bun.Tx, items []*settlement) ([]*settled, error) {
	var intentIDs []string
	for _, item := range items {
		if item.intent != "" {
			intentIDs = append(intentIDs, item.intent)
		}
	}
	intents, err := lockIntents(ctx, tx, intentIDs)
	if err != nil {
		return nil, err
	}
	charges, err := lockBegun(ctx, tx, items)
	if err != nil {
		return nil, err
	}
	work := make([]*settled, len(items))
	for i, item := range items {
		charge := charges[item.charge]
		if charge == nil {
			return nil, fmt.Errorf("settle: charge %s is gone", item.charge)
		}
		w := &settled{settlement: item, charge: charge, shown: intents[item.intent]}
		if w.shown != nil && w.shown.LatestCharge == charge.ID {
			w.intent = w.shown
		}
		work[i] = w
	}
	return work, nil
}

// lockBegun holds the charges of the items. Those that nobody has touched since this
// process began them are known; only the others are read.
func lockBegun(ctx context.Context, tx bun.Tx, items []*settlement) (map[string]*Charge, error) {
	begun := make(map[string]*Charge, len(items))
	var ids, moved []string
	for _, item := range items {
		if item.begun != nil {
			begun[item.charge] = item.begun
		}
		ids = append(ids, item.charge)
	}
	if len(begun) < len(items) { // in one go, so that all locks are taken in one order
		return lockCharges(ctx, tx, ids)
	}
	untouched, err := lockUntouched(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	charges := make(map[string]*Charge, len(items))
	for id, same := range untouched {
		if c := *begun[id]; same {
			charges[id] = &c // a copy: the item may be settled again
		} else {
			moved = append(moved, id)
		}
	}
	if len(moved) > 0 {
		read, err := lockCharges(ctx, tx, moved)
		if err != nil {
			return nil, err
		}
		maps.Copy(charges, read)
	}
	return charges, nil
}

// undecided reports whether the charge has no outcome yet and the result says
// more than we know. What waits for its payer moves only by a decision, and not
// at all once it was given up.
func (w *settled) undecided() bool {
	switch w.charge.Status {
	case ChargePending:
		return w.result.Status != processor.Absent
	case ChargeRequiresAction:
		return !w.charge.Canceled && w.result.Decided()
	case ChargeSucceeded, ChargeFailed:
	}
	return false
}

// applyResult moves charge and intent to what the processor decided.
func (s *Service) applyResult(w *settled) error {
	switch w.result.Status {
	case processor.Succeeded:
		return s.applySuccess(w)
	case processor.Failed, processor.Voided:
		applyFailure(w, failureOf(w.result))
	case processor.RequiresAction:
		applyAction(w)
	case processor.Processing, processor.Unknown, processor.Absent:
		// The charge stays pending until the processor has decided; see Sweeper.
	}
	return nil
}

func (s *Service) applySuccess(w *settled) error {
	c := w.charge
	c.Status = ChargeSucceeded
	if s.Receipt != nil {
		c.ReceiptURL = optional(s.Receipt(c.ID))
	}
	if w.intent != nil {
		w.intent.LastPaymentError, w.intent.NextAction = nil, nil
	}
	if !w.result.Captured.Positive() {
		if w.intent != nil {
			w.intent.Status, w.intent.AmountCapturable = RequiresCapture, c.Amount
		}
		return nil
	}
	c.MaturesOn = time.Time{}
	if !w.result.AvailableAtOnce {
		c.MaturesOn = maturityDay(w.at, w.delayDays)
	}
	return w.capture(w.result.Captured, w.result.ProcessingFee)
}

// capture splits captured money and drafts everything that moves with it.
func (w *settled) capture(captured, fee money.Amount) error {
	c := w.charge
	c.Captured, c.AmountCaptured, c.ProcessingFee = true, captured.Minor, fee.Minor
	if w.intent != nil {
		w.intent.Status, w.intent.AmountCapturable, w.intent.AmountReceived = Succeeded, 0, captured.Minor
	}
	plan, err := split.ComputeCaptured(c.Terms, c.Total(), captured, fee)
	if err != nil {
		return fmt.Errorf("split %s: %w", c.ID, err)
	}
	application := wire.ApplicationID(c.Platform)
	booked := journal.Charge{
		ID: c.ID, Livemode: c.Livemode, Owner: c.Account, Platform: c.Platform, Amount: captured,
		ProcessingFee: fee.Minor, Description: value(c.Description), At: w.at, MaturesOn: c.MaturesOn,
	}
	if plan.ApplicationFee.Positive() {
		w.fee = newApplicationFee(c, plan, w.at)
		c.ApplicationFee = w.fee.ID
	}
	if c.Direct() {
		booked.Direct = &journal.Direct{
			ApplicationFee: plan.ApplicationFee.Minor, FeeID: c.ApplicationFee, Application: application,
			PlatformPaysProcessor: c.FeePayer == "application",
		}
	}
	for i, leg := range plan.Legs {
		t := newTransfer(c, i, leg, w.at)
		booking := journal.Leg{Transfer: t.ID, Payment: t.DestinationPayment, Destination: leg.Destination, Amount: leg.Amount.Minor}
		if c.Terms.TransferData != nil && w.fee != nil {
			t.ApplicationFee, t.ApplicationFeeAmount = w.fee.ID, w.fee.Amount
			w.fee.Charge = t.DestinationPayment
			booking.ApplicationFee, booking.FeeID, booking.Application = w.fee.Amount, w.fee.ID, application
		}
		w.transfers = append(w.transfers, t)
		booked.Legs = append(booked.Legs, booking)
	}
	if c.Terms.TransferData != nil && len(w.transfers) == 1 {
		c.Transfer = w.transfers[0].ID
	}
	entry := journal.ChargeSucceeded(booked, newLineID)
	w.entry = &entry
	c.BalanceTransaction = entry.LineID("charge", c.ID)
	for _, t := range w.transfers {
		t.BalanceTransaction = entry.LineID("transfer", t.ID)
		t.DestinationBalanceTransaction = entry.LineID("payment", t.DestinationPayment)
	}
	if w.fee != nil {
		w.fee.BalanceTransaction = entry.LineID("application_fee", w.fee.ID)
	}
	return nil
}

func newLineID() string { return id.New("txn") }

func newTransfer(c *Charge, leg int, planned split.Leg, at time.Time) *connect.Transfer {
	metadata := planned.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	t := &connect.Transfer{
		ID: id.New("tr"), Platform: c.Platform, Livemode: c.Livemode,
		Amount: planned.Amount.Minor, Currency: planned.Amount.Currency,
		Destination: planned.Destination, DestinationPayment: id.New("py"), SourceTransaction: c.ID, Leg: leg,
		TransferGroup: c.TransferGroup, MaturesOn: c.MaturesOn, Metadata: metadata, CreatedAt: at, Version: 1,
	}
	if t.TransferGroup == "" {
		t.TransferGroup = "group_" + c.PaymentIntent
		if c.PaymentIntent == "" {
			t.TransferGroup = "group_" + c.ID
		}
	}
	if planned.Description != "" {
		t.Description = &planned.Description
	}
	return t
}

func newApplicationFee(c *Charge, plan split.Plan, at time.Time) *connect.ApplicationFee {
	fee := &connect.ApplicationFee{
		ID: id.New("fee"), Platform: c.Platform, Livemode: c.Livemode, Account: c.Account,
		Amount: plan.ApplicationFee.Minor, Currency: plan.ApplicationFee.Currency, Charge: c.ID,
		MaturesOn: c.MaturesOn, CreatedAt: at, Version: 1,
	}
	if !c.Direct() {
		fee.Account, fee.OriginatingTransaction = plan.Legs[0].Destination, c.ID
	}
	return fee
}

// failureOf is the refusal in a result. A voided reference can no longer
// succeed: the processor has said so.
func failureOf(r processor.Result) processor.Failure {
	if r.Failure != nil {
		return *r.Failure
	}
	return processor.Failure{
		Code: "processing_error", Decline: "processing_error",
		Message: "An error occurred while processing the card. The payment was not taken. Try again in a little bit.",
	}
}

func applyFailure(w *settled, failure processor.Failure) {
	c := w.charge
	c.Status, c.FailureCode, c.DeclineCode, c.FailureMessage = ChargeFailed, failure.Code, failure.Decline, failure.Message
	if w.intent != nil {
		w.intent.Status, w.intent.NextAction = RequiresPaymentMethod, nil
		w.intent.LastPaymentError = &wire.PaymentError{
			Charge: c.ID, Code: failure.Code, DeclineCode: failure.Decline, Message: failure.Message, Type: "card_error",
		}
		w.intent.PaymentMethod = ""
	}
}

// applyAction asks the payer to authenticate. A bare charge has no way to ask:
// it fails with authentication_required.
func applyAction(w *settled) {
	if w.intent == nil {
		applyFailure(w, processor.Failure{
			Code: "card_declined", Decline: "authentication_required",
			Message: "Your card was declined. This transaction requires authentication.",
		})
		return
	}
	w.charge.Status = ChargeRequiresAction
	w.intent.Status, w.intent.NextAction = RequiresAction, nextAction(w.result.Action, w.intent.ReturnURL)
}

// post books the entries of the batch. A charge's entry has no floor, so nothing
// here is refused for lack of funds: an error is a bug and fails only its item.
func (s *Service) post(ctx context.Context, tx bun.Tx, open []*settled) error {
	var entries []ledger.Entry
	for _, w := range open {
		if w.entry != nil {
			entries = append(entries, *w.entry)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	results, err := s.Book.Post(ctx, tx, entries...)
	if err != nil {
		return err
	}
	for i, r := range results {
		if r.Err != nil {
			return fmt.Errorf("book %s: %w", entries[i].Source, r.Err)
		}
	}
	return nil
}

func writeSettled(ctx context.Context, tx bun.Tx, open []*settled) error {
	var charges []*Charge
	var intents []*Intent
	var transfers []*connect.Transfer
	var fees []*connect.ApplicationFee
	for _, w := range open {
		w.charge.Claim = nil
		if w.charge.Status == ChargeSucceeded || w.charge.Status == ChargeFailed {
			w.charge.Version++
		}
		charges = append(charges, w.charge)
		if w.intent != nil {
			w.intent.Version++
			intents = append(intents, w.intent)
		}
		transfers = append(transfers, w.transfers...)
		if w.fee != nil {
			fees = append(fees, w.fee)
		}
	}
	if err := intentTable.Update(ctx, tx, intents, attemptColumns...); err != nil {
		return err
	}
	if err := chargeTable.Update(ctx, tx, charges, settledColumns...); err != nil {
		return err
	}
	if err := connect.InsertTransfers(ctx, tx, transfers); err != nil {
		return err
	}
	return connect.InsertApplicationFees(ctx, tx, fees)
}

// tell appends what happened, in the order a reader expects.
func (s *Service) tell(ctx context.Context, tx bun.Tx, open []*settled) error {
	var events []event.Event
	for _, w := range open {
		told, err := w.events()
		if err != nil {
			return err
		}
		events = append(events, told...)
	}
	return s.events.Append(ctx, tx, events...)
}

func (w *settled) events() ([]event.Event, error) {
	var b eventBatch
	switch {
	case w.finished == captureKind:
		b.charge("charge.captured", w.charge, w.at, w.origin)
	case w.finished == voidKind:
		b.changed("charge.updated", *w.released, w.charge, w.at, w.origin)
	case w.charge.Status == ChargeSucceeded:
		b.charge("charge.succeeded", w.charge, w.at, w.origin)
	case w.charge.Status == ChargeFailed:
		b.charge("charge.failed", w.charge, w.at, w.origin)
	}
	if w.intent != nil {
		b.intent(intentEventType(w.intent), w.intent, w.at, w.origin)
	}
	for _, t := range w.transfers {
		b.add(t.Created(w.origin))
		b.add(t.Arrived(w.origin))
	}
	if w.fee != nil {
		b.add(w.fee.Created(w.origin))
	}
	return b.events, b.err
}

// answerSettled answers the requests that wait, each with its own view.
func (s *Service) answerSettled(ctx context.Context, tx bun.Tx, work, open []*settled) error {
	mine := make(map[*settled]bool, len(open))
	for _, w := range open {
		mine[w] = true
	}
	var answers answers
	for _, w := range work {
		w.settlement.answer = nil
		if w.settlement.object = nil; w.settlement.err == nil {
			w.settlement.object, w.settlement.err = w.told()
		}
		if !mine[w] {
			continue // whoever settled it has answered the key
		}
		answer, err := answers.add(ctx, tx, w.claim, w.settlement.object, w.settlement.err)
		if err != nil {
			return err
		}
		w.settlement.answer = answer
	}
	return answers.save(ctx, tx, s.Keys)
}

// told is what the caller of the attempt is told.
func (w *settled) told() (any, error) {
	if w.charge.Status == ChargeFailed {
		return nil, declined(w.charge, w.shown)
	}
	if w.shown != nil && !w.tellCharge {
		return IntentWire(w.shown), nil
	}
	return ChargeWire(w.charge), nil
}

// reply is the saved answer if a key waited for it, so that replays are equal
// bytes; else the object or error itself.
func (i *settlement) reply() (any, error) {
	if i.answer != nil {
		return *i.answer, nil
	}
	return i.object, i.err
}

// declined is the 402 that carries the stored failed charge.
func declined(c *Charge, intent *Intent) error {
	f := &fault.Error{
		Kind: fault.Declined, Code: c.FailureCode, Decline: c.DeclineCode, Message: c.FailureMessage,
		Param: declineParam(c.FailureCode), Fields: map[string]any{"charge": c.ID},
	}
	if intent != nil {
		f.Fields["payment_intent"] = IntentWire(intent)
	}
	return f
}

// declineParam is the card field the payer should look at.
func declineParam(code string) string {
	switch code {
	case "incorrect_cvc", "invalid_cvc":
		return "cvc"
	case "expired_card":
		return "exp_month"
	case "incorrect_number", "invalid_number":
		return "number"
	}
	return ""
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/connect/split"
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

// capture is the taking or the release of reserved money, on its way: the row
// stands before the processor is asked, so that the sweeper can finish it.
type capture struct {
	bun.BaseModel `bun:"table:connect.captures,alias:capture"`

	ID     string `bun:",pk"`
	Charge string
	Amount int64
	Kind   string // captureKind or voidKind
	Status string // "pending", "succeeded" or "failed"
	Reason string // cancellation_reason of a void
	// AskedOnCharge says that the answer is the charge, though it may have an intent.
	AskedOnCharge bool
	Terms         split.Terms `bun:"type:jsonb"`
	Claim         []byte
	CreatedAt     time.Time
}

const (
	captureKind = "capture"
	voidKind    = "void"
)

// CaptureParams asks to take reserved money.
type CaptureParams struct {
	AmountToCapture           *int64              `form:"amount_to_capture"` // of an intent
	Amount                    *int64              `form:"amount"`            // of a bare charge
	ApplicationFeeAmount      *int64              `form:"application_fee_amount"`
	TransferData              *TransferDataParams `form:"transfer_data"`
	FinalCapture              rest.Ignored        `form:"final_capture"`
	ReceiptEmail              rest.Ignored        `form:"receipt_email"`
	StatementDescriptor       rest.Ignored        `form:"statement_descriptor"`
	StatementDescriptorSuffix rest.Ignored        `form:"statement_descriptor_suffix"`
	TransferGroup             rest.Ignored        `form:"transfer_group"`
	Metadata                  metadata.Patch      `form:"metadata"`
}

// CancelParams asks to give up an intent.
type CancelParams struct {
	CancellationReason string `form:"cancellation_reason"`
}

var cancellationReasons = []string{"", "abandoned", "duplicate", "fraudulent", "requested_by_customer"}

// CaptureIntent takes the money an intent has reserved, once, all or a part;
// the rest is released. It returns a wire.PaymentIntent or an earlier answer.
func (s *Service) CaptureIntent(ctx context.Context, scope tenant.Scope, intentID string, p CaptureParams) (any, error) {
	intent, err := s.GetIntent(ctx, s.Pool, scope, intentID)
	if err != nil {
		return nil, err
	}
	if intent.Status != RequiresCapture {
		return nil, intent.unexpected("capture", "requires_capture")
	}
	return s.finish(ctx, scope, intent.LatestCharge, capture{Kind: captureKind}, func(c *Charge) (int64, split.Terms, error) {
		return captureOf(c, p.AmountToCapture, "amount_to_capture", p)
	})
}

// CaptureCharge takes the money a bare charge has reserved.
func (s *Service) CaptureCharge(ctx context.Context, scope tenant.Scope, charge string, p CaptureParams) (any, error) {
	return s.finish(ctx, scope, charge, capture{Kind: captureKind, AskedOnCharge: true}, func(c *Charge) (int64, split.Terms, error) {
		return captureOf(c, p.Amount, "amount", p)
	})
}

// CancelIntent gives an intent up and releases what it had reserved.
func (s *Service) CancelIntent(ctx context.Context, scope tenant.Scope, intentID string, p CancelParams) (any, error) {
	if !slices.Contains(cancellationReasons, p.CancellationReason) {
		return nil, fault.Invalidf("parameter_invalid", "cancellation_reason", "Invalid cancellation_reason: must be one of duplicate, fraudulent, requested_by_customer, or abandoned")
	}
	intent, err := s.GetIntent(ctx, s.Pool, scope, intentID)
	if err != nil {
		return nil, err
	}
	if err := intent.cancelable(); err != nil {
		return nil, err
	}
	if intent.Status == RequiresAction {
		if err := s.abandonAction(ctx, intent); err != nil {
			return nil, err
		}
	}
	if intent.Status != RequiresCapture {
		return s.cancelUncharged(ctx, scope, intent, p.CancellationReason)
	}
	return s.finish(ctx, scope, intent.LatestCharge, capture{Kind: voidKind, Reason: p.CancellationReason}, func(c *Charge) (int64, split.Terms, error) {
		return 0, c.Terms, nil
	})
}

// captureOf is how much to capture and the terms of it.
func captureOf(c *Charge, wanted *int64, param string, p CaptureParams) (int64, split.Terms, error) {
	amount, terms := c.Amount, c.Terms
	if wanted != nil {
		amount = *wanted
	}
	switch {
	case amount < 1:
		return 0, terms, fault.Invalidf("parameter_invalid_integer", param, "This value must be greater than or equal to 1.")
	case amount > c.Amount:
		return 0, terms, fault.Invalidf("amount_too_large", param, "The requested capture amount (%s) is greater than the authorized amount (%s).", money.New(amount, c.Currency), c.Total())
	}
	if p.ApplicationFeeAmount != nil {
		terms.ApplicationFee = p.ApplicationFeeAmount
	}
	if p.TransferData != nil && p.TransferData.Amount != nil && terms.TransferData != nil {
		terms.TransferData = &split.TransferData{Destination: terms.TransferData.Destination, Amount: p.TransferData.Amount}
	}
	_, err := split.ComputeCaptured(terms, c.Total(), money.New(amount, c.Currency), money.Zero(c.Currency))
	return amount, terms, err
}

// finish captures or voids a reservation in the three steps of a payment.
func (s *Service) finish(ctx context.Context, scope tenant.Scope, charge string, asked capture, decide func(*Charge) (int64, split.Terms, error)) (any, error) {
	claim := idempotency.From(ctx)
	job, replayed, err := s.beginFinish(ctx, scope, charge, asked, claim, decide)
	if replayed != nil || err != nil {
		return replayed, err
	}
	s.Step(asked.Kind + "_begun")

	ctx = context.WithoutCancel(ctx)
	result, err := s.askFinish(ctx, scope.Livemode, job)
	if err != nil {
		return nil, err
	}
	s.Step(asked.Kind + "_authorized")

	item, err := s.settleFinish(ctx, job, result, claim)
	if err != nil {
		return nil, fmt.Errorf("settle %s of %s: %w", asked.Kind, charge, err)
	}
	s.Step(asked.Kind + "_settled")
	return item.reply()
}

func (s *Service) beginFinish(ctx context.Context, scope tenant.Scope, charge string, asked capture, claim *idempotency.Claim,
	decide func(*Charge) (int64, split.Terms, error)) (job *capture, replayed any, err error) {
	port, err := s.processor(scope.Livemode)
	if err != nil {
		return nil, nil, err
	}
	var refused error
	err = db.InTx(ctx, s.Pool, func(ctx context.Context, tx bun.Tx) error {
		job, replayed, refused = nil, nil, nil
		jobID := id.New("capt")
		fresh, earlier, err := s.claim(ctx, tx, claim, jobID)
		if err != nil || !fresh {
			replayed = earlier
			return err
		}
		job, err = draftFinish(ctx, tx, port, scope, charge, asked, decide)
		if fault.As(err) != nil {
			refused = err
			replayed, err = s.refuse(ctx, tx, claim, err)
			return err
		}
		if err != nil {
			return err
		}
		job.ID, job.CreatedAt = jobID, clockOfClaims.Now()
		if claim != nil {
			job.Claim = claim.Hash[:]
		}
		_, err = tx.NewInsert().Model(job).Exec(ctx)
		return err
	})
	switch {
	case db.Constraint(err) == "captures_once":
		return nil, nil, lockTimeout()
	case err == nil && replayed == nil:
		err = refused
	}
	return job, replayed, err
}

func draftFinish(ctx context.Context, tx bun.Tx, port processor.Processor, scope tenant.Scope, charge string, asked capture,
	decide func(*Charge) (int64, split.Terms, error)) (*capture, error) {
	c, err := lockCharge(ctx, tx, scope, charge)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Captured:
		return nil, fault.Invalidf("charge_already_captured", "", "Charge %s has already been captured.", c.ID)
	case c.Canceled:
		return nil, fault.Invalidf("charge_expired_for_capture", "", "The authorization of charge %s has been released and cannot be captured.", c.ID)
	case c.Status != ChargeSucceeded:
		return nil, fault.Invalidf("charge_not_capturable", "", "Charge %s has no authorization to %s.", c.ID, asked.Kind)
	}
	amount, terms, err := decide(c)
	if err != nil {
		return nil, err
	}
	if asked.Kind == captureKind {
		if err := port.Capabilities().CheckCapture(c.Total(), money.New(amount, c.Currency)); err != nil {
			return nil, err
		}
	}
	asked.Charge, asked.Amount, asked.Status, asked.Terms = c.ID, amount, "pending", terms
	return &asked, nil
}

// askFinish asks the processor. Its refusal is an end; any other error leaves the outcome unknown.
func (s *Service) askFinish(ctx context.Context, livemode bool, job *capture) (processor.Result, error) {
	port, err := s.processor(livemode)
	if err != nil {
		return processor.Result{}, err
	}
	ctx, answered := context.WithTimeout(ctx, processorTimeout)
	defer answered()
	var result processor.Result
	if job.Kind == voidKind {
		result, err = port.Void(ctx, job.Charge)
	} else {
		var c *chargeRow
		if c, err = s.chargeByID(ctx, job.Charge); err != nil {
			return result, err
		}
		result, err = port.Capture(ctx, processor.CaptureRequest{Reference: job.Charge, Amount: money.New(job.Amount, c.Currency)})
	}
	if err != nil {
		s.Log.ErrorContext(ctx, job.Kind, "charge", job.Charge, "error", err)
		result = processor.Result{Status: processor.Unknown}
		if refused(err) {
			result.Status = processor.Failed
		}
	}
	return result, nil
}

// capturesOpen lists captures and voids with no outcome asked for before the given
// time and after the last one of the page before, nil for the first page.
func capturesOpen(ctx context.Context, idb bun.IDB, before time.Time, last *capture, limit int) ([]*capture, error) {
	var open []*capture
	q := idb.NewSelect().Model(&open).Where("status = 'pending'").Where("created_at < ?", before)
	if last != nil {
		q = q.Where("(created_at, id) > (?, ?)", last.CreatedAt, last.ID)
	}
	err := q.Order("created_at", "id").Limit(int64(limit)).Scan(ctx)
	return open, err
}

func (s *Service) chargeByID(ctx context.Context, id string) (*chargeRow, error) {
	row := new(chargeRow)
	err := s.Pool.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
	return row, err
}

// settleFinish books what the processor decided about a capture or void.
func (s *Service) settleFinish(ctx context.Context, job *capture, result processor.Result, claim *idempotency.Claim) (*settlement, error) {
	row, err := s.chargeByID(ctx, job.Charge)
	if err != nil {
		return nil, err
	}
	owner, err := s.Accounts.Lookup(ctx, row.Scope(), row.Account)
	if err != nil {
		return nil, err
	}
	item := &settlement{
		charge: job.Charge, intent: row.PaymentIntent, result: result, claim: claim, origin: event.OriginOf(ctx),
		at: s.Clocks.For(row.Livemode).Now(), delayDays: owner.DelayDays, tellCharge: job.AskedOnCharge,
	}
	err = db.InTx(ctx, s.Pool, func(ctx context.Context, tx bun.Tx) error {
		work, err := lockSettled(ctx, tx, []*settlement{item})
		if err != nil {
			return err
		}
		open, err := applyFinish(ctx, tx, job.ID, work[0])
		if err != nil {
			return err
		}
		if err := s.post(ctx, tx, open); err != nil {
			return err
		}
		if err := writeSettled(ctx, tx, open); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, open); err != nil {
			return err
		}
		return s.answerSettled(ctx, tx, work, work)
	})
	return item, err
}

// applyFinish moves the job, and with it charge and intent; an unknown outcome
// moves nothing but answers the caller with the present state.
func applyFinish(ctx context.Context, tx bun.Tx, jobID string, w *settled) ([]*settled, error) {
	job := new(capture)
	if err := tx.NewSelect().Model(job).Where("id = ?", jobID).For("UPDATE").Scan(ctx); err != nil {
		return nil, err
	}
	if job.Status != "pending" {
		return nil, nil
	}
	var open []*settled
	switch {
	case job.Kind == captureKind && w.result.Status == processor.Succeeded && w.result.Captured.Positive():
		job.Status, w.charge.Terms, w.finished = "succeeded", job.Terms, captureKind
		w.charge.MaturesOn = time.Time{}
		if !w.result.AvailableAtOnce {
			w.charge.MaturesOn = maturityDay(w.at, w.delayDays)
		}
		if err := w.capture(w.result.Captured, w.result.ProcessingFee); err != nil {
			return nil, err
		}
		open = []*settled{w}
	case job.Kind == voidKind && w.result.Status == processor.Voided:
		before := ChargeWire(w.charge)
		job.Status, w.finished, w.released = "succeeded", voidKind, &before
		w.charge.Canceled = true
		if w.intent != nil {
			w.intent.cancel(job.Reason, w.at)
		}
		open = []*settled{w}
	case w.result.Status == processor.Unknown || w.result.Status == processor.Processing:
	default:
		job.Status = "failed"
		w.err = failedFinish(job, w.result)
	}
	job.Claim = nil
	_, err := tx.NewUpdate().Model(job).Column("status", "claim").WherePK().Exec(ctx)
	return open, err
}

func failedFinish(job *capture, result processor.Result) error {
	if result.Failure != nil {
		return &fault.Error{Kind: fault.Declined, Code: result.Failure.Code, Decline: result.Failure.Decline, Message: result.Failure.Message, Fields: map[string]any{"charge": job.Charge}}
	}
	return fault.Invalidf("charge_expired_for_capture", "", "The processor could not %s charge %s: its authorization is no longer open.", job.Kind, job.Charge)
}

func (i *Intent) cancel(reason string, at time.Time) {
	i.Status, i.AmountCapturable, i.CanceledAt, i.NextAction = Canceled, 0, at, nil
	i.CancellationReason = optional(reason)
}

// cancelUncharged gives up an intent that holds no money and has not moved since it was read.
func (s *Service) cancelUncharged(ctx context.Context, scope tenant.Scope, before *Intent, reason string) (any, error) {
	claim := idempotency.From(ctx)
	var reply any
	var refused error
	err := db.InTx(ctx, s.Pool, func(ctx context.Context, tx bun.Tx) error {
		reply, refused = nil, nil
		fresh, earlier, err := s.claim(ctx, tx, claim, before.ID)
		if err != nil || !fresh {
			reply = earlier
			return err
		}
		intent, err := lockIntent(ctx, tx, scope, before.ID)
		if err == nil {
			err = intent.cancelable()
		}
		if err == nil && (intent.Status != before.Status || intent.LatestCharge != before.LatestCharge) {
			err = lockTimeout()
		}
		if fault.As(err) != nil {
			refused = err
			reply, err = s.refuse(ctx, tx, claim, err)
			return err
		}
		if err != nil {
			return err
		}
		if before.Status == RequiresAction {
			if err := giveUp(ctx, tx, before.LatestCharge); err != nil {
				return err
			}
		}
		at := s.Clocks.For(scope.Livemode).Now()
		intent.cancel(reason, at)
		intent.Version++
		if err := intentTable.Update(ctx, tx, []*Intent{intent}, attemptColumns...); err != nil {
			return err
		}
		canceled, err := intentEvent("payment_intent.canceled", intent, at, event.OriginOf(ctx))
		if err != nil {
			return err
		}
		if err := s.events.Append(ctx, tx, canceled); err != nil {
			return err
		}
		reply = IntentWire(intent)
		var answers answers
		answer, err := answers.add(ctx, tx, claim, reply, nil)
		if err != nil {
			return err
		}
		if answer != nil {
			reply = *answer
		}
		return answers.save(ctx, tx, s.Keys)
	})
	if err == nil && reply == nil {
		err = refused
	}
	return reply, err
}

package payment

import (
	"context"
	"reflect"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
)

// attempt is one try to take a payment, on its way through begin.
type attempt struct {
	claim  *idempotency.Claim
	origin event.Origin
	at     time.Time
	method Method  // kept with the payment if it is new
	charge *Charge // nil when an intent is only created
	intent *Intent // what it will be after begin; nil for a bare charge
	before *Intent // what it was when read; nil for a new intent

	// Decided by begin.
	outcome idempotency.Outcome
	err     error
	answer  *idempotency.Response // of an intent only created, if a key waits for it
}

func (a *attempt) livemode() bool {
	if a.intent != nil {
		return a.intent.Livemode
	}
	return a.charge.Livemode
}

// beginAll commits the start of many payments: their keys are claimed and their
// charges stand as pending. It may run more than once for the same attempts.
func (s *Service) beginAll(ctx context.Context, tx bun.Tx, attempts []*attempt) error {
	claims := make([]*idempotency.Claim, len(attempts))
	for i, a := range attempts {
		claims[i] = a.claim
	}
	outcomes, err := s.Keys.ClaimMany(ctx, tx, clockOfClaims.Now(), claims)
	if err != nil {
		return err
	}
	var fresh []*attempt
	for i, a := range attempts {
		if a.outcome, a.err, a.answer = outcomes[i], nil, nil; a.outcome.State == idempotency.Fresh {
			fresh = append(fresh, a)
		}
	}
	started, err := s.decideBegin(ctx, tx, fresh)
	if err != nil {
		return err
	}
	return s.writeBegin(ctx, tx, started)
}

// decideBegin refuses attempts on intents that have moved since they were read,
// answers their keys, and returns the rest.
func (s *Service) decideBegin(ctx context.Context, tx bun.Tx, fresh []*attempt) ([]*attempt, error) {
	var ids []string
	for _, a := range fresh {
		if a.before != nil {
			ids = append(ids, a.before.ID)
		}
	}
	locked, err := lockIntents(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool)
	var started []*attempt
	var answers answers
	for _, a := range fresh {
		if a.before != nil && (taken[a.before.ID] || !reflect.DeepEqual(locked[a.before.ID], a.before)) {
			a.err = lockTimeout()
			if _, err := answers.add(ctx, tx, a.claim, nil, a.err); err != nil {
				return nil, err
			}
			continue
		}
		if a.before != nil {
			taken[a.before.ID] = true
		}
		started = append(started, a)
	}
	return started, answers.save(ctx, tx, s.Keys)
}

func (s *Service) writeBegin(ctx context.Context, tx bun.Tx, started []*attempt) error {
	var charges []*Charge
	var created, confirmed []*Intent
	methods := make(map[bool][]Method) // by mode: each has its own time
	var abandoned []string
	var events []event.Event
	for _, a := range started {
		methods[a.livemode()] = append(methods[a.livemode()], a.method)
		if a.charge != nil {
			charges = append(charges, a.charge)
		}
		switch {
		case a.intent == nil:
		case a.before == nil:
			created = append(created, a.intent)
			e, err := intentEvent("payment_intent.created", a.intent, a.at, a.origin)
			if err != nil {
				return err
			}
			events = append(events, e)
		default:
			confirmed = append(confirmed, a.intent)
			if a.before.Status == RequiresAction {
				abandoned = append(abandoned, a.before.LatestCharge)
			}
		}
	}
	if err := giveUp(ctx, tx, abandoned...); err != nil {
		return err
	}
	for livemode, made := range methods {
		if err := s.Methods.Keep(ctx, tx, s.Clocks.For(livemode).Now(), made...); err != nil {
			return err
		}
	}
	if err := intentTable.Insert(ctx, tx, created); err != nil {
		return err
	}
	if err := intentTable.Update(ctx, tx, confirmed, attemptColumns...); err != nil {
		return err
	}
	if err := chargeTable.Insert(ctx, tx, charges); err != nil {
		return err
	}
	if err := s.events.Append(ctx, tx, events...); err != nil {
		return err
	}
	return s.answerCreated(ctx, tx, started)
}

// answerCreated answers requests that end with begin: intents made for later.
func (s *Service) answerCreated(ctx context.Context, tx bun.Tx, started []*attempt) error {
	var answers answers
	for _, a := range started {
		if a.charge != nil {
			continue
		}
		answer, err := answers.add(ctx, tx, a.claim, IntentWire(a.intent), nil)
		if err != nil {
			return err
		}
		a.answer = answer
	}
	return answers.save(ctx, tx, s.Keys)
}

// lockTimeout is Stripe's answer to two requests that change one object; SDKs retry it.
func lockTimeout() error {
	return &fault.Error{
		Kind: fault.Conflict, Code: "lock_timeout", Unsaved: true,
		Message: "This object cannot be accessed right now because another API request or process is currently accessing it. Please try again.",
	}
}

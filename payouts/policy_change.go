package payouts

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ChangeStatus is what became of a change of a policy.
type ChangeStatus string

// The states of a change. One that protects less waits for a second actor while
// payouts need two; a later one takes its place.
//
//	applied
//	pending ──► applied      by another actor
//	   ├──────► refused      by anybody
//	   └──────► superseded   by a later change that waits
const (
	ChangeApplied    ChangeStatus = "applied"
	ChangePending    ChangeStatus = "pending"
	ChangeRefused    ChangeStatus = "refused"
	ChangeSuperseded ChangeStatus = "superseded"
)

// PolicyChange is one change of a policy, done or asked for.
type PolicyChange struct {
	ID          string // pchg_…
	Platform    string
	Livemode    bool
	Status      ChangeStatus
	Patch       PolicyParams `bun:"type:jsonb"`
	Before      Rules        `bun:"type:jsonb"`
	After       Rules        `bun:"type:jsonb"`
	RequestedBy string
	RequestedAt time.Time
	DecidedBy   string
	DecidedAt   time.Time `bun:",nullzero"`
}

// GetPolicy is the platform's policy and the change that waits, or nil.
func (s *Service) GetPolicy(ctx context.Context, idb bun.IDB, scope tenant.Scope) (*Policy, *PolicyChange, error) {
	policy, err := readPolicy(ctx, idb, scope, false)
	if err != nil {
		return nil, nil, err
	}
	waits, err := waitingChange(ctx, idb, scope)
	return policy, waits, err
}

// ChangePolicy lays params over the rules. A change that protects less than the
// rules do, while payouts over an amount need two people, is kept until another
// actor agrees to it.
func (s *Service) ChangePolicy(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor string, params PolicyParams) (*Policy, *PolicyChange, error) {
	now := s.cfg.Clocks.For(scope.Livemode).Now()
	policy, err := readPolicy(ctx, tx, scope, true)
	if err != nil {
		return nil, nil, err
	}
	waits, err := waitingChange(ctx, tx, scope)
	if err != nil {
		return nil, nil, err
	}
	if policy.Version == 0 && params.Timezone == "" {
		if params.Timezone, err = s.zoneOf(ctx, tx, scope); err != nil {
			return nil, nil, err
		}
	}
	next, err := policy.Rules.with(params)
	if err != nil || next.equal(policy.Rules) {
		return policy, waits, err
	}
	change := &PolicyChange{
		ID: id.New("pchg"), Platform: scope.Platform, Livemode: scope.Livemode, Patch: params,
		Before: policy.Rules, After: next, RequestedBy: actor, RequestedAt: now,
	}
	if len(policy.Rules.ApprovalOver) > 0 && policy.Rules.weaker(next) {
		if waits != nil {
			waits.decide(ChangeSuperseded, actor, now)
			if err := saveChange(ctx, tx, waits); err != nil {
				return nil, nil, err
			}
		}
		change.Status = ChangePending
		return policy, change, insertChange(ctx, tx, change)
	}
	change.decide(ChangeApplied, actor, now)
	if err := insertChange(ctx, tx, change); err != nil {
		return nil, nil, err
	}
	return policy, waits, s.applyRules(ctx, tx, policy, next, now)
}

// zoneOf is the platform's own time zone: what it says first is said in that.
func (s *Service) zoneOf(ctx context.Context, idb bun.IDB, scope tenant.Scope) (string, error) {
	payable, err := s.cfg.Accounts.Payable(ctx, idb, scope.For(scope.Platform))
	if err != nil || payable.Schedule.Zone == nil {
		return "", err
	}
	return payable.Schedule.Zone.String(), nil
}

// ApproveChange lets the change that waits become the rules. What has been
// tightened meanwhile stays as tight as it is where the change does not speak of it.
func (s *Service) ApproveChange(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor string) (*Policy, error) {
	return s.decideChange(ctx, tx, scope, func(policy *Policy, change *PolicyChange, now time.Time) error {
		if change.RequestedBy == actor {
			return &fault.Error{Kind: fault.Forbidden, Code: "four_eyes",
				Message: "Whoever asked for the change cannot approve it. Another person has to."}
		}
		next, err := policy.Rules.with(change.Patch)
		if err != nil {
			return err
		}
		change.Before, change.After = policy.Rules, next
		change.decide(ChangeApplied, actor, now)
		return s.applyRules(ctx, tx, policy, next, now)
	})
}

// RefuseChange drops the change that waits. One actor is enough.
func (s *Service) RefuseChange(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor string) (*Policy, error) {
	return s.decideChange(ctx, tx, scope, func(_ *Policy, change *PolicyChange, now time.Time) error {
		change.decide(ChangeRefused, actor, now)
		return nil
	})
}

func (s *Service) decideChange(ctx context.Context, tx bun.Tx, scope tenant.Scope, how func(*Policy, *PolicyChange, time.Time) error) (*Policy, error) {
	policy, err := readPolicy(ctx, tx, scope, true)
	if err != nil {
		return nil, err
	}
	change, err := waitingChange(ctx, tx, scope)
	if err != nil {
		return nil, err
	}
	if change == nil {
		return nil, fault.Invalidf("payout_policy_unchanged", "", "No change of the payout policy waits for approval.")
	}
	if err := how(policy, change, s.cfg.Clocks.For(scope.Livemode).Now()); err != nil {
		return nil, err
	}
	return policy, saveChange(ctx, tx, change)
}

func (c *PolicyChange) decide(status ChangeStatus, actor string, at time.Time) {
	c.Status, c.DecidedBy, c.DecidedAt = status, actor, at
}

// applyRules writes the next version of a locked policy and tells it.
func (s *Service) applyRules(ctx context.Context, tx bun.Tx, policy *Policy, next Rules, now time.Time) error {
	before := policy.Wire(nil)
	policy.Rules, policy.UpdatedAt = next, now
	policy.Version++
	if err := savePolicy(ctx, tx, policy); err != nil {
		return err
	}
	e, err := policy.event(before)
	if err != nil {
		return err
	}
	return s.cfg.Events.Append(ctx, tx, e)
}

package payouts

import (
	"encoding/json"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the policy as our extension of the API shows it; waits is the change
// that waits for a second actor, or nil.
func (p *Policy) Wire(waits *PolicyChange) wire.PayoutPolicy {
	w := wire.PayoutPolicy{Object: "payout_policy", Livemode: p.Livemode, PayoutRules: p.Rules.wire()}
	if p.Version > 0 {
		w.ID, w.Updated = wire.Nullable(p.ID), wire.NullableUnix(p.UpdatedAt)
	}
	if waits != nil {
		change := waits.Wire()
		w.PendingChange = &change
	}
	return w
}

func (r Rules) wire() wire.PayoutRules {
	return wire.PayoutRules{
		ApprovalOver: amounts(r.ApprovalOver), CoolingOffHours: r.CoolingOffHours, DailyLimit: amounts(r.DailyLimit),
		MinimumPayout: amounts(r.MinimumPayout), Timezone: r.Timezone,
	}
}

func amounts(by map[money.Currency]int64) map[string]int64 {
	shown := make(map[string]int64, len(by))
	for currency, amount := range by {
		shown[string(currency)] = amount
	}
	return shown
}

// Wire is the change as our extension of the API shows it.
func (c *PolicyChange) Wire() wire.PayoutPolicyChange {
	return wire.PayoutPolicyChange{
		ID: c.ID, Object: "payout_policy_change", After: c.After.wire(), Before: c.Before.wire(), DecidedAt: wire.NullableUnix(c.DecidedAt),
		DecidedBy: wire.Nullable(c.DecidedBy), Livemode: c.Livemode, RequestedAt: wire.Unix(c.RequestedAt), RequestedBy: c.RequestedBy,
		Status: string(c.Status),
	}
}

// event tells what the rules have become; before is how the API showed them.
func (p *Policy) event(before wire.PayoutPolicy) (event.Event, error) {
	object, err := json.Marshal(p.Wire(nil))
	if err != nil {
		return event.Event{}, err
	}
	previous, err := json.Marshal(before.PayoutRules)
	return event.Event{
		Type: "payout_policy.updated", Account: p.Platform, Platform: p.Platform, Livemode: p.Livemode, ObjectID: p.ID,
		ObjectVersion: p.Version, Object: object, Previous: previous, CreatedAt: p.UpdatedAt,
	}, err
}

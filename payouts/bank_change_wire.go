package payouts

import (
	"encoding/json"
	"time"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the notice as our extension of the API shows it, with what was said of it
// where that was asked for. Of a number only the last digits are shown.
func (c *BankChange) Wire(said ...BankOpinion) wire.PayoutBankChange {
	number := c.said.Number.Reveal()
	w := wire.PayoutBankChange{
		ID: c.ID, Object: "payout_bank_change", AcceptedBy: wire.Nullable(c.FirstBy), Account: wire.To(c.Account), ApplyBy: wire.Unix(c.ApplyBy),
		Code: c.Code, Created: wire.Unix(c.CreatedAt), DecidedAt: wire.NullableUnix(c.DecidedAt), DecidedBy: wire.Nullable(c.DecidedBy),
		Destination: wire.To(c.Destination), Livemode: c.Livemode, Payout: wire.To(c.Payout), Replacement: wire.To(c.Replacement), Status: string(c.Status),
		Corrected: wire.CorrectedBankAccount{
			AccountHolderName: wire.Nullable(c.said.Holder), AccountType: wire.Nullable(c.said.AccountType),
			Last4: wire.Nullable(number[max(0, len(number)-4):]), RoutingNumber: wire.Nullable(c.said.Routing),
		},
	}
	for _, o := range said {
		w.Opinions = append(w.Opinions, wire.PayoutBankOpinion{
			Actor: o.Actor, Created: wire.Unix(o.At), Decision: o.Decision, Refusal: wire.Nullable(o.Refusal),
		})
	}
	return w
}

// event tells the platform: whether to believe its bank is its own business.
func (c *BankChange) event(kind string, at time.Time, before map[string]any) (event.Event, error) {
	object, err := json.Marshal(c.Wire())
	if err != nil {
		return event.Event{}, err
	}
	var previous json.RawMessage
	if before != nil {
		if previous, err = json.Marshal(before); err != nil {
			return event.Event{}, err
		}
	}
	return event.Event{
		Type: kind, Account: c.Platform, Platform: c.Platform, Livemode: c.Livemode, ObjectID: c.ID,
		ObjectVersion: c.Version, Object: object, Previous: previous, CreatedAt: at,
	}, nil
}

package payouts

import (
	"encoding/json"
	"time"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the hold as our extension of the API shows it.
func (h *Hold) Wire() wire.PayoutHold {
	status := "active"
	if !h.ReleasedAt.IsZero() {
		status = "released"
	}
	return wire.PayoutHold{
		ID: h.ID, Object: "payout_hold", Account: h.Account, Created: wire.Unix(h.CreatedAt), CreatedBy: h.CreatedBy,
		ExpiresAt: wire.NullableUnix(h.ExpiresAt), Livemode: h.Livemode, Payout: wire.To(h.Payout), Reason: h.Reason,
		ReleasedAt: wire.NullableUnix(h.ReleasedAt), ReleasedBy: wire.Nullable(h.ReleasedBy), Status: status,
	}
}

// event tells the platform: why a payout is held is its own business.
func (h *Hold) event(kind string, at time.Time) (event.Event, error) {
	object, err := json.Marshal(h.Wire())
	return event.Event{
		Type: kind, Account: h.Platform, Platform: h.Platform, Livemode: h.Livemode, ObjectID: h.ID,
		ObjectVersion: h.Version, Object: object, CreatedAt: at,
	}, err
}

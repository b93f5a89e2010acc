package webhook

import "github.com/sluicepay/sluice/platform/wire"

// Wire is the replay as the API shows it.
func (r Replay) Wire() wire.WebhookReplay {
	w := wire.WebhookReplay{
		ID: wire.Nullable(r.ID), Object: "webhook_replay", Created: wire.Unix(r.CreatedAt),
		DeliveryCreated: wire.WebhookReplayCreated{GTE: wire.NullableUnix(r.CreatedFrom), LTE: wire.NullableUnix(r.CreatedUntil)},
		DryRun:          r.ID == "", EndedAt: wire.NullableUnix(r.EndedAt), Livemode: r.Livemode, Percent: r.Percent(),
		RateLimit: wire.Nullable(r.RateLimit), Replayed: r.Replayed, Status: string(r.Status), Statuses: r.statuses(),
		Total: r.Total, Types: append([]string{}, r.Types...), WebhookEndpoint: r.Endpoint,
	}
	if w.DryRun {
		w.Status, w.Percent = "dry_run", 0
	}
	return w
}

package payouts

import (
	"encoding/hex"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the batch as lists show it.
func (b *Batch) Wire() wire.PayoutBatch {
	w := wire.PayoutBatch{
		ID: b.ID, Object: "payout_batch", Amount: b.Total, Count: b.Count, Created: wire.Unix(b.CreatedAt), Currency: string(b.Currency),
		DeliveredAt: wire.NullableUnix(b.DeliveredAt), ExecutionDate: wire.Unix(b.ExecuteOn),
		File:     wire.PayoutBatchFile{Name: b.File, SHA256: hex.EncodeToString(b.SHA256), Size: b.Size},
		Livemode: b.Livemode, Method: Standard, Number: b.Number, Rail: b.Rail, Status: string(b.Status),
	}
	if b.Debit {
		w.Amount = -b.Total
	}
	if b.Instant {
		w.Method = Instant
	}
	return w
}

// Detail is the batch with its attempts and what people say of the last one.
func (b *Batch) Detail(uploads []Upload, votes []Vote) wire.PayoutBatch {
	w := b.Wire()
	for _, u := range uploads {
		w.Uploads = append(w.Uploads, wire.PayoutBatchUpload{
			ID: u.ID, BegunAt: wire.Unix(u.BegunAt), EndedAt: wire.NullableUnix(u.EndedAt), Error: wire.Nullable(u.Error),
			FoundBy: wire.Nullable(u.FoundBy), Note: wire.Nullable(u.Note), Outcome: string(u.Outcome),
		})
	}
	for _, v := range votes {
		w.Resolutions = append(w.Resolutions, wire.PayoutBatchVote{APIKey: v.Actor, Created: wire.Unix(v.VotedAt), Outcome: v.Outcome})
	}
	return w
}

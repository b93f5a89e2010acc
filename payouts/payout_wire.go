package payouts

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the payout as the API shows it.
func (p *Payout) Wire() wire.Payout {
	return wire.Payout{
		ID: p.ID, Object: "payout", Amount: p.Amount, ArrivalDate: wire.Unix(p.ArrivalDate), Automatic: p.Automatic,
		BalanceTransaction: wire.To(p.BalanceTransaction), Created: wire.Unix(p.CreatedAt), Currency: string(p.Currency),
		Description: p.Description, Destination: wire.To(p.Destination),
		FailureBalanceTransaction: wire.To(p.FailureBalanceTransaction), FailureCode: wire.Nullable(p.FailureCode),
		FailureMessage: wire.Nullable(p.FailureMessage), Livemode: p.Livemode, Metadata: p.Metadata, Method: p.Method,
		ReconciliationStatus: "completed", SourceType: "card", StatementDescriptor: p.StatementDescriptor,
		Status: string(p.Status), TraceID: p.trace(), Type: "bank_account",
		OriginalPayout: wire.To(p.OriginalPayout), ReversedBy: wire.To(p.ReversedBy),
		Account: wire.To(p.Account), Approval: wire.Nullable(string(p.Approval)), Batch: wire.Nullable(p.Batch), OnHold: p.Held, PayoutRun: wire.Nullable(p.Run),
		Rail: p.Rail, Recall: wire.Nullable(string(p.Recall)), RetriedBy: wire.To(p.RetriedBy), RetryOf: wire.To(p.RetryOf),
		Split: p.split(),
	}
}

func (p *Payout) split() *wire.PayoutSplit {
	if p.Share == 0 {
		return nil
	}
	return &wire.PayoutSplit{Percent: p.Share.String(), Siblings: append([]string{}, p.Siblings...)}
}

func (p *Payout) trace() wire.PayoutTraceID {
	switch {
	case p.Status == Pending || p.Status == InTransit:
		return wire.PayoutTraceID{Status: "pending"}
	case p.TraceID == "":
		return wire.PayoutTraceID{Status: "unsupported"}
	}
	return wire.PayoutTraceID{Status: "supported", Value: &p.TraceID}
}

// event tells a change of the payout; its version is the payout's. before holds
// the old values of an update.
func (p *Payout) event(kind string, at time.Time, before map[string]any) (event.Event, error) {
	object, err := json.Marshal(p.Wire())
	if err != nil {
		return event.Event{}, fmt.Errorf("render payout: %w", err)
	}
	var previous json.RawMessage
	if before != nil {
		if previous, err = json.Marshal(before); err != nil {
			return event.Event{}, fmt.Errorf("render payout: %w", err)
		}
	}
	return event.Event{
		Type: kind, Account: p.Account, Platform: p.Platform, Livemode: p.Livemode, ObjectID: p.ID,
		ObjectVersion: p.Version, Object: object, Previous: previous, CreatedAt: at,
	}, nil
}

package connect

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// RecoveryStatus is how far a pending reversal has come.
type RecoveryStatus string

// The states of a pending reversal; it is open in the first two.
const (
	RecoveryPending   RecoveryStatus = "pending"
	RecoveryPartial   RecoveryStatus = "partially_recovered"
	RecoveryDone      RecoveryStatus = "recovered"
	RecoveryCanceled  RecoveryStatus = "canceled"
	openRecoveriesSQL                = "status IN ('pending', 'partially_recovered')"
)

// PendingReversal takes a transfer back from an account that does not have the
// money: what becomes available there is taken to the cent until it has all. Of
// several for one account and currency the oldest takes all it needs first.
// Meanwhile nothing of what they still need is paid out (Claimed).
type PendingReversal struct {
	ID                   string `bun:",pk"` // prv_…; ids of later ones are greater
	Platform             string
	Livemode             bool
	Transfer             string
	Destination          string
	Amount               int64
	AmountRecovered      int64
	Currency             money.Currency
	RefundApplicationFee bool
	Status               RecoveryStatus
	Metadata             map[string]string `bun:"type:jsonb"`
	CreatedAt            time.Time
	ClosedAt             time.Time `bun:",nullzero"`
	Version              int64
}

// Open reports whether it still takes money.
func (p *PendingReversal) Open() bool { return p.ClosedAt.IsZero() }

// Purse is where the money is to come from.
func (p *PendingReversal) Purse() balance.Purse {
	return balance.Purse{Livemode: p.Livemode, Account: p.Destination, Currency: p.Currency}
}

// Scope is the platform's view, where it lives.
func (p *PendingReversal) Scope() tenant.Scope {
	return tenant.Scope{Platform: p.Platform, Account: p.Platform, Livemode: p.Livemode}
}

// wait makes a pending reversal of r, which found too little, and takes what there is.
func (s *TransferService) wait(ctx context.Context, tx bun.Tx, t *Transfer, r *Reversal, fee bool) (*PendingReversal, error) {
	p := &PendingReversal{
		ID: id.New("prv"), Platform: t.Platform, Livemode: t.Livemode, Transfer: t.ID, Destination: t.Destination, Amount: r.Amount,
		Currency: t.Currency, RefundApplicationFee: fee, Status: RecoveryPending, Metadata: r.Metadata, CreatedAt: r.CreatedAt, Version: 1,
	}
	if err := insertPending(ctx, tx, p); err != nil {
		return nil, err
	}
	if err := s.tellPending(ctx, tx, p, "pending_reversal.created", p.CreatedAt, nil); err != nil {
		return nil, err
	}
	_, err := s.recover(ctx, tx, t, p, p.CreatedAt)
	return p, err
}

// CancelPending ends a pending reversal; what it has recovered stays recovered.
func (s *TransferService) CancelPending(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string) (*PendingReversal, error) {
	p, err := lockPending(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	if !p.Open() {
		return nil, fault.Invalidf("", "", "The pending reversal %s is %s: only open ones can be canceled.", p.ID, p.Status)
	}
	p.Status, p.ClosedAt = RecoveryCanceled, s.Clocks.For(p.Livemode).Now()
	return p, s.savePending(ctx, tx, p, "pending_reversal.canceled", p.ClosedAt, nil)
}

// UpdatePending changes the metadata of a pending reversal. It is no change that others hear of.
func (s *TransferService) UpdatePending(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string, patch metadata.Patch) (*PendingReversal, error) {
	if err := checkWords(nil, patch); err != nil {
		return nil, err
	}
	p, err := lockPending(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	if p.Metadata, err = patch.Apply(p.Metadata); err != nil {
		return nil, err
	}
	return p, updatePending(ctx, tx, p)
}

// savePending writes the next version of a locked pending reversal and tells it.
func (s *TransferService) savePending(ctx context.Context, tx bun.Tx, p *PendingReversal, kind string, at time.Time, previous json.RawMessage) error {
	p.Version++
	if err := updatePending(ctx, tx, p); err != nil {
		return err
	}
	return s.tellPending(ctx, tx, p, kind, at, previous)
}

// tellPending tells a version; previous is what an update replaced.
func (s *TransferService) tellPending(ctx context.Context, tx bun.Tx, p *PendingReversal, kind string, at time.Time, previous json.RawMessage) error {
	e, err := newEvent(kind, p.Scope(), p.ID, p.Version, PendingReversalWire(p), at, event.OriginOf(ctx))
	if err != nil {
		return err
	}
	e.Previous = previous
	return s.events.Append(ctx, tx, e)
}

// PendingReversalWire is the pending reversal as the API shows it.
func PendingReversalWire(p *PendingReversal) wire.PendingReversal {
	return wire.PendingReversal{
		ID: p.ID, Object: "pending_reversal", Account: wire.To(p.Destination), Amount: p.Amount, AmountRecovered: p.AmountRecovered,
		ClosedAt: wire.NullableUnix(p.ClosedAt), Created: wire.Unix(p.CreatedAt), Currency: string(p.Currency), Livemode: p.Livemode,
		Metadata: p.Metadata, RefundApplicationFee: p.RefundApplicationFee, Status: string(p.Status), Transfer: wire.To(p.Transfer),
	}
}

package payment

import (
	"slices"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// RefundPreviewWire is the preview as the API shows it to scope.
func RefundPreviewWire(scope tenant.Scope, p RefundPreview) wire.RefundPreview {
	r, c := p.Refund, p.Charge
	w := wire.RefundPreview{
		Object: "refund_preview", Amount: r.Amount, AmountRefundable: p.Left + r.Amount, AmountRefundableAfter: p.Left,
		ApplicationFeeRefunded: p.FeeBack, Charge: wire.To(c.ID), Currency: string(c.Currency), Entries: []wire.RefundPreviewEntry{},
		Livemode: c.Livemode, Parties: parties(scope, p.Ledger), PaymentIntent: wire.To(c.PaymentIntent),
		RefundApplicationFee: r.RefundApplicationFee, ReverseTransfer: r.ReverseTransfer, Reversals: []wire.RefundPreviewReversal{},
	}
	if p.Fee != nil {
		w.ApplicationFee = wire.To(p.Fee.ID)
	}
	for _, leg := range p.Reversals {
		w.Reversals = append(w.Reversals, wire.RefundPreviewReversal{
			Amount: leg.Amount, AmountLeft: leg.Transfer.Reversible(), Destination: leg.Transfer.Destination, Transfer: wire.To(leg.Transfer.ID),
		})
	}
	for _, record := range p.Ledger.Records {
		entry := wire.RefundPreviewEntry{Kind: record.Kind, Postings: []wire.LedgerPosting{}}
		for _, posting := range record.Postings {
			place := posting.Place
			if scope.Connected() && place.Account.Owner != scope.Account {
				continue
			}
			shown := wire.LedgerPosting{Account: string(place.Account.Kind), Owner: place.Account.Owner, Currency: string(place.Currency), Debit: posting.Amount}
			if posting.Amount < 0 {
				shown.Debit, shown.Credit = 0, -posting.Amount
			}
			entry.Postings = append(entry.Postings, shown)
		}
		w.Entries = append(w.Entries, entry)
	}
	return w
}

// parties are the owners of money that moves, in the order of the entries. What
// the processor owes is no party's.
func parties(scope tenant.Scope, p ledger.Preview) []wire.RefundPreviewParty {
	found := []wire.RefundPreviewParty{}
	for _, b := range p.Balances {
		owner, kind := b.Place.Account.Owner, b.Place.Account.Kind
		if kind == ledger.ProcessorClearing || scope.Connected() && owner != scope.Account {
			continue
		}
		i := slices.IndexFunc(found, func(p wire.RefundPreviewParty) bool { return p.Account == owner })
		if i < 0 {
			i = len(found)
			found = append(found, wire.RefundPreviewParty{Account: owner})
		}
		party := &found[i]
		party.Amount += b.Before - b.After
		switch kind {
		case ledger.Available:
			party.AvailableBefore, party.AvailableAfter = b.Before, b.After
		case ledger.Pending:
			party.PendingBefore, party.PendingAfter = b.Before, b.After
		}
		party.GoesNegative = party.GoesNegative || b.After < 0 && b.After < b.Before
	}
	return found
}

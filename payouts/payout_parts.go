package payouts

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// An account may have its automatic payouts divided among bank accounts of a
// currency, by percentages. What comes in is cut by largest remainder, and each part
// is a payout of its own. A part that cannot go now (its bank account errored or
// was changed too recently, it is below a minimum or no whole step of its rail)
// stays in the balance and is kept for its bank account: the others get no share of
// it. So each has been paid exactly its percentage once everything works again.
//
//	available 100.00, 60 : 40        bank account   paid    kept
//	                                 A              60.00
//	                                 B, errored             40.00
//	next day another 50.00           A              30.00
//	                                 B, mended      60.00
//
// Where less is there than is kept, because it was refunded or paid by hand, all of
// it is kept, less for each in proportion. Shares that change leave what is kept for
// those who still have one.

// part is one bank account's share of what a purse pays.
type part struct {
	to     Destination
	way    rail.Capabilities
	days   calendar.Days
	works  bool    // it can be paid now
	kept   int64   // of earlier payouts, then of this one, in minor units
	payout *Payout // what it gets now, or nil
}

type parts []*part

// keep leaves a part in the balance.
func (p *part) keep() {
	p.kept += p.payout.Amount
	p.payout = nil
}

// stuck is what is kept for bank accounts that cannot be paid now.
func (all parts) stuck() (sum int64) {
	for _, p := range all {
		if !p.works {
			sum += p.kept
		}
	}
	return sum
}

// first is where the scheduler pays a currency: the default, or the first working
// one of those among which payouts are divided.
func (p Payable) first(currency money.Currency) (first Destination, ok bool) {
	shares := p.shares(currency)
	if len(shares) == 0 {
		return p.standard(currency)
	}
	for _, to := range shares {
		if !to.Errored && (!ok || to.Default) {
			first, ok = to, true
		}
	}
	return first, ok
}

// shares are the destinations among which payouts in a currency are divided; none if
// all goes to the default.
func (p Payable) shares(currency money.Currency) (shares []Destination) {
	for _, to := range p.Destinations {
		if to.Currency == currency && to.Share > 0 {
			shares = append(shares, to)
		}
	}
	return shares
}

// divideAll finds the parts of purses whose payouts are divided, and what is kept for
// each. The purses are locked.
func (s *Service) divideAll(ctx context.Context, tx bun.Tx, livemode bool, asked []*decision, calendars *calendars) error {
	divided := map[balance.Purse]*decision{}
	var accounts []string
	for _, d := range asked {
		shares := d.payable.shares(d.due.Currency)
		if len(shares) == 0 {
			continue
		}
		divided[d.due.purse()], accounts = d, append(accounts, d.due.Account)
		for _, to := range shares {
			p := &part{to: to}
			d.parts = append(d.parts, p)
			found, ok := s.cfg.Rails.For(livemode).Find(rail.Use{Currency: to.Currency, Country: to.Country})
			if !ok {
				continue
			}
			p.way, p.works = found.Capabilities(), !to.Errored
			var err error
			if p.days, err = calendars.of(ctx, tx, d.due.Platform, livemode, p.way.Calendar); err != nil {
				return err
			}
		}
	}
	if len(divided) == 0 {
		return nil
	}
	kept, err := keptIn(ctx, tx, livemode, accounts)
	if err != nil {
		return err
	}
	for _, k := range kept {
		d := divided[balance.Purse{Livemode: livemode, Account: k.Account, Currency: k.Currency}]
		if d == nil {
			continue
		}
		for _, p := range d.parts {
			if p.to.ID == k.Destination {
				p.kept = k.Amount
			}
		}
	}
	return nil
}

// divide makes the parts of an amount: what is kept for each, and its share of the rest.
func (d *decision) divide(amount int64, now time.Time) {
	if amount <= 0 {
		d.skip = SkipNothing
		return
	}
	rates, kept, sum := make([]int64, len(d.parts)), make([]int64, len(d.parts)), int64(0)
	for i, p := range d.parts {
		rates[i], kept[i] = int64(p.to.Share), p.kept
		sum += p.kept
	}
	if sum > amount {
		kept, sum = mustAllocate(amount, kept), amount
	}
	fresh := mustAllocate(amount-sum, rates)
	d.payout = newPayout(d.due.scope(), money.New(0, d.due.Currency), d.to, d.way, d.payable, now)
	for i, p := range d.parts {
		share := kept[i] + fresh[i]
		p.kept = share
		if !p.works {
			continue
		}
		pays := min(share, largest(p.way, d.due.Currency))
		if pays -= pays % p.way.Step(d.due.Currency); pays <= 0 {
			continue
		}
		p.kept = share - pays
		p.payout = newPayout(d.due.scope(), money.New(pays, d.due.Currency), p.to, p.way, d.payable, now)
		p.payout.Automatic, p.payout.Share = true, p.to.Share
		p.payout.ArrivalDate = executes(p.way, p.days, now)
	}
	if d.sum(); d.payout.Amount == 0 {
		d.skip, d.payout = SkipNothing, nil
	}
}

// mustAllocate cuts an amount by weights of which one at least is not zero.
func mustAllocate(amount int64, weights []int64) []int64 {
	cut, err := money.Allocate(amount, weights)
	if err != nil {
		panic(fmt.Sprintf("payouts: divide: %v", err))
	}
	return cut
}

// sum has payout stand for all parts that are paid.
func (d *decision) sum() {
	d.payout.Amount = 0
	for _, p := range d.parts {
		if p.payout == nil {
			continue
		}
		if d.payout.Amount == 0 {
			d.payout.ID = p.payout.ID
		}
		d.payout.Amount += p.payout.Amount
	}
}

// divided are the payouts that are made of a purse with parts.
func (d *decision) divided() (made []*Payout) {
	if d.payout == nil {
		return nil
	}
	for _, p := range d.parts {
		if p.payout != nil {
			made = append(made, p.payout)
		}
	}
	return made
}

// openParts makes the payouts of divided purses, which are locked, and writes down
// what is kept for the next time.
func (s *Service) openParts(ctx context.Context, tx bun.Tx, decisions []*decision) (made int, err error) {
	for _, d := range decisions {
		all := d.divided()
		for _, p := range all {
			p.Run, p.Approval = runID(d.due.Platform, d.due.Livemode, p.CreatedAt), d.payout.Approval
			for _, other := range all {
				if other != p {
					p.Siblings = append(p.Siblings, other.ID)
				}
			}
			if err := s.open(ctx, tx, p); err != nil {
				return 0, fmt.Errorf("pay a part to %s: %w", p.Destination, err)
			}
		}
		if made += len(all); len(all) == 0 {
			continue
		}
		if err := saveKept(ctx, tx, d); err != nil {
			return 0, err
		}
	}
	return made, nil
}

// KeptPart is what is in the balance for one destination of divided payouts.
type KeptPart struct {
	Account     string
	Livemode    bool
	Currency    money.Currency
	Destination string
	Amount      int64 // minor units
}

type keptRow struct {
	bun.BaseModel `bun:"table:payouts.kept,alias:k"`
	KeptPart
}

func keptIn(ctx context.Context, idb bun.IDB, livemode bool, accounts []string) (kept []KeptPart, err error) {
	err = idb.NewSelect().Model((*keptRow)(nil)).Where("k.account = ANY(?) AND k.livemode = ? AND k.amount > 0", pgdialect.Array(accounts), livemode).
		OrderExpr("k.destination").Scan(ctx, &kept)
	if err != nil {
		return nil, fmt.Errorf("read what is kept for bank accounts: %w", err)
	}
	return kept, nil
}

func keptOf(ctx context.Context, idb bun.IDB, purse balance.Purse) (kept []KeptPart, err error) {
	all, err := keptIn(ctx, idb, purse.Livemode, []string{purse.Account})
	for _, k := range all {
		if k.Currency == purse.Currency {
			kept = append(kept, k)
		}
	}
	return kept, err
}

// saveKept replaces what is kept of a purse.
func saveKept(ctx context.Context, tx bun.Tx, d *decision) error {
	purse := d.due.purse()
	_, err := tx.NewDelete().Model((*keptRow)(nil)).
		Where("account = ? AND livemode = ? AND currency = ?", purse.Account, purse.Livemode, string(purse.Currency)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget what was kept: %w", err)
	}
	var rows []keptRow
	for _, p := range d.parts {
		if p.kept > 0 {
			rows = append(rows, keptRow{KeptPart: KeptPart{
				Account: purse.Account, Livemode: purse.Livemode, Currency: purse.Currency, Destination: p.to.ID, Amount: p.kept,
			}})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("keep parts for bank accounts: %w", err)
	}
	return nil
}

// keepFor keeps the money of a part that came back for its bank account. The purse is locked.
func keepFor(ctx context.Context, tx bun.Tx, p *Payout) error {
	if p.Share == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&keptRow{KeptPart: KeptPart{
		Account: p.Account, Livemode: p.Livemode, Currency: p.Currency, Destination: p.Destination, Amount: p.Amount,
	}}).On("CONFLICT ON CONSTRAINT kept_pkey DO UPDATE").Set("amount = k.amount + EXCLUDED.amount").Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep the part of %s: %w", p.ID, err)
	}
	return nil
}

// repaid forgets that a part is kept which is paid again by hand. The purse is locked.
func repaid(ctx context.Context, tx bun.Tx, p *Payout) error {
	if p.Share == 0 {
		return nil
	}
	_, err := tx.NewUpdate().Model((*keptRow)(nil)).Set("amount = greatest(0, amount - ?)", p.Amount).
		Where("account = ? AND livemode = ? AND currency = ? AND destination = ?", p.Account, p.Livemode, string(p.Currency), p.Destination).Exec(ctx)
	if err != nil {
		return fmt.Errorf("pay the part of %s again: %w", p.ID, err)
	}
	return nil
}

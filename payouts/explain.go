package payouts

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Explanation is the closing equation of a payout: what its lines are, by what
// they mean to the account. The terms add up to what it pays.
type Explanation struct {
	Payout *Payout
	Terms  []Term
	Lines  int64 // how many lines there are, the payout's own not counted
}

// Term is one member of the equation, in minor units; what lowers the payout is negative.
type Term struct {
	Name   TermName
	Amount int64
	Lines  int64 // how many lines it sums up
}

// TermName says what a term is.
type TermName string

// The terms, in the order in which they are told. Fees are those of all lines
// that are not carried; what lines are there for whatever else is in Other.
const (
	TermGross     TermName = "gross"           // charges and payments, before fees
	TermFees      TermName = "fees"            // processing and application fees of all lines
	TermRefunds   TermName = "refunds"         // and refunds that failed
	TermDisputes  TermName = "disputes"        // lost and won back
	TermEarnings  TermName = "earnings"        // application fees earned and given back
	TermTransfers TermName = "transfers"       // to connected accounts, and back
	TermHolds     TermName = "holds"           // held back and released
	TermLeft      TermName = "left_for_later"  // the part of a line that this payout does not take
	TermReserve   TermName = "reserve"         // set aside for connected accounts that owe
	TermTopups    TermName = "topups"          // money put in
	TermOther     TermName = "adjustments"     // everything else
	TermCarried   TermName = "carried_forward" // net of what the payout before had left; negative if the account owed
)

var termOrder = []TermName{
	TermGross, TermFees, TermRefunds, TermDisputes, TermEarnings, TermTransfers, TermHolds, TermReserve, TermTopups, TermOther,
	TermLeft, TermCarried,
}

// termOf is the term of a type of lines.
var termOf = map[string]TermName{
	"charge": TermGross, "payment": TermGross,
	"stripe_fee": TermFees, "tax_fee": TermFees,
	"refund": TermRefunds, "payment_refund": TermRefunds, "refund_failure": TermRefunds, "payment_failure_refund": TermRefunds,
	"dispute": TermDisputes, "dispute_reversal": TermDisputes,
	"application_fee": TermEarnings, "application_fee_refund": TermEarnings,
	"transfer": TermTransfers, "transfer_refund": TermTransfers, "transfer_cancel": TermTransfers, "transfer_failure": TermTransfers,
	"reserve_hold": TermHolds, "reserve_release": TermHolds,
	"payout_minimum_balance_hold": TermLeft, "payout_minimum_balance_release": TermLeft,
	"reserve_transaction": TermReserve, "connect_collection_transfer": TermReserve,
	"topup": TermTopups, "topup_reversal": TermTopups,
	"adjustment": TermOther,
}

// Itemises reports whether lines of a reporting category can be in a payout.
func Itemises(category string) bool {
	for lineType := range termOf {
		if balance.Category(lineType) == category {
			return true
		}
	}
	return false
}

// Explain tells what a payout of the scope's account consists of. A payout that
// failed or was canceled consists of nothing: its lines are in a later one, or free.
func (s *Service) Explain(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string) (*Explanation, error) {
	p, err := s.Get(ctx, idb, scope, payout)
	if err != nil {
		return nil, err
	}
	before, err := madeBefore(ctx, idb, p)
	if err != nil {
		return nil, err
	}
	sums, err := balance.PayoutSums(ctx, idb, scope, p.ID, before)
	if err != nil {
		return nil, err
	}
	return explain(p, sums)
}

// explain adds the sums up to terms and proves that they are the payout.
func explain(p *Payout, sums []balance.PayoutSum) (*Explanation, error) {
	e := &Explanation{Payout: p}
	terms := map[TermName]*Term{}
	add := func(name TermName, amount, lines int64) {
		if terms[name] == nil {
			terms[name] = &Term{Name: name}
		}
		terms[name].Amount += amount
		terms[name].Lines += lines
	}
	var own, sum int64
	for _, line := range sums {
		switch name, known := termOf[line.Type]; {
		case OwnLine(line.Type):
			own += line.Net
			continue
		case line.Carried:
			add(TermCarried, line.Net, line.Count)
		case !known:
			add(TermOther, line.Amount, line.Count)
		default:
			add(name, line.Amount, line.Count)
		}
		if !line.Carried && line.Fee != 0 {
			add(TermFees, -line.Fee, line.Count)
		}
		e.Lines += line.Count
		sum += line.Net
	}
	for _, name := range termOrder {
		if terms[name] != nil {
			e.Terms = append(e.Terms, *terms[name])
		}
	}
	if sum != -own || p.pays() != sum {
		return nil, fmt.Errorf("payout %s of %d has lines of %d and an own line of %d", p.ID, p.Amount, sum, own)
	}
	return e, nil
}

// OwnLine reports whether a line of that type is a payout's own: what it took, or
// what was given back. All others in a payout are what it consists of.
func OwnLine(lineType string) bool {
	return lineType == "payout" || lineType == "payout_failure" || lineType == "payout_cancel"
}

// pays is what the payout takes out of the balance for good.
func (p *Payout) pays() int64 {
	if p.Status == Failed || p.Status == Canceled {
		return 0
	}
	return p.Amount
}

// madeBefore is when the payout before p was made that took its lines for good; zero if there is none.
func madeBefore(ctx context.Context, idb bun.IDB, p *Payout) (time.Time, error) {
	var made []time.Time
	err := idb.NewSelect().Model((*payoutRow)(nil)).Column("created_at").
		Where("p.account = ? AND p.livemode = ? AND p.currency = ? AND p.id < ?", p.Account, p.Livemode, string(p.Currency), p.ID).
		Where("p.status NOT IN ('failed', 'canceled')").OrderExpr("p.id DESC").Limit(1).Scan(ctx, &made)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the payout before %s: %w", p.ID, err)
	}
	if len(made) == 0 {
		return time.Time{}, nil
	}
	return made[0], nil
}

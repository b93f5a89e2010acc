package payouts

import (
	"fmt"
	"time"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Status is how far a payout has come.
type Status string

// The states of a payout; see the package comment.
const (
	Pending   Status = "pending"
	InTransit Status = "in_transit"
	Paid      Status = "paid"
	Failed    Status = "failed"
	Canceled  Status = "canceled"
)

// watchPaid is how long after its arrival a paid payout may still come back.
const watchPaid = 7 * 24 * time.Hour

// How long to wait before the bank is asked again.
const (
	askUnknown   = time.Minute
	askInTransit = time.Hour
	askPaid      = 24 * time.Hour
)

// Payout is money sent from an account's balance to its bank account.
type Payout struct {
	ID                        string // po_…, also the end-to-end reference at the bank
	Platform                  string
	Account                   string // whose money
	Livemode                  bool
	Amount                    int64 // minor units; negative is taken from the bank account
	Currency                  money.Currency
	Status                    Status
	Automatic                 bool   // made by the schedule
	Destination               string // ba_…
	Description               *string
	StatementDescriptor       *string
	Metadata                  map[string]string `bun:"type:jsonb"`
	ArrivalDate               time.Time         // midnight UTC
	BalanceTransaction        string
	FailureBalanceTransaction string // the line that gave the money back, or ""
	FailureCode               string // of a failed payout, else ""
	FailureMessage            string
	TraceID                   string    // the bank's reference, or ""
	SendAfter                 time.Time // not handed over before; until then it can be canceled in peace
	HandedOverAt              time.Time `bun:",nullzero"` // sealed: from here on the bank may have it
	AskAt                     time.Time `bun:",nullzero"` // when to ask the bank next; zero: no more
	CreatedAt                 time.Time
	Version                   int64

	Rail           string // its name; chosen when the payout is made
	Method         string // Standard or Instant
	Batch          string // the sealed file it went with, bat_…, or ""
	Run            string // the run that made it, prun_…, or ""
	OriginalPayout string // of one that takes an earlier one back, or ""
	ReversedBy     string // the payout that takes this one back, or ""
	RetryOf        string // the failed payout that this one tries again, or ""
	RetriedBy      string // the payout that tries this one again, or ""
	CreatedBy      string // the key that made it by hand, or ""
	Approval       Approval
	Held           bool // somebody holds it: it is not handed over
	Recall         Recall

	Share    money.Rate // of a payout to several bank accounts, this one's part; zero: it went whole
	Siblings []string   `bun:",array"` // po_…: the other parts
}

// The methods of a payout.
const (
	Standard = "standard"
	Instant  = "instant" // within minutes, at any hour
)

// Approval is whether people have to agree to a payout, and have.
type Approval string

// The approvals. A payout is handed over with the first or the third.
const (
	ApprovalNone     Approval = ""
	ApprovalRequired Approval = "required"
	Approved         Approval = "approved"
	ApprovalRefused  Approval = "refused"
)

// Recall is how far the calling back of a payout has come that the bank already has.
type Recall string

// The states of a recall; the last two are the bank's answers.
const (
	NotRecalled     Recall = ""
	RecallRequested Recall = "requested"
	Recalled        Recall = "done"
	RecallRefused   Recall = "refused"
)

// Scope is the view of the payout's account.
func (p *Payout) Scope() tenant.Scope {
	return tenant.Scope{Platform: p.Platform, Account: p.Account, Livemode: p.Livemode}
}

// Purse is where the money comes from.
func (p *Payout) Purse() balance.Purse {
	return balance.Purse{Livemode: p.Livemode, Account: p.Account, Currency: p.Currency}
}

// Sealed reports whether the bank may have heard of the payout.
func (p *Payout) Sealed() bool { return !p.HandedOverAt.IsZero() }

// Cancelable reports whether the payout can still be called back.
func (p *Payout) Cancelable() bool { return p.Status == Pending && !p.Sealed() }

func (p *Payout) entry(at time.Time) journal.Payout {
	description := "Payout"
	if p.Description != nil {
		description = *p.Description
	}
	return journal.Payout{
		ID: p.ID, Livemode: p.Livemode, Account: p.Account, Platform: p.Platform,
		Amount: money.New(p.Amount, p.Currency), Description: description, At: at, Paid: p.Status == Paid,
		ClearsOn: p.clearsOn(),
	}
}

// debitClears is how long the money of a reversal waits before it can be spent: a
// bank may refuse a debit for days after it seemed paid.
const debitClears = 7 * 24 * time.Hour

// clearsOn is when the money of a reversal can be spent. It never changes, so that
// what takes the money back again finds it. A debit of what is owed fills a hole
// and frees nothing: it is zero.
func (p *Payout) clearsOn() time.Time {
	if p.OriginalPayout == "" {
		return time.Time{}
	}
	return dayOf(p.CreatedAt.Add(debitClears))
}

// Debit reports whether the money is taken from the bank account.
func (p *Payout) Debit() bool { return p.Amount < 0 }

// Moves is how much the bank moves, in either direction.
func (p *Payout) Moves() money.Amount { return money.New(max(p.Amount, -p.Amount), p.Currency) }

func (p *Payout) instruction(to rail.Creditor, at time.Time) rail.Instruction {
	i := rail.Instruction{
		Reference: p.ID, Amount: p.Moves(), Creditor: to, Debit: p.Debit(), Instant: p.Method == Instant,
		ExecuteOn: p.ArrivalDate, At: at,
	}
	if p.StatementDescriptor != nil {
		i.Statement = *p.StatementDescriptor
	}
	return i
}

// step is what an answer of the bank means for a payout.
type step int

const (
	wait     step = iota // ask again later
	transmit             // the bank will pay
	settle               // the bank has paid
	giveBack             // the bank will not pay, or the money came back
)

// next reads the bank's answer. An answer that cannot follow on the payout's
// state is an error for a person to look at; the payout stays as it is.
func (p *Payout) next(r rail.Result) (step, error) {
	switch {
	case !p.Sealed(), p.Status == Canceled, p.Status == Failed:
		return wait, nil
	case r.State == rail.Failed:
		return giveBack, nil
	case r.State == rail.Paid && p.Status != Paid:
		return settle, nil
	case r.State == rail.Accepted && p.Status == Pending:
		return transmit, nil
	case r.State == rail.Absent && p.Status != Pending, r.State == rail.Accepted && p.Status == Paid:
		return wait, fmt.Errorf("payout %s is %s, but the bank says %s", p.ID, p.Status, r.State)
	}
	return wait, nil
}

// askAgain sets when the bank is asked next after an answer that changed nothing. A
// bank that takes files is not asked: it tells.
func (p *Payout) askAgain(now time.Time) {
	if p.Batch != "" {
		p.AskAt = time.Time{}
		return
	}
	switch p.Status {
	case Pending:
		p.SendAfter = now.Add(askUnknown)
	case InTransit:
		p.AskAt = now.Add(askInTransit)
	case Paid:
		p.AskAt = now.Add(askPaid)
		if now.After(p.ArrivalDate.Add(watchPaid)) {
			p.AskAt = time.Time{}
		}
	default:
		p.AskAt = time.Time{}
	}
}

// dayOf is the UTC day of t, at midnight.
func dayOf(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

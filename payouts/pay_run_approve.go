package payouts

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// RunApproval is what one person's agreement did to a run.
type RunApproval struct {
	Run      string
	Approved int64 // go now
	Waiting  int64 // wait for another person
	Refused  []Refusal
}

// Refusal is why an agreement does not count.
type Refusal struct {
	Code    string
	Message string // of the first payout
	Count   int64
}

// ApproveRun is actor's agreement to every payout of a run that waits for approval.
// Each page of payouts is agreed to in a transaction of its own: what a crash
// interrupts is finished by asking again. Where the actor has agreed before, the
// payout waits for somebody else; that is no attempt to agree twice.
func (s *Service) ApproveRun(ctx context.Context, scope tenant.Scope, actor, run string) (RunApproval, error) {
	total := RunApproval{Run: run}
	if _, err := s.Run(ctx, s.pool, scope, run); err != nil {
		return total, err
	}
	for after, more := "", true; more; {
		var part RunApproval
		var last string
		err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) (err error) {
			part, last = RunApproval{}, ""
			found, err := undecidedOf(ctx, tx, scope, actor, run, after)
			if err != nil {
				return err
			}
			for _, u := range found {
				if err := s.approveOne(ctx, tx, scope, actor, u, &part); err != nil {
					return err
				}
				last = u.ID
			}
			more = len(found) == batch
			return nil
		})
		if err != nil {
			return total, err
		}
		total.add(part)
		after = last
	}
	return total, nil
}

// undecidedPayout waits for approval.
type undecidedPayout struct {
	ID     string
	Agreed bool // by the actor, before
}

// undecidedOf lists payouts of a run after an id that wait for approval, in the order
// in which they are locked one by one.
func undecidedOf(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, run, after string) (found []undecidedPayout, err error) {
	err = tx.NewSelect().Model((*payoutRow)(nil)).Column("p.id").
		ColumnExpr("EXISTS (SELECT FROM payouts.approvals v WHERE v.payout = p.id AND v.actor = ? AND v.decision = ? AND v.refusal = '') AS agreed", actor, Agree).
		Where("p.run = ? AND p.platform = ? AND p.livemode = ? AND p.id > ?", run, scope.Platform, scope.Livemode, after).
		Where("p.status = 'pending' AND p.handed_over_at IS NULL AND p.approval = ?", ApprovalRequired).
		OrderExpr("p.id").Limit(batch).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find payouts to approve: %w", err)
	}
	return found, nil
}

// approveOne agrees to one payout. Refusals are counted, and stay on record.
func (s *Service) approveOne(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor string, u undecidedPayout, count *RunApproval) error {
	if u.Agreed {
		count.Waiting++
		return nil
	}
	p, err := s.Approve(ctx, tx, scope, actor, u.ID)
	refusal := fault.As(err)
	switch {
	case err == nil && p.Approval == Approved:
		count.Approved++
	case err == nil:
		count.Waiting++
	case refusal != nil && (refusal.Kind == fault.Invalid || refusal.Kind == fault.Forbidden):
		count.refuse(Refusal{Code: refusal.Code, Message: refusal.Message, Count: 1})
	default:
		return err
	}
	return nil
}

func (a *RunApproval) refuse(r Refusal) {
	for i := range a.Refused {
		if a.Refused[i].Code == r.Code {
			a.Refused[i].Count += r.Count
			return
		}
	}
	a.Refused = append(a.Refused, r)
}

func (a *RunApproval) add(part RunApproval) {
	a.Approved += part.Approved
	a.Waiting += part.Waiting
	for _, r := range part.Refused {
		a.refuse(r)
	}
}

// Wire is the agreement as our extension of the API shows it.
func (a RunApproval) Wire() wire.PayoutRunApproval {
	w := wire.PayoutRunApproval{Object: "payout_run_approval", Approved: a.Approved, PayoutRun: a.Run, Refused: []wire.PayoutRunRefusal{}, Waiting: a.Waiting}
	for _, r := range a.Refused {
		w.Refused = append(w.Refused, wire.PayoutRunRefusal{Code: r.Code, Count: r.Count, Message: r.Message})
	}
	return w
}

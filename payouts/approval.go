package payouts

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// A payout over the platform's amount waits for two people to agree, neither of
// whom made it; one who does not is enough to stop it.
//
//	required ──► approved   two different actors
//	   └───────► refused    one; the payout is canceled, its money available again
//
// Whatever is said is kept, also what does not count.

// eyes is how many different actors have to agree.
const eyes = 2

// Opinion is what somebody said of a payout, or tried to say.
type Opinion struct {
	ID       string // papr_…
	Payout   string
	Platform string
	Livemode bool
	Actor    string // a key
	Decision string // Agree or Object
	Refusal  string // the code of why it does not count, or ""
	Reason   string
	At       time.Time
}

// The decisions.
const (
	Agree  = "approve"
	Object = "refuse"
)

type opinionRow struct {
	bun.BaseModel `bun:"table:payouts.approvals,alias:v"`
	Opinion
}

// Approve is actor's agreement to a payout of one of the platform's accounts; the
// second one lets it go. What does not count is refused with a fault and kept in
// tx: a caller that commits after a fault keeps the attempt on record.
func (s *Service) Approve(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, payout string) (*Payout, error) {
	p, said, err := s.hear(ctx, tx, scope, payout)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clocks.For(p.Livemode).Now()
	opinion := p.opinion(actor, Agree, now)
	if refusal := p.mayApprove(actor, said); refusal != nil {
		return nil, s.discount(ctx, tx, opinion, refusal)
	}
	if err := insertOpinion(ctx, tx, opinion); err != nil {
		return nil, err
	}
	if agreed(said)+1 < eyes {
		return p, nil
	}
	p.Approval = Approved
	if err := s.catchUp(ctx, tx, p, now); err != nil {
		return nil, err
	}
	return p, s.finish(ctx, tx, p, "payout.updated", now, map[string]any{"approval": ApprovalRequired})
}

// Refuse stops a payout that waits for approval and gives its money back.
func (s *Service) Refuse(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, payout, reason string) (*Payout, error) {
	if err := s.checkReason(reason); err != nil {
		return nil, err
	}
	p, _, err := s.hear(ctx, tx, scope, payout)
	if err != nil {
		return nil, err
	}
	opinion := p.opinion(actor, Object, s.cfg.Clocks.For(p.Livemode).Now())
	opinion.Reason = reason
	if refusal := p.undecided(); refusal != nil {
		return nil, s.discount(ctx, tx, opinion, refusal)
	}
	if err := insertOpinion(ctx, tx, opinion); err != nil {
		return nil, err
	}
	p.Approval = ApprovalRefused
	return p, s.cancel(ctx, tx, p, opinion.At)
}

// Unheard keeps on record that somebody who may not say anything tried to.
func (s *Service) Unheard(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, payout, decision string, why *fault.Error) error {
	p, err := ofPlatform(ctx, tx, scope, payout, false)
	if err != nil {
		return err
	}
	return s.discount(ctx, tx, p.opinion(actor, decision, s.cfg.Clocks.For(p.Livemode).Now()), why)
}

// hear locks the payout and reads what was said of it.
func (s *Service) hear(ctx context.Context, tx bun.Tx, scope tenant.Scope, payout string) (*Payout, []Opinion, error) {
	p, err := ofPlatform(ctx, tx, scope, payout, true)
	if err != nil {
		return nil, nil, err
	}
	var said []Opinion
	err = tx.NewSelect().Model((*opinionRow)(nil)).Where("v.payout = ? AND v.refusal = ''", p.ID).OrderExpr("v.id").Scan(ctx, &said)
	if err != nil {
		return nil, nil, fmt.Errorf("read approvals of %s: %w", p.ID, err)
	}
	return p, said, nil
}

func (p *Payout) opinion(actor, decision string, at time.Time) Opinion {
	return Opinion{ID: id.New("papr"), Payout: p.ID, Platform: p.Platform, Livemode: p.Livemode, Actor: actor, Decision: decision, At: at}
}

// undecided is why nothing can be said of the payout any more, or nil.
func (p *Payout) undecided() *fault.Error {
	switch {
	case p.Sealed():
		return fault.Invalidf("payout_sealed", "", "The payout %s was handed to the bank already.", p.ID)
	case p.Status != Pending:
		return fault.Invalidf("payout_not_pending", "", "The payout %s is %s: only pending payouts are approved or refused.", p.ID, p.Status)
	case p.Approval == ApprovalNone:
		return fault.Invalidf("approval_not_required", "", "The payout %s needs no approval.", p.ID)
	case p.Approval != ApprovalRequired:
		return fault.Invalidf("approval_decided", "", "The payout %s is %s already.", p.ID, p.Approval)
	}
	return nil
}

// mayApprove is why the actor's agreement does not count, or nil.
func (p *Payout) mayApprove(actor string, said []Opinion) *fault.Error {
	if refusal := p.undecided(); refusal != nil {
		return refusal
	}
	if actor == p.CreatedBy {
		return &fault.Error{Kind: fault.Forbidden, Code: "four_eyes", Message: "Whoever made the payout cannot approve it. Two other people have to."}
	}
	for _, o := range said {
		if o.Decision == Agree && o.Actor == actor {
			return &fault.Error{Kind: fault.Forbidden, Code: "approval_repeated", Message: "You have approved this payout already. Another person has to approve it, too."}
		}
	}
	return nil
}

func agreed(said []Opinion) (n int) {
	for _, o := range said {
		if o.Decision == Agree {
			n++
		}
	}
	return n
}

// discount keeps an opinion that does not count, and returns why.
func (s *Service) discount(ctx context.Context, tx bun.Tx, o Opinion, why *fault.Error) error {
	o.Refusal = why.Code
	if err := insertOpinion(ctx, tx, o); err != nil {
		return err
	}
	return why
}

func insertOpinion(ctx context.Context, tx bun.Tx, o Opinion) error {
	if _, err := tx.NewInsert().Model(&opinionRow{Opinion: o}).Exec(ctx); err != nil {
		return fmt.Errorf("insert approval: %w", err)
	}
	return nil
}

// Opinions is a page of what was said of a payout of the platform's accounts, newest first.
func (s *Service) Opinions(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string, p page.Params) (page.Of[Opinion], error) {
	if _, err := ofPlatform(ctx, idb, scope, payout, false); err != nil {
		return page.Of[Opinion]{}, err
	}
	rows, err := page.Fetch[opinionRow](ctx, idb, p, "payout approval", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("v.payout = ?", payout)
	}, nil)
	if err != nil {
		return page.Of[Opinion]{}, fmt.Errorf("list approvals: %w", err)
	}
	found := page.Of[Opinion]{HasMore: rows.HasMore}
	for _, row := range rows.Items {
		found.Items = append(found.Items, row.Opinion)
	}
	return found, nil
}

// Wire is the opinion as our extension of the API shows it.
func (o Opinion) Wire() wire.PayoutApproval {
	return wire.PayoutApproval{
		ID: o.ID, Object: "payout_approval", Actor: o.Actor, Created: wire.Unix(o.At), Decision: o.Decision, Livemode: o.Livemode,
		Payout: wire.To(o.Payout), Reason: wire.Nullable(o.Reason), Refusal: wire.Nullable(o.Refusal),
	}
}

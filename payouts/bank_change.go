package payouts

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// A bank that paid may say that something in the bank account is out of date. Who
// can send such a notice could redirect payouts: two people take it over.
//
//	pending ──► accepted   two different actors; the bank account is changed
//	   ├──────► refused    one of them is enough
//	   └──────► obsolete   the bank account was changed by another notice
//
// A new number is a new bank account in the place of the old one, with its
// cooling-off and its mail, as if its owner had changed it by hand. Payouts that are
// on their way to the old one stay as they are.

// BankChangeStatus is what became of a notice.
type BankChangeStatus string

// The states of a notice.
const (
	BankChangePending  BankChangeStatus = "pending"
	BankChangeAccepted BankChangeStatus = "accepted"
	BankChangeRefused  BankChangeStatus = "refused"
	BankChangeObsolete BankChangeStatus = "obsolete"
)

// BankChange is what a bank says is to be mended in a bank account.
type BankChange struct {
	ID          string // pbc_…
	Platform    string
	Account     string
	Livemode    bool
	Payout      string // that the bank has spoken of
	Destination string // ba_…
	Code        string // the bank's
	Details     []byte // a rail.Change, sealed
	Status      BankChangeStatus
	FirstBy     string // who accepted it first, or ""
	DecidedBy   string
	DecidedAt   time.Time `bun:",nullzero"`
	Replacement string    // the bank account that took the place of Destination, or ""
	SaidAt      time.Time `bun:"type:date"` // by the bank
	ApplyBy     time.Time `bun:"type:date"` // the network's rule
	CreatedAt   time.Time
	Version     int64

	said rail.Change
}

type bankChangeRow struct {
	bun.BaseModel `bun:"table:payouts.bank_changes,alias:c"`
	BankChange
}

// BankOpinion is what somebody said of a notice, or tried to say.
type BankOpinion struct {
	ID       string // pbco_…
	Change   string
	Platform string
	Actor    string
	Decision string // Agree or Object
	Refusal  string // the code of why it does not count, or ""
	At       time.Time
}

type bankOpinionRow struct {
	bun.BaseModel `bun:"table:payouts.bank_change_opinions,alias:o"`
	BankOpinion
}

const bankChangesTable = "payouts.bank_changes"

// applyWithin is how many bank days the ACH network gives to take a notice over.
const applyWithin = 6

// notice keeps what a bank says about the destination of a locked payout. The same
// notice is kept once.
func (s *Service) notice(ctx context.Context, tx bun.Tx, p *Payout, said rail.Change, at time.Time, trace string, now time.Time) error {
	if s.cfg.Keyring == nil {
		return errors.New("payouts: notices of banks need a keyring")
	}
	c := BankChange{
		ID:       id.Of("pbc", dayOf(cmp.Or(at, now)), p.ID+" "+said.Code+" "+trace),
		Platform: p.Platform, Account: p.Account, Livemode: p.Livemode, Payout: p.ID, Destination: p.Destination, Code: said.Code,
		Status: BankChangePending, SaidAt: dayOf(cmp.Or(at, now)), CreatedAt: now, Version: 1, said: said,
	}
	days, err := s.Days(ctx, tx, p.Platform, p.Livemode, s.calendarOf(p))
	if err != nil {
		return err
	}
	day := calendar.Of(c.SaidAt, time.UTC)
	for range applyWithin {
		day = calendar.NextBusiness(day.AddDays(1), days)
	}
	c.ApplyBy = day.UTC()
	plain, err := json.Marshal(sealedChange{said, said.Number.Reveal()})
	if err != nil {
		return fmt.Errorf("seal the notice: %w", err)
	}
	if c.Details, err = s.cfg.Keyring.SealBytes(plain, bankChangesTable, c.ID); err != nil {
		return fmt.Errorf("seal the notice: %w", err)
	}
	res, err := tx.NewInsert().Model(&bankChangeRow{BankChange: c}).On("CONFLICT (id) DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep the notice: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return s.tellChange(ctx, tx, &c, "payout_bank_change.created", now, nil)
}

// sealedChange is what is encrypted: the number in plain, which the type itself never shows.
type sealedChange struct {
	rail.Change
	Number string
}

func (s *Service) calendarOf(p *Payout) string {
	if way, ok := s.cfg.Rails.For(p.Livemode).Named(p.Rail); ok {
		return way.Capabilities().Calendar
	}
	return ""
}

// AcceptBankChange is actor's agreement to a notice; the second one changes the bank
// account. What does not count is refused with a fault and kept in tx.
func (s *Service) AcceptBankChange(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, change string) (*BankChange, error) {
	c, err := s.findChange(ctx, tx, scope, change, true)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clocks.For(c.Livemode).Now()
	refusal := c.undecided()
	if refusal == nil && c.FirstBy == actor {
		refusal = &fault.Error{Kind: fault.Forbidden, Code: "four_eyes", Message: "You have accepted this change already. Another person has to accept it, too."}
	}
	if refusal == nil && c.FirstBy != "" {
		to := tenant.Scope{Platform: c.Platform, Account: c.Account, Livemode: c.Livemode}
		c.Replacement, err = s.cfg.Accounts.Correct(ctx, tx, now, to, c.Destination, c.said)
		if refusal = fault.As(err); err != nil && refusal == nil {
			return nil, err
		}
	}
	if err := c.say(ctx, tx, actor, Agree, refusal, now); err != nil {
		return nil, err
	}
	if c.FirstBy == "" {
		c.FirstBy = actor
		return c, s.finishChange(ctx, tx, c, now, map[string]any{"accepted_by": nil})
	}
	if c.Replacement == c.Destination {
		c.Replacement = ""
	}
	c.Status, c.DecidedBy, c.DecidedAt = BankChangeAccepted, actor, now
	if err := s.finishChange(ctx, tx, c, now, map[string]any{"status": BankChangePending, "decided_by": nil, "decided_at": nil}); err != nil {
		return nil, err
	}
	if c.Replacement == "" {
		return c, nil
	}
	if err := s.moveTo(ctx, tx, c, now); err != nil {
		return nil, err
	}
	return c, s.Reconsider(ctx, tx, now, c.Livemode, c.Account)
}

// moveTo has what waits for a bank account wait for the one in its place, and drops
// the other notices about the old one.
func (s *Service) moveTo(ctx context.Context, tx bun.Tx, c *BankChange, now time.Time) error {
	_, err := tx.NewUpdate().Model((*keptRow)(nil)).Set("destination = ?", c.Replacement).
		Where("account = ? AND livemode = ? AND destination = ?", c.Account, c.Livemode, c.Destination).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep parts for another bank account: %w", err)
	}
	var others []bankChangeRow
	err = tx.NewSelect().Model(&others).Where("c.account = ? AND c.livemode = ? AND c.destination = ?", c.Account, c.Livemode, c.Destination).
		Where("c.status = 'pending'").OrderExpr("c.id").For("UPDATE").Scan(ctx)
	if err != nil {
		return fmt.Errorf("find other notices: %w", err)
	}
	for i := range others {
		o := &others[i].BankChange
		if err := s.unsealChange(o); err != nil {
			return err
		}
		o.Status, o.DecidedBy, o.DecidedAt = BankChangeObsolete, c.DecidedBy, now
		if err := s.finishChange(ctx, tx, o, now, map[string]any{"status": BankChangePending, "decided_by": nil, "decided_at": nil}); err != nil {
			return err
		}
	}
	return nil
}

// RefuseBankChange drops a notice. One actor is enough.
func (s *Service) RefuseBankChange(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, change string) (*BankChange, error) {
	c, err := s.findChange(ctx, tx, scope, change, true)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clocks.For(c.Livemode).Now()
	if err := c.say(ctx, tx, actor, Object, c.undecided(), now); err != nil {
		return nil, err
	}
	c.Status, c.DecidedBy, c.DecidedAt = BankChangeRefused, actor, now
	return c, s.finishChange(ctx, tx, c, now, map[string]any{"status": BankChangePending, "decided_by": nil, "decided_at": nil})
}

// UnheardOfChange keeps on record that somebody who may not say anything tried to.
func (s *Service) UnheardOfChange(ctx context.Context, tx bun.Tx, scope tenant.Scope, actor, change, decision string, why *fault.Error) error {
	c, err := s.findChange(ctx, tx, scope, change, false)
	if err != nil {
		return err
	}
	return c.say(ctx, tx, actor, decision, why, s.cfg.Clocks.For(c.Livemode).Now())
}

// undecided is why nothing can be said of the notice any more, or nil.
func (c *BankChange) undecided() *fault.Error {
	if c.Status == BankChangePending {
		return nil
	}
	return fault.Invalidf("bank_change_decided", "", "This change is %s already.", c.Status)
}

// say keeps an opinion, and returns why it does not count, if it does not.
func (c *BankChange) say(ctx context.Context, tx bun.Tx, actor, decision string, refusal *fault.Error, at time.Time) error {
	o := BankOpinion{ID: id.New("pbco"), Change: c.ID, Platform: c.Platform, Actor: actor, Decision: decision, At: at}
	if refusal != nil {
		o.Refusal = refusal.Code
	}
	if _, err := tx.NewInsert().Model(&bankOpinionRow{BankOpinion: o}).Exec(ctx); err != nil {
		return fmt.Errorf("keep what was said of a change: %w", err)
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

func (s *Service) finishChange(ctx context.Context, tx bun.Tx, c *BankChange, at time.Time, before map[string]any) error {
	c.Version++
	_, err := tx.NewUpdate().Model(&bankChangeRow{BankChange: *c}).
		Column("status", "first_by", "decided_by", "decided_at", "replacement", "version").Where("c.id = ?", c.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update a bank's change: %w", err)
	}
	return s.tellChange(ctx, tx, c, "payout_bank_change.updated", at, before)
}

func (s *Service) tellChange(ctx context.Context, tx bun.Tx, c *BankChange, kind string, at time.Time, before map[string]any) error {
	e, err := c.event(kind, at, before)
	if err != nil {
		return err
	}
	return s.cfg.Events.Append(ctx, tx, e)
}

// changesOf are those of a platform's accounts, or of the one it acts for.
func changesOf(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		if scope.Connected() {
			q = q.Where("c.account = ?", scope.Account)
		}
		return q.Where("c.platform = ? AND c.livemode = ?", scope.Platform, scope.Livemode)
	}
}

func (s *Service) findChange(ctx context.Context, idb bun.IDB, scope tenant.Scope, change string, lock bool) (*BankChange, error) {
	row := new(bankChangeRow)
	q := changesOf(scope)(idb.NewSelect().Model(row)).Where("c.id = ?", change)
	if lock {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout bank change", change)
	}
	if err != nil {
		return nil, fmt.Errorf("read a bank's change: %w", err)
	}
	return &row.BankChange, s.unsealChange(&row.BankChange)
}

func (s *Service) unsealChange(c *BankChange) error {
	if s.cfg.Keyring == nil {
		return errors.New("payouts: notices of banks need a keyring")
	}
	var open sealedChange
	plain, err := s.cfg.Keyring.OpenBytes(c.Details, bankChangesTable, c.ID)
	if err == nil {
		err = json.Unmarshal([]byte(plain.Reveal()), &open)
	}
	if err != nil {
		return fmt.Errorf("open the notice %s: %w", c.ID, err)
	}
	c.said = open.Change
	c.said.Number = secret.New(open.Number)
	return nil
}

// BankChange is a notice of the scope's platform, or NotFound, and what was said of
// it, oldest first.
func (s *Service) BankChange(ctx context.Context, idb bun.IDB, scope tenant.Scope, change string) (*BankChange, []BankOpinion, error) {
	c, err := s.findChange(ctx, idb, scope, change, false)
	if err != nil {
		return nil, nil, err
	}
	var said []BankOpinion
	err = idb.NewSelect().Model((*bankOpinionRow)(nil)).Where("o.change = ?", c.ID).OrderExpr("o.id").Limit(maxOpinions).Scan(ctx, &said)
	if err != nil {
		return nil, nil, fmt.Errorf("read what was said of a change: %w", err)
	}
	return c, said, nil
}

// maxOpinions bounds what is shown of one notice.
const maxOpinions = 100

// BankChangeFilter narrows GET /v1/payout_bank_changes.
type BankChangeFilter struct {
	page.Params
	Account string `form:"account"`
	Status  string `form:"status"`
}

// BankChanges is a page of the platform's notices, newest first.
func (s *Service) BankChanges(ctx context.Context, idb bun.IDB, scope tenant.Scope, f BankChangeFilter) (page.Of[*BankChange], error) {
	switch BankChangeStatus(f.Status) {
	case "", BankChangePending, BankChangeAccepted, BankChangeRefused, BankChangeObsolete:
	default:
		return page.Of[*BankChange]{}, fault.Invalidf("", "status", "Invalid status: must be one of pending, accepted, refused or obsolete")
	}
	rows, err := page.Fetch[bankChangeRow](ctx, idb, f.Params, "payout bank change", changesOf(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		if f.Account != "" {
			q = q.Where("c.account = ?", f.Account)
		}
		if f.Status != "" {
			q = q.Where("c.status = ?", f.Status)
		}
		return q
	})
	if err != nil {
		return page.Of[*BankChange]{}, fmt.Errorf("list banks' changes: %w", err)
	}
	found := page.Of[*BankChange]{HasMore: rows.HasMore}
	for i := range rows.Items {
		c := &rows.Items[i].BankChange
		if err := s.unsealChange(c); err != nil {
			return found, err
		}
		found.Items = append(found.Items, c)
	}
	return found, nil
}

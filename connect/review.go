package connect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// The states of a review.
//
//	open ──▶ approval_requested ──▶ approved      two different people
//	  │  └──────────┬────────────▶ rejected      one is enough
//	  └─────────────┴────────────▶ canceled      what it was about is gone
const (
	ReviewOpen              = "open"
	ReviewApprovalRequested = "approval_requested"
	ReviewApproved          = "approved"
	ReviewRejected          = "rejected"
	ReviewCanceled          = "canceled"
)

// The kinds of reviews.
const (
	DuplicatePerson  = "duplicate_person"
	DuplicateCompany = "duplicate_company"
	DuplicateBank    = "duplicate_bank_account"
	ManualReview     = "manual"
)

// Review is a question to human beings about one subject of an account. While it
// stands, what depends on the subject is pending: capabilities for a person or
// company, payouts for a bank account.
type Review struct {
	ID          string // rev_…
	Account     string
	Platform    string
	Livemode    bool
	Subject     string // a person's id, "company" or "external_account"
	Kind        string
	Mark        string   // keyed hash of what was seen twice
	Duplicates  []string // the other accounts of the platform that have it too
	Status      string
	RequestedBy string // who asked for approval
	RequestNote string
	DecidedBy   string // another one
	Reason      string
	CreatedAt   time.Time
	DecidedAt   time.Time
}

type reviewRow struct {
	bun.BaseModel `bun:"table:connect.verification_reviews,alias:r"`

	ID          string `bun:",pk"`
	Account     string
	Platform    string
	Livemode    bool
	Subject     string
	Kind        string
	Mark        string
	Duplicates  json.RawMessage `bun:"type:jsonb"`
	Status      string
	RequestedBy string
	RequestNote string
	DecidedBy   string
	Reason      string
	CreatedAt   time.Time
	DecidedAt   bun.NullTime
}

// ReviewFilter narrows a list.
type ReviewFilter struct {
	page.Params
	Account string `form:"account"`
	Status  string `form:"status"`
}

// maxNote bounds what people write beside their decisions.
const maxNote = 2000

// Reviews is a page of the platform's reviews, newest first.
func (s *Accounts) Reviews(ctx context.Context, idb bun.IDB, scope tenant.Scope, f ReviewFilter) (page.Of[Review], error) {
	if err := reviewers(scope); err != nil {
		return page.Of[Review]{}, err
	}
	rows, err := page.Fetch[reviewRow](ctx, idb, f.Params, "verification review", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("r.platform = ? AND r.livemode = ?", scope.Platform, scope.Livemode).Where(connectedReview)
	}, func(q *bun.SelectQuery) *bun.SelectQuery {
		if f.Account != "" {
			q = q.Where("r.account = ?", f.Account)
		}
		if f.Status != "" {
			q = q.Where("r.status = ?", f.Status)
		}
		return q
	})
	if err != nil {
		return page.Of[Review]{}, err
	}
	out := page.Of[Review]{HasMore: rows.HasMore, Items: make([]Review, len(rows.Items))}
	for i, row := range rows.Items {
		if out.Items[i], err = row.review(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Review is one of the platform's reviews. Fails with NotFound.
func (s *Accounts) Review(ctx context.Context, idb bun.IDB, scope tenant.Scope, review string) (Review, error) {
	if err := reviewers(scope); err != nil {
		return Review{}, err
	}
	return findReview(ctx, idb, scope, review, false)
}

// reviewers are platforms: nobody reviews an account from inside it.
func reviewers(scope tenant.Scope) error {
	if scope.Connected() {
		return &fault.Error{Kind: fault.Forbidden, Message: "Only a platform can see and decide the reviews of its connected accounts."}
	}
	return nil
}

// A review judges what an account says and does not change it: accounts that control
// themselves are reviewed like all others.

// RequestReview puts a subject of an account under review by hand, and asks for
// its approval: actor's own approval will not do.
func (s *Accounts) RequestReview(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, subject, actor, note string) (Review, error) {
	if err := reviewers(scope); err != nil {
		return Review{}, err
	}
	if err := noteFits("reason", note); err != nil {
		return Review{}, err
	}
	var made Review
	_, err := s.amend(ctx, tx, at, scope, account, func(a *Account) error {
		if _, err := a.Person(subject); err != nil && subject != CompanySubject && subject != ExternalAccountDue || a.IsPlatform() {
			return fault.Invalidf("resource_missing", "subject", "The account has no such person; company and external_account can be reviewed too.")
		}
		if !a.enforced() && subject != ExternalAccountDue {
			return fault.Invalidf("", "subject", "Nobody behind this test account is verified: it was not made with sluice[requirements]=enforced.")
		}
		c := a.checks[subject]
		if c != nil && c.Review != "" {
			return fault.Invalidf("resource_already_exists", "subject", "This is under review already: %s", c.Review)
		}
		if c == nil {
			c = &check{}
			a.checks[subject] = c
		}
		made = Review{
			ID: id.New("rev"), Account: a.ID, Platform: a.Platform, Livemode: a.Livemode, Subject: subject, Kind: ManualReview,
			Status: ReviewApprovalRequested, RequestedBy: actor, RequestNote: note, CreatedAt: at,
		}
		c.Review = made.ID
		return insertReview(ctx, tx, made)
	})
	return made, err
}

// Approve lets a subject pass. The first approval of a review that nobody asked
// for only asks; it takes another actor to approve.
func (s *Accounts) Approve(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, review, actor, reason string) (Review, error) {
	return s.decide(ctx, tx, at, scope, review, reason, func(a *Account, r *Review) error {
		switch {
		case r.Status == ReviewOpen:
			r.Status, r.RequestedBy, r.RequestNote = ReviewApprovalRequested, actor, reason
			return nil
		case r.RequestedBy == actor:
			return &fault.Error{Kind: fault.Forbidden, Code: "four_eyes",
				Message: "Whoever asked for the approval cannot give it. Another person has to approve this review."}
		}
		r.Status, r.DecidedBy, r.Reason, r.DecidedAt = ReviewApproved, actor, reason, at
		a.checks[r.Subject].Review = ""
		return nil
	})
}

// Refuse stops a subject: what was reviewed has to be given anew.
func (s *Accounts) Refuse(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, review, actor, reason string) (Review, error) {
	if reason == "" {
		return Review{}, fault.Missing("reason")
	}
	return s.decide(ctx, tx, at, scope, review, reason, func(a *Account, r *Review) error {
		r.Status, r.DecidedBy, r.Reason, r.DecidedAt = ReviewRejected, actor, reason, at
		c := a.checks[r.Subject]
		c.Review = ""
		if r.Subject == ExternalAccountDue {
			a.refuseBanks(r.Mark)
			return nil
		}
		// The open check, if there is one, has nothing more to say: the next facts get a new one.
		c.ID, c.Good, c.Pending = "", false, false
		c.Errors = []RequirementError{{Requirement: a.reviewed(r), Code: "verification_failed_other",
			Reason: "What was given could not be accepted after a review. Give it again, or contact the platform."}}
		return supersede(ctx, tx, at, a.ID, r.Subject)
	})
}

// reviewed is the requirement that a refused review makes due again.
func (a *Account) reviewed(r *Review) string {
	for _, n := range a.numbers {
		if n.Subject == r.Subject && n.Mark == r.Mark && r.Mark != "" {
			return n.Kind
		}
	}
	return documentName
}

// refuseBanks stops payouts to the bank account that was reviewed, or to all of them.
func (a *Account) refuseBanks(mark string) {
	for i := range a.ExternalAccounts {
		if e := &a.ExternalAccounts[i]; mark == "" || e.Fingerprint == mark {
			e.Status = ExternalRefused
		}
	}
}

func (s *Accounts) decide(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, review, reason string, how func(*Account, *Review) error) (Review, error) {
	if err := reviewers(scope); err != nil {
		return Review{}, err
	}
	if err := noteFits("reason", reason); err != nil {
		return Review{}, err
	}
	r, err := findReview(ctx, tx, scope, review, false)
	if err != nil {
		return Review{}, err
	}
	_, err = s.amend(ctx, tx, at, scope, r.Account, func(a *Account) error {
		if r, err = findReview(ctx, tx, scope, review, true); err != nil { // again, now that the account is locked
			return err
		}
		if r.Status != ReviewOpen && r.Status != ReviewApprovalRequested {
			return fault.Invalidf("", "", "This review is %s already.", r.Status)
		}
		if c := a.checks[r.Subject]; c == nil || c.Review != r.ID {
			return fault.Invalidf("", "", "What this review was about is gone.")
		}
		if err := how(a, &r); err != nil {
			return err
		}
		return updateReview(ctx, tx, r)
	})
	return r, err
}

func noteFits(param, note string) error {
	if len(note) > maxNote {
		return fault.Invalidf("", param, "Invalid %s: at most %d characters.", param, maxNote)
	}
	return nil
}

// reviewDuplicates opens a review if another account of the platform has a number of the subject too.
func (r *recorder) reviewDuplicates(subject string) error {
	a, kind := r.account, DuplicatePerson
	if subject == CompanySubject {
		kind = DuplicateCompany
	}
	var marks []string
	for _, n := range a.numbers {
		if n.Subject == subject && n.Mark != "" && n.Kind != "ssn_last_4" && !r.svc.magicMark(a, n) {
			marks = append(marks, n.Mark)
		}
	}
	if len(marks) == 0 {
		return nil
	}
	if err := queueUp(r.ctx, r.tx, marks...); err != nil {
		return err
	}
	var seen []struct{ Mark, Account string }
	err := r.tx.NewRaw(`SELECT DISTINCT n.mark, n.account FROM connect.identity_numbers n JOIN connect.accounts a ON a.id = n.account
		WHERE n.platform = ? AND n.livemode = ? AND n.mark = ANY(?) AND n.account <> ? AND a.closed_at IS NULL ORDER BY n.account LIMIT ?`,
		a.Platform, a.Livemode, pgdialect.Array(marks), a.ID, maxDuplicates).Scan(r.ctx, &seen)
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	if len(seen) == 0 {
		return nil
	}
	accounts := make([]string, len(seen))
	for i, other := range seen {
		accounts[i] = other.Account
	}
	return r.openReview(subject, kind, seen[0].Mark, unique(accounts))
}

// queueUp makes changes that bring in the same number or bank account wait for one
// another until they commit: of two accounts made at the same moment one sees the
// other. Taken after the account's row; two that cross are a deadlock, which is retried.
func queueUp(ctx context.Context, tx bun.Tx, marks ...string) error {
	slices.Sort(marks)
	for _, mark := range marks {
		if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(hashtextextended('connect.mark ' || ?, 0))", mark).Exec(ctx); err != nil {
			return fmt.Errorf("wait for the same mark: %w", err)
		}
	}
	return nil
}

// maxDuplicates bounds how many other accounts a review names.
const maxDuplicates = 20

// reconcileBanks opens a review for a bank account that other accounts are paid to as
// well, and drops the review of one that was removed.
func (r *recorder) reconcileBanks(before snapshot) error {
	a := r.account
	if c := a.checks[ExternalAccountDue]; c != nil && c.Review != "" {
		there, err := r.bankThere(c.Review)
		if err != nil || there {
			return err
		}
		if err := r.cancelReview(ExternalAccountDue); err != nil {
			return err
		}
	}
	for _, e := range a.ExternalAccounts {
		if _, old := before.externals[e.ID]; old || r.svc.magicBank(a, e) {
			continue
		}
		if err := queueUp(r.ctx, r.tx, e.Fingerprint); err != nil {
			return err
		}
		accounts, err := r.svc.sameBank(r.ctx, r.tx, a, e.Fingerprint)
		if err != nil {
			return err
		}
		if len(accounts) > 0 {
			return r.openReview(ExternalAccountDue, DuplicateBank, e.Fingerprint, accounts)
		}
		refused, err := refusedBefore(r.ctx, r.tx, e)
		if err != nil {
			return err
		}
		if refused {
			return r.putReview(ExternalAccountDue, ManualReview, e.Fingerprint, nil)
		}
	}
	return nil
}

// refusedBefore reports whether a review refused this bank account when the account
// had it last. Deleting it and giving it again does not make it good: people decide anew.
func refusedBefore(ctx context.Context, tx bun.Tx, e ExternalAccount) (bool, error) {
	var status string
	err := tx.NewRaw(`SELECT status FROM connect.external_accounts WHERE account = ? AND livemode = ? AND fingerprint = ? AND id <> ?
		ORDER BY deleted_at DESC NULLS FIRST LIMIT 1`, e.Account, e.Livemode, e.Fingerprint, e.ID).Scan(ctx, &status)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("look for a refusal: %w", err)
	}
	return status == ExternalRefused, nil
}

func (r *recorder) bankThere(review string) (bool, error) {
	row, err := findReview(r.ctx, r.tx, tenant.Scope{Platform: r.account.Platform, Livemode: r.account.Livemode}, review, false)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(r.account.ExternalAccounts, func(e ExternalAccount) bool { return row.Mark == "" || e.Fingerprint == row.Mark }), nil
}

// sameBank lists other open accounts of the platform that are paid to the same bank account.
func (s *Accounts) sameBank(ctx context.Context, idb bun.IDB, a *Account, fingerprint string) ([]string, error) {
	var accounts []string
	err := idb.NewRaw(`SELECT DISTINCT e.account FROM connect.external_accounts e JOIN connect.accounts a ON a.id = e.account
		WHERE e.fingerprint = ? AND e.livemode = ? AND e.deleted_at IS NULL AND a.platform = ? AND a.closed_at IS NULL AND e.account <> ?
		ORDER BY e.account LIMIT ?`, fingerprint, a.Livemode, a.Platform, a.ID, maxDuplicates).Scan(ctx, &accounts)
	if err != nil {
		return nil, fmt.Errorf("look for the same bank account: %w", err)
	}
	return accounts, nil
}

// openReview opens a review unless the same thing was approved before for this subject.
func (r *recorder) openReview(subject, kind, mark string, duplicates []string) error {
	a := r.account
	approved, err := r.tx.NewSelect().Model((*reviewRow)(nil)).
		Where("account = ? AND subject = ? AND mark = ? AND status = ?", a.ID, subject, mark, ReviewApproved).Exists(r.ctx)
	if err != nil {
		return fmt.Errorf("look for an approval: %w", err)
	}
	if approved {
		return nil
	}
	return r.putReview(subject, kind, mark, duplicates)
}

// putReview opens a review, unless people are looking at the subject already.
func (r *recorder) putReview(subject, kind, mark string, duplicates []string) error {
	a := r.account
	c := a.checks[subject]
	if c != nil && c.Review != "" {
		return nil
	}
	if c == nil {
		c = &check{}
		a.checks[subject] = c
	}
	c.Review = id.New("rev")
	return insertReview(r.ctx, r.tx, Review{
		ID: c.Review, Account: a.ID, Platform: a.Platform, Livemode: a.Livemode, Subject: subject, Kind: kind, Mark: mark,
		Duplicates: duplicates, Status: ReviewOpen, CreatedAt: r.at,
	})
}

// cancelDuplicate ends the open review of a number that was replaced: whether it is
// somebody else's as well is asked again. A review that somebody asked for by hand is
// about the subject itself, which does not end it by changing its address.
func (r *recorder) cancelDuplicate(subject string) error {
	c := r.account.checks[subject]
	if c == nil || c.Review == "" {
		return nil
	}
	manual, err := r.tx.NewSelect().Model((*reviewRow)(nil)).Where("id = ? AND kind = ?", c.Review, ManualReview).Exists(r.ctx)
	if err != nil {
		return fmt.Errorf("look for a review by hand: %w", err)
	}
	if manual {
		return nil
	}
	return r.cancelReview(subject)
}

// cancelReview ends the open review of a subject that has gone.
func (r *recorder) cancelReview(subject string) error {
	c := r.account.checks[subject]
	if c == nil || c.Review == "" {
		return nil
	}
	_, err := r.tx.NewUpdate().Model((*reviewRow)(nil)).Set("status = ?, decided_at = ?", ReviewCanceled, r.at).
		Where("id = ? AND decided_at IS NULL", c.Review).Exec(r.ctx)
	if err != nil {
		return fmt.Errorf("cancel review: %w", err)
	}
	c.Review = ""
	return nil
}

// connectedReview leaves out accounts that the platform has not (or not any more) a
// connection to: it must not learn of them. Their reviews wait.
const connectedReview = "EXISTS (SELECT FROM connect.accounts a WHERE a.id = r.account AND a.access <> '')"

func findReview(ctx context.Context, idb bun.IDB, scope tenant.Scope, review string, lock bool) (Review, error) {
	var row reviewRow
	q := idb.NewSelect().Model(&row).Where("r.id = ? AND r.platform = ? AND r.livemode = ?", review, scope.Platform, scope.Livemode).Where(connectedReview)
	if lock {
		q = q.For("UPDATE OF r") // after its account's row
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Review{}, fault.NoSuch("verification review", review)
	}
	if err != nil {
		return Review{}, fmt.Errorf("find review: %w", err)
	}
	return row.review()
}

func insertReview(ctx context.Context, tx bun.Tx, r Review) error {
	row, err := r.row()
	if err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("insert review: %w", err)
	}
	return nil
}

func updateReview(ctx context.Context, tx bun.Tx, r Review) error {
	row, err := r.row()
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model(row).WherePK().Column("status", "requested_by", "request_note", "decided_by", "reason", "decided_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("update review: %w", err)
	}
	return nil
}

func (r Review) row() (*reviewRow, error) {
	duplicates, err := json.Marshal(shown(r.Duplicates))
	if err != nil {
		return nil, fmt.Errorf("encode review: %w", err)
	}
	return &reviewRow{
		ID: r.ID, Account: r.Account, Platform: r.Platform, Livemode: r.Livemode, Subject: r.Subject, Kind: r.Kind, Mark: r.Mark,
		Duplicates: duplicates, Status: r.Status, RequestedBy: r.RequestedBy, RequestNote: r.RequestNote, DecidedBy: r.DecidedBy,
		Reason: r.Reason, CreatedAt: r.CreatedAt, DecidedAt: bun.NullTime{Time: r.DecidedAt},
	}, nil
}

func (r reviewRow) review() (Review, error) {
	out := Review{
		ID: r.ID, Account: r.Account, Platform: r.Platform, Livemode: r.Livemode, Subject: r.Subject, Kind: r.Kind, Mark: r.Mark,
		Status: r.Status, RequestedBy: r.RequestedBy, RequestNote: r.RequestNote, DecidedBy: r.DecidedBy, Reason: r.Reason,
		CreatedAt: r.CreatedAt, DecidedAt: r.DecidedAt.Time,
	}
	if err := json.Unmarshal(r.Duplicates, &out.Duplicates); err != nil {
		return out, fmt.Errorf("decode review %s: %w", r.ID, err)
	}
	return out, nil
}

// Wire is the review as our extension of the API shows it.
func (r Review) Wire() wire.VerificationReview {
	return wire.VerificationReview{
		ID: r.ID, Object: "verification_review", Account: r.Account, Created: wire.Unix(r.CreatedAt), DecidedAt: wire.NullableUnix(r.DecidedAt),
		DecidedBy: wire.Nullable(r.DecidedBy), Duplicates: shown(r.Duplicates), Kind: r.Kind, Livemode: r.Livemode,
		Reason: wire.Nullable(r.Reason), RequestNote: wire.Nullable(r.RequestNote), RequestedBy: wire.Nullable(r.RequestedBy),
		Status: r.Status, Subject: r.Subject,
	}
}

// magicMark reports whether a number is one of the sandbox's, which everybody uses.
func (s *Accounts) magicMark(a *Account, n identityNumber) bool {
	return !a.Livemode && slices.ContainsFunc(verification.Numbers(), func(number string) bool { return s.mark(a.Country, n.Kind, number) == n.Mark })
}

// magicBank reports whether a bank account is one of the sandbox's.
func (s *Accounts) magicBank(a *Account, e ExternalAccount) bool {
	bank, known := sandboxBank("btok_" + strings.ToLower(e.Country))
	return known && !a.Livemode && BankFingerprint(s.cfg.Pepper, bank) == e.Fingerprint
}

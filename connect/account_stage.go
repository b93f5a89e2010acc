package connect

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Stage is an account's standing in one word, for lists. It repeats what the last
// event said, so that a list of a million accounts need not derive a million
// standings; what an account may do is never decided by it.
type Stage string

// The stages. The first that fits counts.
const (
	StageRejected       Stage = "rejected"
	StageInReview       Stage = "in_review"       // all was given: a verifier or reviewer has the word
	StageRestricted     Stage = "restricted"      // no charges, or no payouts
	StageRestrictedSoon Stage = "restricted_soon" // something is due by a deadline
	StageEnabled        Stage = "enabled"
)

// NeedsAction is no stage but a list across them: the accounts that owe something now.
const NeedsAction = "needs_action"

var stages = []Stage{StageRestrictedSoon, StageRestricted, StageInReview, StageEnabled, StageRejected}

func (a *Account) stage(s Standing) Stage {
	works := s.ChargesEnabled && s.PayoutsEnabled
	switch {
	case a.Rejected != "":
		return StageRejected
	case len(s.PendingVerification) > 0 && len(s.CurrentlyDue) == 0:
		return StageInReview
	case !works:
		return StageRestricted
	case len(s.CurrentlyDue) > 0 && !s.Deadline.IsZero():
		return StageRestrictedSoon
	}
	return StageEnabled
}

// AccountFilter narrows a list of accounts.
type AccountFilter struct {
	page.Params
	Created page.Range `form:"created"`
	Status  string     `form:"status"` // a stage, or needs_action
	Search  string     `form:"search"` // an id, or the beginning of a name or an e-mail address
}

const (
	maxSearch   = 100
	searchReach = 1000 // accounts that a search looks at by name, and by address
	countReach  = 10000
)

func (f AccountFilter) check() error {
	if len(f.Search) > maxSearch {
		return fault.Invalidf("parameter_invalid", "search", "Invalid search: must be at most %d characters.", maxSearch)
	}
	if f.Status == "" || f.Status == NeedsAction {
		return nil
	}
	for _, s := range stages {
		if f.Status == string(s) {
			return nil
		}
	}
	return fault.Invalidf("parameter_invalid", "status", "Invalid status: must be one of needs_action, restricted_soon, restricted, in_review, enabled or rejected.")
}

// connected are the accounts that a platform sees in lists.
func connected(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("a.platform = ? AND a.livemode = ? AND a.closed_at IS NULL", scope.Platform, scope.Livemode).Where("a.access <> ''")
	}
}

func (f AccountFilter) apply(scope tenant.Scope, q *bun.SelectQuery) *bun.SelectQuery {
	q = f.Created.Apply(q, "a.created_at")
	switch f.Status {
	case "":
	case NeedsAction:
		q = q.Where("a.owes")
	default:
		q = q.Where("a.stage = ?", f.Status)
	}
	text := strings.ToLower(strings.TrimSpace(f.Search))
	if text == "" {
		return q
	}
	// Each half walks its own index and stops at searchReach: a search for one letter
	// costs no more than a search for a name. The array keeps the planner from walking all
	// accounts in the order of the page until it meets those that were found.
	return q.Where(`a.id = ANY (ARRAY(SELECT ?0 UNION ALL
		(SELECT id FROM connect.accounts WHERE platform = ?2 AND livemode = ?3 AND closed_at IS NULL AND access <> '' AND known_as <> '' AND known_as LIKE ?1 LIMIT ?4)
		UNION ALL (SELECT id FROM connect.accounts WHERE platform = ?2 AND livemode = ?3 AND closed_at IS NULL AND access <> '' AND email <> '' AND lower(email) LIKE ?1 LIMIT ?4)))`,
		strings.TrimSpace(f.Search), likePrefix(text), scope.Platform, scope.Livemode, searchReach)
}

var likeLetters = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func likePrefix(text string) string { return likeLetters.Replace(text) + "%" }

// List is a page of the accounts that scope's platform is connected to, in scope's mode.
func (s *Accounts) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f AccountFilter) (page.Of[Account], error) {
	if err := f.check(); err != nil {
		return page.Of[Account]{}, err
	}
	if scope.Connected() { // a connected account has none, and does not see its neighbours
		return page.Of[Account]{}, nil
	}
	rows, err := page.Fetch[accountRow](ctx, idb, f.Params, "account", connected(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		return f.apply(scope, q)
	})
	if err != nil {
		return page.Of[Account]{}, err
	}
	accounts, err := s.complete(ctx, idb, rows.Items, scope.Livemode)
	return page.Of[Account]{Items: accounts, HasMore: rows.HasMore}, err
}

// Summary counts the accounts of scope's platform by stage. It counts no further
// than countReach of each, and says so by the count itself.
func (s *Accounts) Summary(ctx context.Context, idb bun.IDB, scope tenant.Scope) (wire.AccountSummary, error) {
	w := wire.AccountSummary{Object: "account_summary", Livemode: scope.Livemode, Counts: map[string]int64{"all": 0, NeedsAction: 0}, CountedTo: countReach}
	for _, stage := range stages {
		w.Counts[string(stage)] = 0
	}
	if scope.Connected() {
		return w, nil
	}
	for name := range w.Counts {
		f := AccountFilter{Status: name}
		if name == "all" {
			f.Status = ""
		}
		some := f.apply(scope, connected(scope)(idb.NewSelect().Model((*accountRow)(nil)).ColumnExpr("1"))).Limit(countReach)
		n, err := idb.NewSelect().TableExpr("(?) AS counted", some).Count(ctx)
		if err != nil {
			return w, fmt.Errorf("count accounts: %w", err)
		}
		w.Counts[name] = int64(n)
	}
	return w, nil
}

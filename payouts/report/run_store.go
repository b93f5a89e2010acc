package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type runRow struct {
	bun.BaseModel `bun:"table:payouts.report_runs,alias:r"`
	Run
	Tries int
}

// chunkSize is how much of a report stands in one row, in bytes before PostgreSQL compresses it.
const chunkSize = 256 << 10

type chunkRow struct {
	bun.BaseModel `bun:"table:payouts.report_chunks,alias:c"`
	Run           string
	Place         int
	Content       []byte
}

func seenBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("r.platform = ? AND r.account = ? AND r.livemode = ?", scope.Platform, scope.Account, scope.Livemode)
	}
}

// Get is a run of the scope's account, or NotFound.
func (s *Service) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, run string) (*Run, error) {
	var row runRow
	err := seenBy(scope)(idb.NewSelect().Model(&row)).Where("r.id = ?", run).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("report run", run)
	}
	if err != nil {
		return nil, fmt.Errorf("read report run: %w", err)
	}
	return &row.Run, nil
}

// List is a page of the account's runs, newest first.
func (s *Service) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, p ListParams) (page.Of[*Run], error) {
	rows, err := page.Fetch[runRow](ctx, idb, p.Params, "report run", seenBy(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		return p.Created.Apply(q, "r.created_at")
	})
	if err != nil {
		return page.Of[*Run]{}, fmt.Errorf("list report runs: %w", err)
	}
	found := page.Of[*Run]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Run)
	}
	return found, nil
}

// Send writes the CSV of a succeeded run.
func (s *Service) Send(ctx context.Context, r *Run, w io.Writer) error {
	for place := 0; ; place++ {
		var chunks []chunkRow
		err := s.pool.NewSelect().Model(&chunks).Where("c.run = ? AND c.place = ?", r.ID, place).Scan(ctx)
		if err != nil {
			return fmt.Errorf("read report %s: %w", r.ID, err)
		}
		if len(chunks) == 0 {
			return nil
		}
		if _, err := w.Write(chunks[0].Content); err != nil {
			return err
		}
	}
}

// walk is the payouts that a run covers.
func (r *Run) walk(t Type) payouts.Walk {
	w := payouts.Walk{Platform: r.Platform, Livemode: r.Livemode, Account: r.Account, From: r.From, To: r.To, Currency: r.Currency, Payout: r.Payout}
	if t.Connected {
		w.Account, w.Connected = r.ConnectedAccount, true
	}
	return w
}

// mustHave refuses a run for a payout that its account does not see.
func (s *Service) mustHave(ctx context.Context, tx bun.Tx, r *Run) error {
	t, err := Find(r.Type)
	if err != nil {
		return err
	}
	there := false
	err = r.walk(t).Each(ctx, tx, func(found []*payouts.Payout) error {
		there = len(found) > 0
		return nil
	})
	if err == nil && !there {
		return fault.Invalidf("resource_missing", "parameters[payout]", "No such payout: '%s'", r.Payout)
	}
	return err
}

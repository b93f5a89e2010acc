package payouts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

type payoutRow struct {
	bun.BaseModel `bun:"table:payouts.payouts,alias:p"`
	Payout
}

// ListParams narrow GET /v1/payouts.
type ListParams struct {
	page.Params
	Status      string     `form:"status"`
	Created     page.Range `form:"created"`
	ArrivalDate page.Range `form:"arrival_date"`
	Destination string     `form:"destination"`
	Run         string     `form:"payout_run"`

	// Ours. Account is a platform's question: one of its accounts, or AllAccounts.
	Account string `form:"account"`
	Rail    string `form:"rail"`
	TraceID string `form:"trace_id"`
}

// AllAccounts are a platform and every account connected to it.
const AllAccounts = "all"

// asked are the payouts among which a list is narrowed.
func (p ListParams) asked(scope tenant.Scope) page.Filter {
	switch p.Account {
	case "":
		return seenBy(scope)
	case AllAccounts:
		return reachedFrom(scope)
	}
	return seenBy(scope.For(p.Account))
}

// List is a page of the account's payouts, newest first, or of those of the accounts
// that a platform asks for.
func (s *Service) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, params ListParams) (page.Of[*Payout], error) {
	rows, err := page.Fetch[payoutRow](ctx, idb, params.Params, "payout", params.asked(scope), params.narrow)
	if err != nil {
		return page.Of[*Payout]{}, fmt.Errorf("list payouts: %w", err)
	}
	found := page.Of[*Payout]{HasMore: rows.HasMore}
	for i := range rows.Items {
		found.Items = append(found.Items, &rows.Items[i].Payout)
	}
	return found, nil
}

func (p ListParams) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	for column, value := range map[string]string{
		"p.status": p.Status, "p.destination": p.Destination, "p.run": p.Run, "p.rail": p.Rail, "p.trace_id": p.TraceID,
	} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	return p.ArrivalDate.Apply(p.Created.Apply(q, "p.created_at"), "p.arrival_date")
}

// Totals adds up what a list with the same filters has.
func (s *Service) Totals(ctx context.Context, idb bun.IDB, scope tenant.Scope, params ListParams) (wire.ListTotals, error) {
	return page.Totals(ctx, idb, params.narrow(params.asked(scope)(idb.NewSelect().Model((*payoutRow)(nil)))), scope.Livemode)
}

func seenBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.platform = ? AND p.account = ? AND p.livemode = ?", scope.Platform, scope.Account, scope.Livemode)
	}
}

func find(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string, lock bool) (*Payout, error) {
	row := new(payoutRow)
	q := seenBy(scope)(idb.NewSelect().Model(row)).Where("p.id = ?", payout)
	if lock {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NoSuch("payout", payout)
	}
	if err != nil {
		return nil, fmt.Errorf("read payout: %w", err)
	}
	return &row.Payout, nil
}

// lock holds a payout that is known to exist.
func lock(ctx context.Context, tx bun.Tx, payout string) (*Payout, error) {
	row := new(payoutRow)
	if err := tx.NewSelect().Model(row).Where("p.id = ?", payout).For("UPDATE").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock payout %s: %w", payout, err)
	}
	return &row.Payout, nil
}

func insert(ctx context.Context, tx bun.Tx, payouts ...*Payout) error {
	if err := payoutTable.Insert(ctx, tx, payouts); err != nil {
		return fmt.Errorf("insert payouts: %w", err)
	}
	return nil
}

// payoutTable takes many payouts at once: their statement is prepared, and what it says
// does not grow with them.
var payoutTable = db.NewTable("payouts.payouts", "id",
	db.Text("id", func(p *Payout) string { return p.ID }),
	db.Text("platform", func(p *Payout) string { return p.Platform }),
	db.Text("account", func(p *Payout) string { return p.Account }),
	db.Bool("livemode", func(p *Payout) bool { return p.Livemode }),
	db.Int8("amount", func(p *Payout) int64 { return p.Amount }),
	db.Text("currency", func(p *Payout) money.Currency { return p.Currency }),
	db.Text("status", func(p *Payout) Status { return p.Status }),
	db.Bool("automatic", func(p *Payout) bool { return p.Automatic }),
	db.Text("destination", func(p *Payout) string { return p.Destination }),
	db.NullText("description", func(p *Payout) *string { return p.Description }),
	db.NullText("statement_descriptor", func(p *Payout) *string { return p.StatementDescriptor }),
	db.JSON("metadata", func(p *Payout) any { return p.Metadata }),
	db.Time("arrival_date", func(p *Payout) time.Time { return p.ArrivalDate }),
	db.Text("balance_transaction", func(p *Payout) string { return p.BalanceTransaction }),
	db.Text("failure_balance_transaction", func(p *Payout) string { return p.FailureBalanceTransaction }),
	db.Text("failure_code", func(p *Payout) string { return p.FailureCode }),
	db.Text("failure_message", func(p *Payout) string { return p.FailureMessage }),
	db.Text("trace_id", func(p *Payout) string { return p.TraceID }),
	db.Time("send_after", func(p *Payout) time.Time { return p.SendAfter }),
	db.Time("handed_over_at", func(p *Payout) time.Time { return p.HandedOverAt }),
	db.Time("ask_at", func(p *Payout) time.Time { return p.AskAt }),
	db.Time("created_at", func(p *Payout) time.Time { return p.CreatedAt }),
	db.Int8("version", func(p *Payout) int64 { return p.Version }),
	db.Text("rail", func(p *Payout) string { return p.Rail }),
	db.Text("method", func(p *Payout) string { return p.Method }),
	db.Text("batch", func(p *Payout) string { return p.Batch }),
	db.Text("run", func(p *Payout) string { return p.Run }),
	db.Text("original_payout", func(p *Payout) string { return p.OriginalPayout }),
	db.Text("reversed_by", func(p *Payout) string { return p.ReversedBy }),
	db.Text("retry_of", func(p *Payout) string { return p.RetryOf }),
	db.Text("retried_by", func(p *Payout) string { return p.RetriedBy }),
	db.Text("created_by", func(p *Payout) string { return p.CreatedBy }),
	db.Text("approval", func(p *Payout) Approval { return p.Approval }),
	db.Bool("held", func(p *Payout) bool { return p.Held }),
	db.Text("recall", func(p *Payout) Recall { return p.Recall }),
	db.Int8("share", func(p *Payout) int64 { return int64(p.Share) }),
	db.TextArray("siblings", func(p *Payout) []string { return p.Siblings }),
)

// save writes what can change of a locked payout.
func save(ctx context.Context, tx bun.Tx, p *Payout) error {
	_, err := tx.NewUpdate().Model(&payoutRow{Payout: *p}).
		Column("status", "metadata", "failure_balance_transaction", "failure_code", "failure_message", "trace_id",
			"send_after", "handed_over_at", "ask_at", "version", "arrival_date", "batch", "reversed_by", "retried_by", "approval",
			"held", "recall").
		Where("p.id = ?", p.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update payout %s: %w", p.ID, err)
	}
	return nil
}

// saveAllSQL writes what the bank's answers change, of many locked payouts at once.
const saveAllSQL = `
UPDATE payouts.payouts p SET
	status = v.status, failure_balance_transaction = v.failure_balance_transaction, failure_code = v.failure_code,
	failure_message = v.failure_message, trace_id = v.trace_id, ask_at = nullif(v.ask_at, '')::timestamptz,
	send_after = v.send_after::timestamptz, recall = v.recall, version = v.version
FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[])
	AS v (id, status, failure_balance_transaction, failure_code, failure_message, trace_id, ask_at, send_after, recall, version)
WHERE p.id = v.id`

func saveAll(ctx context.Context, tx bun.Tx, turns []turn) error {
	n := len(turns)
	ids, statuses, lines, codes, messages := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	traces, asks, sends, recalls, versions := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	for i := range turns {
		p := turns[i].p
		ids[i], statuses[i], lines[i], codes[i], messages[i] = p.ID, string(p.Status), p.FailureBalanceTransaction, p.FailureCode, p.FailureMessage
		traces[i], recalls[i], versions[i], sends[i] = p.TraceID, string(p.Recall), p.Version, p.SendAfter.Format(time.RFC3339Nano)
		if !p.AskAt.IsZero() {
			asks[i] = p.AskAt.Format(time.RFC3339Nano)
		}
	}
	_, err := tx.NewRaw(saveAllSQL, pgdialect.Array(ids), pgdialect.Array(statuses), pgdialect.Array(lines), pgdialect.Array(codes),
		pgdialect.Array(messages), pgdialect.Array(traces), pgdialect.Array(asks), pgdialect.Array(sends), pgdialect.Array(recalls),
		pgdialect.Array(versions)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update payouts: %w", err)
	}
	return nil
}

// batch bounds how many ids a job reads at once.
const batch = 200

// askable is a payout that a job works on.
type askable struct {
	ID   string
	Rail string
}

// toSend lists pending payouts after an id that may be handed over one by one, or
// are sealed and must be asked about.
func toSend(rails []string) finder {
	return func(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after string) (found []askable, err error) {
		err = idb.NewSelect().Model((*payoutRow)(nil)).Column("id", "rail").
			Where("p.livemode = ? AND p.status = 'pending' AND NOT p.held AND p.approval IN ('', 'approved')", livemode).
			Where("p.rail = ANY(?) AND p.send_after <= ? AND p.id > ?", pgdialect.Array(rails), now, after).
			OrderExpr("p.id").Limit(batch).Scan(ctx, &found)
		if err != nil {
			return nil, fmt.Errorf("find payouts to send: %w", err)
		}
		return found, nil
	}
}

// toAsk lists payouts in transit or paid whose fate the bank may know by now.
func toAsk(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, after string) (found []askable, err error) {
	err = idb.NewSelect().Model((*payoutRow)(nil)).Column("id", "rail").
		Where("p.livemode = ? AND p.ask_at <= ? AND p.id > ?", livemode, now, after).
		OrderExpr("p.id").Limit(batch).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find payouts to ask about: %w", err)
	}
	return found, nil
}

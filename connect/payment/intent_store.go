package payment

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type intentRow struct {
	bun.BaseModel `bun:"table:connect.payment_intents,alias:payment_intent"`
	Intent
}

// attemptColumns are what an attempt, a capture or a cancellation may change.
var attemptColumns = []string{
	"status", "payment_method", "latest_charge", "amount_capturable", "amount_received", "setup_future_usage",
	"return_url", "receipt_email", "capture_method", "last_payment_error", "next_action", "canceled_at", "cancellation_reason", "version",
}

func insertIntents(ctx context.Context, tx bun.Tx, intents []*Intent) error {
	if len(intents) == 0 {
		return nil
	}
	rows := make([]*intentRow, len(intents))
	for i, intent := range intents {
		rows[i] = &intentRow{Intent: *intent}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

func updateIntents(ctx context.Context, tx bun.Tx, intents []*Intent, columns ...string) error {
	if len(intents) == 0 {
		return nil
	}
	rows := make([]*intentRow, len(intents))
	for i, intent := range intents {
		rows[i] = &intentRow{Intent: *intent}
	}
	_, err := tx.NewUpdate().Model(&rows).Column(columns...).Bulk().Exec(ctx)
	return err
}

// lockIntents holds the rows for this transaction in id order, before any charge is locked.
func lockIntents(ctx context.Context, tx bun.Tx, ids []string) (map[string]*Intent, error) {
	found := make(map[string]*Intent, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*intentRow
	err := tx.NewSelect().Model(&rows).Where("id = ANY(?)", pgdialect.Array(ids)).Order("id").For("UPDATE").Scan(ctx)
	for _, row := range rows {
		found[row.ID] = &row.Intent
	}
	return found, err
}

// lockIntent is lockIntents for one intent of the scope.
func lockIntent(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string) (*Intent, error) {
	found, err := lockIntents(ctx, tx, []string{id})
	if err != nil {
		return nil, err
	}
	intent := found[id]
	if intent == nil || intent.Account != scope.Account || intent.Livemode != scope.Livemode {
		return nil, noSuchIntent(id)
	}
	return intent, nil
}

// GetIntent is the intent with this id in the scope, or NotFound.
func (s *Service) GetIntent(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Intent, error) {
	row := new(intentRow)
	err := owned(scope)(idb.NewSelect().Model(row)).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noSuchIntent(id)
	}
	return &row.Intent, err
}

// IntentFilter narrows a list of payment intents.
type IntentFilter struct {
	page.Params
	Created  page.Range `form:"created"`
	Customer string     `form:"customer"`
}

// ListIntents is a page of the scope's intents, newest first.
func (s *Service) ListIntents(ctx context.Context, idb bun.IDB, scope tenant.Scope, f IntentFilter) (page.Of[*Intent], error) {
	got, err := page.Fetch[intentRow](ctx, idb, f.Params, "payment_intent", owned(scope), func(q *bun.SelectQuery) *bun.SelectQuery {
		return where(f.Created.Apply(q, "payment_intent.created_at"), map[string]string{"customer": f.Customer})
	})
	out := page.Of[*Intent]{HasMore: got.HasMore, Items: make([]*Intent, len(got.Items))}
	for i := range got.Items {
		out.Items[i] = &got.Items[i].Intent
	}
	return out, err
}

func noSuchIntent(id string) error {
	f := fault.NoSuch("payment_intent", id)
	f.Param = "intent"
	return f
}

package payment

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
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

// intentTable is how many intents are written at once.
var intentTable = db.NewTable("connect.payment_intents", "id",
	db.Text("id", func(i *Intent) string { return i.ID }),
	db.Text("platform", func(i *Intent) string { return i.Platform }),
	db.Text("account", func(i *Intent) string { return i.Account }),
	db.Bool("livemode", func(i *Intent) bool { return i.Livemode }),
	db.Int8("amount", func(i *Intent) int64 { return i.Amount }),
	db.Text("currency", func(i *Intent) money.Currency { return i.Currency }),
	db.Text("status", func(i *Intent) IntentStatus { return i.Status }),
	db.Text("capture_method", func(i *Intent) string { return i.CaptureMethod }),
	db.Text("confirmation_method", func(i *Intent) string { return i.ConfirmationMethod }),
	db.Text("client_secret", func(i *Intent) string { return i.ClientSecret }),
	db.Text("payment_method", func(i *Intent) string { return i.PaymentMethod }),
	db.TextArray("payment_method_types", func(i *Intent) []string { return i.PaymentMethodTypes }),
	db.Text("customer", func(i *Intent) string { return i.Customer }),
	db.Text("latest_charge", func(i *Intent) string { return i.LatestCharge }),
	db.Int8("amount_capturable", func(i *Intent) int64 { return i.AmountCapturable }),
	db.Int8("amount_received", func(i *Intent) int64 { return i.AmountReceived }),
	db.JSON("terms", func(i *Intent) any { return i.Terms }),
	db.Text("on_behalf_of", func(i *Intent) string { return i.OnBehalfOf }),
	db.Text("transfer_group", func(i *Intent) string { return i.TransferGroup }),
	db.NullText("description", func(i *Intent) *string { return i.Description }),
	db.NullText("receipt_email", func(i *Intent) *string { return i.ReceiptEmail }),
	db.NullText("setup_future_usage", func(i *Intent) *string { return i.SetupFutureUsage }),
	db.NullText("statement_descriptor", func(i *Intent) *string { return i.StatementDescriptor }),
	db.NullText("statement_descriptor_suffix", func(i *Intent) *string { return i.StatementDescriptorSuffix }),
	db.Text("return_url", func(i *Intent) string { return i.ReturnURL }),
	db.JSON("shipping", func(i *Intent) any { return i.Shipping }),
	db.JSON("last_payment_error", func(i *Intent) any { return i.LastPaymentError }),
	db.JSON("next_action", func(i *Intent) any { return i.NextAction }),
	db.Time("canceled_at", func(i *Intent) time.Time { return i.CanceledAt }),
	db.NullText("cancellation_reason", func(i *Intent) *string { return i.CancellationReason }),
	db.JSON("metadata", func(i *Intent) any { return i.Metadata }),
	db.Time("created_at", func(i *Intent) time.Time { return i.CreatedAt }),
	db.Int8("version", func(i *Intent) int64 { return i.Version }),
)

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

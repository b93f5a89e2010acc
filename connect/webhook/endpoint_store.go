package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

type endpointRow struct {
	bun.BaseModel `bun:"table:connect.webhook_endpoints,alias:endpoint"`

	ID            string            `bun:"id,pk"`
	Account       string            `bun:"account"`
	Livemode      bool              `bun:"livemode"`
	Connect       bool              `bun:"connect"`
	URL           string            `bun:"url"`
	EnabledEvents []string          `bun:"enabled_events,array"`
	APIVersion    string            `bun:"api_version,nullzero"`
	Description   string            `bun:"description,nullzero"`
	Metadata      map[string]string `bun:"metadata,type:jsonb"`
	Disabled      bool              `bun:"disabled"`
	CreatedAt     time.Time         `bun:"created_at"`
	DeletedAt     time.Time         `bun:"deleted_at,nullzero"`

	Payload        string    `bun:"event_payload"`
	Ordered        bool      `bun:"ordered"`
	Paused         bool      `bun:"paused"`
	RateLimit      int       `bun:"rate_limit,nullzero"`
	MaxConcurrency int       `bun:"max_concurrency,nullzero"`
	RetrySchedule  []int64   `bun:"retry_schedule,array,nullzero"` // seconds
	DisabledAt     time.Time `bun:"disabled_at,nullzero"`
	DisabledReason string    `bun:"disabled_reason"`
	EventVersion   int64     `bun:"event_version"`
	Listener       string    `bun:"listener,nullzero"`
}

func (r endpointRow) endpoint() Endpoint {
	e := Endpoint{
		ID: r.ID, Account: r.Account, Livemode: r.Livemode, Connect: r.Connect, URL: r.URL,
		EnabledEvents: r.EnabledEvents, APIVersion: r.APIVersion, Description: r.Description,
		Metadata: r.Metadata, Disabled: r.Disabled, CreatedAt: r.CreatedAt.UTC(),
		Payload: Payload(r.Payload), Ordered: r.Ordered, Paused: r.Paused, RateLimit: r.RateLimit, MaxConcurrency: r.MaxConcurrency,
		DisabledReason: r.DisabledReason, EventVersion: r.EventVersion, Listener: r.Listener,
	}
	for _, seconds := range r.RetrySchedule {
		e.RetrySchedule = append(e.RetrySchedule, time.Duration(seconds)*time.Second)
	}
	if !r.DisabledAt.IsZero() {
		e.DisabledAt = r.DisabledAt.UTC()
	}
	return e
}

func rowOfEndpoint(e Endpoint) endpointRow {
	row := endpointRow{
		ID: e.ID, Account: e.Account, Livemode: e.Livemode, Connect: e.Connect, URL: e.URL,
		EnabledEvents: e.EnabledEvents, APIVersion: e.APIVersion, Description: e.Description,
		Metadata: e.Metadata, Disabled: e.Disabled, CreatedAt: e.CreatedAt,
		Payload: string(e.Payload), Ordered: e.Ordered, Paused: e.Paused, RateLimit: e.RateLimit, MaxConcurrency: e.MaxConcurrency,
		DisabledAt: e.DisabledAt, DisabledReason: e.DisabledReason, EventVersion: e.EventVersion, Listener: e.Listener,
	}
	for _, wait := range e.RetrySchedule {
		row.RetrySchedule = append(row.RetrySchedule, int64(wait/time.Second))
	}
	return row
}

func insertEndpoint(ctx context.Context, tx bun.Tx, e Endpoint) error {
	row := rowOfEndpoint(e)
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook endpoint: %w", err)
	}
	if _, err := tx.NewRaw(`INSERT INTO connect.webhook_health (endpoint) VALUES (?)`, e.ID).Exec(ctx); err != nil {
		return fmt.Errorf("insert webhook health: %w", err)
	}
	return nil
}

// ownedBy narrows to the endpoints of one account in one mode; listeners are not among them.
func ownedBy(scope tenant.Scope) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account = ? AND livemode = ? AND deleted_at IS NULL AND listener IS NULL", scope.Account, scope.Livemode)
	}
}

func countEndpoints(ctx context.Context, idb bun.IDB, scope tenant.Scope) (int64, error) {
	n, err := ownedBy(scope)(idb.NewSelect().Model((*endpointRow)(nil))).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count webhook endpoints: %w", err)
	}
	return int64(n), nil
}

func getEndpoint(ctx context.Context, idb bun.IDB, scope tenant.Scope, endpointID string) (Endpoint, error) {
	return selectEndpoint(ctx, idb.NewSelect(), scope, endpointID)
}

// lockEndpoint locks the row: the subscriber shares this lock while it writes
// deliveries, so none slips in as pending while the endpoint is being disabled.
func lockEndpoint(ctx context.Context, tx bun.Tx, scope tenant.Scope, endpointID string) (Endpoint, error) {
	return selectEndpoint(ctx, tx.NewSelect().For("UPDATE"), scope, endpointID)
}

func selectEndpoint(ctx context.Context, q *bun.SelectQuery, scope tenant.Scope, endpointID string) (Endpoint, error) {
	var row endpointRow
	err := ownedBy(scope)(q.Model(&row)).Where("id = ?", endpointID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Endpoint{}, fault.NoSuch("webhook endpoint", endpointID)
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("get webhook endpoint: %w", err)
	}
	return row.endpoint(), nil
}

func listEndpoints(ctx context.Context, idb bun.IDB, scope tenant.Scope, p page.Params) (page.Of[Endpoint], error) {
	rows, err := page.Fetch[endpointRow](ctx, idb, p, "webhook endpoint", ownedBy(scope), nil)
	if err != nil {
		return page.Of[Endpoint]{}, fmt.Errorf("list webhook endpoints: %w", err)
	}
	out := page.Of[Endpoint]{Items: make([]Endpoint, len(rows.Items)), HasMore: rows.HasMore}
	for i, row := range rows.Items {
		out.Items[i] = row.endpoint()
	}
	return out, nil
}

func updateEndpoint(ctx context.Context, tx bun.Tx, e Endpoint) error {
	row := rowOfEndpoint(e)
	_, err := tx.NewUpdate().Model(&row).
		Column("url", "enabled_events", "description", "metadata", "disabled", "disabled_at", "disabled_reason",
			"event_payload", "ordered", "paused", "rate_limit", "max_concurrency", "retry_schedule").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update webhook endpoint: %w", err)
	}
	return nil
}

func deleteEndpoint(ctx context.Context, tx bun.Tx, endpointID string, at time.Time) error {
	_, err := tx.NewUpdate().Model((*endpointRow)(nil)).
		Set("deleted_at = ?", at).Set("disabled = true").
		Where("id = ?", endpointID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete webhook endpoint: %w", err)
	}
	return deleteSecrets(ctx, tx, endpointID)
}

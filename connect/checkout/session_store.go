package checkout

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

type sessionRow struct {
	bun.BaseModel `bun:"table:connect.checkout_sessions,alias:checkout_session"`
	Session
}

func insertSession(ctx context.Context, tx bun.Tx, s *Session) error {
	if _, err := tx.NewInsert().Model(&sessionRow{Session: *s}).Exec(ctx); err != nil {
		return fmt.Errorf("insert checkout session: %w", err)
	}
	return nil
}

// Get is the session with this id in the scope, or NotFound.
func (s *Service) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (*Session, error) {
	row, err := findSession(ctx, idb.NewSelect(), id)
	if err != nil {
		return nil, err
	}
	if row == nil || row.Account != scope.Account || row.Livemode != scope.Livemode {
		return nil, fault.NoSuch("checkout.session", id)
	}
	return row, nil
}

// findSession is the session with this id, or nil.
func findSession(ctx context.Context, q *bun.SelectQuery, id string) (*Session, error) {
	row := new(sessionRow)
	err := q.Model(row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find checkout session: %w", err)
	}
	return &row.Session, nil
}

// lockSession holds the session's row for this transaction.
func lockSession(ctx context.Context, tx bun.Tx, id string) (*Session, error) {
	row, err := findSession(ctx, tx.NewSelect().For("UPDATE"), id)
	if err == nil && row == nil {
		err = fault.NoSuch("checkout.session", id)
	}
	return row, err
}

func updateSession(ctx context.Context, tx bun.Tx, s *Session, columns ...string) error {
	if _, err := tx.NewUpdate().Model(&sessionRow{Session: *s}).Column(columns...).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("update checkout session: %w", err)
	}
	return nil
}

// Filter narrows a list of sessions.
type Filter struct {
	page.Params
	Created         page.Range `form:"created"`
	Customer        string     `form:"customer"`
	PaymentIntent   string     `form:"payment_intent"`
	Status          string     `form:"status"`
	CustomerDetails *struct {
		Email string `form:"email,required"`
	} `form:"customer_details"`
}

// List is a page of the scope's sessions, newest first.
func (s *Service) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, f Filter) (page.Of[*Session], error) {
	switch Status(f.Status) {
	case "", Open, Complete, Expired:
	default:
		return page.Of[*Session]{}, fault.Invalidf("parameter_invalid", "status", "Invalid status: must be one of open, complete, or expired")
	}
	own := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.account = ? AND ?TableAlias.livemode = ?", scope.Account, scope.Livemode)
	}
	got, err := page.Fetch[sessionRow](ctx, idb, f.Params, "checkout.session", own, f.narrow)
	out := page.Of[*Session]{HasMore: got.HasMore, Items: make([]*Session, len(got.Items))}
	for i := range got.Items {
		out.Items[i] = &got.Items[i].Session
	}
	return out, err
}

func (f Filter) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = f.Created.Apply(q, "checkout_session.created_at")
	for column, value := range map[string]string{"customer": f.Customer, "payment_intent": f.PaymentIntent, "status": f.Status} {
		if value != "" {
			q = q.Where("?TableAlias.? = ?", bun.Ident(column), value)
		}
	}
	if f.CustomerDetails != nil {
		q = q.Where("lower(?TableAlias.buyer_email) = lower(?)", f.CustomerDetails.Email)
	}
	return q
}

// due lists open sessions that must be looked at: their time is over, or their intent
// has ended without anybody noticing. It goes on after the last one of the page before.
func due(ctx context.Context, idb bun.IDB, livemode bool, now time.Time, last string, limit int) (ids []string, err error) {
	const query = `
SELECT s.id FROM connect.checkout_sessions s LEFT JOIN connect.payment_intents i ON i.id = s.payment_intent
WHERE s.status = 'open' AND s.livemode = ? AND s.id > ?
  AND (s.expires_at <= ? OR i.status IN ('succeeded', 'requires_capture', 'canceled'))
ORDER BY s.id LIMIT ?`
	err = idb.NewRaw(query, livemode, last, now, limit).Scan(ctx, &ids)
	return ids, err
}

package session

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/id"
)

// Activity is one thing that happened to a person's sign-in.
type Activity struct {
	ID        string
	Kind      string // "signed_in", "password_changed", …
	Detail    string // a passkey's name, an account: never a secret
	IP        string
	UserAgent string
	At        time.Time
}

// Kinds of activity: a page has a text for each.
var Kinds = []string{
	"signed_up", "signed_in", "sign_in_failed", "sign_in_refused", "second_step_failed", "signed_out", "stepped_up", "step_up_failed",
	"email_verified", "password_changed", "password_change_failed", "password_reset_asked", "password_reset",
	"totp_on", "totp_off", "recovery_code_used", "recovery_codes_renewed", "passkey_added", "passkey_removed", "passkey_refused",
	"session_ended", "sessions_ended", "invited", "invitation_withdrawn", "joined", "role_changed", "left_team", "disabled", "enabled",
}

type activityRow struct {
	bun.BaseModel `bun:"table:oauth.security_events,alias:e"`

	ID        string    `bun:"id,pk"`
	UserID    string    `bun:"user_id,nullzero"`
	Kind      string    `bun:"kind"`
	Detail    string    `bun:"detail"`
	IP        string    `bun:"ip"`
	UserAgent string    `bun:"user_agent"`
	CreatedAt time.Time `bun:"created_at"`
}

// record appends one row. userID is "" for an attempt on an address that nobody
// has: it costs the same as one on an address that somebody has.
func (p *People) record(ctx context.Context, idb bun.IDB, at time.Time, from From, userID, kind, detail string) error {
	row := activityRow{ID: id.New("sev"), UserID: userID, Kind: kind, Detail: detail, IP: from.IP, UserAgent: from.UserAgent, CreatedAt: at}
	if _, err := idb.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	return nil
}

// TeamChange is what a person did to the team of an account.
type TeamChange struct {
	Seat  Seat
	Actor string // usr_…
	Kind  string // "invited", "invitation_withdrawn", "joined", "role_changed", "left_team"
	About string // usr_… or inv_…
	Role  Role   // "" when there is none any more
	IP    string
	At    time.Time
}

func (c TeamChange) detail() string {
	if c.Role == "" {
		return c.Seat.Account
	}
	return c.Seat.Account + " " + string(c.Role)
}

// recordTeam records a change of a team in the activity of whoever did it, and tells the audit.
func (p *People) recordTeam(ctx context.Context, tx bun.Tx, from From, c TeamChange) error {
	if err := p.record(ctx, tx, c.At, from, c.Actor, c.Kind, c.detail()); err != nil {
		return err
	}
	if p.cfg.Team == nil {
		return nil
	}
	c.IP = from.IP
	return p.cfg.Team(ctx, tx, c)
}

// Activity is what happened to a person's sign-in, newest first.
func (p *People) Activity(ctx context.Context, u User, limit int64) ([]Activity, error) {
	var rows []activityRow
	if err := p.pool.NewSelect().Model(&rows).Where("user_id = ?", u.ID).Order("id DESC").Limit(limit).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list activity: %w", err)
	}
	out := make([]Activity, len(rows))
	for i, r := range rows {
		out[i] = Activity{ID: r.ID, Kind: r.Kind, Detail: r.Detail, IP: r.IP, UserAgent: r.UserAgent, At: r.CreatedAt.UTC()}
	}
	return out, nil
}

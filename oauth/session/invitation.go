package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// InviteLife is how long an invitation can be accepted.
const InviteLife = 7 * 24 * time.Hour

// Invitation asks somebody to join a team. The link came by mail and counts once,
// for a person who signs in with that very address: a forwarded mail brings
// nobody else in.
type Invitation struct {
	ID        string // inv_…
	Seat      Seat
	Email     string
	Role      Role
	InvitedBy string // the name of the person
	CreatedAt time.Time
	ExpiresAt time.Time
}

type invitationRow struct {
	bun.BaseModel `bun:"table:oauth.invitations,alias:i"`

	ID          string    `bun:"id,pk"`
	Hash        []byte    `bun:"hash"`
	Account     string    `bun:"account"`
	Livemode    bool      `bun:"livemode"`
	Email       string    `bun:"email"`
	EmailKey    string    `bun:"email_key"`
	Role        string    `bun:"role"`
	InvitedBy   string    `bun:"invited_by"`
	CreatedAt   time.Time `bun:"created_at"`
	ExpiresAt   time.Time `bun:"expires_at"`
	InviterName string    `bun:"inviter_name,scanonly"`
}

func (r invitationRow) invitation() Invitation {
	return Invitation{
		ID: r.ID, Seat: Seat{r.Account, r.Livemode}, Email: r.Email, Role: Role(r.Role), InvitedBy: r.InviterName,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// maxInvitations bounds a team's open invitations.
const maxInvitations = 100

// Invite mails a link. A newer invitation of the same address takes the place of
// the older one. accountName is how the mail calls the account.
func (p *People) Invite(ctx context.Context, from From, actor Visit, seat Seat, accountName, email string, role Role) error {
	email, wrong := cleanEmail(email)
	if !role.Known() {
		wrong = errors.Join(wrong, errNoRole())
	}
	if wrong != nil {
		return wrong
	}
	if err := p.checkManager(ctx, p.pool, actor, seat); err != nil {
		return err
	}
	if err := p.allowMail(ctx, from, email); err != nil {
		return err
	}
	link := token()
	locale := actor.User.Locale // what the invited person reads is not known
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		if err := p.checkManager(ctx, tx, actor, seat); err != nil {
			return err
		}
		if err := checkInvitable(ctx, tx, seat, email); err != nil {
			return err
		}
		now := p.clock.Now()
		row := invitationRow{
			ID: id.New("inv"), Hash: p.keyed("invitation", link), Account: seat.Account, Livemode: seat.Livemode, Email: email, EmailKey: emailKey(email),
			Role: string(role), InvitedBy: actor.User.ID, CreatedAt: now, ExpiresAt: now.Add(InviteLife),
		}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT ON CONSTRAINT invitations_one_each DO UPDATE").
			Set("id = EXCLUDED.id, hash = EXCLUDED.hash, email = EXCLUDED.email, role = EXCLUDED.role, invited_by = EXCLUDED.invited_by").
			Set("created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("insert invitation: %w", err)
		}
		return p.recordTeam(ctx, tx, from, TeamChange{Seat: seat, Actor: actor.User.ID, Kind: "invited", About: row.ID, Role: role, At: now})
	})
	if err != nil {
		return err
	}
	return p.post(mailTo{email, locale}, "invitation", map[string]string{
		"link": p.cfg.BaseURL + "/invitations/" + link.Reveal(), "name": actor.User.Name, "account": accountName,
	})
}

// checkInvitable refuses members, and more invitations than anybody needs.
func checkInvitable(ctx context.Context, tx bun.Tx, seat Seat, email string) error {
	var members, invited int
	err := tx.NewRaw(`SELECT
		(SELECT count(*) FROM oauth.memberships AS m JOIN oauth.users AS u ON u.id = m.user_id WHERE m.account = ?0 AND m.livemode = ?1 AND u.email_key = ?2),
		(SELECT count(*) FROM oauth.invitations WHERE account = ?0 AND livemode = ?1)`, seat.Account, seat.Livemode, emailKey(email)).Scan(ctx, &members, &invited)
	switch {
	case err != nil:
		return fmt.Errorf("look for members: %w", err)
	case members > 0:
		return fault.Invalidf("already_member", "email", "This person is on the team already.")
	case invited >= maxInvitations:
		return fault.Invalidf("invitations_full", "email", "There are too many open invitations.")
	}
	return nil
}

// Invitations are a team's that can still be accepted, oldest first.
func (p *People) Invitations(ctx context.Context, seat Seat) ([]Invitation, error) {
	var rows []invitationRow
	err := invitationsOf(p.pool, &rows).Where("i.account = ? AND i.livemode = ? AND i.expires_at > ?", seat.Account, seat.Livemode, p.clock.Now()).Order("i.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	out := make([]Invitation, len(rows))
	for i, r := range rows {
		out[i] = r.invitation()
	}
	return out, nil
}

func invitationsOf(idb bun.IDB, into any) *bun.SelectQuery {
	return idb.NewSelect().Model(into).ColumnExpr("i.*, u.name AS inviter_name").Join("JOIN oauth.users AS u ON u.id = i.invited_by")
}

// Invitation is what a link offers; false when it is used, withdrawn or too old.
// Looking does not use it.
func (p *People) Invitation(ctx context.Context, link secret.Text) (Invitation, bool, error) {
	var row invitationRow
	err := invitationsOf(p.pool, &row).Where("i.hash = ? AND i.expires_at > ?", p.keyed("invitation", link), p.clock.Now()).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Invitation{}, false, nil
	}
	if err != nil {
		return Invitation{}, false, fmt.Errorf("find invitation: %w", err)
	}
	return row.invitation(), true, nil
}

// Accept uses an invitation up and makes the person a member.
func (p *People) Accept(ctx context.Context, from From, v Visit, link secret.Text) (Seat, error) {
	var row invitationRow
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		now := p.clock.Now()
		user, err := lockUser(ctx, tx, v.User.ID)
		if err != nil {
			return err
		}
		// The address is part of the condition: the wrong person does not use the link up.
		err = tx.NewRaw("DELETE FROM oauth.invitations WHERE hash = ? AND expires_at > ? AND email_key = ? RETURNING *",
			p.keyed("invitation", link), now, user.EmailKey).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) || err == nil && user.EmailVerifiedAt.IsZero() {
			return errLink()
		}
		if err != nil {
			return fmt.Errorf("use invitation: %w", err)
		}
		if err := p.Join(ctx, tx, now, user.ID, row.Account, row.Livemode, Role(row.Role)); err != nil {
			return err
		}
		return p.recordTeam(ctx, tx, from, TeamChange{
			Seat: Seat{row.Account, row.Livemode}, Actor: user.ID, Kind: "joined", About: user.ID, Role: Role(row.Role), At: now,
		})
	})
	return Seat{row.Account, row.Livemode}, err
}

// Withdraw takes an invitation back.
func (p *People) Withdraw(ctx context.Context, from From, actor Visit, seat Seat, invitationID string) error {
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		if err := p.checkManager(ctx, tx, actor, seat); err != nil {
			return err
		}
		result, err := tx.NewDelete().Model((*invitationRow)(nil)).
			Where("id = ? AND account = ? AND livemode = ?", invitationID, seat.Account, seat.Livemode).Exec(ctx)
		if err := changedOne(result, err, "withdraw invitation"); err != nil {
			return err
		}
		return p.recordTeam(ctx, tx, from, TeamChange{
			Seat: seat, Actor: actor.User.ID, Kind: "invitation_withdrawn", About: invitationID, At: p.clock.Now(),
		})
	})
}

// Names of the cookie that carries an invitation's link through signing in or up,
// so that it stands in no address on the way.
const (
	secureInvitationCookie = "__Host-sluice_invitation"
	plainInvitationCookie  = "sluice_invitation"
	invitationCookieLife   = 2 * time.Hour
)

func (p *People) invitationCookie() string {
	if p.secure {
		return secureInvitationCookie
	}
	return plainInvitationCookie
}

// SetInvitationCookie keeps a link in the browser; a zero one takes it back.
func (p *People) SetInvitationCookie(w http.ResponseWriter, link secret.Text) {
	life := invitationCookieLife
	if len(link.Reveal()) != cookieLength {
		link, life = secret.Text{}, -time.Second
	}
	http.SetCookie(w, p.newCookie(p.invitationCookie(), link.Reveal(), life))
}

// InvitationCookie is the link that this browser keeps.
func (p *People) InvitationCookie(r *http.Request) secret.Text {
	return p.cookie(r, p.invitationCookie())
}

package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
)

// Member is a person's role on an account, in one mode.
type Member struct {
	User     string // usr_…
	Account  string // acct_…
	Livemode bool
	Role     Role
	JoinedAt time.Time
	Name     string // of the person
	Email    string
}

type memberRow struct {
	bun.BaseModel `bun:"table:oauth.memberships,alias:m"`

	Account   string    `bun:"account,pk"`
	Livemode  bool      `bun:"livemode,pk"`
	UserID    string    `bun:"user_id,pk"`
	Role      string    `bun:"role"`
	CreatedAt time.Time `bun:"created_at"`
	Name      string    `bun:"name,scanonly"`
	Email     string    `bun:"email,scanonly"`
}

func (r memberRow) member() Member {
	return Member{User: r.UserID, Account: r.Account, Livemode: r.Livemode, Role: Role(r.Role), JoinedAt: r.CreatedAt.UTC(), Name: r.Name, Email: r.Email}
}

// maxMembers bounds the lists of both directions.
const maxMembers = 500

// Members are the accounts of a person, the latest first.
func (p *People) Members(ctx context.Context, idb bun.IDB, user string) ([]Member, error) {
	return p.members(ctx, idb.NewSelect().Where("m.user_id = ?", user).Order("m.created_at DESC", "m.account DESC"))
}

// Team are the people of an account in one mode, in the order in which they came.
func (p *People) Team(ctx context.Context, idb bun.IDB, account string, livemode bool) ([]Member, error) {
	return p.members(ctx, idb.NewSelect().Where("m.account = ? AND m.livemode = ?", account, livemode).Order("m.created_at", "m.user_id"))
}

func (p *People) members(ctx context.Context, q *bun.SelectQuery) ([]Member, error) {
	var rows []memberRow
	err := q.Model(&rows).Column("m.account", "m.livemode", "m.user_id", "m.role", "m.created_at").
		ColumnExpr("u.name, u.email").Join("JOIN oauth.users AS u ON u.id = m.user_id").Limit(maxMembers).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	out := make([]Member, len(rows))
	for i, row := range rows {
		out[i] = row.member()
	}
	return out, nil
}

// RoleOf is what the person is for the account, if anything.
func (p *People) RoleOf(ctx context.Context, idb bun.IDB, user, account string, livemode bool) (Role, bool, error) {
	var role string
	err := idb.NewRaw("SELECT role FROM oauth.memberships WHERE account = ? AND livemode = ? AND user_id = ?", account, livemode, user).Scan(ctx, &role)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("ask for a role: %w", err)
	}
	return Role(role), true, nil
}

// Join makes a person a member. Who is one already keeps the role.
func (p *People) Join(ctx context.Context, tx bun.Tx, at time.Time, user, account string, livemode bool, role Role) error {
	if !role.Known() {
		return errNoRole()
	}
	row := memberRow{Account: account, Livemode: livemode, UserID: user, Role: string(role), CreatedAt: at}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert membership: %w", err)
	}
	return nil
}

func errNoRole() error { return fault.Invalidf("role_unknown", "role", "Choose one of the roles.") }

// Seat is a place at an account's team.
type Seat struct {
	Account  string
	Livemode bool
}

// checkManager refuses whoever may not change the team, or has not proven to be there lately.
func (p *People) checkManager(ctx context.Context, idb bun.IDB, actor Visit, seat Seat) error {
	role, _, err := p.RoleOf(ctx, idb, actor.User.ID, seat.Account, seat.Livemode)
	switch {
	case err != nil:
		return err
	case role == "":
		return fault.NoSuch("account", seat.Account)
	case !role.May(ManageTeam):
		return &fault.Error{Kind: fault.Forbidden, Code: "role_required", Message: "Only owners manage the team."}
	}
	return p.checkFresh(actor)
}

func (p *People) checkFresh(v Visit) error {
	if p.Fresh(v) {
		return nil
	}
	return &fault.Error{Kind: fault.Forbidden, Code: "step_up_required", Message: "Please confirm that it is you."}
}

// ChangeRole gives a member another role. The last owner stays owner.
func (p *People) ChangeRole(ctx context.Context, from From, actor Visit, seat Seat, user string, role Role) error {
	if !role.Known() {
		return errNoRole()
	}
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		owners, err := lockOwners(ctx, tx, seat)
		if err != nil {
			return err
		}
		if err := p.checkManager(ctx, tx, actor, seat); err != nil {
			return err
		}
		if role != Owner && isLast(owners, user) {
			return errLastOwner()
		}
		result, err := tx.NewUpdate().Model((*memberRow)(nil)).Set("role = ?", string(role)).
			Where("account = ? AND livemode = ? AND user_id = ?", seat.Account, seat.Livemode, user).Exec(ctx)
		if err := changedOne(result, err, "change role"); err != nil {
			return err
		}
		if err := endInvitations(ctx, tx, seat, user, role); err != nil {
			return err
		}
		return p.recordBoth(ctx, tx, from, actor, TeamChange{Seat: seat, Kind: "role_changed", About: user, Role: role})
	})
}

// Remove takes a member off the team. Everybody may leave; the last owner may not.
func (p *People) Remove(ctx context.Context, from From, actor Visit, seat Seat, user string) error {
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		owners, err := lockOwners(ctx, tx, seat)
		if err != nil {
			return err
		}
		if user != actor.User.ID {
			if err := p.checkManager(ctx, tx, actor, seat); err != nil {
				return err
			}
		}
		if isLast(owners, user) {
			return errLastOwner()
		}
		result, err := tx.NewDelete().Model((*memberRow)(nil)).
			Where("account = ? AND livemode = ? AND user_id = ?", seat.Account, seat.Livemode, user).Exec(ctx)
		if err := changedOne(result, err, "remove member"); err != nil {
			return err
		}
		if err := endInvitations(ctx, tx, seat, user, ""); err != nil {
			return err
		}
		return p.recordBoth(ctx, tx, from, actor, TeamChange{Seat: seat, Kind: "left_team", About: user})
	})
}

// endInvitations takes back what somebody offered who does not manage the team any
// more: else whoever is put out comes in again as the guest of their own invitation.
func endInvitations(ctx context.Context, tx bun.Tx, seat Seat, user string, role Role) error {
	if role.May(ManageTeam) {
		return nil
	}
	_, err := tx.NewDelete().Model((*invitationRow)(nil)).
		Where("account = ? AND livemode = ? AND invited_by = ?", seat.Account, seat.Livemode, user).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end invitations: %w", err)
	}
	return nil
}

// lockOwners locks the owners' rows, in order of user, before anything is decided:
// of two owners who remove one another at once, the second finds itself removed.
func lockOwners(ctx context.Context, tx bun.Tx, seat Seat) (owners []string, err error) {
	err = tx.NewRaw("SELECT user_id FROM oauth.memberships WHERE account = ? AND livemode = ? AND role = 'owner' ORDER BY user_id FOR UPDATE",
		seat.Account, seat.Livemode).Scan(ctx, &owners)
	if err != nil {
		return nil, fmt.Errorf("lock owners: %w", err)
	}
	return owners, nil
}

func isLast(owners []string, user string) bool { return len(owners) == 1 && owners[0] == user }

func errLastOwner() error {
	return &fault.Error{Kind: fault.Conflict, Code: "last_owner", Message: "An account needs an owner. Make somebody else owner first."}
}

func changedOne(result sql.Result, err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.NoSuch("member", ""))
	}
	return nil
}

// recordBoth writes what one person did to another in the activity of both.
func (p *People) recordBoth(ctx context.Context, tx bun.Tx, from From, actor Visit, c TeamChange) error {
	c.Actor, c.At = actor.User.ID, p.clock.Now()
	if err := p.recordTeam(ctx, tx, from, c); err != nil || c.About == c.Actor {
		return err
	}
	return p.record(ctx, tx, c.At, From{}, c.About, c.Kind, c.detail())
}

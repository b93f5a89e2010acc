package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// What roles mean, on one screen. A change here is a change of policy.
const matrix = `
            connect disconnect edit_account edit_bank manage_team read
owner       yes     yes        yes          yes       yes         yes
developer   yes     yes        -            -         -           yes
finance     -       -          yes          yes       -           yes
support     -       -          -            -         -           yes
viewer      -       -          -            -         -           yes
`

func TestRolesMayWhatTheMatrixSays(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	actions := strings.Fields(lines[0])
	if len(actions) != len(session.Actions) || len(lines)-1 != len(session.Roles) {
		t.Fatal("the matrix does not show every role and action")
	}
	for i, line := range lines[1:] {
		cells := strings.Fields(line)
		role := session.Role(cells[0])
		if role != session.Roles[i] || !role.Known() {
			t.Errorf("row %d is %s", i, role)
		}
		for j, action := range actions {
			if session.Actions[j] != session.Action(action) || role.May(session.Action(action)) != (cells[j+1] == "yes") {
				t.Errorf("%s may %s: %v", role, action, role.May(session.Action(action)))
			}
		}
		if role.May("fly") {
			t.Errorf("%s may fly", role)
		}
	}
	if session.Role("king").May(session.Read) || session.Role("").May(session.Read) || session.Role("king").Known() {
		t.Error("an unknown role may something")
	}
}

var shop = session.Seat{Account: "acct_shop"}

func (d *desk) join(t testing.TB, u session.User, seat session.Seat, role session.Role) {
	t.Helper()
	d.in(t, func(ctx context.Context, tx bun.Tx) error {
		return d.people.Join(ctx, tx, d.clock.Now(), u.ID, seat.Account, seat.Livemode, role)
	})
}

func (d *desk) role(t testing.TB, u session.User, seat session.Seat) session.Role {
	t.Helper()
	role, _, err := d.people.RoleOf(t.Context(), d.pool, u.ID, seat.Account, seat.Livemode)
	must(t, err)
	return role
}

func TestMembershipIsOfOneModeAndKeepsItsFirstRole(t *testing.T) {
	d := newDesk(t)
	ada := d.user(t, "ada@example.com")
	d.join(t, ada, shop, session.Finance)
	d.join(t, ada, shop, session.Owner) // joins again: no promotion
	live := session.Seat{Account: shop.Account, Livemode: true}
	if d.role(t, ada, shop) != session.Finance || d.role(t, ada, live) != "" {
		t.Fatal("role or mode are mixed up")
	}
	d.join(t, ada, live, session.Viewer)
	list, err := d.people.Members(t.Context(), d.pool, ada.ID)
	must(t, err)
	if len(list) != 2 || list[0].Email != "ada@example.com" {
		t.Fatalf("%+v", list)
	}
}

func TestInvitationBringsInItsAddressAndNobodyElse(t *testing.T) {
	d := newDesk(t)
	ada, bea, eve := d.user(t, "ada@example.com"), d.user(t, "bea@example.com"), d.user(t, "eve@example.com")
	d.join(t, ada, shop, session.Owner)
	boss, guest, thief := d.signedIn(t, "ada@example.com"), d.signedIn(t, "bea@example.com"), d.signedIn(t, "eve@example.com")
	must(t, d.people.Invite(t.Context(), home, boss.Visit, shop, "Ada's Shop", "Bea@example.com", session.Finance))
	letter := d.mail.last(t, "Bea@example.com")
	if !strings.Contains(letter.Subject, "Ada Wong invites you to Ada's Shop") {
		t.Fatalf("subject %q", letter.Subject)
	}
	link := d.mail.link(t, "Bea@example.com", "https://pay.example/invitations/")
	inv, found, err := d.people.Invitation(t.Context(), link)
	if err != nil || !found || inv.Role != session.Finance || inv.InvitedBy != "Ada Wong" || inv.Seat != shop {
		t.Fatalf("%+v %v %v", inv, found, err)
	}
	_, err = d.people.Accept(t.Context(), home, thief.Visit, link)
	wants(t, err, "link_expired")
	seat, err := d.people.Accept(t.Context(), home, guest.Visit, link)
	must(t, err)
	if seat != shop || d.role(t, bea, shop) != session.Finance || d.role(t, eve, shop) != "" {
		t.Fatal("the wrong person is in")
	}
	_, err = d.people.Accept(t.Context(), home, guest.Visit, link)
	wants(t, err, "link_expired")
	wants(t, d.people.Invite(t.Context(), home, boss.Visit, shop, "Ada's Shop", "bea@EXAMPLE.com", session.Owner), "already_member")
}

func TestInvitationEndsIsReplacedAndWithdrawn(t *testing.T) {
	d := newDesk(t)
	ada := d.user(t, "ada@example.com")
	d.user(t, "bea@example.com")
	d.join(t, ada, shop, session.Owner)
	guest := d.signedIn(t, "bea@example.com")
	invite := func(role session.Role) secret.Text {
		d.clock.Advance(time.Hour)
		boss := d.signedIn(t, "ada@example.com")
		must(t, d.people.Invite(t.Context(), home, boss.Visit, shop, "Shop", "bea@example.com", role))
		return d.mail.link(t, "bea@example.com", "/invitations/")
	}
	accept := func(link secret.Text) string {
		_, err := d.people.Accept(t.Context(), home, guest.Visit, link)
		return code(t, err)
	}
	first, second := invite(session.Viewer), invite(session.Support)
	if open, err := d.people.Invitations(t.Context(), shop); err != nil || len(open) != 1 || open[0].Role != session.Support {
		t.Fatalf("%+v %v", open, err)
	}
	if accept(first) != "link_expired" {
		t.Error("a replaced invitation works")
	}
	open, _ := d.people.Invitations(t.Context(), shop)
	boss := d.signedIn(t, "ada@example.com")
	must(t, d.people.Withdraw(t.Context(), home, boss.Visit, shop, open[0].ID))
	if accept(second) != "link_expired" {
		t.Error("a withdrawn invitation works")
	}
	late := invite(session.Viewer)
	d.clock.Advance(session.InviteLife)
	if accept(late) != "link_expired" {
		t.Error("an old invitation works")
	}
}

func TestInvitationsEndWithTheRightToInvite(t *testing.T) {
	d := newDesk(t)
	ada, eve := d.user(t, "ada@example.com"), d.user(t, "eve@example.com")
	d.user(t, "friend@example.com")
	live := session.Seat{Account: shop.Account, Livemode: true}
	putOut := func(boss session.Visit) error { return d.people.Remove(t.Context(), home, boss, shop, eve.ID) }
	demoted := func(boss session.Visit) error {
		return d.people.ChangeRole(t.Context(), home, boss, shop, eve.ID, session.Finance)
	}
	for _, end := range []func(boss session.Visit) error{putOut, demoted} { // whoever is put out joins as an owner again; who is demoted stays
		for _, seat := range []session.Seat{shop, live} {
			d.join(t, ada, seat, session.Owner)
			d.join(t, eve, seat, session.Owner)
		}
		rogue := d.signedIn(t, "eve@example.com")
		must(t, d.people.Invite(t.Context(), home, rogue.Visit, shop, "Ada's Shop", "friend@example.com", session.Owner))
		link := d.mail.link(t, "friend@example.com", "https://pay.example/invitations/")
		must(t, d.people.Invite(t.Context(), home, rogue.Visit, live, "Ada's Shop", "other@example.com", session.Owner))
		must(t, end(d.signedIn(t, "ada@example.com").Visit))
		_, err := d.people.Accept(t.Context(), home, d.signedIn(t, "friend@example.com").Visit, link)
		wants(t, err, "link_expired")
		if open, err := d.people.Invitations(t.Context(), live); err != nil || len(open) != 1 {
			t.Errorf("where Eve still is an owner: %d invitations, %v", len(open), err)
		}
		d.clock.Advance(time.Hour) // mails to one address wait
	}
}

func TestOnlyFreshOwnersManageTheTeam(t *testing.T) {
	d := newDesk(t)
	people := map[session.Role]session.User{}
	for _, role := range session.Roles {
		people[role] = d.user(t, string(role)+"@example.com")
		d.join(t, people[role], shop, role)
	}
	d.user(t, "stranger@example.com")
	victim := d.user(t, "victim@example.com")
	d.join(t, victim, shop, session.Viewer)
	for name, want := range map[string]string{
		"owner": "", "developer": "role_required", "finance": "role_required", "support": "role_required", "viewer": "role_required", "stranger": "resource_missing",
	} {
		e := d.signedIn(t, name+"@example.com")
		wants(t, d.people.ChangeRole(t.Context(), home, e.Visit, shop, victim.ID, session.Support), want)
		wants(t, d.people.Invite(t.Context(), home, e.Visit, shop, "Shop", name+"-friend@example.com", session.Viewer), want)
		if want != "" {
			wants(t, d.people.Remove(t.Context(), home, e.Visit, shop, victim.ID), want)
		}
	}
	owner := d.signedIn(t, "owner@example.com")
	d.clock.Advance(session.FreshFor)
	stale, _ := d.visit(t, owner)
	wants(t, d.people.Remove(t.Context(), home, stale, shop, victim.ID), "step_up_required")
	viewer := d.signedIn(t, "viewer@example.com")
	must(t, d.people.Remove(t.Context(), home, viewer.Visit, shop, viewer.User.ID)) // everybody may leave
	wants(t, d.people.ChangeRole(t.Context(), home, d.signedIn(t, "owner@example.com").Visit, session.Seat{Account: shop.Account, Livemode: true}, victim.ID, session.Owner), "resource_missing")
}

func TestAccountAlwaysKeepsAnOwner(t *testing.T) {
	d := newDesk(t)
	ada := d.user(t, "ada@example.com")
	d.join(t, ada, shop, session.Owner)
	e := d.signedIn(t, "ada@example.com")
	wants(t, d.people.Remove(t.Context(), home, e.Visit, shop, ada.ID), "last_owner")
	wants(t, d.people.ChangeRole(t.Context(), home, e.Visit, shop, ada.ID, session.Viewer), "last_owner")
	for round := range 10 {
		// Two owners remove one another, or step down, at once: one of them stays.
		bea := d.user(t, strings.Repeat("b", round+1)+"@example.com")
		d.join(t, bea, shop, session.Owner)
		other := d.signedIn(t, bea.Email)
		first := must2(d.people.Team(t.Context(), d.pool, shop.Account, false))[0]
		mine := d.signedIn(t, first.Email)
		var work sync.WaitGroup
		for _, move := range []func() error{
			func() error { return d.people.Remove(t.Context(), home, mine.Visit, shop, other.User.ID) },
			func() error {
				if round%2 == 0 {
					return d.people.Remove(t.Context(), home, other.Visit, shop, mine.User.ID)
				}
				return d.people.ChangeRole(t.Context(), home, other.Visit, shop, mine.User.ID, session.Viewer)
			},
		} {
			work.Go(func() {
				if err := move(); err != nil && fault.As(err) == nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		owners := 0
		for _, m := range must2(d.people.Team(t.Context(), d.pool, shop.Account, false)) {
			if m.Role == session.Owner {
				owners++
			} else {
				d.in(t, func(ctx context.Context, tx bun.Tx) error {
					_, err := tx.NewRaw("DELETE FROM oauth.memberships WHERE user_id = ?", m.User).Exec(ctx)
					return err
				})
			}
		}
		if owners != 1 {
			t.Fatalf("round %d: %d owners", round, owners)
		}
	}
}

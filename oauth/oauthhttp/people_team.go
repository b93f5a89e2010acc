package oauthhttp

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

type accountsData struct {
	Done     string
	Name     string
	Accounts []accountLine
}

type accountLine struct {
	session.Member
	AccountName string
	RoleKey     string
	Mode        string
	Edits       bool
}

// names are what the accounts are called; one without a name shows its id.
func (d *peopleDoor) names(r *http.Request, accounts ...string) (map[string]string, error) {
	named := map[string]string{}
	if len(accounts) > 0 && d.Names != nil {
		var err error
		if named, err = d.Names.AccountNames(r.Context(), accounts); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	for _, account := range accounts {
		if out[account] = named[account]; out[account] == "" {
			out[account] = account
		}
	}
	return out, nil
}

func modeOf(livemode bool) string {
	if livemode {
		return "live"
	}
	return "test"
}

func roleKey(role session.Role) string { return "team.role." + string(role) }

func (d *peopleDoor) showAccounts(w http.ResponseWriter, r *http.Request, v session.Visit) {
	members, err := d.People.Members(r.Context(), d.Pool, v.User.ID)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	var ids []string
	for _, m := range members {
		ids = append(ids, m.Account)
	}
	names, err := d.names(r, ids...)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	data := accountsData{Done: doneOf(r, "left"), Name: v.User.Name}
	for _, m := range members {
		data.Accounts = append(data.Accounts, accountLine{Member: m, AccountName: names[m.Account], RoleKey: roleKey(m.Role), Mode: modeOf(m.Livemode), Edits: m.Role.May(session.EditAccount)})
	}
	d.pages.Render(w, r, "people-accounts", d.personal(v, "people.accounts.title", "accounts", data))
}

// seat finds which account and mode a team page is about, and the person's role
// there: the mode that the address asks for, or the one that the person is in.
// Who has no role sees no more than that there is no such page.
func (d *peopleDoor) seat(w http.ResponseWriter, r *http.Request, v session.Visit) (session.Seat, session.Role, bool) {
	seat := session.Seat{Account: segment(r, 2)}
	modes := []bool{true, false}
	mode := r.URL.Query().Get("mode")
	if mode == "" {
		mode = r.PostForm.Get("mode")
	}
	switch mode {
	case "live":
		modes = modes[:1]
	case "test":
		modes = modes[1:]
	}
	for _, livemode := range modes {
		role, found, err := d.People.RoleOf(r.Context(), d.Pool, v.User.ID, seat.Account, livemode)
		if err != nil {
			d.broken(w, r, err)
			return seat, "", false
		}
		if found {
			seat.Livemode = livemode
			return seat, role, true
		}
	}
	d.pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "/accounts", ui.View{})
	return seat, "", false
}

type teamData struct {
	Done        string
	Zone        *time.Location
	Account     string
	AccountName string
	Mode        string
	Path        string
	Members     []memberLine
	Invitations []invitationLine
	Manages     bool
	Roles       []ui.Option
}

type memberLine struct {
	session.Member
	RoleKey string
	You     bool
	Roles   *ui.Form // the present role, for the row's select
}

type invitationLine struct {
	session.Invitation
	RoleKey string
}

func (d *peopleDoor) teamPage(w http.ResponseWriter, r *http.Request, v session.Visit, seat session.Seat, role session.Role, form *ui.Form) {
	names, err := d.names(r, seat.Account)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	team, err := d.People.Team(r.Context(), d.Pool, seat.Account, seat.Livemode)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	data := teamData{
		Done: doneOf(r, "invited", "role", "removed", "withdrawn"), Zone: d.Zone, Account: seat.Account, AccountName: names[seat.Account],
		Mode: modeOf(seat.Livemode), Path: "/accounts/" + seat.Account + "/team", Manages: role.May(session.ManageTeam),
	}
	for _, m := range team {
		data.Members = append(data.Members, memberLine{
			Member: m, RoleKey: roleKey(m.Role), You: m.User == v.User.ID, Roles: ui.NewForm(map[string][]string{"role": {string(m.Role)}}),
		})
	}
	if data.Manages {
		open, err := d.People.Invitations(r.Context(), seat)
		if err != nil {
			d.broken(w, r, err)
			return
		}
		for _, i := range open {
			data.Invitations = append(data.Invitations, invitationLine{Invitation: i, RoleKey: roleKey(i.Role)})
		}
		for _, known := range session.Roles {
			data.Roles = append(data.Roles, ui.Option{Value: string(known), Key: roleKey(known), Hint: roleKey(known) + ".hint"})
		}
	}
	view := d.personal(v, "team.title", "accounts", data)
	view.Testmode, view.Form, view.Status = !seat.Livemode, form, shownStatus(w)
	view.Back = &ui.Link{Href: "/accounts", Key: "people.nav.accounts"}
	d.pages.Render(w, r, "people-team", view)
}

func (d *peopleDoor) showTeam(w http.ResponseWriter, r *http.Request, v session.Visit) {
	if seat, role, ok := d.seat(w, r, v); ok {
		d.teamPage(w, r, v, seat, role, ui.NewForm(nil))
	}
}

func teamPath(seat session.Seat) string {
	return "/accounts/" + seat.Account + "/team?mode=" + modeOf(seat.Livemode)
}

// changeTeam does one thing to the team and shows it again.
func (d *peopleDoor) changeTeam(w http.ResponseWriter, r *http.Request, v session.Visit, done string, do func(seat session.Seat, form *ui.Form) error) {
	seat, role, ok := d.seat(w, r, v)
	if !ok {
		return
	}
	form := ui.PostedForm(r)
	err := do(seat, form)
	switch {
	case err == nil && done == "left":
		d.goTo(w, r, "/accounts?done=left")
	case err == nil:
		d.goTo(w, r, teamPath(seat)+"&done="+done)
	case d.stale(w, r, err, teamPath(seat)):
	case fault.Is(err, fault.NotFound):
		d.goTo(w, r, teamPath(seat)) // somebody was quicker
	case d.fail(w, r, form, err):
		d.teamPage(w, r, v, seat, role, form)
	}
}

func (d *peopleDoor) invite(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.changeTeam(w, r, v, "invited", func(seat session.Seat, form *ui.Form) error {
		names, err := d.names(r, seat.Account)
		if err != nil {
			return err
		}
		return d.People.Invite(r.Context(), d.from(r), v, seat, names[seat.Account], form.Value("email"), session.Role(form.Value("role")))
	})
}

func (d *peopleDoor) changeRole(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.changeTeam(w, r, v, "role", func(seat session.Seat, form *ui.Form) error {
		return d.People.ChangeRole(r.Context(), d.from(r), v, seat, form.Value("user"), session.Role(form.Value("role")))
	})
}

func (d *peopleDoor) showRemoveMember(w http.ResponseWriter, r *http.Request, v session.Visit) {
	seat, role, ok := d.seat(w, r, v)
	if !ok {
		return
	}
	user := r.URL.Query().Get("user")
	if !role.May(session.ManageTeam) && user != v.User.ID {
		d.pages.ErrorPage(w, r, http.StatusForbidden, "ui.error.forbidden", teamPath(seat), ui.View{})
		return
	}
	team, err := d.People.Team(r.Context(), d.Pool, seat.Account, seat.Livemode)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	names, err := d.names(r, seat.Account)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	at := slices.IndexFunc(team, func(m session.Member) bool { return m.User == user })
	if at < 0 {
		d.goTo(w, r, teamPath(seat))
		return
	}
	if user != v.User.ID && !d.fresh(w, r, v, "/accounts/"+seat.Account+"/team/remove?mode="+modeOf(seat.Livemode)+"&user="+user) {
		return
	}
	account := names[seat.Account]
	data := sureData{
		Question: d.say(r, "team.sure.leave.title"), Lead: d.say(r, "team.sure.leave.lead", "account", account), Button: "team.leave",
		Action: "/accounts/" + seat.Account + "/team/remove", Cancel: teamPath(seat),
		Fields: []ui.Option{{Value: "mode", Text: modeOf(seat.Livemode)}, {Value: "user", Text: user}},
	}
	if user != v.User.ID {
		data.Question = d.say(r, "team.sure.remove.title", "name", team[at].Name)
		data.Lead, data.Button = d.say(r, "team.sure.remove.lead", "name", team[at].Name, "account", account), "team.remove"
	}
	d.sure(w, r, v, data)
}

func (d *peopleDoor) removeMember(w http.ResponseWriter, r *http.Request, v session.Visit) {
	done := "removed"
	if r.PostForm.Get("user") == v.User.ID {
		done = "left"
	}
	d.changeTeam(w, r, v, done, func(seat session.Seat, form *ui.Form) error {
		return d.People.Remove(r.Context(), d.from(r), v, seat, form.Value("user"))
	})
}

func (d *peopleDoor) withdraw(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.changeTeam(w, r, v, "withdrawn", func(seat session.Seat, form *ui.Form) error {
		return d.People.Withdraw(r.Context(), d.from(r), v, seat, form.Value("invitation"))
	})
}

// openInvitation takes the link out of the address bar and into a cookie, which
// outlives signing in or up. Opening uses nothing up: mail scanners open links.
func (d *peopleDoor) openInvitation(w http.ResponseWriter, r *http.Request) {
	d.People.SetInvitationCookie(w, secret.New(segment(r, 2)))
	d.goTo(w, r, "/invitation")
}

type invitationData struct {
	session.Invitation
	AccountName string
	RoleKey     string
	HintKey     string
	Signed      bool
	Fits        bool // the person signed in has the invited address
	You         string
}

func (d *peopleDoor) invitationPage(w http.ResponseWriter, r *http.Request, form *ui.Form) {
	invitation, found, err := d.People.Invitation(r.Context(), d.People.InvitationCookie(r))
	if err != nil {
		d.broken(w, r, err)
		return
	}
	if !found {
		d.pages.ErrorPage(w, r, http.StatusGone, "people.invitation.expired", "/accounts", ui.View{})
		return
	}
	names, err := d.names(r, invitation.Seat.Account)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	v, signed := d.People.Visit(r.Context(), r)
	data := invitationData{
		Invitation: invitation, AccountName: names[invitation.Seat.Account], RoleKey: roleKey(invitation.Role), HintKey: roleKey(invitation.Role) + ".hint",
		Signed: signed, Fits: strings.EqualFold(v.User.Email, invitation.Email), You: v.User.Email,
	}
	d.pages.Render(w, r, "people-invitation", ui.View{
		Title: "people.invitation.title", Form: form, Data: data, Testmode: !invitation.Seat.Livemode, Person: v.User.Email,
	})
}

func (d *peopleDoor) showInvitation(w http.ResponseWriter, r *http.Request) {
	d.invitationPage(w, r, ui.NewForm(nil))
}

func (d *peopleDoor) accept(w http.ResponseWriter, r *http.Request, v session.Visit) {
	seat, err := d.People.Accept(r.Context(), d.from(r), v, d.People.InvitationCookie(r))
	if err != nil {
		form := ui.PostedForm(r)
		if d.fail(w, r, form, err) {
			d.invitationPage(w, r, form)
		}
		return
	}
	d.People.SetInvitationCookie(w, secret.Text{})
	d.goTo(w, r, teamPath(seat))
}

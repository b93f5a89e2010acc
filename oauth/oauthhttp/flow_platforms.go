package oauthhttp

import (
	"context"
	"net/http"
	"strings"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/ui"
)

// account is what a person looks at: an account they belong to.
type account struct {
	ID       string
	Livemode bool
	Role     session.Role
}

// platforms is what the page of connected platforms shows.
type platforms struct {
	Account account
	Name    string
	Active  []link
	Past    []link
	Ended   *link // just now
	MayEnd  bool
	Zone    string
}

// link is a connection in words.
type link struct {
	*oauth.Connection
	Platform oauth.Party
	App      string // where it has another name than the platform
	Approved string // who said yes
	Stopped  string // who ended it; "" for the platform

	AccountName string
	Siblings    string // other applications of the platform that stay connected
}

// Name is the platform's.
func (l link) Name() string { return l.Platform.Name }

// Title is what is connected: the application, where it has a name of its own.
func (l link) Title() string {
	if l.App != "" {
		return l.App
	}
	return l.Platform.Name
}

// EndedByName is who ended it.
func (l link) EndedByName() string {
	if l.Stopped != "" {
		return l.Stopped
	}
	return l.Platform.Name
}

// Brand is for the tile beside the name.
func (l link) Brand() ui.Brand { return brandOf(l.Platform) }

// Used reports whether the platform has used the connection since it was made.
func (l link) Used() bool { return !l.LastUsedAt.IsZero() && !l.LastUsedAt.Before(l.AuthorizedAt) }

// Scope in words.
func (l link) ScopeKey() string { return "platforms.scope." + string(l.Scope) }

// Paused reports whether the application was switched off by its platform or by us.
func (l link) Paused() bool { return l.Active() && l.Allowed() == tenant.NoAccess }

// EndPath is where it is ended.
func (l link) EndPath() string { return platformsPath(l.Account) + "/" + l.ID + "/disconnect" }

// BackPath is where it stands among the others.
func (l link) BackPath() string { return platformsPath(l.Account) }

func platformsPath(account string) string { return accountsPath + "/" + account + "/platforms" }

// showPlatforms shows who may act for an account, since when, and who has been able to.
func (f *Flow) showPlatforms(w http.ResponseWriter, r *http.Request) {
	visit, a, ok := f.admitted(w, r)
	if !ok {
		return
	}
	p, err := f.platformsOf(r.Context(), a)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	if ended := r.URL.Query().Get("ended"); ended != "" {
		for i := range p.Past {
			if p.Past[i].ID == ended {
				p.Ended = &p.Past[i]
			}
		}
	}
	v := f.accountView(visit, a, "platforms.title")
	v.Data = p
	f.pages.Render(w, r, "flow-platforms", v)
}

func (f *Flow) platformsOf(ctx context.Context, a account) (*platforms, error) {
	all, err := f.Provider.Connections().History(ctx, f.Pool, a.ID, a.Livemode)
	if err != nil {
		return nil, err
	}
	p := &platforms{Account: a, MayEnd: a.Role.May(session.Disconnect), Zone: zone}
	if p.Name, err = f.nameOf(ctx, a, all); err != nil {
		return nil, err
	}
	for _, c := range all {
		l, err := f.inWords(ctx, c)
		if err != nil {
			return nil, err
		}
		if c.Active() {
			p.Active = append(p.Active, l)
		} else {
			p.Past = append(p.Past, l)
		}
	}
	return p, nil
}

// zone is the one in which pages about people show time.
const zone = "Asia/Hong_Kong"

// nameOf is the account's name, as its platform knows it.
func (f *Flow) nameOf(ctx context.Context, a account, all []*oauth.Connection) (string, error) {
	if len(all) == 0 {
		return a.ID, nil
	}
	parties, err := f.Market.Accounts(ctx, f.Pool, all[0].Platform, a.Livemode, []string{a.ID})
	if err != nil || len(parties) == 0 {
		return a.ID, err
	}
	return label(parties[0]), nil
}

func (f *Flow) inWords(ctx context.Context, c *oauth.Connection) (link, error) {
	l := link{Connection: c}
	var err error
	if l.Platform, err = f.Market.Platform(ctx, f.Pool, c.Platform, c.Livemode); fault.Is(err, fault.NotFound) {
		l.Platform, err = oauth.Party{ID: c.Platform, Name: c.ClientName}, nil // it has closed
	}
	if err != nil {
		return link{}, err
	}
	if c.ClientName != l.Platform.Name {
		l.App = c.ClientName
	}
	if l.Approved, err = f.personName(ctx, c.ApprovedBy); err != nil {
		return link{}, err
	}
	if c.EndedBy != c.Platform {
		l.Stopped, err = f.personName(ctx, c.EndedBy)
	}
	return l, err
}

// personName is "" for somebody who is not there any more.
func (f *Flow) personName(ctx context.Context, user string) (string, error) {
	if user == "" {
		return "", nil
	}
	u, err := f.People.Get(ctx, f.Pool, user)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return u.Name, err
}

// askDisconnect says what the end of a connection means, and asks once more.
func (f *Flow) askDisconnect(w http.ResponseWriter, r *http.Request) {
	visit, a, ok := f.admitted(w, r)
	if !ok {
		return
	}
	l, ok := f.connection(w, r, a)
	if !ok {
		return
	}
	if err := f.surroundings(r.Context(), a, &l); err != nil {
		f.fail(w, r, err)
		return
	}
	v := f.accountView(visit, a, "platforms.end.title")
	v.TitleArgs = []any{"platform", l.Title()}
	v.Layout, v.Nav, v.Person = ui.Flow, nil, ""
	v.Back = &ui.Link{Href: platformsPath(a.ID), Key: "platforms.title"}
	v.Data = l
	f.pages.Render(w, r, "flow-disconnect", v)
}

// surroundings says what stays when the connection ends: a platform may be connected
// through several applications, and loses the account with the last one.
func (f *Flow) surroundings(ctx context.Context, a account, l *link) error {
	active, err := f.Provider.Connections().ForAccount(ctx, f.Pool, a.ID, a.Livemode)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range active {
		if c.ID != l.ID && c.Platform == l.Connection.Platform {
			names = append(names, c.ClientName)
		}
	}
	l.Siblings = strings.Join(names, ", ")
	l.AccountName, err = f.nameOf(ctx, a, active)
	return err
}

// disconnect ends a connection. When the answer is there nothing of it works any
// more here, and within five seconds nowhere. Ending it twice changes nothing.
func (f *Flow) disconnect(w http.ResponseWriter, r *http.Request) {
	visit, a, ok := f.admitted(w, r)
	if !ok {
		return
	}
	l, ok := f.connection(w, r, a)
	if !ok {
		return
	}
	if _, err := f.Provider.Connections().Deauthorize(r.Context(), l.ID, visit.User.ID); err != nil {
		f.fail(w, r, err)
		return
	}
	redirect(w, r, at(platformsPath(a.ID), "ended", l.ID))
}

// admitted is a person and the account of the path, which they belong to.
func (f *Flow) admitted(w http.ResponseWriter, r *http.Request) (session.Visit, account, bool) {
	visit, ok := f.visitor(w, r, at(signInPath, "next", r.URL.Path))
	if !ok {
		return visit, account{}, false
	}
	members, err := f.People.Members(r.Context(), f.Pool, visit.User.ID)
	if err != nil {
		f.fail(w, r, err)
		return visit, account{}, false
	}
	wanted := pathValue(r, "account")
	for _, m := range members {
		if m.Account == wanted && m.Role.May(session.Read) {
			return visit, account{ID: m.Account, Livemode: m.Livemode, Role: m.Role}, true
		}
	}
	f.missing(w, r) // of somebody else, or of nobody: the same answer
	return visit, account{}, false
}

// connection is the active one of the path, if the person may end it.
func (f *Flow) connection(w http.ResponseWriter, r *http.Request, a account) (link, bool) {
	c, err := f.Provider.Connections().Get(r.Context(), f.Pool, pathValue(r, "connection"))
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && (c.Account != a.ID || c.Livemode != a.Livemode):
		f.missing(w, r)
		return link{}, false
	case err != nil:
		f.fail(w, r, err)
		return link{}, false
	case !a.Role.May(session.Disconnect):
		f.pages.ErrorPage(w, r, http.StatusForbidden, "platforms.error.role", platformsPath(a.ID), ui.View{Testmode: !a.Livemode})
		return link{}, false
	case !c.Active():
		redirect(w, r, at(platformsPath(a.ID), "ended", c.ID))
		return link{}, false
	}
	l, err := f.inWords(r.Context(), c)
	if err != nil {
		f.fail(w, r, err)
		return link{}, false
	}
	return l, true
}

func (f *Flow) missing(w http.ResponseWriter, r *http.Request) {
	f.Kit.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "")
}

// accountView is a page about an account.
func (f *Flow) accountView(visit session.Visit, a account, title string) ui.View {
	return ui.View{Title: title, Testmode: !a.Livemode, Layout: ui.Account, Person: visit.User.Email, Nav: []ui.Link{
		{Href: accountsPath, Key: "platforms.nav.accounts", Active: true}, {Href: "/security", Key: "platforms.nav.security"},
	}, Back: &ui.Link{Href: accountsPath, Key: "platforms.nav.accounts"}}
}

// pathValue is a variable of the route.
func pathValue(r *http.Request, name string) string { return (&rest.Request{Request: r}).Path(name) }

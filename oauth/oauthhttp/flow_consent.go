package oauthhttp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/ui"
)

// newAccount is the choice of an account that does not exist yet.
const newAccount = "new"

// consent is what the consent page shows.
type consent struct {
	Request  *oauth.AuthorizeRequest
	Platform oauth.Party
	App      string // the application's name, where it is another one than the platform's
	Person   session.User
	Host     string // where the answer goes
	Mine     []seat // accounts at this platform that the person may connect
	Others   []seat // and those that only somebody else may
	Agreed   bool   // was said yes to already: the person came back before the end
	Fixed    *seat  // the one account that the page is about, where there is nothing to choose
	Opens    bool   // nothing to choose either: a new account will be opened
	Ask      ask
}

// seat is an account and what the person is for it.
type seat struct {
	oauth.Party
	Role       session.Role
	Owners     string            // names, where the person may not decide
	Connection *oauth.Connection // with this application, if there is or was one
	Ask        ask
}

// ask is what a yes would change.
type ask string

const (
	askNew  ask = "new"  // nothing is connected: everything is asked for
	askMore ask = "more" // it may look already; acting is new
	askSame ask = "same" // it may do all this already
)

// consentOf gathers the page. wish is the account that the person would like it to
// be about: newAccount, or "" for what fits.
func (f *Flow) consentOf(ctx context.Context, request *oauth.AuthorizeRequest, visit session.Visit, wish string) (*consent, error) {
	client := request.Client
	platform, err := f.Market.Platform(ctx, f.Pool, client.Platform, client.Livemode)
	if err != nil {
		return nil, fmt.Errorf("platform of %s: %w", client.ID, err)
	}
	c := &consent{
		Request: request, Platform: platform, Person: visit.User, Host: hostOf(request.RedirectURI),
		Agreed: request.Status == oauth.RequestConsented,
	}
	if client.Name != platform.Name {
		c.App = client.Name
	}
	if err := f.seat(ctx, c); err != nil {
		return nil, err
	}
	c.settle(wish)
	return c, nil
}

// settle finds out what the page is about. Whoever agreed has chosen. Whoever has one
// account that is connected already is asked about that one, and can say otherwise.
func (c *consent) settle(wish string) {
	for i := range c.Mine {
		if c.Agreed && c.Mine[i].ID == c.Request.Account {
			c.Fixed = &c.Mine[i]
		}
	}
	switch {
	case c.Agreed:
	case wish == newAccount, len(c.Mine) == 0 && len(c.Others) == 0:
		c.Opens = true
	case len(c.Mine) == 1 && c.Mine[0].Ask != askNew:
		c.Fixed = &c.Mine[0]
	}
	c.Ask = c.common()
}

// seat finds the person's accounts at the platform.
func (f *Flow) seat(ctx context.Context, c *consent) error {
	client := c.Request.Client
	members, err := f.People.Members(ctx, f.Pool, c.Person.ID)
	if err != nil {
		return err
	}
	roles := map[string]session.Role{}
	var ids []string
	for _, m := range members {
		if m.Livemode == client.Livemode {
			roles[m.Account] = m.Role
			ids = append(ids, m.Account)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	parties, err := f.Market.Accounts(ctx, f.Pool, client.Platform, client.Livemode, ids)
	if err != nil {
		return fmt.Errorf("accounts of a person: %w", err)
	}
	for _, p := range parties {
		s := seat{Party: p, Role: roles[p.ID]}
		if !s.Role.May(session.Connect) {
			if s.Owners, err = f.ownersOf(ctx, p.ID, client.Livemode); err != nil {
				return err
			}
			c.Others = append(c.Others, s)
			continue
		}
		if s.Connection, err = f.Provider.Connections().Find(ctx, f.Pool, client.ID, p.ID); err != nil {
			return err
		}
		s.Ask = difference(s.Connection, c.Request.Scope)
		c.Mine = append(c.Mine, s)
	}
	return nil
}

func difference(have *oauth.Connection, asked tenant.Access) ask {
	switch {
	case have == nil || !have.Active():
		return askNew
	case oauth.Difference(have, asked) == tenant.NoAccess:
		return askSame
	}
	return askMore
}

// common is what is asked for whichever account is chosen, if that is one thing.
// Where accounts differ, everything is listed, and each account says what is new.
func (c *consent) common() ask {
	switch {
	case c.Fixed != nil:
		return c.Fixed.Ask
	case c.Opens || len(c.Mine) == 0:
		return askNew
	}
	for _, s := range c.Mine {
		if s.Ask != c.Mine[0].Ask {
			return askNew
		}
	}
	return c.Mine[0].Ask
}

// Name is who asks.
func (c *consent) Name() string { return c.Platform.Name }

// Title is the page's heading: what is asked, in one line.
func (c *consent) Title() string {
	if c.Agreed {
		return "consent.title.agreed"
	}
	return "consent.title." + string(c.Ask)
}

// Can lists what a yes allows, and does not allow already.
func (c *consent) Can() []string {
	switch {
	case c.Request.Scope == tenant.ReadOnly:
		return readWords
	case c.Ask == askMore:
		return c.writes()
	}
	return append(append([]string(nil), c.writes()...), readWords...)
}

// Already lists what is allowed already, where more is asked.
func (c *consent) Already() []string {
	if c.Ask == askMore {
		return readWords
	}
	return nil
}

// Cannot lists what a yes does not allow.
func (c *consent) Cannot() []string {
	switch {
	case c.Request.Scope == tenant.ReadOnly:
		return []string{"consent.cannot.charge", "consent.cannot.change", "consent.cannot.secrets"}
	case c.Request.Express:
		return []string{"consent.cannot.secrets"}
	}
	return []string{"consent.cannot.change", "consent.cannot.secrets"}
}

var readWords = []string{"consent.can.payments", "consent.can.balance", "consent.can.profile"}

// writes is what acting for the account means. Who controls it makes a difference:
// the platform manages the accounts that it opens with its Express link.
func (c *consent) writes() []string {
	words := []string{"consent.can.charge", "consent.can.refund", "consent.can.payout"}
	if c.Request.Express {
		words = append(words, "consent.can.manage")
	}
	return words
}

// Choices are the accounts as radio cards, and a new one.
func (c *consent) Choices() []ui.Option {
	var choices []ui.Option
	for _, s := range c.Mine {
		choices = append(choices, ui.Option{Value: s.ID, Text: c.Label(s), Hint: "consent.account." + string(s.Ask), Icon: "user"})
	}
	return append(choices, ui.Option{Value: newAccount, Key: "consent.account.open", Hint: "consent.account.open.hint", Icon: "plus"})
}

// Label names an account to its owner. Where two have one name, the end of the id
// tells them apart; one that was opened a minute ago has no name yet.
func (c *consent) Label(s seat) string {
	for _, others := range [][]seat{c.Mine, c.Others} {
		for _, o := range others {
			if o.ID != s.ID && label(o.Party) == label(s.Party) {
				return label(s.Party) + " (" + s.ID[max(0, len(s.ID)-4):] + ")"
			}
		}
	}
	return label(s.Party)
}

func label(p oauth.Party) string {
	for _, name := range []string{p.Name, p.Email} {
		if name != "" {
			return name
		}
	}
	return p.ID
}

// RoleKey is what the person is for the account, in words.
func (s seat) RoleKey() string { return "consent.role." + string(s.Role) }

// Approval is what a yes is called on this page.
func (c *consent) Approval() string {
	if c.Agreed {
		return "agreed"
	}
	return string(c.Ask)
}

// Path is the page itself, and where its form is sent.
func (c *consent) Path() string { return at(consentPath, "request", c.Request.ID) }

// OtherPath is the page about a new account instead, or back from that.
func (c *consent) OtherPath() string {
	if c.Opens {
		return c.Path()
	}
	return c.Path() + "&account=" + newAccount
}

// HasOther reports whether that page exists.
func (c *consent) HasOther() bool {
	return !c.Agreed && (c.Fixed != nil || c.Opens && len(c.Mine)+len(c.Others) > 0)
}

// SwitchPath is where somebody else signs in, who then sees this page.
func (c *consent) SwitchPath() string { return at(signInPath, "next", c.Path()) }

// Manage is where the connection is ended later.
func (c *consent) Manage() string { return accountsPath }

func (c *consent) view(form *ui.Form) ui.View {
	if form == nil {
		form = ui.NewForm(nil)
	}
	if form.Value("account") == "" && len(c.Mine) > 0 {
		form.Set("account", c.Mine[0].ID)
	}
	v := viewOf(c.Platform, c.Request.Client.Livemode)
	v.Title, v.TitleArgs = c.Title(), []any{"platform", c.Name()}
	v.Data, v.Form, v.Person = c, form, c.Person.Email
	// The answer is a redirect after a POST, which Chromium holds against form-action.
	v.FormAction = []string{c.Request.RedirectOrigin()}
	return v
}

// viewOf is a page in the name of a platform.
func viewOf(platform oauth.Party, livemode bool) ui.View {
	return ui.View{Brand: brandOf(platform), Testmode: !livemode}
}

func brandOf(p oauth.Party) ui.Brand {
	return ui.Brand{Name: p.Name, LogoURL: p.LogoURL, Primary: p.PrimaryColor, Secondary: p.SecondaryColor}
}

// hostOf is who gets the answer, as a person may know it.
func hostOf(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return u.Host
	}
	return u.Scheme
}

// ownersOf are the names of those who may decide.
func (f *Flow) ownersOf(ctx context.Context, account string, livemode bool) (string, error) {
	team, err := f.People.Team(ctx, f.Pool, account, livemode)
	if err != nil {
		return "", err
	}
	names := ""
	for _, m := range team {
		if m.Role != session.Owner {
			continue
		}
		if names != "" {
			names += ", "
		}
		names += m.Name
	}
	return names, nil
}

// onward is where a person goes after a yes: to what is due, or straight on. What
// was agreed on stands already; a crash before the link is made leaves a request
// that the page offers to continue. Who may connect an account but not edit it (a
// developer) goes straight on: the onboarding pages ask where the account is paid.
func (f *Flow) onward(ctx context.Context, agreed *oauth.AuthorizeRequest) (string, error) {
	back := at(continuePath, "request", agreed.ID)
	client := agreed.Client
	role, _, err := f.People.RoleOf(ctx, f.Pool, agreed.User, agreed.Account, client.Livemode)
	if err != nil || !role.May(session.EditAccount) {
		return back, err
	}
	var link string
	var due bool
	err = db.InTx(ctx, f.Pool, func(ctx context.Context, tx bun.Tx) (err error) {
		link, due, err = f.Market.Onboarding(ctx, tx, agreed.Account, client.Livemode, client.Platform, f.Provider.Issuer()+back+"&from=onboarding")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("onboarding of %s: %w", agreed.Account, err)
	}
	if due {
		return link, nil
	}
	return back, nil
}

// problem is what the page about a link that cannot go on shows.
type problem struct {
	Key         string // of title and body
	Code        string
	Description string // for developers, in English; "" where a developer can do nothing
	Hint        string // key
	RequestID   string
}

// forPeople are the codes whose cause is the person's, or nobody's.
var forPeople = map[string]int{
	"request_expired": http.StatusGone, "request_used": http.StatusConflict, "wrong_browser": http.StatusForbidden,
	"wrong_user": http.StatusConflict, "consent_required": http.StatusConflict, "access_denied": http.StatusForbidden,
}

// explain tells a person what happened, and a developer why: the code, a sentence,
// and what to compare, but nothing of what is registered.
func (f *Flow) explain(w http.ResponseWriter, r *http.Request, refused *oauth.AuthorizeError) {
	status, personal := forPeople[refused.Code]
	p := problem{Key: "consent.problem." + refused.Code, Code: refused.Code, RequestID: w.Header().Get("Request-Id")}
	if !personal {
		status = http.StatusBadRequest
		p.Key, p.Description, p.Hint = "consent.problem.link", refused.Description, "consent.problem.hint"
		if refused.Code == "unauthorized_client" {
			p.Hint = "consent.problem.hint.disabled"
		}
	}
	f.pages.Render(w, r, "flow-problem", ui.View{Title: p.Key + ".title", Status: status, Data: p})
}

package onboarding

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/ui"
)

//go:embed templates/*.html catalogues/*.json
var files embed.FS

// Documents keeps what people upload to prove who they are. Satisfied with connect/file.
type Documents interface {
	// KeepDocument keeps a picture or PDF for the account and returns its id (file_…).
	// A fault of kind Invalid or TooLarge means that it is none, or too large.
	KeepDocument(ctx context.Context, scope tenant.Scope, name string, content []byte) (file string, err error)
}

// StepUp asks people to prove again that they are there. Satisfied with oauth/session.
type StepUp interface {
	// ConfirmBank reports whether whoever sent r may change where account is paid.
	// Accounts without members need no confirmation. If not ok, confirm is the page
	// where a member can confirm; it leads back to the local path back.
	ConfirmBank(r *http.Request, account string, livemode bool, back string) (ok bool, confirm string, err error)
}

// Config is what the pages stand on.
type Config struct {
	Pool      *bun.DB
	Accounts  *connect.Accounts
	Links     *Links
	Kit       *ui.Kit
	Documents Documents // nil: nothing can be uploaded
	StepUp    StepUp    // nil: no account has members
	TermsURL  string    // where the terms of service can be read; "" shows no link
	Dev       bool      // cookies without Secure
	Log       *slog.Logger
}

// Wizard serves the hosted pages.
type Wizard struct {
	cfg      Config
	accounts *connect.Accounts // as their holders change them
	pages    *ui.Pages
}

// New parses the pages; it fails only on a mistake in them.
func New(cfg Config) (*Wizard, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	pages, err := Pages(cfg.Kit)
	if err != nil {
		return nil, err
	}
	return &Wizard{cfg: cfg, accounts: cfg.Accounts.ForHolder(), pages: pages}, nil
}

// Pages are this room's pages, for New and for the tests of catalogues.
func Pages(kit *ui.Kit) (*ui.Pages, error) {
	templates, catalogues := Files()
	return kit.Pages(templates, catalogues)
}

// Files are the templates and catalogues.
func Files() (templates, catalogues fs.FS) {
	return below("templates"), below("catalogues")
}

func below(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic("onboarding: " + err.Error()) // only a malformed name does that
	}
	return f
}

// maxForm bounds a form with its documents: two sides of up to 10 MB.
const maxForm = 21 << 20

// Routes are the pages.
func (z *Wizard) Routes() []rest.Route {
	h := z.cfg.Kit.Guard(z, ui.AcceptFiles(maxForm))
	page := func(method, path string) rest.Route {
		return rest.Route{Method: method, Path: path, Public: true, Handler: h}
	}
	return []rest.Route{
		page(http.MethodGet, Path),
		page(http.MethodGet, Path+"/{step}"), // or the token of a link
		page(http.MethodPost, Path+"/{step}"),
		page(http.MethodGet, loginPath+"/{token}"),
	}
}

// tour is one request of a visit.
type tour struct {
	z     *Wizard
	w     http.ResponseWriter
	r     *http.Request
	v     Visit
	a     connect.Account
	plan  plan
	form  *ui.Form
	brand ui.Brand
}

// doors are the pages of a visit by the last part of their path.
var doors = func() map[string]func(*tour) error {
	all := map[string]func(*tour) error{
		"overview": (*tour).overview, "person": (*tour).onePerson, "leave": (*tour).leave,
		stepPeople: (*tour).people, stepBank: (*tour).bank, stepReview: (*tour).review,
	}
	for _, step := range stepOrder {
		if all[step] == nil {
			all[step] = func(t *tour) error { return t.step(step) }
		}
	}
	return all
}()

// ServeHTTP serves every page.
func (z *Wizard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, ok := strings.CutPrefix(r.URL.Path, loginPath+"/"); ok {
		z.enter(w, r, token)
		return
	}
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, Path), "/")
	door := doors[name]
	switch {
	case name == "":
		door = (*tour).start
	case door == nil && r.Method == http.MethodPost:
		z.pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", Path, ui.View{})
		return
	case door == nil:
		z.enter(w, r, name)
		return
	}
	t, err := z.visited(w, r)
	if err == nil && t != nil {
		err = door(t)
	}
	if err != nil {
		z.failed(w, r, err)
	}
}

func (z *Wizard) failed(w http.ResponseWriter, r *http.Request, err error) {
	z.cfg.Log.ErrorContext(r.Context(), "onboarding page", "request", w.Header().Get("Request-Id"), "error", err.Error())
	z.pages.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "", ui.View{})
}

// enter opens a link. Browsers that only look ahead do not use it up.
func (z *Wizard) enter(w http.ResponseWriter, r *http.Request, token string) {
	if r.Method != http.MethodGet || strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	l, cookie, found, ok, err := z.cfg.Links.open(r.Context(), token)
	if err != nil {
		z.failed(w, r, err)
		return
	}
	if !ok {
		v, going, err := z.visitOf(r)
		switch {
		case err != nil:
			z.failed(w, r, err)
		case going && z.cfg.Links.cameBy(v, token): // the same browser again: reload, or back
			http.Redirect(w, r, Path, http.StatusSeeOther)
		case found:
			z.gone(w, r, "onboarding.expired", l)
		default:
			z.gone(w, r, "onboarding.unknown", Link{})
		}
		return
	}
	z.setCookie(w, cookie.Reveal(), int(visitLife.Seconds()))
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

// visited is the visit of a request, its account and what it still owes; nil once answered.
func (z *Wizard) visited(w http.ResponseWriter, r *http.Request) (*tour, error) {
	v, going, err := z.visitOf(r)
	if err != nil {
		return nil, err
	}
	if !going {
		z.gone(w, r, "onboarding.over", Link{})
		return nil, nil
	}
	if r.Method == http.MethodPost && r.PostForm.Get("account") != v.Account {
		// Another link was opened in this browser since: what was typed for one
		// account must not land on the other.
		z.gone(w, r, "onboarding.other", v.Link)
		return nil, nil
	}
	t := &tour{z: z, w: w, r: r, v: v, brand: z.brandOf(r.Context(), v.Link)}
	if err := t.load(r.Context()); err != nil {
		if fault.Is(err, fault.Forbidden) {
			z.gone(w, r, "onboarding.closed", Link{})
			return nil, nil
		}
		return nil, err
	}
	t.form = ui.NewForm(nil)
	if r.Method == http.MethodPost {
		t.form = ui.PostedForm(r)
	}
	return t, nil
}

// load reads the account as it is now and remembers what the visit asks for.
func (t *tour) load(ctx context.Context) (err error) {
	if t.a, err = t.z.accounts.Get(ctx, t.z.cfg.Pool, t.v.Scope(), t.v.Account); err != nil {
		return err
	}
	t.plan = planOf(t.a, t.v)
	if asked := t.plan.asked(); !slices.Equal(asked, t.v.Asked) {
		t.v.Asked = asked
		return saveAsked(ctx, t.z.cfg.Pool, t.v.hash, asked)
	}
	return nil
}

// change runs changes of the account in a transaction.
func (t *tour) change(changes func(ctx context.Context, tx bun.Tx) error) error {
	return db.InTx(t.r.Context(), t.z.cfg.Pool, changes)
}

// start leads to where the person has something to do.
func (t *tour) start() error {
	if t.v.Kind != Onboarding || len(t.plan.due) == 0 {
		return t.to("overview")
	}
	return t.to(t.plan.first())
}

// after leads from a saved step to the next one.
func (t *tour) after(step string) error {
	if err := t.load(t.r.Context()); err != nil {
		return err
	}
	if t.v.Kind != Onboarding && !t.plan.open(step) {
		return t.to("overview")
	}
	steps := t.plan.steps()
	for _, next := range steps[slices.Index(steps, step)+1:] {
		if t.plan.open(next) {
			return t.to(next)
		}
	}
	return t.to(stepReview)
}

func (t *tour) to(step string) error {
	http.Redirect(t.w, t.r, Path+"/"+step, http.StatusSeeOther)
	return nil
}

// leave ends the visit, whatever is left to do, and leads back to who sent the person.
func (t *tour) leave() error {
	if t.r.Method != http.MethodPost {
		return t.start()
	}
	return t.end("onboarding.left")
}

func (t *tour) end(key string) error {
	if err := t.z.cfg.Links.end(t.r.Context(), t.v); err != nil {
		return err
	}
	t.z.setCookie(t.w, "", -1)
	if t.v.ReturnURL == "" {
		t.z.gone(t.w, t.r, key, t.v.Link)
		return nil
	}
	http.Redirect(t.w, t.r, t.v.ReturnURL, http.StatusSeeOther)
	return nil
}

// frame is what every page of a visit shows.
type frame struct {
	Account  string
	Steps    []ui.Step
	Title    string
	Platform string
	Testmode bool
	Leave    string // catalogue key of the way out
}

func (t *tour) frame(step string) frame {
	f := frame{Account: t.a.ID, Title: "onboarding.title." + step, Platform: t.brand.Name, Testmode: !t.a.Livemode, Leave: "onboarding.later"}
	if t.v.Kind != Onboarding {
		f.Leave = "onboarding.leave"
	}
	for _, s := range t.plan.steps() {
		one := ui.Step{Key: "onboarding.step." + s, State: ui.StepTodo}
		switch {
		case s == step:
			one.State = ui.StepCurrent
		case s != stepReview && !t.plan.open(s):
			one.State, one.Href = ui.StepDone, Path+"/"+s
		}
		f.Steps = append(f.Steps, one)
	}
	return f
}

func (t *tour) render(page string, layout ui.Layout, title string, data any) error {
	v := ui.View{
		Title: title, Brand: t.brand, Testmode: !t.a.Livemode, Layout: layout, Data: data, Form: t.form,
		FormAction: []string{t.v.ReturnURL}, // leaving is a POST that is answered with a redirect there
	}
	if t.r.Method != http.MethodPost || t.form.Has("fill") {
		v.Status = http.StatusOK // errors of what was given before are no errors of this request
	}
	t.z.pages.Render(t.w, t.r, page, v)
	return nil
}

// goneView is a page without a visit: the link or the visit is over.
type goneView struct {
	Key      string
	Refresh  string
	Platform string
}

// gone answers that there is nothing to see. It tells nothing of the account, only
// where the platform makes a new link.
func (z *Wizard) gone(w http.ResponseWriter, r *http.Request, key string, l Link) {
	v := goneView{Key: key, Refresh: l.RefreshURL}
	brand := z.brandOf(r.Context(), l)
	v.Platform = brand.Name
	z.pages.Render(w, r, "gone", ui.View{
		Title: key + ".title", Brand: brand, Testmode: l.Platform != "" && !l.Livemode, Status: http.StatusGone, Data: v,
	})
}

// brandOf is how the platform behind a link presents itself.
func (z *Wizard) brandOf(ctx context.Context, l Link) ui.Brand {
	if l.Platform == "" {
		return ui.Brand{}
	}
	p, err := z.accounts.Get(ctx, z.cfg.Pool, tenant.Scope{Platform: l.Platform, Account: l.Platform, Livemode: l.Livemode}, l.Platform)
	if err != nil { // the page is worth more than its colours
		z.cfg.Log.WarnContext(ctx, "onboarding brand", "account", l.Platform, "error", err.Error())
		return ui.Brand{}
	}
	b := ui.Brand{Name: first(p.Settings.Dashboard.DisplayName, p.BusinessProfile.Name)}
	look := p.Settings.Branding
	b.Primary, b.Secondary = first(look.PrimaryColor), first(look.SecondaryColor)
	if first(look.Logo, look.Icon) != "" {
		b.LogoURL = "/brand/" + p.ID + "/logo"
	}
	return b
}

// first is the first text that is there.
func first(texts ...*string) string {
	for _, text := range texts {
		if text != nil && *text != "" {
			return *text
		}
	}
	return ""
}

// The cookie of a visit. With the prefix browsers take it from this host over https only.
func (z *Wizard) cookieName() string {
	if z.cfg.Dev {
		return "sluice_onboarding"
	}
	return "__Host-sluice_onboarding"
}

func (z *Wizard) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: z.cookieName(), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: !z.cfg.Dev, SameSite: http.SameSiteLaxMode,
	})
}

func (z *Wizard) visitOf(r *http.Request) (Visit, bool, error) {
	c, err := r.Cookie(z.cookieName())
	if err != nil {
		return Visit{}, false, nil
	}
	return z.cfg.Links.visit(r.Context(), c.Value)
}

package dashboard

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/ui"
)

//go:embed all:templates catalogues
var files embed.FS

// Handler serves a page. An error that comes from the API becomes a page that says
// what happened, why, and what to do next.
type Handler func(w http.ResponseWriter, r *http.Request, v *Visit) error

// Section is a room's pages and its places in the navigation.
type Section struct {
	Templates, Catalogues fs.FS
	Side                  Side
	Nav                   []NavItem
	Pages                 []Page
	IDs                   map[string]string // "ch" → "/payments/{id}": where an id of this prefix leads
	Search                []Finder          // what the search finds besides
}

// NavItem is a place in the navigation.
type NavItem struct {
	Key        string // of its text
	Icon       string
	Path       string // within the desk, "/payments"; "" is its first page
	Permission string // who lacks it does not see the item
	Group      string // one of Groups; "" stands at the top without a heading
}

// Groups are the parts of the navigation in their order; their texts are the frame's.
var Groups = []string{
	"", "desk.group.payments", "desk.group.connect", "desk.group.payouts", "desk.group.books", "desk.group.developers", "desk.group.settings",
}

// Page is one address of a section.
type Page struct {
	Method     string // "" is GET
	Path       string // within the desk, "/payments/{id}"; r.PathValue("id") is its value
	Permission string // who lacks it is told so; the API checks in any case
	Files      int64  // bytes of uploads that are taken
	Handler    Handler
}

// Addresses of the frame itself, within a desk.
const (
	livePath   = "/live"   // the event stream
	searchPath = "/search" // ?q=
)

// Config is what a desk stands on.
type Config struct {
	Kit  *ui.Kit
	Gate Gate
	// API is the public API, called in process. It is asked for when it is needed: the
	// pages are among its routes.
	API     func() http.Handler
	BaseURL string // of the API, for the commands that pages show
	// ConfirmOver is, per currency and in minor units, the amount over which money is
	// moved only after its amount was typed a second time. Currencies not named are not asked for.
	ConfirmOver map[money.Currency]int64
	// Ear begins to listen to what happens, for pages that are open; nil: they stand still.
	Ear func(ctx context.Context) (Ear, error)
	Log *slog.Logger // nil: slog.Default()
}

// Desk serves the pages of all sections.
type Desk struct {
	cfg    Config
	own    *Pages // the frame's own
	routes []rest.Route
	taken  map[string]bool
	nav    map[Side][]navPlace
	ids    map[Side]map[string]string
	needs  map[Side]map[string]string // permission of each page that can be looked at, by its path
	hub    *hub

	finders map[Side][]finder
}

type navPlace struct {
	NavItem
	pages *Pages
}

// New makes a desk without sections.
func New(cfg Config) (*Desk, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	d := &Desk{
		cfg: cfg, taken: map[string]bool{}, nav: map[Side][]navPlace{},
		ids: map[Side]map[string]string{ForPlatform: {}, ForAccount: {}}, needs: map[Side]map[string]string{ForPlatform: {}, ForAccount: {}}, hub: newHub(), finders: map[Side][]finder{},
	}
	pages, err := d.pages(sub("templates"), nil)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	d.own = pages
	for _, side := range []Side{ForPlatform, ForAccount} {
		door := cfg.Kit.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.firstDesk(w, r, side) }))
		d.routes = append(d.routes, rest.Route{Method: http.MethodGet, Path: side.root(), Public: true, Handler: door})
		for path, h := range map[string]Handler{livePath: d.live, searchPath: d.search} {
			if err := d.mount(side, Page{Method: http.MethodGet, Path: path, Handler: h}, pages); err != nil {
				return nil, err
			}
		}
		for _, f := range standard[side] {
			d.finders[side] = append(d.finders[side], finder{f, pages})
		}
	}
	return d, nil
}

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic("dashboard: " + err.Error()) // only a malformed name does that
	}
	return f
}

// Pages are the pages of a section.
type Pages struct {
	ui *ui.Pages
}

// PagesOf reads a section's templates over those of the frame, as Desk.Add does; for tests.
func PagesOf(kit *ui.Kit, templates, catalogues fs.FS) (*Pages, error) {
	p, err := kit.Pages(templates, catalogues, Options()...)
	if err != nil {
		return nil, err
	}
	return &Pages{p}, nil
}

// Options are what templates of sections stand on: the frame's parts, words and
// functions. Tests give them to uitest.Catalogues.
func Options() []ui.PagesOption {
	return []ui.PagesOption{ui.Upon(sub("templates"), sub("catalogues")), ui.Functions(functions)}
}

func (d *Desk) pages(templates, catalogues fs.FS) (*Pages, error) {
	return PagesOf(d.cfg.Kit, templates, catalogues)
}

// Has reports whether there is a text for a key.
func (p *Pages) Has(key string) bool { return p.ui.Has(key) }

// Render answers with a page in the frame. Of the view, a page gives Title, Data,
// Form, and perhaps Back and Status.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, v *Visit, name string, view ui.View) error {
	p.ui.Render(w, r, name, v.dressed(view))
	return nil
}

// dressed puts the frame around a view.
func (v *Visit) dressed(view ui.View) ui.View {
	view.Layout, view.Frame, view.Visit, view.Person = ui.Desk, v.frame(), v, v.Person.Name
	view.Testmode = !v.Chair.Livemode
	if view.Person == "" {
		view.Person = v.Person.Email
	}
	look := v.Chair.Look
	if view.Brand == (ui.Brand{}) { // a page may show itself in colours that are not chosen yet
		view.Brand = ui.Brand{Name: view.Frame.Account, LogoURL: look.LogoURL, Primary: look.Primary, Secondary: look.Secondary}
	}
	return view
}

// Add gives the desk a section. It fails on a mistake in a template, on a path that
// is taken, and on a place in the navigation without a text.
func (d *Desk) Add(s Section) (*Pages, error) {
	pages, err := d.pages(s.Templates, s.Catalogues)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	for _, n := range s.Nav {
		if !pages.Has(n.Key) || !slices.Contains(Groups, n.Group) {
			return nil, fmt.Errorf("dashboard: place %q: no text, or no group %q", n.Key, n.Group)
		}
		d.nav[s.Side] = append(d.nav[s.Side], navPlace{n, pages})
	}
	slices.SortStableFunc(d.nav[s.Side], func(a, b navPlace) int { return slices.Index(Groups, a.Group) - slices.Index(Groups, b.Group) })
	for prefix, path := range s.IDs {
		if d.ids[s.Side][prefix] != "" {
			return nil, fmt.Errorf("dashboard: ids %s_… have a page already", prefix)
		}
		d.ids[s.Side][prefix] = path
	}
	for _, f := range s.Search {
		if !pages.Has(f.Key) {
			return nil, fmt.Errorf("dashboard: search for %q: no text", f.Key)
		}
		d.finders[s.Side] = append(d.finders[s.Side], finder{f, pages})
	}
	for _, p := range s.Pages {
		if p.Method == "" {
			p.Method = http.MethodGet
		}
		if p.Method == http.MethodGet {
			d.needs[s.Side][p.Path] = p.Permission
		}
		if err := d.mount(s.Side, p, pages); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

func (d *Desk) mount(side Side, p Page, pages *Pages) error {
	path := side.root() + "/{account}/{mode}" + p.Path
	if key := p.Method + " " + path; d.taken[key] {
		return fmt.Errorf("dashboard: two pages at %s", key)
	} else {
		d.taken[key] = true
	}
	var options []ui.GuardOption
	if p.Files > 0 {
		options = append(options, ui.AcceptFiles(p.Files))
	}
	door := d.cfg.Kit.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, side, path, p, pages) }), options...)
	d.routes = append(d.routes, rest.Route{Method: p.Method, Path: path, Public: true, Handler: door})
	return nil
}

// Routes are all addresses of the desk. Paths without variables stand before those
// with some: of two that match, the first one serves.
func (d *Desk) Routes() []rest.Route {
	routes := slices.Clone(d.routes)
	slices.SortStableFunc(routes, func(a, b rest.Route) int {
		return strings.Count(a.Path, "{") - strings.Count(b.Path, "{")
	})
	return routes
}

// signIn sends a visitor to the sign-in page, and back.
func signIn(w http.ResponseWriter, r *http.Request) {
	next := r.URL.Path
	if query := r.URL.RawQuery; r.Method == http.MethodGet && query != "" && !strings.ContainsAny(query, "%+") {
		next += "?" + query // others would not pass the sign-in page
	}
	http.Redirect(w, r, "/sign-in?"+url.Values{"next": {next}}.Encode(), http.StatusSeeOther)
}

// firstDesk leads to the first desk of a side.
func (d *Desk) firstDesk(w http.ResponseWriter, r *http.Request, side Side) {
	person, known := d.cfg.Gate.Visitor(r.Context(), r)
	if !known {
		signIn(w, r)
		return
	}
	chairs, err := d.cfg.Gate.Seats(r.Context(), person.ID)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	for _, c := range chairs {
		if c.Side() == side {
			http.Redirect(w, r, c.path(), http.StatusSeeOther)
			return
		}
	}
	for _, c := range chairs {
		http.Redirect(w, r, c.path(), http.StatusSeeOther)
		return
	}
	d.own.ui.ErrorPage(w, r, http.StatusForbidden, "desk.error.no_desk", "/accounts", ui.View{})
}

func (d *Desk) serve(w http.ResponseWriter, r *http.Request, side Side, pattern string, p Page, pages *Pages) {
	ctx := r.Context()
	setPathValues(r, pattern)
	person, known := d.cfg.Gate.Visitor(ctx, r)
	if !known {
		signIn(w, r)
		return
	}
	chairs, err := d.cfg.Gate.Seats(ctx, person.ID)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	at := slices.IndexFunc(chairs, func(c Chair) bool {
		return c.Side() == side && c.Account == r.PathValue("account") && c.mode() == r.PathValue("mode")
	})
	if other := slices.IndexFunc(chairs, func(c Chair) bool { return c.Account == r.PathValue("account") && c.mode() == r.PathValue("mode") }); at < 0 && other >= 0 {
		http.Redirect(w, r, chairs[other].path(), http.StatusSeeOther) // the same desk on its other side
		return
	}
	if at < 0 { // whether such an account exists is nobody else's business
		d.own.ui.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", side.root(), ui.View{})
		return
	}
	chair := chairs[at]
	v := &Visit{
		Person: person, Chair: chair, Locale: ui.LocaleOf(r), Query: r.URL.Query(), desk: d, pages: pages, places: chairs,
		within: strings.TrimPrefix(r.URL.Path, chair.path()), kept: map[string]string{},
	}
	for _, c := range r.Cookies() {
		v.kept[c.Name] = c.Value
	}
	if !v.May(p.Permission) {
		d.refuse(w, r, v, p.Permission)
		return
	}
	key, closed, err := d.cfg.Gate.Open(ctx, person, chair)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	defer closed()
	v.API = client.Within(d.inside(), key, r)
	if err := p.Handler(w, r, v); err != nil {
		d.answerError(w, r, v, err)
	}
}

// inside is the API for calls of this process: it alone takes the credentials of a gate.
func (d *Desk) inside() http.Handler {
	api := d.cfg.API()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.ServeHTTP(w, r.WithContext(rest.Inside(r.Context())))
	})
}

// setPathValues gives r the values of the variables in a pattern.
func setPathValues(r *http.Request, pattern string) {
	given := strings.Split(r.URL.Path, "/")
	for i, part := range strings.Split(pattern, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok && i < len(given) {
			r.SetPathValue(strings.TrimSuffix(name, "}"), given[i])
		}
	}
}

// refuse says which permission is missing.
func (d *Desk) refuse(w http.ResponseWriter, r *http.Request, v *Visit, permission string) {
	d.problem(w, r, v, http.StatusForbidden, problem{
		What: v.Text("desk.error.permission.title"), Why: v.Text("desk.error.permission.body", "permission", permission, "role", v.Text("desk.role."+v.Chair.Role)),
		Next: v.Text("desk.error.permission.next"),
	})
}

// problem is what the page of an error shows.
type problem struct {
	What, Why, Next any
	Code, RequestID string
	Kind            string
}

func (d *Desk) problem(w http.ResponseWriter, r *http.Request, v *Visit, status int, p problem) {
	p.Kind = "warning"
	if status >= http.StatusInternalServerError {
		p.Kind = "danger"
	}
	if p.RequestID == "" {
		p.RequestID = w.Header().Get("Request-Id")
	}
	d.own.ui.Render(w, r, "desk-problem", v.dressed(ui.View{Title: "desk.error.title", Data: p, Status: status}))
}

// answerError is the page of an error that a handler did not show itself.
func (d *Desk) answerError(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	v.pages = d.own
	refused := (*client.Error)(nil)
	if !errors.As(err, &refused) {
		if errors.Is(err, context.Canceled) {
			return
		}
		d.cfg.Log.ErrorContext(r.Context(), "page of a desk failed", "path", r.URL.Path, "request", w.Header().Get("Request-Id"), "error", err.Error())
		d.problem(w, r, v, http.StatusInternalServerError, problem{
			What: v.Text("ui.error.internal.title"), Why: v.Text("ui.error.internal.body"), Next: v.Text("desk.error.internal.next"),
		})
		return
	}
	p := problem{What: v.Text("desk.error.refused.title"), Why: ui.Text(refused.Message), Code: refused.Code, RequestID: refused.RequestID}
	switch refused.Status {
	case http.StatusInternalServerError: // nobody refused anything
		p.What, p.Next = v.Text("ui.error.internal.title"), v.Text("desk.error.internal.next")
	case http.StatusNotFound:
		p.What, p.Next = v.Text("desk.error.not_found.title"), v.Text("desk.error.not_found.next")
	case http.StatusForbidden:
		p.What, p.Next = v.Text("desk.error.permission.title"), v.Text("desk.error.permission.next")
	case http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		p.Next = v.Text("desk.error.again.next")
	default:
		p.Next = v.Text("desk.error.refused.next")
	}
	status := refused.Status
	if status == http.StatusUnauthorized { // our own credential was refused: not the person's doing
		status = http.StatusInternalServerError
	}
	d.problem(w, r, v, status, p)
}

// fail answers what nobody at a desk can do anything about.
func (d *Desk) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.cfg.Log.ErrorContext(r.Context(), "no desk", "request", w.Header().Get("Request-Id"), "error", err.Error())
	d.cfg.Kit.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "")
}

// functions are what templates call beyond those of all pages.
func functions(words ui.Words) template.FuncMap {
	return template.FuncMap{
		"idlink": func(v *Visit, id any) template.HTML { return v.Link(textOf(id)) },
		"href":   func(v *Visit, parts ...any) string { return v.Path(texts(parts)...) },
		"here":   func(v *Visit, pairs ...any) string { return v.Here(texts(pairs)...) },
		"when":   func(v *Visit, unix any) (template.HTML, error) { return when(v.Chair.Zone, words.Locale(), unix) },
		"whenday": func(v *Visit, unix any) (template.HTML, error) {
			return whenDay(v.Chair.Zone, words.Locale(), unix)
		},
		"amount":      amount,
		"statusbadge": func(status any) (template.HTML, error) { return statusBadge(words, textOf(status)) },
		"once":        once,
		"retyped": func(v *Visit, minor, currency any) bool {
			n, _ := integer(minor)
			return v.MustRetype(n, textOf(currency))
		},
		"dict": dict,
	}
}

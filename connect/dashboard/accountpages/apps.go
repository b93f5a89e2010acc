package accountpages

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var appList = dashboard.List[wire.OAuthClient]{
	Name: "apps", Path: "/v1/oauth_clients",
	Columns: []dashboard.Column[wire.OAuthClient]{
		{Key: "apps.name", Cell: func(_ *dashboard.Visit, c wire.OAuthClient) any { return ui.Text(c.Name) },
			CSV: func(_ *dashboard.Visit, c wire.OAuthClient) string { return c.Name }},
		{Key: "apps.status", Cell: func(v *dashboard.Visit, c wire.OAuthClient) any { return v.Status(appStatus(c)) },
			CSV: func(_ *dashboard.Visit, c wire.OAuthClient) string { return appStatus(c) }},
		{Key: "apps.id", Cell: func(v *dashboard.Visit, c wire.OAuthClient) any { return v.Link(c.ID) },
			CSV: func(_ *dashboard.Visit, c wire.OAuthClient) string { return c.ID }},
		{Key: "apps.scopes", Cell: func(_ *dashboard.Visit, c wire.OAuthClient) any { return ui.Text(strings.Join(c.Scopes, " ")) },
			CSV: func(_ *dashboard.Visit, c wire.OAuthClient) string { return strings.Join(c.Scopes, " ") }},
		{Key: "apps.created", Cell: func(v *dashboard.Visit, c wire.OAuthClient) any { return v.Day(c.Created) }},
	},
	Href:  func(v *dashboard.Visit, c wire.OAuthClient) string { return v.Path("oauth-apps", c.ID) },
	Empty: dashboard.Empty{Icon: "plug", Title: "apps.none", Body: "apps.none.body"},
}

func appStatus(c wire.OAuthClient) string {
	if c.Disabled {
		return "disabled"
	}
	return "enabled"
}

// apps is the list of OAuth apps (P-19).
func (s *section) apps(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return appList.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "apps", ui.View{Title: "apps.title", Data: t})
	})
}

type appView struct {
	App         wire.OAuthClient
	Status      string
	Tabs        []ui.Link
	Tab, Curl   string
	Acts        []ui.Link
	May         bool
	Link, HTML  string
	Form        *ui.Form
	Redirects   []ui.Option
	Scopes      []ui.Option
	Connections []wire.OAuthConnection
	Incidents   []wire.OAuthIncident
}

func (s *section) app(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	got, err := dashboard.Fetch[wire.OAuthClient](r, v, "/v1/oauth_clients/"+r.PathValue("id"))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, got.Path, got.Raw); done {
		return err
	}
	c := got.Value
	view := appView{App: c, Status: appStatus(c), Curl: v.Curl(got.Path), May: v.May("oauth_clients:write")}
	view.Tabs, view.Tab = v.Tabs(dashboard.Tab{Name: "overview", Key: "app.overview"}, dashboard.Tab{Name: "link", Key: "app.link"},
		dashboard.Tab{Name: "installs", Key: "app.installs"}, dashboard.Tab{Name: "failures", Key: "app.failures"})
	switch view.Tab {
	case "link":
		view.build(v)
	case "installs":
		view.Connections, err = connections(r, v, url.Values{"client": {c.ID}})
	case "failures":
		var found wire.List[wire.OAuthIncident]
		err = v.API.Get(r.Context(), got.Path+"/incidents", url.Values{"limit": {"50"}}, &found)
		view.Incidents = found.Data
	}
	if err != nil {
		return err
	}
	if view.May {
		for _, name := range []string{"edit", "secrets", "disable", "enable"} {
			a, known := appActs[name]
			key := a.button
			if !known {
				key = "app.edit"
			}
			if name == "disable" && c.Disabled || name == "enable" && !c.Disabled || name == "secrets" && (c.Type == "public" || len(c.Secrets) > 1) {
				continue
			}
			view.Acts = append(view.Acts, ui.Link{Href: v.Path("oauth-apps", c.ID, name), Key: key})
		}
	}
	return s.pages.Render(w, r, v, "app", ui.View{
		Title: "app.title", TitleArgs: []any{"name", c.Name}, Data: view, Back: &ui.Link{Href: v.Path("oauth-apps"), Key: "apps.title"}, Form: view.Form,
	})
}

// build makes the link that connects an account, of what the address chooses: the
// state is the web site's own to add, at each visit another.
func (view *appView) build(v *dashboard.Visit) {
	c := view.App
	for _, uri := range c.RedirectURIs {
		view.Redirects = append(view.Redirects, ui.Option{Value: uri, Text: uri})
	}
	for _, scope := range c.Scopes {
		view.Scopes = append(view.Scopes, ui.Option{Value: scope, Key: "scope." + scope})
	}
	redirect, scope := v.Query.Get("redirect_uri"), v.Query.Get("scope")
	if !slices.Contains(c.RedirectURIs, redirect) && len(c.RedirectURIs) > 0 {
		redirect = c.RedirectURIs[0]
	}
	if !slices.Contains(c.Scopes, scope) && len(c.Scopes) > 0 {
		scope = c.Scopes[len(c.Scopes)-1]
	}
	view.Form = ui.NewForm(url.Values{"redirect_uri": {redirect}, "scope": {scope}})
	q := url.Values{"response_type": {"code"}, "client_id": {c.ID}, "scope": {scope}, "redirect_uri": {redirect}}
	view.Link = v.Absolute("/oauth/authorize?" + q.Encode())
	view.HTML = `<a href="` + html.EscapeString(view.Link+"&state=YOUR_STATE") + `">` + html.EscapeString(string(said(v, "app.button", "name", v.Chair.Name))) + `</a>`
}

func appFields() []field {
	return []field{
		{Name: "name", Label: "apps.name", Hint: "app.name_hint"},
		{Name: "redirect_uris", Label: "app.redirects", Hint: "app.redirects_hint", Rows: 3},
		{Name: "scope", Label: "apps.scopes", Options: []ui.Option{
			{Value: "both", Key: "scope.both"}, {Value: "read_only", Key: "scope.read_only"}, {Value: "read_write", Key: "scope.read_write"},
		}},
	}
}

func appParams(form *ui.Form) url.Values {
	p := url.Values{"name": {form.Value("name")}, "redirect_uris[]": strings.Fields(form.Value("redirect_uris"))}
	switch scope := form.Value("scope"); scope {
	case "read_only", "read_write":
		p.Set("scopes[]", scope)
	default:
		p["scopes[]"] = []string{"read_only", "read_write"}
	}
	return p
}

func (s *section) newApp(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	fields := append(appFields(), field{Name: "type", Label: "app.type", Options: []ui.Option{
		{Value: "confidential", Key: "app.confidential"}, {Value: "public", Key: "app.public"},
	}})
	view := actView{Title: "app.new", Button: "app.create", Fields: fields, Says: []any{v.Text("app.new.says")}}
	back := &ui.Link{Href: v.Path("oauth-apps"), Key: "apps.title"}
	if r.Method != http.MethodPost {
		return s.renderAct(w, r, v, back, view, ui.NewForm(url.Values{"scope": {"both"}, "type": {"confidential"}}))
	}
	form := ui.PostedForm(r)
	params := appParams(form)
	params.Set("type", form.Value("type"))
	var made wire.OAuthClient
	if err := v.API.PostOnce(r.Context(), "/v1/oauth_clients", params, r.PostForm.Get("idempotency_key"), &made); err != nil {
		return s.refused(w, r, v, back, view, form, err)
	}
	to := v.Path("oauth-apps", made.ID)
	if made.Type == "public" {
		return v.Go(w, r, to, "app_created")
	}
	return s.reveal(w, r, v, &ui.Link{Href: to, Text: made.Name}, secretOf(made))
}

// secretOf is the newest secret, as it is shown once.
func secretOf(c wire.OAuthClient) *revealed {
	shown := &revealed{Title: "secret.shown", Note: "secret.once", Label: "secret.copy"}
	if n := len(c.Secrets); n > 0 {
		shown.Value = c.Secrets[n-1].Secret
	}
	return shown
}

func (s *section) editApp(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	path := "/v1/oauth_clients/" + r.PathValue("id")
	got, err := dashboard.Fetch[wire.OAuthClient](r, v, path)
	if err != nil {
		return err
	}
	view := actView{Title: "app.edit", Button: "act.save", Name: got.Value.Name, Fields: appFields(), Says: []any{v.Text("app.edit.says")}}
	to := v.Path("oauth-apps", got.Value.ID)
	back := &ui.Link{Href: to, Text: got.Value.Name}
	if r.Method != http.MethodPost {
		scope := "both"
		if len(got.Value.Scopes) == 1 {
			scope = got.Value.Scopes[0]
		}
		return s.renderAct(w, r, v, back, view, ui.NewForm(url.Values{
			"name": {got.Value.Name}, "redirect_uris": {strings.Join(got.Value.RedirectURIs, "\n")}, "scope": {scope},
		}))
	}
	form := ui.PostedForm(r)
	if err := v.API.PostOnce(r.Context(), path, appParams(form), r.PostForm.Get("idempotency_key"), nil); err != nil {
		return s.refused(w, r, v, back, view, form, err)
	}
	return v.Go(w, r, to, "saved")
}

// appActs are what is done to an OAuth app.
var appActs = map[string]act{
	"secrets": {
		at: "oauth-apps", permission: "oauth_clients:write", title: "rotate.title", button: "rotate.do",
		says: func(_ *http.Request, v *dashboard.Visit) ([]any, error) { return []any{v.Text("rotate.says")}, nil },
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			var c wire.OAuthClient
			err := v.API.PostOnce(r.Context(), "/v1/oauth_clients/"+r.PathValue("id")+"/secrets", nil, r.PostForm.Get("idempotency_key"), &c)
			return secretOf(c), err
		},
	},
	"secrets/{secret}/remove": {
		at: "oauth-apps", permission: "oauth_clients:write", title: "unsecret.title", button: "unsecret.do", done: "unsecret", danger: true,
		says: func(_ *http.Request, v *dashboard.Visit) ([]any, error) { return []any{v.Text("unsecret.says")}, nil },
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			return nil, v.API.Delete(r.Context(), "/v1/oauth_clients/"+r.PathValue("id")+"/secrets/"+r.PathValue("secret"), nil)
		},
	},
	"disable": {
		at: "oauth-apps", permission: "oauth_clients:write", title: "disable.title", button: "disable.do", done: "app_disabled", danger: true,
		says: func(r *http.Request, v *dashboard.Visit) ([]any, error) {
			if !v.May("accounts:read") {
				return []any{said(v, "disable.says", "n", "?")}, nil
			}
			found, err := connections(r, v, url.Values{"client": {r.PathValue("id")}})
			active := 0
			for _, c := range found {
				if c.Status == "active" {
					active++
				}
			}
			return []any{said(v, "disable.says", "n", active)}, err
		},
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			return nil, v.API.PostOnce(r.Context(), "/v1/oauth_clients/"+r.PathValue("id")+"/disable", nil, r.PostForm.Get("idempotency_key"), nil)
		},
	},
	"enable": {
		at: "oauth-apps", permission: "oauth_clients:write", title: "enable.title", button: "enable.do", done: "app_enabled",
		says: func(_ *http.Request, v *dashboard.Visit) ([]any, error) { return []any{v.Text("enable.says")}, nil },
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			return nil, v.API.PostOnce(r.Context(), "/v1/oauth_clients/"+r.PathValue("id")+"/enable", nil, r.PostForm.Get("idempotency_key"), nil)
		},
	},
}

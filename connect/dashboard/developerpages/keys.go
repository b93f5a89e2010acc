package developerpages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var keyTypes = []string{"secret", "publishable", "restricted"}

func options(prefix string, values ...string) []ui.Option {
	out := make([]ui.Option, len(values))
	for i, value := range values {
		out[i] = ui.Option{Value: value, Key: prefix + value}
	}
	return out
}

var keyList = dashboard.List[wire.APIKey]{
	Name: "keys", Path: "/v1/api_keys",
	Columns: []dashboard.Column[wire.APIKey]{
		{Key: "keys.name", Cell: func(v *dashboard.Visit, k wire.APIKey) any { return keyName(v, k) }},
		{Key: "keys.token", Cell: func(_ *dashboard.Visit, k wire.APIKey) any { return token(k) }},
		{Key: "keys.type", Cell: func(v *dashboard.Visit, k wire.APIKey) any { return v.Text("keys.type." + k.Type) }},
		{Key: "keys.status", Cell: func(v *dashboard.Visit, k wire.APIKey) any { return v.Status(keyStatus(k)) }},
		{Key: "keys.used", Cell: func(v *dashboard.Visit, k wire.APIKey) any {
			if k.LastUsedAt == nil {
				return v.Text("keys.unused")
			}
			return v.When(*k.LastUsedAt)
		}},
		{Key: "keys.expires", Cell: func(v *dashboard.Visit, k wire.APIKey) any { return v.When(number(k.ExpiresAt)) }},
		{Key: "keys.created", Extra: true, Cell: func(v *dashboard.Visit, k wire.APIKey) any { return v.When(k.Created) }},
		{Key: "keys.allowed", Extra: true, Cell: func(v *dashboard.Visit, k wire.APIKey) any { return allowedFrom(v, k) }},
		{Key: "keys.scopes", Extra: true, Cell: func(v *dashboard.Visit, k wire.APIKey) any { return permissions(v, k) }},
	},
	Href:  func(v *dashboard.Visit, k wire.APIKey) string { return v.Path("api-keys", k.ID) },
	Empty: dashboard.Empty{Icon: "key", Title: "keys.none", Body: "keys.none.body"},
}

func keyName(v *dashboard.Visit, k wire.APIKey) any {
	if name := text(k.Name); name != "" {
		return name
	}
	return v.Text("keys.unnamed")
}

// token is a key as far as it may be seen again.
func token(k wire.APIKey) string { return k.Prefix + "…" + k.Last4 }

// keyStatus also tells a key that was rolled and still works for a while.
func keyStatus(k wire.APIKey) string {
	if k.Status == "active" && k.ReplacedBy != nil {
		return "rolling"
	}
	return k.Status
}

func permissions(v *dashboard.Visit, k wire.APIKey) any {
	if k.Scopes == nil {
		return v.Text("keys.scopes.all")
	}
	return say(v, "keys.scopes.some", "count", len(k.Scopes))
}

// allowedFrom is where a key is good from, in a list.
func allowedFrom(v *dashboard.Visit, k wire.APIKey) any {
	if k.AllowedIPs == nil {
		return v.Text("keys.allowed.all")
	}
	return strings.Join(k.AllowedIPs, ", ")
}

// networksOf are the lines of the field for addresses; commas part them too.
func networksOf(form *ui.Form) []string {
	return strings.FieldsFunc(form.Value("allowed_ips"), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t' })
}

func (s *section) keys(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return keyList.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "keys", ui.View{Title: "keys.title", Data: t})
	})
}

// lives are how long a new key may be good for.
var lives = map[string]time.Duration{"30d": 30 * 24 * time.Hour, "90d": 90 * 24 * time.Hour, "1y": 365 * 24 * time.Hour}

// newKeyView is the form of a key.
type newKeyView struct {
	Types, Lives []ui.Option
	Matrix       []permissionRow
	You          string // the address that the reader calls from
}

type permissionRow struct {
	Resource string
	Level    string // "", read or write
}

func (s *section) renderNewKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	view := newKeyView{Lives: options("keys.life.", "never", "30d", "90d", "1y"), You: rest.PeerIP(r)}
	for _, typ := range keyTypes {
		view.Types = append(view.Types, ui.Option{Value: typ, Key: "keys.type." + typ, Hint: "keys.type." + typ + ".hint"})
	}
	for _, resource := range s.cfg.Resources {
		view.Matrix = append(view.Matrix, permissionRow{resource, form.Value("scope_" + resource)})
	}
	return s.pages.Render(w, r, v, "key-new", ui.View{Title: "keys.create", Back: back(v, "keys.title", "api-keys"), Data: view, Form: form})
}

func (s *section) newKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.renderNewKey(w, r, v, ui.NewForm(url.Values{"type": {"secret"}, "life": {"never"}}))
}

func (s *section) createKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	params := url.Values{"type": {form.Value("type")}, "name": {form.Value("name")}}
	if !slices.Contains(keyTypes, form.Value("type")) {
		form.Fail("type", "keys.type.missing")
	}
	if form.Value("type") == "restricted" {
		for _, resource := range s.cfg.Resources {
			if level := form.Value("scope_" + resource); level == "read" || level == "write" {
				params.Add("scopes[]", resource+":"+level)
			}
		}
		if len(params["scopes[]"]) == 0 {
			form.Fail("", "keys.scopes.missing")
		}
	}
	params["allowed_ips[]"] = networksOf(form)
	if life, limited := lives[form.Value("life")]; limited {
		params.Set("expires_at", strconv.FormatInt(time.Now().Add(life).Unix(), 10))
	}
	if !form.OK() {
		return s.renderNewKey(w, r, v, form)
	}
	var made wire.APIKey
	if err := v.API.PostOnce(r.Context(), "/v1/api_keys", params, form.Value("idempotency_key"), &made); err != nil {
		if err = refusal(form, err, "name", "allowed_ips"); err != nil {
			return err
		}
		return s.renderNewKey(w, r, v, form)
	}
	return s.reveal(w, r, v, revealed{Made: made.ID, Token: token(made), Secret: made.Secret, Publishable: made.Type == "publishable"})
}

// revealed is a secret that is shown once. Without Secret it was shown before: the
// form was sent twice.
type revealed struct {
	Made        string // id of the key or endpoint
	Token       string
	Secret      string
	Publishable bool
	Old         string // id of the key it takes the place of
	OldUntil    int64
	Endpoint    *wire.WebhookEndpoint // of a webhook's secret
	Snippets    []snippet
}

func (s *section) reveal(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, data revealed) error {
	title, up := "keys.made", back(v, "keys.title", "api-keys")
	if data.Endpoint != nil {
		title, up = "webhooks.made", back(v, "webhooks.back", "webhooks", data.Endpoint.ID)
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.pages.Render(w, r, v, "secret", ui.View{Title: title, Back: up, Data: data})
}

// keyView is one key.
type keyView struct {
	Key    wire.APIKey
	Name   any
	Token  string
	Status any
	IPs    []string // of the latest requests
	Seen   int      // of how many requests
	Scopes any
	Curl   string
	You    string // the address that the reader calls from
}

func (s *section) key(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	k, err := dashboard.Fetch[wire.APIKey](r, v, "/v1/api_keys/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, k.Path, k.Raw); done {
		return err
	}
	data := keyView{Key: k.Value, Name: keyName(v, k.Value), Token: token(k.Value), Status: v.Status(keyStatus(k.Value)), Scopes: permissions(v, k.Value), Curl: v.Curl(k.Path)}
	if v.May("request_logs:read") {
		latest, err := some[wire.RequestLog](r, v, "/v1/request_logs", url.Values{"key": {k.Value.ID}, "limit": {"100"}})
		if err != nil {
			return err
		}
		data.Seen = len(latest)
		for _, one := range latest {
			if ip := text(one.IP); ip != "" && !slices.Contains(data.IPs, ip) {
				data.IPs = append(data.IPs, ip)
			}
		}
	}
	return s.pages.Render(w, r, v, "key", ui.View{Title: "keys.one", Back: back(v, "keys.title", "api-keys"), Data: data})
}

func (s *section) editKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	k, err := dashboard.Fetch[wire.APIKey](r, v, "/v1/api_keys/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	form := ui.NewForm(url.Values{"name": {text(k.Value.Name)}, "allowed_ips": {strings.Join(k.Value.AllowedIPs, "\n")}})
	return s.renderEditKey(w, r, v, k.Value, form)
}

func (s *section) renderEditKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, k wire.APIKey, form *ui.Form) error {
	data := keyView{Key: k, Name: keyName(v, k), Token: token(k), You: rest.PeerIP(r)}
	return s.pages.Render(w, r, v, "key-edit", ui.View{Title: "keys.edit", Back: back(v, "keys.one", "api-keys", k.ID), Data: data, Form: form})
}

func (s *section) updateKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	k, err := dashboard.Fetch[wire.APIKey](r, v, "/v1/api_keys/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	form := ui.PostedForm(r)
	params := url.Values{"name": {form.Value("name")}, "allowed_ips": {""}}
	if networks := networksOf(form); len(networks) > 0 {
		delete(params, "allowed_ips")
		params["allowed_ips[]"] = networks
	}
	if err := v.API.PostOnce(r.Context(), "/v1/api_keys/"+url.PathEscape(k.Value.ID), params, form.Value("idempotency_key"), nil); err != nil {
		if err = refusal(form, err, "name", "allowed_ips"); err != nil {
			return err
		}
		return s.renderEditKey(w, r, v, k.Value, form)
	}
	return v.Go(w, r, v.Path("api-keys", k.Value.ID), "key_changed")
}

// graces are for how long a rolled key still works, in seconds.
var graces = []string{"0", "3600", "86400", "604800"}

type rollView struct {
	ID, Name any
	Token    string
	Graces   []ui.Option
}

func (s *section) askRoll(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.renderRoll(w, r, v, ui.NewForm(url.Values{"grace": {"86400"}}))
}

func (s *section) renderRoll(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	k, err := dashboard.Fetch[wire.APIKey](r, v, "/v1/api_keys/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "key-roll", ui.View{
		Title: "keys.roll", Back: back(v, "keys.one", "api-keys", k.Value.ID), Form: form,
		Data: rollView{k.Value.ID, keyName(v, k.Value), token(k.Value), options("developers.grace.", graces...)},
	})
}

func (s *section) rollKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form, id := ui.PostedForm(r), r.PathValue("id")
	if !slices.Contains(graces, form.Value("grace")) {
		form.Fail("grace", "developers.grace.missing")
		return s.renderRoll(w, r, v, form)
	}
	var made wire.APIKey
	path := "/v1/api_keys/" + url.PathEscape(id)
	err := v.API.PostOnce(r.Context(), path+"/roll", url.Values{"expires_in": {form.Value("grace")}}, form.Value("idempotency_key"), &made)
	if err != nil {
		if err = refusal(form, err); err != nil {
			return err
		}
		return s.renderRoll(w, r, v, form)
	}
	var old wire.APIKey
	if err := v.API.Get(r.Context(), path, nil, &old); err != nil {
		return err
	}
	return s.reveal(w, r, v, revealed{
		Made: made.ID, Token: token(made), Secret: made.Secret, Publishable: made.Type == "publishable", Old: old.ID, OldUntil: number(old.ExpiresAt),
	})
}

func (s *section) askRevoke(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	k, err := dashboard.Fetch[wire.APIKey](r, v, "/v1/api_keys/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	data := keyView{Key: k.Value, Name: keyName(v, k.Value), Token: token(k.Value)}
	if v.May("request_logs:read") { // what would stop: said in numbers
		since := strconv.FormatInt(time.Now().Add(-24*time.Hour).Unix(), 10)
		latest, err := some[wire.RequestLog](r, v, "/v1/request_logs", url.Values{"key": {k.Value.ID}, "limit": {"100"}, "created[gte]": {since}})
		if err != nil {
			return err
		}
		data.Seen = len(latest)
	}
	return s.pages.Render(w, r, v, "key-revoke", ui.View{Title: "keys.revoke", Back: back(v, "keys.one", "api-keys", k.Value.ID), Data: data})
}

func (s *section) revokeKey(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	err := v.API.PostOnce(r.Context(), "/v1/api_keys/"+url.PathEscape(id)+"/revoke", nil, r.PostForm.Get("idempotency_key"), nil)
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("api-keys", id), "key_revoked")
}

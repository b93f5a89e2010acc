package developerpages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// failures are the classes of failed attempts that the pages have words for.
var failures = []string{
	"status", "redirect", "connect_timeout", "response_timeout", "dns", "connect", "tls", "refused", "reset", "malformed", "proxy", "other",
}

// typeGroup are the types of event about one noun.
type typeGroup struct {
	Noun  string
	Types []typeChoice
}

type typeChoice struct {
	Name, Description string
	Chosen            bool
}

// endpointForm is the form of a new or changed endpoint.
type endpointForm struct {
	ID       string // "" for a new one
	Groups   []typeGroup
	All      bool
	Payloads []ui.Option
	Wheres   []ui.Option
}

func (s *section) renderEndpointForm(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, id string, form *ui.Form) error {
	types, err := some[wire.EventType](r, v, "/v1/event_types", nil)
	if err != nil {
		return err
	}
	chosen := form.Values("events[]")
	data := endpointForm{
		ID: id, All: form.Value("which") == "all",
		Payloads: options("webhooks.payload.", "snapshot", "thin"),
		Wheres: []ui.Option{
			{Value: "own", Key: "webhooks.connect.own", Hint: "webhooks.connect.own.hint"},
			{Value: "connected", Key: "webhooks.connect.connected", Hint: "webhooks.connect.connected.hint"},
		},
	}
	for _, t := range types {
		noun, _, _ := strings.Cut(t.ID, ".")
		if len(data.Groups) == 0 || data.Groups[len(data.Groups)-1].Noun != noun {
			data.Groups = append(data.Groups, typeGroup{Noun: noun})
		}
		g := &data.Groups[len(data.Groups)-1]
		g.Types = append(g.Types, typeChoice{t.ID, t.Description, slices.Contains(chosen, t.ID)})
	}
	title, up := "webhooks.create", back(v, "webhooks.title", "webhooks")
	if id != "" {
		title, up = "webhooks.edit", back(v, "webhooks.back", "webhooks", id)
	}
	return s.pages.Render(w, r, v, "webhook-form", ui.View{Title: title, Back: up, Data: data, Form: form})
}

func (s *section) newEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.renderEndpointForm(w, r, v, "", ui.NewForm(url.Values{"which": {"some"}, "where": {"own"}, "payload": {"snapshot"}}))
}

// endpointParams are what a form asks of an endpoint.
func endpointParams(form *ui.Form) url.Values {
	params := url.Values{"url": {form.Value("url")}, "description": {form.Value("description")}, "event_payload": {form.Value("payload")}}
	params.Set("ordered", strconv.FormatBool(form.Value("ordered") == "yes"))
	params["enabled_events[]"] = form.Values("events[]")
	if form.Value("which") == "all" {
		params["enabled_events[]"] = []string{"*"}
	}
	if form.Value("url") == "" {
		form.Fail("url", "webhooks.url.missing")
	}
	if len(params["enabled_events[]"]) == 0 {
		form.Fail("which", "webhooks.events.missing")
	}
	if limit := form.Value("rate_limit"); limit != "" {
		params.Set("rate_limit", limit)
	}
	return params
}

func (s *section) createEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	params := endpointParams(form)
	params.Set("connect", strconv.FormatBool(form.Value("where") == "connected"))
	if !form.OK() {
		return s.renderEndpointForm(w, r, v, "", form)
	}
	var made wire.WebhookEndpoint
	if err := v.API.PostOnce(r.Context(), "/v1/webhook_endpoints", params, form.Value("idempotency_key"), &made); err != nil {
		if err = refusal(form, err, "url", "description", "rate_limit"); err != nil {
			return err
		}
		return s.renderEndpointForm(w, r, v, "", form)
	}
	return s.reveal(w, r, v, revealed{Made: made.ID, Secret: made.Secret, Endpoint: &made, Snippets: snippets})
}

func (s *section) editEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	e, err := dashboard.Fetch[wire.WebhookEndpoint](r, v, endpointPath(r.PathValue("id")))
	if err != nil {
		return err
	}
	values := url.Values{
		"url": {e.Value.URL}, "description": {text(e.Value.Description)}, "payload": {e.Value.EventPayload}, "which": {"some"}, "events[]": e.Value.EnabledEvents,
	}
	if slices.Contains(e.Value.EnabledEvents, "*") {
		values.Set("which", "all")
	}
	if e.Value.Ordered {
		values.Set("ordered", "yes")
	}
	if e.Value.RateLimit != nil {
		values.Set("rate_limit", strconv.Itoa(*e.Value.RateLimit))
	}
	return s.renderEndpointForm(w, r, v, e.Value.ID, ui.NewForm(values))
}

func (s *section) updateEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form, id := ui.PostedForm(r), r.PathValue("id")
	params := endpointParams(form)
	if !form.OK() {
		return s.renderEndpointForm(w, r, v, id, form)
	}
	if err := v.API.PostOnce(r.Context(), endpointPath(id), params, form.Value("idempotency_key"), nil); err != nil {
		if err = refusal(form, err, "url", "description", "rate_limit"); err != nil {
			return err
		}
		return s.renderEndpointForm(w, r, v, id, form)
	}
	return v.Go(w, r, v.Path("webhooks", id), "endpoint_saved")
}

// sendTest sends an example of an event and shows how it went.
func (s *section) sendTest(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	var sent wire.WebhookDelivery
	err := v.API.PostOnce(r.Context(), endpointPath(r.PathValue("id"))+"/test", url.Values{}, r.PostForm.Get("idempotency_key"), &sent)
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("deliveries", sent.ID), "test_sent")
}

// pauseEndpoint pauses and resumes: nothing is lost, so nothing is asked.
func (s *section) pauseEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id, pause := r.PathValue("id"), r.PostForm.Get("paused") == "true"
	params := url.Values{"paused": {strconv.FormatBool(pause)}}
	if err := v.API.PostOnce(r.Context(), endpointPath(id), params, r.PostForm.Get("idempotency_key"), nil); err != nil {
		return err
	}
	done := "endpoint_resumed"
	if pause {
		done = "endpoint_paused"
	}
	return v.Go(w, r, v.Path("webhooks", id), done)
}

// askEnable says what enabling or disabling an endpoint means.
func (s *section) askEnable(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	e, err := dashboard.Fetch[wire.WebhookEndpoint](r, v, endpointPath(r.PathValue("id")))
	if err != nil {
		return err
	}
	missed, err := count(r, v, url.Values{"webhook_endpoint": {e.Value.ID}})
	if err != nil {
		return err
	}
	title := "webhooks.disable"
	if e.Value.Status != "enabled" {
		title = "webhooks.enable"
	}
	return s.pages.Render(w, r, v, "webhook-enable", ui.View{
		Title: title, Back: back(v, "webhooks.back", "webhooks", e.Value.ID), Data: endpointQuestion{e.Value, missed, nil},
	})
}

// endpointQuestion is what a page asks about an endpoint.
type endpointQuestion struct {
	E      wire.WebhookEndpoint
	Missed int64
	Graces []ui.Option
}

func (s *section) enableEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	params := url.Values{"disabled": {strconv.FormatBool(r.PostForm.Get("disabled") == "true")}}
	if r.PostForm.Get("replay_missed") == "yes" {
		params.Set("replay_missed", "true")
	}
	if err := v.API.PostOnce(r.Context(), endpointPath(id), params, r.PostForm.Get("idempotency_key"), nil); err != nil {
		return err
	}
	done := "endpoint_enabled"
	if params.Get("disabled") == "true" {
		done = "endpoint_disabled"
	}
	return v.Go(w, r, v.Path("webhooks", id), done)
}

func (s *section) askRollSecret(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.renderRollSecret(w, r, v, ui.NewForm(url.Values{"grace": {"86400"}}))
}

func (s *section) renderRollSecret(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	e, err := dashboard.Fetch[wire.WebhookEndpoint](r, v, endpointPath(r.PathValue("id")))
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "webhook-roll", ui.View{
		Title: "webhooks.roll", Back: back(v, "webhooks.back", "webhooks", e.Value.ID), Form: form,
		Data: endpointQuestion{E: e.Value, Graces: options("developers.grace.", graces...)},
	})
}

func (s *section) rollSecret(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form, id := ui.PostedForm(r), r.PathValue("id")
	if !slices.Contains(graces, form.Value("grace")) {
		form.Fail("grace", "developers.grace.missing")
		return s.renderRollSecret(w, r, v, form)
	}
	var made wire.WebhookEndpoint
	err := v.API.PostOnce(r.Context(), endpointPath(id)+"/roll_secret", url.Values{"overlap_seconds": {form.Value("grace")}}, form.Value("idempotency_key"), &made)
	if err != nil {
		if err = refusal(form, err); err != nil {
			return err
		}
		return s.renderRollSecret(w, r, v, form)
	}
	return s.reveal(w, r, v, revealed{Made: made.ID, Secret: made.Secret, Endpoint: &made, Snippets: snippets})
}

func (s *section) askDelete(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	e, err := dashboard.Fetch[wire.WebhookEndpoint](r, v, endpointPath(r.PathValue("id")))
	if err != nil {
		return err
	}
	missed, err := count(r, v, url.Values{"webhook_endpoint": {e.Value.ID}})
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "webhook-delete", ui.View{
		Title: "webhooks.delete", Back: back(v, "webhooks.back", "webhooks", e.Value.ID), Data: endpointQuestion{e.Value, missed, nil},
	})
}

func (s *section) deleteEndpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	if err := v.API.Delete(r.Context(), endpointPath(r.PathValue("id")), nil); err != nil {
		return err
	}
	return v.Go(w, r, v.Path("webhooks"), "endpoint_deleted")
}

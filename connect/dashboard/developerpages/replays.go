package developerpages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var replayList = dashboard.List[wire.WebhookReplay]{
	Name: "replays", Path: "/v1/webhook_replays",
	Columns: []dashboard.Column[wire.WebhookReplay]{
		{Key: "replays.created", Cell: func(v *dashboard.Visit, p wire.WebhookReplay) any { return v.When(p.Created) }},
		{Key: "replays.status", Cell: func(v *dashboard.Visit, p wire.WebhookReplay) any { return badge(v, p.Status) }},
		{Key: "replays.sent", Number: true, Cell: func(v *dashboard.Visit, p wire.WebhookReplay) any {
			return say(v, "replays.of", "count", p.Replayed, "total", p.Total)
		}},
		{Key: "replays.ended", Cell: func(v *dashboard.Visit, p wire.WebhookReplay) any { return v.When(number(p.EndedAt)) }},
	},
	Href:  func(v *dashboard.Visit, p wire.WebhookReplay) string { return v.Path("replays", text(p.ID)) },
	Empty: dashboard.Empty{Icon: "repeat", Title: "replays.none", Body: "replays.none.body"},
}

// replayStatuses are the deliveries that can be replayed; the first two are what was missed.
var replayStatuses = []string{"failed", "undelivered", "delivered"}

// replayForm asks what to send again, and says how much that is.
type replayForm struct {
	E        wire.WebhookEndpoint
	Statuses []choice
	From, To string
	Counted  bool
	Total    int64
	Range    string // of the address, for the form that starts it
}

type choice struct {
	Value  string
	Chosen bool
}

// count is how many deliveries a replay would send.
func count(r *http.Request, v *dashboard.Visit, params url.Values) (int64, error) {
	params.Set("dry_run", "true")
	var counted wire.WebhookReplay
	err := v.API.Post(r.Context(), "/v1/webhook_replays", params, &counted)
	return counted.Total, err
}

// replayParams are what a form of days, types and statuses asks of the API.
func replayParams(v *dashboard.Visit, form *ui.Form, endpoint string) url.Values {
	params := url.Values{"webhook_endpoint": {endpoint}}
	days := map[string]time.Time{}
	for _, name := range []string{"from", "to"} {
		given := form.Value(name)
		if given == "" {
			continue
		}
		day, err := time.ParseInLocation(time.DateOnly, given, v.Chair.Zone)
		if err != nil {
			form.Fail(name, "replays.day_wrong")
			continue
		}
		days[name] = day
	}
	from, hasFrom := days["from"]
	to, hasTo := days["to"]
	if hasFrom && hasTo && to.Before(from) {
		form.Fail("to", "replays.days_wrong")
	}
	if hasFrom {
		params.Set("created[gte]", strconv.FormatInt(from.Unix(), 10))
	}
	if hasTo {
		params.Set("created[lt]", strconv.FormatInt(to.AddDate(0, 0, 1).Unix(), 10))
	}
	for _, status := range form.Values("status[]") {
		if slices.Contains(replayStatuses, status) {
			params.Add("status[]", status)
		}
	}
	if typ := form.Value("type"); typ != "" {
		params.Set("types[]", typ)
	}
	if rate := form.Value("rate_limit"); rate != "" {
		params.Set("rate_limit", rate)
	}
	if len(params["status[]"]) == 0 {
		form.Fail("status[]", "replays.status_missing")
	}
	return params
}

// askReplay is a form that is sent by GET: it counts, and its address can be shared.
func (s *section) askReplay(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	values := url.Values{}
	for _, name := range []string{"from", "to", "type", "rate_limit", "status[]"} {
		if given, there := v.Query[name]; there {
			values[name] = given
		}
	}
	asked := v.Query.Has("count")
	if !asked {
		today := time.Now().In(v.Chair.Zone)
		values = url.Values{"from": {today.AddDate(0, 0, -1).Format(time.DateOnly)}, "to": {today.Format(time.DateOnly)}, "status[]": replayStatuses[:2]}
	}
	return s.renderReplayForm(w, r, v, ui.NewForm(values), asked)
}

func (s *section) renderReplayForm(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form, counting bool) error {
	e, err := dashboard.Fetch[wire.WebhookEndpoint](r, v, endpointPath(r.PathValue("id")))
	if err != nil {
		return err
	}
	data := replayForm{E: e.Value}
	for _, status := range replayStatuses {
		data.Statuses = append(data.Statuses, choice{status, slices.Contains(form.Values("status[]"), status)})
	}
	if counting && form.OK() {
		params := replayParams(v, form, e.Value.ID)
		if form.OK() {
			data.Total, err = count(r, v, params)
			if data.Counted = err == nil; err != nil {
				if err = refusal(form, err, "rate_limit"); err != nil {
					return err
				}
			}
		}
	}
	return s.pages.Render(w, r, v, "replay-new", ui.View{
		Title: "replays.create", Back: back(v, "webhooks.back", "webhooks", e.Value.ID), Data: data, Form: form,
	})
}

func (s *section) startReplay(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	params := replayParams(v, form, r.PathValue("id"))
	if !form.OK() {
		return s.renderReplayForm(w, r, v, form, false)
	}
	var made wire.WebhookReplay
	if err := v.API.PostOnce(r.Context(), "/v1/webhook_replays", params, form.Value("idempotency_key"), &made); err != nil {
		if err = refusal(form, err, "rate_limit"); err != nil {
			return err
		}
		return s.renderReplayForm(w, r, v, form, false)
	}
	return v.Go(w, r, v.Path("replays", text(made.ID)), "replay_started")
}

// replayView is a replay on its way.
type replayView struct {
	P       wire.WebhookReplay
	Status  any
	Running bool
	Curl    string
}

func (s *section) replay(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	p, err := dashboard.Fetch[wire.WebhookReplay](r, v, "/v1/webhook_replays/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, p.Path, p.Raw); done {
		return err
	}
	return s.pages.Render(w, r, v, "replay", ui.View{
		Title: "replays.one", Back: back(v, "webhooks.back", "webhooks", p.Value.WebhookEndpoint),
		Data: replayView{p.Value, badge(v, p.Value.Status), p.Value.Status == "running", v.Curl(p.Path)},
	})
}

func (s *section) cancelReplay(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	err := v.API.PostOnce(r.Context(), "/v1/webhook_replays/"+url.PathEscape(id)+"/cancel", nil, r.PostForm.Get("idempotency_key"), nil)
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("replays", id), "replay_canceled")
}

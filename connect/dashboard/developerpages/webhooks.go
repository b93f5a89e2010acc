package developerpages

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

func endpointPath(id string) string { return "/v1/webhook_endpoints/" + url.PathEscape(id) }

// figures are how an endpoint did in its latest attempts.
type figures struct {
	Of      int // attempts that were looked at
	Good    int
	P95     int64 // milliseconds; of those that were answered
	LastBad *wire.WebhookAttempt
}

// latestAttempts is how many attempts figures are made of.
const latestAttempts = 100

func measure(attempts []wire.WebhookAttempt) figures {
	f := figures{Of: len(attempts)}
	var took []int64
	for i := range attempts {
		a := &attempts[i]
		switch {
		case a.Failure == nil:
			f.Good++
		case f.LastBad == nil:
			f.LastBad = a
		}
		if a.Response.Status != nil {
			took = append(took, a.DurationMS)
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		f.P95 = took[(len(took)*95+99)/100-1]
	}
	return f
}

// Rate is the share that succeeded, in whole percent.
func (f figures) Rate() int {
	if f.Of == 0 {
		return 0
	}
	return f.Good * 100 / f.Of
}

func figuresOf(ctx context.Context, v *dashboard.Visit, endpoint string) (figures, error) {
	var found listed[wire.WebhookAttempt]
	err := v.API.Get(ctx, "/v1/webhook_attempts", url.Values{"webhook_endpoint": {endpoint}, "limit": {strconv.Itoa(latestAttempts)}}, &found)
	return measure(found.Data), err
}

// endpointStatus is one word for how an endpoint stands.
func endpointStatus(e wire.WebhookEndpoint) string {
	switch {
	case e.Status != "enabled":
		return e.Status
	case e.Paused:
		return "paused"
	case e.Health != nil && (e.Health.State == "open" || e.Health.State == "half_open"):
		return "breaker_open"
	case e.Health != nil && e.Health.State == "failing":
		return "failing"
	}
	return e.Status
}

var badgeKinds = map[string]string{
	"paused": "warning", "breaker_open": "danger", "failing": "warning", "rolling": "warning", "undelivered": "warning", "running": "info", "done": "success",
	"revoked": "danger", "expired": "neutral", "refused": "danger", "unknown": "warning",
}

// badge shows a status of this section that the frame has no colour for.
func badge(v *dashboard.Visit, status string) template.HTML {
	kind, ours := badgeKinds[status]
	if !ours {
		return v.Status(status)
	}
	return template.HTML(`<span class="badge badge-` + kind + `">` + template.HTMLEscapeString(string(v.Text("status."+status))) + `</span>`)
}

func eventsOf(v *dashboard.Visit, e wire.WebhookEndpoint) any {
	switch {
	case slices.Contains(e.EnabledEvents, "*"):
		return v.Text("webhooks.events.all")
	case len(e.EnabledEvents) == 1:
		return e.EnabledEvents[0]
	}
	return say(v, "webhooks.events.some", "count", len(e.EnabledEvents))
}

func (s *section) endpoints(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	known := map[string]figures{}
	var failed error
	of := func(id string) figures {
		f, have := known[id]
		if !have && failed == nil {
			f, failed = figuresOf(r.Context(), v, id)
			known[id] = f
		}
		return f
	}
	list := dashboard.List[wire.WebhookEndpoint]{
		Name: "webhooks", Path: "/v1/webhook_endpoints",
		Columns: []dashboard.Column[wire.WebhookEndpoint]{
			{Key: "webhooks.url", Cell: func(_ *dashboard.Visit, e wire.WebhookEndpoint) any { return e.URL }},
			{Key: "webhooks.status", Cell: func(v *dashboard.Visit, e wire.WebhookEndpoint) any { return badge(v, endpointStatus(e)) }},
			{Key: "webhooks.events", Cell: func(v *dashboard.Visit, e wire.WebhookEndpoint) any { return eventsOf(v, e) }},
			{Key: "webhooks.success", Number: true, Cell: func(v *dashboard.Visit, e wire.WebhookEndpoint) any {
				if f := of(e.ID); f.Of > 0 {
					return strconv.Itoa(f.Rate()) + " %"
				}
				return v.Text("webhooks.untried")
			}},
			{Key: "webhooks.p95", Number: true, Cell: func(_ *dashboard.Visit, e wire.WebhookEndpoint) any {
				if f := of(e.ID); f.Of > 0 {
					return strconv.FormatInt(f.P95, 10) + " ms"
				}
				return ""
			}},
			{Key: "webhooks.connect", Extra: true, Cell: func(v *dashboard.Visit, e wire.WebhookEndpoint) any { return whose(v, e) }},
			{Key: "webhooks.description", Extra: true, Cell: func(_ *dashboard.Visit, e wire.WebhookEndpoint) any { return text(e.Description) }},
			{Key: "webhooks.id", Extra: true, Cell: func(_ *dashboard.Visit, e wire.WebhookEndpoint) any { return e.ID }},
			{Key: "webhooks.created", Extra: true, Cell: func(v *dashboard.Visit, e wire.WebhookEndpoint) any { return v.When(e.Created) }},
		},
		Href: func(v *dashboard.Visit, e wire.WebhookEndpoint) string { return v.Path("webhooks", e.ID) },
		Empty: dashboard.Empty{
			Icon: "webhook", Title: "webhooks.none", Body: "webhooks.none.body",
			Curl: v.Curl("/v1/webhook_endpoints") + " -d url=https://example.com/hooks -d 'enabled_events[]=charge.succeeded'",
		},
	}
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		if failed != nil {
			return failed
		}
		return s.pages.Render(w, r, v, "webhooks", ui.View{Title: "webhooks.title", Data: t})
	})
}

func whose(v *dashboard.Visit, e wire.WebhookEndpoint) any {
	if e.Connect {
		return v.Text("webhooks.connect.connected")
	}
	return v.Text("webhooks.connect.own")
}

// endpointView is one endpoint.
type endpointView struct {
	E         wire.WebhookEndpoint
	Status    template.HTML
	Figures   figures
	Failure   any // of the last bad attempt, in words
	Whose     any
	SecretAge int64 // days; -1 if it is not known
	Tabs      []ui.Link
	Tab       string
	Table     *dashboard.Table
	Curl      string
}

func (s *section) endpoint(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	e, err := dashboard.Fetch[wire.WebhookEndpoint](r, v, endpointPath(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, e.Path, e.Raw); done {
		return err
	}
	data := endpointView{E: e.Value, Status: badge(v, endpointStatus(e.Value)), Whose: whose(v, e.Value), Curl: v.Curl(e.Path)}
	data.Tabs, data.Tab = v.Tabs(dashboard.Tab{Name: "attempts", Key: "webhooks.tab.attempts"}, dashboard.Tab{Name: "deliveries", Key: "webhooks.tab.deliveries"},
		dashboard.Tab{Name: "replays", Key: "webhooks.tab.replays"}, dashboard.Tab{Name: "settings", Key: "webhooks.tab.settings"})
	if data.Figures, err = figuresOf(r.Context(), v, e.Value.ID); err != nil {
		return err
	}
	if bad := data.Figures.LastBad; bad != nil {
		data.Failure = failureText(v, *bad)
	}
	show := func(t *dashboard.Table) error {
		data.Table = t
		return s.pages.Render(w, r, v, "webhook", ui.View{Title: "webhooks.one", Back: back(v, "webhooks.title", "webhooks"), Data: data})
	}
	of := url.Values{"webhook_endpoint": {e.Value.ID}}
	switch data.Tab {
	case "attempts":
		list := attemptList
		list.Params = of
		return list.Serve(w, r, v, show)
	case "deliveries":
		list := deliveryList
		list.Params = of
		return list.Serve(w, r, v, show)
	case "replays":
		list := replayList
		list.Params = of
		return list.Serve(w, r, v, show)
	}
	return show(nil)
}

// failureText says in words what went wrong in an attempt.
func failureText(v *dashboard.Visit, a wire.WebhookAttempt) any {
	if a.Failure == nil {
		return ""
	}
	if a.Response.Status != nil {
		return say(v, "webhooks.failure.status", "status", *a.Response.Status)
	}
	if key := "webhooks.failure." + *a.Failure; slices.Contains(failures, *a.Failure) {
		return v.Text(key)
	}
	return *a.Failure
}

var failureOptions = options("webhooks.failure.short.", failures...)

var attemptList = dashboard.List[wire.WebhookAttempt]{
	Name: "attempts", Path: "/v1/webhook_attempts", Dates: true,
	Filters: []dashboard.Filter{{Name: "failure", Label: "attempts.failure", Options: failureOptions}},
	Columns: []dashboard.Column[wire.WebhookAttempt]{
		{Key: "attempts.created", Cell: func(v *dashboard.Visit, a wire.WebhookAttempt) any { return v.When(a.Created) }},
		{Key: "attempts.result", Cell: func(v *dashboard.Visit, a wire.WebhookAttempt) any { return result(v, a) }},
		{Key: "attempts.event", Cell: func(_ *dashboard.Visit, a wire.WebhookAttempt) any { return a.EventType }},
		{Key: "attempts.number", Number: true, Cell: func(_ *dashboard.Visit, a wire.WebhookAttempt) any { return strconv.Itoa(a.Number) }},
		{Key: "attempts.took", Number: true, Cell: func(_ *dashboard.Visit, a wire.WebhookAttempt) any {
			return strconv.FormatInt(a.DurationMS, 10) + " ms"
		}},
		{Key: "attempts.retry", Cell: func(v *dashboard.Visit, a wire.WebhookAttempt) any { return v.When(number(a.RetryAt)) }},
		{Key: "attempts.id", Extra: true, Cell: func(v *dashboard.Visit, a wire.WebhookAttempt) any { return v.Link(a.Event) }},
		{Key: "attempts.ip", Extra: true, Cell: func(_ *dashboard.Visit, a wire.WebhookAttempt) any { return text(a.RemoteIP) }},
	},
	Href: func(v *dashboard.Visit, a wire.WebhookAttempt) string {
		return v.Path("deliveries", a.WebhookDelivery) + "#" + a.ID
	},
	Empty: dashboard.Empty{Icon: "webhook", Title: "attempts.none", Body: "attempts.none.body"},
}

// result is an attempt's badge.
func result(v *dashboard.Visit, a wire.WebhookAttempt) any {
	label, kind := v.Text("status.delivered"), "success"
	if a.Failure != nil {
		kind = "danger"
		label = v.Text("webhooks.failure.short." + "other")
		if slices.Contains(failures, *a.Failure) {
			label = v.Text("webhooks.failure.short." + *a.Failure)
		}
	}
	if a.Response.Status != nil {
		label = ui.Text(strconv.Itoa(*a.Response.Status))
	}
	return template.HTML(`<span class="badge badge-` + kind + `">` + template.HTMLEscapeString(string(label)) + `</span>`)
}

var deliveryStatuses = []string{"pending", "delivered", "failed", "undelivered"}

var deliveryList = dashboard.List[wire.WebhookDelivery]{
	Name: "deliveries", Path: "/v1/webhook_deliveries", Dates: true,
	Filters: []dashboard.Filter{
		{Name: "status", Label: "deliveries.status", Chips: true, Options: options("status.", deliveryStatuses...)},
		{Name: "type", Label: "deliveries.type"},
	},
	Columns: []dashboard.Column[wire.WebhookDelivery]{
		{Key: "deliveries.type", Cell: func(_ *dashboard.Visit, d wire.WebhookDelivery) any { return d.EventType }},
		{Key: "deliveries.status", Cell: func(v *dashboard.Visit, d wire.WebhookDelivery) any { return badge(v, d.Status) }},
		{Key: "deliveries.event", Cell: func(v *dashboard.Visit, d wire.WebhookDelivery) any { return v.Link(d.Event) }},
		{Key: "deliveries.attempts", Number: true, Cell: func(_ *dashboard.Visit, d wire.WebhookDelivery) any { return strconv.Itoa(d.AttemptCount) }},
		{Key: "deliveries.next", Cell: func(v *dashboard.Visit, d wire.WebhookDelivery) any { return v.When(number(d.NextAttempt)) }},
		{Key: "deliveries.created", Cell: func(v *dashboard.Visit, d wire.WebhookDelivery) any { return v.When(d.Created) }},
	},
	Href:  func(v *dashboard.Visit, d wire.WebhookDelivery) string { return v.Path("deliveries", d.ID) },
	Empty: dashboard.Empty{Icon: "webhook", Title: "deliveries.none", Body: "deliveries.none.body"},
}

// deliveryView is one event on its way to one endpoint, with all tries.
type deliveryView struct {
	D        wire.WebhookDelivery
	Status   template.HTML
	URL      string
	Attempts []attemptView
	Payload  string
	Curl     string
}

type attemptView struct {
	wire.WebhookAttempt
	Result  any
	Failure any
	Steps   []timing
	Headers [][2]string
	Bytes   bool // the answer is not text
}

type timing struct {
	Key string
	MS  int64
}

func (s *section) delivery(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	d, err := dashboard.Fetch[wire.WebhookDelivery](r, v, "/v1/webhook_deliveries/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, d.Path, d.Raw); done {
		return err
	}
	data := deliveryView{D: d.Value, Status: badge(v, d.Value.Status), Payload: pretty(d.Value.Payload), Curl: v.Curl(d.Path)}
	if d.Value.Attempts != nil {
		for _, a := range slices.Backward(d.Value.Attempts.Data) {
			data.Attempts = append(data.Attempts, viewAttempt(v, a))
			data.URL = a.Request.URL
		}
	}
	return s.pages.Render(w, r, v, "delivery", ui.View{
		Title: "deliveries.one", Back: back(v, "webhooks.back", "webhooks", d.Value.WebhookEndpoint), Data: data,
	})
}

func viewAttempt(v *dashboard.Visit, a wire.WebhookAttempt) attemptView {
	out := attemptView{WebhookAttempt: a, Result: result(v, a), Failure: failureText(v, a), Bytes: a.Response.BodyBase64 != ""}
	for _, step := range []struct {
		key string
		ms  *int64
	}{{"attempts.step.dns", a.Timing.DNS}, {"attempts.step.connect", a.Timing.Connect}, {"attempts.step.tls", a.Timing.TLS}, {"attempts.step.first_byte", a.Timing.FirstByte}} {
		if step.ms != nil {
			out.Steps = append(out.Steps, timing{step.key, *step.ms})
		}
	}
	for name, value := range a.Request.Headers {
		out.Headers = append(out.Headers, [2]string{name, value})
	}
	slices.SortFunc(out.Headers, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	return out
}

func (s *section) resendDelivery(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	var again wire.WebhookDelivery
	err := v.API.PostOnce(r.Context(), "/v1/webhook_deliveries/"+url.PathEscape(r.PathValue("id"))+"/resend", nil, r.PostForm.Get("idempotency_key"), &again)
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("deliveries", again.ID), "resent")
}

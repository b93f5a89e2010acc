package developerpages

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// objectID is the id of an event's object.
func objectID(e wire.Event) string {
	var object struct{ ID string }
	_ = json.Unmarshal(e.Data.Object, &object) // an object without an id has no page
	return object.ID
}

var eventList = dashboard.List[wire.Event]{
	Name: "events", Path: "/v1/events", Dates: true,
	Filters: []dashboard.Filter{
		{Name: "delivered", Param: "delivery_success", Label: "events.delivery", Chips: true, Options: []ui.Option{
			{Value: "true", Key: "events.delivered"}, {Value: "false", Key: "events.undelivered"},
		}},
		{Name: "type", Label: "events.type"},
	},
	Columns: []dashboard.Column[wire.Event]{
		{Key: "events.type", Cell: func(_ *dashboard.Visit, e wire.Event) any { return e.Type }},
		{Key: "events.object", Cell: func(v *dashboard.Visit, e wire.Event) any { return v.Link(objectID(e)) }},
		{Key: "events.cause", Cell: func(v *dashboard.Visit, e wire.Event) any {
			if e.Request.ID == nil {
				return v.Text("events.by_itself")
			}
			return v.Link(*e.Request.ID)
		}},
		{Key: "events.pending", Number: true, Cell: func(_ *dashboard.Visit, e wire.Event) any { return strconv.Itoa(e.PendingWebhooks) }},
		{Key: "events.created", Cell: func(v *dashboard.Visit, e wire.Event) any { return v.When(e.Created) }},
		{Key: "events.id", Extra: true, Cell: func(_ *dashboard.Visit, e wire.Event) any { return e.ID }},
		{Key: "events.version", Extra: true, Number: true, Cell: func(_ *dashboard.Visit, e wire.Event) any { return strconv.FormatInt(e.ObjectVersion, 10) }},
	},
	Href: func(v *dashboard.Visit, e wire.Event) string { return v.Path("events", e.ID) },
	Empty: dashboard.Empty{
		Icon: "activity", Title: "events.none", Body: "events.none.body", Curl: "sluice trigger charge.succeeded",
	},
}

func (s *section) events(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return eventList.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "events", ui.View{Title: "events.title", Data: t})
	})
}

// branch is a value of JSON in the tree of a payload.
type branch struct {
	Name     string
	Value    string // of a leaf
	ID       bool   // the leaf is an id
	Branches []branch
	Count    int
	Array    bool
	Open     bool
}

// maxDepth bounds the tree that is drawn; what lies deeper is in the JSON view.
const maxDepth = 12

// tree reads JSON in its own order of members.
func tree(raw json.RawMessage) []branch {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	b, err := readBranch(d, "", 0)
	if err != nil {
		return nil
	}
	return b.Branches
}

var errDeep = errors.New("too deep")

func readBranch(d *json.Decoder, name string, depth int) (branch, error) {
	b := branch{Name: name, Open: depth < 2}
	if depth > maxDepth {
		return b, errDeep
	}
	t, err := d.Token()
	if err != nil {
		return b, err
	}
	switch t := t.(type) {
	case json.Delim:
		b.Array = t == '['
		for d.More() {
			inner := strconv.Itoa(len(b.Branches))
			if !b.Array {
				key, err := d.Token()
				if err != nil {
					return b, err
				}
				inner, _ = key.(string)
			}
			child, err := readBranch(d, inner, depth+1)
			if err != nil {
				return b, err
			}
			b.Branches = append(b.Branches, child)
		}
		b.Count = len(b.Branches)
		_, err = d.Token()
		return b, err
	case string:
		b.Value, b.ID = t, looksLikeID(t)
	case json.Number:
		b.Value = t.String()
	case bool:
		b.Value = strconv.FormatBool(t)
	case nil:
		b.Value = "null"
	}
	return b, nil
}

func looksLikeID(s string) bool {
	at := len(s) - 22
	return at > 2 && s[at-1] == '_' && !slices.ContainsFunc([]byte(s[at:]), func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

// eventView is one event.
type eventView struct {
	E          wire.Event
	Object     string
	Tree       []branch
	Changed    []change
	Cause      *wire.RequestLog // what is still known of the request
	Deliveries []deliveryRow
	Endpoints  []ui.Option // that it can be sent to again
	Curl       string
	Trigger    string
}

type change struct{ Name, Before, After string }

type deliveryRow struct {
	wire.WebhookDelivery
	Status any
	URL    string
}

func (s *section) event(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	e, err := dashboard.Fetch[wire.Event](r, v, "/v1/events/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, e.Path, e.Raw); done {
		return err
	}
	data := eventView{
		E: e.Value, Object: objectID(e.Value), Tree: tree(e.Value.Data.Object), Changed: changes(e.Value.Data.PreviousAttributes, e.Value.Data.Object), Curl: v.Curl(e.Path),
	}
	if slices.Contains(s.cfg.Triggers, e.Value.Type) && !v.Chair.Livemode {
		data.Trigger = "sluice trigger " + e.Value.Type
	}
	if e.Value.Request.ID != nil && v.May("request_logs:read") {
		if data.Cause, err = cause(r, v, *e.Value.Request.ID); err != nil {
			return err
		}
	}
	if v.May("webhook_endpoints:read") {
		if err := data.addDeliveries(r, v); err != nil {
			return err
		}
	}
	return s.pages.Render(w, r, v, "event", ui.View{Title: "events.one", Back: back(v, "events.title", "events"), Data: data})
}

// cause is the request that caused an event, nil when its log is gone.
func cause(r *http.Request, v *dashboard.Visit, request string) (*wire.RequestLog, error) {
	found, err := dashboard.Fetch[wire.RequestLog](r, v, "/v1/request_logs/"+url.PathEscape(request))
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil, nil
	}
	return &found.Value, err
}

func (d *eventView) addDeliveries(r *http.Request, v *dashboard.Visit) error {
	endpoints, err := some[wire.WebhookEndpoint](r, v, "/v1/webhook_endpoints", url.Values{"limit": {"100"}})
	if err != nil {
		return err
	}
	urls := map[string]string{}
	for _, e := range endpoints {
		urls[e.ID] = e.URL
		if e.Status == "enabled" && !e.Connect {
			d.Endpoints = append(d.Endpoints, ui.Option{Value: e.ID, Text: e.URL})
		}
	}
	found, err := some[wire.WebhookDelivery](r, v, "/v1/webhook_deliveries", url.Values{"event": {d.E.ID}, "limit": {"100"}})
	for _, one := range found {
		d.Deliveries = append(d.Deliveries, deliveryRow{one, badge(v, one.Status), urls[one.WebhookEndpoint]})
	}
	return err
}

// changes are the attributes that differ, before and after, in the order of before.
func changes(before, after json.RawMessage) []change {
	var now map[string]json.RawMessage
	if len(before) == 0 || json.Unmarshal(after, &now) != nil {
		return nil
	}
	var out []change
	for _, b := range tree(before) {
		var was map[string]json.RawMessage
		if json.Unmarshal(before, &was) != nil {
			return nil
		}
		out = append(out, change{b.Name, oneLine(was[b.Name]), oneLine(now[b.Name])})
	}
	return out
}

func oneLine(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

func (s *section) resendEvent(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	params := url.Values{"webhook_endpoint": {r.PostForm.Get("webhook_endpoint")}}
	if err := v.API.PostOnce(r.Context(), "/v1/events/"+url.PathEscape(id)+"/retry", params, r.PostForm.Get("idempotency_key"), nil); err != nil {
		return err
	}
	return v.Go(w, r, v.Path("events", id), "resent")
}

package developerpages

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// statusCode is an HTTP status as a badge.
func statusCode(status int) template.HTML {
	kind := "success"
	switch {
	case status >= 500:
		kind = "danger"
	case status >= 400:
		kind = "warning"
	}
	return template.HTML(fmt.Sprintf(`<span class="badge badge-%s">%d</span>`, kind, status))
}

// took is a time in milliseconds, with a decimal below ten; integers only.
func took(us int64) string {
	if us < 10_000 {
		return fmt.Sprintf("%d.%d ms", us/1000, us%1000/100)
	}
	return strconv.FormatInt(us/1000, 10) + " ms"
}

var requestList = dashboard.List[wire.RequestLog]{
	Name: "requests", Path: "/v1/request_logs", Dates: true, Live: "request_log.",
	Filters: []dashboard.Filter{
		{Name: "status", Label: "requests.status", Chips: true, Options: options("requests.status.", "success", "4xx", "5xx")},
		{Name: "method", Label: "requests.method", Options: []ui.Option{{Value: "GET", Text: "GET"}, {Value: "POST", Text: "POST"}, {Value: "DELETE", Text: "DELETE"}}},
		{Name: "path", Label: "requests.path"},
		{Name: "key", Label: "requests.key"},
		{Name: "object", Param: "related_object", Label: "requests.object"},
		{Name: "code", Param: "error_code", Label: "requests.code"},
	},
	Columns: []dashboard.Column[wire.RequestLog]{
		{Key: "requests.status", Cell: func(_ *dashboard.Visit, q wire.RequestLog) any { return statusCode(q.Status) }},
		{Key: "requests.method", Cell: func(_ *dashboard.Visit, q wire.RequestLog) any { return q.Method }},
		{Key: "requests.path", Cell: func(_ *dashboard.Visit, q wire.RequestLog) any { return q.Path }},
		{Key: "requests.error", Cell: func(v *dashboard.Visit, q wire.RequestLog) any {
			switch {
			case q.Error != nil && q.Error.Code != "":
				return q.Error.Code
			case q.Error != nil:
				return q.Error.Type
			case q.Replayed:
				return v.Text("requests.replayed")
			}
			return ""
		}},
		{Key: "requests.took", Number: true, Cell: func(_ *dashboard.Visit, q wire.RequestLog) any { return took(q.DurationUS) }},
		{Key: "requests.created", Cell: func(v *dashboard.Visit, q wire.RequestLog) any { return v.When(q.Created) }},
		{Key: "requests.key", Extra: true, Cell: func(v *dashboard.Visit, q wire.RequestLog) any { return v.Link(q.Key) }},
		{Key: "requests.object", Extra: true, Cell: func(v *dashboard.Visit, q wire.RequestLog) any { return v.Link(text(q.RelatedObject)) }},
		{Key: "requests.account", Extra: true, Cell: func(v *dashboard.Visit, q wire.RequestLog) any { return v.Link(q.ForAccount) }},
		{Key: "requests.ip", Extra: true, Cell: func(_ *dashboard.Visit, q wire.RequestLog) any { return text(q.IP) }},
		{Key: "requests.id", Extra: true, Cell: func(_ *dashboard.Visit, q wire.RequestLog) any { return q.ID }},
	},
	Href: func(v *dashboard.Visit, q wire.RequestLog) string { return v.Path("requests", q.ID) },
	Empty: dashboard.Empty{
		Icon: "square-terminal", Title: "requests.none", Body: "requests.none.body",
	},
}

// requestsView is the list and, above it, today's errors by sort.
type requestsView struct {
	Table  *dashboard.Table
	Errors []errorGroup
}

type errorGroup struct {
	wire.RequestLogErrors
	Status template.HTML
	Href   string
}

// maxErrorGroups bounds what stands above the list.
const maxErrorGroups = 6

func (s *section) requests(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	list := requestList
	list.Empty.Curl = v.Curl("/v1/charges?limit=3")
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		since := strconv.FormatInt(time.Now().Add(-24*time.Hour).Unix(), 10)
		groups, err := some[wire.RequestLogErrors](r, v, "/v1/request_logs/errors", url.Values{"created[gte]": {since}})
		if err != nil {
			return err
		}
		data := requestsView{Table: t}
		for _, g := range groups[:min(len(groups), maxErrorGroups)] {
			query := url.Values{"method": {g.Method}, "status": {strconv.Itoa(g.Status/100) + "xx"}}
			if fixed, _, _ := strings.Cut(g.Route, "{"); fixed != "" {
				query.Set("path", fixed)
			}
			if g.Code != "" {
				query.Set("code", g.Code)
			}
			data.Errors = append(data.Errors, errorGroup{g, statusCode(g.Status), v.Path("requests") + "?" + query.Encode()})
		}
		return s.pages.Render(w, r, v, "requests", ui.View{Title: "requests.title", Data: data})
	})
}

// requestView is one request.
type requestView struct {
	Q      wire.RequestLog
	Status template.HTML
	Took   string
	Params string
	Curl   string
	Ours   bool // it was made on these pages
}

func (s *section) request(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	q, err := dashboard.Fetch[wire.RequestLog](r, v, "/v1/request_logs/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, q.Path, q.Raw); done {
		return err
	}
	data := requestView{
		Q: q.Value, Status: statusCode(q.Value.Status), Took: took(q.Value.DurationUS), Params: pretty(q.Value.Params), Curl: replayed(v, q.Value), Ours: q.Value.Person != nil,
	}
	return s.pages.Render(w, r, v, "request", ui.View{Title: "requests.one", Back: back(v, "requests.title", "requests"), Data: data})
}

// replayed is the command that makes a request again. Its values are as the log has
// them: what is redacted has to be filled in.
func replayed(v *dashboard.Visit, q wire.RequestLog) string {
	params := url.Values{}
	var given map[string]any
	if json.Unmarshal(q.Params, &given) == nil {
		flatten(params, "", given)
	}
	path := q.Path
	if q.Method == http.MethodGet && len(params) > 0 {
		path += "?" + readable(params)
	}
	var b strings.Builder
	b.WriteString(v.Curl(path))
	if q.Method != http.MethodGet {
		b.WriteString(" -X " + q.Method)
	}
	if q.ForAccount != q.Account {
		b.WriteString(" -H 'Stripe-Account: " + q.ForAccount + "'")
	}
	if q.Method != http.MethodGet {
		for _, name := range slices.Sorted(maps.Keys(params)) {
			for _, value := range params[name] {
				b.WriteString(" -d '" + strings.ReplaceAll(name+"="+value, "'", `'\''`) + "'")
			}
		}
	}
	return b.String()
}

// readable is a query whose brackets stay brackets, as people write them.
func readable(params url.Values) string {
	return strings.NewReplacer("%5B", "[", "%5D", "]").Replace(params.Encode())
}

// flatten spells parameters as forms do.
func flatten(into url.Values, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if name == "" {
				flatten(into, key, inner)
			} else {
				flatten(into, name+"["+key+"]", inner)
			}
		}
	case []any:
		for i, inner := range v {
			flatten(into, name+"["+strconv.Itoa(i)+"]", inner)
		}
	case nil:
		into.Add(name, "")
	default:
		into.Add(name, fmt.Sprint(v))
	}
}

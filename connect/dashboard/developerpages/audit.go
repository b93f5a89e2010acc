package developerpages

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var auditList = dashboard.List[wire.AuditRecord]{
	Name: "audit", Path: "/v1/audit_log", Dates: true,
	Filters: []dashboard.Filter{
		{Name: "outcome", Label: "audit.outcome", Chips: true, Options: options("status.", "done", "refused", "unknown")},
		{Name: "actor", Label: "audit.actor"},
		{Name: "action", Label: "audit.action"},
		{Name: "object", Param: "related_object", Label: "audit.object"},
	},
	Columns: []dashboard.Column[wire.AuditRecord]{
		{Key: "audit.action", Cell: func(_ *dashboard.Visit, a wire.AuditRecord) any { return a.Action }},
		{Key: "audit.outcome", Cell: func(v *dashboard.Visit, a wire.AuditRecord) any { return badge(v, a.Outcome) }},
		{Key: "audit.actor", Cell: func(v *dashboard.Visit, a wire.AuditRecord) any { return actor(v, a) }},
		{Key: "audit.object", Cell: func(v *dashboard.Visit, a wire.AuditRecord) any { return v.Link(text(a.RelatedObject)) }},
		{Key: "audit.created", Cell: func(v *dashboard.Visit, a wire.AuditRecord) any { return v.When(a.Created) }},
		{Key: "audit.ip", Extra: true, Cell: func(_ *dashboard.Visit, a wire.AuditRecord) any { return text(a.IP) }},
		{Key: "audit.reason", Extra: true, Cell: func(_ *dashboard.Visit, a wire.AuditRecord) any { return text(a.Reason) }},
		{Key: "audit.request", Extra: true, Cell: func(v *dashboard.Visit, a wire.AuditRecord) any { return v.Link(text(a.Request)) }},
		{Key: "audit.account", Extra: true, Cell: func(v *dashboard.Visit, a wire.AuditRecord) any { return v.Link(a.ForAccount) }},
	},
	Href:  func(v *dashboard.Visit, a wire.AuditRecord) string { return v.Path("audit", a.ID) },
	Empty: dashboard.Empty{Icon: "history", Title: "audit.none", Body: "audit.none.body"},
}

// actor is who did it: you, somebody else of the team, or a key.
func actor(v *dashboard.Visit, a wire.AuditRecord) any {
	if a.Actor == v.Person.ID {
		return v.Text("audit.you")
	}
	return v.Link(a.Actor)
}

func (s *section) audit(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	list := auditList
	list.Empty.Curl = v.Curl("/v1/audit_log")
	return list.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "audit", ui.View{Title: "audit.title", Data: auditView{Table: t, Lines: exportHref(v, "jsonl"), CSV: exportHref(v, "csv")}})
	})
}

// auditView is the list, and where its signed exports are.
type auditView struct {
	Table      *dashboard.Table
	Lines, CSV string
}

// exportHref is the address of a signed export of what the page shows.
func exportHref(v *dashboard.Visit, format string) string {
	q := url.Values{"as": {format}}
	for _, name := range []string{"outcome", "actor", "action", "object", "from", "to"} {
		if value := v.Query.Get(name); value != "" {
			q.Set(name, value)
		}
	}
	return v.Path("audit", "export") + "?" + q.Encode()
}

// exportAudit sends the list, whole and signed.
func (s *section) exportAudit(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	params := url.Values{"signed": {"true"}, "format": {v.Query.Get("as")}}
	for name, param := range map[string]string{"outcome": "outcome", "actor": "actor", "action": "action", "object": "related_object"} {
		if value := v.Query.Get(name); value != "" {
			params.Set(param, value)
		}
	}
	if from, err := time.ParseInLocation(time.DateOnly, v.Query.Get("from"), v.Chair.Zone); err == nil {
		params.Set("created[gte]", strconv.FormatInt(from.Unix(), 10))
	}
	if to, err := time.ParseInLocation(time.DateOnly, v.Query.Get("to"), v.Chair.Zone); err == nil {
		params.Set("created[lt]", strconv.FormatInt(to.AddDate(0, 0, 1).Unix(), 10))
	}
	return v.Deliver(w, r, "/v1/audit_log/export?"+params.Encode(), "audit_log.zip")
}

// actView is one act.
type actView struct {
	A       wire.AuditRecord
	Outcome any
	Actor   any
	Params  string
	Changes []changedObject
	Curl    string
}

type changedObject struct {
	wire.AuditChange
	Changes []change
}

func (s *section) act(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	a, err := dashboard.Fetch[wire.AuditRecord](r, v, "/v1/audit_log/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, a.Path, a.Raw); done {
		return err
	}
	data := actView{A: a.Value, Outcome: badge(v, a.Value.Outcome), Actor: actor(v, a.Value), Params: pretty(a.Value.Params), Curl: v.Curl(a.Path)}
	for _, c := range a.Value.Changes {
		data.Changes = append(data.Changes, changedObject{c, changes(c.Before, c.After)})
	}
	return s.pages.Render(w, r, v, "act", ui.View{Title: "audit.one", Back: back(v, "audit.title", "audit"), Data: data})
}

package dashboard

import (
	"encoding/json"
	"net/http"

	"github.com/sluicepay/sluice/platform/ui"
)

// Tab is a part of a detail page; ?tab= says which one is shown, and none is the first.
type Tab struct {
	Name, Key string
}

// Tabs are the links of {{template "tabs" .Data.Tabs}}, and which tab is shown.
func (v *Visit) Tabs(tabs ...Tab) (links []ui.Link, shown string) {
	if len(tabs) == 0 {
		return nil, ""
	}
	shown = tabs[0].Name
	for _, t := range tabs {
		if t.Name == v.Query.Get("tab") {
			shown = t.Name
		}
	}
	for i, t := range tabs {
		name := t.Name
		if i == 0 {
			name = ""
		}
		links = append(links, ui.Link{Href: v.Here("tab", name), Key: t.Key, Active: t.Name == shown})
	}
	return links, shown
}

// Object is an answer of the API that a detail page shows: as what the page
// understands of it, as JSON, and as the command that asks for it.
type Object[T any] struct {
	Value T
	Raw   json.RawMessage
	Path  string
}

// Fetch reads one object for a detail page.
func Fetch[T any](r *http.Request, v *Visit, path string) (Object[T], error) {
	o := Object[T]{Path: path}
	if err := v.API.Get(r.Context(), path, nil, &o.Raw); err != nil {
		return o, err
	}
	return o, json.Unmarshal(o.Raw, &o.Value)
}

// AsJSON answers ?view=json; false if the page was not asked for so.
func (p *Pages) AsJSON(w http.ResponseWriter, r *http.Request, v *Visit, path string, raw json.RawMessage) (bool, error) {
	if v.Query.Get("view") != "json" {
		return false, nil
	}
	shown, err := JSON(raw)
	if err != nil {
		return true, err
	}
	return true, v.desk.own.Render(w, r, v, "desk-json", ui.View{
		Title: "desk.json", Back: &ui.Link{Href: v.Here("view", ""), Key: "desk.json.back"},
		Data: struct{ JSON, Curl string }{shown, v.Curl(path)},
	})
}

package eventhttp

import (
	"context"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// CatalogueRoutes show what events there are: to programs that generate code from
// AsyncAPI or JSON Schema, to whom nothing of it is secret, and to holders of a key.
func CatalogueRoutes(s *rest.Server, at catalogue.Surroundings) []rest.Route {
	d := shelf{at: at, whole: sync.OnceValues(func() ([]byte, error) { return catalogue.AsyncAPI(at) })}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/v1/event_types", Resource: "events", Handler: s.Read(d.list), Returns: wire.List[wire.EventType]{}},
		{Method: http.MethodGet, Path: "/asyncapi.json", Public: true, Handler: http.HandlerFunc(d.asyncAPI)},
		{Method: http.MethodGet, Path: "/event_schemas/{type}.json", Public: true, Handler: http.HandlerFunc(d.schema)},
	}
}

// shelf is the catalogue's door; it needs no database.
type shelf struct {
	at    catalogue.Surroundings
	whole func() ([]byte, error) // the AsyncAPI document, made when somebody asks for the first time
}

// list is always whole: there are too few types for pages.
func (d shelf) list(_ context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	var shown []wire.EventType
	for _, t := range catalogue.Types() {
		shown = append(shown, wire.EventType{
			ID: t.Name, Object: "event_type", Description: t.Description, Example: t.Example(), Previous: string(t.Replaced),
			Recipients: t.Scope.Describe(), SchemaID: t.SchemaID(), SchemaURL: d.at.BaseURL + t.SchemaPath(),
			Scope: string(t.Scope), Since: t.Since, Version: t.Version,
		})
	}
	return wire.ListOf("/v1/event_types", false, shown), nil
}

func (d shelf) asyncAPI(w http.ResponseWriter, _ *http.Request) {
	document, err := d.whole()
	if err != nil { // a test makes the whole document; this is a broken build
		http.Error(w, "the document could not be made", http.StatusInternalServerError)
		return
	}
	sendDocument(w, "application/vnd.aai.asyncapi+json; charset=utf-8", document)
}

func (d shelf) schema(w http.ResponseWriter, r *http.Request) {
	t, known := catalogue.Find(strings.TrimSuffix(path.Base(r.URL.Path), ".json"))
	if !known {
		http.NotFound(w, r)
		return
	}
	sendDocument(w, "application/schema+json; charset=utf-8", t.Schema())
}

// sendDocument sends what changes with the release only, to any site.
func sendDocument(w http.ResponseWriter, kind string, document []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	_, _ = w.Write(document)
}

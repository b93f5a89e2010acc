package main

import (
	"html/template"
	"net/http"

	"github.com/sluicepay/sluice/platform/rest"
)

// devRoutes are pages for the developer's own machine: an index, and an inbox
// that webhooks can be sent to.
func (a *App) devRoutes() []rest.Route {
	if !a.cfg.Dev {
		return nil
	}
	return []rest.Route{
		{Method: "GET", Path: "/", Public: true, Handler: http.HandlerFunc(indexPage)},
		{Method: "GET", Path: hooksPath, Public: true, Handler: a.inbox},
		{Method: "POST", Path: hooksPath, Public: true, Handler: a.inbox},
	}
}

// hooksPath is where the development inbox receives and shows webhooks.
const hooksPath = "/_dev/hooks"

var indexTemplate = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sluice</title>
<main><h1>Sluice is running</h1>
<ul><li>API: <code>/v1</code>, keys in the banner and in <code>.sluice/dev.json</code></li>
<li><a href="/_dev/hooks">Webhook inbox</a></li><li><a href="/readyz">Health</a></li></ul></main></html>
`))

func indexPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = indexTemplate.Execute(w, nil)
}

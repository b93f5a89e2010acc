package main

import (
	"html/template"
	"net/http"

	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/ui"
)

// devRoutes are pages for the developer's own machine: an index, the inboxes of
// webhooks and mails, and the storybook.
func (a *App) devRoutes() []rest.Route {
	if !a.cfg.Dev {
		return nil
	}
	routes := []rest.Route{
		{Method: "GET", Path: "/", Public: true, Handler: http.HandlerFunc(indexPage)},
		{Method: "GET", Path: hooksPath, Public: true, Handler: a.inbox},
		{Method: "POST", Path: hooksPath, Public: true, Handler: a.inbox},
		{Method: "GET", Path: ui.StorybookPath, Public: true, Handler: a.kit.Storybook()},
		{Method: "POST", Path: ui.StorybookPath, Public: true, Handler: a.kit.Storybook()},
	}
	if a.mails.inbox != nil {
		routes = append(routes,
			rest.Route{Method: "GET", Path: mailPath, Public: true, Handler: a.mails.inbox},
			rest.Route{Method: "POST", Path: mailPath, Public: true, Handler: a.mails.inbox})
	}
	return routes
}

// hooksPath is where the development inbox receives and shows webhooks.
const hooksPath = "/_dev/hooks"

// mailPath is where the development inbox shows mails.
const mailPath = "/_dev/mail"

var indexTemplate = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sluice</title>
<main><h1>Sluice is running</h1>
<ul><li>API: <code>/v1</code>, keys in the banner and in <code>.sluice/dev.json</code></li>
<li><a href="/_dev/mail">Mail inbox</a></li><li><a href="/_dev/hooks">Webhook inbox</a></li><li><a href="/_dev/ui">Storybook of the pages</a></li><li><a href="/readyz">Health</a></li></ul></main></html>
`))

func indexPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = indexTemplate.Execute(w, nil)
}

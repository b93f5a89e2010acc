package main

import (
	"context"
	"embed"
	"net/http"
	"strings"

	"github.com/sluicepay/sluice/cmd/sluice/marketplace"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// Pages for the developer's own machine; they are served in development only.
const (
	indexPath = "/"
	hooksPath = "/_dev/hooks" // the inbox that receives and shows webhooks
	mailPath  = "/_dev/mail"  // the inbox that shows mails
)

//go:embed devpages
var devPages embed.FS

// buildDevPages are the developer's pages; outside development there are none.
func (a *App) buildDevPages(context.Context, *secret.Keyring) (err error) {
	if !a.cfg.Dev {
		return nil
	}
	if a.shop, err = marketplace.New(a.kit, a.log); err != nil {
		return err
	}
	a.doors = newDoors(a.people, a.kit)
	a.index, err = indexPage(a.kit, a.cfg.origin(), a.shop.ConnectURL)
	return err
}

// devRoutes are an index, the inboxes of webhooks and mails, the storybook, and the
// sample marketplace.
func (a *App) devRoutes() []rest.Route {
	if !a.cfg.Dev {
		return nil
	}
	page := func(method, path string, h http.Handler) rest.Route {
		return rest.Route{Method: method, Path: path, Public: true, Handler: h}
	}
	routes := []rest.Route{
		page("GET", indexPath, a.index),
		page("GET", doorsPath, a.doors),
		page("GET", hooksPath, a.inbox), page("POST", hooksPath, a.inbox),
		page("GET", ui.StorybookPath, a.kit.Storybook()), page("POST", ui.StorybookPath, a.kit.Storybook()),
	}
	if a.mails.inbox != nil {
		routes = append(routes, page("GET", mailPath, a.mails.inbox), page("POST", mailPath, a.mails.inbox))
	}
	return append(routes, a.shop.Routes()...)
}

// indexPage is where a developer begins. It is also a redirect URI of TutorHub's
// client: who opened the connect link by hand gets the code here, and the command
// that spends it.
func indexPage(kit *ui.Kit, base string, connectURL func() string) (http.Handler, error) {
	pages, err := kit.Pages(devPages, devPages)
	if err != nil {
		return nil, err
	}
	return kit.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		pages.Render(w, r, "index", ui.View{Title: "dev.title", Testmode: true, Layout: ui.FlowWide, Data: struct {
			Base, Code, Error string
			Places            []place
			ConnectURL        string
		}{base, code(q.Get("code")), code(q.Get("error")), places, connectURL()}})
	})), nil
}

// place is a line of the index.
type place struct {
	Href, Key, Icon string
}

var places = []place{
	{"/dashboard", "dev.dashboard", "house"},
	{marketplace.Path, "dev.marketplace", "users"},
	{mailPath, "dev.mail", "mail"},
	{hooksPath, "dev.hooks", "link"},
	{ui.StorybookPath, "dev.ui", "monitor"},
	{"/readyz", "dev.health", "circle-check"},
}

// code is a value that may stand in a command to be pasted: nothing that a shell
// would read as more than a word.
func code(s string) string {
	if len(s) > 100 || strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_')
	}) {
		return ""
	}
	return s
}

package main

import (
	"context"
	"net/http"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/accountpages"
	"github.com/sluicepay/sluice/connect/dashboard/developerpages"
	"github.com/sluicepay/sluice/connect/dashboard/homepages"
	"github.com/sluicepay/sluice/connect/dashboard/payoutpages"
	"github.com/sluicepay/sluice/connect/dashboard/tutorpages"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/secret"
)

// buildDashboard is where people see and steer their accounts. Each room's pages add
// themselves; the order here is their order in the navigation.
func (a *App) buildDashboard(context.Context, *secret.Keyring) (err error) {
	a.desk, err = dashboard.New(dashboard.Config{
		Kit: a.kit, Gate: gate{a.people, a.accounts, a.desks}, API: func() http.Handler { return a.server },
		BaseURL: a.cfg.origin(), Log: a.log, Ear: a.ear, ConfirmOver: a.cfg.ConfirmOver,
	})
	if err != nil {
		return err
	}
	for _, add := range []func(*dashboard.Desk) error{
		homepages.Pages,
		payoutpages.Pages,
		tutorpages.Pages,
		a.developerPages,
		accountpages.Pages,
	} {
		if err := add(a.desk); err != nil {
			return err
		}
	}
	return nil
}

// ear listens at the event log, and for desks with open pages at the log of their
// requests: it satisfies dashboard.Ear and dashboard.Watching.
type ear struct {
	app      *App
	at       *event.Ear
	requests requestlog.Tail
	watched  []requestlog.Watched
}

func (a *App) ear(ctx context.Context) (dashboard.Ear, error) {
	at, err := event.NewEar(ctx, a.pool)
	return &ear{app: a, at: at}, err
}

// Watch notes the desks whose pages are open.
func (e *ear) Watch(seats []dashboard.Seat) {
	e.watched = e.watched[:0]
	for _, s := range seats {
		e.watched = append(e.watched, requestlog.Watched{Account: s.Account, Livemode: s.Livemode})
	}
}

func (e *ear) Hear(ctx context.Context) ([]dashboard.News, error) {
	heard, err := e.at.Hear(ctx, e.app.pool)
	if err != nil {
		return nil, err
	}
	news := make([]dashboard.News, len(heard))
	for i, n := range heard {
		news[i] = dashboard.News(n)
	}
	grown, err := e.requests.Grown(ctx, e.app.pool, e.watched)
	if err != nil { // what happened is told all the same
		e.app.log.WarnContext(ctx, "open pages are not told of requests", "error", err.Error())
	}
	for _, g := range grown {
		news = append(news, dashboard.News{Type: "request_log.created", Account: g.Account, Platform: g.Account, Livemode: g.Livemode})
	}
	return news, nil
}

// developerPages are what those who write the integration see.
func (a *App) developerPages(d *dashboard.Desk) error {
	cfg := developerpages.Config{
		Resources: resources, Triggers: cli.Triggers(),
		Trigger: func(ctx context.Context, c *client.Client, typ string) (event, account string, err error) {
			h, err := cli.Happen(ctx, c, typ)
			return h.Event, h.Account, err
		},
	}
	if a.cfg.Dev {
		cfg.WebhookInbox = hooksPath
		if a.mails.inbox != nil {
			cfg.MailInbox = mailPath
		}
	}
	return developerpages.Pages(d, cfg)
}

package main

import (
	"context"
	"net/http"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/secret"
)

// buildDashboard is where people see and steer their accounts. Each room's pages add
// themselves; the order here is their order in the navigation.
func (a *App) buildDashboard(context.Context, *secret.Keyring) (err error) {
	a.desk, err = dashboard.New(dashboard.Config{
		Kit: a.kit, Gate: gate{a.people, a.accounts, a.desks}, API: func() http.Handler { return a.server },
		BaseURL: a.cfg.origin(), Log: a.log, Ear: a.ear,
	})
	if err != nil {
		return err
	}
	for _, add := range []func(*dashboard.Desk) error{
		dashboard.Welcome,
	} {
		if err := add(a.desk); err != nil {
			return err
		}
	}
	return nil
}

// ear listens at the event log: it satisfies dashboard.Ear.
type ear struct {
	app *App
	at  *event.Ear
}

func (a *App) ear(ctx context.Context) (dashboard.Ear, error) {
	at, err := event.NewEar(ctx, a.pool)
	return &ear{a, at}, err
}

func (e *ear) Hear(ctx context.Context) ([]dashboard.News, error) {
	heard, err := e.at.Hear(ctx, e.app.pool)
	news := make([]dashboard.News, len(heard))
	for i, n := range heard {
		news[i] = dashboard.News(n)
	}
	return news, err
}

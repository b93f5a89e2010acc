package main

import (
	"context"
	"net/http"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/homepages"
	"github.com/sluicepay/sluice/platform/secret"
)

// buildDashboard is where people see and steer their accounts. Each room's pages add
// themselves; the order here is their order in the navigation.
func (a *App) buildDashboard(context.Context, *secret.Keyring) (err error) {
	a.desk, err = dashboard.New(dashboard.Config{
		Kit: a.kit, Gate: gate{a.people, a.accounts, a.desks}, API: func() http.Handler { return a.server },
		BaseURL: a.cfg.origin(), Log: a.log,
	})
	if err != nil {
		return err
	}
	for _, add := range []func(*dashboard.Desk) error{
		homepages.Pages,
	} {
		if err := add(a.desk); err != nil {
			return err
		}
	}
	return nil
}

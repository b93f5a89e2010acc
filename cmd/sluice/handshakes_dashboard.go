package main

// What dashboards ask of the rooms that know people and accounts.

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// gate lets people sit at desks: it satisfies dashboard.Gate.
type gate struct {
	people   *session.People
	accounts *connect.Accounts
	desks    *credential.Desks
}

func (g gate) Visitor(ctx context.Context, r *http.Request) (dashboard.Person, bool) {
	visit := g.people.Visit
	if dashboard.ByItself(r) {
		visit = g.people.Glance
	}
	v, known := visit(ctx, r)
	return dashboard.Person{ID: v.User.ID, Name: v.User.Name, Email: v.User.Email}, known
}

// Seats are the person's places, as their accounts are at this moment. What the
// role allows is read afresh for every page: who was put out has no page more.
func (g gate) Seats(ctx context.Context, user string) ([]dashboard.Chair, error) {
	members, err := g.people.Members(ctx, g.accounts.Pool(), user)
	if err != nil {
		return nil, err
	}
	var chairs []dashboard.Chair
	for _, m := range members {
		c, err := g.chair(ctx, m)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		chairs = append(chairs, c)
	}
	return chairs, nil
}

func (g gate) chair(ctx context.Context, m session.Member) (dashboard.Chair, error) {
	idb := g.accounts.Pool()
	platform, err := g.accounts.PlatformOf(ctx, idb, m.Account, m.Livemode)
	if err != nil {
		return dashboard.Chair{}, err
	}
	a, err := g.accounts.Get(ctx, idb, tenant.Scope{Platform: platform, Account: m.Account, Livemode: m.Livemode}, m.Account)
	if err != nil {
		return dashboard.Chair{}, err
	}
	c := dashboard.Chair{
		Seat: dashboard.Seat{Account: m.Account, Livemode: m.Livemode}, Role: string(m.Role), Name: a.Name(), Zone: deskZone(a),
		Currency: money.Currency(strings.ToLower(a.DefaultCurrency)), Permissions: m.Role.Permissions(resources, m.Livemode),
	}
	if !a.IsPlatform() {
		c.Platform = platform
		c.Permissions = m.Role.Permissions(tokenResources(), m.Livemode)
		if c.Permissions == nil { // an owner: all that a connected account has of its own
			c.Permissions = owned()
		}
	}
	look := a.Settings.Branding
	if look.Logo != nil {
		c.Look.LogoURL = "/brand/" + a.ID + "/logo"
	}
	c.Look.Primary, c.Look.Secondary = valueOf(look.PrimaryColor), valueOf(look.SecondaryColor)
	return c, nil
}

// owned are the permissions of the owner of a connected account.
func owned() []string {
	all := tokenResources()
	for i := range all {
		all[i] += ":write"
	}
	return slices.Clip(all)
}

// deskZone is the zone in which the account's people read times.
func deskZone(a connect.Account) *time.Location {
	zone, err := time.LoadLocation(zoneOf(a.Settings.Dashboard)) // "" is UTC
	if err != nil {
		return time.UTC
	}
	return zone
}

func (g gate) Open(_ context.Context, p dashboard.Person, c dashboard.Chair) (key secret.Text, closed func(), err error) {
	key, closed = g.desks.Open(credential.Sitter{
		User: p.ID, Account: c.Account, Platform: c.Platform, Livemode: c.Livemode, Scopes: c.Permissions,
	})
	return key, closed, nil
}

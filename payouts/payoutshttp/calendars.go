package payoutshttp

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// CalendarRoutes are the bank days that payouts keep to, and what a platform says of
// single days: an extension of ours.
func CalendarRoutes(s *rest.Server, pool *bun.DB, service *payouts.Service) []rest.Route {
	d := calendarDoor{pool: pool, payouts: service}
	const all, one, resource = "/v1/payout_calendars", "/v1/payout_calendars/{name}", "payout_calendars"
	return []rest.Route{
		{Method: "GET", Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.PayoutCalendar]{}},
		{Method: "GET", Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.PayoutCalendar{}},
		{Method: "POST", Path: one + "/closures", Resource: resource, Handler: s.Write(d.say), Returns: wire.PayoutClosure{}},
		{Method: "DELETE", Path: one + "/closures/{date}", Resource: resource, Handler: s.Write(d.takeBack), Returns: wire.DeletedPayoutClosure{}},
	}
}

type calendarDoor struct {
	pool    *bun.DB
	payouts *payouts.Service
}

// list has all calendars on one page: there are few, and none is ever added by a request.
func (d calendarDoor) list(_ context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return page.List(page.Of[*calendar.Calendar]{Items: calendar.All()}, "/v1/payout_calendars", payouts.WireCalendar), nil
}

func (d calendarDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p struct {
		Year *int64 `form:"year"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	year := 0
	if p.Year != nil {
		if *p.Year < 1 || *p.Year > 9999 {
			return nil, fault.Invalidf("parameter_invalid_integer", "year", "Invalid year: %d.", *p.Year)
		}
		year = int(*p.Year)
	}
	found, err := d.payouts.BankYear(ctx, d.pool, r.Scope, r.Path("name"), year)
	if err != nil {
		return nil, err
	}
	return found.Wire(), nil
}

func (d calendarDoor) say(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	var p struct {
		Date   string `form:"date,required"`
		Closed *bool  `form:"closed"` // default true
		Reason string `form:"reason,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	said, err := d.payouts.SetClosure(ctx, tx, r.Scope, payouts.NewClosure{
		Calendar: r.Path("name"), Day: p.Date, Closed: p.Closed == nil || *p.Closed, Reason: p.Reason, Actor: r.Principal.KeyID,
	})
	if err != nil {
		return nil, err
	}
	return said.Wire(), nil
}

func (d calendarDoor) takeBack(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := platformOnly(r); err != nil {
		return nil, err
	}
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	was, err := d.payouts.TakeBackClosure(ctx, tx, r.Scope, r.Path("name"), r.Path("date"))
	if err != nil {
		return nil, err
	}
	shown := was.Wire()
	return wire.DeletedPayoutClosure{
		Deleted: wire.Deleted{ID: shown.ID, Object: shown.Object, Deleted: true}, Calendar: shown.Calendar, Date: shown.Date,
	}, nil
}

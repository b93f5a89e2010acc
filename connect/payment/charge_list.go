package payment

import (
	"cmp"
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// ListCharges is a page of the scope's charges, newest first. On a connected
// account the payments (py_…) that arrived there by transfers stand among them.
func (s *Service) ListCharges(ctx context.Context, idb bun.IDB, scope tenant.Scope, f ChargeFilter) (page.Of[wire.Charge], error) {
	size, err := f.Size()
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return page.Of[wire.Charge]{}, err
	}
	cursor, param, backwards := f.Cursor()
	from, err := s.place(ctx, idb, scope, cursor, param)
	if err != nil {
		return page.Of[wire.Charge]{}, err
	}
	found, err := chargesFrom(ctx, idb, scope, f, from.in("ch"), backwards, size)
	if err != nil {
		return page.Of[wire.Charge]{}, err
	}
	if scope.Account != scope.Platform && !f.charges() {
		arrived, err := s.Transfers.Arrived(ctx, idb, scope, f.Created, from.in("tr"), backwards, size)
		if err != nil {
			return page.Of[wire.Charge]{}, err
		}
		found = merge(found, arrived, backwards)
	}
	cut := page.Cut(found, backwards, size)
	out := page.Of[wire.Charge]{HasMore: cut.HasMore, Items: make([]wire.Charge, len(cut.Items))}
	for i, item := range cut.Items {
		out.Items[i] = item.shown
	}
	return out, nil
}

// ChargeTotals adds up what a list with the same filters has, and counts the scope's
// charges by status. Payments that arrived by transfers are not among them.
func (s *Service) ChargeTotals(ctx context.Context, idb bun.IDB, scope tenant.Scope, f ChargeFilter) (wire.ListTotals, error) {
	if err := f.check(); err != nil {
		return wire.ListTotals{}, err
	}
	rows := func(f ChargeFilter) *bun.SelectQuery {
		return f.narrow(visible(scope)(idb.NewSelect().Model((*chargeRow)(nil))))
	}
	totals, err := page.Totals(ctx, idb, rows(f), scope.Livemode)
	if err != nil {
		return totals, err
	}
	totals.Statuses, err = page.CountStatuses(ctx, idb, chargeStates, func(status string) *bun.SelectQuery {
		return rows(ChargeFilter{Status: status})
	})
	return totals, err
}

// place is where an item stands in the list: the time-ordered body of the
// charge's id, or of the id of the transfer that a payment is. Bodies of all
// kinds of ids sort together, and each kind is read by the index it has.
type place string

// in is the place as an id of this kind; "" stays the start.
func (p place) in(prefix string) string {
	if p == "" {
		return ""
	}
	return prefix + "_" + string(p)
}

// place finds the item a cursor names, or refuses it.
func (s *Service) place(ctx context.Context, idb bun.IDB, scope tenant.Scope, cursor, param string) (place, error) {
	if cursor == "" {
		return "", nil
	}
	at := cursor
	var err error
	if id.Prefix(cursor) == "py" {
		var t *connect.Transfer
		if t, err = s.Transfers.PaymentTransfer(ctx, idb, scope, cursor); err == nil {
			at = t.ID
		}
	} else {
		_, err = s.GetCharge(ctx, idb, scope, cursor)
	}
	if fault.Is(err, fault.NotFound) {
		return "", page.NoCursor(param, "charge", cursor)
	}
	return place(id.Body(at)), err
}

// listed is one item of the list.
type listed struct {
	place place
	shown wire.Charge
}

func chargesFrom(ctx context.Context, idb bun.IDB, scope tenant.Scope, f ChargeFilter, cursor string, backwards bool, size int) ([]listed, error) {
	var rows []chargeRow
	q := f.narrow(visible(scope)(idb.NewSelect().Model(&rows)))
	err := page.Window(q, "id", cursor, backwards, size).Scan(ctx)
	out := make([]listed, len(rows))
	for i := range rows {
		out[i] = listed{place(id.Body(rows[i].ID)), ChargeWire(&rows[i].Charge)}
	}
	return out, err
}

// merge puts payments among the charges, in the direction of travel.
func merge(charges []listed, arrived []*connect.Transfer, backwards bool) []listed {
	for _, t := range arrived {
		charges = append(charges, listed{place(id.Body(t.ID)), connect.PaymentWire(t)})
	}
	slices.SortFunc(charges, func(a, b listed) int {
		if backwards {
			return cmp.Compare(a.place, b.place)
		}
		return cmp.Compare(b.place, a.place)
	})
	return charges
}

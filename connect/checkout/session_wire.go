package checkout

import (
	"context"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// LineItems is the kind of the part of a session that expand[]=line_items shows.
const LineItems = "checkout.session.line_items"

// Wire is the session as the API shows it.
func (s *Service) Wire(c *Session) wire.CheckoutSession {
	automatic := "if_required"
	w := wire.CheckoutSession{
		ID: c.ID, Object: "checkout.session", AmountSubtotal: c.Amount, AmountTotal: c.Amount, CancelURL: wire.Nullable(c.CancelURL),
		ClientReferenceID: c.ClientReferenceID, Created: c.CreatedAt.Unix(), Currency: string(c.Currency), CustomFields: []struct{}{},
		Customer: wire.To(c.Customer), CustomerEmail: c.CustomerEmail, Discounts: []struct{}{}, ExpiresAt: c.ExpiresAt.Unix(),
		LineItems: wire.Lazy{Kind: LineItems, ID: c.ID}, Livemode: c.Livemode, Locale: wire.Nullable(c.Locale), Metadata: c.Metadata,
		Mode: "payment", PaymentIntent: wire.To(c.PaymentIntent), PaymentMethodCollection: &automatic, PaymentMethodTypes: []string{"card"},
		PaymentStatus: c.PaymentStatus, ShippingOptions: []struct{}{}, Status: string(c.Status), SuccessURL: c.SuccessURL, UIMode: "hosted_page",
	}
	if c.Status == Open {
		address := s.address(Path, c.ID)
		w.URL = &address
	}
	if email := c.email(); email != "" || c.BuyerName != "" {
		none := "none"
		w.CustomerDetails = &wire.CheckoutCustomer{
			Email: wire.Nullable(email), IndividualName: wire.Nullable(c.BuyerName), Name: wire.Nullable(c.BuyerName), TaxExempt: &none, TaxIDs: []struct{}{},
		}
	}
	return w
}

// email is the buyer's: typed, or known before.
func (s *Session) email() string {
	if s.BuyerEmail == "" && s.CustomerEmail != nil {
		return *s.CustomerEmail
	}
	return s.BuyerEmail
}

// ShowLineItems is a page of what is bought, in the order in which it was named.
func (s *Service) ShowLineItems(ctx context.Context, idb bun.IDB, scope tenant.Scope, session string, p page.Params) (wire.List[wire.CheckoutItem], error) {
	c, err := s.Get(ctx, idb, scope, session)
	if err != nil {
		return wire.List[wire.CheckoutItem]{}, err
	}
	size, err := p.Size()
	if err != nil {
		return wire.List[wire.CheckoutItem]{}, err
	}
	items := slices.Clone(c.LineItems)
	cursor, param, backwards := p.Cursor()
	if cursor != "" {
		at := slices.IndexFunc(items, func(i Item) bool { return i.ID == cursor })
		switch {
		case at < 0:
			return wire.List[wire.CheckoutItem]{}, page.NoCursor(param, "item", cursor)
		case backwards:
			items = items[:at]
		default:
			items = items[at+1:]
		}
	}
	if backwards {
		slices.Reverse(items)
	}
	cut := page.Cut(items, backwards, size)
	shown := make([]wire.CheckoutItem, len(cut.Items))
	for i, item := range cut.Items {
		shown[i] = c.itemWire(item)
	}
	return wire.ListOf("/v1/checkout/sessions/"+c.ID+"/line_items", cut.HasMore, shown), nil
}

func (s *Session) itemWire(i Item) wire.CheckoutItem {
	total := i.UnitAmount * i.Quantity // Draft has checked that it is small enough
	return wire.CheckoutItem{
		ID: i.ID, Object: "item", AmountSubtotal: total, AmountTotal: total, Currency: string(s.Currency), Description: &i.Name, Quantity: i.Quantity,
		Price: wire.CheckoutPrice{
			ID: i.Price, Object: "price", BillingScheme: "per_unit", Created: s.CreatedAt.Unix(), Currency: string(s.Currency), Livemode: s.Livemode,
			Metadata: map[string]string{}, Product: i.Product, Type: "one_time", UnitAmount: i.UnitAmount, UnitAmountDecimal: strconv.FormatInt(i.UnitAmount, 10),
		},
	}
}

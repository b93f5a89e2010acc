package dashboard

import (
	"net/http"

	"github.com/sluicepay/sluice/platform/ui"
)

// charge is what the list shows of a charge.
type charge struct {
	ID       string
	Amount   int64
	Currency string
	Status   string
	Created  int64
}

var charges = List[charge]{
	Name: "welcome", Path: "/v1/charges", Dates: true, Columns: []Column[charge]{
		{Key: "welcome.amount", Number: true, Cell: func(v *Visit, c charge) any { return v.Amount(c.Amount, c.Currency) }},
		{Key: "welcome.status", Cell: func(v *Visit, c charge) any { return v.Status(c.Status) }},
		{Key: "welcome.id", Cell: func(v *Visit, c charge) any { return v.Link(c.ID) }},
		{Key: "welcome.created", Cell: func(v *Visit, c charge) any { return v.When(c.Created) }},
	},
	Empty: Empty{Title: "welcome.none", Body: "welcome.none.body"},
}

// Welcome is the first page of a desk that has no other yet.
func Welcome(d *Desk) error {
	for _, side := range []Side{ForPlatform, ForAccount} {
		var pages *Pages
		pages, err := d.Add(Section{Templates: sub("templates"), Side: side, Nav: []NavItem{{Key: "welcome.title", Icon: "house", Permission: "charges:read"}},
			Pages: []Page{{Permission: "charges:read", Handler: func(w http.ResponseWriter, r *http.Request, v *Visit) error {
				return charges.Serve(w, r, v, func(t *Table) error {
					return pages.Render(w, r, v, "desk-welcome", ui.View{Title: "welcome.title", Data: t})
				})
			}}}})
		if err != nil {
			return err
		}
	}
	return nil
}

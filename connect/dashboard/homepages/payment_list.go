package homepages

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var payments = dashboard.List[charge]{
	Name: "payments", Path: "/v1/charges", Totals: "/v1/charges/totals", Params: url.Values{"expand[]": {"data.balance_transaction"}}, Dates: true,
	Filters: []dashboard.Filter{
		{Name: "status", Label: "payments.status", Chips: true, Options: []ui.Option{
			{Value: "succeeded", Key: "status.succeeded"}, {Value: "uncaptured", Key: "status.uncaptured"}, {Value: "pending", Key: "status.pending"},
			{Value: "refunded", Key: "payments.with_refunds"}, {Value: "failed", Key: "status.failed"},
		}},
		{Name: "amount_from", Label: "payments.amount_from", Send: inMinor},
		{Name: "amount_to", Label: "payments.amount_to", Send: inMinor},
		{Name: "customer", Label: "payments.customer"},
		{Name: "destination", Label: "payments.destination"},
		{Name: "last4", Label: "payments.last4"},
		{Name: "account", Label: "payments.account", Send: func(*dashboard.Visit, string) string { return "" }}, // whose list it is
	},
	Columns: []dashboard.Column[charge]{
		{Key: "payments.amount", Number: true, Cell: func(v *dashboard.Visit, c charge) any { return v.Amount(c.Amount, c.Currency) }},
		{Key: "payments.status", Cell: func(v *dashboard.Visit, c charge) any { return v.Status(c.state()) }},
		{Key: "payments.description", Cell: func(_ *dashboard.Visit, c charge) any { return text(c.Description) }},
		{Key: "payments.tutors", Cell: tutors, CSV: func(_ *dashboard.Visit, c charge) string { return c.receivers() }},
		{Key: "payments.created", Cell: func(v *dashboard.Visit, c charge) any { return v.When(c.Created) }},
		{Key: "payments.kept", Number: true, Cell: func(v *dashboard.Visit, c charge) any { return earned(v, c, c.kept()) }},
		{Key: "payments.cost", Number: true, Extra: true, Cell: func(v *dashboard.Visit, c charge) any { return earned(v, c, c.processingFee()) }},
		{Key: "payments.net", Number: true, Cell: func(v *dashboard.Visit, c charge) any { return earned(v, c, c.net()) }},
		{Key: "payments.method", Cell: func(_ *dashboard.Visit, c charge) any { return c.method() }},
		{Key: "payments.refunded", Number: true, Extra: true, Cell: func(v *dashboard.Visit, c charge) any { return v.Amount(c.AmountRefunded, c.Currency) }},
		{Key: "payments.payer", Extra: true, Cell: func(v *dashboard.Visit, c charge) any { return payer(v, c) }},
		{Key: "payments.group", Extra: true, Cell: func(_ *dashboard.Visit, c charge) any { return text(c.TransferGroup) }},
		{Key: "payments.id", Extra: true, Cell: func(v *dashboard.Visit, c charge) any { return v.Link(c.ID) }},
	},
	Href:     func(v *dashboard.Visit, c charge) string { return withAccount(v, v.Path("payments", c.ID)) },
	Complete: withTransfers,
	Empty: dashboard.Empty{Icon: "credit-card", Title: "payments.none", Body: "payments.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" https://…/v1/payment_intents -d amount=60000 -d currency=hkd -d confirm=true -d payment_method=pm_card_visa`},
}

// withTransfers asks once for the transfers of all charges of a page.
func withTransfers(r *http.Request, v *dashboard.Visit, rows []charge) error {
	ids, at := url.Values{}, map[string]int{}
	for i, c := range rows {
		at[c.ID] = i
		if c.TransferData != nil || len(c.Splits) > 0 {
			ids.Add("source_transactions[]", c.ID)
		}
	}
	if len(ids) == 0 || !v.May("transfers:read") {
		return nil
	}
	for after := ""; ; {
		var page wire.List[wire.Transfer]
		ids.Set("limit", "100")
		ids.Set("starting_after", after)
		if after == "" {
			ids.Del("starting_after")
		}
		if err := v.API.Get(r.Context(), "/v1/transfers", ids, &page); err != nil {
			return err
		}
		for _, t := range page.Data {
			if i, ok := at[t.SourceTransaction.ID]; ok {
				rows[i].transfers = append([]wire.Transfer{t}, rows[i].transfers...) // they come newest first
			}
			after = t.ID
		}
		if !page.HasMore {
			break
		}
	}
	if v.Query.Get("format") == "csv" { // a file names accounts by their ids
		return nil
	}
	var accounts []string
	for _, c := range rows {
		for _, t := range c.transfers {
			accounts = append(accounts, t.Destination.ID)
		}
	}
	called := names(r, v, accounts...)
	for i := range rows {
		rows[i].names = called
	}
	return nil
}

func (c charge) receivers() string {
	var all string
	for i, t := range c.transfers {
		if i > 0 {
			all += " "
		}
		all += t.Destination.ID
	}
	return all
}

// tutors are the receivers by name, each leading to its account.
func tutors(v *dashboard.Visit, c charge) any {
	var b template.HTML
	for i, t := range c.transfers {
		if i > 0 {
			b += ", "
		}
		b += account(v, c.names, t.Destination.ID)
	}
	return b
}

// account is a name that leads to its account.
func account(v *dashboard.Visit, names map[string]string, id string) template.HTML {
	name := names[id]
	to := v.Where(id)
	if name == "" {
		return v.Link(id)
	}
	if to == "" {
		return template.HTML(template.HTMLEscapeString(name))
	}
	return template.HTML(`<a href="` + template.HTMLEscapeString(to) + `">` + template.HTMLEscapeString(name) + `</a>`)
}

// earned is an amount of a payment that has come; of others there is none yet.
func earned(v *dashboard.Visit, c charge, n int64) any {
	if c.AmountCaptured == 0 {
		return ""
	}
	return v.Amount(n, c.Currency)
}

func payer(v *dashboard.Visit, c charge) any {
	if c.Customer.ID != "" {
		return v.Link(c.Customer.ID)
	}
	return text(c.ReceiptEmail)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *section) payments(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	theirs := *v
	theirs.API = api(v) // with ?account=, the payments that live on a connected account
	return payments.Serve(w, r, &theirs, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "payments", ui.View{Title: "payments.title", Data: struct {
			List   *dashboard.Table
			Create bool
		}{t, !v.Chair.Livemode && v.May("payment_intents:write")}})
	})
}

// inMinor has people type amounts as they read them, in the account's currency.
func inMinor(v *dashboard.Visit, typed string) string {
	n, ok := minor(typed, string(v.Chair.Currency))
	if !ok {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

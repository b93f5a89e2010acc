// Package homepages is what a platform looks at first: how it stands, its payments
// with where each cent of them went, refunds with what they will do, and transfers.
//
// Everything comes from the public API. The picture of a payment is drawn from its
// ledger entries and from nothing else, so it cannot tell another story than the
// postings it links to.
package homepages

import (
	"embed"

	"github.com/sluicepay/sluice/connect/dashboard"
)

//go:embed all:templates catalogues
var files embed.FS

type section struct{ pages *dashboard.Pages }

// Pages adds the section to a desk.
func Pages(d *dashboard.Desk) (err error) {
	s := &section{}
	s.pages, err = d.Add(dashboard.Section{
		Templates: files, Catalogues: files, Side: dashboard.ForPlatform,
		Nav: []dashboard.NavItem{
			{Key: "home.title", Icon: "house"},
			{Key: "payments.title", Icon: "credit-card", Path: "/payments", Permission: "charges:read", Group: "desk.group.payments"},
			{Key: "transfers.title", Icon: "arrow-left-right", Path: "/transfers", Permission: "transfers:read", Group: "desk.group.payments"},
		},
		Pages: []dashboard.Page{
			{Handler: s.home},
			{Path: "/payments", Permission: "charges:read", Handler: s.payments},
			{Path: "/payments/new", Permission: "payment_intents:write", Handler: s.newPayment},
			{Method: "POST", Path: "/payments/new", Permission: "payment_intents:write", Handler: s.createPayment},
			{Path: "/payments/{id}", Permission: "charges:read", Handler: s.payment},
			{Path: "/payments/{id}/capture", Permission: "charges:write", Handler: s.capture},
			{Method: "POST", Path: "/payments/{id}/capture", Permission: "charges:write", Handler: s.captureNow},
			{Path: "/payments/{id}/cancel", Permission: "payment_intents:write", Handler: s.cancel},
			{Method: "POST", Path: "/payments/{id}/cancel", Permission: "payment_intents:write", Handler: s.cancelNow},
			{Path: "/payments/{id}/refund", Permission: "refunds:write", Handler: s.refund},
			{Method: "POST", Path: "/payments/{id}/refund", Permission: "refunds:write", Handler: s.refundNow},
			{Path: "/payments/{id}/receipt", Permission: "charges:write", Handler: s.receipt},
			{Method: "POST", Path: "/payments/{id}/receipt", Permission: "charges:write", Handler: s.sendReceipt},
			{Path: "/refunds/{id}", Permission: "refunds:read", Handler: s.refundOf},
			{Path: "/fees/{id}", Permission: "application_fees:read", Handler: s.feeOf},
			{Path: "/customers/{id}", Permission: "charges:read", Handler: s.customerOf},
			{Path: "/transfers", Permission: "transfers:read", Handler: s.transfers},
			{Path: "/transfers/new", Permission: "transfers:write", Handler: s.give},
			{Method: "POST", Path: "/transfers/new", Permission: "transfers:write", Handler: s.giveNow},
			{Path: "/transfers/{id}", Permission: "transfers:read", Handler: s.transfer},
			{Path: "/transfers/of/{id}", Permission: "transfers:read", Handler: s.transferOf},
			{Path: "/transfers/{id}/reverse", Permission: "transfers:write", Handler: s.reverse},
			{Method: "POST", Path: "/transfers/{id}/reverse", Permission: "transfers:write", Handler: s.reverseNow},
		},
		IDs: map[string]string{
			"ch": "/payments/{id}", "pi": "/payments/{id}", "re": "/refunds/{id}", "fee": "/fees/{id}", "cus": "/customers/{id}", "tr": "/transfers/{id}",
			"py": "/transfers/of/{id}", "trr": "/transfers/of/{id}", "pyr": "/transfers/of/{id}",
		},
	})
	return err
}

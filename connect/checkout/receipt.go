package checkout

import (
	"context"
	"net/http"
	"path"
	"time"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// receiptView is what a receipt shows. What the seller shares with whom is not for
// the buyer to see, and is not here.
type receiptView struct {
	Seller      string
	Reference   string
	Amount      money.Amount
	PaidAt      time.Time
	Zone        *time.Location
	Brand       string
	Last4       string
	Description string
	Statement   string // as it stands on the card's statement
	Lines       []line
	Status      string // paid, reserved, refunded, partly, released
	StatusKind  string
	Refunded    money.Amount
	Refunding   money.Amount
	Left        money.Amount
}

// receipt is the page that charge.receipt_url leads to.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	chargeID, ok := p.cfg.open(ReceiptPath, path.Base(r.URL.Path))
	if !ok {
		p.pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "", ui.View{})
		return nil
	}
	charge, paid, err := p.cfg.Payments.PaidCharge(ctx, chargeID)
	if err != nil {
		return err
	}
	if !paid {
		p.pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "", ui.View{})
		return nil
	}
	brand, err := p.brandOf(ctx, charge.Platform, charge.Livemode)
	if err != nil {
		return err
	}
	view, err := p.receiptOf(ctx, charge, brand)
	if err != nil {
		return err
	}
	p.pages.Render(w, r, "receipt", ui.View{Title: "checkout.receipt.title", Brand: brand, Testmode: !charge.Livemode, Layout: ui.FlowWide, Data: view})
	return nil
}

func (p *Pages) receiptOf(ctx context.Context, charge *payment.Charge, brand ui.Brand) (receiptView, error) {
	owner, err := p.accounts.Get(ctx, p.cfg.Pool, charge.Scope(), charge.Account)
	if err != nil {
		return receiptView{}, err
	}
	v := receiptView{
		Seller: brand.Name, Reference: charge.ID, Amount: charge.Total(), PaidAt: charge.CreatedAt, Zone: zoneOf(owner),
		Brand: cardBrands[charge.Method.Brand], Last4: charge.Method.Last4, Description: text(charge.Description),
		Statement: text(charge.StatementDescriptor), Refunded: money.New(charge.AmountRefunded, charge.Currency),
		Refunding: money.New(charge.AmountRefunding, charge.Currency),
		Left:      money.New(charge.AmountCaptured-charge.AmountRefunded-charge.AmountRefunding, charge.Currency),
	}
	if v.Brand == "" {
		v.Brand = charge.Method.Brand
	}
	if charge.Direct() {
		v.Seller = owner.Name()
	}
	switch {
	case charge.Canceled:
		v.Status, v.StatusKind = "released", "neutral"
	case !charge.Captured:
		v.Status, v.StatusKind = "reserved", "wait"
	case charge.AmountRefunded >= charge.AmountCaptured:
		v.Status, v.StatusKind = "refunded", "neutral"
	case charge.AmountRefunded > 0 || charge.AmountRefunding > 0:
		v.Status, v.StatusKind = "partly", "info"
	default:
		v.Status, v.StatusKind = "paid", "success"
	}
	if charge.Captured {
		v.Amount = money.New(charge.AmountCaptured, charge.Currency)
	}
	if charge.PaymentIntent != "" {
		if v.Lines, err = p.bought(ctx, charge); err != nil {
			return receiptView{}, err
		}
	}
	return v, nil
}

// cardBrands are as the networks write themselves.
var cardBrands = map[string]string{
	"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay",
}

// bought is what was paid for, if it was paid on our page.
func (p *Pages) bought(ctx context.Context, charge *payment.Charge) ([]line, error) {
	var rows []sessionRow
	err := p.cfg.Pool.NewSelect().Model(&rows).Where("payment_intent = ?", charge.PaymentIntent).Limit(1).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0].lines(), nil
}

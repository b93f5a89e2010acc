package homepages

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// charge is what the pages read of a charge, with its line expanded.
type charge struct {
	ID                   string
	Amount               int64
	AmountCaptured       int64    `json:"amount_captured"`
	AmountRefunded       int64    `json:"amount_refunded"`
	ApplicationFee       wire.Ref `json:"application_fee"`
	ApplicationFeeAmount *int64   `json:"application_fee_amount"`
	BalanceTransaction   *line    `json:"balance_transaction"`
	Captured             bool
	Created              int64
	Currency             string
	Customer             wire.Ref
	Description          *string
	Disputed             bool
	FailureCode          *string `json:"failure_code"`
	FailureMessage       *string `json:"failure_message"`
	Metadata             map[string]string
	OnBehalfOf           wire.Ref `json:"on_behalf_of"`
	Outcome              *wire.ChargeOutcome
	PaymentIntent        wire.Ref `json:"payment_intent"`
	PaymentMethodDetails struct {
		Card *struct {
			Brand, Country, Funding, Last4 string
			ExpMonth                       int `json:"exp_month"`
			ExpYear                        int `json:"exp_year"`
		}
	} `json:"payment_method_details"`
	ReceiptEmail  *string `json:"receipt_email"`
	ReceiptURL    *string `json:"receipt_url"`
	Refunded      bool
	Splits        []wire.Split
	Status        string
	TransferData  *wire.ChargeTransferData `json:"transfer_data"`
	TransferGroup *string                  `json:"transfer_group"`

	transfers []wire.Transfer   // those that its split made, once asked for
	names     map[string]string // of their destinations
}

// line is a balance transaction.
type line struct {
	ID          string
	Amount      int64
	Fee         int64
	FeeDetails  []wire.LineFee `json:"fee_details"`
	Net         int64
	AvailableOn int64 `json:"available_on"`
	Status      string
	Payout      wire.Ref
}

// state is the status in the words of a reader: what became of the money too.
func (c charge) state() string {
	switch {
	case c.Status != "succeeded":
		return c.Status
	case !c.Captured && c.Refunded:
		return "canceled"
	case !c.Captured:
		return "uncaptured"
	case c.Refunded:
		return "refunded"
	case c.AmountRefunded > 0:
		return "partially_refunded"
	}
	return "succeeded"
}

// refundable is what may still be given back; what is under way counts when it is done.
func (c charge) refundable() int64 {
	if c.Status != "succeeded" || !c.Captured {
		return 0
	}
	return c.AmountCaptured - c.AmountRefunded
}

func (c charge) method() string {
	card := c.PaymentMethodDetails.Card
	if card == nil {
		return ""
	}
	return strings.ToUpper(card.Brand[:min(1, len(card.Brand))]) + card.Brand[min(1, len(card.Brand)):] + " ··" + card.Last4
}

// processingFee is what the processor kept of the charge.
func (c charge) processingFee() int64 {
	var fee int64
	if c.BalanceTransaction != nil {
		for _, part := range c.BalanceTransaction.FeeDetails {
			if part.Type == "stripe_fee" {
				fee += part.Amount
			}
		}
	}
	return fee
}

// moved is what its transfers took away from the platform, less the fees that came
// back out of them and what was reversed.
func (c charge) moved() (sum int64) {
	for _, t := range c.transfers {
		sum += t.Amount
	}
	if c.ApplicationFeeAmount != nil && c.TransferData != nil {
		sum -= min(*c.ApplicationFeeAmount, c.AmountCaptured)
	}
	return sum
}

// kept is what stayed with the platform when the charge succeeded, before the
// processor's fee; net after it.
func (c charge) kept() int64 { return c.AmountCaptured - c.moved() }

func (c charge) net() int64 { return c.kept() - c.processingFee() }

// api is the client for a page's object: one of the platform's own, or, with
// ?account=, one that lives on a connected account (a direct charge).
func api(v *dashboard.Visit) *client.Client {
	if account := strings.TrimSpace(v.Query.Get("account")); account != "" {
		return v.For(account)
	}
	return v.API
}

// fetch reads one object as api does.
func fetch[T any](r *http.Request, v *dashboard.Visit, path string, params url.Values) (dashboard.Object[T], error) {
	o := dashboard.Object[T]{Path: path}
	if len(params) > 0 {
		o.Path += "?" + params.Encode()
	}
	if err := api(v).Get(r.Context(), o.Path, nil, &o.Raw); err != nil {
		return o, err
	}
	return o, json.Unmarshal(o.Raw, &o.Value)
}

// all reads the newest hundred of a list; what a page shows has seldom more.
func all[T any](r *http.Request, c *client.Client, path string, params url.Values) ([]T, error) {
	var found struct{ Data []T }
	params.Set("limit", "100")
	err := c.Get(r.Context(), path, params, &found)
	return found.Data, err
}

// names are what destinations are called, asked for one by one: there are few on a
// page. Who may not see accounts sees their ids.
func names(r *http.Request, v *dashboard.Visit, accounts ...string) map[string]string {
	found := map[string]string{v.Chair.Account: v.Chair.Name}
	if !v.May("accounts:read") {
		return found
	}
	for _, id := range accounts {
		if _, known := found[id]; known || id == "" {
			continue
		}
		var a struct {
			BusinessProfile struct{ Name string } `json:"business_profile"`
			Email           string
		}
		if v.API.Get(r.Context(), "/v1/accounts/"+url.PathEscape(id), nil, &a) != nil {
			found[id] = "" // a name is no reason to show nothing
			continue
		}
		if found[id] = a.BusinessProfile.Name; found[id] == "" {
			found[id] = a.Email
		}
	}
	return found
}

// called is the name of an account, or its id.
func called(names map[string]string, account string) string {
	if name := names[account]; name != "" {
		return name
	}
	return account
}

// minor reads what a person typed as an amount: "510", "HK$1,510.50".
func minor(text string, currency string) (int64, bool) {
	return dashboard.ReadAmount(text, money.Currency(currency))
}

// decimal is an amount as minor reads it.
func decimal(n int64, currency string) string {
	return money.New(n, money.Currency(currency)).Decimal()
}

// shown is an amount as text.
func shown(n int64, currency string) string {
	return ui.FormatMoney(money.New(n, money.Currency(currency)))
}

package main

import (
	"context"
	"strconv"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// goSDK is Ada at stripe-go.
type goSDK struct {
	t      *testing.T
	stripe *stripe.Client
}

var _ sdk = goSDK{}

func (g goSDK) ctx() context.Context { return g.t.Context() }

func (g goSDK) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// as is the account a call acts for, or nil for one's own.
func as(account string) *string {
	if account == "" {
		return nil
	}
	return &account
}

func (g goSDK) connect(tutor, bank string, platformPaysFees bool) string {
	g.t.Helper()
	payer := "account"
	if platformPaysFees {
		payer = "application"
	}
	p := &stripe.AccountCreateParams{
		Country: stripe.String("HK"), BusinessType: stripe.String("individual"), Email: stripe.String("tutor@example.com"),
		Controller: &stripe.AccountCreateControllerParams{
			Fees:                  &stripe.AccountCreateControllerFeesParams{Payer: &payer},
			Losses:                &stripe.AccountCreateControllerLossesParams{Payments: stripe.String("application")},
			StripeDashboard:       &stripe.AccountCreateControllerStripeDashboardParams{Type: stripe.String("none")},
			RequirementCollection: stripe.String("application"),
		},
		Capabilities: &stripe.AccountCreateCapabilitiesParams{
			CardPayments: &stripe.AccountCreateCapabilitiesCardPaymentsParams{Requested: stripe.Bool(true)},
			Transfers:    &stripe.AccountCreateCapabilitiesTransfersParams{Requested: stripe.Bool(true)},
		},
		BusinessProfile: &stripe.AccountCreateBusinessProfileParams{Name: &tutor, MCC: stripe.String("8299"), URL: stripe.String("https://tutorhub.example")},
		ExternalAccount: &stripe.AccountExternalAccountParams{Token: &bank},
		Settings: &stripe.AccountCreateSettingsParams{Payouts: &stripe.AccountCreateSettingsPayoutsParams{
			Schedule: &stripe.AccountCreateSettingsPayoutsScheduleParams{Interval: stripe.String("manual")},
		}},
		Metadata: map[string]string{"tutor": tutor},
	}
	a, err := g.stripe.V1Accounts.Create(g.ctx(), p)
	g.must(err)
	if !a.ChargesEnabled || !a.PayoutsEnabled || a.Capabilities.Transfers != stripe.AccountCapabilityStatusActive {
		g.t.Fatalf("the account is not ready: %+v", a.Requirements)
	}
	return a.ID
}

func (g goSDK) pay(o order) string {
	g.t.Helper()
	p := &stripe.PaymentIntentCreateParams{
		Params: stripe.Params{StripeAccount: as(o.account)}, Amount: &o.amount, Currency: &o.currency,
		PaymentMethod: stripe.String("pm_card_visa"), Confirm: stripe.Bool(true),
	}
	if o.fee > 0 {
		p.ApplicationFeeAmount = &o.fee
	}
	if o.destination != "" {
		p.TransferData = &stripe.PaymentIntentCreateTransferDataParams{Destination: &o.destination}
	}
	if o.part > 0 {
		p.TransferData.Amount = &o.part
	}
	for i, s := range o.splits {
		at := "splits[" + strconv.Itoa(i) + "]"
		p.AddExtra(at+"[destination]", s.destination)
		if s.amount > 0 {
			p.AddExtra(at+"[amount]", strconv.FormatInt(s.amount, 10))
		} else {
			p.AddExtra(at+"[percent]", s.percent)
		}
		p.AddExtra(at+"[fee_bearer]", strconv.FormatBool(s.bearsFee))
	}
	pi, err := g.stripe.V1PaymentIntents.Create(g.ctx(), p)
	g.must(err)
	if pi.Status != stripe.PaymentIntentStatusSucceeded {
		g.t.Fatalf("the payment is %s", pi.Status)
	}
	return pi.LatestCharge.ID
}

func (g goSDK) charge(amount int64, currency, group string) string {
	g.t.Helper()
	c, err := g.stripe.V1Charges.Create(g.ctx(), &stripe.ChargeCreateParams{
		Amount: &amount, Currency: &currency, TransferGroup: &group,
		Source: &stripe.PaymentSourceSourceParams{Token: stripe.String("tok_visa")},
	})
	g.must(err)
	return c.ID
}

func (g goSDK) refund(o refundOrder) {
	g.t.Helper()
	p := &stripe.RefundCreateParams{Params: stripe.Params{StripeAccount: as(o.account)}, Charge: &o.charge, Amount: &o.amount}
	if o.reverseTransfer {
		p.ReverseTransfer = stripe.Bool(true)
	}
	if o.returnFee {
		p.RefundApplicationFee = stripe.Bool(true)
	}
	r, err := g.stripe.V1Refunds.Create(g.ctx(), p)
	g.must(err)
	if r.Status != stripe.RefundStatusSucceeded {
		g.t.Fatalf("the refund is %s", r.Status)
	}
}

func (g goSDK) transfer(o transferOrder) string {
	g.t.Helper()
	p := &stripe.TransferCreateParams{Amount: &o.amount, Currency: &o.currency, Destination: &o.destination}
	if o.source != "" {
		p.SourceTransaction = &o.source
	}
	t, err := g.stripe.V1Transfers.Create(g.ctx(), p)
	g.must(err)
	return t.ID
}

func (g goSDK) reverse(transfer string, amount int64) {
	g.t.Helper()
	_, err := g.stripe.V1TransferReversals.Create(g.ctx(), &stripe.TransferReversalCreateParams{ID: &transfer, Amount: &amount})
	g.must(err)
}

func (g goSDK) payOut(account string, amount int64, currency string) string {
	g.t.Helper()
	p, err := g.stripe.V1Payouts.Create(g.ctx(), &stripe.PayoutCreateParams{
		Params: stripe.Params{StripeAccount: as(account)}, Amount: &amount, Currency: &currency,
	})
	g.must(err)
	return p.ID
}

func (g goSDK) payoutStatus(account, payout string) string {
	g.t.Helper()
	p, err := g.stripe.V1Payouts.Retrieve(g.ctx(), payout, &stripe.PayoutRetrieveParams{Params: stripe.Params{StripeAccount: as(account)}})
	g.must(err)
	return string(p.Status)
}

func (g goSDK) balance(account, currency string) (pending, available int64) {
	g.t.Helper()
	b, err := g.stripe.V1Balance.Retrieve(g.ctx(), &stripe.BalanceRetrieveParams{Params: stripe.Params{StripeAccount: as(account)}})
	g.must(err)
	return amountIn(b.Pending, currency), amountIn(b.Available, currency)
}

func amountIn(amounts []*stripe.BalanceAmount, currency string) int64 {
	for _, a := range amounts {
		if string(a.Currency) == currency {
			return a.Amount
		}
	}
	return 0
}

func (g goSDK) lines(account, currency, payout string) []line {
	g.t.Helper()
	p := &stripe.BalanceTransactionListParams{
		ListParams: stripe.ListParams{StripeAccount: as(account), Limit: stripe.Int64(10)}, Currency: &currency,
	}
	if payout != "" {
		p.Payout = &payout
	}
	var lines []line
	for bt, err := range g.stripe.V1BalanceTransactions.List(g.ctx(), p).All(g.ctx()) {
		g.must(err)
		lines = append(lines, line{kind: string(bt.Type), amount: bt.Amount, fee: bt.Fee, net: bt.Net})
	}
	return lines
}

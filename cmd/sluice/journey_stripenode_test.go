package main

// adaInNode is Ada at stripe-node.
type adaInNode struct{ node *nodeSDK }

var _ sdk = adaInNode{}

func (a adaInNode) call(into any, path []string, args ...any) {
	a.node.t.Helper()
	if err := a.node.call(into, path, args...); err != nil {
		a.node.t.Fatalf("%v: %v", path, err)
	}
}

// acting are the options of a call for an account, or for oneself.
func acting(account string) params {
	if account == "" {
		return params{}
	}
	return params{"stripeAccount": account}
}

func (a adaInNode) connect(tutor, bank string, platformPaysFees bool) string {
	a.node.t.Helper()
	payer := "account"
	if platformPaysFees {
		payer = "application"
	}
	var account struct {
		ID             string
		ChargesEnabled bool `json:"charges_enabled"`
		PayoutsEnabled bool `json:"payouts_enabled"`
	}
	a.call(&account, []string{"accounts", "create"}, params{
		"country": "HK", "business_type": "individual", "email": "tutor@example.com",
		"controller": params{
			"fees": params{"payer": payer}, "losses": params{"payments": "application"},
			"stripe_dashboard": params{"type": "none"}, "requirement_collection": "application",
		},
		"capabilities":     params{"card_payments": params{"requested": true}, "transfers": params{"requested": true}},
		"business_profile": params{"name": tutor, "mcc": "8299", "url": "https://tutorhub.example"},
		"external_account": bank,
		"settings":         params{"payouts": params{"schedule": params{"interval": "manual"}}},
		"metadata":         params{"tutor": tutor},
	})
	if !account.ChargesEnabled || !account.PayoutsEnabled {
		a.node.t.Fatalf("the account is not ready: %+v", account)
	}
	return account.ID
}

func (a adaInNode) pay(o order) string {
	a.node.t.Helper()
	p := params{"amount": o.amount, "currency": o.currency, "payment_method": "pm_card_visa", "confirm": true}
	if o.fee > 0 {
		p["application_fee_amount"] = o.fee
	}
	if o.destination != "" {
		to := params{"destination": o.destination}
		if o.part > 0 {
			to["amount"] = o.part
		}
		p["transfer_data"] = to
	}
	var splits []params
	for _, s := range o.splits {
		one := params{"destination": s.destination, "fee_bearer": s.bearsFee}
		if s.amount > 0 {
			one["amount"] = s.amount
		} else {
			one["percent"] = s.percent
		}
		splits = append(splits, one)
	}
	if splits != nil {
		p["splits"] = splits
	}
	var pi struct {
		Status       string
		LatestCharge string `json:"latest_charge"`
	}
	a.call(&pi, []string{"paymentIntents", "create"}, p, acting(o.account))
	if pi.Status != "succeeded" {
		a.node.t.Fatalf("the payment is %s", pi.Status)
	}
	return pi.LatestCharge
}

// object is what every answer has.
type object struct{ ID, Status string }

func (a adaInNode) charge(amount int64, currency, group string) string {
	a.node.t.Helper()
	var c object
	a.call(&c, []string{"charges", "create"}, params{"amount": amount, "currency": currency, "source": "tok_visa", "transfer_group": group})
	return c.ID
}

func (a adaInNode) refund(o refundOrder) {
	a.node.t.Helper()
	p := params{"charge": o.charge, "amount": o.amount}
	if o.reverseTransfer {
		p["reverse_transfer"] = true
	}
	if o.returnFee {
		p["refund_application_fee"] = true
	}
	var r object
	a.call(&r, []string{"refunds", "create"}, p, acting(o.account))
	if r.Status != "succeeded" {
		a.node.t.Fatalf("the refund is %s", r.Status)
	}
}

func (a adaInNode) transfer(o transferOrder) string {
	a.node.t.Helper()
	p := params{"amount": o.amount, "currency": o.currency, "destination": o.destination}
	if o.source != "" {
		p["source_transaction"] = o.source
	}
	var t object
	a.call(&t, []string{"transfers", "create"}, p)
	return t.ID
}

func (a adaInNode) reverse(transfer string, amount int64) {
	a.node.t.Helper()
	a.call(nil, []string{"transfers", "createReversal"}, transfer, params{"amount": amount})
}

func (a adaInNode) payOut(account string, amount int64, currency string) string {
	a.node.t.Helper()
	var p object
	a.call(&p, []string{"payouts", "create"}, params{"amount": amount, "currency": currency}, acting(account))
	return p.ID
}

func (a adaInNode) payoutStatus(account, payout string) string {
	a.node.t.Helper()
	var p object
	a.call(&p, []string{"payouts", "retrieve"}, payout, params{}, acting(account))
	return p.Status
}

func (a adaInNode) balance(account, currency string) (pending, available int64) {
	a.node.t.Helper()
	type funds []struct {
		Amount   int64
		Currency string
	}
	var b struct{ Pending, Available funds }
	a.call(&b, []string{"balance", "retrieve"}, params{}, acting(account))
	in := func(all funds) int64 {
		for _, f := range all {
			if f.Currency == currency {
				return f.Amount
			}
		}
		return 0
	}
	return in(b.Pending), in(b.Available)
}

func (a adaInNode) lines(account, currency, payout string) []line {
	a.node.t.Helper()
	p := params{"currency": currency, "limit": 10}
	if payout != "" {
		p["payout"] = payout
	}
	var found []struct {
		Type             string
		Amount, Fee, Net int64
	}
	if err := a.node.all(&found, []string{"balanceTransactions", "list"}, p, acting(account)); err != nil {
		a.node.t.Fatal(err)
	}
	lines := make([]line, len(found))
	for i, f := range found {
		lines[i] = line{kind: f.Type, amount: f.Amount, fee: f.Fee, net: f.Net}
	}
	return lines
}

package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
)

// simOp is one operation: what is asked, and what the model says becomes of it.
type simOp struct {
	what          string
	method, path  string
	account       string // acted for; empty: the platform
	form          url.Values
	status        int
	repeat        bool // sent again and at the same time under one idempotency key
	then          func(simReply) error
	touches       any    // the object that nothing else in the same burst may touch
	key           string // idempotency key, set when it is sent
	index, family int
}

// simReply is the part of any answer that the simulation looks at.
type simReply struct {
	ID, Status      string
	Amount          int64
	AmountCaptured  int64     `json:"amount_captured"`
	AmountRefunded  int64     `json:"amount_refunded"`
	AmountReversed  int64     `json:"amount_reversed"`
	ApplicationFee  *string   `json:"application_fee"`
	Transfer        *string   `json:"transfer"`
	LatestCharge    *simReply `json:"latest_charge"`
	Data            []simReply
	Available       []simAmount
	Pending         []simAmount
	ConnectReserved []simAmount `json:"connect_reserved"`
	Net             int64
	HasMore         bool `json:"has_more"`
	Error           struct{ Type, Code, Message string }
}

type simAmount struct {
	Amount   int64
	Currency string
}

var (
	simCurrencies = []string{"hkd", "jpy", "kwd", "usd"}
	simMinimum    = map[string]int64{"hkd": 400, "jpy": 50, "kwd": 150, "usd": 50}
)

// simFamily is a platform, its accounts and their actors. Its operations
// depend on the seed and the model alone.
type simFamily struct {
	*simModel
	index    int
	key      string
	random   *rand.Rand
	count    int // operations made so far
	charges  []*simCharge
	byHand   []*simTransfer // and legs whose ids are known
	payouts  []*simPayout   // that can still be canceled
	stranger string         // an account of another platform
}

type simPayout struct {
	id, currency string
	amount       int64
	account      *simAccount
}

func (f *simFamily) chance(percent int) bool { return f.random.IntN(100) < percent }

func one[T any](f *simFamily, of []T) T { return of[f.random.IntN(len(of))] }

// connected picks a connected account.
func (f *simFamily) connected() *simAccount { return one(f, f.accounts[1:]) }

// amount is small or large; cards take dinars in steps of ten.
func (f *simFamily) amount(currency string) int64 {
	low := simMinimum[currency]
	n := low + f.random.Int64N([]int64{30, 3000, 100_000, 20_000_000}[f.random.IntN(4)])
	return step(currency, n)
}

func step(currency string, n int64) int64 {
	if currency == "kwd" {
		n -= n % 10
	}
	return n
}

// part is some or all of n, at least one step; rarely too much.
func (f *simFamily) part(currency string, n int64) int64 {
	switch {
	case n <= 20 || f.chance(35):
		return n
	case f.chance(4):
		return n + 10
	}
	return max(step(currency, 1+f.random.Int64N(n)), step(currency, 10))
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// next draws an operation that no other of the burst gets in the way of; nil if there is none.
func (f *simFamily) next(busy map[any]bool) *simOp {
	draw := []struct {
		weight int
		make   func(map[any]bool) *simOp
	}{
		{42, f.newCharge}, {24, f.newRefund}, {8, f.finish}, {7, f.newTied}, {5, f.newFeeRefund}, {5, f.look}, {9, f.wrong},
	}
	n := f.random.IntN(100)
	for _, d := range draw {
		if n -= d.weight; n < 0 {
			return d.make(busy)
		}
	}
	return nil
}

// nextAlone draws an operation that depends on a balance, and so on all before it.
func (f *simFamily) nextAlone() *simOp {
	switch n := f.random.IntN(10); {
	case n < 3:
		return f.newTransfer()
	case n < 6:
		return f.newReversal()
	case n < 9:
		return f.newPayout()
	}
	return f.cancelPayout()
}

func (f *simFamily) newCharge(map[any]bool) *simOp {
	f.count++
	c := &simCharge{owner: f.platform, currency: one(f, simCurrencies), group: fmt.Sprintf("f%d_%d", f.index, f.count)}
	c.authorized = f.amount(c.currency)
	form := url.Values{"amount": {digits(c.authorized)}, "currency": {c.currency}}
	op := &simOp{what: "charge", path: "/v1/charges", form: form, status: 200, repeat: f.chance(6)}
	f.terms(c, op)
	card := one(f, []string{"visa", "visa", "visa", "mastercard", "amex", "hk", "bypassPending"})
	if c.refused = f.chance(10); c.refused {
		card = one(f, []string{"visa_chargeDeclined", "visa_chargeDeclinedInsufficientFunds", "chargeDeclinedExpiredCard"})
	}
	c.settledAtOnce = card == "bypassPending"
	manual, intent := f.chance(18), f.chance(50)
	switch {
	case intent:
		op.path = "/v1/payment_intents"
		form.Set("payment_method", "pm_card_"+card)
		form.Set("confirm", "true")
		form.Set("expand[]", "latest_charge")
		if manual {
			form.Set("capture_method", "manual")
		}
	default:
		form.Set("source", "tok_"+card)
		form.Set("capture", strconv.FormatBool(!manual))
	}
	_, _, valid := c.terms.plan(c.currency, c.authorized, c.authorized)
	switch {
	case !valid:
		op.status = 400
		return op
	case c.refused:
		op.status = 402
		return op
	case manual:
		c.reserved = true
	default:
		f.capture(c, c.authorized)
	}
	f.charges = append(f.charges, c)
	op.then = func(r simReply) error {
		if intent {
			c.intent = r.ID
		}
		return f.learn(c, r)
	}
	return op
}

// terms draws one of the charge types.
func (f *simFamily) terms(c *simCharge, op *simOp) {
	part := func() int64 { return 1 + f.random.Int64N(c.authorized+c.authorized/20) }
	switch n := f.random.IntN(10); {
	case n < 2: // stays with the platform
	case n < 4: // direct
		c.terms.direct, c.owner = true, f.connected()
		op.account = c.owner.id
		if f.chance(70) {
			c.terms.fee = part()
		}
	case n < 7:
		c.terms.destination = f.connected()
		op.form.Set("transfer_data[destination]", c.terms.destination.id)
		switch f.random.IntN(5) {
		case 0, 1, 2:
			c.terms.fee = part()
		case 3:
			c.terms.amount = part()
			op.form.Set("transfer_data[amount]", digits(c.terms.amount))
		}
	default:
		f.shares(c, op)
	}
	if !c.terms.direct {
		op.form.Set("transfer_group", c.group)
	}
	if c.terms.fee > 0 {
		op.form.Set("application_fee_amount", digits(c.terms.fee))
	}
	op.what = fmt.Sprintf("charge %d %s %+v", c.authorized, c.currency, op.form)
}

func (f *simFamily) shares(c *simCharge, op *simOp) {
	n := 1 + f.random.IntN(4)
	rest := f.random.IntN(2 * n) // which one takes the remainder, if any
	for i := range n {
		s, name := simShare{to: f.connected()}, fmt.Sprintf("splits[%d]", i)
		op.form.Set(name+"[destination]", s.to.id)
		switch {
		case i == rest:
			s.remainder = true
			op.form.Set(name+"[remainder]", "true")
		case f.chance(50):
			s.amount = 1 + f.random.Int64N(max(1, c.authorized*9/int64(10*n)))
			op.form.Set(name+"[amount]", digits(s.amount))
		default:
			s.ppm = 1 + f.random.Int64N(1_100_000/int64(n))
			s.ppm = min(s.ppm, 1_000_000)
			op.form.Set(name+"[percent]", fmt.Sprintf("%d.%04d", s.ppm/10_000, s.ppm%10_000))
		}
		if s.bearsFee = f.chance(40); s.bearsFee {
			op.form.Set(name+"[fee_bearer]", "true")
		}
		c.terms.shares = append(c.terms.shares, s)
	}
}

// learn takes the ids out of a charge and compares its figures.
func (f *simFamily) learn(c *simCharge, r simReply) error {
	if r.LatestCharge != nil {
		r = *r.LatestCharge
	}
	c.id = r.ID
	if r.ApplicationFee != nil {
		c.feeID = *r.ApplicationFee
	}
	if r.Transfer != nil && c.legs[0].id == "" {
		c.legs[0].id = *r.Transfer
	}
	if (c.fee > 0) != (c.feeID != "") {
		return fmt.Errorf("application fee %q, the model says %d", c.feeID, c.fee)
	}
	if r.AmountCaptured != c.captured || r.AmountRefunded != c.refunded {
		return fmt.Errorf("captured %d refunded %d, the model says %d and %d", r.AmountCaptured, r.AmountRefunded, c.captured, c.refunded)
	}
	return nil
}

// pick draws a charge that fits and is not busy, and makes it busy.
func (f *simFamily) pick(busy map[any]bool, fits func(*simCharge) bool) *simCharge {
	for range 20 {
		if len(f.charges) == 0 {
			return nil
		}
		if c := one(f, f.charges); c.id != "" && !busy[c] && fits(c) {
			busy[c] = true
			return c
		}
	}
	return nil
}

func (f *simFamily) newRefund(busy map[any]bool) *simOp {
	c := f.pick(busy, func(c *simCharge) bool { return c.refunded < c.captured || f.chance(3) })
	if c == nil {
		return nil
	}
	amount, reverse, withFee := f.part(c.currency, c.captured-c.refunded), f.chance(50), f.chance(50)
	if len(c.legs) == 0 && f.chance(90) {
		reverse = false
	}
	if c.fee == 0 && f.chance(90) {
		withFee = false
	}
	op := &simOp{path: "/v1/refunds", account: c.owner.id, form: url.Values{"charge": {c.id}}, status: 200, repeat: f.chance(6), touches: c}
	if c.intent != "" && f.chance(50) {
		op.form = url.Values{"payment_intent": {c.intent}}
	}
	if amount != c.captured-c.refunded || f.chance(50) {
		op.form.Set("amount", digits(amount))
	}
	op.form.Set("reverse_transfer", strconv.FormatBool(reverse))
	op.form.Set("refund_application_fee", strconv.FormatBool(withFee))
	op.what = fmt.Sprintf("refund %d of %d (%d refunded) %+v", amount, c.captured, c.refunded, op.form)
	if amount == 0 || !f.refund(c, amount, reverse, withFee) {
		op.status = 400
	}
	op.then = func(r simReply) error {
		if r.Amount != amount {
			return fmt.Errorf("refunded %d", r.Amount)
		}
		return nil
	}
	return op
}

// finish captures or releases what was reserved.
func (f *simFamily) finish(busy map[any]bool) *simOp {
	c := f.pick(busy, func(c *simCharge) bool { return c.reserved })
	if c == nil {
		return nil
	}
	op := &simOp{account: c.owner.id, form: url.Values{}, status: 200, repeat: f.chance(6), touches: c}
	if c.intent != "" && f.chance(30) {
		c.reserved, c.void = false, true
		op.path, op.what = "/v1/payment_intents/"+c.intent+"/cancel", "cancel"
		op.form.Set("expand[]", "latest_charge")
		op.then = func(r simReply) error {
			if r.Status != "canceled" {
				return fmt.Errorf("the intent is %s", r.Status)
			}
			return nil
		}
		return op
	}
	op.path = "/v1/charges/" + c.id + "/capture"
	name := "amount"
	if c.intent != "" && f.chance(70) {
		op.path, name = "/v1/payment_intents/"+c.intent+"/capture", "amount_to_capture"
		op.form.Set("expand[]", "latest_charge")
	}
	amount := f.part(c.currency, c.authorized)
	op.form.Set(name, digits(amount))
	op.what = fmt.Sprintf("capture %d of %d %s", amount, c.authorized, c.currency)
	if amount > c.authorized {
		op.status = 400
		return op
	}
	f.capture(c, amount)
	op.then = func(r simReply) error { return f.learn(c, r) }
	return op
}

// newTied makes a transfer that draws on one charge.
func (f *simFamily) newTied(busy map[any]bool) *simOp {
	c := f.pick(busy, func(c *simCharge) bool { return !c.terms.direct && c.captured > 0 && len(c.legs) < 2 })
	if c == nil {
		return nil
	}
	left := c.captured - c.refunded
	for _, t := range append(append([]*simTransfer{}, c.legs...), c.drawn...) {
		left -= t.amount - t.reversed
	}
	if left < 1 && f.chance(80) {
		return nil
	}
	op := f.transferOp(c.currency, max(1, f.part("", max(1, left))), c)
	op.touches = c
	return op
}

func (f *simFamily) newTransfer() *simOp {
	currency := one(f, simCurrencies)
	have := f.available[simPurse{f.platform.id, currency}]
	return f.transferOp(currency, min(f.part("", max(100, have/4)), 90_000_000), nil)
}

func (f *simFamily) transferOp(currency string, amount int64, source *simCharge) *simOp {
	t := &simTransfer{to: f.connected(), currency: currency, amount: amount}
	op := &simOp{path: "/v1/transfers", status: 200, repeat: f.chance(6), form: url.Values{
		"amount": {digits(amount)}, "currency": {currency}, "destination": {t.to.id},
	}}
	if source != nil {
		op.form.Set("source_transaction", source.id)
	}
	op.what = fmt.Sprintf("transfer %+v", op.form)
	if !f.transfer(t, source) {
		op.status = 400
		return op
	}
	f.byHand = append(f.byHand, t)
	op.then = func(r simReply) error { t.id = r.ID; return nil }
	return op
}

func (f *simFamily) newReversal() *simOp {
	if len(f.byHand) == 0 {
		return nil
	}
	t := one(f, f.byHand)
	if t.id == "" || t.reversed == t.amount && f.chance(90) {
		return nil
	}
	amount, withFee := f.part("", t.amount-t.reversed), f.chance(40)
	if amount == 0 {
		return nil
	}
	op := &simOp{path: "/v1/transfers/" + t.id + "/reversals", status: 200, repeat: f.chance(6), form: url.Values{
		"amount": {digits(amount)}, "refund_application_fee": {strconv.FormatBool(withFee)},
	}}
	op.what = fmt.Sprintf("reverse %d of %d (%d reversed) on %s", amount, t.amount, t.reversed, t.to.id)
	if !f.reverse(t, amount, withFee) {
		op.status = 400
	}
	return op
}

func (f *simFamily) newFeeRefund(busy map[any]bool) *simOp {
	c := f.pick(busy, func(c *simCharge) bool { return c.feeID != "" && c.feeBack < c.fee })
	if c == nil {
		return nil
	}
	left := c.fee - c.feeBack
	amount := f.part("", left)
	op := &simOp{path: "/v1/application_fees/" + c.feeID + "/refunds", status: 200, repeat: f.chance(6), touches: c,
		what: fmt.Sprintf("refund %d of fee %d (%d refunded)", amount, c.fee, c.feeBack), form: url.Values{"amount": {digits(amount)}}}
	if amount > left {
		op.status = 400
		return op
	}
	f.returnFee(c, amount)
	return op
}

// look reads a charge, or the transfers of a split, and compares.
func (f *simFamily) look(busy map[any]bool) *simOp {
	c := f.pick(busy, func(c *simCharge) bool { return c.captured > 0 })
	if c == nil {
		return nil
	}
	if len(c.legs) == 0 || f.chance(30) {
		return &simOp{what: "read charge", method: "GET", path: "/v1/charges/" + c.id, account: c.owner.id, status: 200, touches: c,
			then: func(r simReply) error { return f.learn(c, r) }}
	}
	f.byHand = append(f.byHand, c.legs...)
	return &simOp{what: "read transfers", method: "GET", path: "/v1/transfers?limit=100&transfer_group=" + c.group, status: 200, touches: c,
		then: func(r simReply) error { return learnLegs(c, r.Data) }}
}

// learnLegs takes the transfers of a charge, newest first; those tied to it by hand came last.
func learnLegs(c *simCharge, found []simReply) error {
	if len(found) != len(c.legs)+len(c.drawn) {
		return fmt.Errorf("%d transfers, the model says %d and %d", len(found), len(c.legs), len(c.drawn))
	}
	for i, leg := range c.legs {
		r := found[len(found)-1-i]
		if leg.id = r.ID; r.Amount != leg.amount || r.AmountReversed != leg.reversed {
			return fmt.Errorf("leg %d: %d, %d reversed; the model says %d, %d", i, r.Amount, r.AmountReversed, leg.amount, leg.reversed)
		}
	}
	return nil
}

func (f *simFamily) newPayout() *simOp {
	a, currency := one(f, f.accounts), one(f, simCurrencies)
	if works, known := a.manual[currency]; known && !works {
		return nil // it breaks when it is first used, by hand or by the schedule
	}
	purse := simPurse{a.id, currency}
	amount := f.part("", max(50, f.available[purse]/2))
	op := &simOp{path: "/v1/payouts", account: a.id, status: 200, repeat: f.chance(6), form: url.Values{"amount": {digits(amount)}, "currency": {currency}}}
	op.what = fmt.Sprintf("payout %d %s of %d", amount, currency, f.available[purse])
	if !a.manual[currency] || f.available[purse] < amount {
		op.status = 400
		return op
	}
	f.available[purse] -= amount
	p := &simPayout{currency: currency, amount: amount, account: a}
	f.payouts = append(f.payouts, p)
	op.then = func(r simReply) error { p.id = r.ID; return nil }
	return op
}

func (f *simFamily) cancelPayout() *simOp {
	if len(f.payouts) == 0 {
		return nil
	}
	p := f.payouts[len(f.payouts)-1]
	f.payouts = f.payouts[:len(f.payouts)-1]
	f.available[simPurse{p.account.id, p.currency}] += p.amount
	return &simOp{what: "cancel payout", path: "/v1/payouts/" + p.id + "/cancel", account: p.account.id, form: url.Values{}, status: 200}
}

// wrong asks for what can never be; nothing may change.
func (f *simFamily) wrong(map[any]bool) *simOp {
	c := one(f, []struct {
		path   string
		form   url.Values
		status int
	}{
		{"/v1/charges", url.Values{"amount": {"-5"}, "currency": {"hkd"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5.5"}, "currency": {"hkd"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"1"}, "currency": {"usd"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"100000000"}, "currency": {"usd"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"99999999999999999999"}, "currency": {"usd"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5005"}, "currency": {"kwd"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5000"}, "currency": {"xxx"}, "source": {"tok_visa"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5000"}, "currency": {"usd"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5000"}, "currency": {"usd"}, "source": {"tok_visa"}, "colour": {"red"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5000"}, "currency": {"usd"}, "source": {"tok_visa"}, "application_fee_amount": {"10"}}, 400},
		{"/v1/charges", url.Values{"amount": {"5000"}, "currency": {"usd"}, "source": {"tok_visa"}, "transfer_data[destination]": {f.stranger}}, 400},
		{"/v1/payment_intents", url.Values{"amount": {"5000"}, "currency": {"usd"}, "payment_method": {"pm_card_visa"}, "confirm": {"true"},
			"splits[0][destination]": {f.accounts[1].id}, "splits[0][percent]": {"101"}}, 400},
		{"/v1/payment_intents", url.Values{"amount": {"5000"}, "currency": {"usd"}, "payment_method": {"pm_nosuch"}, "confirm": {"true"}}, 400},
		{"/v1/refunds", url.Values{"charge": {"ch_nosuch"}}, 404},
		{"/v1/refunds", url.Values{"amount": {"5"}}, 400},
		{"/v1/transfers", url.Values{"amount": {"100"}, "currency": {"usd"}, "destination": {f.stranger}}, 400},
		{"/v1/transfers", url.Values{"amount": {"0"}, "currency": {"usd"}, "destination": {f.accounts[1].id}}, 400},
		{"/v1/transfers", url.Values{"amount": {"900000000000000"}, "currency": {"usd"}, "destination": {f.accounts[1].id}}, 400},
		{"/v1/payouts", url.Values{"amount": {"900000000000000"}, "currency": {"usd"}}, 400},
		{"/v1/nosuch", url.Values{}, 404},
	})
	return &simOp{what: fmt.Sprintf("wrong %+v", c.form), path: c.path, form: c.form, status: c.status}
}

package main

import "math/big"

// The model of the simulation: what the documentation promises about balances,
// in plain maps, sharing no line with the product. All rounding is its own.

// simPurse is an account's money in one currency.
type simPurse struct{ account, currency string }

// simModel is one platform with its connected accounts.
type simModel struct {
	platform  *simAccount
	accounts  []*simAccount // the platform first
	today     int64         // UTC days since 1970
	available map[simPurse]int64
	pending   map[simPurse]map[int64]int64 // by the day on which it matures
	reserved  map[string]int64             // by currency
	clearing  map[string]int64             // what the processor has taken and not given back
}

type simAccount struct {
	id           string
	platformPays bool            // the processing fee of its direct charges
	delay        int64           // days until the money of its charges is available
	daily        map[string]bool // currencies paid out automatically, to a bank that pays
	manual       map[string]bool // currencies that can be paid out by hand
}

type simCharge struct {
	id, intent, group                      string
	owner                                  *simAccount
	currency                               string
	authorized, captured, refunded         int64
	settledAtOnce, reserved, void, refused bool
	day                                    int64 // 0: available at once
	terms                                  simTerms
	legs, drawn                            []*simTransfer // made with the charge; tied to it by hand
	fee, feeBack                           int64          // the application fee
	feeID                                  string
}

// simTerms is how a charge is split; at most one of fee with destination, amount and shares applies.
type simTerms struct {
	direct      bool
	fee         int64
	destination *simAccount
	amount      int64 // of transfer_data, or 0 for all
	shares      []simShare
}

type simShare struct {
	to        *simAccount
	amount    int64
	ppm       int64 // percent in parts per million
	remainder bool
	bearsFee  bool
}

type simTransfer struct {
	id               string
	to               *simAccount
	currency         string
	amount, reversed int64
	day              int64
	charge           *simCharge // whose fee comes back with it, or nil
}

func newSimModel(today int64) *simModel {
	return &simModel{
		today: today, available: map[simPurse]int64{}, pending: map[simPurse]map[int64]int64{},
		reserved: map[string]int64{}, clearing: map[string]int64{},
	}
}

// credit books money that matures on a day; a day that has come is available.
func (m *simModel) credit(a *simAccount, currency string, day, amount int64) {
	p := simPurse{a.id, currency}
	if day <= m.today {
		m.available[p] += amount
		return
	}
	if m.pending[p] == nil {
		m.pending[p] = map[int64]int64{}
	}
	m.pending[p][day] += amount
}

func (m *simModel) pendingOf(p simPurse) (sum int64) {
	for _, amount := range m.pending[p] {
		sum += amount
	}
	return sum
}

// covers reports whether an account can give an amount where money of that day lies.
func (m *simModel) covers(a *simAccount, currency string, day, amount int64) bool {
	p := simPurse{a.id, currency}
	if day <= m.today {
		return m.available[p] >= amount
	}
	return m.pendingOf(p) >= amount
}

// floorDiv is a × b / c and its remainder.
func floorDiv(a, b, c int64) (quotient, remainder int64) {
	q, r := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), big.NewInt(c), new(big.Int))
	return q.Int64(), r.Int64()
}

// cut parts a total by weights: everybody's floor, then one more unit for the
// largest remainders, the earlier first.
func cut(total int64, weights []int64) []int64 {
	var sum int64
	for _, w := range weights {
		sum += w
	}
	parts, rests, left := make([]int64, len(weights)), make([]int64, len(weights)), total
	for i, w := range weights {
		parts[i], rests[i] = floorDiv(total, w, sum)
		left -= parts[i]
	}
	for ; left > 0; left-- {
		best := 0
		for i := range rests {
			if rests[i] > rests[best] {
				best = i
			}
		}
		parts[best]++
		rests[best] = -1
	}
	return parts
}

// processingFee is 3.4 % rounded half to even and a fixed part, at most all of it.
func processingFee(currency string, amount int64) int64 {
	q, r := floorDiv(amount, 34, 1000)
	if r > 500 || r == 500 && q%2 == 1 {
		q++
	}
	return min(amount, q+map[string]int64{"hkd": 235, "jpy": 30, "kwd": 90, "usd": 30}[currency])
}

// plan is the legs of a charge of which a part was captured, and its
// application fee; ok is false for terms that must be refused.
func (t simTerms) plan(currency string, authorized, captured int64) (legs []*simTransfer, fee int64, ok bool) {
	if t.fee > authorized || t.amount > authorized {
		return nil, 0, false
	}
	if t.destination != nil {
		amount := captured
		if t.amount > 0 {
			amount = min(t.amount, captured)
		}
		legs = []*simTransfer{{to: t.destination, currency: currency, amount: amount}}
	}
	if len(t.shares) > 0 {
		if legs, ok = sharesOf(t.shares, currency, authorized, captured); !ok {
			return nil, 0, false
		}
	}
	return legs, min(t.fee, captured), true
}

func sharesOf(shares []simShare, currency string, authorized, captured int64) (legs []*simTransfer, ok bool) {
	gross, weights := make([]int64, len(shares)+1), make([]int64, len(shares)+1)
	left, unclaimed, rest := authorized, int64(1_000_000), len(shares)
	for i, s := range shares {
		gross[i], weights[i] = s.amount, s.ppm
		left -= s.amount
		unclaimed -= s.ppm
		if s.remainder {
			rest = i
		}
	}
	if left < 0 || unclaimed < 0 {
		return nil, false
	}
	weights[len(shares)] = unclaimed
	for i, part := range cut(authorized, weights)[:len(shares)] {
		gross[i] += part
		left -= part
	}
	if left < 0 {
		return nil, false
	}
	gross[rest] += left
	gross = cut(captured, gross)
	fees := cut(processingFee(currency, captured), gross)
	for i, s := range shares {
		if s.bearsFee {
			gross[i] -= min(gross[i], fees[i])
		}
		if gross[i] > 0 {
			legs = append(legs, &simTransfer{to: s.to, currency: currency, amount: gross[i]})
		}
	}
	return legs, true
}

// capture books a charge of which an amount was taken.
func (m *simModel) capture(c *simCharge, amount int64) {
	c.reserved, c.captured = false, amount
	c.legs, c.fee, _ = c.terms.plan(c.currency, c.authorized, amount)
	if !c.settledAtOnce {
		c.day = m.today + c.owner.delay
	}
	processing := processingFee(c.currency, amount)
	m.clearing[c.currency] += amount
	m.credit(c.owner, c.currency, c.day, amount)
	if c.terms.direct && c.owner.platformPays {
		m.credit(m.platform, c.currency, c.day, -processing)
	} else {
		m.credit(c.owner, c.currency, c.day, -processing)
	}
	for _, leg := range c.legs {
		leg.day = c.day
		if c.terms.destination != nil && c.fee > 0 {
			leg.charge = c
		}
		m.credit(m.platform, c.currency, c.day, -leg.amount)
		m.credit(leg.to, c.currency, c.day, leg.amount)
	}
	m.credit(c.feePayer(), c.currency, c.day, -c.fee)
	m.credit(m.platform, c.currency, c.day, c.fee)
}

// feePayer paid the application fee and gets it back.
func (c *simCharge) feePayer() *simAccount {
	if c.terms.destination != nil {
		return c.terms.destination
	}
	return c.owner
}

// share of a part that a refund brings back: what is due after it less what was
// due before, but never more than is left.
func backOf(part, returned, whole, before, refund int64) int64 {
	after, _ := floorDiv(part, before+refund, whole)
	earlier, _ := floorDiv(part, before, whole)
	return max(0, min(after-earlier, part-returned))
}

// refund gives money back to the payer; false if it must be refused.
func (m *simModel) refund(c *simCharge, amount int64, reverse, withFee bool) bool {
	if c.captured == 0 || amount > c.captured-c.refunded || reverse && len(c.legs) == 0 || withFee && c.fee == 0 {
		return false
	}
	m.clearing[c.currency] -= amount
	m.credit(c.owner, c.currency, c.day, -amount)
	for _, leg := range c.legs {
		if reverse {
			back := backOf(leg.amount, leg.reversed, c.captured, c.refunded, amount)
			leg.reversed += back
			m.credit(leg.to, c.currency, c.day, -back)
			m.credit(m.platform, c.currency, c.day, back)
		}
	}
	if withFee {
		m.returnFee(c, backOf(c.fee, c.feeBack, c.captured, c.refunded, amount))
	}
	c.refunded += amount
	return true
}

func (m *simModel) returnFee(c *simCharge, amount int64) {
	c.feeBack += amount
	m.credit(m.platform, c.currency, c.day, -amount)
	m.credit(c.feePayer(), c.currency, c.day, amount)
}

// transfer moves money to a connected account: from the available balance, or
// out of one charge, whose transfers together never exceed what is left of it.
func (m *simModel) transfer(t *simTransfer, source *simCharge) bool {
	if source == nil && !m.covers(m.platform, t.currency, 0, t.amount) {
		return false
	}
	if source != nil {
		left := source.captured - source.refunded
		for _, other := range append(append([]*simTransfer{}, source.legs...), source.drawn...) {
			left -= other.amount - other.reversed
		}
		if t.amount > left {
			return false
		}
		source.drawn, t.day = append(source.drawn, t), source.day
	}
	m.credit(m.platform, t.currency, t.day, -t.amount)
	m.credit(t.to, t.currency, t.day, t.amount)
	return true
}

// reverse takes a transfer back; the receiver must have the money.
func (m *simModel) reverse(t *simTransfer, amount int64, withFee bool) bool {
	var fee int64
	if withFee && t.charge == nil || amount > t.amount-t.reversed {
		return false
	}
	if withFee {
		fee = backOf(t.charge.fee, t.charge.feeBack, t.amount, t.reversed, amount)
	}
	if !m.covers(t.to, t.currency, t.day, amount-fee) {
		return false
	}
	t.reversed += amount
	m.credit(t.to, t.currency, t.day, -amount)
	m.credit(m.platform, t.currency, t.day, amount)
	if fee > 0 {
		m.returnFee(t.charge, fee)
	}
	return true
}

// midnight opens the next day: money matures, platforms set aside what their
// accounts owe, and everything available is paid out automatically.
func (m *simModel) midnight(currencies []string) {
	m.today++
	for p, days := range m.pending {
		for day, amount := range days {
			if day <= m.today {
				m.available[p] += amount
				delete(days, day)
			}
		}
	}
	for _, currency := range currencies {
		var owed int64
		for _, a := range m.accounts[1:] {
			owed += max(0, -m.available[simPurse{a.id, currency}])
		}
		m.available[simPurse{m.platform.id, currency}] -= owed - m.reserved[currency]
		m.reserved[currency] = owed
		for _, a := range m.accounts {
			if p := (simPurse{a.id, currency}); a.daily[currency] && m.available[p] > 0 {
				m.available[p] = 0
			}
		}
	}
}

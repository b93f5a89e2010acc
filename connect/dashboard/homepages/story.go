package homepages

import (
	"html/template"
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/chart"
	"github.com/sluicepay/sluice/platform/wire"
)

// story is what became of a payment, and what is still to come: authorised, captured,
// moved on, available, paid out.
func (p *paymentView) story(r *http.Request, v *dashboard.Visit) (chart.Timeline, error) {
	c := p.Charge
	t := chart.Timeline{Label: string(v.Text("story.label"))}
	add := func(key, state string, at int64, note template.HTML) {
		t.Events = append(t.Events, chart.Event{Label: string(v.Text("story." + key)), At: v.When(at), Note: note, State: state, Said: string(v.Text("story.state." + stateWord(state)))})
	}
	switch c.Status {
	case "failed":
		add("failed", "failed", c.Created, escaped(text(c.FailureMessage)))
		return t, nil
	case "pending":
		add("asked", "now", c.Created, escaped(string(v.Text("story.asked.note"))))
		return t, nil
	}
	add("authorised", "done", c.Created, escaped(c.method()))
	if p.State == "canceled" {
		add("canceled", "failed", 0, "")
		return t, nil
	}
	if !c.Captured {
		add("captured", "now", 0, escaped(string(v.Text("story.capture.note"))))
		return t, nil
	}
	add("captured", "done", p.capturedAt(), v.Amount(c.AmountCaptured, c.Currency))
	if len(p.Transfers) > 0 {
		add("transferred", "done", p.Transfers[0].Created, p.receivers(v))
	}
	for _, refund := range p.Refunds {
		state := map[string]string{"succeeded": "done", "pending": "now"}[refund.Status]
		if state == "" {
			state = "failed"
		}
		add("refunded", state, refund.Created, v.Amount(refund.Amount, refund.Currency)+" "+v.Link(refund.ID))
	}
	if line := c.BalanceTransaction; line != nil {
		state := "now"
		if line.Status == "available" {
			state = "done"
		}
		t.Events = append(t.Events, chart.Event{Label: string(v.Text("story.available")), At: v.Day(line.AvailableOn), State: state,
			Said: string(v.Text("story.state." + stateWord(state)))})
	}
	paid, err := p.payouts(r, v)
	if err != nil {
		return t, err
	}
	switch {
	case paid != "":
		add("paid_out", "done", 0, paid)
	case len(p.Transfers) > 0:
		add("paid_out", "", 0, escaped(string(v.Text("story.paid_out.note"))))
	}
	return t, nil
}

func stateWord(state string) string {
	if state == "" {
		return "ahead"
	}
	return state
}

func escaped(s string) template.HTML { return template.HTML(template.HTMLEscapeString(s)) }

// capturedAt is when the money was booked.
func (p *paymentView) capturedAt() int64 {
	for _, e := range p.Entries {
		if e.Kind == "charge_succeeded" {
			return e.Created
		}
	}
	return p.Charge.Created
}

func (p *paymentView) receivers(v *dashboard.Visit) (all template.HTML) {
	for i, t := range p.Transfers {
		if i > 0 {
			all += "<br>"
		}
		all += account(v, p.Names, t.Destination.ID) + " " + v.Amount(t.Amount-feeOn(p.Charge, t), t.Currency)
	}
	return all
}

// feeOn is the application fee that was taken out of a transfer on its arrival.
func feeOn(c charge, t wire.Transfer) int64 {
	if c.TransferData == nil || c.ApplicationFeeAmount == nil || t.Destination.ID != c.TransferData.Destination.ID {
		return 0
	}
	return min(*c.ApplicationFeeAmount, t.Amount)
}

// payouts are those in which the receivers' parts went to their banks.
func (p *paymentView) payouts(r *http.Request, v *dashboard.Visit) (all template.HTML, err error) {
	if !v.May("balance_transactions:read") {
		return "", nil
	}
	for _, t := range p.Transfers {
		if t.DestinationPayment.ID == "" {
			continue
		}
		var lines struct{ Data []line }
		err := v.For(t.Destination.ID).Get(r.Context(), "/v1/balance_transactions", url.Values{"source": {t.DestinationPayment.ID}}, &lines)
		if refused(err) != nil {
			continue // an account that has left the platform
		}
		if err != nil {
			return "", err
		}
		for _, l := range lines.Data {
			if l.Payout.ID == "" {
				continue
			}
			if all != "" {
				all += "<br>"
			}
			all += account(v, p.Names, t.Destination.ID) + " " + v.Link(l.Payout.ID)
		}
	}
	return all, nil
}

// term is one line of an equation; a sum closes it.
type term struct {
	Label  any // a key, or ui.Text
	Amount int64
	Sum    bool
}

// equation is what stayed with the platform, from its own postings: it closes because
// the ledger does.
func (p *paymentView) equation(v *dashboard.Visit) []term {
	if p.Charge.AmountCaptured == 0 || len(p.Legs) == 0 {
		return nil
	}
	terms := []term{{Label: "equation.charge", Amount: p.Charge.AmountCaptured}}
	totals, order := map[string]int64{}, []string{}
	for _, e := range p.Entries {
		for _, posting := range e.Postings {
			who := posting.Owner
			switch posting.Account {
			case "processor_clearing":
				if e.Kind == "charge_succeeded" {
					continue
				}
				who = toPayer
			case "processor_fees":
				who = processor
			}
			if _, known := totals[who]; !known {
				order = append(order, who)
			}
			totals[who] += posting.Credit - posting.Debit
		}
	}
	for _, who := range order {
		if who != v.Chair.Account && totals[who] != 0 {
			terms = append(terms, term{Label: ui.Text(p.name(v, who)), Amount: -totals[who]})
		}
	}
	return append(terms, term{Label: "equation.net", Amount: totals[v.Chair.Account], Sum: true})
}

// formula is a fee and how it came about.
type formula struct {
	Label  any
	Text   any
	Amount int64
}

func (p *paymentView) formulas(v *dashboard.Visit) []formula {
	c := p.Charge
	if c.AmountCaptured == 0 {
		return nil
	}
	var all []formula
	if n := c.ApplicationFeeAmount; n != nil && *n > 0 {
		all = append(all, formula{"formula.application_fee", v.Text("formula.application_fee.how", "fee", shown(*n, c.Currency), "share", percentage(*n, c.Amount)), min(*n, c.AmountCaptured)})
	}
	for i, split := range c.Splits {
		var amount int64
		if i < len(p.Transfers) {
			amount = transferTo(p.Transfers, split.Destination)
		}
		how := v.Text("formula.remainder.how")
		switch {
		case split.Percent != nil:
			how = v.Text("formula.percent.how", "percent", *split.Percent, "amount", shown(c.AmountCaptured, c.Currency))
		case split.Amount != nil:
			how = v.Text("formula.fixed.how", "amount", shown(*split.Amount, c.Currency))
		}
		if split.FeeBearer {
			how = v.Text("formula.bearer.how", "part", string(how))
		}
		all = append(all, formula{ui.Text(p.Called(split.Destination)), how, amount})
	}
	if d := c.TransferData; d != nil && d.Amount != nil {
		all = append(all, formula{ui.Text(p.Called(d.Destination.ID)), v.Text("formula.fixed.how", "amount", shown(*d.Amount, c.Currency)), min(*d.Amount, c.AmountCaptured)})
	}
	if fee := c.processingFee(); fee > 0 {
		all = append(all, formula{"formula.processing_fee", v.Text("formula.processing_fee.how", "share", percentage(fee, c.AmountCaptured)), fee})
	}
	return all
}

func transferTo(transfers []wire.Transfer, account string) (sum int64) {
	for _, t := range transfers {
		if t.Destination.ID == account {
			sum += t.Amount
		}
	}
	return sum
}

// percentage is part of whole in hundredths of a percent, rounded to the nearest.
func percentage(part, whole int64) string {
	if whole <= 0 || part < 0 || part > whole {
		return "–"
	}
	hundredths := (part*10000 + whole/2) / whole // both are amounts: far below a ten-thousandth of int64
	return decimal(hundredths, "usd") + " %"
}

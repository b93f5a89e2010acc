package homepages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/chart"
	"github.com/sluicepay/sluice/platform/wire"
)

// paymentView is all that the page of one payment shows.
type paymentView struct {
	Charge    charge
	State     string
	Refunds   []wire.Refund
	Transfers []wire.Transfer // of its split and by hand
	Names     map[string]string
	Entries   []wire.LedgerEntry
	Events    []wire.Event
	Legs      []leg

	Tabs     []ui.Link
	Tab      string
	JSON     string // address
	Curl     string
	Flow     chart.Flow
	LegRows  []legRow
	Story    chart.Timeline
	Equation []term
	Formula  []formula

	Refundable, Capturable, Cancelable bool
	RefundAt, CaptureAt, CancelAt      string // addresses of what may be done
	ReceiptAt                          string // "" without a receipt
}

// legRow is a leg in the table beside the picture.
type legRow struct {
	From, To string
	Amount   int64
	Href     string
}

var paymentTabs = []dashboard.Tab{
	{Name: "overview", Key: "payment.overview"}, {Name: "ledger", Key: "payment.ledger"}, {Name: "events", Key: "payment.events"},
	{Name: "metadata", Key: "payment.metadata"},
}

func (s *section) payment(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	if strings.HasPrefix(id, "pi_") {
		return s.intent(w, r, v, id)
	}
	c, err := s.charge(r, v, id)
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, c.Path, c.Raw); done {
		return err
	}
	p, err := s.look(r, v, c)
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "payment", ui.View{Title: "payment.title", Back: &ui.Link{Href: v.Path("payments"), Key: "payments.title"}, Data: p})
}

func (s *section) charge(r *http.Request, v *dashboard.Visit, id string) (dashboard.Object[charge], error) {
	c, err := fetch[charge](r, v, "/v1/charges/"+url.PathEscape(id), url.Values{"expand[]": {"balance_transaction"}})
	return c, err
}

// intent leads on to the intent's newest charge. Without one there is nothing to see
// of money yet: the page shows what the API says.
func (s *section) intent(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, id string) error {
	intent, err := fetch[struct {
		LatestCharge wire.Ref `json:"latest_charge"`
	}](r, v, "/v1/payment_intents/"+url.PathEscape(id), nil)
	if err != nil {
		return err
	}
	if intent.Value.LatestCharge.ID == "" {
		v.Query.Set("view", "json")
		_, err := s.pages.AsJSON(w, r, v, intent.Path, intent.Raw)
		return err
	}
	return v.Go(w, r, v.Path("payments", intent.Value.LatestCharge.ID), "")
}

// look gathers what belongs to a charge.
func (s *section) look(r *http.Request, v *dashboard.Visit, o dashboard.Object[charge]) (*paymentView, error) {
	c := o.Value
	p := &paymentView{Charge: c, State: c.state(), JSON: v.Here("view", "json", "tab", ""), Curl: v.Curl(o.Path)}
	p.Tabs, p.Tab = v.Tabs(paymentTabs...)
	if err := p.gather(r, v); err != nil {
		return nil, err
	}
	p.Legs = legs(p.Entries)
	if p.Tab == "overview" {
		p.Flow = p.picture(v)
		for _, l := range p.Legs {
			p.LegRows = append(p.LegRows, legRow{p.name(v, l.From), p.name(v, l.To), l.Amount, p.posting(v, l.Posting)})
		}
		var err error
		if p.Story, err = p.story(r, v); err != nil {
			return nil, err
		}
		p.Equation, p.Formula = p.equation(v), p.formulas(v)
	}
	to := func(what string) string { return withAccount(v, v.Path("payments", c.ID, what)) }
	p.RefundAt, p.CaptureAt, p.CancelAt = to("refund"), to("capture"), to("cancel")
	if c.ReceiptURL != nil && v.May("charges:write") {
		p.ReceiptAt = to("receipt")
	}
	p.Refundable = p.Charge.refundable() > 0 && v.May("refunds:write")
	p.Capturable = p.State == "uncaptured" && v.May("charges:write")
	p.Cancelable = p.State == "uncaptured" && c.PaymentIntent.ID != "" && v.May("payment_intents:write")
	return p, nil
}

// gather asks for refunds, transfers, entries and events; what the person's role may
// not see stays empty.
func (p *paymentView) gather(r *http.Request, v *dashboard.Visit) (err error) {
	c := p.Charge
	own := api(v)
	if v.May("refunds:read") {
		if p.Refunds, err = all[wire.Refund](r, own, "/v1/refunds", url.Values{"charge": {c.ID}}); err != nil {
			return err
		}
	}
	if v.May("transfers:read") {
		if p.Transfers, err = all[wire.Transfer](r, v.API, "/v1/transfers", url.Values{"source_transactions[]": {c.ID}}); err != nil {
			return err
		}
		slices.Reverse(p.Transfers)
	}
	p.Charge.transfers = p.Transfers
	destinations := []string{v.Query.Get("account")}
	sources := []string{c.ID}
	objects := []string{c.ID, c.PaymentIntent.ID}
	for _, t := range p.Transfers {
		destinations, objects = append(destinations, t.Destination.ID), append(objects, t.ID)
		sources = append(sources, t.ID)
		for _, back := range t.Reversals.Data {
			sources = append(sources, back.ID)
		}
	}
	for _, refund := range p.Refunds {
		sources, objects = append(sources, refund.ID), append(objects, refund.ID)
	}
	p.Names = names(r, v, destinations...)
	if v.May("ledger:read") {
		if err := p.gatherEntries(r, v, sources); err != nil {
			return err
		}
	}
	if p.Tab == "events" && v.May("events:read") {
		objects = append(objects, c.ApplicationFee.ID)
		p.Events, err = all[wire.Event](r, own, "/v1/events", url.Values{"object_ids[]": given(objects)})
	}
	return err
}

func (p *paymentView) gatherEntries(r *http.Request, v *dashboard.Visit, sources []string) error {
	for _, source := range given(sources) {
		found, err := all[wire.LedgerEntry](r, v.API, "/v1/ledger/entries", url.Values{"source": {source}})
		if err != nil {
			return err
		}
		for _, e := range found {
			if !slices.ContainsFunc(p.Entries, func(x wire.LedgerEntry) bool { return x.ID == e.ID }) {
				p.Entries = append(p.Entries, e)
			}
		}
	}
	slices.SortStableFunc(p.Entries, func(a, b wire.LedgerEntry) int { return int(a.Created - b.Created) })
	return nil
}

// given leaves out ids that are not there, and repeats; at most a hundred.
func given(ids []string) []string {
	var out []string
	for _, id := range ids {
		if id != "" && !slices.Contains(out, id) && len(out) < 100 {
			out = append(out, id)
		}
	}
	return out
}

// Balanced reports whether both sides of an entry are equal in each currency.
func (p *paymentView) Balanced(e wire.LedgerEntry) bool {
	sums := map[string]int64{}
	for _, posting := range e.Postings {
		sums[posting.Currency] += posting.Debit - posting.Credit
	}
	for _, sum := range sums {
		if sum != 0 {
			return false
		}
	}
	return true
}

// PostingID is the anchor of a posting.
func (p *paymentView) PostingID(e wire.LedgerEntry, i int) string { return postingID(e.ID, i) }

// Owner is the name of a posting's owner, "" if there is none.
func (p *paymentView) Owner(v *dashboard.Visit, account string) string {
	return owner(v, p.Names, account)
}

func owner(v *dashboard.Visit, names map[string]string, account string) string {
	if account == v.Chair.Account {
		return string(v.Text("flow.platform"))
	}
	return names[account]
}

// Called is the name of an account.
func (p *paymentView) Called(account string) string { return called(p.Names, account) }

// Failure is why the payment failed, "" if it did not.
func (p *paymentView) Failure() string { return text(p.Charge.FailureMessage) }

// Reason is the key of a refund's reason, "" if none was given.
func (p *paymentView) Reason(r wire.Refund) string {
	if i := slices.IndexFunc(refundReasons, func(o ui.Option) bool { return o.Value == text(r.Reason) }); i >= 0 {
		return refundReasons[i].Key
	}
	return ""
}

// Method is the instrument.
func (p *paymentView) Method() string { return p.Charge.method() }

// refundOf leads from a refund to its payment.
func (s *section) refundOf(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	refund, err := fetch[wire.Refund](r, v, "/v1/refunds/"+url.PathEscape(r.PathValue("id")), nil)
	if err != nil {
		return err
	}
	return v.Go(w, r, withAccount(v, v.Path("payments", refund.Value.Charge.ID))+"#"+refund.Value.ID, "")
}

// feeOf leads from an application fee to its payment.
func (s *section) feeOf(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	fee, err := fetch[wire.ApplicationFee](r, v, "/v1/application_fees/"+url.PathEscape(r.PathValue("id")), nil)
	if err != nil {
		return err
	}
	to := v.Path("payments", fee.Value.Charge.ID) + "?" + url.Values{"account": {fee.Value.Account.ID}}.Encode()
	if origin := fee.Value.OriginatingTransaction.ID; origin != "" {
		to = v.Path("payments", origin)
	}
	return v.Go(w, r, to, "")
}

// customerOf is a customer's payments.
func (s *section) customerOf(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return v.Go(w, r, v.Path("payments")+"?"+url.Values{"customer": {r.PathValue("id")}}.Encode(), "")
}

// withAccount keeps whose object a page is about.
func withAccount(v *dashboard.Visit, address string) string {
	if account := v.Query.Get("account"); account != "" {
		return address + "?" + url.Values{"account": {account}}.Encode()
	}
	return address
}

// refused is the API's refusal of what a form asked for, or nil for other errors.
func refused(err error) *client.Error {
	e := (*client.Error)(nil)
	if errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusUnauthorized && e.Status != http.StatusForbidden && e.Status != http.StatusNotFound {
		return e
	}
	return nil
}

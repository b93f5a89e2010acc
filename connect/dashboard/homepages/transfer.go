package homepages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var transfers = dashboard.List[wire.Transfer]{
	Name: "transfers", Path: "/v1/transfers", Totals: "/v1/transfers/totals", Dates: true,
	Filters: []dashboard.Filter{
		{Name: "destination", Label: "transfers.destination"},
		{Name: "transfer_group", Label: "transfers.group"},
	},
	Columns: []dashboard.Column[wire.Transfer]{
		{Key: "transfers.amount", Number: true, Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Amount(t.Amount, t.Currency) }},
		{Key: "transfers.status", Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Status(transferState(t)) }},
		{Key: "transfers.destination", Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Link(t.Destination.ID) }},
		{Key: "transfers.source", Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Link(t.SourceTransaction.ID) }},
		{Key: "transfers.reversed", Number: true, Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Amount(t.AmountReversed, t.Currency) }},
		{Key: "transfers.hold", Number: true, Extra: true, Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Amount(t.AmountOnHold, t.Currency) }},
		{Key: "transfers.group", Extra: true, Cell: func(_ *dashboard.Visit, t wire.Transfer) any { return text(t.TransferGroup) }},
		{Key: "transfers.created", Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.When(t.Created) }},
		{Key: "transfers.id", Extra: true, Cell: func(v *dashboard.Visit, t wire.Transfer) any { return v.Link(t.ID) }},
	},
	Href: func(v *dashboard.Visit, t wire.Transfer) string { return v.Path("transfers", t.ID) },
	Empty: dashboard.Empty{Icon: "arrow-left-right", Title: "transfers.none", Body: "transfers.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" https://…/v1/transfers -d amount=5000 -d currency=hkd -d destination=acct_…`},
}

func transferState(t wire.Transfer) string {
	switch {
	case t.Reversed:
		return "reversed"
	case t.AmountReversed > 0:
		return "partially_reversed"
	case t.OnHold:
		return "on_hold"
	}
	return "transferred"
}

func (s *section) transfers(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return transfers.Serve(w, r, v, func(t *dashboard.Table) error {
		return s.pages.Render(w, r, v, "transfers", ui.View{Title: "transfers.title", Data: t})
	})
}

// transferOf leads from the payment that a transfer arrived as, from a reversal, and
// from the refund that the destination sees of it, to the transfer that shows them.
func (s *section) transferOf(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	id := r.PathValue("id")
	params := url.Values{"reversal": {id}}
	if strings.HasPrefix(id, "py_") {
		params = url.Values{"destination_payment": {id}}
	}
	found, err := all[wire.Transfer](r, v.API, "/v1/transfers", params)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return &client.Error{Status: http.StatusNotFound, Message: string(v.Text("transfer.of_none", "id", id))}
	}
	return v.Go(w, r, v.Path("transfers", found[0].ID), "")
}

// transferView is the page of one transfer.
type transferView struct {
	Transfer wire.Transfer
	State    string
	Name     string
	Names    map[string]string
	Line     *line // of its destination: when it is available, and the payout it went with
	Pending  []wire.PendingReversal
	Entries  []wire.LedgerEntry
	Tabs     []ui.Link
	Tab      string
	JSON     string
	Curl     string
	Left     int64
	Reverse  bool
}

func (s *section) transfer(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	o, err := fetch[wire.Transfer](r, v, "/v1/transfers/"+url.PathEscape(r.PathValue("id")), nil)
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, o.Path, o.Raw); done {
		return err
	}
	t := o.Value
	view := &transferView{Transfer: t, State: transferState(t), Curl: v.Curl(o.Path), JSON: v.Here("view", "json", "tab", ""), Left: t.Amount - t.AmountReversed}
	view.Reverse = view.Left > 0 && v.May("transfers:write")
	view.Names = names(r, v, t.Destination.ID)
	view.Name = called(view.Names, t.Destination.ID)
	view.Tabs, view.Tab = v.Tabs(dashboard.Tab{Name: "overview", Key: "payment.overview"}, dashboard.Tab{Name: "ledger", Key: "payment.ledger"},
		dashboard.Tab{Name: "metadata", Key: "payment.metadata"})
	if view.Pending, err = pendingReversals(r, v, t); err != nil {
		return err
	}
	if v.May("balance_transactions:read") {
		lines, err := all[line](r, v.For(t.Destination.ID), "/v1/balance_transactions", url.Values{"source": {t.DestinationPayment.ID}})
		if err != nil && refused(err) == nil {
			return err
		}
		if len(lines) > 0 {
			view.Line = &lines[len(lines)-1]
		}
	}
	if view.Tab == "ledger" && v.May("ledger:read") {
		p := &paymentView{}
		sources := []string{t.SourceTransaction.ID, t.ID}
		for _, back := range t.Reversals.Data {
			sources = append(sources, back.ID)
		}
		if err := p.gatherEntries(r, v, sources); err != nil {
			return err
		}
		view.Entries = p.Entries
	}
	return s.pages.Render(w, r, v, "transfer", ui.View{Title: "transfer.title", Data: view, Back: &ui.Link{Href: v.Path("transfers"), Key: "transfers.title"}})
}

// pendingReversals are what the platform waits for of a transfer.
func pendingReversals(r *http.Request, v *dashboard.Visit, t wire.Transfer) ([]wire.PendingReversal, error) {
	found, err := all[wire.PendingReversal](r, v.API, "/v1/pending_reversals", url.Values{"transfer": {t.ID}})
	return slices.DeleteFunc(found, func(p wire.PendingReversal) bool { return p.Transfer.ID != t.ID }), err
}

// Taken is what a reversal takes away.
func (view *transferView) Taken(amount int64) int64 { return -amount }

// PostingID is the anchor of a posting.
func (view *transferView) PostingID(e wire.LedgerEntry, i int) string { return postingID(e.ID, i) }

// Owner is the name of a posting's owner, "" if there is none.
func (view *transferView) Owner(v *dashboard.Visit, account string) string {
	return owner(v, view.Names, account)
}

// Balanced reports whether both sides of an entry are equal.
func (view *transferView) Balanced(e wire.LedgerEntry) bool { return (&paymentView{}).Balanced(e) }

// reverseView is the page on which a transfer is taken back.
type reverseView struct {
	Transfer wire.Transfer
	Name     string
	Left     int64
	Funds    []wire.BalanceAmount // available to the destination, in the transfer's currency
	HasFee   bool
	When     []ui.Option
	Cancel   string
	Amount   int64 // that would be taken back
}

var insufficient = []ui.Option{
	{Value: "refuse", Key: "reverse.refuse", Hint: "reverse.refuse.hint"}, {Value: "pending", Key: "reverse.pending", Hint: "reverse.pending.hint"},
	{Value: "negative", Key: "reverse.negative", Hint: "reverse.negative.hint"},
}

func (s *section) reverse(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.reversePage(w, r, v, ui.NewForm(nil))
}

func (s *section) reversePage(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	o, err := fetch[wire.Transfer](r, v, "/v1/transfers/"+url.PathEscape(r.PathValue("id")), nil)
	if err != nil {
		return err
	}
	t := o.Value
	view := reverseView{Transfer: t, Left: t.Amount - t.AmountReversed, When: insufficient, Cancel: v.Path("transfers", t.ID)}
	view.Name = called(names(r, v, t.Destination.ID), t.Destination.ID)
	if !form.Has("amount") {
		form.Set("amount", decimal(view.Left, t.Currency))
		form.Set("when_insufficient", "pending")
	}
	if n, ok := minor(form.Value("amount"), t.Currency); ok {
		view.Amount = n
	}
	if v.May("balance:read") {
		var b wire.Balance
		if err := v.For(t.Destination.ID).Get(r.Context(), "/v1/balance", nil, &b); err != nil && refused(err) == nil {
			return err
		}
		view.Funds = slices.DeleteFunc(b.Available, func(a wire.BalanceAmount) bool { return a.Currency != t.Currency })
	}
	return s.pages.Render(w, r, v, "reverse", ui.View{Title: "reverse.title", Form: form, Data: view, Back: &ui.Link{Href: view.Cancel, Key: "transfer.title"}})
}

func (s *section) reverseNow(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	o, err := fetch[wire.Transfer](r, v, "/v1/transfers/"+url.PathEscape(r.PathValue("id")), nil)
	if err != nil {
		return err
	}
	left := o.Value.Amount - o.Value.AmountReversed
	n, ok := minor(form.Value("amount"), o.Value.Currency)
	if !ok || n < 1 || n > left {
		form.Fail("amount", "refund.amount_wrong", "left", shown(left, o.Value.Currency))
		return s.reversePage(w, r, v, form)
	}
	if !v.Retyped(form, n, o.Value.Currency) {
		return s.reversePage(w, r, v, form)
	}
	params := url.Values{"amount": {strconv.FormatInt(n, 10)}, "when_insufficient": {form.Value("when_insufficient")}}
	if form.Value("refund_application_fee") == "true" {
		params.Set("refund_application_fee", "true")
	}
	var made struct{ Object string }
	err = v.API.PostOnce(r.Context(), o.Path+"/reversals", params, form.Value("idempotency_key"), &made)
	if e := refused(err); e != nil {
		form.Fail("amount", "refund.refused", "message", e.Message)
		return s.reversePage(w, r, v, form)
	}
	if err != nil {
		return err
	}
	done := "reversed"
	if made.Object == "pending_reversal" {
		done = "reversal_waits"
	}
	return v.Go(w, r, v.Path("transfers", o.Value.ID), done)
}

package payoutpages

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// act is something that can be done to a payout. Its page says the consequence before.
type act struct {
	name, permission  string
	Kind              string // of its button
	Icon              string
	reason, elsewhere bool // asks why, or where to
	fits              func(p payout, d wire.PayoutDelivery) bool
	do                func(ctx context.Context, v *dashboard.Visit, p payout, form *ui.Form, key string) error
}

// Name is the last part of its address and of its texts.
func (a act) Name() string { return a.name }

// Key is the text of its button.
func (a act) Key() string { return "act." + a.name }

func waits(p payout, d wire.PayoutDelivery) bool {
	return p.Status == "pending" && d.HandedOverAt == nil
}

func asked(p payout, d wire.PayoutDelivery) bool {
	return waits(p, d) && text(p.Approval) == "required"
}

// send asks the API to do something to the payout, as its account sees it.
func send(verb string, fields ...string) func(context.Context, *dashboard.Visit, payout, *ui.Form, string) error {
	return func(ctx context.Context, v *dashboard.Visit, p payout, form *ui.Form, key string) error {
		params := url.Values{}
		for _, field := range fields {
			if value := form.Value(field); value != "" {
				params.Set(field, value)
			}
		}
		return v.For(p.Account.ID).PostOnce(ctx, "/v1/payouts/"+p.ID+"/"+verb, params, key, nil)
	}
}

var acts = []act{
	{name: "approve", permission: "payout_approvals:write", Kind: "primary", Icon: "check", fits: asked, do: send("approve")},
	{name: "refuse", permission: "payout_approvals:write", Kind: "secondary", Icon: "x", reason: true, fits: asked, do: send("refuse", "reason")},
	{name: "retry", permission: "payouts:write", Kind: "primary", Icon: "repeat", elsewhere: true, do: send("retry", "destination"),
		fits: func(p payout, _ wire.PayoutDelivery) bool { return p.Status == "failed" && p.RetriedBy.ID == "" }},
	{name: "hold", permission: "payout_holds:write", Kind: "secondary", Icon: "pause", reason: true, do: holdPayout,
		fits: func(p payout, d wire.PayoutDelivery) bool { return waits(p, d) && !p.OnHold }},
	{name: "release", permission: "payout_holds:write", Kind: "secondary", Icon: "play", do: releasePayout,
		fits: func(p payout, d wire.PayoutDelivery) bool { return waits(p, d) && p.OnHold }},
	{name: "cancel", permission: "payouts:write", Kind: "danger", Icon: "x", fits: waits, do: send("cancel")},
	{name: "recall", permission: "payouts:write", Kind: "secondary", Icon: "undo-2", do: send("recall"),
		fits: func(p payout, d wire.PayoutDelivery) bool {
			return d.HandedOverAt != nil && (p.Status == "in_transit" || p.Status == "pending") && p.Recall == nil
		}},
	{name: "reverse", permission: "payouts:write", Kind: "danger", Icon: "undo-2", do: send("reverse"),
		fits: func(p payout, _ wire.PayoutDelivery) bool {
			return p.Status == "paid" && p.Amount > 0 && p.ReversedBy.ID == ""
		}},
}

func holdPayout(ctx context.Context, v *dashboard.Visit, p payout, form *ui.Form, key string) error {
	params := url.Values{"payout": {p.ID}, "reason": {form.Value("reason")}}
	return v.API.PostOnce(ctx, "/v1/payout_holds", params, key, nil)
}

// releasePayout ends every hold on the payout itself. One on its whole account stays:
// that one is released where it was made.
func releasePayout(ctx context.Context, v *dashboard.Visit, p payout, _ *ui.Form, key string) error {
	var holds wire.List[wire.PayoutHold]
	if err := v.API.Get(ctx, "/v1/payout_holds", url.Values{"payout": {p.ID}, "status": {"active"}, "limit": {"100"}}, &holds); err != nil {
		return err
	}
	if len(holds.Data) == 0 {
		return errAccountHeld
	}
	for _, h := range holds.Data {
		if err := v.API.PostOnce(ctx, "/v1/payout_holds/"+h.ID+"/release", url.Values{}, key+h.ID, nil); err != nil {
			return err
		}
	}
	return nil
}

// errAccountHeld is told in the form.
var errAccountHeld = errors.New("the whole account is on hold")

// actView is what the page of an act shows.
type actView struct {
	Act         act
	Payout      payout
	Title, Body ui.Text // what would happen, in words and numbers
	Reason      bool
	Banks       []ui.Option // where a retry may go
	Cancel      string
}

func (s *section) showAct(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, a act, p payout, form *ui.Form, status int) error {
	amount := ui.Text(ui.FormatMoney(amountOf(max(p.Amount, -p.Amount), p.Currency)))
	view := actView{
		Act: a, Payout: p, Reason: a.reason, Cancel: v.Path("payouts", p.ID),
		Title: say(v, "act."+a.name+".title", "amount", amount),
		Body:  say(v, "act."+a.name+".body", "amount", amount, "account", ui.Text(p.Account.Label()), "bank", ui.Text(p.Bank())),
	}
	if a.elsewhere {
		for _, b := range p.Account.Banks {
			if b.Currency == p.Currency {
				view.Banks = append(view.Banks, ui.Option{Value: b.ID, Text: masked(b)})
			}
		}
	}
	return s.pages.Render(w, r, v, "act", ui.View{
		Title: "act." + a.name, Back: back(v, "payout.back", "payouts", p.ID), Data: view, Form: form, Status: status,
	})
}

func (s *section) askAct(a act) dashboard.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		p, d, err := openPayout(r, v, r.PathValue("id"))
		if err != nil {
			return err
		}
		if !a.fits(p.Value, d) { // a stale page: what is the case now says why not
			return v.Go(w, r, v.Path("payouts", p.Value.ID), "too_late")
		}
		return s.showAct(w, r, v, a, p.Value, ui.NewForm(nil), http.StatusOK)
	}
}

func (s *section) doAct(a act) dashboard.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		p, _, err := openPayout(r, v, r.PathValue("id"))
		if err != nil {
			return err
		}
		form := ui.PostedForm(r)
		if a.reason && form.Value("reason") == "" {
			form.Fail("reason", "act.reason.missing")
			return s.showAct(w, r, v, a, p.Value, form, http.StatusUnprocessableEntity)
		}
		err = a.do(r.Context(), v, p.Value, form, r.PostForm.Get("idempotency_key"))
		if failed(form, err) {
			return s.showAct(w, r, v, a, p.Value, form, http.StatusUnprocessableEntity)
		}
		if err != nil {
			return err
		}
		return v.Go(w, r, v.Path("payouts", p.Value.ID), a.name)
	}
}

// refusal is why the API did not do something, "" if it did or if it failed.
func refusal(v *dashboard.Visit, err error) ui.Text {
	refused := (*client.Error)(nil)
	switch {
	case errors.Is(err, errAccountHeld):
		return v.Text("act.release.account")
	case errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusConflict):
		return ui.Text(refused.Message)
	}
	return ""
}

// failed tells in the form what the API refuses about what was typed or wanted.
func failed(form *ui.Form, err error) bool {
	refused := (*client.Error)(nil)
	switch {
	case errors.Is(err, errAccountHeld):
		form.Fail("", "act.release.account")
		return true
	case errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusConflict):
		form.Fail(refused.Param, "act.refused", "why", ui.Text(refused.Message))
		return true
	}
	return false
}

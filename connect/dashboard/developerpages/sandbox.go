package developerpages

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// span is a time by which the sandbox can be moved on.
type span struct {
	Name    string // as the API takes it
	Seconds int64
}

var spans = []span{{"1h", 3600}, {"1d", 86400}, {"2d", 2 * 86400}, {"7d", 7 * 86400}, {"30d", 30 * 86400}}

// testCard is a card of the sandbox that ends in a certain way.
type testCard struct {
	Token   string // tok_… for charges; pm_card_… with the same end for payment methods
	Outcome string // catalogue key
	Kind    string
}

func card(handle, outcome, kind string) testCard {
	return testCard{Token: "tok_" + handle, Outcome: "cards." + outcome, Kind: kind}
}

// testCards are the outcomes that integrations should meet once.
var testCards = []testCard{
	card("visa", "succeeds", "success"), card("mastercard", "succeeds", "success"), card("bypassPending", "available", "success"),
	card("authenticationRequired", "authentication", "warning"), card("processing", "processing", "info"),
	card("chargeDeclined", "generic_decline", "danger"), card("chargeDeclinedInsufficientFunds", "insufficient_funds", "danger"),
	card("chargeDeclinedLostCard", "lost_card", "danger"), card("chargeDeclinedStolenCard", "stolen_card", "danger"),
	card("chargeDeclinedExpiredCard", "expired_card", "danger"), card("chargeDeclinedIncorrectCvc", "incorrect_cvc", "danger"),
	card("chargeCustomerFail", "attach_fails", "danger"), card("refundFail", "refund_fails", "warning"),
	card("createDispute", "dispute", "warning"),
}

// sandboxView is the tools of the sandbox.
type sandboxView struct {
	Live         bool
	Clock        wire.WorldClock
	Spans        []ui.Link
	Chosen       string
	Forecast     *forecast
	Cards        []testCard
	Triggers     []ui.Option
	MailInbox    string
	WebhookInbox string
}

// forecast is what happens until a moment.
type forecast struct {
	Span    string
	Until   int64
	Matures []matures
	Payouts []wire.Payout // that arrive by then
	More    bool
}

type matures struct {
	Amount   int64
	Currency string
}

func (s *section) sandbox(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.renderSandbox(w, r, v, nil)
}

func (s *section) renderSandbox(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form) error {
	data := sandboxView{
		Live: v.Chair.Livemode, Chosen: v.Query.Get("advance"), Cards: testCards, MailInbox: s.cfg.MailInbox, WebhookInbox: s.cfg.WebhookInbox,
	}
	for _, typ := range s.cfg.Triggers {
		data.Triggers = append(data.Triggers, ui.Option{Value: typ, Text: typ})
	}
	if !data.Live {
		if err := v.API.Get(r.Context(), "/v1/test_helpers/world_clock", nil, &data.Clock); err != nil {
			return err
		}
		for _, one := range spans {
			data.Spans = append(data.Spans, ui.Link{Href: v.Here("advance", one.Name), Key: "sandbox.span." + one.Name, Active: one.Name == data.Chosen})
			if one.Name == data.Chosen {
				f, err := foresee(r.Context(), v, one, data.Clock.Now)
				if err != nil {
					return err
				}
				data.Forecast = f
			}
		}
	}
	return s.pages.Render(w, r, v, "sandbox", ui.View{Title: "sandbox.title", Data: data, Form: form})
}

// shownPayouts bounds the payouts of a forecast.
const shownPayouts = 10

// foresee says what becomes available and which payouts arrive until then.
func foresee(ctx context.Context, v *dashboard.Visit, by span, now int64) (*forecast, error) {
	f := &forecast{Span: by.Name, Until: now + by.Seconds}
	until := strconv.FormatInt(f.Until, 10)
	if v.May("balance_transactions:read") {
		// Of the latest movements, those that are pending and become available by then.
		params := url.Values{"limit": {"100"}}
		var found listed[wire.BalanceTransaction]
		if err := v.API.Get(ctx, "/v1/balance_transactions", params, &found); err != nil {
			return nil, err
		}
		sums := map[string]int64{}
		for _, t := range found.Data {
			if t.Status != "pending" || t.AvailableOn > f.Until {
				continue
			}
			if sums[t.Currency] == 0 && !slices.ContainsFunc(f.Matures, func(m matures) bool { return m.Currency == t.Currency }) {
				f.Matures = append(f.Matures, matures{Currency: t.Currency})
			}
			sums[t.Currency] += t.Net
		}
		for i := range f.Matures {
			f.Matures[i].Amount = sums[f.Matures[i].Currency]
		}
		f.More = found.HasMore
	}
	if v.May("payouts:read") {
		var found listed[wire.Payout]
		params := url.Values{"arrival_date[lte]": {until}, "limit": {"100"}}
		if err := v.API.Get(ctx, "/v1/payouts", params, &found); err != nil {
			return nil, err
		}
		for _, p := range found.Data {
			if (p.Status == "pending" || p.Status == "in_transit") && len(f.Payouts) < shownPayouts {
				f.Payouts = append(f.Payouts, p)
			}
		}
	}
	return f, nil
}

// advance moves the clock; what falls due on the way happens before the answer.
func (s *section) advance(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	given := r.PostForm.Get("duration")
	err := v.API.PostOnce(r.Context(), "/v1/test_helpers/world_clock/advance", url.Values{"duration": {given}}, r.PostForm.Get("idempotency_key"), nil)
	if err != nil {
		form := ui.PostedForm(r)
		if err = refusal(form, err, "duration"); err != nil {
			return err
		}
		return s.renderSandbox(w, r, v, form)
	}
	return v.Go(w, r, v.Path("sandbox"), "advanced")
}

// trigger makes an event happen, as the command line does.
func (s *section) trigger(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	typ := form.Value("event")
	if s.cfg.Trigger == nil || !slices.Contains(s.cfg.Triggers, typ) {
		form.Fail("event", "sandbox.trigger.unknown")
		return s.renderSandbox(w, r, v, form)
	}
	event, account, err := s.cfg.Trigger(r.Context(), v.API, typ)
	if err != nil {
		if err = refusal(form, err); err != nil {
			return err
		}
		return s.renderSandbox(w, r, v, form)
	}
	if account != "" && account != v.Chair.Account {
		// It is an event of a connected account: its deliveries are at this desk, itself at theirs.
		return v.Go(w, r, v.Path("sandbox")+"?"+url.Values{"happened": {strings.Join([]string{event, account}, " ")}}.Encode(), "triggered")
	}
	return v.Go(w, r, v.Path("events", event), "triggered")
}

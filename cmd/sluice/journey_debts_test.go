package main

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v85"
)

// Settings of a balance, walked with the official SDK: what it sets is what the
// account shows, and the other way round.
func TestBalanceSettingsAndTheAccountsSettingsAreOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, tutor := h.stripe(), h.tutor("Chan Ka Yan")
	settings := func(p *stripe.BalanceSettingsUpdatePaymentsParams) *stripe.BalanceSettings {
		t.Helper()
		return must[*stripe.BalanceSettings](t)(ada.V1BalanceSettings.Update(t.Context(),
			&stripe.BalanceSettingsUpdateParams{Params: stripe.Params{StripeAccount: &tutor}, Payments: p}))
	}
	account := func() *stripe.AccountSettingsPayouts {
		t.Helper()
		return must[*stripe.Account](t)(ada.V1Accounts.GetByID(t.Context(), tutor, nil)).Settings.Payouts
	}
	first := must[*stripe.BalanceSettings](t)(ada.V1BalanceSettings.Retrieve(t.Context(),
		&stripe.BalanceSettingsRetrieveParams{Params: stripe.Params{StripeAccount: &tutor}}))
	if p := first.Payments; p.DebitNegativeBalances || p.SettlementTiming.DelayDays != 2 || p.SettlementTiming.DelayDaysOverride != 0 ||
		p.Payouts.Status != "enabled" || p.Payouts.Schedule.Interval != "daily" || p.Payouts.MinimumBalanceByCurrency != nil {
		t.Errorf("a new account has %+v %+v %+v", p, p.Payouts, p.SettlementTiming)
	}

	set := settings(&stripe.BalanceSettingsUpdatePaymentsParams{
		DebitNegativeBalances: stripe.Bool(true),
		Payouts: &stripe.BalanceSettingsUpdatePaymentsPayoutsParams{
			MinimumBalanceByCurrency: map[string]*int64{"hkd": stripe.Int64(50_000), "usd": stripe.Int64(700)},
			Schedule: &stripe.BalanceSettingsUpdatePaymentsPayoutsScheduleParams{
				Interval: stripe.String("weekly"), WeeklyPayoutDays: stripe.StringSlice([]string{"thursday", "monday"}),
			},
			StatementDescriptor: stripe.String("TUTORHUB"),
		},
		SettlementTiming: &stripe.BalanceSettingsUpdatePaymentsSettlementTimingParams{DelayDaysOverride: stripe.Int64(7)},
	})
	if diff := cmp.Diff(map[stripe.Currency]int64{"hkd": 50_000, "usd": 700}, set.Payments.Payouts.MinimumBalanceByCurrency); diff != "" {
		t.Error(diff)
	}
	if a := account(); !a.DebitNegativeBalances || a.Schedule.DelayDays != 7 || a.Schedule.Interval != "weekly" || a.Schedule.WeeklyAnchor != "monday" ||
		len(a.Schedule.WeeklyPayoutDays) != 2 || a.StatementDescriptor != "TUTORHUB" {
		t.Errorf("the account shows %+v %+v", a, a.Schedule)
	}

	must[*stripe.Account](t)(ada.V1Accounts.Update(t.Context(), tutor, &stripe.AccountUpdateParams{
		Settings: &stripe.AccountUpdateSettingsParams{Payouts: &stripe.AccountUpdateSettingsPayoutsParams{
			DebitNegativeBalances: stripe.Bool(false),
			Schedule:              &stripe.AccountUpdateSettingsPayoutsScheduleParams{Interval: stripe.String("monthly"), MonthlyPayoutDays: stripe.Int64Slice([]int64{31, 15})},
		}},
	}))
	unset := &stripe.BalanceSettingsUpdatePaymentsSettlementTimingParams{}
	unset.AddUnsetField(stripe.BalanceSettingsUpdatePaymentsSettlementTimingParamsUnsetFieldDelayDaysOverride)
	back := settings(&stripe.BalanceSettingsUpdatePaymentsParams{SettlementTiming: unset})
	if p := back.Payments; p.DebitNegativeBalances || p.SettlementTiming.DelayDays != 2 || p.SettlementTiming.DelayDaysOverride != 0 {
		t.Errorf("balance settings show %+v %+v", p, p.SettlementTiming)
	}
	if diff := cmp.Diff([]int64{15, 31}, back.Payments.Payouts.Schedule.MonthlyPayoutDays); diff != "" {
		t.Error(diff)
	}

	usd := clerk{house: h}.of(tutor).post("/v1/balance_settings", "payments[payouts][minimum_balance_by_currency][usd]=")
	if at(usd, "payments", "payouts", "minimum_balance_by_currency", "usd") != nil || at(usd, "payments", "payouts", "minimum_balance_by_currency", "hkd") == nil {
		t.Errorf("one currency unset leaves %v", usd)
	}
	none := &stripe.BalanceSettingsUpdatePaymentsPayoutsParams{}
	none.AddUnsetField(stripe.BalanceSettingsUpdatePaymentsPayoutsParamsUnsetFieldMinimumBalanceByCurrency)
	if all := settings(&stripe.BalanceSettingsUpdatePaymentsParams{Payouts: none}); all.Payments.Payouts.MinimumBalanceByCurrency != nil {
		t.Errorf("all unset leaves %v", all.Payments.Payouts.MinimumBalanceByCurrency)
	}
	refused := clerk{house: h}.of(tutor).refused(http.StatusBadRequest, "POST", "/v1/balance_settings", "payments[payouts][schedule][interval]=weekly")
	if refused["param"] != "payments[payouts][schedule][weekly_payout_days]" {
		t.Errorf("refused with %v", refused)
	}
	own := must[*stripe.BalanceSettings](t)(ada.V1BalanceSettings.Retrieve(t.Context(), nil))
	if !own.Payments.DebitNegativeBalances {
		t.Error("who answers for itself is debited by default")
	}
	var told []string
	for e, err := range ada.V1Events.List(t.Context(), &stripe.EventListParams{
		ListParams: stripe.ListParams{StripeAccount: &tutor}, Type: stripe.String("balance_settings.updated"),
	}).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, string(e.Type))
	}
	if len(told) != 5 {
		t.Errorf("%d changes were told", len(told))
	}
}

// owes is a tutor who has paid out what is then taken back.
func (h *house) owes(when string) (tutor, answer string) {
	h.t.Helper()
	ada := clerk{house: h}
	tutor = ada.tutor()
	ada.post("/v1/accounts/"+tutor, "settings[payouts][schedule][interval]=manual")
	ada.post("/v1/charges", "amount=100000&currency=hkd&source=tok_bypassPending")
	transfer := ada.post("/v1/transfers", "amount=50000&currency=hkd&destination="+tutor)["id"].(string)
	ada.of(tutor).post("/v1/payouts", "amount=50000&currency=hkd")
	return tutor, ada.post("/v1/transfers/"+transfer+"/reversals", "when_insufficient="+when)["id"].(string)
}

func TestADebtIsShownWithItsAgeAndPaidByThePlatformAtLast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor, _ := h.owes("negative")
	ada := clerk{house: h}
	pass := func(days int) {
		t.Helper()
		if days == 0 {
			return
		}
		if _, err := h.app.world.Advance(t.Context(), time.Duration(days)*24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	debts := func() []any { t.Helper(); return ada.get("/v1/negative_balances")["data"].([]any) }
	for _, age := range []struct {
		days   int
		bucket string
	}{{0, "0-1"}, {3, "2-3"}, {4, "4-7"}, {23, "8-30"}, {10, ">30"}} {
		pass(age.days)
		found := debts()
		if len(found) != 1 || at(found[0], "account") != tutor || at(found[0], "amount") != float64(-50000) || at(found[0], "bucket") != age.bucket {
			t.Errorf("after %d days more: %v", age.days, found)
		}
	}
	if got := ada.get("/v1/negative_balances?bucket=0-1")["data"].([]any); len(got) != 0 {
		t.Errorf("young debts: %v", got)
	}
	if got := ada.of(tutor).get("/v1/negative_balances")["data"].([]any); len(got) != 0 {
		t.Errorf("a connected account sees %v", got)
	}
	settle := func(days int) {
		t.Helper()
		pass(days)
		for _, job := range []func(context.Context, bool) error{h.app.reserve, h.app.oldDebts} {
			if err := job(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle(139)
	if reserved := at(ada.get("/v1/balance"), "connect_reserved").([]any); at(reserved[0], "amount") != float64(50000) || len(debts()) != 1 {
		t.Errorf("on day 179 the reserve is %v", reserved)
	}
	settle(1)
	if found := debts(); len(found) != 0 {
		t.Errorf("on day 180 there is %v", found)
	}
	if reserved := at(ada.get("/v1/balance"), "connect_reserved").([]any); at(reserved[0], "amount") != float64(0) {
		t.Errorf("the reserve is still %v", reserved)
	}
	for account, want := range map[string]float64{"": -50000, tutor: 50000} {
		lines := ada.of(account).get("/v1/balance_transactions?type=connect_collection_transfer")["data"].([]any)
		if len(lines) != 1 || at(lines[0], "net") != want {
			t.Errorf("%q has the lines %v", account, lines)
		}
	}
	h.closeBooks()
}

// While reversals and payouts of the same money are asked for at once, and money
// comes in, nothing is paid twice and what was claimed first is not paid out.
func TestAReversalAndAPayoutAtOnceTakeTheMoneyOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	tutor := ada.tutor()
	ada.post("/v1/accounts/"+tutor, "settings[payouts][schedule][interval]=manual")
	ada.post("/v1/charges", "amount=200000&currency=hkd&source=tok_bypassPending")
	var transfers []string
	for range 8 {
		transfers = append(transfers, ada.post("/v1/transfers", "amount=5000&currency=hkd&destination="+tutor)["id"].(string))
	}
	var all sync.WaitGroup
	for _, transfer := range transfers {
		all.Go(func() {
			ada.raw("POST", "/v1/transfers/"+transfer+"/reversals", "when_insufficient=pending", h.key)
		})
		all.Go(func() { ada.of(tutor).raw("POST", "/v1/payouts", "amount=5000&currency=hkd", h.key) })
	}
	all.Wait()
	sum := func(path, field string) (total float64) {
		for _, object := range ada.of(tutor).get(path)["data"].([]any) {
			total += at(object, field).(float64)
		}
		return total
	}
	paid := sum("/v1/payouts?limit=100", "amount")
	var reversed, waiting float64
	for _, transfer := range ada.get("/v1/transfers?limit=100")["data"].([]any) {
		reversed += at(transfer, "amount_reversed").(float64)
	}
	for _, p := range ada.get("/v1/pending_reversals?limit=100&account=" + tutor)["data"].([]any) {
		waiting += at(p, "amount").(float64) - at(p, "amount_recovered").(float64)
	}
	if paid+reversed != 40000 || reversed+waiting != 40000 {
		t.Errorf("paid out %v, taken back %v, waiting for %v of 40000", paid, reversed, waiting)
	}
	ada.post("/v1/transfers", "amount=50000&currency=hkd&destination="+tutor)
	if _, err := h.app.moves.Recover(t.Context(), h.app.pool, false); err != nil {
		t.Fatal(err)
	}
	if left := at(ada.of(tutor).get("/v1/balance"), "available").([]any); at(left[0], "amount") != 50000-waiting {
		t.Errorf("left are %v of 50000 after %v was taken back", left, waiting)
	}
	h.closeBooks()
}

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/sluicepay/sluice/platform/id"
)

// Both SDKs must make the same class of every refusal: stripe-node goes by
// status, stripe-go by type.
func TestBothSDKsTellRefusalsApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, node := h.stripe(), h.node()
	stranger := id.New("acct")
	key := stripe.String("the-same-key")
	charge := func(amount int64, source string, p stripe.Params) error {
		_, err := ada.V1Charges.Create(t.Context(), &stripe.ChargeCreateParams{
			Params: p, Amount: &amount, Currency: stripe.String("hkd"), Source: &stripe.PaymentSourceSourceParams{Token: &source},
		})
		return err
	}
	if err := charge(60000, "tok_visa", stripe.Params{IdempotencyKey: key}); err != nil {
		t.Fatal(err)
	}
	card := func(amount int64, source string) params {
		return params{"amount": amount, "currency": "hkd", "source": source}
	}
	create := []string{"charges", "create"}
	for _, c := range []struct {
		name               string
		viaGo, viaNode     error
		status             int
		kind               stripe.ErrorType
		class, code, param string
		decline            stripe.DeclineCode
	}{
		{"a declined card", charge(60000, "tok_chargeDeclinedInsufficientFunds", stripe.Params{}),
			node.call(nil, create, card(60000, "tok_chargeDeclinedInsufficientFunds")),
			402, stripe.ErrorTypeCard, "StripeCardError", "card_declined", "", stripe.DeclineCodeInsufficientFunds},
		{"a wrong security code", charge(60000, "tok_chargeDeclinedIncorrectCvc", stripe.Params{}),
			node.call(nil, create, card(60000, "tok_chargeDeclinedIncorrectCvc")),
			402, stripe.ErrorTypeCard, "StripeCardError", "incorrect_cvc", "cvc", "incorrect_cvc"},
		{"too little", charge(1, "tok_visa", stripe.Params{}), node.call(nil, create, card(1, "tok_visa")),
			400, stripe.ErrorTypeInvalidRequest, "StripeInvalidRequestError", "amount_too_small", "amount", ""},
		{"an unknown parameter", charge(60000, "tok_visa", stripe.Params{Extra: &stripe.ExtraValues{Values: url.Values{"sauce": {"x"}}}}),
			node.call(nil, create, params{"amount": 60000, "currency": "hkd", "source": "tok_visa", "sauce": "x"}),
			400, stripe.ErrorTypeInvalidRequest, "StripeInvalidRequestError", "parameter_unknown", "sauce", ""},
		{"a stranger's account", charge(60000, "tok_visa", stripe.Params{StripeAccount: &stranger}),
			node.call(nil, create, card(60000, "tok_visa"), acting(stranger)),
			403, stripe.ErrorTypeInvalidRequest, "StripePermissionError", "account_invalid", "", ""},
		{"another request under the same key", charge(60001, "tok_visa", stripe.Params{IdempotencyKey: key}),
			node.call(nil, create, card(60001, "tok_visa"), params{"idempotencyKey": *key}),
			400, stripe.ErrorTypeIdempotency, "StripeIdempotencyError", "", "", ""},
		{"a charge that is not there", retrieve(t, ada, "ch_nobody"), node.call(nil, []string{"charges", "retrieve"}, "ch_nobody"),
			404, stripe.ErrorTypeInvalidRequest, "StripeInvalidRequestError", "resource_missing", "id", ""},
		{"a wrong key", retrieve(t, h.stripeWith("sk_test_nobody"), "ch_nobody"),
			node.call(nil, []string{"charges", "retrieve"}, "ch_nobody", params{}, params{"apiKey": "sk_test_nobody"}),
			401, stripe.ErrorTypeInvalidRequest, "StripeAuthenticationError", "", "", ""},
	} {
		var g *stripe.Error
		if !errors.As(c.viaGo, &g) || g.HTTPStatusCode != c.status || g.Type != c.kind || string(g.Code) != c.code || g.Param != c.param ||
			g.DeclineCode != c.decline || g.RequestID == "" {
			t.Errorf("%s, stripe-go: %v", c.name, c.viaGo)
		}
		var n *nodeError
		if !errors.As(c.viaNode, &n) || n.StatusCode != c.status || n.Class != c.class || n.Code != c.code || n.Param != c.param ||
			n.DeclineCode != string(c.decline) || n.RequestID == "" {
			t.Errorf("%s, stripe-node: %+v", c.name, n)
		}
		if c.status == 402 && (g == nil || g.ChargeID == "" || n == nil || n.Charge == "") {
			t.Errorf("%s: the failed charge is not named", c.name)
		}
	}
}

func retrieve(t *testing.T, c *stripe.Client, charge string) error {
	_, err := c.V1Charges.Retrieve(t.Context(), charge, nil)
	return err
}

// must fails the test if an SDK call failed, and passes its result on.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// tutor makes a tutor's account that is paid every day.
func (h *house) tutor(name string) string {
	h.t.Helper()
	a := must[*stripe.Account](h.t)(h.stripe().V1Accounts.Create(h.t.Context(), &stripe.AccountCreateParams{
		Type: stripe.String("custom"), Country: stripe.String("HK"), BusinessProfile: &stripe.AccountCreateBusinessProfileParams{Name: &name},
		Capabilities: &stripe.AccountCreateCapabilitiesParams{
			CardPayments: &stripe.AccountCreateCapabilitiesCardPaymentsParams{Requested: stripe.Bool(true)},
			Transfers:    &stripe.AccountCreateCapabilitiesTransfersParams{Requested: stripe.Bool(true)},
		},
		ExternalAccount: &stripe.AccountExternalAccountParams{Token: stripe.String("btok_hk")},
	}))
	return a.ID
}

// lessonOf is a payment of HKD 600.00 for a tutor, of which Ada keeps 90.00.
func lessonOf(tutor string) *stripe.PaymentIntentCreateParams {
	p := &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(60000), Currency: stripe.String("hkd"), PaymentMethod: stripe.String("pm_card_visa"), Confirm: stripe.Bool(true),
	}
	if tutor != "" {
		p.ApplicationFeeAmount = stripe.Int64(9000)
		p.TransferData = &stripe.PaymentIntentCreateTransferDataParams{Destination: &tutor}
	}
	return p
}

// Ada's reports read long lists with the iterators of the SDKs.
func TestListsArePagedNewestFirstWithoutGaps(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, node := h.stripe(), h.node()
	var made []string
	for i := range 7 {
		c := must[*stripe.Charge](t)(ada.V1Charges.Create(t.Context(), &stripe.ChargeCreateParams{
			Amount: stripe.Int64(1000 + int64(i)), Currency: stripe.String("hkd"), Source: &stripe.PaymentSourceSourceParams{Token: stripe.String("tok_visa")},
		}))
		made = append(made, c.ID)
	}
	slices.Reverse(made)
	var viaGo []string
	for c, err := range ada.V1Charges.List(t.Context(), &stripe.ChargeListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(3)}}).All(t.Context()) {
		viaGo = append(viaGo, must[*stripe.Charge](t)(c, err).ID)
	}
	if !slices.Equal(viaGo, made) {
		t.Errorf("stripe-go saw %v, want %v", viaGo, made)
	}
	ids := func(path []string, p params) (ids []string) {
		t.Helper()
		var found []object
		if err := node.all(&found, path, p); err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		return ids
	}
	if got := ids([]string{"charges", "list"}, params{"limit": 2}); !slices.Equal(got, made) {
		t.Errorf("stripe-node saw %v, want %v", got, made)
	}
	if got := ids([]string{"charges", "list"}, params{"limit": 2, "created": params{"gte": 1}}); !slices.Equal(got, made) {
		t.Errorf("since 1970 there are %v, want %v", got, made)
	}
	if got := ids([]string{"charges", "list"}, params{"created": params{"lt": 1}}); len(got) != 0 {
		t.Errorf("before 1970 there are %v", got)
	}
	before := h.send(200, letter{method: "GET", path: "/v1/charges?limit=2&ending_before=" + made[4]})
	page, _ := before.at("data").([]any)
	if len(page) != 2 || page[0].(map[string]any)["id"] != made[2] || before.at("has_more") != true {
		t.Errorf("the page before the fifth: %s", before.raw)
	}
	// The cursor of another's object is no cursor.
	h.send(400, letter{method: "GET", path: "/v1/charges?starting_after=ch_nobody"})
}

// Ada looks at a payment and everything around it in one call.
func TestExpansionShowsWhatAPaymentConsistsOf(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, node, may := h.stripe(), h.node(), h.tutor("Chan May")
	p := lessonOf(may)
	p.AddExpand("latest_charge.balance_transaction")
	p.AddExpand("latest_charge.transfer.destination_payment")
	p.AddExpand("latest_charge.application_fee")
	pi := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Create(t.Context(), p))
	charge := pi.LatestCharge
	if charge.BalanceTransaction.Net != 60000-2275 || charge.BalanceTransaction.Fee != 2275 {
		t.Errorf("the statement line nets %d after a fee of %d", charge.BalanceTransaction.Net, charge.BalanceTransaction.Fee)
	}
	if charge.ApplicationFee.Amount != 9000 {
		t.Errorf("the application fee is %d", charge.ApplicationFee.Amount)
	}
	if charge.Transfer.Amount != 60000 || charge.Transfer.DestinationPayment.Amount != 60000 {
		t.Errorf("the transfer: %+v", charge.Transfer)
	}

	var transfers []struct {
		DestinationPayment struct {
			ID, Object string
			Amount     int64
		} `json:"destination_payment"`
		SourceTransaction struct{ ID string } `json:"source_transaction"`
	}
	err := node.all(&transfers, []string{"transfers", "list"}, params{"expand": []string{"data.destination_payment", "data.source_transaction"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(transfers) != 1 || transfers[0].DestinationPayment.ID != charge.Transfer.DestinationPayment.ID || transfers[0].SourceTransaction.ID != charge.ID {
		t.Errorf("expanded in a list: %+v", transfers)
	}
	plain := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Retrieve(t.Context(), pi.ID, nil))
	if plain.LatestCharge.ID != charge.ID || plain.LatestCharge.Amount != 0 {
		t.Error("a charge was expanded that nobody asked for")
	}
	bad := h.send(400, letter{method: "GET", path: "/v1/charges/" + charge.ID + "?expand[]=amount"})
	if bad.at("error", "message") != "This property cannot be expanded (amount)." {
		t.Errorf("%s", bad.raw)
	}
}

// Ada keeps her own words on a charge and tidies them up.
func TestMetadataIsMergedAndCleared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, node := h.stripe(), h.node()
	p := &stripe.ChargeCreateParams{Amount: stripe.Int64(60000), Currency: stripe.String("hkd"), Source: &stripe.PaymentSourceSourceParams{Token: stripe.String("tok_visa")}}
	p.AddMetadata("lesson", "4711")
	p.AddMetadata("room", "2")
	c := must[*stripe.Charge](t)(ada.V1Charges.Create(t.Context(), p))
	update := func(meta any) map[string]string {
		t.Helper()
		var changed struct{ Metadata map[string]string }
		if err := node.call(&changed, []string{"charges", "update"}, c.ID, params{"metadata": meta}); err != nil {
			t.Fatal(err)
		}
		return changed.Metadata
	}
	for _, c := range []struct {
		change any
		want   string
	}{
		{params{"tutor": "may"}, "map[lesson:4711 room:2 tutor:may]"},
		{params{"room": ""}, "map[lesson:4711 tutor:may]"},
		{params{"lesson": "4712", "room": "3"}, "map[lesson:4712 room:3 tutor:may]"},
		{"", "map[]"},
	} {
		if got := fmt.Sprint(update(c.change)); got != c.want {
			t.Errorf("after %v: %s, want %s", c.change, got, c.want)
		}
	}
	again := must[*stripe.Charge](t)(ada.V1Charges.Retrieve(t.Context(), c.ID, nil))
	if len(again.Metadata) != 0 {
		t.Errorf("cleared metadata came back: %v", again.Metadata)
	}
}

// A lesson is reserved when it is booked and taken when it was given: all of it,
// a part of it, or nothing.
func TestAReservationIsTakenInWholeInPartOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, may := h.stripe(), h.tutor("Chan May")
	reserve := func() *stripe.PaymentIntent {
		t.Helper()
		p := lessonOf(may)
		p.CaptureMethod = stripe.String("manual")
		pi := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Create(t.Context(), p))
		if pi.Status != stripe.PaymentIntentStatusRequiresCapture || pi.AmountCapturable != 60000 || pi.AmountReceived != 0 {
			t.Fatalf("reserved: %s, %d to capture, %d received", pi.Status, pi.AmountCapturable, pi.AmountReceived)
		}
		return pi
	}
	funds := func(account string, want int64) {
		t.Helper()
		if got, _ := (goSDK{t: t, stripe: ada}).balance(account, "hkd"); got != want {
			t.Errorf("%q has %d pending, want %d", account, got, want)
		}
	}
	whole := reserve()
	charge := must[*stripe.Charge](t)(ada.V1Charges.Retrieve(t.Context(), whole.LatestCharge.ID, nil))
	if charge.Captured || charge.Status != stripe.ChargeStatusSucceeded || charge.BalanceTransaction != nil {
		t.Errorf("a reservation: captured %v, %s, line %v", charge.Captured, charge.Status, charge.BalanceTransaction)
	}
	funds("", 0)

	taken := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Capture(t.Context(), whole.ID, nil))
	if taken.Status != stripe.PaymentIntentStatusSucceeded || taken.AmountReceived != 60000 {
		t.Errorf("taken: %s of %d", taken.Status, taken.AmountReceived)
	}
	funds("", 6725)   // 9000 of fee less 2275 of processing
	funds(may, 51000) // 60000 less 9000
	_, err := ada.V1PaymentIntents.Capture(t.Context(), whole.ID, nil)
	expect(t, err, 400, "payment_intent_unexpected_state")

	part := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Capture(t.Context(), reserve().ID, &stripe.PaymentIntentCaptureParams{
		AmountToCapture: stripe.Int64(20000), ApplicationFeeAmount: stripe.Int64(3000),
	}))
	if part.AmountReceived != 20000 || part.AmountCapturable != 0 || part.Amount != 60000 {
		t.Errorf("a part: %d received, %d capturable of %d", part.AmountReceived, part.AmountCapturable, part.Amount)
	}
	funds("", 6725+2085)    // 3000 less 680 + 235
	funds(may, 51000+17000) // 20000 less 3000
	_, err = ada.V1PaymentIntents.Capture(t.Context(), reserve().ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(60001)})
	expect(t, err, 400, "amount_too_large")

	void := reserve()
	canceled := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Cancel(t.Context(), void.ID, &stripe.PaymentIntentCancelParams{
		CancellationReason: stripe.String("requested_by_customer"),
	}))
	if canceled.Status != stripe.PaymentIntentStatusCanceled || canceled.CancellationReason != "requested_by_customer" {
		t.Errorf("void: %s, %s", canceled.Status, canceled.CancellationReason)
	}
	_, err = ada.V1PaymentIntents.Capture(t.Context(), void.ID, nil)
	expect(t, err, 400, "payment_intent_unexpected_state")
	funds("", 6725+2085)
	funds(may, 51000+17000)
	h.closeBooks()
}

// expect insists on the status and code of a refusal.
func expect(t *testing.T, err error, status int, code stripe.ErrorCode) {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) || e.HTTPStatusCode != status || e.Code != code {
		t.Errorf("%v, want status %d and code %s", err, status, code)
	}
}

// The student's bank wants to see the student: the SDK says where, and the
// payment goes on from there.
func TestAPayerAuthenticatesAndThePaymentSucceeds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, may := h.stripe(), h.tutor("Chan May")
	begin := func() (*stripe.PaymentIntent, string) {
		t.Helper()
		p := lessonOf(may)
		p.PaymentMethod = stripe.String("pm_card_authenticationRequired")
		p.ReturnURL = stripe.String("https://tutorhub.example/thanks?lesson=4711")
		pi := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Create(t.Context(), p))
		if pi.Status != stripe.PaymentIntentStatusRequiresAction || pi.NextAction == nil || pi.NextAction.RedirectToURL == nil {
			t.Fatalf("%s: %+v", pi.Status, pi.NextAction)
		}
		return pi, pi.NextAction.RedirectToURL.URL
	}
	pi, page := begin()
	if asked := browse(t, http.MethodGet, page, nil); asked.StatusCode != http.StatusOK || !strings.HasPrefix(asked.Header.Get("Content-Type"), "text/html") {
		t.Errorf("the bank's page: %s", asked.Status)
	}
	sent := browse(t, http.MethodPost, page, url.Values{"authenticated": {"true"}})
	back, err := sent.Location()
	if err != nil || sent.StatusCode != http.StatusSeeOther {
		t.Fatalf("after the bank: %s, %v", sent.Status, err)
	}
	if q := back.Query(); back.Host != "tutorhub.example" || q.Get("lesson") != "4711" || q.Get("payment_intent") != pi.ID || q.Get("payment_intent_client_secret") != pi.ClientSecret {
		t.Errorf("sent back to %s", back)
	}
	if done := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Retrieve(t.Context(), pi.ID, nil)); done.Status != stripe.PaymentIntentStatusSucceeded || done.AmountReceived != 60000 {
		t.Errorf("after the bank: %s", done.Status)
	}

	pi, page = begin()
	browse(t, http.MethodPost, page, url.Values{"authenticated": {"false"}})
	failed := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Retrieve(t.Context(), pi.ID, nil))
	if failed.Status != stripe.PaymentIntentStatusRequiresPaymentMethod || failed.LastPaymentError == nil || failed.LastPaymentError.Code != "payment_intent_authentication_failure" {
		t.Errorf("a payer who fails: %s, %+v", failed.Status, failed.LastPaymentError)
	}
	other := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Confirm(t.Context(), pi.ID, &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")}))
	if other.Status != stripe.PaymentIntentStatusSucceeded {
		t.Errorf("with another card: %s", other.Status)
	}
	h.closeBooks()
}

// browse is the payer's browser; it does not leave for the merchant's page.
func browse(t *testing.T, method, page string, form url.Values) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, page, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := stay.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

// Ada's server hears of a payment, and of what happens at her tutors, by webhook.
func TestWebhooksArriveSignedForTheOfficialSDK(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, may := h.stripe(), h.tutor("Chan May")
	own, ofTutors := listen(h, false, "payment_intent.succeeded"), listen(h, true, "*")
	pi := must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Create(t.Context(), lessonOf(may)))

	paid := own.next("payment_intent.succeeded")
	if paid.Account != "" || paid.Data.Object["id"] != pi.ID || paid.Data.Object["status"] != "succeeded" || paid.Livemode {
		t.Errorf("%+v", paid)
	}
	if paid.Request == nil || paid.Request.ID == "" || paid.Request.IdempotencyKey == "" {
		t.Errorf("the event does not tell the request: %+v", paid.Request)
	}
	earned := ofTutors.next("payment.created")
	if earned.Account != may || earned.Data.Object["amount"] != 60000.0 {
		t.Errorf("%+v", earned)
	}

	same := must[*stripe.Event](t)(ada.V1Events.Retrieve(t.Context(), paid.ID, nil))
	if same.Type != paid.Type || same.Data.Object["id"] != pi.ID {
		t.Errorf("%+v", same)
	}
	_, err := ada.V1Events.Retrieve(t.Context(), earned.ID, nil)
	expect(t, err, 404, "resource_missing") // it is May's
	must[*stripe.Event](t)(ada.V1Events.Retrieve(t.Context(), earned.ID, &stripe.EventRetrieveParams{Params: stripe.Params{StripeAccount: &may}}))
}

// listener is a webhook endpoint of Ada's.
type listener struct {
	t      testing.TB
	events chan stripe.Event
}

func listen(h *house, connected bool, types ...string) *listener {
	h.t.Helper()
	l := &listener{t: h.t, events: make(chan stripe.Event, 100)}
	secret := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := <-secret
		secret <- key
		body, _ := io.ReadAll(r.Body)
		event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), key)
		if err != nil {
			h.t.Errorf("the SDK refuses an event: %v\n%s", err, body)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		l.events <- event
	}))
	h.t.Cleanup(server.Close)
	made := must[*stripe.WebhookEndpoint](h.t)(h.stripe().V1WebhookEndpoints.Create(h.t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: &server.URL, EnabledEvents: stripe.StringSlice(types), Connect: &connected,
	}))
	if !strings.HasPrefix(made.Secret, "whsec_") {
		h.t.Fatalf("the secret is %q", made.Secret)
	}
	again := must[*stripe.WebhookEndpoint](h.t)(h.stripe().V1WebhookEndpoints.Retrieve(h.t.Context(), made.ID, nil))
	if again.Secret != "" {
		h.t.Error("the secret is shown twice")
	}
	secret <- made.Secret
	return l
}

// next is the next event of a type; others before it are passed over.
func (l *listener) next(kind stripe.EventType) stripe.Event {
	l.t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case e := <-l.events:
			if e.Type == kind {
				return e
			}
		case <-late:
			l.t.Fatalf("no %s arrived", kind)
		}
	}
}

// Two days pass in the sandbox, and the tutor's bank account has the money.
func TestALessonBecomesAPaidPayout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, may := h.stripe(), h.tutor("Chan May")
	books := goSDK{t: t, stripe: ada}
	must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Create(t.Context(), lessonOf(may)))
	if pending, available := books.balance(may, "hkd"); pending != 51000 || available != 0 {
		t.Errorf("at once: %d pending, %d available", pending, available)
	}
	h.days("3d")
	if pending, available := books.balance(may, "hkd"); pending != 0 || available != 0 {
		t.Errorf("after three days: %d pending, %d available", pending, available)
	}
	as := stripe.ListParams{StripeAccount: &may}
	var payouts []*stripe.Payout
	for p, err := range ada.V1Payouts.List(t.Context(), &stripe.PayoutListParams{ListParams: as}).All(t.Context()) {
		payouts = append(payouts, must[*stripe.Payout](t)(p, err))
	}
	if len(payouts) != 1 || payouts[0].Amount != 51000 || payouts[0].Status != stripe.PayoutStatusPaid || !payouts[0].Automatic {
		t.Fatalf("payouts: %+v", payouts)
	}
	lines := books.lines(may, "hkd", payouts[0].ID)
	if got := fmt.Sprint(lines); got != "[payout -51000 payment 60000 fee 9000]" {
		t.Errorf("the payout consists of %s", got)
	}
	var story []string
	for e, err := range ada.V1Events.List(t.Context(), &stripe.EventListParams{ListParams: as}).All(t.Context()) {
		story = append(story, string(must[*stripe.Event](t)(e, err).Type))
	}
	slices.Reverse(story)
	told := 0 // events come in the order in which things happened
	want := []string{"account.updated", "payment.created", "balance.available", "payout.created", "payout.paid"}
	for _, kind := range story {
		if told < len(want) && kind == want[told] {
			told++
		}
	}
	if told != len(want) {
		t.Errorf("May's events are %v; %s is missing or late", story, want[told])
	}
	h.closeBooks()
}

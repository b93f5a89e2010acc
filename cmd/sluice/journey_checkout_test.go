package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/sluicepay/sluice/connect/checkout"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// A buyer pays on the hosted page for a lesson that Ada's platform sells, in a real
// browser. SLUICE_SCREENSHOTS=folder keeps a picture of each page.

// till is Ada's shop with a tutor, and a web site the buyer comes back to.
type till struct {
	*house
	t     *testing.T
	ada   *stripe.Client
	tutor string
	shop  string // http://…
	mu    sync.Mutex
	came  []string // addresses of the shop that were asked for
}

func newTill(t *testing.T) *till {
	h := newHouse(t)
	c := &till{house: h, t: t, ada: h.stripe(), tutor: h.tutor("Chan Ka Yan")}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.came = append(c.came, r.URL.String())
		c.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>Shop</title><link rel=icon href=data:,><p>Welcome back at %s", r.URL.Path)
	}))
	t.Cleanup(shop.Close)
	c.shop = shop.URL
	return c
}

// lesson is a session for four lessons: HK$600.00, of which Ada keeps HK$90.00.
func (c *till) lesson(changes ...func(*stripe.CheckoutSessionCreateParams)) *stripe.CheckoutSession {
	c.t.Helper()
	p := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String(c.shop + "/paid?session={CHECKOUT_SESSION_ID}"), CancelURL: stripe.String(c.shop + "/basket"),
		ClientReferenceID: stripe.String("order-7"), Metadata: map[string]string{"lesson": "12"},
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{
			Quantity: stripe.Int64(4),
			PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
				Currency: stripe.String("hkd"), UnitAmount: stripe.Int64(15000),
				ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("Piano lesson 鋼琴課"), Description: stripe.String("Grade 5, one hour")},
			},
		}},
		PaymentIntentData: &stripe.CheckoutSessionCreatePaymentIntentDataParams{
			ApplicationFeeAmount: stripe.Int64(9000), Description: stripe.String("Four piano lessons"), Metadata: map[string]string{"order": "7"},
			TransferData: &stripe.CheckoutSessionCreatePaymentIntentDataTransferDataParams{Destination: &c.tutor},
		},
	}
	for _, change := range changes {
		change(p)
	}
	return must[*stripe.CheckoutSession](c.t)(c.ada.V1CheckoutSessions.Create(c.t.Context(), p))
}

func (c *till) session(id string) *stripe.CheckoutSession {
	c.t.Helper()
	p := &stripe.CheckoutSessionRetrieveParams{}
	p.AddExpand("payment_intent.latest_charge")
	p.AddExpand("line_items")
	return must[*stripe.CheckoutSession](c.t)(c.ada.V1CheckoutSessions.Retrieve(c.t.Context(), id, p))
}

// fillCard types a card into the page.
func fillCard(tab *uitest.Tab, number string) {
	tab.Fill("number", number)
	tab.Fill("expiry", "12 / 40")
	tab.Fill("cvc", "123")
	if tab.Value("email") == "" {
		tab.Fill("email", "lok@example.com")
	}
	tab.Fill("name", "Au Yeung Lok")
}

// paid holds a session against what must be so once it was paid, once.
func (c *till) paid(id string) *stripe.CheckoutSession {
	c.t.Helper()
	s := c.session(id)
	if s.Status != stripe.CheckoutSessionStatusComplete || s.PaymentStatus != stripe.CheckoutSessionPaymentStatusPaid || s.URL != "" {
		c.t.Fatalf("the session is %s and %s, with url %q", s.Status, s.PaymentStatus, s.URL)
	}
	if s.PaymentIntent.Status != stripe.PaymentIntentStatusSucceeded || s.PaymentIntent.AmountReceived != s.AmountTotal {
		c.t.Errorf("its intent is %s with %d", s.PaymentIntent.Status, s.PaymentIntent.AmountReceived)
	}
	if got := c.eventsAbout(id); !slices.Equal(got, []string{"checkout.session.completed"}) {
		c.t.Errorf("told %v of the session", got)
	}
	succeeded := 0
	for charge, err := range c.ada.V1Charges.List(c.t.Context(), &stripe.ChargeListParams{PaymentIntent: &s.PaymentIntent.ID}).All(c.t.Context()) {
		if must[*stripe.Charge](c.t)(charge, err).Status == stripe.ChargeStatusSucceeded {
			succeeded++
		}
	}
	if succeeded != 1 {
		c.t.Errorf("paid %d times", succeeded)
	}
	return s
}

func (c *till) eventsAbout(object string) (types []string) {
	c.t.Helper()
	for e, err := range c.ada.V1Events.List(c.t.Context(), &stripe.EventListParams{}).All(c.t.Context()) {
		if must[*stripe.Event](c.t)(e, err).Data.Object["id"] == object {
			types = append(types, string(e.Type))
		}
	}
	return types
}

func (c *till) arrivals(path string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, address := range c.came {
		if strings.HasPrefix(address, path) {
			n++
		}
	}
	return n
}

// lookAtCheckout audits a page and keeps its pictures.
func lookAtCheckout(t *testing.T, tab *uitest.Tab, name string) {
	t.Helper()
	if folder := os.Getenv("SLUICE_SCREENSHOTS"); folder != "" {
		for _, width := range []int{390, 1440} {
			for theme, dark := range map[string]bool{"light": false, "dark": true} {
				tab.SetWidth(width)
				tab.SetDark(dark)
				tab.Screenshot(filepath.Join(folder, fmt.Sprintf("checkout-%s-%d-%s.png", name, width, theme)))
			}
		}
		tab.SetWidth(1440)
		tab.SetDark(false)
	}
	if strings.HasPrefix(name, "en-") {
		uitest.Audit(t, tab)
	} else {
		uitest.Fits(t, tab) // languages share their markup
	}
}

func TestABuyerPaysOnTheHostedPage(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	c.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts/" + c.platform, form: "settings[branding][primary_color]=%235b3df5"})
	for _, c2 := range []struct{ tag, short, pay, see, order string }{
		{"en", "en", "Pay HK$600.00", "See the receipt", "taught by Chan Ka Yan"},
		{"zh-Hant-HK", "zh", "支付 HK$600.00", "查看收據", "由 Chan Ka Yan 授課"},
	} {
		t.Run(c2.tag, func(t *testing.T) {
			c.t, c.house.t = t, t
			ada, tutor := c.balanceOf("", "hkd"), c.balanceOf(c.tutor, "hkd")
			made := c.lesson()
			if made.AmountTotal != 60000 || made.Status != stripe.CheckoutSessionStatusOpen || !strings.HasPrefix(made.URL, c.url+checkout.Path+"/") {
				t.Fatalf("made %+v", made)
			}
			tab := uitest.Browser(t).Tab(t, uitest.Language(c2.tag))
			tab.Open(made.URL)
			tab.WaitText(c2.order)
			lookAtCheckout(t, tab, c2.short+"-1-page")
			tab.ClickThrough(c2.pay)
			lookAtCheckout(t, tab, c2.short+"-2-errors")
			fillCard(tab, "4000 0000 0000 0002")
			tab.ClickThrough(c2.pay)
			if tab.Value("number") != "" || tab.Value("cvc") != "" || tab.Value("name") != "Au Yeung Lok" {
				t.Error("the page shows the card again, or forgets the name")
			}
			lookAtCheckout(t, tab, c2.short+"-3-declined")
			fillCard(tab, "4242 4242 4242 4242")
			tab.ClickThrough(c2.pay)
			tab.WaitURL(c.shop + "/paid?session=" + made.ID)

			paid := c.paid(made.ID)
			if paid.CustomerDetails.Email != "lok@example.com" || paid.CustomerDetails.Name != "Au Yeung Lok" || paid.ClientReferenceID != "order-7" || paid.Metadata["lesson"] != "12" {
				t.Errorf("the session tells %+v", paid)
			}
			if items := paid.LineItems.Data; len(items) != 1 || items[0].AmountTotal != 60000 || items[0].Quantity != 4 || items[0].Price.UnitAmount != 15000 {
				t.Errorf("lines %+v", paid.LineItems)
			}
			intent := paid.PaymentIntent
			if intent.ApplicationFeeAmount != 9000 || intent.TransferData.Destination.ID != c.tutor || intent.Description != "Four piano lessons" || intent.Metadata["order"] != "7" {
				t.Errorf("the intent is %+v", intent)
			}
			if kept, got := c.balanceOf("", "hkd")-ada, c.balanceOf(c.tutor, "hkd")-tutor; got != 51000 || kept <= 0 || kept >= 9000 {
				t.Errorf("the tutor has %d of 51000, and Ada keeps %d of her fee of 9000 after the processor's", got, kept)
			}
			tab.Open(made.URL)
			lookAtCheckout(t, tab, c2.short+"-4-paid")
			tab.ClickThrough(c2.see)
			if !strings.HasPrefix(tab.URL(), intent.LatestCharge.ReceiptURL) {
				t.Errorf("the receipt is at %s, the charge says %s", tab.URL(), intent.LatestCharge.ReceiptURL)
			}
			lookAtCheckout(t, tab, c2.short+"-5-receipt")
			if text := tab.Text(); strings.Contains(text, "Chan Ka Yan") || strings.Contains(text, "90.00") || !strings.Contains(text, "4242") {
				t.Errorf("the receipt shows the split, or not the card:\n%s", text)
			}
			refund := fmt.Sprintf("charge=%s&amount=15000&reverse_transfer=true&refund_application_fee=true", intent.LatestCharge.ID)
			c.send(http.StatusOK, letter{method: "POST", path: "/v1/refunds", form: refund})
			tab.Reload()
			tab.WaitText("HK$450.00")
			lookAtCheckout(t, tab, c2.short+"-6-refunded")
		})
	}
	c.t, c.house.t = t, t
	c.closeBooks()
}

// balanceOf is pending and available money together.
func (c *till) balanceOf(account, currency string) int64 {
	pending, available := goSDK{t: c.t, stripe: c.ada}.balance(account, currency)
	return pending + available
}

func TestTwoClicksAreOnePayment(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson()
	fields := url.Values{"email": {"lok@example.com"}, "number": {"4242424242424242"}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Au Yeung Lok"}}
	var clicks sync.WaitGroup
	for range 6 {
		clicks.Go(func() {
			res, err := noRedirect.PostForm(made.URL, fields)
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
			if to := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, c.shop+"/paid") && !strings.HasPrefix(to, checkout.Path) {
				t.Errorf("a click leads to %d %s", res.StatusCode, to)
			}
		})
	}
	clicks.Wait()
	c.paid(made.ID)
	intents := 0
	for pi, err := range c.ada.V1PaymentIntents.List(t.Context(), &stripe.PaymentIntentListParams{}).All(t.Context()) {
		must[*stripe.PaymentIntent](t)(pi, err)
		intents++
	}
	if intents != 1 {
		t.Errorf("%d intents", intents)
	}
	c.closeBooks()
}

// noRedirect shows where it is sent.
var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func TestTheBankIsAskedAndTheBuyerComesBack(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson()
	tab := uitest.Browser(t).Tab(t)
	tab.Open(made.URL)
	fillCard(tab, "4000 0027 6000 3184")
	tab.ClickThrough("Pay HK$600.00")
	tab.WaitURL(actionPath)
	bank := tab.URL()

	tab.Open(made.URL) // away from the bank, in the middle of it
	lookAtCheckout(t, tab, "en-7-bank")
	tab.ClickThrough("Go to your bank")
	if tab.URL() != bank {
		t.Fatalf("back at %s, not %s", tab.URL(), bank)
	}
	lookAtCheckout(t, tab, "en-7-at-the-bank")
	tab.ClickThrough("No, refuse the payment")
	tab.WaitText("did not confirm that it is you")
	if address := tab.URL(); strings.Contains(address, "secret") {
		t.Errorf("the address shows %s", address)
	}
	lookAtCheckout(t, tab, "en-8-refused-by-bank")
	fillCard(tab, "4000 0027 6000 3184")
	tab.ClickThrough("Pay HK$600.00")
	tab.WaitURL(actionPath)
	tab.Click("Yes, it is me")
	tab.WaitURL(c.shop + "/paid?session=" + made.ID)
	c.paid(made.ID)
}

func TestABuyerPaysWithoutJavaScript(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson(func(p *stripe.CheckoutSessionCreateParams) {
		p.CustomerEmail = stripe.String("ka.yan@example.com")
		p.Locale = stripe.String("zh-HK")
	})
	tab := uitest.Browser(t).Tab(t, uitest.NoScript, uitest.Phone, uitest.Language("en"))
	tab.Open(made.URL)
	tab.WaitText("付款予")
	if tab.Value("email") != "ka.yan@example.com" {
		t.Errorf("the page asks %q for an address that is known", tab.Value("email"))
	}
	lookAtCheckout(t, tab, "en-9-noscript")
	fillCard(tab, "4000002760003184")
	tab.ClickThrough("支付 HK$600.00")
	tab.WaitURL(actionPath)
	lookAtCheckout(t, tab, "en-9-noscript-bank")
	tab.Click("Yes, it is me")
	tab.WaitURL(c.shop + "/paid")
	if got := c.paid(made.ID).CustomerDetails.Email; got != "ka.yan@example.com" {
		t.Errorf("paid by %s", got)
	}
}

func TestASessionEndsOnce(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	late, withdrawn, waiting := c.lesson(), c.lesson(), c.lesson()
	tab := uitest.Browser(t).Tab(t)
	tab.Open(waiting.URL)
	fillCard(tab, "4000 0027 6000 3184")
	tab.ClickThrough("Pay HK$600.00")
	tab.WaitURL(actionPath)
	bank := tab.URL()
	for _, session := range []*stripe.CheckoutSession{withdrawn, waiting} {
		ended := must[*stripe.CheckoutSession](t)(c.ada.V1CheckoutSessions.Expire(t.Context(), session.ID, nil))
		if ended.Status != stripe.CheckoutSessionStatusExpired || ended.URL != "" {
			t.Errorf("withdrawn, it is %s at %s", ended.Status, ended.URL)
		}
		if again, err := c.ada.V1CheckoutSessions.Expire(t.Context(), session.ID, nil); err == nil {
			t.Errorf("it could be withdrawn again: %s", again.Status)
		}
	}
	if s := c.session(waiting.ID); s.PaymentIntent.Status != stripe.PaymentIntentStatusCanceled {
		t.Errorf("the intent of a withdrawn session is %s", s.PaymentIntent.Status)
	}
	res, err := noRedirect.PostForm(bank, url.Values{"authenticated": {"true"}}) // too late
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	tab.Open(waiting.URL)
	tab.WaitText("This page is closed")
	lookAtCheckout(t, tab, "en-10-closed")

	c.days("2d")
	tab.Open(late.URL)
	tab.WaitText("This page is closed")
	for _, session := range []*stripe.CheckoutSession{late, withdrawn, waiting} {
		if got := c.eventsAbout(session.ID); !slices.Equal(got, []string{"checkout.session.expired"}) {
			t.Errorf("told %v of %s", got, session.ID)
		}
	}
	if n := c.arrivals("/paid"); n > 0 {
		t.Errorf("the shop heard of %d payments", n)
	}
}

// A buyer whose browser dies at the bank has paid all the same, and a session that
// nobody opens again expires: the sweeper sees both.
func TestTheSweeperEndsWhatNobodyComesBackTo(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	paid, forgotten := c.lesson(), c.lesson()
	fields := url.Values{"email": {"lok@example.com"}, "number": {"4000002760003184"}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Lok"}}
	res, err := noRedirect.PostForm(paid.URL, fields)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	bank := res.Header.Get("Location")
	if !strings.Contains(bank, actionPath) {
		t.Fatalf("the buyer is sent to %s", bank)
	}
	if res, err = noRedirect.PostForm(bank, url.Values{"authenticated": {"true"}}); err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // and does not follow
	if err := c.app.checkout.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.paid(paid.ID)
	c.days("25h")
	if err := c.app.checkout.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := c.session(forgotten.ID); s.Status != stripe.CheckoutSessionStatusExpired || s.PaymentIntent != nil {
		t.Errorf("after a day it is %s", s.Status)
	}
	// What was paid stays so.
	c.paid(paid.ID)
}

// A crash after a session's intent was made and before the session knew of it leaves an
// intent that the next click finds again by its key: nobody pays twice.
func TestASessionThatForgotItsIntentInACrashFindsItAgain(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	lesson := c.lesson()
	pay := func(number string) {
		t.Helper()
		res, err := noRedirect.PostForm(lesson.URL, url.Values{"email": {"lok@example.com"}, "number": {number}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Lok"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	pay("4000000000000002") // declined: the intent is there
	made := c.session(lesson.ID).PaymentIntent
	if made == nil {
		t.Fatal("no intent was made")
	}
	if _, err := c.app.pool.ExecContext(t.Context(), `UPDATE connect.checkout_sessions SET payment_intent = '' WHERE id = ?`, lesson.ID); err != nil {
		t.Fatal(err)
	}
	pay("4242424242424242")
	if paid := c.paid(lesson.ID); paid.PaymentIntent == nil || paid.PaymentIntent.ID != made.ID {
		t.Errorf("paid by %v, the intent was %s", paid.PaymentIntent, made.ID)
	}
	var intents int
	if err := c.app.pool.NewRaw(`SELECT count(*) FROM connect.payment_intents`).Scan(t.Context(), &intents); err != nil || intents != 1 {
		t.Errorf("%d intents, %v", intents, err)
	}
}

func TestSessionsAreCheckedWhenTheyAreMade(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	const line = "line_items[0][quantity]=1&line_items[0][price_data][currency]=hkd&line_items[0][price_data][unit_amount]=60000&line_items[0][price_data][product_data][name]=Lesson"
	good := "mode=payment&success_url=https://shop.example/paid&" + line
	soon := fmt.Sprint(time.Now().Add(10 * time.Minute).Unix())
	for _, bad := range []struct{ form, code, param string }{
		{strings.Replace(good, "mode=payment", "mode=subscription", 1), "parameter_invalid", "mode"},
		{strings.Replace(good, "mode=payment&", "", 1), "parameter_missing", "mode"},
		{"mode=payment&success_url=https://shop.example/paid", "parameter_missing", "line_items"},
		{"mode=payment&" + line, "parameter_missing", "success_url"},
		{strings.Replace(good, "https:", "javascript:", 1), "url_invalid", "success_url"},
		{good + "&automatic_tax[enabled]=true", "parameter_unknown", "automatic_tax"},
		{good + "&allow_promotion_codes=true", "parameter_unknown", "allow_promotion_codes"},
		{good + "&expires_at=" + soon, "parameter_invalid_integer", "expires_at"},
		{good + "&payment_intent_data[application_fee_amount]=70000&payment_intent_data[transfer_data][destination]=" + c.tutor, "", "payment_intent_data[application_fee_amount]"},
		{good + "&payment_intent_data[transfer_data][destination]=acct_nobody", "", "payment_intent_data[transfer_data][destination]"},
		{good + "&payment_intent_data[description]=4242424242424242", "", "payment_intent_data[description]"},
		{good + "&customer=cus_nobody", "resource_missing", "customer"},
		{good + "&locale=tlh", "parameter_invalid", "locale"},
		{strings.Replace(good, "[quantity]=1", "[quantity]=0", 1), "parameter_invalid_integer", "line_items[0][quantity]"},
		{strings.Replace(good, "unit_amount]=60000", "unit_amount]=9223372036854775807", 1), "amount_too_large", "line_items[0][price_data][unit_amount]"},
		{strings.Replace(good, "unit_amount]=60000", "unit_amount]=1", 1), "amount_too_small", "line_items"},
		{good + "&line_items[1][quantity]=1&line_items[1][price_data][currency]=usd&line_items[1][price_data][unit_amount]=1&line_items[1][price_data][product_data][name]=x", "parameter_invalid", "line_items[1][price_data][currency]"},
	} {
		refused := c.send(http.StatusBadRequest, letter{method: "POST", path: "/v1/checkout/sessions", form: bad.form})
		if code := fmt.Sprint(refused.at("error", "code")); refused.at("error", "param") != bad.param || bad.code != "" && code != bad.code {
			t.Errorf("%s: %s", bad.form, refused.raw)
		}
	}
	if n := len(c.send(http.StatusOK, letter{method: "GET", path: "/v1/checkout/sessions"}).at("data").([]any)); n != 0 {
		t.Errorf("%d sessions were made of it", n)
	}
	key := letter{method: "POST", path: "/v1/checkout/sessions", form: good, header: map[string]string{"Idempotency-Key": "order-7"}}
	if one, two := c.send(http.StatusOK, key), c.send(http.StatusOK, key); one.at("id") != two.at("id") {
		t.Errorf("one key made %v and %v", one.at("id"), two.at("id"))
	}
}

// Who knows a session's id, or a charge's, does not know the address of its page.
func TestAddressesCannotBeMadeUp(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson()
	for _, address := range []string{
		c.url + checkout.Path + "/" + made.ID, c.url + checkout.Path + "/" + made.ID + ".", made.URL[:len(made.URL)-1],
		strings.Replace(made.URL, checkout.Path, checkout.ReceiptPath, 1), c.url + checkout.ReceiptPath + "/ch_1.x",
	} {
		res, err := noRedirect.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d", address, res.StatusCode)
		}
	}
}

// A page does not try cards without end, and does not take what it did not show.
func TestAPageHasItsLimits(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson()
	fields := url.Values{"email": {"lok@example.com"}, "number": {"4000000000000002"}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Lok"}}
	try := func(want int, number string) {
		t.Helper()
		fields.Set("number", number)
		res, err := noRedirect.PostForm(made.URL, fields)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("answers %d, not %d", res.StatusCode, want)
		}
	}
	try(http.StatusPaymentRequired, "4000000000000002")
	intent := c.session(made.ID).PaymentIntent.ID
	c.send(http.StatusOK, letter{method: "POST", path: "/v1/payment_intents/" + intent, form: "amount=61000"})
	try(http.StatusSeeOther, "4242424242424242")
	if s := c.session(made.ID); s.Status != stripe.CheckoutSessionStatusOpen || s.PaymentIntent.AmountReceived != 0 {
		t.Fatalf("the buyer paid %d, the page showed %d", s.PaymentIntent.AmountReceived, s.AmountTotal)
	}
	c.send(http.StatusOK, letter{method: "POST", path: "/v1/payment_intents/" + intent, form: "amount=60000"})
	for range 18 {
		try(http.StatusPaymentRequired, "4000000000000002")
	}
	try(http.StatusPaymentRequired, "4242424242424242")
	if s := c.session(made.ID); s.PaymentStatus != stripe.CheckoutSessionPaymentStatusUnpaid {
		t.Error("the page takes cards without end")
	}
}

// payBy pays a session on its page without a browser, and returns where that leads.
func payBy(t *testing.T, address, number string) string {
	t.Helper()
	res, err := noRedirect.PostForm(address, url.Values{"email": {"lok@example.com"}, "number": {number}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Lok"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the page answers %d", res.StatusCode)
	}
	return res.Header.Get("Location")
}

// A tutor sells on an account of her own: the page says so, and her account is charged.
func TestADirectChargeIsPaidToTheTutor(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson(func(p *stripe.CheckoutSessionCreateParams) {
		p.StripeAccount, p.PaymentIntentData.TransferData = &c.tutor, nil
	})
	if text := pageAt(t, made.URL); !strings.Contains(text, "Paid to <strong>Chan Ka Yan</strong>") || strings.Contains(text, "taught by") {
		t.Errorf("the page says %s", text)
	}
	if to := payBy(t, made.URL, "4242424242424242"); !strings.HasPrefix(to, c.shop+"/paid") {
		t.Errorf("paying leads to %s", to)
	}
	p := &stripe.CheckoutSessionRetrieveParams{}
	p.StripeAccount = &c.tutor
	p.AddExpand("payment_intent.latest_charge")
	paid := must[*stripe.CheckoutSession](t)(c.ada.V1CheckoutSessions.Retrieve(t.Context(), made.ID, p))
	if paid.PaymentStatus != stripe.CheckoutSessionPaymentStatusPaid || paid.PaymentIntent.LatestCharge.ApplicationFeeAmount != 9000 {
		t.Errorf("%s, with a fee of %d", paid.PaymentStatus, paid.PaymentIntent.LatestCharge.ApplicationFeeAmount)
	}
	if text := pageAt(t, paid.PaymentIntent.LatestCharge.ReceiptURL); !strings.Contains(text, "Your payment to <strong>Chan Ka Yan</strong>") {
		t.Errorf("the receipt says %s", text)
	}
	if _, err := c.ada.V1CheckoutSessions.Retrieve(t.Context(), made.ID, nil); err == nil {
		t.Error("the session is seen from the platform's own account")
	}
	c.closeBooks()
}

// pageAt is the page at an address.
func pageAt(t *testing.T, address string) string {
	t.Helper()
	res, err := noRedirect.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// Several tutors share a lesson, and nobody is named alone.
func TestASplitBetweenTutorsIsPaidOnThePage(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	other := c.house.tutor("Wong Siu Ming")
	made := c.lesson(func(p *stripe.CheckoutSessionCreateParams) {
		p.PaymentIntentData.TransferData, p.PaymentIntentData.ApplicationFeeAmount = nil, nil
		p.AddExtra("payment_intent_data[splits][0][destination]", c.tutor)
		p.AddExtra("payment_intent_data[splits][0][percent]", "60")
		p.AddExtra("payment_intent_data[splits][1][destination]", other)
		p.AddExtra("payment_intent_data[splits][1][percent]", "20")
	})
	if text := pageAt(t, made.URL); strings.Contains(text, "taught by") {
		t.Errorf("the page says %s", text)
	}
	payBy(t, made.URL, "4242424242424242")
	c.paid(made.ID)
	if one, two := c.balanceOf(c.tutor, "hkd"), c.balanceOf(other, "hkd"); one != 36000 || two != 12000 {
		t.Errorf("the tutors have %d and %d", one, two)
	}
	c.closeBooks()
}

func TestAReservationEndsASessionUnpaid(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	made := c.lesson(func(p *stripe.CheckoutSessionCreateParams) {
		p.PaymentIntentData.CaptureMethod = stripe.String("manual")
	})
	if !strings.Contains(pageAt(t, made.URL), "reserved on your card now and taken later") {
		t.Error("the page does not say that the money is taken later")
	}
	payBy(t, made.URL, "4242424242424242")
	s := c.session(made.ID)
	if s.Status != stripe.CheckoutSessionStatusComplete || s.PaymentStatus != stripe.CheckoutSessionPaymentStatusUnpaid || s.PaymentIntent.Status != stripe.PaymentIntentStatusRequiresCapture {
		t.Errorf("reserved: %s, %s, %s", s.Status, s.PaymentStatus, s.PaymentIntent.Status)
	}
	if !strings.Contains(pageAt(t, s.PaymentIntent.LatestCharge.ReceiptURL), "Reserved") {
		t.Error("the receipt does not say that the money is only reserved")
	}
	if err := c.app.checkout.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

// While the outcome is not known the page waits, takes no second card and cannot be withdrawn.
func TestAPageWaitsForAnOutcome(t *testing.T) {
	t.Parallel()
	c := newTill(t)
	customer := must[*stripe.Customer](t)(c.ada.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{Email: stripe.String("ka.yan@example.com"), Name: stripe.String("Ka Yan")}))
	made := c.lesson(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &customer.ID })
	if text := pageAt(t, made.URL); !strings.Contains(text, "ka.yan@example.com") {
		t.Error("the page does not know the customer")
	}
	declined, err := noRedirect.PostForm(made.URL, url.Values{"email": {"lok@example.com"}, "number": {"4000000000000002"}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Lok"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = declined.Body.Close()
	intent := c.session(made.ID).PaymentIntent
	if intent.Customer == nil || intent.Customer.ID != customer.ID {
		t.Errorf("the intent is of %+v", intent.Customer)
	}
	c.send(http.StatusOK, letter{method: "POST", path: "/v1/payment_intents/" + intent.ID + "/confirm", form: "payment_method=pm_card_processing"})
	if to := payBy(t, made.URL, "4242424242424242"); !strings.HasPrefix(to, checkout.Path) {
		t.Errorf("a second card leads to %s", to)
	}
	tab := uitest.Browser(t).Tab(t)
	tab.Open(made.URL)
	tab.WaitText("We are waiting for your bank")
	if _, err := c.ada.V1CheckoutSessions.Expire(t.Context(), made.ID, nil); err == nil {
		t.Error("it could be withdrawn")
	}
	c.days("1h") // the bank has decided
	if _, err := c.app.sweeper.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	tab.WaitURL(c.shop + "/paid")
	c.paid(made.ID)
}

// In live mode there is nobody who takes the money.
func TestThereIsNoCheckoutInLiveModeYet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	live := h.stripeWith(h.newKey(h.platform, true, credential.NewKey{Kind: credential.Secret}))
	_, err := live.V1CheckoutSessions.Create(t.Context(), &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String("https://shop.example/paid"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
			Currency: stripe.String("hkd"), UnitAmount: stripe.Int64(60000),
			ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("Lesson")},
		}}},
	})
	if err == nil || !strings.Contains(err.Error(), "testmode_charges_only") {
		t.Errorf("live: %v", err)
	}
}

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// clerk asks the house as a platform's back office does: for itself, or for one
// of its connected accounts. Every answer is held against the OpenAPI file.
type clerk struct {
	*house
	as string // Stripe-Account, or "" for the platform itself
}

func (c clerk) of(account string) clerk { return clerk{c.house, account} }

// raw sends a request and returns the status and the parsed body.
func (c clerk) raw(method, path, form, key string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(form))
	if err != nil {
		c.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if c.as != "" {
		req.Header.Set("Stripe-Account", c.as)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		c.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, body)
	}
	return res.StatusCode, out
}

func (c clerk) ask(method, path, form string) map[string]any {
	c.t.Helper()
	status, out := c.raw(method, path, form, c.key)
	if status != http.StatusOK {
		c.t.Fatalf("%s %s: %d %v", method, path, status, out)
	}
	return out
}

func (c clerk) get(path string) map[string]any { c.t.Helper(); return c.ask("GET", path, "") }

func (c clerk) post(path, form string) map[string]any { c.t.Helper(); return c.ask("POST", path, form) }

// refused is the error of a request that must fail with this status.
func (c clerk) refused(want int, method, path, form string) map[string]any {
	c.t.Helper()
	status, out := c.raw(method, path, form, c.key)
	if status != want {
		c.t.Fatalf("%s %s: %d, want %d: %v", method, path, status, want, out)
	}
	return out["error"].(map[string]any)
}

// at follows a path of names through objects; a missing one is nil.
func at(v any, path ...string) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func idsOf(list map[string]any) []string {
	var ids []string
	for _, item := range list["data"].([]any) {
		ids = append(ids, at(item, "id").(string))
	}
	return ids
}

// tutor is a connected account that can be paid and take payments.
func (c clerk) tutor() string {
	c.t.Helper()
	a := c.post("/v1/accounts", "type=custom&country=HK&external_account=btok_hk&capabilities[transfers][requested]=true&capabilities[card_payments][requested]=true")
	return a["id"].(string)
}

func TestPaymentsThatArriveStandAmongTheChargesOfAnAccount(t *testing.T) {
	t.Parallel()
	platform := clerk{house: newHouse(t)}
	tutor := platform.tutor()
	connected := platform.of(tutor)
	const charge = "amount=1000&currency=hkd&source=tok_visa"
	var newestFirst []string
	for range 3 {
		direct := connected.post("/v1/charges", charge)["id"].(string)
		routed := platform.post("/v1/charges", charge+"&transfer_data[destination]="+tutor+"&expand[]=transfer")
		newestFirst = append([]string{at(routed, "transfer", "destination_payment").(string), direct}, newestFirst...)
	}
	if got := idsOf(connected.get("/v1/charges")); !slices.Equal(got, newestFirst) {
		t.Fatalf("got %v, want %v", got, newestFirst)
	}

	var walked []string
	for path := "/v1/charges?limit=2"; ; {
		page := connected.get(path)
		ids := idsOf(page)
		walked = append(walked, ids...)
		if page["has_more"] != true {
			break
		}
		path = "/v1/charges?limit=2&starting_after=" + ids[len(ids)-1]
	}
	if !slices.Equal(walked, newestFirst) {
		t.Errorf("forwards %v", walked)
	}
	back := connected.get("/v1/charges?limit=2&ending_before=" + newestFirst[3])
	if got := idsOf(back); !slices.Equal(got, newestFirst[1:3]) || back["has_more"] != true {
		t.Errorf("backwards %v", back)
	}
	if got := idsOf(connected.get("/v1/charges?created[lt]=1")); len(got) != 0 {
		t.Errorf("created %v", got)
	}
	if got := idsOf(connected.get("/v1/charges?transfer_group=g")); len(got) != 0 {
		t.Errorf("payments have no transfer group: %v", got)
	}
	if e := connected.refused(400, "GET", "/v1/charges?starting_after=py_nobody", ""); e["code"] != "resource_missing" {
		t.Error(e)
	}
	if e := platform.refused(404, "GET", "/v1/charges/"+newestFirst[0], ""); e["code"] != "resource_missing" {
		t.Errorf("the platform reads a payment without naming its account: %v", e)
	}
}

func TestReferencesAreFollowedAcrossAccounts(t *testing.T) {
	t.Parallel()
	platform := clerk{house: newHouse(t)}
	tutor := platform.tutor()
	connected := platform.of(tutor)
	ch := platform.post("/v1/charges", "amount=10000&currency=hkd&source=tok_visa&application_fee_amount=1000&transfer_data[destination]="+tutor)["id"].(string)
	re := platform.post("/v1/refunds", "charge="+ch+"&amount=4000&reverse_transfer=true&refund_application_fee=true")["id"].(string)
	direct := connected.post("/v1/charges", "amount=5000&currency=hkd&source=tok_visa&application_fee_amount=500")["id"].(string)

	for _, c := range []struct {
		by   clerk
		path string
		at   []string
		want any
	}{
		{platform, "/v1/charges/" + ch + "?expand[]=transfer.destination_payment.balance_transaction", []string{"transfer", "destination_payment", "balance_transaction", "net"}, 9000.0},
		{platform, "/v1/charges/" + ch + "?expand[]=transfer.destination", []string{"transfer", "destination", "id"}, tutor},
		{platform, "/v1/charges/" + ch + "?expand[]=application_fee.charge", []string{"application_fee", "charge", "source_transfer"}, "tr"},
		{platform, "/v1/charges/" + ch + "?expand[]=refunds", []string{"refunds", "object"}, "list"},
		{platform, "/v1/refunds/" + re + "?expand[]=transfer_reversal.destination_payment_refund.balance_transaction", []string{"transfer_reversal", "destination_payment_refund", "balance_transaction", "amount"}, -4000.0},
		{platform, "/v1/refunds/" + re + "?expand[]=charge.balance_transaction", []string{"charge", "balance_transaction", "type"}, "charge"},
		{platform, "/v1/application_fees?limit=1&expand[]=data.charge.balance_transaction", []string{"data", "charge", "balance_transaction", "fee"}, nil},
		{connected, "/v1/charges/" + direct + "?expand[]=application_fee", []string{"application_fee", "amount"}, 500.0},
		{connected, "/v1/charges/" + direct + "?expand[]=application", []string{"application", "name"}, "TutorHub HK"},
	} {
		got := at(c.by.get(c.path), c.at...)
		if text, ok := got.(string); ok && c.want == "tr" {
			got = text[:2]
		}
		if got != c.want {
			t.Errorf("%s: %v is %v, want %v", c.path, c.at, got, c.want)
		}
	}

	fee := platform.get("/v1/application_fees?limit=1&expand[]=data.charge.balance_transaction")["data"].([]any)[0]
	if at(fee, "charge", "id") != direct || at(fee, "charge", "balance_transaction", "amount") != 5000.0 {
		t.Errorf("fee of a direct charge: %v", at(fee, "charge"))
	}
	for _, who := range []clerk{platform, connected} {
		for _, line := range who.get("/v1/balance_transactions?expand[]=data.source")["data"].([]any) {
			if at(line, "source", "object") == nil {
				t.Errorf("source of a %v line stays %v", at(line, "type"), at(line, "source"))
			}
		}
	}
	lines := connected.get("/v1/balance_transactions?type=payment&expand[]=data.source.source_transfer.source_transaction")["data"].([]any)
	if len(lines) != 1 || at(lines[0], "source", "source_transfer", "source_transaction", "id") != ch {
		t.Errorf("from a payment to the charge behind it: %v", lines)
	}
}

func TestReversalIsARefundOfThePayment(t *testing.T) {
	t.Parallel()
	platform := clerk{house: newHouse(t)}
	tutor := platform.tutor()
	connected := platform.of(tutor)
	ch := platform.post("/v1/charges", "amount=10000&currency=hkd&source=tok_bypassPending&transfer_data[destination]="+tutor+"&expand[]=transfer")
	tr, py := at(ch, "transfer", "id").(string), at(ch, "transfer", "destination_payment").(string)
	first := platform.post("/v1/transfers/"+tr+"/reversals", "amount=1000")
	second := platform.post("/v1/transfers/"+tr+"/reversals", "amount=2000")

	refunds := connected.get("/v1/charges/" + py + "/refunds?limit=1")
	newest, older := second["destination_payment_refund"].(string), first["destination_payment_refund"].(string)
	if got := idsOf(refunds); !slices.Equal(got, []string{newest}) || refunds["has_more"] != true {
		t.Fatal(refunds)
	}
	if got := idsOf(connected.get("/v1/refunds?charge=" + py + "&starting_after=" + newest)); !slices.Equal(got, []string{older}) {
		t.Error(got)
	}
	one := connected.get("/v1/refunds/" + newest + "?expand[]=source_transfer_reversal&expand[]=balance_transaction&expand[]=charge.refunds.data.balance_transaction")
	if at(one, "source_transfer_reversal", "transfer") != tr || at(one, "balance_transaction", "amount") != -2000.0 || at(one, "charge", "amount_refunded") != 3000.0 {
		t.Error(one)
	}
	if e := platform.refused(404, "GET", "/v1/refunds/"+newest, ""); e["code"] != "resource_missing" {
		t.Error(e)
	}
}

func TestOldestWaysToRefundReturnWhatWasRefunded(t *testing.T) {
	t.Parallel()
	platform := clerk{house: newHouse(t)}
	tutor := platform.tutor()
	ch := platform.post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa&application_fee_amount=100&transfer_data[destination]="+tutor)
	path := "/v1/charges/" + ch["id"].(string)
	refunded := platform.post(path+"/refund", "amount=400&expand[]=refunds")
	if refunded["object"] != "charge" || refunded["amount_refunded"] != 400.0 || len(idsOf(refunded["refunds"].(map[string]any))) != 1 {
		t.Fatal(refunded)
	}
	re := idsOf(refunded["refunds"].(map[string]any))[0]
	if got := platform.get(path + "/refunds/" + re); got["id"] != re || got["charge"] != ch["id"] {
		t.Error(got)
	}
	other := platform.post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa")["id"].(string)
	if e := platform.refused(404, "GET", "/v1/charges/"+other+"/refunds/"+re, ""); e["code"] != "resource_missing" {
		t.Error(e)
	}
	if e := platform.refused(400, "POST", path+"/refund", "amount=700"); e["param"] != "amount" {
		t.Error(e)
	}
	if e := platform.refused(400, "POST", "/v1/refunds/"+re+"/cancel", ""); e["type"] != "invalid_request_error" {
		t.Errorf("money on its way to a card is called back: %v", e)
	}
	fee := platform.post("/v1/application_fees/"+ch["application_fee"].(string)+"/refund", "amount=30")
	if fee["object"] != "application_fee" || fee["amount_refunded"] != 30.0 || at(fee, "refunds", "data") == nil {
		t.Error(fee)
	}
}

func TestPayersBrowserNeedsTheClientSecretAndSeesLittle(t *testing.T) {
	t.Parallel()
	platform := clerk{house: newHouse(t)}
	tutor := platform.tutor()
	pk := platform.publishable()
	intent := platform.post("/v1/payment_intents", "amount=1000&currency=hkd&application_fee_amount=100&metadata[lesson]=7&transfer_data[destination]="+tutor)
	path, secret := "/v1/payment_intents/"+intent["id"].(string), intent["client_secret"].(string)

	token := publicly(t, platform, pk, 200, "POST", "/v1/tokens", "card[number]=4000000000000002&card[exp_month]=12&card[exp_year]=2040")
	method := publicly(t, platform, pk, 200, "POST", "/v1/payment_methods", "type=card&card[token]="+token["id"].(string))
	for _, c := range []struct {
		rule, method, path, form string
		status                   int
		param                    string
	}{
		{"no secret", "GET", path, "", 400, "client_secret"},
		{"other secret", "GET", path + "?client_secret=" + secret + "x", "", 400, "client_secret"},
		{"nobody's intent", "GET", "/v1/payment_intents/pi_nobody?client_secret=x", "", 404, "intent"},
		{"other objects", "GET", path + "?client_secret=" + secret + "&expand[]=latest_charge", "", 400, "expand"},
		{"confirm without", "POST", path + "/confirm", "payment_method=pm_card_visa", 400, "client_secret"},
		{"the merchant's choice", "POST", path + "/confirm", "capture_method=manual&payment_method=pm_card_visa&client_secret=" + secret, 400, "capture_method"},
	} {
		if e := publicly(t, platform, pk, c.status, c.method, c.path, c.form)["error"]; at(e, "param") != c.param {
			t.Errorf("%s: %v", c.rule, e)
		}
	}
	publicly(t, platform, pk, 401, "POST", path+"/cancel", "")

	seen := publicly(t, platform, pk, 200, "GET", path+"?client_secret="+secret, "")
	refused := publicly(t, platform, pk, 402, "POST", path+"/confirm", "payment_method="+method["id"].(string)+"&client_secret="+secret)
	paid := publicly(t, platform, pk, 200, "POST", path+"/confirm", "payment_method=pm_card_visa&client_secret="+secret)
	for _, shown := range []any{seen, at(refused, "error", "payment_intent"), paid} {
		for _, hidden := range []string{"application_fee_amount", "transfer_data", "metadata", "customer", "latest_charge"} {
			if _, there := shown.(map[string]any)[hidden]; there {
				t.Errorf("%s is shown to the payer", hidden)
			}
		}
	}
	if seen["status"] != "requires_payment_method" || paid["status"] != "succeeded" {
		t.Errorf("%v, then %v", seen["status"], paid["status"])
	}
	if got := platform.get(path + "?client_secret=" + secret); got["application_fee_amount"] != 100.0 {
		t.Error(got)
	}
}

// publishable makes a publishable key of the platform.
func (c clerk) publishable() string {
	c.t.Helper()
	return c.post("/v1/api_keys", "type=publishable")["secret"].(string)
}

// publicly asks with a publishable key in the parameters, as browsers do.
func publicly(t *testing.T, c clerk, pk string, want int, method, path, form string) map[string]any {
	t.Helper()
	if method == "GET" {
		path += "&key=" + pk
		if !strings.Contains(path, "?") {
			path = strings.Replace(path, "&", "?", 1)
		}
	} else {
		form += "&key=" + pk
	}
	status, out := c.raw(method, path, form, "")
	if status != want {
		t.Fatalf("%s %s: %d, want %d: %v", method, path, status, want, out)
	}
	return out
}

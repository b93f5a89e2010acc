package connecthttp_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/tenant"
)

const visa = "card[number]=4242424242424242"

func TestTestCardBecomesATokenAndTheNumberIsGone(t *testing.T) {
	m := open(t)
	token := m.call("POST", "/v1/tokens", 200, visa, "card[exp_month]=8", "card[exp_year]=30", "card[cvc]=123", "card[name]=Chan Siu Ming")
	card := token.at("card")
	if card["brand"] != "Visa" || card["last4"] != "4242" || card["exp_year"] != 2030.0 || card["name"] != "Chan Siu Ming" || token["used"] != false {
		t.Fatalf("token: %v", token)
	}
	m.call("GET", "/v1/tokens/"+token["id"].(string), 200)
	var rows []string
	if err := m.pool.NewRaw("SELECT t::text FROM connect.tokens t UNION ALL SELECT k::text FROM platform.idempotency_keys k").Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	answers, err := idempotency.Kept(t.Context(), m.pool)
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range answers {
		rows = append(rows, string(answer.Body))
	}
	for _, row := range rows {
		if strings.Contains(row, "4242424242") {
			t.Fatal("the number is at rest")
		}
	}
}

func TestCardsThatCannotBeAreRefused(t *testing.T) {
	m := open(t)
	for _, tc := range []struct {
		status      int
		code, param string
		form        []string
	}{
		{402, "incorrect_number", "number", []string{"card[number]=4242424242424241", "card[exp_month]=8", "card[exp_year]=2030"}},
		{402, "card_declined", "", []string{"card[number]=4929420573595709", "card[exp_month]=8", "card[exp_year]=2030"}},
		{402, "invalid_expiry_year", "exp_year", []string{visa, "card[exp_month]=8", "card[exp_year]=2020"}},
		{400, "parameter_missing", "card[exp_month]", []string{visa, "card[exp_year]=2030"}},
		{400, "parameter_missing", "card", nil},
	} {
		e := m.call("POST", "/v1/tokens", tc.status, tc.form...).at("error")
		param, _ := e["param"].(string)
		if e["code"] != tc.code || param != tc.param {
			t.Errorf("%v: %v", tc.form, e)
		}
	}
	if e := m.as("live", m.platform, "POST", "/v1/tokens", 400, visa, "card[exp_month]=8", "card[exp_year]=2030").at("error"); e["param"] != "card[number]" {
		t.Errorf("live mode takes raw numbers: %v", e)
	}
}

func TestPaymentMethodIsAttachedChangedAndDetached(t *testing.T) {
	m := open(t)
	customer := m.call("POST", "/v1/customers", 200, "email=student@example.com")["id"].(string)
	token := m.call("POST", "/v1/tokens", 200, visa, "card[exp_month]=8", "card[exp_year]=2030")["id"].(string)
	pm := m.call("POST", "/v1/payment_methods", 200, "type=card", "card[token]="+token, "billing_details[name]=Lee", "metadata[k]=v")
	id := pm["id"].(string)
	if !strings.HasPrefix(id, "pm_") || pm.at("card")["brand"] != "visa" || pm.at("billing_details")["name"] != "Lee" {
		t.Fatalf("method: %v", pm)
	}
	if e := m.call("POST", "/v1/payment_methods", 400, "type=card", "card[token]="+token).at("error"); e["code"] != "token_already_used" {
		t.Fatalf("token used twice: %v", e)
	}
	m.call("POST", "/v1/payment_methods/"+id+"/attach", 200, "customer="+customer)
	other := m.call("POST", "/v1/payment_methods/pm_card_mastercard/attach", 200, "customer="+customer)["id"].(string)
	m.call("POST", "/v1/payment_methods/"+id, 200, "billing_details[email]=lee@example.com", "card[exp_year]=2031")
	for _, path := range []string{"/v1/payment_methods?type=card&customer=" + customer, "/v1/customers/" + customer + "/payment_methods"} {
		path, query, _ := strings.Cut(path, "?")
		list := m.call("GET", path, 200, strings.Split(query, "&")...)
		if len(list["data"].([]any)) != 2 || list["data"].([]any)[0].(map[string]any)["id"] != other {
			t.Fatalf("%s: %v", path, list)
		}
	}
	stranger := m.call("POST", "/v1/customers", 200)["id"].(string)
	m.call("POST", "/v1/payment_methods/"+id+"/attach", 400, "customer="+stranger)
	if pm := m.call("POST", "/v1/payment_methods/"+id+"/detach", 200); pm["customer"] != nil {
		t.Fatalf("detached: %v", pm)
	}
	m.call("POST", "/v1/payment_methods/"+id+"/detach", 400)
	if got := m.events(id); !slices.Equal(got, []string{"payment_method.attached 1", "payment_method.updated 2", "payment_method.detached 3"}) {
		t.Fatalf("events: %v", got)
	}
	m.as("live", m.platform, "GET", "/v1/payment_methods/"+other, 404)
}

func TestCustomerIsChargedWithTheirDefault(t *testing.T) {
	m := open(t)
	scope := tenant.Scope{Platform: m.platform, Account: m.platform}
	customer := m.call("POST", "/v1/customers", 200, "name=Lee", "source=tok_visa", "payment_method=pm_card_mastercard")
	id := customer["id"].(string)
	if source, _ := customer["default_source"].(string); !strings.HasPrefix(source, "card_") {
		t.Fatalf("customer: %v", customer)
	}
	if ref, err := m.methods.DefaultOf(t.Context(), m.pool, scope, id); err != nil || ref != customer["default_source"] {
		t.Fatalf("default %q, %v", ref, err)
	}
	m.call("POST", "/v1/payment_methods/"+customer["default_source"].(string)+"/detach", 200)
	if _, err := m.methods.DefaultOf(t.Context(), m.pool, scope, id); !fault.Is(err, fault.Declined) {
		t.Fatalf("a customer without default can be charged: %v", err)
	}
	pm := m.call("GET", "/v1/customers/"+id+"/payment_methods", 200)["data"].([]any)[0].(map[string]any)["id"].(string)
	m.call("POST", "/v1/customers/"+id, 200, "invoice_settings[default_payment_method]="+pm)
	if ref, err := m.methods.DefaultOf(t.Context(), m.pool, scope, id); err != nil || ref != pm {
		t.Fatalf("default %q, %v", ref, err)
	}
	m.call("POST", "/v1/customers/"+id, 400, "invoice_settings[default_payment_method]=pm_card_visa")
	m.call("POST", "/v1/customers", 402, "source=tok_chargeDeclined")
}

func TestCustomersAreFoundByEmailAndDeleted(t *testing.T) {
	m := open(t)
	lee := m.call("POST", "/v1/customers", 200, "email=lee@example.com", "address[city]=Kowloon", "payment_method=pm_card_visa")["id"].(string)
	m.call("POST", "/v1/customers", 200, "email=wong@example.com")
	if list := m.call("GET", "/v1/customers", 200, "email=lee@example.com"); len(list["data"].([]any)) != 1 {
		t.Fatalf("list: %v", list)
	}
	c := m.call("POST", "/v1/customers/"+lee, 200, "address[line1]=1 Nathan Road", "description=student")
	if c.at("address")["city"] != "Kowloon" || c.at("address")["line1"] != "1 Nathan Road" {
		t.Fatalf("address: %v", c)
	}
	for _, form := range []string{"description=4242 4242 4242 4242", "source=4242424242424242", "metadata[a]=378282246310005", "email=nobody", "tax_exempt=maybe"} {
		m.call("POST", "/v1/customers/"+lee, 400, form)
	}
	if d := m.call("DELETE", "/v1/customers/"+lee, 200); d["deleted"] != true {
		t.Fatalf("deleted: %v", d)
	}
	m.call("GET", "/v1/customers/"+lee, 404)
	if got := m.events(lee); !slices.Equal(got, []string{"customer.created 1", "customer.updated 2", "customer.deleted 3"}) {
		t.Fatalf("events: %v", got)
	}
}

func TestReferencesResolveToWhatTheProcessorKnows(t *testing.T) {
	m := open(t)
	scope := tenant.Scope{Platform: m.platform, Account: m.platform}
	resolve := func(scope tenant.Scope, ref string) (payment.Method, string) {
		method, err := m.methods.Resolve(t.Context(), m.pool, scope, "source", ref)
		if err == nil {
			return method, ""
		}
		f := fault.As(err)
		if f == nil || f.Param != "source" || strings.Contains(f.Message, "4242424242424242") {
			t.Fatalf("resolve: %v", err)
		}
		return method, f.Code
	}
	fromToken, _ := resolve(scope, "tok_visa")
	again, _ := resolve(scope, "pm_card_visa")
	if fromToken.Handle != again.Handle || fromToken.Fingerprint != again.Fingerprint || fromToken.ID == again.ID ||
		!strings.HasPrefix(fromToken.ID, "card_") || !strings.HasPrefix(again.ID, "pm_") || again.ExpMonth != 12 {
		t.Fatalf("%+v and %+v", fromToken, again)
	}
	live := scope
	live.Livemode = true
	for ref, want := range map[string]string{"pm_nosuch": "resource_missing", "tok_nosuch": "resource_missing", "4242424242424242": "parameter_invalid_card_number"} {
		if _, code := resolve(scope, ref); code != want {
			t.Errorf("%s: %s", ref, code)
		}
	}
	if _, code := resolve(live, "pm_card_visa"); code != "resource_missing" {
		t.Errorf("a test handle works in live mode: %q", code)
	}
	keep := func(methods ...payment.Method) error {
		return db.InTx(t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) error {
			return m.methods.Keep(ctx, tx, m.methods.Clock(false).Now(), methods...)
		})
	}
	if err := keep(fromToken, again); err != nil {
		t.Fatal(err)
	}
	kept, _ := resolve(scope, again.ID)
	if kept.Handle != again.Handle {
		t.Fatalf("kept: %+v", kept)
	}
	if err := keep(kept); err != nil {
		t.Fatalf("keeping what is there already: %v", err)
	}
	token := m.call("POST", "/v1/tokens", 200, visa, "card[exp_month]=8", "card[exp_year]=2030")["id"].(string)
	first, _ := resolve(scope, token)
	second, _ := resolve(scope, token)
	if err := keep(first); err != nil {
		t.Fatal(err)
	}
	if err := keep(second); fault.As(err) == nil || fault.As(err).Code != "token_already_used" {
		t.Fatalf("a token paid twice: %v", err)
	}
	if _, code := resolve(scope, token); code != "token_already_used" {
		t.Fatalf("a used token resolves: %q", code)
	}
}

package connecthttp_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// marketplace is a server with one platform, "TutorHub HK", over a true database.
type marketplace struct {
	t        testing.TB
	pool     *bun.DB
	accounts *connect.Accounts
	methods  *payment.Methods
	platform string
	url      string
	header   string // Stripe-Account of the next calls
	now      *clock.Fixed
	checks   *connect.Verification
}

// keys are credentials "<mode>_<account>", or "<mode>.<key id>_<account>" of another key.
type keys struct{}

func (keys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	mode, account, ok := strings.Cut(key, "_")
	if !ok {
		return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
	}
	mode, id, named := strings.Cut(mode, ".")
	if !named {
		id = "key_1"
	}
	return rest.Principal{KeyID: id, Account: account, Livemode: mode == "live", Kind: rest.Secret}, nil
}

// open serves a marketplace where nobody verifies identities.
func open(t testing.TB) *marketplace {
	t.Helper()
	return openWith(t, func(*connect.Config) {})
}

func openWith(t testing.TB, adjust func(*connect.Config)) *marketplace {
	t.Helper()
	pool := dbtest.New(t)
	master := []byte(strings.Repeat("m", 32))
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	if err != nil {
		t.Fatal(err)
	}
	pepper, err := secret.NewPepper(master, "fingerprints")
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewFixed(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC))
	clocks := clock.Modes{Live: now, Test: now}
	m := &marketplace{t: t, pool: pool, now: now}
	m.methods = payment.NewMethods(pool, payment.MethodConfig{Clocks: clocks, Log: event.Log{}, Keyring: ring, Pepper: pepper})
	cfg := connect.Config{Clocks: clocks, Log: event.Log{}, Keyring: ring, Pepper: pepper, Tokens: payment.NewTokens(m.methods)}
	adjust(&cfg)
	m.accounts = connect.NewAccounts(pool, cfg)
	m.checks = connect.NewVerification(m.accounts, slog.New(slog.DiscardHandler))
	m.platform = m.bootstrap("TutorHub HK")
	s := rest.New(rest.Config{Pool: pool, Authenticator: keys{}, Accounts: m.accounts, Log: slog.New(slog.DiscardHandler)})
	s.Mount(connecthttp.AccountRoutes(s, m.accounts)...)
	s.Mount(connecthttp.PersonRoutes(s, m.accounts)...)
	s.Mount(connecthttp.ReviewRoutes(s, m.accounts)...)
	s.Mount(connecthttp.VerificationRoutes(m.checks)...)
	s.Mount(connecthttp.TokenRoutes(s, m.methods)...)
	s.Mount(connecthttp.PaymentMethodRoutes(s, m.methods)...)
	s.Mount(connecthttp.CustomerRoutes(s, m.methods)...)
	server := httptest.NewServer(openapi.Wrap(t, s))
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

func (m *marketplace) bootstrap(name string) string {
	m.t.Helper()
	var a connect.Account
	err := db.InTx(m.t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		a, err = m.accounts.CreatePlatform(ctx, tx, m.accounts.Clock(false).Now(), connect.PlatformParams{Country: "HK", Name: name})
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return a.ID
}

type object map[string]any

// at walks nested objects: at("settings", "payouts").
func (o object) at(path ...string) object {
	for _, name := range path {
		o, _ = o[name].(map[string]any)
	}
	return o
}

func (o object) names(name string) []string {
	var out []string
	for _, v := range o[name].([]any) {
		out = append(out, v.(string))
	}
	return out
}

// call sends a form as the platform in test mode and wants the status.
func (m *marketplace) call(method, path string, want int, form ...string) object {
	m.t.Helper()
	return m.as("test", m.platform, method, path, want, form...)
}

func (m *marketplace) as(mode, account, method, path string, want int, form ...string) object {
	m.t.Helper()
	values := url.Values{}
	for _, pair := range form {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values.Add(name, value)
		}
	}
	target := m.url + path
	var body io.Reader
	if method == "GET" || method == "DELETE" {
		target += "?" + values.Encode()
	} else {
		body = strings.NewReader(values.Encode())
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, target, body)
	if err != nil {
		m.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.SetBasicAuth(mode+"_"+account, "")
	if m.header != "" {
		r.Header.Set("Stripe-Account", m.header)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	var o object
	if err := json.NewDecoder(response.Body).Decode(&o); err != nil {
		m.t.Fatal(err)
	}
	if response.StatusCode != want {
		m.t.Fatalf("%s %s: %d, want %d: %v", method, path, response.StatusCode, want, o)
	}
	return o
}

// events is "type version" of everything that happened to an object, in order.
func (m *marketplace) events(id string) []string {
	m.t.Helper()
	var out []string
	err := m.pool.NewRaw("SELECT type || ' ' || object_version FROM platform.events WHERE object_id = ? ORDER BY object_version", id).Scan(m.t.Context(), &out)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// told is everything that the log says of all objects.
func (m *marketplace) told() (out []string) {
	m.t.Helper()
	events, err := event.Of(m.t.Context(), m.pool, "")
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range events {
		out = append(out, string(e.Object), string(e.Previous))
	}
	return out
}

func (m *marketplace) tutor(form ...string) object {
	m.t.Helper()
	return m.call("POST", "/v1/accounts", 200, append([]string{"type=express", "country=HK", "email=tutor@example.com", "capabilities[transfers][requested]=true"}, form...)...)
}

func TestTutorIsADestinationAtOnceAndIsPaidOnceThereIsABankAccount(t *testing.T) {
	m := open(t)
	a := m.tutor("metadata[subject]=Physics")
	id := a["id"].(string)
	if a.at("capabilities")["transfers"] != "active" || a["payouts_enabled"] != false || !slices.Equal(a.at("requirements").names("currently_due"), []string{"external_account"}) {
		t.Fatalf("new account: %v", a)
	}
	scope := tenant.Scope{Platform: m.platform, Account: m.platform}
	if sum, err := m.accounts.Lookup(t.Context(), scope, id); err != nil || !sum.Transfers || sum.CardPayments || sum.PayoutsEnabled || sum.DelayDays != 2 {
		t.Fatalf("summary %+v, %v", sum, err)
	}
	e := m.call("POST", "/v1/accounts/"+id+"/external_accounts", 200, "external_account[object]=bank_account", "external_account[country]=HK",
		"external_account[currency]=hkd", "external_account[routing_number]=110-000", "external_account[account_number]=000123456")
	if e["last4"] != "3456" || e["default_for_currency"] != true {
		t.Fatalf("external account: %v", e)
	}
	a = m.call("GET", "/v1/accounts/"+id, 200)
	if a["payouts_enabled"] != true || len(a.at("external_accounts")["data"].([]any)) != 1 {
		t.Fatalf("account with a bank account: %v", a)
	}
	if sum, err := m.accounts.Lookup(t.Context(), scope, id); err != nil || !sum.PayoutsEnabled {
		t.Fatalf("the node that made the change does not see it: %+v, %v", sum, err)
	}
	for object, want := range map[string][]string{
		id: {"account.updated 1", "account.updated 2"}, id + ".transfers": {"capability.updated 1"}, e["id"].(string): {"account.external_account.created 1"},
	} {
		if got := m.events(object); !slices.Equal(got, want) {
			t.Errorf("events of %s: %v, want %v", object, got, want)
		}
	}
}

func TestNumbersAtRestAreSealed(t *testing.T) {
	m := open(t)
	id := m.tutor("business_type=individual", "individual[id_number]=A1234563", "individual[ssn_last_4]=9876",
		"external_account[country]=HK", "external_account[routing_number]=110-000", "external_account[account_number]=777123456")["id"].(string)
	var rows []string
	err := m.pool.NewRaw(`SELECT a::text FROM connect.accounts a UNION ALL SELECT e::text FROM connect.external_accounts e`).Scan(t.Context(), &rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range append(rows, m.told()...) {
		for _, number := range []string{"777123456", "A1234563", "9876"} {
			if strings.Contains(row, number) {
				t.Fatalf("%s is in clear", number)
			}
		}
	}
	a, err := m.accounts.Get(t.Context(), m.pool, tenant.Scope{Platform: m.platform, Account: id}, id)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := a.PayoutAccount("hkd")
	if !ok {
		t.Fatal("no payout account")
	}
	if number, err := m.accounts.Number(e); err != nil || number.Reveal() != "777123456" {
		t.Fatalf("the rail cannot open the number: %v", err)
	}
}

func TestAccountsAreInvisibleAcrossPlatformsAndModes(t *testing.T) {
	m := open(t)
	id := m.tutor()["id"].(string)
	other := m.bootstrap("Other")
	for _, call := range [][2]string{{"test", other}, {"live", m.platform}} {
		e := m.as(call[0], call[1], "GET", "/v1/accounts/"+id, 403).at("error")
		if e["code"] != "account_invalid" {
			t.Errorf("%v: %v", call, e)
		}
		if list := m.as(call[0], call[1], "GET", "/v1/accounts", 200); len(list["data"].([]any)) != 0 {
			t.Errorf("%v sees %v", call, list)
		}
		if access, err := m.accounts.Reach(t.Context(), call[1], id, call[0] == "live"); access != tenant.NoAccess || err != nil {
			t.Errorf("%v reaches the account: %v", call, err)
		}
	}
	if access, err := m.accounts.Reach(t.Context(), m.platform, id, false); !access.Writes() || err != nil {
		t.Errorf("its own platform does not reach it: %v", err)
	}
	if own := m.call("GET", "/v1/account", 200); own["id"] != m.platform || own["charges_enabled"] != true {
		t.Errorf("own account: %v", own)
	}
}

func TestUpdateMergesAndEmitsOnlyChanges(t *testing.T) {
	m := open(t)
	id := m.tutor("business_profile[name]=Ms Chan", "metadata[a]=1")["id"].(string)
	a := m.call("POST", "/v1/accounts/"+id, 200, "business_profile[url]=https://chan.example", "metadata[a]=", "metadata[b]=2",
		"settings[payouts][schedule][interval]=weekly", "settings[payouts][schedule][weekly_anchor]=friday", "tos_acceptance[date]=1700000000", "tos_acceptance[ip]=192.0.2.1")
	if a.at("business_profile")["name"] != "Ms Chan" || a.at("business_profile")["url"] != "https://chan.example" || a.at("metadata")["b"] != "2" || len(a.at("metadata")) != 1 {
		t.Fatalf("updated: %v", a)
	}
	if s := a.at("settings", "payouts", "schedule"); s["interval"] != "weekly" || s["weekly_anchor"] != "friday" || s["delay_days"] != 2.0 {
		t.Fatalf("schedule: %v", s)
	}
	m.call("POST", "/v1/accounts/"+id, 200, "metadata[b]=2")
	if got := m.events(id); !slices.Equal(got, []string{"account.updated 1", "account.updated 2"}) {
		t.Fatalf("events: %v", got)
	}
	told, err := event.Of(t.Context(), m.pool, id)
	if err != nil || len(told) != 2 {
		t.Fatalf("%d events, %v", len(told), err)
	}
	previous := string(told[1].Previous)
	if !strings.Contains(previous, `"url":null`) || strings.Contains(previous, "Ms Chan") {
		t.Fatalf("previous attributes: %s", previous)
	}
}

func TestAccountParametersAreChecked(t *testing.T) {
	m := open(t)
	id := m.tutor()["id"].(string)
	for _, tc := range []struct{ path, form, code, param string }{
		{"/v1/accounts", "country=XX", "country_unsupported", "country"},
		{"/v1/accounts", "type=gold", "", "type"},
		{"/v1/accounts", "capabilities[flying][requested]=true", "parameter_unknown", "capabilities[flying]"},
		{"/v1/accounts", "foo=1", "parameter_unknown", "foo"},
		{"/v1/accounts/" + id, "settings[payouts][schedule][interval]=hourly", "", "settings[payouts][schedule][interval]"},
		{"/v1/accounts/" + id, "settings[payouts][schedule][interval]=monthly", "parameter_missing", "settings[payouts][schedule][monthly_payout_days]"},
		{"/v1/accounts/" + id, "metadata[card]=4242424242424242", "parameter_invalid_card_number", "metadata[card]"},
		{"/v1/accounts/" + id + "/external_accounts", "external_account=4242424242424242", "parameter_invalid_card_number", "external_account"},
		{"/v1/accounts/" + id + "/external_accounts", "external_account=btok_nosuch", "resource_missing", "external_account"},
		{"/v1/accounts/" + id + "/external_accounts", "", "parameter_missing", "external_account"},
	} {
		e := m.call("POST", tc.path, 400, tc.form).at("error")
		code, _ := e["code"].(string)
		if code != tc.code || e["param"] != tc.param {
			t.Errorf("%s %s: %v", tc.path, tc.form, e)
		}
	}
}

func TestCapabilitiesAreRequestedAndTakenBack(t *testing.T) {
	m := open(t)
	id := m.tutor()["id"].(string)
	if c := m.call("GET", "/v1/accounts/"+id+"/capabilities/card_payments", 200); c["status"] != "unrequested" || c["requested"] != false {
		t.Fatalf("before: %v", c)
	}
	if c := m.call("POST", "/v1/accounts/"+id+"/capabilities/card_payments", 200, "requested=true"); c["status"] != "active" || c["requested_at"] == nil {
		t.Fatalf("requested: %v", c)
	}
	if l := m.call("GET", "/v1/accounts/"+id+"/capabilities", 200); len(l["data"].([]any)) != 2 {
		t.Fatalf("list: %v", l)
	}
	if c := m.call("POST", "/v1/accounts/"+id+"/capabilities/card_payments", 200, "requested=false"); c["status"] != "unrequested" {
		t.Fatalf("taken back: %v", c)
	}
	if got := m.events(id + ".card_payments"); !slices.Equal(got, []string{"capability.updated 1", "capability.updated 2"}) {
		t.Fatalf("events: %v", got)
	}
	m.call("GET", "/v1/accounts/"+id+"/capabilities/flying", 404)
}

func TestLiveAccountWaitsForItsFacts(t *testing.T) {
	m := open(t)
	a := m.as("live", m.platform, "POST", "/v1/accounts", 200, "country=HK", "capabilities[transfers][requested]=true", "business_type=individual")
	if a.at("capabilities")["transfers"] != "inactive" || a.at("requirements")["disabled_reason"] != "requirements.past_due" {
		t.Fatalf("before: %v", a)
	}
	a = m.as("live", m.platform, "POST", "/v1/accounts/"+a["id"].(string), 200, "individual[first_name]=Siu Ming", "individual[last_name]=Chan",
		"individual[email]=chan@example.com", "individual[address][line1]=1 Nathan Road", "individual[id_number]=A1234563", "individual[dob][day]=1", "individual[dob][month]=2", "individual[dob][year]=1990",
		"tos_acceptance[date]=1700000000", "tos_acceptance[ip]=192.0.2.1")
	if a.at("capabilities")["transfers"] != "active" || a["details_submitted"] != true {
		t.Fatalf("after: %v", a)
	}
}

func TestExternalAccountsKeepOneDefaultPerCurrency(t *testing.T) {
	m := open(t)
	path := "/v1/accounts/" + m.tutor()["id"].(string) + "/external_accounts"
	first := m.call("POST", path, 200, "external_account=btok_hk")["id"].(string)
	m.call("POST", path, 400, "external_account=btok_hk")
	token := m.call("POST", "/v1/tokens", 200, "bank_account[country]=HK", "bank_account[currency]=hkd", "bank_account[routing_number]=110-000", "bank_account[account_number]=000999888")
	second := m.call("POST", path, 200, "external_account="+token["id"].(string), "default_for_currency=true")
	if second["default_for_currency"] != true || second["last4"] != "9888" {
		t.Fatalf("second: %v", second)
	}
	if m.call("GET", path+"/"+first, 200)["default_for_currency"] != false {
		t.Fatal("two defaults")
	}
	if e := m.call("POST", path, 400, "external_account="+token["id"].(string)).at("error"); e["code"] != "token_already_used" {
		t.Fatalf("token used twice: %v", e)
	}
	m.call("DELETE", path+"/"+second["id"].(string), 400)
	if d := m.call("DELETE", path+"/"+first, 200); d["deleted"] != true {
		t.Fatalf("deleted: %v", d)
	}
	if l := m.call("GET", path, 200, "limit=1"); len(l["data"].([]any)) != 1 || l["has_more"] != false {
		t.Fatalf("list: %v", l)
	}
	if got := m.events(first); !slices.Equal(got, []string{"account.external_account.created 1", "account.external_account.updated 2", "account.external_account.deleted 3"}) {
		t.Fatalf("events: %v", got)
	}
}

func TestErroredBankAccountStopsPayoutsUntilItIsChanged(t *testing.T) {
	m := open(t)
	id := m.tutor("external_account=btok_hk")["id"].(string)
	external := m.call("GET", "/v1/accounts/"+id+"/external_accounts", 200)["data"].([]any)[0].(map[string]any)["id"].(string)
	err := db.InTx(t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) error {
		return m.accounts.MarkErrored(ctx, tx, m.accounts.Clock(false).Now(), tenant.Scope{Platform: m.platform, Account: id}, external)
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.call("GET", "/v1/accounts/"+id, 200)["payouts_enabled"] != false {
		t.Fatal("payouts go on")
	}
	m.call("POST", "/v1/accounts/"+id+"/external_accounts/"+external, 200, "account_holder_name=Chan Siu Ming")
	if m.call("GET", "/v1/accounts/"+id, 200)["payouts_enabled"] != true {
		t.Fatal("payouts stay off")
	}
}

func TestANewBankAccountReplacesADefaultThatErrored(t *testing.T) {
	m := open(t)
	id := m.tutor("external_account=btok_hk")["id"].(string)
	path := "/v1/accounts/" + id + "/external_accounts"
	external := m.call("GET", path, 200)["data"].([]any)[0].(map[string]any)["id"].(string)
	err := db.InTx(t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) error {
		return m.accounts.MarkErrored(ctx, tx, m.accounts.Clock(false).Now(), tenant.Scope{Platform: m.platform, Account: id}, external)
	})
	if err != nil {
		t.Fatal(err)
	}
	e := m.call("POST", path, 200, "external_account[country]=HK", "external_account[routing_number]=004-001", "external_account[account_number]=123456789")
	if e["default_for_currency"] != true || m.call("GET", "/v1/accounts/"+id, 200)["payouts_enabled"] != true {
		t.Fatalf("the new one: %v", e)
	}
}

func TestRejectedAndDeletedAccountsAreNoDestinations(t *testing.T) {
	m := open(t)
	rejected, deleted := m.tutor()["id"].(string), m.tutor()["id"].(string)
	if a := m.call("POST", "/v1/accounts/"+rejected+"/reject", 200, "reason=fraud"); a.at("requirements")["disabled_reason"] != "rejected.fraud" {
		t.Fatalf("rejected: %v", a)
	}
	if d := m.call("DELETE", "/v1/accounts/"+deleted, 200); d["deleted"] != true {
		t.Fatalf("deleted: %v", d)
	}
	m.call("GET", "/v1/accounts/"+deleted, 403)
	m.call("DELETE", "/v1/accounts/"+m.platform, 400)
	for _, id := range []string{rejected, deleted} {
		if sum, err := m.accounts.Lookup(t.Context(), tenant.Scope{Platform: m.platform}, id); err != nil || sum.Transfers {
			t.Errorf("%+v, %v", sum, err)
		}
	}
}

func TestAccountsAreListedNewestFirstInPages(t *testing.T) {
	m := open(t)
	var want []string
	for range 3 {
		want = append([]string{m.tutor()["id"].(string)}, want...)
	}
	first := m.call("GET", "/v1/accounts", 200, "limit=2")
	rest := m.call("GET", "/v1/accounts", 200, "limit=2", "starting_after="+want[1])
	var got []string
	for _, a := range append(first["data"].([]any), rest["data"].([]any)...) {
		got = append(got, a.(map[string]any)["id"].(string))
	}
	if !slices.Equal(got, want) || first["has_more"] != true || rest["has_more"] != false {
		t.Fatalf("pages %v, want %v", got, want)
	}
}

func TestAProxyOfTheFPSIsSealedAndShownMasked(t *testing.T) {
	m := open(t)
	id := m.tutor()["id"].(string)
	for given, want := range map[string]string{"mobile=+852 6123 4567": "4567", "fps_id=102030405": "0405", "email=yan@fps.example": "y***"} {
		kind, _, _ := strings.Cut(given, "=")
		e := m.call("POST", "/v1/accounts/"+id+"/external_accounts", 200, "external_account[object]=bank_account", "external_account[country]=HK",
			"external_account[currency]=hkd", "external_account[account_holder_name]=Chan Ka Yan", "external_account["+kind+"]="+given[len(kind)+1:])
		if e["proxy"] != kind || e["last4"] != want || e["routing_number"] != nil {
			t.Errorf("%s is shown as %v", kind, e)
		}
	}
	var rows []string
	err := m.pool.NewRaw(`SELECT e::text FROM connect.external_accounts e`).Scan(t.Context(), &rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range append(rows, m.told()...) {
		for _, text := range []string{"61234567", "6123 4567", "102030405", "fps.example"} {
			if strings.Contains(row, text) {
				t.Errorf("%s is in clear", text)
			}
		}
	}
	m.call("POST", "/v1/accounts/"+id+"/external_accounts", 400, "external_account[country]=GB", "external_account[currency]=gbp", "external_account[mobile]=61234567")
}

func TestAccountsLiveInTheZoneOfTheirCountry(t *testing.T) {
	m := open(t)
	a := m.tutor()
	id := a["id"].(string)
	if got := a.at("settings", "dashboard")["timezone"]; got != "Asia/Hong_Kong" {
		t.Errorf("a tutor in Hong Kong lives in %v", got)
	}
	zone := func(name string, want int) object {
		return m.call("POST", "/v1/accounts/"+id, want, "settings[dashboard][timezone]="+name)
	}
	if got := zone("America/New_York", 200).at("settings", "dashboard")["timezone"]; got != "America/New_York" {
		t.Errorf("moved to %v", got)
	}
	if got := zone("Mars/Olympus", 400).at("error")["param"]; got != "settings[dashboard][timezone]" {
		t.Errorf("refused for %v", got)
	}
	a = m.call("POST", "/v1/accounts/"+id, 200, "settings[dashboard][display_name]=Yan")
	if got := a.at("settings", "dashboard")["timezone"]; got != "America/New_York" {
		t.Errorf("another name moved the account to %v", got)
	}
	if got := zone("", 200).at("settings", "dashboard")["timezone"]; got != "Asia/Hong_Kong" {
		t.Errorf("unset: %v", got)
	}
}

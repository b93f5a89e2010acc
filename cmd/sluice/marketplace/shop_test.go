package marketplace_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/marketplace"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// street is the shop beside a server that answers as Sluice would. What the real
// one says is the business of the journeys in cmd/sluice; here it is about what
// the shop believes.
type street struct {
	t   *testing.T
	url string
	mux *http.ServeMux

	mu     sync.Mutex
	posted []url.Values // to /oauth/token, /v1/payment_intents, /oauth/deauthorize
	keys   []string     // idempotency keys of payments
	gone   bool         // the tutor has ended the connection
}

const tutorAccount = "acct_tutor1"

func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{t: t, mux: http.NewServeMux()}
	server := httptest.NewServer(s.mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	kit, err := ui.New(ui.Config{Dev: true, Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := marketplace.New(kit, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	shop.Open(marketplace.Business{BaseURL: s.url, SecretKey: secret.New("sk_test_tutorhub"), ClientID: "ca_tutorhub", Brand: ui.Brand{Name: "TutorHub HK", LogoURL: "/brand/x/logo", Primary: "#5b3df5", Secondary: "#ffb020"}})
	for _, r := range shop.Routes() {
		s.mux.Handle(r.Method+" "+r.Path, r.Handler)
	}
	s.mux.HandleFunc("POST /oauth/token", s.answer(`{"access_token": "sk_test_oat_1", "token_type": "bearer", "stripe_user_id": "`+tutorAccount+`"}`))
	s.mux.HandleFunc("POST /oauth/deauthorize", s.answer(`{"stripe_user_id": "`+tutorAccount+`"}`))
	s.mux.HandleFunc("POST /v1/payment_intents", s.answer(`{"id": "pi_1", "status": "succeeded"}`))
	s.mux.HandleFunc("POST /v1/account_links", s.answer(`{"url": "`+s.url+`/onboarding/once"}`))
	s.mux.HandleFunc("GET /v1/accounts/{id}", s.answer(`{"business_profile": {"name": null}, "charges_enabled": true, "payouts_enabled": false,
		"capabilities": {"transfers": "active"}, "requirements": {"currently_due": ["external_account"]}}`))
	s.mux.HandleFunc("GET /v1/balance", s.answer(`{"pending": [{"amount": 51000, "currency": "hkd"}], "available": [{"amount": 0, "currency": "hkd"}]}`))
	return s
}

func (s *street) answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if s.gone && r.Method == http.MethodGet {
			w.WriteHeader(http.StatusForbidden)
			body = `{"error": {"type": "invalid_request_error", "code": "account_invalid", "message": "no access"}}`
		}
		if r.Method == http.MethodPost {
			_ = r.ParseForm()
			s.posted = append(s.posted, r.PostForm)
			s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
		}
		_, _ = io.WriteString(w, body)
	}
}

func (s *street) sent() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posted)
}

// browser is a person's; it stops at the door of the other server.
type browser struct {
	t      *testing.T
	street *street
	http   *http.Client
}

func (s *street) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s.t, s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, path string, form url.Values) (location *url.URL, page string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.street.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode >= 400 {
		b.t.Fatalf("%s %s: %d\n%s", method, path, res.StatusCode, raw)
	}
	location, _ = res.Location()
	return location, string(raw)
}

func (b *browser) page() string {
	_, page := b.do("GET", marketplace.Path, nil)
	return page
}

// ask presses the button and returns what Sluice would see.
func (b *browser) ask(kind string) url.Values {
	b.t.Helper()
	where, _ := b.do("POST", marketplace.Path+"/connect", url.Values{"kind": {kind}, "name": {"Au Ka Ming 區嘉明"}, "subject": {"piano"}})
	return where.Query()
}

func (b *browser) comeBack(answer url.Values) {
	b.do("GET", marketplace.CallbackPath+"?"+answer.Encode(), nil)
}

func (b *browser) connect() {
	b.t.Helper()
	b.comeBack(url.Values{"code": {"ac_1"}, "state": {b.ask("standard").Get("state")}, "iss": {b.street.url}})
}

func TestTheTutorIsSentWithStateAndChallenge(t *testing.T) {
	b := newStreet(t).browser()
	where, _ := b.do("POST", marketplace.Path+"/connect", url.Values{"kind": {"express"}, "name": {"Au Ka Ming 區嘉明"}})
	q := where.Query()
	if where.Path != "/express/oauth/authorize" || q.Get("client_id") != "ca_tutorhub" || q.Get("response_type") != "code" ||
		q.Get("scope") != "read_write" || q.Get("redirect_uri") != b.street.url+marketplace.CallbackPath ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 26 ||
		q.Get("stripe_user[business_name]") != "Au Ka Ming 區嘉明" {
		t.Errorf("sent to %s", where)
	}
	if again := b.ask("standard"); again.Get("state") == q.Get("state") || again.Get("code_challenge") == q.Get("code_challenge") {
		t.Error("state or challenge repeats")
	}
}

func TestACodeBecomesATutorOnce(t *testing.T) {
	s := newStreet(t)
	b := s.browser()
	answer := url.Values{"code": {"ac_1"}, "state": {b.ask("standard").Get("state")}, "iss": {s.url}}
	b.comeBack(answer)
	form := s.sent()[0]
	if form.Get("code") != "ac_1" || form.Get("client_secret") != "sk_test_tutorhub" || len(form.Get("code_verifier")) < 43 {
		t.Errorf("exchanged with %v", form)
	}
	page := b.page()
	for _, want := range []string{`data-account="` + tutorAccount + `"`, "Au Ka Ming 區嘉明", "Piano, grades 1 to 5", "HK$510.00", "external_account", "POST /oauth/token"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page, "sk_test") || strings.Contains(page, "ac_1") {
		t.Error("the page shows a secret")
	}
	b.comeBack(answer)
	if n := len(s.sent()); n != 1 {
		t.Errorf("the same answer was used again: %d exchanges", n)
	}
}

func TestAnswersThatAreNotForThisBrowserAreNotUsed(t *testing.T) {
	s := newStreet(t)
	ada, mallory := s.browser(), s.browser()
	state := func(b *browser) string { return b.ask("standard").Get("state") }
	for name, c := range map[string]struct {
		answer url.Values
		says   string
	}{
		"another browser's state": {url.Values{"code": {"ac_1"}, "state": {state(mallory)}, "iss": {s.url}}, "does not belong to a question of this browser"},
		"no state":                {url.Values{"code": {"ac_1"}, "iss": {s.url}}, "does not belong to a question of this browser"},
		"another issuer":          {url.Values{"code": {"ac_1"}, "state": {state(ada)}, "iss": {"https://evil.example"}}, "does not come from the server"},
		"no issuer":               {url.Values{"code": {"ac_1"}, "state": {state(ada)}}, "does not come from the server"},
		"a refusal":               {url.Values{"error": {"access_denied"}, "state": {state(ada)}, "iss": {s.url}}, "The tutor said no"},
		"an error":                {url.Values{"error": {"invalid_scope"}, "state": {state(ada)}, "iss": {s.url}}, "with an error: invalid_scope"},
	} {
		ada.comeBack(c.answer)
		if page := ada.page(); !strings.Contains(page, c.says) {
			t.Errorf("%s: the page does not say %q", name, c.says)
		}
		if page := ada.page(); strings.Contains(page, c.says) {
			t.Errorf("%s: it is told twice", name)
		}
	}
	if n := len(s.sent()); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
}

func TestADoubleClickIsOneLesson(t *testing.T) {
	s := newStreet(t)
	b := s.browser()
	b.connect()
	key := regexp.MustCompile(`name="lesson" value="([^"]+)"`).FindStringSubmatch(b.page())
	if key == nil {
		t.Fatal("no lesson button")
	}
	for range 2 {
		b.do("POST", marketplace.Path+"/lesson", url.Values{"account": {tutorAccount}, "lesson": {key[1]}})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) != 3 || s.keys[1] != s.keys[2] || s.keys[1] == "" {
		t.Errorf("keys: %q", s.keys)
	}
	if p := s.posted[1]; p.Get("amount") != "60000" || p.Get("application_fee_amount") != "9000" || p.Get("transfer_data[destination]") != tutorAccount {
		t.Errorf("charged %v", p)
	}
}

func TestNobodyActsOnAnothersTutor(t *testing.T) {
	s := newStreet(t)
	s.browser().connect()
	before := len(s.sent())
	mallory := s.browser()
	for _, path := range []string{"/lesson", "/onboarding", "/disconnect"} {
		mallory.do("POST", marketplace.Path+path, url.Values{"account": {tutorAccount}, "lesson": {"x"}})
	}
	if n := len(s.sent()); n != before {
		t.Errorf("%d calls were made", n-before)
	}
}

func TestATutorWhoLeftIsShownAsGone(t *testing.T) {
	s := newStreet(t)
	b := s.browser()
	b.connect()
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	page := b.page()
	if !strings.Contains(page, "Not connected any more") || strings.Contains(page, "HK$510.00</span></dd>") {
		t.Error("the page does not show that the connection has ended")
	}
	b.do("POST", marketplace.Path+"/disconnect", url.Values{"account": {tutorAccount}})
	if page := b.page(); strings.Contains(page, `data-account`) {
		t.Error("the tutor is still on the list")
	}
}

func TestOnboardingIsMintedWhenItIsNeeded(t *testing.T) {
	s := newStreet(t)
	b := s.browser()
	b.connect()
	where, _ := b.do("POST", marketplace.Path+"/onboarding", url.Values{"account": {tutorAccount}})
	if where.String() != s.url+"/onboarding/once" {
		t.Errorf("sent to %s", where)
	}
	sent := s.sent()
	if p := sent[len(sent)-1]; p.Get("type") != "account_onboarding" || p.Get("return_url") != s.url+marketplace.Path {
		t.Errorf("asked for %v", p)
	}
}

// The page's texts are complete only if the page renders in both languages with everything on it.
func TestThePageSpeaksBothLanguages(t *testing.T) {
	s := newStreet(t)
	b := s.browser()
	b.connect()
	for lang, want := range map[string]string{"en": "Take a lesson payment HK$600.00", "zh-Hant-HK": "收取一堂課的費用 HK$600.00"} {
		if _, page := b.do("GET", marketplace.Path+"?lang="+lang, nil); !strings.Contains(page, want) {
			t.Errorf("%s: the page does not say %q", lang, want)
		}
	}
}

func TestAClosedShopSaysSo(t *testing.T) {
	kit, err := ui.New(ui.Config{Dev: true, Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := marketplace.New(kit, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	shop.Routes()[0].Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", marketplace.Path, nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "not open yet") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

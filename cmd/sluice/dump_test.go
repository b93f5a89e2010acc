package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/dev/postgres"
	"github.com/sluicepay/sluice/platform/secret"
)

// Whoever steals a backup gets nothing that works: a busy database, dumped, holds
// none of the secrets that were made, sent or typed; neither does the log of the run.
func TestADumpHoldsNothingUsable(t *testing.T) {
	t.Parallel()
	var log journal
	var masters []string
	h := newHouseLogging(t, slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}), func(cfg *Config) {
		masters = []string{cfg.KeyMaster.Reveal(), cfg.SealMasters[0].Reveal()}
	})
	var c canaries
	c.keep("the master of hashes", masters[0])
	c.keep("the master of seals", masters[1])
	c.keep("Ada's secret key", h.key)
	h.busyWithKeys(&c)
	h.busyWithAccounts(&c)
	h.busyWithCheckout(&c)
	h.busyWithConnections(&c)
	h.busyWithPeople(&c)
	h.relayed()

	dump := dumpOf(t, h.app.cfg.DatabaseURL.Reveal())
	for _, control := range []string{planted, "TutorHub HK", "ka.ming@example.com", "charge.succeeded"} { // what is meant to be there is seen
		if !bytes.Contains(dump, []byte(control)) {
			t.Errorf("the dump does not hold %q: it was not looked at", control)
		}
	}
	for _, found := range c.in(dump) {
		t.Errorf("the dump holds %s", found)
	}
	written := log.text()
	if !bytes.Contains(written, []byte("/oauth/token")) {
		t.Error("the log does not tell of the run")
	}
	for _, found := range c.in(written) {
		t.Errorf("the log holds %s", found)
	}
	t.Logf("%d secrets, %d KiB of dump, %d KiB of log", len(c.kept), len(dump)>>10, len(written)>>10)
}

// planted is not secret: it stands in metadata, to see that the search would find.
const planted = "planted-canary-8e1f"

// journal is a log that several goroutines write.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) text() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.b.Bytes())
}

// keptSecret is a secret of the run.
type keptSecret struct{ what, plain string }

type canaries struct{ kept []keptSecret }

// keep remembers a secret and, where it is bytes written as text, these bytes.
func (c *canaries) keep(what, plain string) {
	if len(plain) < 8 {
		panic("too short to be searched for: " + what)
	}
	c.kept = append(c.kept, keptSecret{what, plain})
	bare := plain[strings.LastIndex(plain, "_")+1:]
	if raw, err := base64.StdEncoding.DecodeString(bare); err == nil && len(raw) >= 16 {
		c.kept = append(c.kept, keptSecret{"the bytes of " + what, string(raw)})
	}
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(bare); err == nil && len(raw) >= 16 {
		c.kept = append(c.kept, keptSecret{"the bytes of " + what, string(raw)})
	}
	if body := strings.TrimLeft(bare, "0"); bare != plain && len(body) >= 20 { // a token without its prefix
		c.kept = append(c.kept, keptSecret{what + " without its prefix", body})
	}
}

// in names the secrets that stand in text, as they are, in hex or in base64.
func (c *canaries) in(text []byte) (found []string) {
	lower := bytes.ToLower(text)
	for _, one := range c.kept {
		for how, form := range formsOf(one.plain) {
			in := text
			if how == "hex" {
				in = lower
			}
			if bytes.Contains(in, []byte(form)) {
				found = append(found, one.what+", "+how)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// formsOf writes a secret as it might stand in a row. Within base64 of something
// longer it looks different by where it begins; what its neighbours touch is cut off.
func formsOf(plain string) map[string]string {
	forms := map[string]string{"plain": plain, "hex": hex.EncodeToString([]byte(plain)), "in a URL": url.QueryEscape(plain)}
	for shift := range 3 {
		padded := append(make([]byte, shift), plain...)
		whole := base64.RawStdEncoding.EncodeToString(padded)
		from, to := 0, len(whole)
		if shift > 0 {
			from = shift + 1
		}
		if len(padded)%3 != 0 {
			to--
		}
		name := string(rune('0' + shift))
		forms["base64, shifted by "+name] = whole[from:to]
		forms["base64 for URLs, shifted by "+name] = strings.NewReplacer("+", "-", "/", "_").Replace(whole[from:to])
	}
	return forms
}

func TestTheSearchFindsWhatIsHidden(t *testing.T) {
	t.Parallel()
	const hidden = "rt_0123456789abcdefghijklmnop"
	var c canaries
	c.keep("a token", hidden)
	for name, text := range map[string]string{
		"plain": `{"token": "` + hidden + `"}`, "hex": `\x` + hex.EncodeToString([]byte("x"+hidden+"y")), "HEX": strings.ToUpper(hex.EncodeToString([]byte(hidden))),
		"base64": base64.StdEncoding.EncodeToString([]byte(hidden)), "base64, one on": base64.StdEncoding.EncodeToString([]byte("x" + hidden + "yz")),
		"base64, two on": base64.URLEncoding.EncodeToString([]byte("xy" + hidden + "z")), "without its prefix": hidden[3:],
	} {
		if len(c.in([]byte(text))) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
	if found := c.in([]byte("rt_ and nothing else")); len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

// dumpOf is a backup as an operator makes it.
func dumpOf(t *testing.T, database string) []byte {
	t.Helper()
	binaries, err := postgres.Find(t.Context(), 0, testWriter{t})
	if err != nil {
		t.Fatal(err)
	}
	var wrong bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries.Dir, "pg_dump"), "--dbname", database)
	cmd.Stderr = &wrong
	dump, err := cmd.Output()
	if err != nil {
		t.Fatalf("pg_dump (Debian: apt install postgresql): %v\n%s", err, &wrong)
	}
	return dump
}

// relayed waits until the relay has carried all events: what it writes is part of the dump.
func (h *house) relayed() {
	h.t.Helper()
	bustest.Eventually(h.t, "the relay has carried all events", func() bool {
		var waiting int
		if err := h.app.pool.NewRaw(`SELECT count(*) FROM platform.events e JOIN platform.relay_lanes c USING (lane)
			WHERE (e.order_xid, e.seq) > (c.order_xid, c.seq)`).Scan(h.t.Context(), &waiting); err != nil {
			h.t.Fatal(err)
		}
		return waiting == 0
	})
}

// busyWithKeys makes what Ada's programs have: keys, and a webhook's secret.
func (h *house) busyWithKeys(c *canaries) {
	for what, l := range map[string]letter{
		"a second secret key": {path: "/v1/api_keys", form: "type=secret"},
		"a restricted key":    {path: "/v1/api_keys", form: "type=restricted&scopes[]=charges:read"},
		"a webhook's secret":  {path: "/v1/webhook_endpoints", form: "enabled_events[]=*&url=" + url.QueryEscape(h.url+hooksPath)},
	} {
		l.method = http.MethodPost
		made := h.send(http.StatusOK, l)
		revealed, _ := made.at("secret").(string)
		c.keep(what, revealed)
	}
}

// busyWithAccounts makes a tutor with everything that must not be read again, and charges for them.
func (h *house) busyWithAccounts(c *canaries) {
	const bank, identity, passport, card = "918273645546", "Z6833655", "HK73645182990", "4242424242424242"
	made := h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts", form: url.Values{
		"type": {"custom"}, "country": {"HK"}, "business_type": {"individual"}, "business_profile[name]": {"Chan Ka Yan"},
		"capabilities[transfers][requested]": {"true"}, "metadata[note]": {planted}, "email": {"ka.yan@example.com"},
		"individual[first_name]": {"Ka Yan"}, "individual[last_name]": {"Chan"},
		"individual[id_number]": {identity}, "individual[id_number_secondary]": {passport},
		"external_account[object]": {"bank_account"}, "external_account[country]": {"HK"}, "external_account[currency]": {"hkd"},
		"external_account[routing_number]": {"110000"}, "external_account[account_number]": {bank},
	}.Encode()})
	tutor := made.at("id").(string)
	c.keep("a bank account's number", bank)
	c.keep("an identity card's number", identity)
	c.keep("a passport's number", passport)
	c.keep("a card's number", card)

	token := h.send(http.StatusOK, letter{method: "POST", path: "/v1/tokens", form: url.Values{
		"card[number]": {card}, "card[exp_month]": {"12"}, "card[exp_year]": {"2034"}, "card[cvc]": {"123"},
	}.Encode()})
	customer := h.send(http.StatusOK, letter{method: "POST", path: "/v1/customers", form: url.Values{"source": {token.at("id").(string)}}.Encode()})
	for range 5 {
		h.send(http.StatusOK, letter{method: "POST", path: "/v1/charges", form: url.Values{
			"amount": {"60000"}, "currency": {"hkd"}, "customer": {customer.at("id").(string)},
		}.Encode()})
	}
	h.exchange(letter{method: "POST", path: "/v1/charges", form: "amount=1&currency=hkd&source=" + card}) // refused, and the refusal is kept
	for what, address := range map[string]string{
		"an account link": h.accountLink(tutor),
		"a login link":    h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts/" + h.expressTutor() + "/login_links"}).at("url").(string),
	} {
		c.keep(what, address[strings.LastIndex(address, "/")+1:])
	}
}

// expressTutor is one who sees a dashboard of ours, and has filled in everything.
func (h *house) expressTutor() string {
	h.t.Helper()
	made := h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts", form: "type=express&country=HK&capabilities[transfers][requested]=true&sluice[requirements]=enforced"})
	tutor := made.at("id").(string)
	g := h.guest("en").open(h.accountLink(tutor))
	for range 12 {
		if !strings.HasPrefix(g.at.Path, "/onboarding") {
			return tutor
		}
		if strings.Contains(g.page, `name="fill"`) {
			g.submit(map[string]string{"account": tutor, "fill": "yes"})
		}
		g.submit(map[string]string{"account": tutor})
	}
	h.t.Fatalf("onboarding has no end: %s", g.words())
	return ""
}

func (h *house) accountLink(account string) string {
	h.t.Helper()
	made := h.send(http.StatusOK, letter{method: "POST", path: "/v1/account_links", form: url.Values{
		"account": {account}, "type": {"account_onboarding"}, "return_url": {h.url + "/"}, "refresh_url": {h.url + "/"},
	}.Encode()})
	return made.at("url").(string)
}

// busyWithCheckout tries cards on the hosted page: one that the bank declines, one
// with a mistake beside it, one that pays.
func (h *house) busyWithCheckout(c *canaries) {
	h.t.Helper()
	address := h.send(http.StatusOK, letter{method: "POST", path: "/v1/checkout/sessions", form: matrix["POST /v1/checkout/sessions"].form}).at("url").(string)
	for _, try := range []struct {
		number, expiry string
		status         int
	}{{"4000000000000002", "12/40", 402}, {"378282246310005", "13/40", 422}, {"5555555555554444", "12/40", 303}} {
		c.keep("a buyer's card number", try.number)
		res, err := noRedirect.PostForm(address, url.Values{
			"number": {try.number}, "expiry": {try.expiry}, "cvc": {"123"}, "email": {"lok@example.com"}, "name": {"Au Yeung Lok"},
		})
		if err != nil {
			h.t.Fatal(err)
		}
		page, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != try.status || bytes.Contains(page, []byte(try.number)) {
			h.t.Fatalf("the page answers %d (%v), and shows the number or not:\n%s", res.StatusCode, err, page)
		}
	}
}

// busyWithConnections goes through everything that the OAuth server hands out.
func (h *house) busyWithConnections(c *canaries) {
	h.t.Helper()
	a, tutor := h.application("confidential"), h.person("ka.ming@example.com")
	c.keep("a client's secret", a.secret)
	rotated := h.send(http.StatusOK, letter{method: "POST", path: "/v1/oauth_clients/" + a.id + "/secrets"})
	secrets := rotated.at("secrets").([]any)
	c.keep("a client's second secret", secrets[len(secrets)-1].(map[string]any)["secret"].(string))

	pushed := h.send(http.StatusCreated, letter{method: "POST", path: "/oauth/par", form: url.Values{
		"client_id": {a.id}, "client_secret": {a.secret}, "response_type": {"code"}, "scope": {"read_write"}, "redirect_uri": {shopCallback},
		"state": {"as sent & back"},
	}.Encode(), header: map[string]string{"Authorization": ""}})
	request := pushed.at("request_uri").(string)
	c.keep("a pushed request", request[strings.LastIndex(request, ":")+1:])
	by := h.url + "/oauth/authorize?" + url.Values{"client_id": {a.id}, "request_uri": {request}}.Encode()

	codes := []string{h.code(tutor, by), h.code(tutor, h.link(a)), h.code(tutor, h.link(a))}
	for _, code := range codes {
		c.keep("a code", code)
	}
	for _, code := range codes[:2] { // the third one is never used
		answer := h.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}})
		for range 3 {
			c.keep("an access token", answer.at("access_token").(string))
			c.keep("a refresh token", answer.at("refresh_token").(string))
			answer = h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {answer.at("refresh_token").(string)}})
		}
	}
	wrong := "ac_" + strings.Repeat("0123456789", 4) + "012345678"
	h.exchange(letter{method: "POST", path: "/oauth/token", form: url.Values{"grant_type": {"authorization_code"}, "code": {wrong}}.Encode()})
	c.keep("a code that never was", wrong)
}

func (h *house) token(form url.Values) reply {
	h.t.Helper()
	return h.send(http.StatusOK, letter{method: "POST", path: "/oauth/token", form: form.Encode()})
}

// busyWithPeople signs up, in and back in with everything that a person can type.
func (h *house) busyWithPeople(c *canaries) {
	h.t.Helper()
	ctx, people := h.t.Context(), h.app.people
	from := session.From{IP: "192.0.2.7", UserAgent: "a browser", Locale: "en"}
	const email, first, second, wrong = "sze.wing@example.com", "plover-otter-44-first", "plover-otter-44-second", "plover-otter-44-wrong"
	for _, password := range []string{first, second, wrong} {
		c.keep("a password", password)
	}
	pending := must[session.Pending](h.t)(people.SignUp(ctx, from, session.SignUpParams{Email: email, Name: "Lam Sze Wing", Password: secret.New(first)}))
	c.keep("the cookie of a sign-up", pending.Cookie.Reveal())
	request := must[*http.Request](h.t)(http.NewRequestWithContext(ctx, http.MethodPost, h.url, nil))
	answer := httptest.NewRecorder()
	people.SetPendingCookie(answer, pending)
	request.AddCookie(answer.Result().Cookies()[0])
	entry := must[session.Entry](h.t)(people.Verify(ctx, from, request, h.mailCode(email)))
	c.keep("the cookie of a session", entry.Cookie.Reveal())

	if _, err := people.SignIn(ctx, from, secret.Text{}, email, secret.New(wrong)); err == nil {
		h.t.Error("a wrong password opened a session")
	}
	if err := people.StartTOTP(ctx, entry.Visit); err != nil {
		h.t.Fatal(err)
	}
	key, _, err := people.PendingTOTP(ctx, entry.Visit)
	if err != nil {
		h.t.Fatal(err)
	}
	c.keep("an authenticator's secret", key.Secret.Reveal())
	if err := people.ConfirmTOTP(ctx, from, entry.Visit, must[string](h.t)(totp.GenerateCode(key.Secret.Reveal(), time.Now()))); err != nil {
		h.t.Fatal(err)
	}
	for _, code := range must[[]string](h.t)(people.Shown(ctx, entry.Visit)) {
		c.keep("a recovery code", code)
	}
	half := must[session.Entry](h.t)(people.SignIn(ctx, from, secret.Text{}, email, secret.New(first)))
	c.keep("the cookie of half a session", half.Cookie.Reveal())

	if err := people.ForgotPassword(ctx, from, email); err != nil {
		h.t.Fatal(err)
	}
	link := h.resetLink(email)
	c.keep("a reset link", link)
	if err := people.ResetPassword(ctx, from, secret.New(link), secret.New(second)); err != nil {
		h.t.Fatal(err)
	}
	again := must[session.Entry](h.t)(people.SignIn(ctx, from, secret.Text{}, email, secret.New(second)))
	c.keep("the cookie of a later session", again.Cookie.Reveal())
	if err := people.ForgotPassword(ctx, from, email); err != nil {
		h.t.Fatal(err)
	}
	c.keep("a reset link that was not used", h.resetLink(email, link))
}

// resetLink waits for the newest reset link that was mailed, other than those known.
func (h *house) resetLink(to string, known ...string) string {
	h.t.Helper()
	var found string
	bustest.Eventually(h.t, "a reset link is mailed to "+to, func() bool {
		for _, m := range h.app.mails.inbox.Mails(to) {
			_, rest, mailed := strings.Cut(m.Text, "/reset-password/")
			if link := strings.Fields(rest + " "); found == "" && mailed && !slices.Contains(known, link[0]) {
				found = link[0]
			}
		}
		return found != ""
	})
	return found
}

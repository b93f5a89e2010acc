package onboarding_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/tenant"
)

func (w *town) express(form ...string) string {
	w.t.Helper()
	form = append([]string{"type=express", "country=HK", "capabilities[transfers][requested]=true"}, form...)
	return w.api("POST", "/v1/accounts", 200, form...)["id"].(string)
}

func (w *town) link(account string, more ...string) map[string]any {
	w.t.Helper()
	form := append([]string{"account=" + account, "type=account_onboarding", "refresh_url=" + refresh, "return_url=" + back}, more...)
	return w.api("POST", "/v1/account_links", 200, form...)
}

func TestALinkLetsOneOfAHundredIn(t *testing.T) {
	w := newTown(t)
	address := w.link(w.express())["url"].(string)
	var in, out, other atomic.Int64
	var wait sync.WaitGroup
	start := make(chan struct{})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 100 {
		wait.Go(func() {
			<-start
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			if err != nil {
				t.Error(err)
				return
			}
			response, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			switch {
			case response.StatusCode == http.StatusSeeOther && len(response.Cookies()) == 1:
				in.Add(1)
			case response.StatusCode == http.StatusGone && len(response.Cookies()) == 0:
				out.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	close(start)
	wait.Wait()
	if in.Load() != 1 || out.Load() != 99 || other.Load() != 0 {
		t.Fatalf("%d got in, %d did not, %d something else", in.Load(), out.Load(), other.Load())
	}
}

func TestALinkEndsAfterFiveMinutesAndAVisitAfterTwoHours(t *testing.T) {
	w := newTown(t)
	id := w.express()
	late, used := w.link(id), w.link(id)["url"].(string)
	if life := late["expires_at"].(float64) - late["created"].(float64); life != 300 {
		t.Errorf("a link lives %v seconds", life)
	}
	b := w.browser()
	b.get(used)
	b.mustBe("bank")

	w.now.Advance(5 * time.Minute)
	c := w.browser()
	c.get(late["url"].(string))
	c.must("This link has expired")
	c.must("TutorHub Hong Kong")
	if c.status != http.StatusGone || !strings.Contains(c.body, `href="`+refresh+`"`) {
		t.Errorf("%d: no way to a new link: %s", c.status, c.body)
	}
	w.now.Advance(114 * time.Minute)
	b.get("/onboarding/bank")
	b.mustBe("bank")
	w.now.Advance(2 * time.Minute)
	b.get("/onboarding/bank")
	b.must("You have been away for a while")
}

func TestALeakedUsedLinkShowsNothing(t *testing.T) {
	w := newTown(t)
	id := w.express("email=may@example.com", "business_type=individual", "individual[first_name]=Unmistakable", "external_account=btok_hk")
	address := w.link(id)["url"].(string)
	b := w.browser()
	b.get(address)
	thief := w.browser()
	thief.get(address)
	thief.must("This link has expired")
	for _, secret := range []string{"Unmistakable", "may@example.com", id, "3456"} {
		if strings.Contains(thief.body, secret) {
			t.Errorf("the page of a used link tells %q", secret)
		}
	}
	thief.get("/onboarding")
	thief.must("You have been away for a while")
	// Whoever opened it goes back and forth, and reloads.
	b.get(address)
	if b.status != 200 || !strings.Contains(b.url, "/onboarding/") || strings.Contains(b.url, address[len(address)-20:]) {
		t.Errorf("the same browser again: %d %s", b.status, b.url)
	}
	for _, shape := range []string{"/onboarding/x", "/onboarding/" + strings.Repeat("A", 43), "/login-links/" + strings.Repeat("A", 43)} {
		thief.get(w.url + shape)
		thief.must("This link does not lead anywhere")
	}
}

func TestLookingAheadDoesNotUseALinkUp(t *testing.T) {
	w := newTown(t)
	address := w.link(w.express())["url"].(string)
	for method, header := range map[string]string{http.MethodHead: "", http.MethodGet: "prefetch;prerender"} {
		r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
		must(t, err)
		r.Header.Set("Sec-Purpose", header)
		response, err := http.DefaultClient.Do(r)
		must(t, err)
		response.Body.Close()
		if response.StatusCode != http.StatusNoContent || len(response.Cookies()) > 0 {
			t.Errorf("%s: %d %v", method, response.StatusCode, response.Cookies())
		}
	}
	b := w.browser()
	b.get(address)
	b.mustBe("bank")
}

func TestAVisitIsBoundToItsAccount(t *testing.T) {
	w := newTown(t)
	mine, others := w.tutor(nil), w.tutor(nil)
	b := w.browser()
	b.get(w.mint(mine))
	form := b.form()
	// Another link is opened in a second tab of the same browser; then the first tab is sent.
	b.get(w.mint(others))
	form.Set("business_type", "company")
	b.post("/onboarding/business-type", form)
	b.must("Another account is open in this browser")
	if w.account(mine).BusinessType != "" || w.account(others).BusinessType != "" {
		t.Error("something was saved")
	}
	form.Del("account")
	b.post("/onboarding/business-type", form)
	if w.account(others).BusinessType != "" {
		t.Error("a form that names no account was saved")
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	values := url.Values{"account": {id}, "business_type": {"company"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/onboarding/business-type", strings.NewReader(values.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.send(r)
	if b.status != http.StatusForbidden || w.account(id).BusinessType != "" {
		t.Errorf("%d, type %q", b.status, w.account(id).BusinessType)
	}
}

func TestPagesOfAVisitAreNeitherCachedNorFramedNorTold(t *testing.T) {
	w := newTown(t)
	b := w.browser()
	address := w.mint(w.tutor(nil))
	b.get(address)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	} {
		if got := b.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	policy := b.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self' https://tutorhub.example") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	token := address[strings.LastIndexByte(address, '/')+1:]
	if strings.Contains(w.log.String(), token) {
		t.Error("the link is in the log")
	}
	for _, c := range b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(w.url, "http://"), Path: "/"}) {
		if strings.Contains(w.log.String(), c.Value) {
			t.Errorf("the cookie %s is in the log", c.Name)
		}
	}
}

func TestLinksAtRestOpenNothing(t *testing.T) {
	w := newTown(t)
	id := w.express()
	address := w.api("POST", "/v1/account_links", 200, "Idempotency-Key: once", "account="+id, "type=account_onboarding", "refresh_url="+refresh, "return_url="+back)["url"].(string)
	token := address[strings.LastIndexByte(address, '/')+1:]
	if again := w.api("POST", "/v1/account_links", 200, "Idempotency-Key: once", "account="+id, "type=account_onboarding", "refresh_url="+refresh, "return_url="+back); again["url"] != "" {
		t.Errorf("a repeated request shows the link again: %v", again["url"])
	}
	b := w.browser()
	b.get(address)
	cookies := b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(w.url, "http://"), Path: "/"})
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	var rows []string
	must(t, w.pool.NewRaw(`SELECT l::text FROM connect.onboarding_links l UNION ALL SELECT v::text FROM connect.onboarding_visits v`).Scan(t.Context(), &rows))
	answers, err := idempotency.Kept(t.Context(), w.pool)
	must(t, err)
	for _, answer := range answers {
		rows = append(rows, string(answer.Body))
	}
	if len(rows) < 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		if strings.Contains(row, token) || strings.Contains(row, cookies[0].Value) {
			t.Errorf("a link or cookie is in clear: %s", row)
		}
	}
}

func TestSweepForgetsWhatIsOver(t *testing.T) {
	w := newTown(t)
	id := w.express()
	b := w.browser()
	b.get(w.link(id)["url"].(string))
	w.link(id)
	count := func() (n int) {
		must(t, w.pool.NewRaw(`SELECT (SELECT count(*) FROM connect.onboarding_links) * 10 + (SELECT count(*) FROM connect.onboarding_visits)`).Scan(t.Context(), &n))
		return n
	}
	must(t, w.links.Sweep(t.Context()))
	if n := count(); n != 21 {
		t.Errorf("before: %d", n)
	}
	w.now.Advance(66 * time.Minute)
	must(t, w.links.Sweep(t.Context()))
	if n := count(); n != 1 {
		t.Errorf("links over: %d", n)
	}
	w.now.Advance(time.Hour)
	must(t, w.links.Sweep(t.Context()))
	if n := count(); n != 0 {
		t.Errorf("visits over: %d", n)
	}
}

func TestAccountLinkParametersAreChecked(t *testing.T) {
	w := newTown(t)
	id := w.express()
	own := w.tutorOfItsOwn(tenant.ReadWrite)
	lost := w.tutor(nil)
	good := map[string]string{"account": id, "type": "account_onboarding", "refresh_url": refresh, "return_url": back}
	for _, c := range []struct {
		rule, change string
		status       int
		code, param  string
	}{
		{"no account", "account=", 400, "parameter_missing", "account"},
		{"no type", "type=", 400, "parameter_missing", "type"},
		{"unknown type", "type=custom", 400, "", "type"},
		{"no refresh_url", "refresh_url=", 400, "parameter_missing", "refresh_url"},
		{"no return_url", "return_url=", 400, "parameter_missing", "return_url"},
		{"no URL", "return_url=tutorhub", 400, "url_invalid", "return_url"},
		{"a script", "return_url=javascript:alert(1)", 400, "url_invalid", "return_url"},
		{"user info", "return_url=https://tutorhub.example@evil.example/", 400, "url_invalid", "return_url"},
		{"a backslash", `return_url=https://tutorhub.example\@evil.example/`, 400, "url_invalid", "return_url"},
		{"a line end", "refresh_url=https://tutorhub.example/\r\nLocation: x", 400, "url_invalid", "refresh_url"},
		{"unknown collection", "collect=all", 400, "", "collect"},
		{"somebody else's account", "account=acct_nobody", 403, "account_invalid", ""},
		{"the platform's own account", "account=" + w.platform, 400, "account_invalid", "account"},
		{"an account that controls itself", "account=" + own, 403, "not_allowed_on_standard_account", ""},
		{"an account that is not connected", "account=" + lost, 403, "account_invalid", ""},
		{"plain http in test mode", "return_url=http://localhost:3000/back", 200, "", ""},
		{"an update", "type=account_update", 200, "", ""},
	} {
		name, value, _ := strings.Cut(c.change, "=")
		var form []string
		for n, v := range good {
			if n == name {
				v = value
			}
			if v != "" {
				form = append(form, n+"="+v)
			}
		}
		if good[name] == "" {
			form = append(form, c.change)
		}
		answer := w.api("POST", "/v1/account_links", c.status, form...)
		if c.status == 200 {
			continue
		}
		e := answer["error"].(map[string]any)
		code, _ := e["code"].(string)
		param, _ := e["param"].(string)
		if code != c.code || param != c.param {
			t.Errorf("%s: %v", c.rule, e)
		}
	}
	w.access(lost, tenant.ReadOnly)
	if e := w.api("POST", "/v1/account_links", 403, "account="+lost, "type=account_onboarding", "refresh_url="+refresh, "return_url="+back)["error"].(map[string]any); e["code"] != "account_read_only" {
		t.Errorf("read only: %v", e)
	}
	live := callAPI(t, w.url, "live_"+w.platform, "POST", "/v1/accounts", 200, "type=express", "country=HK")["id"].(string)
	callAPI(t, w.url, "live_"+w.platform, "POST", "/v1/account_links", 400, "account="+live, "type=account_onboarding", "refresh_url="+refresh, "return_url=http://tutorhub.example/")
	callAPI(t, w.url, "live_"+w.platform, "POST", "/v1/account_links", 200, "account="+live, "type=account_onboarding", "refresh_url="+refresh, "return_url="+back)
	if body := w.link(id, "collection_options[fields]=eventually_due", "collection_options[future_requirements]=include"); body["object"] != "account_link" {
		t.Errorf("%v", body)
	}
}

func TestALoginLinkShowsTheAccount(t *testing.T) {
	w := newTown(t)
	fresh := w.api("POST", "/v1/accounts", 200, "type=express", "country=HK", "capabilities[transfers][requested]=true", "sluice[requirements]=enforced")["id"].(string)
	if e := w.api("POST", "/v1/accounts/"+fresh+"/login_links", 400)["error"].(map[string]any); !strings.Contains(e["message"].(string), "has not completed onboarding") {
		t.Errorf("%v", e)
	}
	custom := w.api("POST", "/v1/accounts", 200, "type=custom", "country=HK")["id"].(string)
	if e := w.api("POST", "/v1/accounts/"+custom+"/login_links", 400)["error"].(map[string]any); !strings.Contains(e["message"].(string), "not an Express account") {
		t.Errorf("%v", e)
	}
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	w.walk(b, "personal", "address", "identity", "business", "bank")
	w.finish(b, id)
	w.access(id, tenant.ReadWrite)
	link := w.api("POST", "/v1/accounts/"+id+"/login_links", 200)
	if link["object"] != "login_link" || link["created"] == nil {
		t.Fatalf("%v", link)
	}
	b.get(link["url"].(string))
	b.mustBe("overview")
	for _, shown := range []string{"Connected to TutorHub Hong Kong", "•••• 3456", "Tai Man", "Payouts On"} {
		b.must(shown)
	}
	if strings.Contains(b.body, "000000123456") {
		t.Error("a bank number is shown")
	}
	b.get("/onboarding/personal")
	b.submit("individual.last_name=Chan Wong")
	b.mustBe("overview")
	b.must("Chan Wong")
	b.post("/onboarding/leave", url.Values{"account": {id}})
	b.must("You can close this page")
	again := w.browser()
	again.get(link["url"].(string))
	again.must("This link has expired")
}

// tutorOfItsOwn is an account that controls itself.
func (w *town) tutorOfItsOwn(access tenant.Access) string {
	w.t.Helper()
	id := w.open(w.standard).ID
	w.access(id, access)
	return id
}

func TestMintTellsWhetherAnythingIsDue(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	onboarding := func() (address string, due bool) {
		must(t, db.InTx(t.Context(), w.pool, func(ctx context.Context, tx bun.Tx) (err error) {
			address, due, err = w.links.Onboarding(ctx, tx, id, false, w.platform, w.url+"/oauth/continue?request=areq_1")
			return err
		}))
		return address, due
	}
	address, due := onboarding()
	if !due || address == "" {
		t.Fatalf("%v %q", due, address)
	}
	b := w.browser()
	b.get(address)
	b.submit("business_type=individual")
	w.walk(b, "personal", "address", "identity", "business", "bank")
	b.submit("terms=yes")
	if b.url != w.url+"/oauth/continue?request=areq_1" {
		t.Errorf("ended at %s", b.url)
	}
	if address, due = onboarding(); due || address != "" {
		t.Errorf("nothing is due, but %v %q", due, address)
	}
}

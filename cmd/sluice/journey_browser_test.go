package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// A tutor comes from the sample marketplace, signs up, proves an address, says yes,
// fills in what is due and is back, in a real browser; a minute later a student has
// paid. Every page on the way is looked at: see uitest.Audit.
//
// SLUICE_SCREENSHOTS=folder keeps a picture of each, wide and narrow, light and dark.

func TestATutorComesAboard(t *testing.T) { journey{lang: "en", name: "english"}.run(t) }

func TestATutorComesAboardInChinese(t *testing.T) {
	t.Parallel()
	journey{lang: "zh-Hant-HK", name: "chinese", express: true}.run(t)
}

func TestATutorComesAboardWithoutJavaScript(t *testing.T) {
	t.Parallel()
	journey{lang: "en", name: "noscript", phone: true, options: []uitest.TabOption{uitest.NoScript, uitest.Phone}}.run(t)
}

// journey is one tutor's way through the pages.
type journey struct {
	name, lang string
	express    bool
	phone      bool // as options say
	hasty      bool // looks at no page
	options    []uitest.TabOption

	*house
	t     *testing.T
	tab   *uitest.Tab
	texts map[string]string
	shots int
}

func (j journey) run(t *testing.T) {
	j.t, j.house = t, newHouse(t)
	j.texts = catalogueTexts(t, j.lang)
	j.openShop()
	j.tab = uitest.Browser(t).Tab(t, append(j.options, uitest.Language(j.lang))...)
	start := time.Now()

	j.tab.Open(j.url + "/_dev/marketplace")
	j.look("shop")
	j.tab.Fill("name", "Au Ka Ming 區嘉明")
	j.tab.Fill("subject", "piano")
	if j.express {
		j.press("shop.express")
	} else {
		j.press("shop.connect")
	}
	j.signUp()
	j.tab.WaitURL("/oauth/consent")
	j.look("consent")
	j.press("consent.approve.new")
	j.onboard()
	j.tab.WaitURL("/_dev/marketplace")
	j.tab.WaitText("Au Ka Ming 區嘉明")
	j.look("connected")
	took := time.Since(start)
	j.takeLesson()
	j.disconnect()
	t.Logf("aboard after %.0f s, of which looking at pages is most", took.Seconds())
}

// signUp ends signed in, with a proven address.
func (j *journey) signUp() {
	j.t.Helper()
	email := "ka.ming+" + j.name + "@example.com"
	j.tab.WaitURL("/sign-up")
	j.look("sign-up")
	j.tab.Fill("name", "Au Ka Ming")
	j.tab.Fill("email", email)
	j.tab.Fill("password", "plover-otter-44")
	j.press("people.sign_up.button")
	j.tab.WaitURL("/verify-email")
	j.look("verify-email")
	j.tab.Fill("code", j.codeFromInbox(email))
	j.press("people.continue")
}

// codeFromInbox reads the inbox page in another window.
func (j *journey) codeFromInbox(to string) string {
	j.t.Helper()
	inbox := uitest.Browser(j.t).Tab(j.t, j.options...)
	inbox.Open(j.url + mailPath)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); inbox.Reload() {
		if text := inbox.Text(); strings.Contains(text, to) {
			j.lookAt(inbox, "mail")
			if code := regexp.MustCompile(`\b\d{6}\b`).FindString(text); code != "" {
				return code
			}
		}
	}
	j.t.Fatal("no mail came")
	return ""
}

// onboard fills in what is due, by the button for tests, and returns to the shop.
func (j *journey) onboard() {
	j.t.Helper()
	j.tab.WaitURL("/onboarding/")
	for range 12 {
		step := j.step()
		j.look("onboarding-" + step)
		switch step {
		case "review":
			j.press("onboarding.fill")
			j.press("onboarding.submit") // the client has its answer after this
			return
		default:
			j.press("onboarding.fill")
			if j.lang == "en" && !j.phone { // once is enough for what differs in values only
				j.look("onboarding-" + step + "-filled")
			}
			j.press("onboarding.continue")
		}
		if next := j.step(); next == step {
			j.t.Fatalf("%s does not lead on:\n%s", step, j.tab.Text())
		}
	}
	j.t.Fatal("onboarding has no end")
}

func (j *journey) step() string {
	_, step, _ := strings.Cut(j.tab.URL(), "/onboarding/")
	return step
}

// takeLesson charges HK$600.00 for the tutor and sees HK$510.00 arrive.
func (j *journey) takeLesson() {
	j.t.Helper()
	j.pending("HK$0.00")
	j.press("shop.lesson", "price", "HK$600.00")
	j.tab.WaitText(j.say("shop.notice.paid", "price", "HK$600.00", "fee", "HK$90.00", "share", "HK$510.00"))
	j.pending("HK$510.00")
	j.look("charged")
	j.closeBooks()
}

func (j *journey) pending(want string) {
	j.t.Helper()
	var shown string
	j.tab.Eval(`document.querySelector("[data-pending]").innerText`, &shown)
	if shown != want {
		j.t.Errorf("pending is %s, want %s", shown, want)
	}
}

// disconnect ends the connection; the API knows it at once.
func (j *journey) disconnect() {
	j.t.Helper()
	var account string
	j.tab.Eval(`document.querySelector("[data-account]").dataset.account`, &account)
	balance := letter{method: "GET", path: "/v1/balance", header: map[string]string{"Stripe-Account": account}}
	j.send(http.StatusOK, balance)
	j.press("shop.disconnect")
	j.tab.WaitText(j.say("shop.notice.disconnected"))
	j.look("disconnected")
	j.send(http.StatusForbidden, balance)
}

// press presses the button with the text of this key, and waits for the page it leads to.
func (j *journey) press(key string, values ...string) {
	j.t.Helper()
	j.tab.ClickThrough(j.say(key, values...))
}

// say is a text in the tutor's language.
func (j *journey) say(key string, values ...string) string {
	j.t.Helper()
	text, ok := j.texts[key]
	if !ok {
		j.t.Fatalf("no text %q in %s", key, j.lang)
	}
	for i := 0; i < len(values); i += 2 {
		text = strings.ReplaceAll(text, "{"+values[i]+"}", values[i+1])
	}
	return text
}

// catalogueTexts are the texts of all pages in one language.
func catalogueTexts(t *testing.T, lang string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, folder := range []string{
		"../../platform/ui/catalogues", "../../oauth/oauthhttp/catalogues/flow", "../../oauth/oauthhttp/catalogues/people",
		"../../connect/onboarding/catalogues", "marketplace/pages", "devpages",
	} {
		raw, err := os.ReadFile(filepath.Join(folder, lang+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// look holds the page against what all pages must be, and keeps a picture if asked to.
func (j *journey) look(name string) { j.t.Helper(); j.lookAt(j.tab, name) }

func (j *journey) lookAt(tab *uitest.Tab, name string) {
	j.t.Helper()
	if j.hasty {
		return
	}
	if folder := os.Getenv("SLUICE_SCREENSHOTS"); folder != "" {
		j.shots++
		keep := func(kind string, width int, dark bool) {
			tab.SetWidth(width)
			tab.SetDark(dark)
			tab.Screenshot(filepath.Join(folder, fmt.Sprintf("%s-%02d-%s-%s.png", j.name, j.shots, name, kind)))
		}
		keep("phone-dark", 390, true)
		keep("light", map[bool]int{true: 390, false: 1440}[j.phone], false)
	}
	uitest.Audit(j.t, tab)
}

// The index is where a developer begins, and where the code of a connect link opened
// by hand arrives, in a command that spends it.
func TestADeveloperConnectsByHand(t *testing.T) {
	t.Parallel()
	j := &journey{name: "index", lang: "en", t: t, house: newHouse(t), texts: catalogueTexts(t, "en")}
	j.openShop()
	j.tab = uitest.Browser(t).Tab(t)
	j.tab.Open(j.url)
	j.look("index")
	j.tab.ClickThrough(j.say("dev.connect"))
	j.hasty = true // the other journeys look at these pages
	j.signUp()
	j.tab.WaitURL("/oauth/consent")
	j.press("consent.approve.new")
	j.press("onboarding.later")
	j.tab.WaitText(j.say("dev.code"))
	j.hasty = false
	j.look("index-code")
	_, code, found := strings.Cut(j.tab.Text(), "-d code=")
	if !found {
		t.Fatal("the index shows no command")
	}
	made := j.send(http.StatusOK, letter{method: "POST", path: "/oauth/token", form: "grant_type=authorization_code&code=" + strings.Fields(code)[0]})
	if account, _ := made.at("stripe_user_id").(string); !strings.HasPrefix(account, "acct_") {
		t.Errorf("exchanged for %s", made.raw)
	}
}

func TestTheIndexSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	uitest.Catalogues(t, os.DirFS("devpages"), os.DirFS("devpages"))
}

// openShop is what `sluice dev` does for the sample marketplace.
func (h *house) openShop() {
	h.t.Helper()
	c := client.New(h.url, secret.New(h.key), 2)
	defer c.Close()
	if err := dress(h.t.Context(), c, h.platform); err != nil {
		h.t.Fatal(err)
	}
	id, err := oauthClient(h.t.Context(), c, "", h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	h.app.shop.Open(tutorHub(h.url, h.platform, id, secret.New(h.key)))
}

// The way back to an application on another site is a redirect after a POST, which
// Chromium holds against the page's own policy: consent, denial and the end of
// onboarding must all get there.
func TestApplicationsOfOtherSitesGetTheirAnswers(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>The other site</title><main><h1>The other site</h1><p>state=%s error=%s code=%t</p></main></html>`,
			r.URL.Query().Get("state"), r.URL.Query().Get("error"), r.URL.Query().Has("code"))
	}))
	t.Cleanup(site.Close)
	for _, c := range []struct {
		name, want string
		answer     func(j *journey)
	}{
		{"denied", "state=abc error=access_denied code=false", func(j *journey) { j.press("consent.deny") }},
		{"put off", "state=abc error= code=true", func(j *journey) {
			j.press("consent.approve.new")
			j.press("onboarding.later")
		}},
		{"filled in", "state=abc error= code=true", func(j *journey) {
			j.press("consent.approve.new")
			j.onboard()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := &journey{name: "other", lang: "en", hasty: true, t: t, house: newHouse(t), texts: catalogueTexts(t, "en")}
			made := j.send(http.StatusOK, letter{method: "POST", path: "/v1/oauth_clients", form: "name=Another&scopes[]=read_write&redirect_uris[]=" + site.URL + "/back"})
			j.tab = uitest.Browser(t).Tab(t)
			j.tab.Open(j.url + "/oauth/authorize?response_type=code&scope=read_write&state=abc&client_id=" + made.at("id").(string))
			j.signUp()
			j.tab.WaitURL("/oauth/consent")
			c.answer(j)
			j.tab.WaitText(c.want)
		})
	}
}

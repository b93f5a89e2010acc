package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// sitting is somebody at a real browser, whose pages are all audited: content
// policy, overflow at three widths, accessibility in both themes.
type sitting struct {
	*house
	*uitest.Tab
	t    *testing.T
	lang string
}

func (h *house) sitting(t *testing.T, lang string, options ...uitest.TabOption) *sitting {
	return &sitting{house: h, t: t, lang: lang, Tab: uitest.Browser(t).Tab(t, append(options, uitest.Language(lang))...)}
}

// look audits the page, once in English and where it is longest in 繁體中文; with
// SLUICE_LOOKS=folder it also leaves pictures there, of all.
func (s *sitting) look(name string) {
	s.t.Helper()
	if s.lang == "en" || slices.Contains([]string{"consent-more", "consent-viewer", "platforms"}, name) {
		uitest.Audit(s.t, s.Tab)
	}
	if folder := os.Getenv("SLUICE_LOOKS"); folder != "" {
		for _, theme := range []struct {
			name string
			dark bool
		}{{"light", false}, {"dark", true}} {
			s.SetDark(theme.dark)
			for _, size := range []struct {
				name  string
				width int
			}{{"phone", 390}, {"desk", 1440}} {
				s.SetWidth(size.width)
				s.Screenshot(filepath.Join(folder, name+"-"+s.lang+"-"+theme.name+"-"+size.name+".png"))
			}
		}
		s.SetDark(false)
	}
}

// enter signs somebody in who is known already.
func (s *sitting) enter(g *guest) {
	s.t.Helper()
	s.Cookies(s.url, g.http.Jar.Cookies(g.home()))
}

func TestEveryPageOfTheFlowLooksRight(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts/" + h.platform,
		form: "settings[branding][primary_color]=%235b3df5&settings[branding][secondary_color]=%23ffb020"})
	may := h.guest("en")
	user := may.signIn("Chan May")
	app, _ := h.client("TutorHub HK")
	calendar, _ := h.client("Lesson Calendar")
	for _, lang := range []string{"en", "zh-Hant-HK"} {
		s := h.sitting(t, lang)
		s.enter(may)
		ask := func(name string, c *oauth.Client, scope tenant.Access, more ...string) {
			t.Helper()
			s.Open(h.url + connectLink(c, scope, more...))
			s.WaitText(c.Name)
			s.look(name)
		}
		if lang == "en" {
			s.Open(h.url + "/oauth/authorize?client_id=ca_nobody&response_type=code")
			s.look("problem-link")
			ask("consent-first", app, tenant.ReadWrite)
			ask("consent-app", calendar, tenant.ReadOnly)
			first := h.connects(may, app, tenant.ReadOnly, "new")
			h.connects(may, calendar, tenant.ReadWrite, first.account)
			s.Open(h.url + platformsURL(first.account))
			s.look("platforms-two")
			s.ClickThrough("Disconnect")
			s.look("disconnect-one-of-two")
			h.connectionEnds(may, first.account, "Lesson Calendar")
			s.Open(h.url + "/oauth/consent?request=areq_none")
			s.look("problem-expired")
		}
		account := h.accountsOf(user)[0]
		ask("consent-more", app, tenant.ReadWrite)
		ask("consent-same", app, tenant.ReadOnly)
		s.Open(h.url + platformsURL(account))
		s.look("platforms")
		s.ClickThrough(map[string]string{"en": "Disconnect", "zh-Hant-HK": "中斷連接"}[lang])
		s.look("disconnect")
	}
	other := h.guest("en")
	wong := other.signIn("Wong Siu Ming")
	h.joins(wong, h.accountsOf(user)[0], session.Viewer)
	for _, lang := range []string{"en", "zh-Hant-HK"} {
		s := h.sitting(t, lang)
		s.enter(other)
		s.Open(h.url + connectLink(app, tenant.ReadWrite))
		s.look("consent-viewer")
		s.Open(h.url + platformsURL(h.accountsOf(user)[0]))
		s.look("platforms-viewer")
	}
	h.connects(other, calendar, tenant.ReadWrite, "new")
	h.connects(other, app, tenant.ReadWrite, "new")
	s := h.sitting(t, "en")
	s.enter(other)
	s.Open(h.url + connectLink(calendar, tenant.ReadWrite))
	s.look("consent-choice")
}

// The browser holds the redirects that follow a form against the page's policy: the
// answer must arrive at another origin all the same, whichever way it goes.
func TestTheAnswerReachesAnotherOrigin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		q := r.URL.Query()
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>shop</title><link rel=icon href=data:,><p>code %v, error %s, referrer %q", q.Has("code"), html.EscapeString(q.Get("error")), r.Referer())
	}))
	t.Cleanup(shop.Close)
	app, _ := h.client("TutorHub HK", func(n *oauth.NewClient) { n.RedirectURIs = []string{shop.URL + "/cb"} })
	may := h.guest("en")
	may.signIn("Chan May")
	for _, scripts := range []uitest.TabOption{uitest.Phone, uitest.NoScript} {
		s := h.sitting(t, "en", scripts)
		s.enter(may)
		s.Open(h.url + connectLink(app, tenant.ReadWrite))
		s.ClickThrough("Deny")
		s.WaitText(`code false, error access_denied, referrer ""`)
		s.Open(h.url + connectLink(app, tenant.ReadWrite))
		s.ClickThrough("Allow")
		s.WaitURL("/onboarding/")
		s.Click("Save and finish later")
		s.WaitText(`code true, error , referrer ""`)
	}
}

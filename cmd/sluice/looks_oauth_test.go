package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

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

// look audits the page; with SLUICE_LOOKS=folder it also leaves pictures of it there.
func (s *sitting) look(name string) {
	s.t.Helper()
	uitest.Audit(s.t, s.Tab)
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
	for _, c := range g.http.Jar.Cookies(g.home()) {
		s.setCookie(c)
	}
}

func TestEveryPageOfTheFlowLooksRight(t *testing.T) {
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
			h.connectionEnds(may, first.account, "Lesson Calendar")
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
	s := h.sitting(t, "en")
	s.enter(other)
	s.Open(h.url + connectLink(calendar, tenant.ReadWrite))
	s.look("consent-choice")
}

func (s *sitting) setCookie(c *http.Cookie) {
	s.t.Helper()
	err := chromedp.Run(s.Context(), chromedp.ActionFunc(func(ctx context.Context) error {
		return network.SetCookie(c.Name, c.Value).WithURL(s.url).WithHTTPOnly(true).Do(ctx)
	}))
	if err != nil {
		s.t.Fatal(err)
	}
}

package oauthhttp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// look audits a page, and keeps a picture of it where SLUICE_TEST_SCREENSHOTS says. An
// audit takes seconds, and languages share their markup: in Chinese a page has to fit.
func look(t *testing.T, tab *uitest.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("SLUICE_TEST_SCREENSHOTS"); dir != "" {
		tab.Screenshot(filepath.Join(dir, name+".png"))
	}
	if strings.HasPrefix(name, "zh-") {
		uitest.Fits(t, tab)
		return
	}
	uitest.Audit(t, tab)
}

// words are the buttons of a language, as somebody reads them.
type words struct {
	tag, email, name, password, newPassword, code                                string
	signUp, signIn, cont, again, setUp, show, on, saved, remove, confirm, invite string
	passkey, create, recovery, send                                              string
}

var english = words{
	tag: "en", email: "E-mail", name: "Your name", password: "Password", newPassword: "Choose a password", code: "code",
	signUp: "Create account", signIn: "Sign in", cont: "Continue", again: "Send a new code", setUp: "Set up", show: "Show the QR code", on: "Switch on",
	saved: "I have saved them", remove: "Remove", confirm: "Confirm", invite: "Send invitation",
	passkey: "Sign in with a passkey", create: "Create the passkey", recovery: "Use a recovery code instead", send: "Send the link",
}

var chinese = words{
	tag: "zh-Hant-HK", email: "電郵地址", name: "你的姓名", password: "密碼", newPassword: "設定密碼", code: "code",
	signUp: "建立帳戶", signIn: "登入", cont: "繼續", again: "重新傳送驗證碼", setUp: "設定", show: "顯示 QR 碼", on: "開啟",
	saved: "我已儲存", remove: "移除", confirm: "確認", invite: "傳送邀請",
	passkey: "使用通行密鑰登入", create: "建立通行密鑰", recovery: "改用復原碼", send: "傳送連結",
}

func TestEveryPageIsReadableInABrowser(t *testing.T) {
	for _, c := range []struct {
		name    string
		words   words
		options []uitest.TabOption
	}{
		{"en-desktop", english, nil},
		{"zh-phone", chinese, []uitest.TabOption{uitest.Phone, uitest.Language("zh-HK")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHall(t)
			tab := uitest.Browser(t).Tab(t, c.options...)
			tab.Passkeys()
			walk(t, h, tab, c.name, c.words)
		})
	}
}

func walk(t *testing.T, h *hall, tab *uitest.Tab, name string, w words) {
	page := func(n string) { t.Helper(); look(t, tab, name+"-"+n) }

	// In, with a mistake first.
	tab.Open(h.url + "/sign-up?next=%2Foauth%2Fconsent%3Frequest%3Dareq_1")
	page("01-sign-up-asked")
	tab.Open(h.url + "/sign-up")
	tab.Fill("email", "ada.wong")
	tab.Fill("password", "short")
	tab.ClickThrough(w.signUp)
	page("02-sign-up-mistakes")
	tab.Fill("name", "黃愛達 Ada Wong")
	tab.Fill("email", "ada.wong@example.com")
	tab.Fill("password", goodPassword)
	tab.ClickThrough(w.signUp)
	page("03-verify")
	tab.ClickThrough(w.again)
	tab.Fill("code", "12")
	tab.ClickThrough(w.cont)
	page("04-verify-wrong")
	tab.Fill("code", h.codeTo(t, "ada.wong@example.com"))
	tab.ClickThrough(w.cont)
	tab.WaitURL("/accounts")
	page("05-accounts-empty")

	ada, found, err := h.people.Find(t.Context(), h.pool, "ada.wong@example.com")
	check(t, err)
	if !found {
		t.Fatal("no user")
	}
	h.join(t, ada, "acct_shop", true, session.Owner)
	h.join(t, ada, "acct_0R3kXh7TqLw2mZ", false, session.Viewer)
	bea := h.user(t, "bea.chan@example.com", "Bea Chan")
	h.join(t, bea, "acct_shop", true, session.Finance)
	tab.Reload()
	page("06-accounts")

	tab.Open(h.url + "/accounts/acct_shop/team")
	tab.Fill("email", "carl.lee@example.com")
	tab.ClickThrough(w.invite)
	page("07-team")
	tab.Open(h.url + "/accounts/acct_0R3kXh7TqLw2mZ/team?mode=test")
	page("08-team-viewer")

	tab.Open(h.url + "/security")
	page("09-security")
	tab.Open(h.url + "/security/password")
	page("10-password")

	// A passkey, made and used by a virtual authenticator of the browser.
	tab.Open(h.url + "/security/passkeys")
	page("11-passkey")
	tab.ClickThrough(w.create)
	tab.WaitURL("/security/recovery-codes")
	page("12-recovery-codes")
	tab.ClickThrough(w.saved)

	// An authenticator app.
	tab.Open(h.url + "/security/totp")
	tab.ClickThrough(w.show)
	page("13-totp")
	entry, err := h.people.SignIn(t.Context(), session.From{IP: "127.0.0.1"}, h.zero(), "ada.wong@example.com", h.password())
	check(t, err)
	entry.Session.Half, entry.Session.FreshUntil = false, h.clock.Now().Add(time.Minute)
	key, _, err := h.people.PendingTOTP(t.Context(), entry.Visit)
	check(t, err)
	app := func() string {
		code, err := totp.GenerateCode(key.Secret.Reveal(), h.clock.Now())
		check(t, err)
		return code
	}
	tab.Fill("code", app())
	tab.ClickThrough(w.on)
	tab.Open(h.url + "/security")
	page("14-security-full")
	tab.ClickThrough(w.remove) // the first to be removed is the app: with it gone, the passkey is the last step
	page("14-sure-app")
	tab.Open(h.url + "/accounts/acct_shop/team/remove?mode=live&user=" + bea.ID)
	page("14-sure-member")
	h.clock.Advance(session.FreshFor)
	tab.Open(h.url + "/security/totp/remove")
	tab.WaitURL("/security/confirm?next=")
	page("15-confirm")
	tab.Fill("password", goodPassword)
	tab.ClickThrough(w.confirm)
	page("16-totp-remove")

	// Out, and in again by every way.
	tab.Open(h.url + "/security")
	tab.ClickThrough(map[string]string{"en": "Sign out", "zh-Hant-HK": "登出"}[w.tag])
	tab.WaitURL("/sign-in")
	page("17-sign-in")
	tab.ClickThrough(w.passkey)
	tab.WaitURL("/accounts")
	tab.Open(h.url + "/sign-in?next=%2Fsecurity")
	tab.Fill("email", "ada.wong@example.com")
	tab.Fill("password", otherPassword)
	tab.ClickThrough(w.signIn)
	page("18-sign-in-wrong")
	tab.Fill("password", goodPassword)
	tab.ClickThrough(w.signIn)
	tab.WaitURL("/sign-in/second-step")
	page("19-second-step")
	tab.ClickThrough(w.recovery)
	page("20-recovery")
	tab.Open(h.url + "/sign-in/second-step?next=%2Fsecurity")
	tab.Fill("code", app())
	tab.ClickThrough(w.cont)
	tab.WaitURL("/security")

	// A forgotten password.
	tab.Open(h.url + "/forgot-password")
	page("21-forgot")
	tab.Fill("email", "bea.chan@example.com")
	tab.ClickThrough(w.send)
	page("22-forgot-sent")
	link := h.linkTo(t, "bea.chan@example.com")
	tab.Open(h.url + link)
	page("23-reset")
	tab.Open(h.url + "/reset-password/none")
	page("24-reset-expired")

	// An invitation, as the invited person and as another.
	link = h.linkTo(t, "carl.lee@example.com")
	tab.Open(h.url + link)
	tab.WaitURL("/invitation")
	page("25-invitation-other")
	tab.Open(h.url + "/_dev/mail") // not of the kit: it has no theme button, but its policy is watched, too
	if dir := os.Getenv("SLUICE_TEST_SCREENSHOTS"); dir != "" {
		tab.Screenshot(filepath.Join(dir, name+"-26-mail.png"))
	}
}

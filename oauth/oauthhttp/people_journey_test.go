package oauthhttp_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// Journeys with a plain HTTP client: what works here works without JavaScript.

func TestEveryTextIsInBothLanguages(t *testing.T) {
	uitest.Catalogues(t, os.DirFS("templates"), os.DirFS("catalogues")) // of all pages of the room
}

func TestEveryActivityAndRoleHasAText(t *testing.T) {
	raw, err := os.ReadFile("catalogues/people/en.json")
	check(t, err)
	for _, kind := range session.Kinds {
		if !strings.Contains(string(raw), `"security.activity.`+kind+`"`) {
			t.Errorf("no text for activity %s", kind)
		}
	}
	for _, role := range session.Roles {
		if !strings.Contains(string(raw), `"team.role.`+string(role)+`.hint"`) {
			t.Errorf("no text for role %s", role)
		}
	}
}

func TestSignUpLeadsBackToTheFlowThatAsked(t *testing.T) {
	h := newHall(t)
	g := h.guest(t)
	const flow = "/oauth/consent?request=areq_1"
	page := g.get("/sign-up?next=%2Foauth%2Fconsent%3Frequest%3Dareq_1")
	if !strings.Contains(page.Body, "TutorHub HK") || !strings.Contains(page.Body, `value="tutor@example.com"`) || !strings.Contains(page.Body, "Test mode") {
		t.Fatal("the page does not show who asks, or does not prefill")
	}
	const next = "?next=%2Foauth%2Fconsent%3Frequest%3Dareq_1"
	g.post("/sign-up", "/verify-email"+next, "email", "tutor@example.com", "name", "Tutor", "password", goodPassword, "next", flow)
	if page := g.get("/verify-email" + next); page.Status != 200 || !strings.Contains(page.Body, "tutor@example.com") || !strings.Contains(page.Body, "/_dev/mail") {
		t.Fatalf("verify: %d", page.Status)
	}
	g.post("/verify-email/again", "/verify-email"+next+"&done=again", "next", flow)
	g.post("/verify-email", flow, "code", h.codeTo(t, "tutor@example.com"), "next", flow)
	if page := g.get("/accounts"); page.Status != 200 || !strings.Contains(page.Body, "No accounts yet") {
		t.Fatalf("accounts: %d", page.Status)
	}
	g.post("/sign-out", "/sign-in?done=signed_out")
	if page := g.get("/security"); page.Status != 303 || page.Location != "/sign-in?next=%2Fsecurity" {
		t.Fatalf("after signing out: %d %s", page.Status, page.Location)
	}
	g.post("/sign-out", "/sign-in?done=signed_out") // twice is no error
}

func TestOperatorsUserProvesTheAddressOnSigningIn(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	_, err := h.pool.NewRaw("UPDATE oauth.users SET email_verified_at = NULL").Exec(t.Context())
	check(t, err)
	g := h.guest(t)
	g.post("/sign-in", "/verify-email?next=%2Fsecurity", "email", "ada@example.com", "password", goodPassword, "next", "/security")
	g.post("/verify-email", "/security", "code", h.codeTo(t, "ada@example.com"), "next", "/security")
	if page := g.get("/verify-email"); page.Location != "/accounts" {
		t.Fatalf("asks again: %d", page.Status)
	}
}

func TestForgottenPasswordIsResetOnceAndTellsNoStranger(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	g, other := h.guest(t), h.guest(t)
	other.signIn("ada@example.com")
	known := g.post("/forgot-password", "/forgot-password?done=sent", "email", "ada@example.com")
	unknown := g.post("/forgot-password", "/forgot-password?done=sent", "email", "nobody@example.com")
	if known.Body != unknown.Body {
		t.Fatal("the answers differ")
	}
	link := h.linkTo(t, "ada@example.com")
	if page := g.get(link); page.Status != 200 || !strings.Contains(page.Body, `autocomplete="new-password"`) || !strings.Contains(page.Body, `autocomplete="username"`) {
		t.Fatalf("reset page: %d", page.Status)
	}
	if page := g.send(link, "password", "short"); page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Body, "at least 10") {
		t.Fatalf("short password: %d", page.Status)
	}
	g.post(link, "/sign-in?done=reset", "password", otherPassword)
	if page := g.get(link); page.Status != http.StatusGone {
		t.Fatalf("used link: %d", page.Status)
	}
	if page := other.get("/security"); page.Status != 303 {
		t.Fatal("another browser is still signed in")
	}
	g.post("/sign-in", "/accounts", "email", "ada@example.com", "password", otherPassword)
}

func TestTwoStepSignInWithoutScripts(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	g := h.guest(t)
	g.signIn("ada@example.com")
	g.post("/security/totp/start", "/security/totp")
	page := g.get("/security/totp")
	_, rest, _ := strings.Cut(page.Body, `data-copy="`)
	key, _, _ := strings.Cut(rest, `"`)
	key = strings.ReplaceAll(key, " ", "")
	if len(key) != 32 || !strings.Contains(page.Body, `<svg class="qr"`) {
		t.Fatalf("no secret on the page: %q", key)
	}
	app := func() string {
		code, err := totp.GenerateCode(key, h.clock.Now())
		check(t, err)
		return code
	}
	if page := g.send("/security/totp", "code", "000000"); page.Status != 422 {
		t.Fatalf("wrong code: %d", page.Status)
	}
	g.post("/security/totp", "/security/recovery-codes", "code", app())
	page = g.get("/security/recovery-codes")
	_, rest, _ = strings.Cut(page.Body, `class="codes"><li>`)
	if strings.Count(rest, "<li>") != 9 {
		t.Fatal("no recovery codes")
	}
	recovery, _, _ := strings.Cut(rest, "<")
	g.post("/security/recovery-codes/saved", "/security?done=recovery")
	if page := g.get("/security/recovery-codes"); strings.Contains(page.Body, recovery) {
		t.Fatal("the codes are shown again")
	}
	h.clock.Advance(time.Minute)
	away := h.guest(t)
	away.post("/sign-in", "/sign-in/second-step?next=%2Fsecurity", "email", "ada@example.com", "password", goodPassword, "next", "/security")
	if page := away.get("/security"); page.Status != 303 {
		t.Fatal("half a sign-in opens the security page")
	}
	if page := away.get("/sign-in/second-step?use=recovery"); !strings.Contains(page.Body, "Recovery code") {
		t.Fatal("no place for a recovery code")
	}
	away.post("/sign-in/second-step", "/security", "use", "recovery", "code", recovery, "next", "/security")
	// What is delicate asks for a proof once it is a while ago, and comes back.
	h.clock.Advance(session.FreshFor)
	if page := away.get("/security/totp/remove"); page.Location != "/security/confirm?next=%2Fsecurity%2Ftotp%2Fremove" {
		t.Fatalf("no proof asked for: %d %s", page.Status, page.Location)
	}
	away.post("/security/totp/remove", "/security/confirm?next=%2Fsecurity%2Ftotp%2Fremove")
	away.post("/security/confirm", "/security/totp/remove", "use", "totp", "code", app(), "next", "/security/totp/remove")
	if page := away.get("/security/totp/remove"); page.Status != 200 {
		t.Fatalf("after the proof: %d", page.Status)
	}
	away.post("/security/totp/remove", "/security?done=totp_off")
}

func TestPasswordAndSessionsOnTheSecurityPage(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	g, other, third := h.guest(t), h.guest(t), h.guest(t)
	g.signIn("ada@example.com")
	other.signIn("ada@example.com")
	third.signIn("ada@example.com")
	page := g.get("/security")
	_, rest, _ := strings.Cut(page.Body, `name="session" value="ses_`)
	id, _, _ := strings.Cut(rest, `"`)
	g.post("/security/sessions/end", "/security?done=ended", "session", "ses_"+id)
	g.post("/security/sessions/end", "/security?done=ended", "session", "others")
	if other.get("/security").Status != 303 || third.get("/security").Status != 303 || g.get("/security").Status != 200 {
		t.Fatal("the wrong sessions ended")
	}
	if page := g.send("/security/password", "current_password", otherPassword, "password", otherPassword); page.Status != 422 || !strings.Contains(page.Body, "not right") {
		t.Fatalf("wrong present password: %d", page.Status)
	}
	g.post("/security/password", "/security?done=password", "current_password", goodPassword, "password", otherPassword)
	if page := g.get("/security?done=password"); !strings.Contains(page.Body, "Your password is changed") || !strings.Contains(page.Body, "Password changed") {
		t.Fatal("the change is not told")
	}
}

func TestTeamInvitesAndRemoves(t *testing.T) {
	h := newHall(t)
	ada, bea := h.user(t, "ada@example.com", "Ada"), h.user(t, "bea@example.com", "Bea")
	h.join(t, ada, "acct_shop", true, session.Owner)
	boss, guest, stranger := h.guest(t), h.guest(t), h.guest(t)
	boss.signIn("ada@example.com")
	boss.post("/accounts/acct_shop/team", "/accounts/acct_shop/team?mode=live&done=invited", "email", "bea@example.com", "role", "finance", "mode", "live")
	link := h.linkTo(t, "bea@example.com")
	opened := guest.get(link)
	if opened.Status != 303 || opened.Location != "/invitation" {
		t.Fatalf("link: %d %s", opened.Status, opened.Location)
	}
	page := guest.get("/invitation")
	if !strings.Contains(page.Body, "Ada") || !strings.Contains(page.Body, "Piano Lessons") || !strings.Contains(page.Body, "/sign-in?next=%2Finvitation") {
		t.Fatal("the invitation does not say who and what")
	}
	guest.post("/sign-in", "/invitation", "email", "bea@example.com", "password", goodPassword, "next", "/invitation")
	guest.post("/invitation", "/accounts/acct_shop/team?mode=live")
	if page := guest.get("/accounts/acct_shop/team"); page.Status != 200 || strings.Contains(page.Body, "Send invitation") {
		t.Fatal("finance manages the team, or does not see it")
	}
	if page := guest.send("/accounts/acct_shop/team", "email", "friend@example.com", "role", "owner"); page.Status != 422 || len(h.inbox.Mails("friend@example.com")) != 0 {
		t.Fatalf("finance invites: %d", page.Status)
	}
	if page := guest.get("/accounts/acct_shop/team/remove?mode=live&user=" + ada.ID); page.Status != http.StatusForbidden {
		t.Fatalf("finance removes: %d", page.Status)
	}
	h.user(t, "eve@example.com", "Eve")
	stranger.signIn("eve@example.com")
	for _, path := range []string{"/accounts/acct_shop/team", "/accounts/acct_none/team"} {
		if page := stranger.get(path); page.Status != http.StatusNotFound {
			t.Errorf("a stranger at %s: %d", path, page.Status)
		}
	}
	boss.post("/accounts/acct_shop/team/role", "/accounts/acct_shop/team?mode=live&done=role", "user", bea.ID, "role", "viewer", "mode", "live")
	if page := boss.send("/accounts/acct_shop/team/remove", "user", ada.ID, "mode", "live"); page.Status != 422 || !strings.Contains(page.Body, "needs an owner") {
		t.Fatalf("the last owner leaves: %d", page.Status)
	}
	if page := boss.get("/accounts/acct_shop/team/remove?mode=live&user=" + bea.ID); page.Status != 200 || !strings.Contains(page.Body, "Remove Bea") {
		t.Fatalf("asks before removing: %d", page.Status)
	}
	boss.post("/accounts/acct_shop/team/remove", "/accounts/acct_shop/team?mode=live&done=removed", "user", bea.ID, "mode", "live")
	if page := guest.get("/accounts/acct_shop/team"); page.Status != http.StatusNotFound {
		t.Fatal("a removed member still sees the team")
	}
	if page := guest.get(link); page.Status != 303 || guest.get("/invitation").Status != http.StatusGone {
		t.Fatal("a used invitation works again")
	}
}

func TestRationedMailAsksToWait(t *testing.T) {
	h := newHall(t)
	g := h.guest(t)
	for range 3 { // the ration of one address
		h.guest(t).send("/forgot-password", "email", "ada@example.com")
	}
	page := g.send("/forgot-password", "email", "ada@example.com")
	if page.Status != http.StatusTooManyRequests || page.Header.Get("Retry-After") == "" || !strings.Contains(page.Body, "Please wait") {
		t.Fatalf("%d %s", page.Status, mistakes(page.Body))
	}
}

// A failed form is answered under the form's address; opening that address, as the
// language buttons do, leads to the page.
func TestAddressesOfFormsLeadToTheirPages(t *testing.T) {
	h := newHall(t)
	h.user(t, "ada@example.com", "Ada")
	g := h.guest(t)
	if page := g.send("/sign-in/passkey?next=%2Fsecurity", "credential", "x"); page.Status != 422 || !strings.Contains(page.Body, "not accepted") {
		t.Fatalf("refused passkey: %d", page.Status)
	}
	if page := g.get("/sign-in/passkey?next=%2Fsecurity"); page.Location != "/sign-in?next=%2Fsecurity" {
		t.Errorf("leads to %q", page.Location)
	}
	g.signIn("ada@example.com")
	for path, to := range map[string]string{
		"/verify-email/again": "/verify-email", "/security/confirm/passkey": "/security/confirm", "/security/totp/start": "/security/totp",
		"/security/sessions/end": "/security", "/accounts/acct_shop/team/role": "/accounts/acct_shop/team",
	} {
		if page := g.get(path); page.Status != 303 || page.Location != to {
			t.Errorf("%s leads to %q", path, page.Location)
		}
	}
}

func TestSecondProofOfOneAddressLeadsToSignIn(t *testing.T) {
	h := newHall(t)
	first, second := h.guest(t), h.guest(t)
	form := []string{"email", "ada@example.com", "name", "Ada", "password", goodPassword}
	first.post("/sign-up", "/verify-email", form...)
	code := h.codeTo(t, "ada@example.com")
	second.post("/sign-up", "/verify-email", form...)
	second.post("/verify-email", "/accounts", "code", h.codeTo(t, "ada@example.com"))
	first.post("/verify-email", "/sign-in?done=taken", "code", code)
	if page := first.get("/sign-in?done=taken"); !strings.Contains(page.Body, "already have an account") {
		t.Error("the page does not say why")
	}
}

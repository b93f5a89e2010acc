package session_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestSignUpBecomesAUserWithTheCodeFromTheMail(t *testing.T) {
	d := newDesk(t)
	browser := d.signUp(t, "Ada@example.com")
	if _, found, _ := d.people.Find(t.Context(), d.pool, "ada@example.com"); found {
		t.Fatal("a user exists before the address is proven")
	}
	if p, ok := d.people.Pending(t.Context(), browser); !ok || p.Email != "Ada@example.com" || !p.SentAt.Equal(d.clock.Now()) {
		t.Fatalf("pending %+v", p)
	}
	code := d.mail.code(t, "Ada@example.com")
	entry, err := d.people.Verify(t.Context(), home, browser, code[:3]+" "+code[3:])
	must(t, err)
	if v, ok := d.visit(t, entry); !ok || !v.User.Verified() || v.User.Name != "Ada Wong" || entry.Next != "/accounts" {
		t.Fatalf("entry %+v", entry)
	}
	_, err = d.people.Verify(t.Context(), home, browser, code)
	wants(t, err, "sign_up_expired")
	d.signedIn(t, "ada@example.com")
}

func TestSignUpWithATakenAddressLooksTheSameAndOpensNothing(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	browser := d.signUp(t, "ADA@example.com")
	p, ok := d.people.Pending(t.Context(), browser)
	if !ok || p.Email != "ADA@example.com" {
		t.Fatalf("pending %+v", p)
	}
	letter := d.mail.last(t, "ADA@example.com")
	if sixDigits.MatchString(letter.Text) || !strings.Contains(letter.Text, "/forgot-password") || d.mail.count() != 1 {
		t.Fatalf("mail %+v", letter)
	}
	for range 5 {
		_, err := d.people.Verify(t.Context(), home, browser, "123456")
		wants(t, err, "code_wrong")
	}
	_, err := d.people.Verify(t.Context(), home, browser, "123456")
	wants(t, err, "code_expired")
	must(t, d.people.SendAgain(t.Context(), home, browser))
	if sixDigits.MatchString(d.mail.last(t, "ADA@example.com").Text) {
		t.Fatal("a code was sent for a taken address")
	}
}

func TestOfTwoSignUpsForOneAddressTheFirstToProveItWins(t *testing.T) {
	d := newDesk(t)
	var entered, taken atomic.Int64
	var work sync.WaitGroup
	var codes []string
	var browsers []*http.Request
	for range 2 {
		browsers = append(browsers, d.signUp(t, "ada@example.com"))
		codes = append(codes, d.mail.code(t, "ada@example.com"))
	}
	for i := range 2 {
		work.Go(func() {
			_, err := d.people.Verify(t.Context(), home, browsers[i], codes[i])
			switch {
			case err == nil:
				entered.Add(1)
			case fault.As(err) != nil && fault.As(err).Code == "email_taken":
				taken.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	work.Wait()
	if entered.Load() != 1 || taken.Load() != 1 {
		t.Fatalf("%d entered, %d found it taken", entered.Load(), taken.Load())
	}
}

func TestCodeHasFiveTriesAlsoAtOnce(t *testing.T) {
	d := newDesk(t)
	browser := d.signUp(t, "ada@example.com")
	right := d.mail.code(t, "ada@example.com")
	wrong := "000000"
	if right == wrong {
		wrong = "000001"
	}
	var tried atomic.Int64
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			_, err := d.people.Verify(t.Context(), home, browser, wrong)
			if f := fault.As(err); f == nil {
				t.Error(err)
			} else if f.Code == "code_wrong" {
				tried.Add(1)
			}
		})
	}
	work.Wait()
	if tried.Load() != 5 {
		t.Fatalf("%d codes were tried", tried.Load())
	}
	_, err := d.people.Verify(t.Context(), home, browser, right)
	wants(t, err, "code_expired")
	must(t, d.people.SendAgain(t.Context(), home, browser))
	_, err = d.people.Verify(t.Context(), home, browser, d.mail.code(t, "ada@example.com"))
	must(t, err)
}

func TestCodeEndsAfterTenMinutesAndBelongsToItsBrowser(t *testing.T) {
	d := newDesk(t)
	ada, eve := d.signUp(t, "ada@example.com"), d.signUp(t, "eve@example.com")
	_, err := d.people.Verify(t.Context(), home, eve, d.mail.code(t, "ada@example.com"))
	if c := code(t, err); c != "code_wrong" {
		t.Fatalf("ada's code works for eve: %v", err)
	}
	d.clock.Advance(session.CodeLife)
	_, err = d.people.Verify(t.Context(), home, ada, d.mail.code(t, "ada@example.com"))
	wants(t, err, "code_expired")
	d.clock.Advance(session.MaxPending)
	if _, ok := d.people.Pending(t.Context(), ada); ok {
		t.Fatal("the sign-up waits for ever")
	}
	_, err = d.people.Verify(t.Context(), home, ada, d.mail.code(t, "ada@example.com"))
	wants(t, err, "sign_up_expired")
	must(t, d.people.Sweep(t.Context()))
	var left int
	must(t, d.pool.NewRaw("SELECT (SELECT count(*) FROM oauth.sign_ups) + (SELECT count(*) FROM oauth.email_codes)").Scan(t.Context(), &left))
	if left != 0 {
		t.Fatalf("%d rows after the sweep", left)
	}
}

func TestMailsToOneAddressAreRationed(t *testing.T) {
	d := newDesk(t)
	d.user(t, "known@example.com")
	for _, email := range []string{"ada@example.com", "known@example.com"} {
		browser := d.signUp(t, email)
		must(t, d.people.SendAgain(t.Context(), home, browser))
		if wait, soon := throttle.WaitOf(d.people.SendAgain(t.Context(), home, browser)); !soon || wait != 30*time.Second {
			t.Fatalf("%s: a third mail at once", email)
		}
		if _, soon := throttle.WaitOf(d.people.ForgotPassword(t.Context(), home, email)); !soon {
			t.Fatalf("%s: another page sends what this one may not", email)
		}
	}
}

func TestFullMailQueueIsToldInEveryCase(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.mail.full = true
	wants(t, d.people.ForgotPassword(t.Context(), home, "ada@example.com"), "mail_busy")
	wants(t, d.people.ForgotPassword(t.Context(), home, "nobody@example.com"), "mail_busy")
	_, err := d.people.SignUp(t.Context(), home, session.SignUpParams{Email: "new@example.com", Name: "New", Password: secret.New(good)})
	wants(t, err, "mail_busy")
}

func TestFormNamesEveryWrongField(t *testing.T) {
	d := newDesk(t)
	_, err := d.people.SignUp(t.Context(), home, session.SignUpParams{Email: "ada", Name: " ", Password: secret.New("short")})
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 3 {
		t.Fatalf("%v", err)
	}
	for i, param := range []string{"name", "email", "password"} {
		if f := fault.As(joined.Unwrap()[i]); f.Param != param {
			t.Errorf("%d: %+v", i, f)
		}
	}
}

func TestPasswordsAreLongAndNotCommonNothingElse(t *testing.T) {
	d := newDesk(t)
	for password, want := range map[string]string{
		"":                                     "password_missing",
		"ninechars":                            "password_short",
		"九個字也是太短的":                             "password_short",
		"十個漢字就足夠長的密碼":                          "",
		strings.Repeat("xyz ab", 171) + "!":    "password_long",
		"Password123":                          "password_common",
		"qwertyuiop":                           "password_common",
		"aaaaaaaaaaaaaaa":                      "password_common",
		"121212121212":                         "password_common",
		"ADA.LOVELACE@example.com":             "password_email",
		"Ada.Lovelace":                         "password_email",
		"no digits no signs just long":         "",
		"p\xffssword is not UTF-8 but is long": "password_long",
	} {
		_, err := d.people.SignUp(t.Context(), session.From{IP: password}, session.SignUpParams{
			Email: "ada.lovelace@example.com", Name: "Ada", Password: secret.New(password),
		})
		if _, soon := throttle.WaitOf(err); soon {
			d.clock.Advance(time.Hour)
			continue
		}
		if got := code(t, err); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

func TestSameCharactersFromAnotherKeyboardAreTheSamePassword(t *testing.T) {
	d := newDesk(t)
	_, err := d.people.SignUp(t.Context(), home, session.SignUpParams{Email: "ada@example.com", Name: "Ada", Password: secret.New("cafe\u0301 society")})
	must(t, err)
	browser := d.signUp(t, "bea@example.com")
	_, err = d.people.Verify(t.Context(), home, browser, d.mail.code(t, "bea@example.com"))
	must(t, err)
	d.in(t, changePasswordTo(d, t, "bea@example.com", "cafe\u0301 society"))
	if _, err := d.signIn(t, "bea@example.com", "caf\u00e9 society"); err != nil {
		t.Fatal(err)
	}
}

func TestUnverifiedUserProvesTheAddressInsideTheSession(t *testing.T) {
	d := newDesk(t)
	u := d.unverified(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	must(t, d.people.SendVerification(t.Context(), home, e.Visit))
	wants(t, d.people.VerifyUser(t.Context(), home, e.Visit, "000 00"), "code_wrong")
	must(t, d.people.VerifyUser(t.Context(), home, e.Visit, d.mail.code(t, "ada@example.com")))
	if v, _ := d.visit(t, e); !v.User.Verified() || v.User.ID != u.ID {
		t.Fatal("not verified")
	}
}

// A cookie of one kind opens nothing of another kind.
func TestCookiesOfOneKindAreWorthNothingElsewhere(t *testing.T) {
	d := newDesk(t)
	browser := d.signUp(t, "ada@example.com")
	pending, _ := browser.Cookie("__Host-sluice_sign_up")
	stolen, _ := http.NewRequest("GET", "https://pay.example/", nil)
	stolen.AddCookie(&http.Cookie{Name: "__Host-sluice_session", Value: pending.Value})
	if _, ok := d.people.Visit(t.Context(), stolen); ok {
		t.Fatal("a sign-up's cookie is a session")
	}
}

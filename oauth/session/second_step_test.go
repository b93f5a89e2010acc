package session_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// app is an authenticator app.
func (d *desk) app(t testing.TB, key session.TOTPKey) string {
	t.Helper()
	c, err := totp.GenerateCode(key.Secret.Reveal(), d.clock.Now())
	must(t, err)
	return c
}

// withTOTP is Ada with an app, whose last step is used, and her recovery codes.
func (d *desk) withTOTP(t testing.TB, email string) (session.TOTPKey, []string) {
	t.Helper()
	e := d.signedIn(t, email)
	must(t, d.people.StartTOTP(t.Context(), e.Visit))
	key, ok, err := d.people.PendingTOTP(t.Context(), e.Visit)
	must(t, err)
	if !ok || !strings.HasPrefix(key.URI.Reveal(), "otpauth://totp/Sluice:") {
		t.Fatalf("uri %s", key.URI.Reveal())
	}
	wants(t, d.people.ConfirmTOTP(t.Context(), home, e.Visit, "000 000"), "code_wrong")
	must(t, d.people.ConfirmTOTP(t.Context(), home, e.Visit, d.app(t, key)))
	codes, err := d.people.Shown(t.Context(), e.Visit)
	must(t, err)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	must(t, d.people.ForgetShown(t.Context(), e.Visit))
	if again, err := d.people.Shown(t.Context(), e.Visit); err != nil || len(again) != 0 {
		t.Fatalf("shown again: %v", err)
	}
	return key, codes
}

func TestSecondStepIsOwedAndHalfASessionOpensNothing(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	key, _ := d.withTOTP(t, "ada@example.com")
	d.clock.Advance(time.Minute)
	e := d.signedIn(t, "ada@example.com")
	if _, ok := d.visit(t, e); ok || !e.Session.Half || d.people.Fresh(e.Visit) {
		t.Fatal("a password alone opens the door")
	}
	half, ok := d.people.Half(t.Context(), d.request(e))
	if !ok || half.User.ID != u.ID {
		t.Fatal("the half session is lost")
	}
	full, err := d.people.SecondStepTOTP(t.Context(), home, half, e.Cookie, d.app(t, key))
	must(t, err)
	if full.Cookie.Reveal() == e.Cookie.Reveal() {
		t.Fatal("the cookie did not change with the rank")
	}
	if v, ok := d.visit(t, full); !ok || !v.User.TOTP {
		t.Fatal("not signed in")
	}
	if _, ok := d.people.Half(t.Context(), d.request(e)); ok {
		t.Fatal("the half session goes on")
	}
}

func TestStepOfAnAppCountsOnceAlsoAtOnce(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	key, _ := d.withTOTP(t, "ada@example.com")
	used := d.app(t, key) // confirmed the app with it a moment ago
	e := d.signedIn(t, "ada@example.com")
	_, err := d.people.SecondStepTOTP(t.Context(), home, e.Visit, e.Cookie, used)
	wants(t, err, "code_wrong")
	d.clock.Advance(time.Minute)
	code := d.app(t, key)
	var entries []session.Entry
	for range 5 {
		entries = append(entries, d.signedIn(t, "ada@example.com"))
	}
	var won atomic.Int64
	var work sync.WaitGroup
	for _, e := range entries {
		work.Go(func() {
			_, err := d.people.SecondStepTOTP(t.Context(), home, e.Visit, e.Cookie, code)
			if err == nil {
				won.Add(1)
			} else if fault.As(err) == nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if won.Load() != 1 {
		t.Fatalf("one code opened %d sessions", won.Load())
	}
	d.clock.Advance(5 * time.Minute)
	e = d.signedIn(t, "ada@example.com")
	early, err := totp.GenerateCode(key.Secret.Reveal(), d.clock.Now().Add(-30*time.Second))
	must(t, err)
	_, err = d.people.SecondStepTOTP(t.Context(), home, e.Visit, e.Cookie, early) // a slow clock
	must(t, err)
}

func TestSixDigitsCannotBeGuessed(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	key, codes := d.withTOTP(t, "ada@example.com")
	d.clock.Advance(time.Minute)
	e := d.signedIn(t, "ada@example.com")
	for range 5 {
		_, err := d.people.SecondStepTOTP(t.Context(), home, e.Visit, e.Cookie, "000000")
		wants(t, err, "code_wrong")
	}
	_, err := d.people.SecondStepTOTP(t.Context(), home, e.Visit, e.Cookie, d.app(t, key))
	if _, soon := throttle.WaitOf(err); !soon {
		t.Fatalf("the sixth guess: %v", err)
	}
	_, err = d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, codes[0])
	if _, soon := throttle.WaitOf(err); !soon {
		t.Fatalf("by the other door: %v", err)
	}
	if !strings.HasPrefix(d.kinds(t, u), "second_step_failed second_step_failed") {
		t.Fatalf("activity %q", d.kinds(t, u))
	}
}

func TestRecoveryCodeOpensOnceAndTellsItsPerson(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.user(t, "bea@example.com")
	_, codes := d.withTOTP(t, "ada@example.com")
	_, beas := d.withTOTP(t, "bea@example.com")
	e := d.signedIn(t, "ada@example.com")
	_, err := d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, beas[0])
	wants(t, err, "code_wrong")
	full, err := d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, " "+strings.ToUpper(strings.ReplaceAll(codes[3], "-", " ")))
	must(t, err)
	if letter := d.mail.last(t, "ada@example.com"); !strings.Contains(letter.Subject, "recovery code") {
		t.Fatalf("no notice: %q", letter.Subject)
	}
	if steps, err := d.people.Steps(t.Context(), full.User); err != nil || steps.Recovery != 9 {
		t.Fatalf("%+v %v", steps, err)
	}
	e = d.signedIn(t, "ada@example.com")
	_, err = d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, codes[3])
	wants(t, err, "code_wrong")
	must(t, d.people.RenewRecovery(t.Context(), home, full.Visit))
	_, err = d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, codes[4])
	wants(t, err, "code_wrong")
}

func TestHalfSessionEndsSoonAndWithTheFirstFinish(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	_, codes := d.withTOTP(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	must1(d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, codes[0]))(t)
	_, err := d.people.SecondStepRecovery(t.Context(), home, e.Visit, e.Cookie, codes[1])
	wants(t, err, "sign_in_refused")
	e = d.signedIn(t, "ada@example.com")
	d.clock.Advance(session.MaxHalf)
	if _, ok := d.people.Half(t.Context(), d.request(e)); ok {
		t.Fatal("half a session for ever")
	}
}

func must1[T any](_ T, err error) func(testing.TB) {
	return func(t testing.TB) { t.Helper(); must(t, err) }
}

func TestStoppedAppTakesTheRecoveryCodesAlong(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	key, _ := d.withTOTP(t, "ada@example.com")
	d.clock.Advance(time.Minute)
	e := d.signedIn(t, "ada@example.com")
	full, err := d.people.SecondStepTOTP(t.Context(), home, e.Visit, e.Cookie, d.app(t, key))
	must(t, err)
	wants(t, d.people.StartTOTP(t.Context(), full.Visit), "totp_on")
	d.clock.Advance(session.FreshFor)
	stale, _ := d.visit(t, full)
	wants(t, d.people.StopTOTP(t.Context(), home, stale), "step_up_required")
	must(t, d.people.StepUpTOTP(t.Context(), home, stale, d.app(t, key)))
	fresh, _ := d.visit(t, full)
	must(t, d.people.StopTOTP(t.Context(), home, fresh))
	if steps, err := d.people.Steps(t.Context(), must2(d.people.Get(t.Context(), d.pool, u.ID))); err != nil || steps.Any() || steps.Recovery != 0 {
		t.Fatalf("%+v %v", steps, err)
	}
	if e := d.signedIn(t, "ada@example.com"); e.Session.Half {
		t.Fatal("a second step without a step")
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPasswordResetKeepsTheSecondStep(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.withTOTP(t, "ada@example.com")
	must(t, d.people.ForgotPassword(t.Context(), home, "ada@example.com"))
	must(t, d.people.ResetPassword(t.Context(), home, d.mail.link(t, "ada@example.com", "/reset-password/"), secret.New(other)))
	if e, err := d.signIn(t, "ada@example.com", other); err != nil || !e.Session.Half {
		t.Fatalf("a stolen mailbox opens the door: %v", err)
	}
}

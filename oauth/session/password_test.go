package session_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

func changePasswordTo(d *desk, t testing.TB, email, password string) func(ctx context.Context, tx bun.Tx) error {
	t.Helper()
	e := d.signedIn(t, email)
	must(t, d.people.ChangePassword(t.Context(), home, e.Visit, secret.New(good), secret.New(password)))
	return func(context.Context, bun.Tx) error { return nil }
}

func (d *desk) unverified(t testing.TB, email string) session.User {
	t.Helper()
	var u session.User
	d.in(t, func(ctx context.Context, tx bun.Tx) (err error) {
		u, err = d.people.Create(ctx, tx, d.clock.Now(), session.NewUser{Email: email, Name: "Ada Wong", Password: secret.New(good)})
		return err
	})
	return u
}

func TestResetLinkWorksOnceAndEndsEverySession(t *testing.T) {
	d := newDesk(t)
	u := d.unverified(t, "ada@example.com")
	one, two := d.signedIn(t, "ada@example.com"), d.signedIn(t, "ada@example.com")
	must(t, d.people.ForgotPassword(t.Context(), home, "ADA@example.com"))
	link := d.mail.link(t, "ada@example.com", "https://pay.example/reset-password/")
	if got, found, err := d.people.Reset(t.Context(), link); err != nil || !found || got.ID != u.ID {
		t.Fatalf("%v %v", found, err)
	}
	wants(t, d.people.ResetPassword(t.Context(), home, link, secret.New("short")), "password_short") // does not use the link up
	var won atomic.Int64
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() {
			err := d.people.ResetPassword(t.Context(), home, link, secret.New(other))
			if err == nil {
				won.Add(1)
			} else if f := fault.As(err); f == nil || f.Code != "link_expired" {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if won.Load() != 1 {
		t.Fatalf("the link worked %d times", won.Load())
	}
	for _, e := range []session.Entry{one, two} {
		if _, ok := d.visit(t, e); ok {
			t.Fatal("a session outlives the old password")
		}
	}
	if _, err := d.signIn(t, "ada@example.com", good); !fault.Is(err, fault.Unauthenticated) {
		t.Fatal("the old password works")
	}
	e, err := d.signIn(t, "ada@example.com", other)
	must(t, err)
	if !e.User.Verified() {
		t.Fatal("whoever has the link reads the mail")
	}
	if letter := d.mail.last(t, "ada@example.com"); !strings.Contains(letter.Subject, "changed") {
		t.Fatalf("no notice: %q", letter.Subject)
	}
}

func TestResetLinkEndsWithTimeWithAnotherResetAndWithThePassword(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	ask := func() secret.Text {
		d.clock.Advance(session.ResetLife) // past the ration of mails
		must(t, d.people.ForgotPassword(t.Context(), home, "ada@example.com"))
		return d.mail.link(t, "ada@example.com", "/reset-password/")
	}
	late := ask()
	d.clock.Advance(session.ResetLife)
	wants(t, d.people.ResetPassword(t.Context(), home, late, secret.New(other)), "link_expired")
	first := ask()
	d.clock.Advance(time.Minute)
	must(t, d.people.ForgotPassword(t.Context(), home, "ada@example.com"))
	must(t, d.people.ResetPassword(t.Context(), home, d.mail.link(t, "ada@example.com", "/reset-password/"), secret.New(other)))
	wants(t, d.people.ResetPassword(t.Context(), home, first, secret.New(good)), "link_expired")
	wants(t, d.people.ResetPassword(t.Context(), home, secret.New(strings.Repeat("A", 43)), secret.New(good)), "link_expired")
}

func TestForgotPasswordDoesTheSameForEverybody(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	gone := d.user(t, "gone@example.com")
	d.in(t, func(ctx context.Context, tx bun.Tx) error { return d.people.Disable(ctx, tx, d.clock.Now(), gone.ID) })
	for _, email := range []string{"ada@example.com", "nobody@example.com", "gone@example.com"} {
		must(t, d.people.ForgotPassword(t.Context(), home, email))
	}
	if d.mail.count() != 1 {
		t.Fatalf("%d mails", d.mail.count())
	}
	var rows int
	must(t, d.pool.NewRaw("SELECT count(*) FROM oauth.password_resets").Scan(t.Context(), &rows))
	if rows != 3 {
		t.Fatalf("%d rows for three askings: their work differs", rows)
	}
}

func TestChangedPasswordEndsTheOtherSessions(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	here, elsewhere := d.signedIn(t, "ada@example.com"), d.signedIn(t, "ada@example.com")
	wants(t, d.people.ChangePassword(t.Context(), home, here.Visit, secret.New(other), secret.New("another good one")), "password_wrong")
	wants(t, d.people.ChangePassword(t.Context(), home, here.Visit, secret.New(good), secret.New("ada@example.com")), "password_email")
	must(t, d.people.ChangePassword(t.Context(), home, here.Visit, secret.New(good), secret.New(other)))
	if _, ok := d.visit(t, elsewhere); ok {
		t.Fatal("the other session goes on")
	}
	if _, ok := d.visit(t, here); !ok {
		t.Fatal("this session ended")
	}
	if got := d.kinds(t, u); got != "password_changed password_change_failed signed_in signed_in" {
		t.Fatalf("activity %q", got)
	}
}

func TestPasswordOfASignedInPersonCannotBeGuessedEither(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	for range 5 {
		wants(t, d.people.StepUpPassword(t.Context(), home, e.Visit, secret.New(other)), "password_wrong")
	}
	wants(t, d.people.StepUpPassword(t.Context(), home, e.Visit, secret.New(good)), "too_many_attempts")
}

func TestHashIsMadeAnewWhenItsPriceChanges(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	hash := func() (s string) {
		must(t, d.pool.NewRaw("SELECT password_hash FROM oauth.users").Scan(t.Context(), &s))
		return s
	}
	if !strings.HasPrefix(hash(), "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("hash %s", hash())
	}
	dearer := nodeOf(t, d.pool, d.clock, func(c *session.Config) { c.Hash = session.HashParams{MemoryKiB: 128, Passes: 2, Threads: 1} })
	if _, err := dearer.signIn(t, "ada@example.com", other); !fault.Is(err, fault.Unauthenticated) || !strings.Contains(hash(), "m=64,") {
		t.Fatal("a wrong password changes the hash")
	}
	dearer.signedIn(t, "ada@example.com")
	if !strings.HasPrefix(hash(), "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Fatalf("hash %s", hash())
	}
	d.signedIn(t, "ada@example.com")
}

package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestSignInOpensASessionUnderANewCookie(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "Ada@Example.com")
	first, err := d.signIn(t, "  ada@example.COM ", good)
	must(t, err)
	second, err := d.people.SignIn(t.Context(), home, first.Cookie, "ada@example.com", secret.New(good))
	must(t, err)
	if first.Cookie.Reveal() == second.Cookie.Reveal() || len(second.Cookie.Reveal()) != 43 {
		t.Fatal("the cookie is not new, or not 256 bits")
	}
	if _, ok := d.visit(t, first); ok {
		t.Fatal("the browser's old session is still open")
	}
	v, ok := d.visit(t, second)
	if !ok || v.User.ID != u.ID || v.User.Email != "Ada@Example.com" || !d.people.Fresh(v) {
		t.Fatalf("visit %+v %v", v, ok)
	}
	if got := d.kinds(t, u); got != "signed_in signed_in" {
		t.Fatalf("activity %q", got)
	}
}

func TestCookieIsHostOnlyAndOutOfReachOfScripts(t *testing.T) {
	for base, name := range map[string]string{"https://pay.example": "__Host-sluice_session", "http://localhost:8080": "sluice_session"} {
		d := newDesk(t, func(c *session.Config) { c.BaseURL = base })
		d.user(t, "ada@example.com")
		w := httptest.NewRecorder()
		d.people.SetCookie(w, d.signedIn(t, "ada@example.com"))
		c := w.Result().Cookies()[0]
		secure := strings.HasPrefix(base, "https:")
		if c.Name != name || !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %v", base, c)
		}
	}
}

func TestWrongPasswordUnknownAddressAndDisabledPersonLookTheSame(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	bea := d.user(t, "bea@example.com")
	d.in(t, func(ctx context.Context, tx bun.Tx) error { return d.people.Disable(ctx, tx, d.clock.Now(), bea.ID) })
	var texts []string
	for _, try := range [][2]string{{"ada@example.com", other}, {"nobody@example.com", good}, {"bea@example.com", good}, {"ada@example.com", strings.Repeat("x", 10_000)}} {
		_, err := d.signIn(t, try[0], try[1])
		if !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("%v: %v", try[0], err)
		}
		texts = append(texts, err.Error())
	}
	for _, text := range texts {
		if text != texts[0] {
			t.Errorf("answers differ: %q and %q", texts[0], text)
		}
	}
}

// The wall clock is no judge in a test; that nobody's hash is computed in full is
// what keeps the times equal (TestNobodysPasswordCostsAFullHash).
func TestGuessingIsSlowedDownForKnownAndUnknownAddressesAlike(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		for n := range 5 {
			_, err := d.signIn(t, email, other)
			if !fault.Is(err, fault.Unauthenticated) {
				t.Fatalf("%s, try %d: %v", email, n, err)
			}
		}
		_, err := d.signIn(t, email, good)
		if wait, soon := throttle.WaitOf(err); !soon || wait != time.Second {
			t.Fatalf("%s: the sixth try: %v", email, err)
		}
	}
	d.clock.Advance(time.Second)
	d.signedIn(t, "ada@example.com") // the right password still works, and forgives
	if _, err := d.signIn(t, "ada@example.com", other); !fault.Is(err, fault.Unauthenticated) {
		t.Fatalf("a success does not forgive: %v", err)
	}
}

func TestOneNetworkCannotTryManyAddresses(t *testing.T) {
	d := newDesk(t)
	from := session.From{IP: "2001:db8:1:2:aaaa::1"}
	tried := 0
	for n := range 40 {
		from.IP = "2001:db8:1:2:aaaa::" + string(rune('a'+n%6)) // one household
		_, err := d.people.SignIn(t.Context(), from, secret.Text{}, strings.Repeat("x", n+1)+"@example.com", secret.New(other))
		if fault.Is(err, fault.Unauthenticated) {
			tried++
		}
	}
	if tried != 30 {
		t.Fatalf("%d addresses were tried from one network", tried)
	}
}

func TestHundredGuessesAtOnceAreFive(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	var work sync.WaitGroup
	var mu sync.Mutex
	tried := 0
	for n := range 100 {
		work.Go(func() {
			from := session.From{IP: "192.0.2." + string(rune('0'+n%10))}
			_, err := d.people.SignIn(t.Context(), from, secret.Text{}, "ada@example.com", secret.New(other))
			if fault.Is(err, fault.Unauthenticated) {
				mu.Lock()
				tried++
				mu.Unlock()
			} else if !fault.Is(err, fault.RateLimited) {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if tried != 5 {
		t.Fatalf("%d of 100 guesses were tried", tried)
	}
}

func TestSessionEndsWhenIdleAndWhenOld(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	for range 6 { // kept alive until its absolute end
		d.clock.Advance(session.MaxIdle - time.Minute)
		if _, ok := d.visit(t, e); !ok {
			t.Fatalf("the session ended at %s", d.clock.Now())
		}
	}
	d.clock.Advance(6 * time.Minute)
	if _, ok := d.visit(t, e); ok {
		t.Fatal("the session is older than twelve hours")
	}
	e = d.signedIn(t, "ada@example.com")
	d.clock.Advance(session.MaxIdle)
	if _, ok := d.visit(t, e); ok {
		t.Fatal("the session was idle for two hours")
	}
	must(t, d.people.Sweep(t.Context()))
}

func TestAPageThatRefreshesItselfKeepsNoSessionAlive(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	for range 2 {
		d.clock.Advance(session.MaxIdle / 2)
		_, ok := d.people.Glance(t.Context(), d.request(e))
		if want := d.clock.Now().Before(e.Session.SeenAt.Add(session.MaxIdle)); ok != want {
			t.Fatalf("at %s the session is there: %t", d.clock.Now(), ok)
		}
	}
}

func TestAnOperatorsLinkSignsInWhomItNamesUnlessTheyAreDisabled(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	first := d.signedIn(t, "ada@example.com")
	e, err := d.people.Admit(t.Context(), session.From{}, first.Cookie, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := d.visit(t, e); !ok || v.User.ID != u.ID || v.Session.Proof != session.ByLink {
		t.Errorf("%t %+v", ok, v)
	}
	if _, ok := d.visit(t, first); ok {
		t.Error("the browser's session before it goes on")
	}
	d.in(t, func(ctx context.Context, tx bun.Tx) error { return d.people.Disable(ctx, tx, d.clock.Now(), u.ID) })
	if _, err := d.people.Admit(t.Context(), session.From{}, first.Cookie, u.ID); err == nil {
		t.Error("a disabled person came in")
	}
}

func TestDisabledPersonIsOutAtOnceOnEveryNode(t *testing.T) {
	here := newDesk(t)
	there := nodeOf(t, here.pool, here.clock)
	u := here.user(t, "ada@example.com")
	e := here.signedIn(t, "ada@example.com")
	if _, ok := there.visit(t, e); !ok {
		t.Fatal("the other node does not know the session")
	}
	here.in(t, func(ctx context.Context, tx bun.Tx) error {
		return here.people.Disable(ctx, tx, here.clock.Now(), u.ID)
	})
	for _, node := range []*desk{here, there} {
		if _, ok := node.visit(t, e); ok {
			t.Fatal("a disabled person visits")
		}
	}
	here.in(t, func(ctx context.Context, tx bun.Tx) error { return here.people.Enable(ctx, tx, here.clock.Now(), u.ID) })
	if _, ok := here.visit(t, e); ok {
		t.Fatal("the old session came back")
	}
	here.signedIn(t, "ada@example.com")
}

func TestSessionsAreListedAndEndedByTheirPersonOnly(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.user(t, "bea@example.com")
	one, two, bea := d.signedIn(t, "ada@example.com"), d.signedIn(t, "ada@example.com"), d.signedIn(t, "bea@example.com")
	list, err := d.people.Sessions(t.Context(), one.User)
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("%d sessions", len(list))
	}
	must(t, d.people.EndSession(t.Context(), bea.Visit, home, one.Session.ID)) // not hers: nothing happens
	if _, ok := d.visit(t, one); !ok {
		t.Fatal("bea ended ada's session")
	}
	must(t, d.people.EndOthers(t.Context(), one.Visit, home))
	if _, ok := d.visit(t, two); ok {
		t.Fatal("the other session goes on")
	}
	must(t, d.people.SignOut(t.Context(), one.Visit, home))
	if _, ok := d.visit(t, one); ok {
		t.Fatal("signed out, and still there")
	}
	if _, ok := d.visit(t, bea); !ok {
		t.Fatal("bea was signed out too")
	}
}

func TestFreshnessEndsAndComesBackWithAProof(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	d.clock.Advance(session.FreshFor)
	v, _ := d.visit(t, e)
	if d.people.Fresh(v) {
		t.Fatal("fresh for too long")
	}
	wants(t, d.people.StartTOTP(t.Context(), v), "step_up_required")
	wants(t, d.people.StepUpPassword(t.Context(), home, v, secret.New(other)), "password_wrong")
	must(t, d.people.StepUpPassword(t.Context(), home, v, secret.New(good)))
	if v, _ = d.visit(t, e); !d.people.Fresh(v) {
		t.Fatal("not fresh after a proof")
	}
	if got := d.kinds(t, v.User); got != "stepped_up step_up_failed signed_in" {
		t.Fatalf("activity %q", got)
	}
}

package oauth_test

import (
	"encoding/base64"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/oauth"
)

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func asAuthorizeError(t testing.TB, err error) *oauth.AuthorizeError {
	t.Helper()
	var refused *oauth.AuthorizeError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal", err)
	}
	return refused
}

// together makes n calls at once and returns the answers of those that got
// tokens. All others must be refusals.
func (h *house) together(t testing.TB, n int, call func() reply) (ok []reply) {
	t.Helper()
	var (
		mu    sync.Mutex
		all   sync.WaitGroup
		start = make(chan struct{})
	)
	for range n {
		all.Go(func() {
			<-start
			r := call()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.Status == 200:
				ok = append(ok, r)
			case r.Status != 400 || r.text("error") != "invalid_grant":
				t.Errorf("a loser was answered %d %s", r.Status, r.Body)
			}
		})
	}
	close(start)
	all.Wait()
	return ok
}

// oneSuccessor asserts that all answers are one and the same, and that it works.
func (h *house) oneSuccessor(t testing.TB, answers []reply) {
	t.Helper()
	if len(answers) == 0 {
		t.Fatal("nobody won")
	}
	for _, r := range answers {
		if r.text("refresh_token") != answers[0].text("refresh_token") || r.text("access_token") != answers[0].text("access_token") {
			t.Fatal("two different successors were given out")
		}
	}
	if n := h.count(t, "SELECT count(*) FROM oauth.tokens WHERE kind = 'refresh' AND rotated_at IS NULL AND revoked_at IS NULL"); n != 1 {
		t.Errorf("%d live refresh tokens, want 1", n)
	}
	if r := h.call(t, answers[0].text("access_token"), "GET"); r.Status != 200 {
		t.Errorf("the winner's token does not work: %d", r.Status)
	}
}

// rounds is 10, or what SLUICE_OAUTH_ROUNDS says (1000 for the promise).
func rounds(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("SLUICE_OAUTH_ROUNDS"))
	if err != nil {
		return 10
	}
	t.Logf("%d rounds", n)
	return n
}

func TestOfAHundredExchangesOfOneCodeOneWins(t *testing.T) { // O4
	h := newHouse(t)
	a := h.app(t)
	for range rounds(t) {
		code := h.approve(t, a).Get("code")
		ok := h.together(t, 100, func() reply { return h.exchange(t, a, code) })
		if len(ok) != 1 {
			t.Fatalf("%d exchanges of one code got tokens", len(ok))
		}
		// All arrived in the same moment of the clock: none of them was a replay.
		if r := h.call(t, ok[0].text("access_token"), "GET"); r.Status != 200 {
			t.Fatalf("the losers took the winner's token away: %d", r.Status)
		}
		h.clock.Advance(time.Second)
	}
}

func TestOfAHundredRefreshesOfOneTokenOneSuccessorLives(t *testing.T) { // O7
	h := newHouse(t)
	a := h.app(t)
	token := h.connected(t, a).text("refresh_token")
	for range rounds(t) {
		ok := h.together(t, 100, func() reply { return h.refresh(t, a, token) })
		h.oneSuccessor(t, ok)
		if n := h.count(t, "SELECT count(*) FROM oauth.tokens WHERE kind = 'refresh' AND rotated_at = ?", h.clock.Now()); n != 1 {
			t.Fatalf("%d rotations, want 1", n)
		}
		token = ok[0].text("refresh_token")
		h.clock.Advance(time.Second)
	}
}

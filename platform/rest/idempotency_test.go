package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
)

const key1 = "Idempotency-Key: k1"

func TestSameKeyGetsTheSameBytesOnce(t *testing.T) {
	h := newHouse(t)
	first := h.call("POST", "/v1/notes", "text=x&expand[]=owner", key1)
	again := h.call("POST", "/v1/notes", "expand[]=owner&text=x", key1)
	if first.status != 200 || again.status != 200 || first.body != again.body || h.notes() != 1 {
		t.Errorf("%d %d, %d notes\n%s%s", first.status, again.status, h.notes(), first.body, again.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("the replay is not marked")
	}
	if again.header.Get("Original-Request") != first.header.Get("Request-Id") || again.header.Get("Idempotency-Key") != "k1" {
		t.Errorf("headers %v", again.header)
	}
	if after := houseOn(t, h.pool).call("POST", "/v1/notes", "text=x&expand[]=owner", key1); after.body != first.body {
		t.Error("the answer did not survive a restart")
	}
}

func TestKeyWithOtherParametersIsRefused(t *testing.T) {
	h := newHouse(t)
	h.call("POST", "/v1/notes", "text=x", key1)
	for rule, got := range map[string]answer{
		"other parameters": h.call("POST", "/v1/notes", "text=y", key1),
		"other endpoint":   h.call("POST", "/v1/tokens", "text=x", key1),
		"other method":     h.call("DELETE", "/v1/notes/note_1", "", key1),
	} {
		f := got.fault(t)
		want := "Keys for idempotent requests can only be used with the same parameters they were first used with. " +
			"Try using a key other than 'k1' if you meant to execute a different request."
		if got.status != 400 || f["type"] != "idempotency_error" || f["message"] != want {
			t.Errorf("%s: %d %s", rule, got.status, got.body)
		}
	}
}

// A card number has few enough values to try them all against a plain hash.
func TestStoredFingerprintsAreKeyed(t *testing.T) {
	var prints []string
	for _, pepper := range []secret.Pepper{pepper, secret.RandomPepper()} {
		pool := dbtest.New(t)
		s := rest.New(rest.Config{Pool: pool, Authenticator: keyring{}, Accounts: keyring{}, Pepper: pepper})
		s.Mount(rest.Route{Method: "POST", Path: "/v1/tokens", Resource: "tokens", Handler: s.Write(
			func(_ context.Context, _ bun.Tx, r *rest.Request) (any, error) {
				var p struct {
					Number string `form:"number"`
				}
				return note{ID: "note_1"}, r.Decode(&p)
			})})
		front := httptest.NewServer(s)
		t.Cleanup(front.Close)
		h := &house{t: t, url: front.URL}
		if got := h.call("POST", "/v1/tokens", "number=4242424242424242", key1); got.status != 200 {
			t.Fatal(got.body)
		}
		var stored string
		if err := pool.NewRaw("SELECT fingerprint FROM platform.idempotency_keys").Scan(t.Context(), &stored); err != nil {
			t.Fatal(err)
		}
		prints = append(prints, stored)
	}
	if prints[0] == prints[1] {
		t.Error("the fingerprint does not depend on the pepper")
	}
}

func TestKeysOfOtherAccountsAndModesAreIndependent(t *testing.T) {
	h := newHouse(t)
	for i, headers := range [][]string{
		{key1},
		{key1, "Authorization: Bearer " + liveKey},
		{key1, "Authorization: Bearer " + otherKey},
		{key1, "Stripe-Account: " + tutorsAccount},
	} {
		if got := h.call("POST", "/v1/notes", fmt.Sprintf("text=%d", i), headers...); got.status != 200 || h.notes() != i+1 {
			t.Errorf("%v: %d %s", headers, got.status, got.body)
		}
	}
}

func TestDecidedErrorsAreSavedAndLeaveNoEffect(t *testing.T) {
	h := newHouse(t)
	for i, f := range []*fault.Error{
		fault.Invalidf("balance_insufficient", "", "Insufficient funds."),
		{Kind: fault.Declined, Code: "card_declined", Decline: "lost_card", Message: "Your card was declined.", Fields: map[string]any{"charge": "ch_1"}},
		{Kind: fault.Forbidden, Message: "no"},
		{Kind: fault.NotFound, Code: "resource_missing", Message: "no"},
		{Kind: fault.Conflict, Message: "no"},
	} {
		h.onEffect(func(context.Context, bun.Tx, noteParams) error { return fmt.Errorf("create note: %w", f) })
		key := fmt.Sprintf("Idempotency-Key: k%d", i)
		first := h.call("POST", "/v1/notes", "text=x", key)
		h.onEffect(nil)
		again := h.call("POST", "/v1/notes", "text=x", key)
		if again.body != first.body || again.status != first.status || again.header.Get("Idempotent-Replayed") != "true" || h.notes() != 0 {
			t.Errorf("%v: %d then %d, %d notes", f, first.status, again.status, h.notes())
		}
	}
}

func TestDeclinedCardIs402CardError(t *testing.T) {
	h := newHouse(t)
	h.onEffect(func(context.Context, bun.Tx, noteParams) error {
		return &fault.Error{Kind: fault.Declined, Code: "card_declined", Decline: "lost_card", Message: "Your card was declined.", Fields: map[string]any{"charge": "ch_1"}}
	})
	got := h.call("POST", "/v1/notes", "text=x")
	f := got.fault(t)
	if got.status != 402 || f["type"] != "card_error" || f["code"] != "card_declined" || f["decline_code"] != "lost_card" || f["charge"] != "ch_1" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestUndecidedErrorsFreeTheKey(t *testing.T) {
	h := newHouse(t)
	for name, effect := range map[string]func(context.Context, bun.Tx, noteParams) error{
		"internal":    func(context.Context, bun.Tx, noteParams) error { return errors.New("boom") },
		"unavailable": func(context.Context, bun.Tx, noteParams) error { return &fault.Error{Kind: fault.Unavailable} },
		"unsaved": func(context.Context, bun.Tx, noteParams) error {
			return &fault.Error{Kind: fault.Invalid, Message: "later", Unsaved: true}
		},
		"panic": func(context.Context, bun.Tx, noteParams) error { panic("boom") },
		"SQL error": func(ctx context.Context, tx bun.Tx, _ noteParams) error {
			_, err := tx.ExecContext(ctx, "SELECT 1/0")
			return err
		},
		"lost database": killOwnConnection,
	} {
		key := "Idempotency-Key: " + name
		before := h.notes()
		h.onEffect(effect)
		if failed := h.call("POST", "/v1/notes", "text=x", key); failed.status < 400 || h.notes() != before {
			t.Errorf("%s: %d, %d notes", name, failed.status, h.notes())
		}
		h.onEffect(nil)
		if got := h.call("POST", "/v1/notes", "text=x", key); got.status != 200 || h.notes() != before+1 || got.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: the key is not free: %d %s", name, got.status, got.body)
		}
	}
}

// killOwnConnection is what a crash in the middle looks like to the database.
func killOwnConnection(ctx context.Context, tx bun.Tx, _ noteParams) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
	return err
}

func TestLostDatabaseIs503ThatMayBeRetried(t *testing.T) {
	h := newHouse(t)
	h.onEffect(killOwnConnection)
	got := h.call("POST", "/v1/notes", "text=x", key1)
	if got.status != 503 || got.header.Get("Stripe-Should-Retry") != "true" || got.fault(t)["type"] != "api_error" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
}

func TestParameterErrorsAreNotSaved(t *testing.T) {
	h := newHouse(t)
	if got := h.call("POST", "/v1/notes", "text=x&amount=15.75", key1); got.status != 400 {
		t.Fatalf("%d", got.status)
	}
	if got := h.call("POST", "/v1/notes", "text=x&amount=15", key1); got.status != 200 {
		t.Errorf("the key is not free: %d %s", got.status, got.body)
	}
}

func TestCallerMayRefuseSavedFailures(t *testing.T) {
	h := newHouse(t)
	const retry = "Sluice-Idempotency-Retry-Failures: true"
	h.onEffect(func(context.Context, bun.Tx, noteParams) error {
		return fault.Invalidf("balance_insufficient", "", "Insufficient funds.")
	})
	if got := h.call("POST", "/v1/notes", "text=x", key1, retry); got.status != 400 || got.fault(t)["code"] != "balance_insufficient" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	h.onEffect(nil)
	if got := h.call("POST", "/v1/notes", "text=x", key1, retry); got.status != 200 || h.notes() != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := h.call("POST", "/v1/notes", "text=x", key1, retry); got.header.Get("Idempotent-Replayed") != "true" || h.notes() != 1 {
		t.Error("the success was not saved")
	}
}

func TestKeyInUseIs409ThatMayBeRetried(t *testing.T) {
	h := newHouse(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	h.onEffect(func(context.Context, bun.Tx, noteParams) error {
		close(inside)
		<-leave
		return nil
	})
	done := make(chan answer)
	go func() { done <- h.call("POST", "/v1/notes", "text=x", key1) }()
	<-inside
	got := h.call("POST", "/v1/notes", "text=x", key1)
	elsewhere := houseOn(t, h.pool).call("POST", "/v1/notes", "text=x", key1) // another process, waits for the lock
	close(leave)
	<-done
	for _, a := range []answer{got, elsewhere} {
		f := a.fault(t)
		if a.status != 409 || f["code"] != "idempotency_key_in_use" || a.header.Get("Stripe-Should-Retry") != "true" || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	}
	if after := h.call("POST", "/v1/notes", "text=x", key1); after.status != 200 || after.header.Get("Idempotent-Replayed") != "true" || h.notes() != 1 {
		t.Errorf("afterwards: %d %s", after.status, after.body)
	}
}

func TestThousandConcurrentRequestsWithOneKeyExecuteOnce(t *testing.T) {
	for _, path := range []string{"/v1/notes", "/v1/steps"} {
		h := newHouse(t)
		two := houseOn(t, h.pool) // half of them reach another process
		var wg sync.WaitGroup
		var succeeded, busy, other atomic.Int64
		slots := make(chan struct{}, 100)
		for i := range 1000 {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				to := h
				if i%2 == 1 {
					to = two
				}
				switch to.call("POST", path, "text=x", key1).status {
				case http.StatusOK:
					succeeded.Add(1)
				case http.StatusConflict:
					busy.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		wg.Wait()
		if runs := h.runs + two.runs; runs != 1 || succeeded.Load() < 1 || other.Load() != 0 {
			t.Errorf("%s: %d executions, %d succeeded, %d busy, %d other", path, runs, succeeded.Load(), busy.Load(), other.Load())
		}
	}
}

func TestStepsSaveAndReplay(t *testing.T) {
	h := newHouse(t)
	first := h.call("POST", "/v1/steps", "text=x&expand[]=owner", key1)
	again := h.call("POST", "/v1/steps", "text=x&expand[]=owner", key1)
	if first.status != 200 || again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" || h.runs != 1 ||
		!strings.Contains(first.body, `"object": "account"`) {
		t.Errorf("%d %s%d %s", first.status, first.body, again.status, again.body)
	}
	h.onEffect(func(context.Context, bun.Tx, noteParams) error {
		return &fault.Error{Kind: fault.Declined, Code: "card_declined", Message: "no"}
	})
	declined := h.call("POST", "/v1/steps", "text=y", "Idempotency-Key: k2")
	h.onEffect(nil)
	if again := h.call("POST", "/v1/steps", "text=y", "Idempotency-Key: k2"); declined.status != 402 || again.body != declined.body {
		t.Errorf("%d %s", again.status, again.body)
	}
}

func TestAbandonedStepsStayInProgress(t *testing.T) {
	h := newHouse(t)
	h.onEffect(func(context.Context, bun.Tx, noteParams) error { return errors.New("crash between the two commits") })
	h.call("POST", "/v1/steps", "text=x", key1)
	if got := h.call("POST", "/v1/steps", "text=x", key1); got.status != 409 || h.runs != 1 {
		t.Errorf("%d %s, %d runs", got.status, got.body, h.runs)
	}
	if got := h.call("POST", "/v1/steps", "text=z", key1); got.status != 400 {
		t.Errorf("other parameters: %d", got.status)
	}
}

func TestLongKeysAreRefused(t *testing.T) {
	h := newHouse(t)
	if got := h.call("POST", "/v1/notes", "text=x", "Idempotency-Key: "+strings.Repeat("k", 256)); got.status != 400 {
		t.Errorf("%d", got.status)
	}
	if got := h.call("POST", "/v1/notes", "text=x", "Idempotency-Key: "+strings.Repeat("k", 255)); got.status != 200 {
		t.Errorf("%d", got.status)
	}
}

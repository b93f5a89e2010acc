package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/tenant"
)

var (
	scope = tenant.Scope{Platform: "acct_1", Account: "acct_1"}
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	store = idempotency.NewStore()
)

func claim(key, params string) *idempotency.Claim {
	return &idempotency.Claim{
		Key: key, Hash: idempotency.HashKey(scope, key), Fingerprint: idempotency.Sum([]byte(params)),
		RequestID: "req_" + key, Scope: scope, Object: "ch_" + key,
	}
}

func claimAll(t *testing.T, pool *bun.DB, at time.Time, claims ...*idempotency.Claim) []idempotency.State {
	t.Helper()
	var states []idempotency.State
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		states = nil
		outcomes, err := store.ClaimMany(ctx, tx, at, claims)
		for _, o := range outcomes {
			states = append(states, o.State)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return states
}

func save(t *testing.T, pool *bun.DB, c *idempotency.Claim, status int, body string) {
	t.Helper()
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		return store.SaveMany(ctx, tx, noon, [][16]byte{c.Hash}, []idempotency.Response{{Status: status, Body: []byte(body)}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustEqual(t *testing.T, what string, got []idempotency.State, want ...idempotency.State) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: claim %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestBatchDecidesEachClaim(t *testing.T) {
	pool := dbtest.New(t)
	answered, running := claim("answered", "x"), claim("running", "x")
	mustEqual(t, "first", claimAll(t, pool, noon, answered, nil, running, claim("answered", "x")),
		idempotency.Fresh, idempotency.Fresh, idempotency.Fresh, idempotency.InProgress)
	save(t, pool, answered, 200, "{}\n")
	mustEqual(t, "second", claimAll(t, pool, noon, claim("new", "x"), answered, running, claim("answered", "y"), claim("running", "y"), nil),
		idempotency.Fresh, idempotency.Replay, idempotency.InProgress, idempotency.Mismatch, idempotency.Mismatch, idempotency.Fresh)
	mustEqual(t, "none", claimAll(t, pool, noon, nil, nil), idempotency.Fresh, idempotency.Fresh)
}

func TestFindGivesTheSavedAnswer(t *testing.T) {
	pool := dbtest.New(t)
	c := claim("k", "x")
	if o, err := store.Find(t.Context(), pool, c); err != nil || o.State != idempotency.Fresh {
		t.Fatalf("%v %v", o, err)
	}
	claimAll(t, pool, noon, c)
	body := "{\n  \"a\": \"é ' \\\" ? \\\\ {}\"\n}\n"
	save(t, pool, c, 402, body)
	save(t, pool, c, 200, "a second answer changes nothing")
	o, err := store.Find(t.Context(), pool, c)
	if err != nil || o.State != idempotency.Replay || o.Response.Status != 402 || string(o.Response.Body) != body || o.Response.RequestID != "req_k" {
		t.Errorf("%v %+v", err, o)
	}
}

func TestOutcomeErrors(t *testing.T) {
	for state, kind := range map[idempotency.State]fault.Kind{
		idempotency.InProgress: fault.Conflict, idempotency.Mismatch: fault.IdempotencyMismatch,
	} {
		if err := (idempotency.Outcome{State: state, Key: "k"}).Err(); !fault.Is(err, kind) {
			t.Errorf("%v: %v", state, err)
		}
	}
	for _, state := range []idempotency.State{idempotency.Fresh, idempotency.Replay} {
		if err := (idempotency.Outcome{State: state}).Err(); err != nil {
			t.Errorf("%v: %v", state, err)
		}
	}
}

func TestRolledBackAndReleasedClaimsAreFree(t *testing.T) {
	pool := dbtest.New(t)
	c := claim("k", "x")
	crash := errors.New("crash")
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := store.ClaimMany(ctx, tx, noon, []*idempotency.Claim{c}); err != nil {
			return err
		}
		return crash
	})
	if !errors.Is(err, crash) {
		t.Fatal(err)
	}
	mustEqual(t, "after rollback", claimAll(t, pool, noon, c), idempotency.Fresh)
	release := func() {
		t.Helper()
		if err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			return store.ReleaseMany(ctx, tx, [][16]byte{c.Hash})
		}); err != nil {
			t.Fatal(err)
		}
	}
	release()
	mustEqual(t, "after release", claimAll(t, pool, noon, c), idempotency.Fresh)
	save(t, pool, c, 200, "{}")
	release()
	mustEqual(t, "an answer cannot be released", claimAll(t, pool, noon, c), idempotency.Replay)
}

func TestKeyHeldByAnOpenTransactionIsInUse(t *testing.T) {
	pool := dbtest.New(t)
	c := claim("k", "x")
	holder, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	if _, err := store.ClaimMany(t.Context(), holder, noon, []*idempotency.Claim{c}); err != nil {
		t.Fatal(err)
	}
	err = db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := store.ClaimMany(ctx, tx, noon, []*idempotency.Claim{c})
		return err
	})
	if f := fault.As(err); f == nil || f.Kind != fault.Conflict || f.Code != "idempotency_key_in_use" {
		t.Errorf("got %v", err)
	}
}

func TestSweeperFindsClaimsByObject(t *testing.T) {
	pool := dbtest.New(t)
	open, answered := claim("open", "x"), claim("answered", "x")
	claimAll(t, pool, noon, open, answered)
	save(t, pool, answered, 200, "{}")
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		held, err := store.HeldBy(ctx, tx, noon.Add(-time.Hour), []string{"ch_open", "ch_answered", "ch_none"})
		if len(held) != 1 || held["ch_open"] != (idempotency.Held{Hash: open.Hash, RequestID: "req_open"}) {
			t.Errorf("held %v", held)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnswersAreKeptThirtyDays(t *testing.T) {
	pool := dbtest.New(t)
	for i, key := range []string{"a", "b", "c"} {
		claimAll(t, pool, noon.Add(time.Duration(i)*time.Hour), claim(key, "x"))
	}
	sweep := func(now time.Time, limit, want int) {
		t.Helper()
		if n, err := idempotency.Sweep(t.Context(), pool, now, limit); err != nil || n != want {
			t.Errorf("swept %d, %v; want %d", n, err, want)
		}
	}
	sweep(noon.Add(idempotency.Retention), 10, 0)
	sweep(noon.Add(idempotency.Retention+90*time.Minute), 1, 1)
	sweep(noon.Add(idempotency.Retention+90*time.Minute), 10, 1)
	mustEqual(t, "left", claimAll(t, pool, noon, claim("a", "x"), claim("c", "x")), idempotency.Fresh, idempotency.InProgress)
}

func TestKeysAreScopedByAccountAndMode(t *testing.T) {
	live := scope
	live.Livemode = true
	hashes := map[[16]byte]bool{}
	for _, s := range []tenant.Scope{scope, live, scope.For("acct_2")} {
		hashes[idempotency.HashKey(s, "k")] = true
	}
	if len(hashes) != 3 {
		t.Error("two scopes share a key")
	}
	if idempotency.HashKey(tenant.Scope{Platform: "acct_9", Account: "acct_1"}, "k") != idempotency.HashKey(scope, "k") {
		t.Error("a key belongs to the account acted for, not to who acts")
	}
}

// What the versions before have kept, with and without white space, is replayed too.
func TestAnAnswerKeptByAnEarlierVersionIsReplayed(t *testing.T) {
	pool := dbtest.New(t)
	const body = "{\n  \"id\": \"ch_1\",\n  \"list\": []\n}\n"
	for i, kept := range []string{body, "\x01" + `{"id":"ch_1","list":[]}`} {
		c := claim(string(rune('a'+i)), "amount=1")
		claimAll(t, pool, noon, c)
		if _, err := pool.NewRaw(`UPDATE platform.idempotency_keys SET status = 200, body = ?, answered_at = now() WHERE status IS NULL`, []byte(kept)).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found, err := store.Find(t.Context(), pool, c); err != nil || string(found.Response.Body) != body {
			t.Errorf("%q comes back as %q, %v", kept, found.Response.Body, err)
		}
	}
}

// An answer comes back byte for byte, however it was written.
func TestAnAnswerIsReplayedAsItWasSent(t *testing.T) {
	pool := dbtest.New(t)
	for i, body := range []string{"{\n  \"id\": \"ch_1\",\n  \"list\": [],\n  \"of\": {}\n}\n", `{"id":"ch_1"}`, "{\"id\":\"ch_1\"}\n", "[ ]", "not JSON", "{\n\t\"id\": 1\n}\n"} {
		c := claim(string(rune('a'+i)), "amount=1")
		err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			if _, err := store.ClaimMany(ctx, tx, noon, []*idempotency.Claim{c}); err != nil {
				return err
			}
			return store.SaveMany(ctx, tx, noon, [][16]byte{c.Hash}, []idempotency.Response{{Status: 200, Body: []byte(body)}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if found, err := store.Find(t.Context(), pool, c); err != nil || string(found.Response.Body) != body {
			t.Errorf("%q comes back as %q, %v", body, found.Response.Body, err)
		}
	}
}

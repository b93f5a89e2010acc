package session

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

func testHasher() *hasher {
	return newHasher(HashParams{MemoryKiB: 64, Passes: 1, Threads: 1}, secret.RandomPepper())
}

// O15, O19: that an address is unknown must not show in the time. The hash computed
// for nobody has the same price as a real one, and can never be right.
func TestNobodysPasswordCostsAFullHash(t *testing.T) {
	h := testHasher()
	real, err := h.hash(t.Context(), secret.New("correct battery horse"))
	if err != nil {
		t.Fatal(err)
	}
	realParams, realSalt, realSum, err := decodeHash(real)
	if err != nil {
		t.Fatal(err)
	}
	params, salt, sum, err := decodeHash(h.nobody)
	if err != nil || params != realParams || len(salt) != len(realSalt) || len(sum) != len(realSum) {
		t.Fatalf("nobody's hash is another kind: %+v %v", params, err)
	}
	if ok, _, err := h.matches(t.Context(), "", secret.New("anything")); ok || err != nil {
		t.Fatalf("nobody's password is right: %v", err)
	}
	if ok, stale, err := h.matches(t.Context(), real, secret.New("correct battery horse")); !ok || stale || err != nil {
		t.Fatalf("%v %v %v", ok, stale, err)
	}
}

func TestBurstOfSignInsWaitsForItsTurnAndOverflowsPolitely(t *testing.T) {
	h := testHasher()
	var leave []func()
	for range cap(h.turns) {
		done, err := h.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, hashQueue)
	for range hashQueue {
		go func() {
			_, err := h.turn(ctx)
			failed <- err
		}()
	}
	for h.waiting.Load() < hashQueue {
		runtime.Gosched()
	}
	if _, err := h.hash(t.Context(), secret.New("one too many")); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("beyond the queue: %v", err)
	}
	cancel()
	for range hashQueue {
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for _, done := range leave {
		done()
	}
	if _, err := h.hash(t.Context(), secret.New("room again")); err != nil || h.waiting.Load() != 0 {
		t.Fatalf("%v, %d waiting", err, h.waiting.Load())
	}
}

func TestTamperedHashIsRefusedAndCostsNothing(t *testing.T) {
	h := testHasher()
	good, err := h.hash(t.Context(), secret.New("correct battery horse"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"x", "$argon2i$" + good[len("$argon2id$"):], strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "v=19", "v=18", 1), good + "$", good[:len(good)-4], strings.Replace(good, "p=1", "p=0", 1),
	} {
		if ok, _, err := h.matches(t.Context(), bad, secret.New("correct battery horse")); ok || err == nil {
			t.Errorf("%s: %v %v", bad, ok, err)
		}
	}
}

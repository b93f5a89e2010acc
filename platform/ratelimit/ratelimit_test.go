package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicepay/sluice/platform/ratelimit"
)

func TestEachKeyHasItsOwnBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := ratelimit.New(10, 3)
		for i := range 5 {
			if got := b.Allow("a"); got != (i < 3) {
				t.Errorf("call %d: %v", i, got)
			}
		}
		if !b.Allow("b") {
			t.Error("one key empties another's bucket")
		}
		time.Sleep(100 * time.Millisecond)
		if !b.Allow("a") || b.Allow("a") {
			t.Error("a tenth of a second is one token")
		}
	})
}

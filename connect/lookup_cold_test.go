package connect

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
)

// archive is where a test's accounts are read: each read says what it is for, and waits to be let on.
type archive struct {
	asked chan []summaryKey
	on    chan error
}

func (a archive) summarize(_ context.Context, keys []summaryKey) (map[summaryKey]Summary, error) {
	a.asked <- keys
	if err := <-a.on; err != nil {
		return nil, err
	}
	found := map[summaryKey]Summary{}
	for _, key := range keys {
		if key.account != "acct_nobody" {
			found[key] = Summary{ID: key.account, Livemode: key.livemode}
		}
	}
	return found, nil
}

func (c *coldReads) waits(n int) {
	for {
		c.mu.Lock()
		have := len(c.waiting)
		c.mu.Unlock()
		if have == n {
			return
		}
		runtime.Gosched()
	}
}

func TestWhoComesDuringAReadSharesTheNextOne(t *testing.T) {
	t.Parallel()
	from := archive{make(chan []summaryKey), make(chan error)}
	c := &coldReads{summarize: from.summarize}
	var all sync.WaitGroup
	ask := func(account string, livemode bool) {
		all.Go(func() {
			sum, err := c.read(t.Context(), summaryKey{account, livemode})
			if account == "acct_nobody" {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %v", account, err)
				}
			} else if err != nil || sum.ID != account || sum.Livemode != livemode {
				t.Errorf("%s reads %v, %v", account, sum, err)
			}
		})
	}
	ask("acct_first", false)
	if keys := <-from.asked; len(keys) != 1 {
		t.Errorf("the first read is for %v", keys)
	}
	for n := range coldBatch - 3 {
		ask(fmt.Sprint("acct_", n), true)
	}
	ask("acct_0", true) // again
	ask("acct_0", false)
	ask("acct_nobody", true)
	c.waits(coldBatch)
	from.on <- nil
	if keys := <-from.asked; len(keys) != coldBatch-1 {
		t.Errorf("the second read is for %d accounts, want %d", len(keys), coldBatch-1)
	}
	ask("acct_late", true)
	c.waits(1)
	from.on <- nil
	if keys := <-from.asked; len(keys) != 1 {
		t.Errorf("the third read is for %v", keys)
	}
	from.on <- nil
	all.Wait()
	ask("acct_alone", true)
	<-from.asked
	from.on <- nil
	all.Wait()
}

func TestAReadThatFailsFailsForAllWhoWaitedForItAndNobodyElse(t *testing.T) {
	t.Parallel()
	from := archive{make(chan []summaryKey), make(chan error)}
	c := &coldReads{summarize: from.summarize}
	broken := errors.New("broken")
	results := make(chan error, 4)
	ask := func(n int) { _, err := c.read(t.Context(), summaryKey{fmt.Sprint("acct_", n), true}); results <- err }
	go ask(0)
	<-from.asked
	go ask(1)
	go ask(2)
	c.waits(2)
	from.on <- nil
	if err := <-results; err != nil {
		t.Error(err)
	}
	<-from.asked
	go ask(3)
	c.waits(1)
	from.on <- broken
	for range 2 {
		if err := <-results; !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	<-from.asked
	from.on <- nil
	if err := <-results; err != nil {
		t.Error(err)
	}
}

// Who goes away while he waits is not read for; who goes away when it is his turn passes it on.
func TestWhoGoesAwayHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	from := archive{make(chan []summaryKey), make(chan error)}
	c := &coldReads{summarize: from.summarize}
	first := make(chan error, 1)
	go func() { _, err := c.read(t.Context(), summaryKey{"acct_0", true}); first <- err }()
	<-from.asked
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := c.read(ctx, summaryKey{"acct_1", true}); gone <- err }()
	c.waits(1)
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c.waits(0)

	turned := &coldRead{key: summaryKey{"acct_2", true}, signal: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, turned)
	c.mu.Unlock()
	last := make(chan error, 1)
	go func() { _, err := c.read(t.Context(), summaryKey{"acct_3", true}); last <- err }()
	c.waits(2)
	from.on <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-turned.signal
	c.leave(turned)
	if keys := <-from.asked; len(keys) != 1 || keys[0].account != "acct_3" {
		t.Errorf("read for %v", keys)
	}
	from.on <- nil
	if err := <-last; err != nil {
		t.Error(err)
	}
}

// Package run owns what runs in the background: goroutines with somebody who
// waits for them (Group), periodic jobs that one process does at a time
// (Every), and the sandbox's clock, shared by all processes (WorldClock).
package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Group owns goroutines. The first that fails stops the others.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	work   sync.WaitGroup
}

var errStopped = errors.New("stopped")

// NewGroup makes a group whose goroutines end when ctx does.
func NewGroup(ctx context.Context) *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// Context is done when the group is to stop.
func (g *Group) Context() context.Context { return g.ctx }

// Go runs fn until it returns. fn returns soon after its ctx is done; what it
// returns then does not matter. An error before that stops the group; name says whose it was.
func (g *Group) Go(name string, fn func(ctx context.Context) error) {
	g.work.Go(func() {
		if err := fn(g.ctx); err != nil {
			g.cancel(fmt.Errorf("%s: %w", name, err)) // only the first cause counts
		}
	})
}

// Stop tells every goroutine to end, without an error.
func (g *Group) Stop() { g.cancel(errStopped) }

// Wait returns once every goroutine has ended, with the error that stopped the
// group, or nil if it was stopped from outside or all work was done.
func (g *Group) Wait() error {
	g.work.Wait()
	stopped := g.ctx.Err() != nil
	g.cancel(errStopped)
	cause := context.Cause(g.ctx)
	if !stopped || errors.Is(cause, errStopped) || errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

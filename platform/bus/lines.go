package bus

import (
	"context"
	"errors"
	"net"
	"sync"
)

// lines are the open connections of one subscriber, so that they can be cut.
type lines struct {
	ctx context.Context
	end context.CancelFunc

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func newLines() *lines {
	ctx, end := context.WithCancel(context.Background())
	return &lines{ctx: ctx, end: end, open: map[net.Conn]struct{}{}}
}

func (l *lines) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	l.open[c] = struct{}{}
	return &line{Conn: c, lines: l}, nil
}

// cut closes every connection and refuses new ones.
func (l *lines) cut() {
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
	clear(l.open)
}

type line struct {
	net.Conn
	lines *lines
}

func (c *line) Close() error {
	c.lines.mu.Lock()
	delete(c.lines.open, c.Conn)
	c.lines.mu.Unlock()
	return c.Conn.Close()
}

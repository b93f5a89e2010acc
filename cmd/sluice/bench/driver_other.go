//go:build !linux

package bench

import (
	"errors"
	"io"
	"time"
)

// driver needs epoll, and the figures need /proc.
type driver struct{}

func newDriver(Plan, io.Writer) (*driver, error) {
	return nil, errors.New("this bench runs on Linux")
}

func (*driver) run(time.Duration) (Outcome, error) { return Outcome{}, nil }
func (*driver) close()                             {}

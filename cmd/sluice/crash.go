package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

// crashEnv is a test hook: SLUICE_CRASH_AT=authorized:17 ends the process of
// `sluice serve` when the step "authorized" of a payment is reached for the 17th
// time, as kill -9 would: nothing is finished, nothing is said. Without a number
// it is the first time. It is no setting: it does nothing unless it is set, and
// stands in no file.
const crashEnv = "SLUICE_CRASH_AT"

// crashAt is the Config.Step for a value of crashEnv; nil for none.
func crashAt(value string) (func(step string), error) {
	if value == "" {
		return nil, nil
	}
	name, count, numbered := strings.Cut(value, ":")
	left := int64(1)
	if numbered {
		var err error
		if left, err = strconv.ParseInt(count, 10, 64); err != nil || left < 1 {
			return nil, cli.Usagef("%s=%s: want a step and how often it is reached, as in authorized:17", crashEnv, value)
		}
	}
	var times atomic.Int64
	times.Store(left)
	return func(step string) {
		if step == name && times.Add(-1) == 0 {
			err := syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			panic(fmt.Sprintf("%s: the process outlived its kill: %v", crashEnv, err))
		}
	}, nil
}

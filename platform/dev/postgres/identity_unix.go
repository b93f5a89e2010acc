//go:build unix && !linux

package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// identity is who the server runs as: always we ourselves.
type identity struct{}

func chooseIdentity(context.Context, string, string, string) (identity, error) {
	if os.Geteuid() == 0 {
		return identity{}, errors.New("PostgreSQL does not run as root: run as another user")
	}
	return identity{}, nil
}

// apply gives cmd its own process group. There is no parent-death signal here:
// if we are killed, the next start says which pid is left.
func (identity) apply(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func (identity) own(string) error { return nil }

// owns reports whether a file belongs to us.
func (identity) owns(info os.FileInfo) bool {
	return int(info.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
}

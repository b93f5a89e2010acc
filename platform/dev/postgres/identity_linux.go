package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// identity is who the server runs as.
type identity struct {
	uid, gid  int  // of the child, if it is not us
	dropped   bool // by credential
	namespace bool // by user namespace: outside it is us, inside it is nobody
}

// nobody is the user that stands for us inside a user namespace; it must exist in passwd.
const nobody = 65534

// chooseIdentity: we ourselves, unless we are root. Then the owner of the data
// in place decides; for new data it is postgres or nobody if they can reach the
// directories, else a user namespace.
func chooseIdentity(ctx context.Context, home, data, bin string) (identity, error) {
	if os.Geteuid() != 0 {
		return identity{}, nil
	}
	namespace := identity{namespace: true}
	owner, exists := ownerOf(data)
	if exists && owner.uid == 0 {
		return namespace, namespace.try(ctx, bin)
	}
	candidates := []identity{owner}
	if !exists {
		candidates = unprivileged()
	}
	for _, c := range candidates {
		if c.reaches(home) && c.reaches(bin) {
			return c, nil
		}
	}
	if exists {
		return identity{}, fmt.Errorf("PostgreSQL does not run as root and user %d, who owns %s, cannot reach it: chmod o+x the directories above it", owner.uid, data)
	}
	if err := namespace.try(ctx, bin); err != nil {
		return identity{}, fmt.Errorf("PostgreSQL does not run as root, no other user can reach %s, and %w: choose a directory such as /var/tmp/sluice, or run as another user", home, err)
	}
	return namespace, nil
}

func ownerOf(dir string) (identity, bool) {
	info, err := os.Stat(dir)
	if err != nil {
		return identity{}, false
	}
	stat := info.Sys().(*syscall.Stat_t)
	return identity{uid: int(stat.Uid), gid: int(stat.Gid), dropped: true}, true
}

func unprivileged() []identity {
	var found []identity
	for _, name := range []string{"postgres", "nobody"} {
		u, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			found = append(found, identity{uid: uid, gid: gid, dropped: true})
		}
	}
	return found
}

// reaches reports whether the user may pass through every directory down to dir.
func (id identity) reaches(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || !id.passes(info) {
			return false
		}
		up := filepath.Dir(dir)
		if up == dir {
			return true
		}
		dir = up
	}
}

func (id identity) passes(info os.FileInfo) bool {
	stat, mode := info.Sys().(*syscall.Stat_t), info.Mode().Perm()
	switch {
	case int(stat.Uid) == id.uid:
		return mode&0o100 != 0
	case int(stat.Gid) == id.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// try runs a harmless command under the identity.
func (id identity) try(ctx context.Context, bin string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version")
	id.apply(cmd)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("a user namespace is not allowed here (%w)", err)
	}
	return nil
}

// apply makes cmd run under the identity, in its own process group, and die with us.
func (id identity) apply(cmd *exec.Cmd) {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	switch {
	case id.dropped:
		attr.Credential = &syscall.Credential{Uid: uint32(id.uid), Gid: uint32(id.gid)}
	case id.namespace:
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getegid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
}

// own gives a directory of ours to the identity.
func (id identity) own(dir string) error {
	if !id.dropped {
		return nil
	}
	return os.Chown(dir, id.uid, id.gid)
}

// owns reports whether a file belongs to the identity.
func (id identity) owns(info os.FileInfo) bool {
	uid := os.Geteuid()
	if id.dropped {
		uid = id.uid
	}
	return int(info.Sys().(*syscall.Stat_t).Uid) == uid
}

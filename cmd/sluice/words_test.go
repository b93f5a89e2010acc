package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestStartErrorsSayTheMend(t *testing.T) {
	t.Parallel()
	listen := func(cause error) error {
		return fmt.Errorf("listen on x: %w", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", cause)})
	}
	for _, c := range []struct {
		err  error
		says string
	}{
		{listen(syscall.EADDRINUSE), "host:1 is in use: stop what listens there, or choose another address with --addr"},
		{listen(syscall.EACCES), "this user may not listen on host:1: choose a port above 1023 with --addr"},
		{listen(syscall.EADDRNOTAVAIL), "host:1 is not an address of this machine: choose another with --addr"},
		{&net.OpError{Op: "listen", Err: &net.AddrError{Err: "missing port", Addr: "x"}}, "--addr host:1 is not host:port, such as 127.0.0.1:7070"},
		{&fs.PathError{Op: "mkdir", Path: "/srv/x", Err: syscall.EACCES}, "this user may not write /srv/x: change its owner or mode, or choose another directory with --dir"},
		{&net.OpError{Op: "listen", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)},
			"127.0.0.1:9 is in use: stop what listens there, or choose another address"}, // that of the metrics
		{errors.New("something else"), "something else"},
	} {
		if got := inWords("host:1", c.err); got.Error() != c.says {
			t.Errorf("%v:\n got %q\nwant %q", c.err, got, c.says)
		}
	}
	if inWords("host:1", nil) != nil {
		t.Error("nothing wrong became an error")
	}
}

func TestATakenPortIsToldBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = freeAddr(t.Context(), l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("got %v", err)
	}
}

func TestOneDirectoryServesOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release, err := claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(dir); err == nil || !strings.Contains(err.Error(), "another sluice dev is running in "+dir) {
		t.Errorf("claimed twice: %v", err)
	}
	release()
	release, err = claim(dir)
	if err != nil {
		t.Fatalf("not free after release: %v", err)
	}
	release()
}

func TestResetRemovesOnlyWhatIsOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name string) {
		t.Helper()
		if err := os.WriteFile(dir+"/"+name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("thesis.txt")
	put("pg")
	if err := reset(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/pg"); err != nil {
		t.Error("reset emptied a directory that was never ours")
	}
	put(stateFile)
	if err := reset(dir); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "thesis.txt" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestTheStateOfADirectoryIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := loadState(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadState(dir)
	if err != nil || again != first {
		t.Errorf("second start has other secrets, or %v", err)
	}
	info, err := os.Stat(dir + "/" + stateFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestBaseURLsCanBeReached(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:7070": "http://127.0.0.1:7070", ":7070": "http://localhost:7070", "0.0.0.0:80": "http://localhost:80", "[::]:1": "http://localhost:1",
	} {
		if got := baseURL(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

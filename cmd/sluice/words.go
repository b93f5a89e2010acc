package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

// inWords turns the errors that people meet when they start a server into one
// sentence with the mend. Other errors stay as they are.
func inWords(addr string, err error) error {
	var op *net.OpError
	flag := " with --addr"
	if errors.As(err, &op) && op.Addr != nil && portOf(op.Addr.String()) != portOf(addr) {
		addr, flag = op.Addr.String(), "" // another one than the API's
	}
	var dns *net.DNSError
	var parse *net.AddrError
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use: stop what listens there, or choose another address%s", addr, flag)
	case errors.Is(err, syscall.EACCES) && !errors.As(err, &path):
		return fmt.Errorf("this user may not listen on %s: choose a port above 1023%s", addr, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: choose another%s", addr, flag)
	case errors.As(err, &dns), errors.As(err, &parse):
		return cli.Usagef("--addr %s is not host:port, such as 127.0.0.1:7070", addr)
	case errors.Is(err, fs.ErrPermission) && errors.As(err, &path):
		return fmt.Errorf("this user may not write %s: change its owner or mode, or choose another directory with --dir", path.Path)
	}
	return err
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

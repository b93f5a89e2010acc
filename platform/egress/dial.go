package egress

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const (
	// dialTimeout bounds a dial with everything in it: names, addresses, the proxy.
	dialTimeout = 10 * time.Second
	// nextFamily is how long the first family of addresses is tried alone (RFC 8305).
	nextFamily = 300 * time.Millisecond
)

// dialer connects under a policy; plain is for connections without TLS.
type dialer struct {
	policy Policy
	plain  bool
}

// dial resolves, checks every address, and connects to one of exactly these.
func (d dialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, ErrRefused
	}
	port, err := parsePort(portText)
	if err != nil {
		return nil, err
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	trusted := !d.plain && d.policy.trusts(host)
	targets := make([]netip.AddrPort, len(addrs))
	for i, addr := range addrs {
		if !trusted {
			if err := d.policy.check(addr, port, d.plain); err != nil {
				return nil, err
			}
		}
		targets[i] = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	}
	if d.policy.Proxy != nil {
		return d.first(ctx, targets, d.tunnel)
	}
	return d.race(ctx, targets, d.direct(trusted))
}

// resolve is every address of a host, or the one it is.
func (d dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	addr, literal, err := literalAddr(host)
	switch {
	case err != nil:
		return nil, err
	case literal:
		return []netip.Addr{addr}, nil
	}
	resolver := d.policy.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	return resolver.LookupNetIP(ctx, "ip", host)
}

type connect func(context.Context, netip.AddrPort) (net.Conn, error)

// direct connects without a proxy. The socket's address is checked again where
// nothing can come between: just before the system call.
func (d dialer) direct(trusted bool) connect {
	via := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return ErrRefused
		}
		if trusted {
			return nil
		}
		return d.policy.check(to.Addr(), int(to.Port()), d.plain)
	}}
	return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return via.DialContext(ctx, "tcp", to.String())
	}
}

// first tries the targets one after the other, each with its share of the time left.
func (d dialer) first(ctx context.Context, targets []netip.AddrPort, connect connect) (conn net.Conn, err error) {
	err = &net.AddrError{Err: "egress: the name has no address"}
	for i, to := range targets {
		deadline, _ := ctx.Deadline()
		share := time.Until(deadline) / time.Duration(len(targets)-i)
		attempt, cancel := context.WithTimeout(ctx, share)
		conn, err = connect(attempt, to)
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return conn, err
}

// race tries the family of the first target, and the other one beside it once the
// first has failed or taken its time. Whoever connects first has won.
func (d dialer) race(ctx context.Context, targets []netip.AddrPort, connect connect) (net.Conn, error) {
	var families [2][]netip.AddrPort
	for _, to := range targets {
		second := 0
		if to.Addr().Is4() != targets[0].Addr().Is4() {
			second = 1
		}
		families[second] = append(families[second], to)
	}
	if len(families[1]) == 0 {
		return d.first(ctx, targets, connect)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result)
	try := func(targets []netip.AddrPort) {
		conn, err := d.first(ctx, targets, connect)
		select {
		case results <- result{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close()
			}
		}
	}
	go try(families[0])
	patience := time.NewTimer(nextFamily)
	defer patience.Stop()
	var failed error
	for started, ended := 1, 0; ; {
		select {
		case <-patience.C:
		case r := <-results:
			if r.err == nil {
				return r.conn, nil
			}
			if ended++; failed == nil {
				failed = r.err
			}
			if ended == 2 {
				return nil, failed
			}
		}
		if started == 1 {
			started = 2
			go try(families[1])
		}
	}
}

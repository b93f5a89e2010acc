package egress

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// names is a DNS server on UDP with answers of the test's choice.
type names struct {
	conn net.PacketConn

	mu    sync.Mutex
	asked map[string]int // look-ups so far, by name; a look-up asks for A and for AAAA
	say   map[string]func(lookup int) []netip.Addr
}

func newNames(t testing.TB) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn, asked: map[string]int{}, say: map[string]func(int) []netip.Addr{}}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n
}

// put makes the name have these addresses, always.
func (n *names) put(name string, addrs ...string) {
	n.change(name, func(int) []netip.Addr { return parseAll(addrs) })
}

// change makes the name have other addresses at each look-up, which is counted from 0.
func (n *names) change(name string, say func(lookup int) []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.say[name] = say
}

func parseAll(addrs []string) []netip.Addr {
	out := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		out[i] = netip.MustParseAddr(a)
	}
	return out
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

func (n *names) serve() {
	query := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(query)
		if err != nil {
			return
		}
		if answer := n.answer(query[:size]); answer != nil {
			_, _ = n.conn.WriteTo(answer, from)
		}
	}
}

const typeA, typeAAAA = 1, 28

// answer speaks just enough of RFC 1035: one question, addresses or NXDOMAIN.
func (n *names) answer(query []byte) []byte {
	const header = 12
	var labels []string
	at := header
	for at < len(query) && query[at] != 0 {
		size := int(query[at])
		if at+1+size >= len(query) {
			return nil
		}
		labels = append(labels, string(query[at+1:at+1+size]))
		at += 1 + size
	}
	if at+5 > len(query) {
		return nil
	}
	question := query[header : at+5]
	kind := binary.BigEndian.Uint16(query[at+1:])
	addrs, known := n.lookup(strings.ToLower(strings.Join(labels, ".")), kind)
	out := append([]byte{}, query[:2]...)
	out = append(out, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
	if !known {
		out[3] |= 3 // NXDOMAIN
	}
	out = append(out, question...)
	for _, addr := range addrs {
		raw := addr.AsSlice()
		if kind == typeA != (len(raw) == 4) {
			continue
		}
		out[7]++
		out = append(out, 0xc0, header, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(raw)))
		out = append(out, raw...)
	}
	return out
}

func (n *names) lookup(name string, kind uint16) ([]netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	say, known := n.say[name]
	if !known || kind != typeA && kind != typeAAAA {
		return nil, known
	}
	n.asked[name]++
	return say((n.asked[name] - 1) / 2), true
}

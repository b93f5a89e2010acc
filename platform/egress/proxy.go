package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// ErrProxy is the operator's proxy not doing its work: not there, or not for us.
var ErrProxy = errors.New("egress: the proxy failed")

// maxConnectAnswer bounds what a proxy may say before the tunnel stands.
const maxConnectAnswer = 16 << 10

// tunnel asks the proxy for a connection to an address that was checked.
func (d dialer) tunnel(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := d.dialProxy(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProxy, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	through, err := d.ask(conn, to)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set or about to be: this connection is spoilt
	}
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return through, nil
}

func (d dialer) dialProxy(ctx context.Context) (net.Conn, error) {
	proxy := d.policy.Proxy
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	address := net.JoinHostPort(proxy.Hostname(), port)
	if proxy.Scheme == "https" {
		secure := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		return secure.DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

func (d dialer) ask(conn net.Conn, to netip.AddrPort) (net.Conn, error) {
	request := "CONNECT " + to.String() + " HTTP/1.1\r\nHost: " + to.String() + "\r\n"
	if user := d.policy.Proxy.User; user != nil {
		password, _ := user.Password()
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProxy, err)
	}
	buffered := bufio.NewReader(io.LimitReader(conn, maxConnectAnswer))
	res, err := http.ReadResponse(buffered, &http.Request{Method: http.MethodConnect})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: no answer to CONNECT", ErrProxy) // the cause may quote what it sent
	case res.StatusCode == http.StatusForbidden:
		return nil, ErrRefused
	case res.StatusCode == http.StatusBadGateway, res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusGatewayTimeout:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: errors.New("not reached by the proxy")}
	case res.StatusCode != http.StatusOK || buffered.Buffered() > 0: // a client speaks first in TLS and HTTP
		return nil, fmt.Errorf("%w: CONNECT answered with status %d", ErrProxy, res.StatusCode)
	}
	return tunneled{conn, net.TCPAddrFromAddrPort(to)}, nil
}

// tunneled is a connection whose other end is behind the proxy.
type tunneled struct {
	net.Conn
	to net.Addr
}

func (t tunneled) RemoteAddr() net.Addr { return t.to }

// ParseProxy reads the operator's word for a proxy. Its errors show none of it:
// there may be a password inside.
func ParseProxy(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("want http://[user:password@]host:port or https://…")
	}
	return u, nil
}

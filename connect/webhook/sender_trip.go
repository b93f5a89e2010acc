package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sluicepay/sluice/platform/egress"
)

// trip watches one try. net/http may go on dialling for later requests when ours has
// found another connection meanwhile: steps are atomic, and what of them belongs to
// our connection is settled the moment we have it.
type trip struct {
	start                          time.Time
	dns, connected, secured, first atomic.Int64 // nanoseconds since start, 0 for not yet
	securing                       atomic.Bool
	got                            atomic.Bool
	remoteIP                       string // of the connection, as these steps are:
	taken                          Steps  // both are written before Do returns and read after
}

func newTrip() *trip { return &trip{start: time.Now()} }

func (t *trip) sofar() time.Duration { return time.Since(t.start) }

// mark notes a step once: what comes later is the other family of addresses, or the
// operator's proxy.
func (t *trip) mark(step *atomic.Int64) { step.CompareAndSwap(0, int64(t.sofar())) }

func (t *trip) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { t.mark(&t.dns) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				t.mark(&t.connected)
			}
		},
		TLSHandshakeStart: func() {
			t.connected.Store(int64(t.sofar())) // behind a proxy this is when its tunnel stood
			t.securing.Store(true)
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				t.mark(&t.secured)
				t.securing.Store(false)
			}
		},
		GotConn:              t.take,
		GotFirstResponseByte: func() { t.mark(&t.first) },
	})
}

func (t *trip) take(c httptrace.GotConnInfo) {
	t.got.Store(true)
	t.taken, t.remoteIP = Steps{}, ""
	if !c.Reused {
		t.taken = t.steps()
	}
	if to, ok := c.Conn.RemoteAddr().(*net.TCPAddr); ok {
		t.remoteIP = to.IP.String()
	}
}

func (t *trip) steps() Steps {
	return Steps{DNS: time.Duration(t.dns.Load()), Connect: time.Duration(t.connected.Load()), TLS: time.Duration(t.secured.Load())}
}

func (t *trip) answered(status int) Answer {
	t.taken.FirstByte = time.Duration(t.first.Load())
	a := Answer{Status: status, RemoteIP: t.remoteIP, Steps: t.taken}
	switch {
	case a.Delivered():
	case status >= 300 && status <= 399:
		a.Failure = FailureRedirect
	default:
		a.Failure = FailureStatus
	}
	return a
}

func (t *trip) failed(err error) Answer {
	a := Answer{Failure: t.name(err), Duration: t.sofar(), Steps: t.taken}
	if t.got.Load() {
		a.RemoteIP = t.remoteIP
		a.Steps.FirstByte = time.Duration(t.first.Load())
	} else {
		a.Steps = t.steps()
	}
	return a
}

// name is a failure's class. Its text may hold the URL's query and is never used.
func (t *trip) name(err error) string {
	var (
		dns     *net.DNSError
		timeout net.Error
		op      *net.OpError
		cert    *tls.CertificateVerificationError
	)
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case errors.Is(err, egress.ErrRefused):
		return FailureRefused
	case errors.Is(err, egress.ErrProxy):
		return FailureProxy
	case errors.As(err, &dns):
		return FailureDNS
	case late && t.got.Load():
		return FailureResponseTimeout
	case late:
		return FailureConnectTimeout
	case errors.As(err, &cert), t.securing.Load() && !t.got.Load():
		return FailureTLS
	case errors.As(err, &op) && op.Op == "dial":
		return FailureConnect
	case !t.got.Load():
		return FailureOther
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return FailureReset
	case t.first.Load() > 0:
		return FailureMalformed
	}
	return FailureOther
}

package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/rest"
)

func TestAnotherProtocolPassesTheAccessLogAsSwitched(t *testing.T) {
	log, status := &syncBuffer{}, atomic.Int64{}
	s := rest.New(rest.Config{
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Observe: func(_, _ string, code int, _ time.Duration) { status.Store(int64(code)) },
	})
	s.Mount(rest.Route{Method: "GET", Path: "/echo", Public: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		line, _ := buffered.ReadString('\n')
		_, _ = io.WriteString(conn, strings.ToUpper(line))
	})})
	done := make(chan struct{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		s.ServeHTTP(w, r)
	}))
	defer front.Close()
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\nhello\n")
	if got, _ := bufio.NewReader(conn).ReadString('\n'); got != "HELLO\n" {
		t.Errorf("%q", got)
	}
	<-done
	if status.Load() != http.StatusSwitchingProtocols || !strings.Contains(log.String(), "status=101") {
		t.Errorf("%d %s", status.Load(), log)
	}
}

package rest

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// anybody knows everybody.
type anybody struct{}

func (anybody) Authenticate(context.Context, string) (Principal, error) {
	return Principal{KeyID: "key_1", Account: "acct_1", Kind: Secret}, nil
}

func TestABodyThatDoesNotArriveGivesItsPlaceBack(t *testing.T) {
	s := New(Config{Authenticator: anybody{}, Limits: Limits{InHand: 1}, Log: slog.New(slog.DiscardHandler)})
	s.bodyTime = 50 * time.Millisecond
	s.Mount(Route{Method: "POST", Path: "/v1/x", Resource: "x", Publishable: true, Handler: s.Read(func(context.Context, *Request) (any, error) {
		return map[string]bool{"ok": true}, nil
	})})
	server := httptest.NewServer(s)
	defer server.Close()
	for _, authorization := range []string{"Authorization: Bearer sk_test_1\r\n", ""} { // with the key before the body, and in it
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /v1/x HTTP/1.1\r\nHost: x\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nkey=", authorization); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode < 400 || answer.StatusCode >= 500 || s.InHand() != 0 {
			t.Errorf("answered %d, %d requests in hand", answer.StatusCode, s.InHand())
		}
	}
}

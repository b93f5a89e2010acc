package bench

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/platform/client"
)

// hall is where all receivers stand, the healthy and the dead.
type hall struct {
	api   *client.Client
	score *score
	end   []func()
}

func (h *hall) close() {
	for _, end := range h.end {
		end()
	}
}

// open registers the healthy endpoints, each for the types it wants.
func (h *hall) open(ctx context.Context, wanted map[string][]int, endpoints int) error {
	types := make([][]string, endpoints)
	for typ, takers := range wanted {
		for _, i := range takers {
			types[i] = append(types[i], typ)
		}
	}
	for i := range endpoints {
		r := &receiver{score: h.score, endpoint: i}
		address, err := h.listen(r)
		if err != nil {
			return err
		}
		key, err := h.register(ctx, h.api, "http://"+address+"/hook", types[i], true)
		if err != nil {
			return err
		}
		r.key.Store(&key)
	}
	return nil
}

// listen serves on a free port; every receiver has its own, as receivers in the world have.
func (h *hall) listen(handler http.Handler) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	h.end = append(h.end, func() { _ = server.Close() })
	return l.Addr().String(), nil
}

func (h *hall) register(ctx context.Context, c *client.Client, address string, types []string, connect bool) (secret string, err error) {
	var made struct{ Secret string }
	err = c.Post(ctx, "/v1/webhook_endpoints", url.Values{
		"url": {address}, "enabled_events[]": types, "connect": {strconv.FormatBool(connect)},
	}, &made)
	return made.Secret, err
}

// receiver is a healthy endpoint.
type receiver struct {
	score    *score
	endpoint int
	key      atomic.Pointer[string] // known only when the endpoint is registered, which is after it listens
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	at := time.Now()
	if err != nil {
		return // cut off: it will come again
	}
	var e struct{ ID string }
	if !signed(req.Header.Get("Stripe-Signature"), *r.key.Load(), body) || json.Unmarshal(body, &e) != nil {
		r.score.forgery()
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.score.arrive(r.endpoint, e.ID, at)
}

// signed checks a Stripe-Signature as Stripe's libraries do, less the clock.
func signed(header, key string, body []byte) bool {
	stamp, rest, _ := strings.Cut(header, ",")
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.TrimPrefix(stamp, "t=") + "."))
	mac.Write(body)
	want := hex.EncodeToString(mac.Sum(nil))
	for part := range strings.SplitSeq(rest, ",") {
		if value, ok := strings.CutPrefix(part, "v1="); ok && hmac.Equal([]byte(value), []byte(want)) {
			return true
		}
	}
	return false
}

// deadEach bounds the dead endpoints of one account.
const deadEach = 50

// bury registers n dead endpoints, of the three kinds and of the accounts in turn.
func (h *hall) bury(ctx context.Context, accounts []string, n int) error {
	full, err := h.full()
	if err != nil {
		return err
	}
	mute, err := h.raw(func(c net.Conn, ended <-chan struct{}) { <-ended })
	if err != nil {
		return err
	}
	drip, err := h.raw(dripping)
	if err != nil {
		return err
	}
	kinds := []string{full, mute, drip}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(makers)
	for i := range n {
		group.Go(func() error {
			c := *h.api
			c.Account = accounts[i%len(accounts)]
			_, err := h.register(ctx, &c, "http://"+kinds[i%len(kinds)]+"/dead/"+strconv.Itoa(i), []string{deadType}, false)
			return err
		})
	}
	return group.Wait()
}

// raw hands every connection to talk, which ends with the hall.
func (h *hall) raw(talk func(c net.Conn, ended <-chan struct{})) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				talk(c, ended)
			}()
		}
	}()
	h.end = append(h.end, func() { close(ended); _ = l.Close() })
	return l.Addr().String(), nil
}

// dripping answers with a byte a second, until the sender has had enough.
func dripping(c net.Conn, ended <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
	}
}

// full is a socket that accepts nothing and whose queue is full, so that nobody even connects.
func (h *hall) full() (address string, err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", err
	}
	h.end = append(h.end, func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		return "", err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return "", err
	}
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address, nil
		}
		h.end = append(h.end, func() { _ = c.Close() })
	}
}

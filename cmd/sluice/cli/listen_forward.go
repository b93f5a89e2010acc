package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	// forwardTimeout is how long a developer's application may think about an event.
	forwardTimeout = 30 * time.Second
	// firstTry and longestTry bound the wait before an application that is down is tried again.
	firstTry, longestTry = 100 * time.Millisecond, 2 * time.Second
)

// target is a URL on the developer's machine that events go on to.
type target struct {
	url    string
	shown  string // without what may be secret
	header http.Header
	http   *http.Client
	tell   func(text string)

	mu   sync.Mutex
	down bool
}

// portFirst is a port, perhaps with a path.
var portFirst = regexp.MustCompile(`^\d{1,5}(/|$)`)

// targetURL completes what people type: 3000, :3000/hooks, localhost:3000/hooks, /hooks.
func targetURL(flag, given string) (*url.URL, error) {
	full := given
	switch {
	case portFirst.MatchString(given):
		full = "localhost:" + given
	case strings.HasPrefix(given, "/"), strings.HasPrefix(given, ":"):
		full = "localhost" + given
	}
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, Usagef("--%s: give a URL such as http://localhost:3000/webhooks", flag)
	}
	return u, nil
}

func newTarget(flag, given string, header http.Header, skipVerify bool, tell func(string)) (*target, error) {
	u, err := targetURL(flag, given)
	if err != nil {
		return nil, err
	}
	return &target{
		url: u.String(), shown: u.Scheme + "://" + u.Host + u.Path, header: header, tell: tell,
		http: &http.Client{
			Timeout:       forwardTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				TLSClientConfig:     &tls.Config{InsecureSkipVerify: skipVerify}, // the developer said so, of a machine of their own
				MaxIdleConnsPerHost: 64,
				IdleConnTimeout:     30 * time.Second,
			},
		},
	}, nil
}

// headers reads what --headers says: name:value.
func headers(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found || name == "" || strings.ContainsAny(name+value, "\r\n\x00") {
			return nil, Usagef("--headers: write them as name:value")
		}
		h.Add(name, value)
	}
	return h, nil
}

// forward posts an event until the application answers. One that is down is tried
// again for as long as ctx lasts: the event is not acknowledged, so it is not lost.
// An application that takes an event and then says nothing in time has had it; that
// is told as status 0.
func (t *target) forward(ctx context.Context, p pushed) (status int, body string, took time.Duration, ok bool) {
	for wait := firstTry; ; wait = min(2*wait, longestTry) {
		start := time.Now()
		status, body, err := t.post(ctx, p)
		took := time.Since(start)
		switch {
		case err == nil:
			t.up()
			return status, body, took, true
		case ctx.Err() != nil:
			return 0, "", 0, false
		case timedOut(err) && took >= forwardTimeout:
			return 0, "", took, true
		}
		t.fails(err)
		select {
		case <-ctx.Done():
			return 0, "", 0, false
		case <-time.After(wait):
		}
	}
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func (t *target) post(ctx context.Context, p pushed) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader([]byte(p.Payload)))
	if err != nil {
		return 0, "", err
	}
	for name, value := range p.Headers {
		req.Header.Set(name, value)
	}
	for name, values := range t.header {
		if name == "Host" {
			req.Host = values[0]
			continue
		}
		req.Header[name] = values
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	return resp.StatusCode, clip(resp.Body), nil
}

// fails says once that the application is down, up once that it is back.
func (t *target) fails(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.down {
		t.down = true
		t.tell(fmt.Sprintf("%s does not answer (%v); trying again until it does, nothing is lost", t.shown, cause(err)))
	}
}

func (t *target) up() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		t.down = false
		t.tell(t.shown + " answers again")
	}
}

// cause is an error without the URL, which may hold a secret.
func cause(err error) error {
	if in, ok := errors.AsType[*url.Error](err); ok {
		err = in.Err
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("its certificate is not trusted: %w; --skip-verify accepts it", bad.Err)
	}
	return err
}

// Package client speaks our public API as our own commands need it: any path,
// parameters as the API spells them, answers as JSON. Programs of others use a
// Stripe SDK.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/secret"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// Client calls one server with one key. It is safe for concurrent use.
type Client struct {
	BaseURL string      // without a slash at the end
	Key     secret.Text // sk_…, rk_… or pk_…
	Account string      // connected account to act for, or ""
	HTTP    *http.Client
}

// New is a client with connections of its own, for up to conns calls at a time.
func New(baseURL string, key secret.Text, conns int) *Client {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConns:        conns,
		MaxIdleConnsPerHost: conns,
		IdleConnTimeout:     30 * time.Second,
	}
	return &Client{BaseURL: strings.TrimRight(baseURL, "/"), Key: key, HTTP: &http.Client{Transport: transport, Timeout: 2 * time.Minute}}
}

// Close gives back idle connections.
func (c *Client) Close() { c.HTTP.CloseIdleConnections() }

// Error is an answer of the API that is not a success.
type Error struct {
	Status      int
	RequestID   string
	Type        string `json:"type"`
	Code        string `json:"code"`
	Param       string `json:"param"`
	Message     string `json:"message"`
	DeclineCode string `json:"decline_code"`
}

func (e *Error) Error() string { return e.Message }

// ErrUnreachable is in every error about a server that did not answer.
var ErrUnreachable = errors.New("the server did not answer")

// unreachable keeps the cause beside ErrUnreachable, without repeating the URL.
type unreachable struct {
	base  string
	cause error
}

func (u *unreachable) Error() string {
	cause := u.cause
	var inURL *url.Error
	if errors.As(cause, &inURL) {
		cause = inURL.Err
	}
	return fmt.Sprintf("%s does not answer: %v", u.base, cause)
}

func (u *unreachable) Unwrap() []error { return []error{ErrUnreachable, u.cause} }

// Get reads path, which may hold a query, with params added to it, into what the JSON answer fits.
func (c *Client) Get(ctx context.Context, path string, params url.Values, into any) error {
	if len(params) > 0 {
		glue := "?"
		if strings.Contains(path, "?") {
			glue = "&"
		}
		path += glue + params.Encode()
	}
	return c.call(ctx, http.MethodGet, path, nil, "", "", into)
}

// Post sends params to path under an idempotency key of its own.
func (c *Client) Post(ctx context.Context, path string, params url.Values, into any) error {
	return c.PostOnce(ctx, path, params, rand.Text(), into)
}

// PostOnce is Post under the given idempotency key: whatever happens on the
// way, calling it again has the same one effect.
func (c *Client) PostOnce(ctx context.Context, path string, params url.Values, key string, into any) error {
	return c.call(ctx, http.MethodPost, path, strings.NewReader(params.Encode()), formType, key, into)
}

// Delete removes what path names.
func (c *Client) Delete(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodDelete, path, nil, "", "", into)
}

const formType = "application/x-www-form-urlencoded"

func (c *Client) call(ctx context.Context, method, path string, body io.Reader, contentType, key string, into any) error {
	resp, err := c.do(ctx, method, path, body, contentType, key)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &unreachable{base: c.BaseURL, cause: err}
	}
	return decode(answer, into)
}

// Download writes a file of the API, which may be of any size, and returns how
// many bytes came. Fewer than were announced is an error.
func (c *Client) Download(ctx context.Context, path string, w io.Writer) (int64, error) {
	resp, err := c.do(ctx, http.MethodGet, path, nil, "", "")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(w, resp.Body)
	if err != nil {
		return n, fmt.Errorf("download %s: %w", path, err)
	}
	return n, nil
}

// do is one call whose answer is a success.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader, contentType, key string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.BaseURL+path, body)
	if err != nil {
		return nil, fmt.Errorf("not a URL of the API: %s", path)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key.Reveal())
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if c.Account != "" {
		req.Header.Set("Sluice-Account", c.Account)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, &unreachable{base: c.BaseURL, cause: err}
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &unreachable{base: c.BaseURL, cause: err}
	}
	return nil, refusal(resp, answer)
}

// refusal reads the error object; what is not one of ours (a proxy's page) is told by its status.
func refusal(resp *http.Response, answer []byte) error {
	var body struct{ Error *Error }
	if json.Unmarshal(answer, &body) != nil || body.Error == nil || body.Error.Message == "" {
		body.Error = &Error{Message: "the server answered " + resp.Status}
	}
	body.Error.Status = resp.StatusCode
	body.Error.RequestID = resp.Header.Get("Request-Id")
	return body.Error
}

// decode keeps numbers exact when into is json.RawMessage or a struct of integers; nil reads nothing.
func decode(answer []byte, into any) error {
	switch into := into.(type) {
	case nil:
		return nil
	case *json.RawMessage:
		*into = bytes.TrimSpace(answer)
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the server's answer is not what this command understands: %w", err)
	}
	return nil
}

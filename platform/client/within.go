package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/sluicepay/sluice/platform/secret"
)

// Within is a client that calls handler in this process, on behalf of the request
// from: whoever asks the page is whom the API sees at the other end.
func Within(handler http.Handler, key secret.Text, from *http.Request) *Client {
	return &Client{BaseURL: "http://sluice.internal", Key: key, HTTP: &http.Client{Transport: within{handler, from}}}
}

// within carries requests to a handler. The answer is read while it is written, so a
// download of any size passes through.
type within struct {
	handler http.Handler
	from    *http.Request
}

var errCutOff = errors.New("the answer was cut off")

func (t within) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if t.from != nil {
		in.RemoteAddr = t.from.RemoteAddr
		for _, name := range []string{"X-Forwarded-For", "User-Agent"} {
			if value := t.from.Header.Values(name); len(value) > 0 {
				in.Header[name] = value
			}
		}
	}
	reader, writer := io.Pipe()
	a := &answer{header: http.Header{}, body: writer, begun: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { // a handler that panics has cut its answer off
			cause := recover()
			if a.WriteHeader(http.StatusInternalServerError); cause != nil {
				_ = writer.CloseWithError(errCutOff)
				return
			}
			_ = writer.Close()
		}()
		t.handler.ServeHTTP(a, in)
		a.WriteHeader(http.StatusOK)
	}()
	<-a.begun
	response := &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Request: r, ContentLength: -1,
		Body: &answerBody{Reader: reader, close: func() error {
			cancel()
			err := reader.Close()
			<-ended // what the handler holds is given back before the caller goes on
			return err
		}},
	}
	if n, err := strconv.ParseInt(a.sent.Get("Content-Length"), 10, 64); err == nil {
		response.ContentLength = n
	}
	return response, nil
}

// answer is the http.ResponseWriter of a call within.
type answer struct {
	header http.Header
	sent   http.Header // as it was when the answer began
	status int
	body   *io.PipeWriter
	once   sync.Once
	begun  chan struct{}
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	})
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

type answerBody struct {
	io.Reader
	once  sync.Once
	close func() error
}

func (b *answerBody) Close() (err error) {
	b.once.Do(func() { err = b.close() })
	return err
}

package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
)

func within(h http.HandlerFunc) *client.Client {
	from := httptest.NewRequest(http.MethodGet, "/dashboard", nil)
	from.RemoteAddr = "192.0.2.7:4711"
	from.Header.Set("Cookie", "session=secret")
	return client.Within(h, secret.New("dsk_1"), from)
}

func TestACallWithinLooksLikeOneFromWhoAskedThePage(t *testing.T) {
	c := within(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if r.RemoteAddr != "192.0.2.7:4711" || r.Header.Get("Authorization") != "Bearer dsk_1" || r.Header.Get("Cookie") != "" ||
			r.RequestURI != "/v1/refunds" || r.PostForm.Get("charge") != "ch_1" || r.Header.Get("Idempotency-Key") != "once" {
			t.Errorf("%s from %s with %v %v", r.RequestURI, r.RemoteAddr, r.Header, r.PostForm)
		}
		_, _ = io.WriteString(w, `{"id": "re_1"}`)
	})
	var made struct{ ID string }
	if err := c.PostOnce(t.Context(), "/v1/refunds", url.Values{"charge": {"ch_1"}}, "once", &made); err != nil || made.ID != "re_1" {
		t.Errorf("%v %+v", err, made)
	}
}

func TestARefusalWithinIsTheServersOwnError(t *testing.T) {
	c := within(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Request-Id", "req_1")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error": {"message": "No."}}`)
	})
	var refused *client.Error
	if err := c.Get(t.Context(), "/v1/x", nil, nil); !errors.As(err, &refused) || refused.Status != 403 || refused.RequestID != "req_1" {
		t.Errorf("got %+v", refused)
	}
}

func TestADownloadWithinPassesThroughAndEndsWhenItIsCutOff(t *testing.T) {
	part := strings.Repeat("x", 1<<16)
	cut := false
	c := within(func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			if _, err := io.WriteString(w, part); err != nil {
				t.Error(err)
			}
		}
		if cut {
			panic(http.ErrAbortHandler)
		}
	})
	var whole bytes.Buffer
	if n, err := c.Download(t.Context(), "/v1/files/1/contents", &whole); err != nil || n != int64(100*len(part)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	cut = true
	if _, err := c.Download(t.Context(), "/v1/files/1/contents", io.Discard); err == nil {
		t.Error("half a file looks like a whole one")
	}
}

// full is a writer whose disk is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAHandlerWithinEndsBeforeItsCallerGoesOn(t *testing.T) {
	ended := false
	c := within(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended = true }()
		for {
			if _, err := io.WriteString(w, "more"); err != nil {
				<-r.Context().Done()
				return
			}
		}
	})
	if _, err := c.Download(t.Context(), "/v1/endless", full{}); err == nil {
		t.Error("a full disk is no error")
	}
	if !ended {
		t.Error("the handler still runs")
	}
}

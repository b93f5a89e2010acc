package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
)

func serving(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := client.New(server.URL+"/", secret.New("sk_test_1"), 1)
	t.Cleanup(c.Close)
	return c
}

func TestACallCarriesKeyAccountAndParameters(t *testing.T) {
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, want := range map[string]string{
			"Authorization": "Bearer sk_test_1", "Sluice-Account": "acct_1", "Idempotency-Key": "once", "Content-Type": "application/x-www-form-urlencoded",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if r.URL.Path != "/v1/charges" || string(body) != "amount=5" {
			t.Errorf("%s %s", r.URL, body)
		}
		_, _ = io.WriteString(w, `{"id": "ch_1", "amount": 9007199254740993}`)
	})
	c.Account = "acct_1"
	var raw json.RawMessage
	if err := c.PostOnce(t.Context(), "/v1/charges", url.Values{"amount": {"5"}}, "once", &raw); err != nil {
		t.Fatal(err)
	}
	if string(raw) != `{"id": "ch_1", "amount": 9007199254740993}` {
		t.Errorf("the answer changed: %s", raw)
	}
}

func TestEveryPostHasAKeyOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	c := serving(t, func(_ http.ResponseWriter, r *http.Request) { seen[r.Header.Get("Idempotency-Key")] = true })
	for range 2 {
		if err := c.Post(t.Context(), "/v1/refunds", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 2 || seen[""] {
		t.Errorf("keys: %v", seen)
	}
}

func TestAnUploadIsAFileBesideItsParameters(t *testing.T) {
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		content, _ := io.ReadAll(file)
		if header.Filename != "logo.png" || string(content) != "a picture" || r.FormValue("purpose") != "business_logo" ||
			r.Header.Get("Idempotency-Key") == "" {
			t.Errorf("got %s %q %v", header.Filename, content, r.Form)
		}
		_, _ = io.WriteString(w, `{"id": "file_1"}`)
	})
	var made struct{ ID string }
	if err := c.Upload(t.Context(), "/v1/files", url.Values{"purpose": {"business_logo"}}, "logo.png", []byte("a picture"), &made); err != nil {
		t.Fatal(err)
	}
	if made.ID != "file_1" {
		t.Errorf("got %+v", made)
	}
}

func TestQueriesJoin(t *testing.T) {
	c := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "payout=po_1&limit=5" {
			t.Errorf("query %s", r.URL.RawQuery)
		}
	})
	if err := c.Get(t.Context(), "/v1/x?payout=po_1", url.Values{"limit": {"5"}}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestARefusalIsTheServersOwnError(t *testing.T) {
	c := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Request-Id", "req_1")
		w.WriteHeader(http.StatusPaymentRequired)
		_, _ = io.WriteString(w, `{"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "message": "Your card was declined."}}`)
	})
	var refused *client.Error
	if err := c.Get(t.Context(), "/v1/x", nil, nil); !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if refused.Status != 402 || refused.RequestID != "req_1" || refused.DeclineCode != "lost_card" || refused.Error() != "Your card was declined." {
		t.Errorf("got %+v", refused)
	}
}

func TestAPageOfAProxyIsToldByItsStatus(t *testing.T) {
	c := serving(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) })
	if err := c.Get(t.Context(), "/v1/x", nil, nil); err == nil || err.Error() != "the server answered 502 Bad Gateway" {
		t.Errorf("got %v", err)
	}
}

func TestNoAnswerIsUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := client.New(server.URL, secret.New("sk_test_1"), 1)
	if err := c.Get(t.Context(), "/v1/x", nil, nil); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

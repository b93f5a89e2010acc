package mail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicepay/sluice/platform/mail"
)

func TestOnlyPlainAddressesAreAddresses(t *testing.T) {
	for _, good := range []string{"ada@example.com", "a.b+c@sub.example.co.hk", "x@localhost"} {
		if !mail.Address(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{
		"", "ada", "@example.com", "ada@", "ada@@example.com", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\n", "Ada <ada@example.com>",
		`"a b"@example.com`, "ada@example.com,eve@example.com", "ada@[127.0.0.1]", "ada(x)@example.com", "ada@exa mple.com", "ada@-example.com",
		"ada@example..com", ".ada@example.com", "adä@example.com", "ada@example.com\x00", strings.Repeat("a", 65) + "@example.com", "ada@" + strings.Repeat("a", 64) + ".com",
	} {
		if mail.Address(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// flaky is a sender that fails as often as told.
type flaky struct {
	mu    sync.Mutex
	fails []error
	got   []mail.Message
	tries int
	last  time.Time
}

func (f *flaky) Send(_ context.Context, m mail.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries, f.last = f.tries+1, time.Now()
	if len(f.fails) > 0 {
		err := f.fails[0]
		f.fails = f.fails[1:]
		return err
	}
	f.got = append(f.got, m)
	return nil
}

var code = mail.Message{To: "ada@example.com", Subject: "123456 is your code", Text: "Your code is 123456"}

func TestQueueTriesAgainWithLongerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := &flaky{fails: []error{errors.New("down"), errors.New("down")}}
		q := mail.NewQueue(sender, mail.QueueConfig{Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- q.Run(ctx) }()
		start := time.Now()
		if !q.Post(code) {
			t.Fatal("an empty queue is full")
		}
		time.Sleep(time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(sender.got) != 1 || sender.tries != 3 || sender.last.Sub(start) != 3*time.Second {
			t.Fatalf("sent %d after %d tries in %s", len(sender.got), sender.tries, sender.last.Sub(start))
		}
	})
}

func TestQueueGivesUpAndShowsNothingInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		sender := &flaky{fails: []error{mail.ErrPermanent, errors.New("down"), errors.New("down")}}
		q := mail.NewQueue(sender, mail.QueueConfig{Attempts: 2, Workers: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- q.Run(ctx) }()
		q.Post(code)                                    // refused for ever
		q.Post(code)                                    // down twice
		q.Post(mail.Message{To: "ada@example.com\r\n"}) // never tried
		q.Post(code)
		time.Sleep(time.Minute)
		stop()
		<-done
		if len(sender.got) != 1 || sender.tries != 4 {
			t.Fatalf("sent %d after %d tries", len(sender.got), sender.tries)
		}
		if strings.Contains(log.String(), "ada") || strings.Contains(log.String(), "123456") || strings.Count(log.String(), "given up") != 3 {
			t.Fatalf("log:\n%s", log.String())
		}
	})
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	q := mail.NewQueue(&flaky{}, mail.QueueConfig{Size: 2})
	if !q.Ready() || !q.Post(code) || !q.Post(code) {
		t.Fatal("refused too early")
	}
	if q.Ready() || q.Post(code) {
		t.Fatal("a full queue takes more")
	}
}

func TestStoppingQueueSendsWhatItHas(t *testing.T) {
	sender := &flaky{}
	q := mail.NewQueue(sender, mail.QueueConfig{})
	for range 20 {
		q.Post(code)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := q.Run(ctx); err != nil || len(sender.got) != 20 {
		t.Fatalf("sent %d, %v", len(sender.got), err)
	}
}

func TestInboxKeepsTheNewestAndShowsThem(t *testing.T) {
	box := mail.NewInbox()
	for range 250 {
		if err := box.Send(t.Context(), code); err != nil {
			t.Fatal(err)
		}
	}
	_ = box.Send(t.Context(), mail.Message{To: "bea@example.com", Subject: "<b>Hello</b>", Text: "Open http://localhost/x?a=1&b=2 now <script>alert(1)</script>"})
	if all := box.Mails(""); len(all) != 200 || all[0].To != "bea@example.com" || len(box.Mails("BEA@example.com")) != 1 {
		t.Fatalf("%d mails", len(all))
	}
	server := httptest.NewServer(box)
	defer server.Close()
	get := func(accept string) (*http.Response, string) {
		r, _ := http.NewRequest("GET", server.URL+"?to=bea@example.com", nil)
		r.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res, string(body)
	}
	res, page := get("text/html")
	policy := res.Header.Get("Content-Security-Policy")
	if strings.Contains(page, "<script>") || strings.Contains(page, "<b>Hello") || !strings.Contains(page, `<a href="http://localhost/x?a=1&amp;b=2">`) {
		t.Errorf("page:\n%s", page)
	}
	if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("policy %q", policy)
	}
	_, body := get("application/json")
	var list struct{ Data []mail.Received }
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Data) != 1 || list.Data[0].Subject != "<b>Hello</b>" {
		t.Errorf("%v %s", err, body)
	}
	cross, _ := http.NewRequest("POST", server.URL, nil)
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, err := http.DefaultClient.Do(cross); err != nil || res.StatusCode != 403 || len(box.Mails("")) == 0 {
		t.Errorf("another site cleared the inbox: %v %v", res, err)
	}
	if res, err := http.Post(server.URL, "application/x-www-form-urlencoded", nil); err != nil || res.StatusCode != 200 || len(box.Mails("")) != 0 {
		t.Errorf("clear: %v %v", res, err)
	}
}

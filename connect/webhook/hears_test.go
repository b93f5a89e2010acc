package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
)

func ofAccounts(url string) webhook.NewEndpoint {
	e := all(url)
	e.Connect = true
	return e
}

func TestAPlatformHearsNothingOfAnAccountItHasLostButThatItLostIt(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	connected, _ := p.endpoint(t, hub, ofAccounts("http://127.0.0.1:1/connect"))
	own, _ := p.endpoint(t, hub, all("http://127.0.0.1:1/own"))

	p.happen(t, tutor, "account.updated")
	p.lost.Store(tutor, true)
	p.happen(t, tutor, "account.updated")
	p.happen(t, tutor, "payout.paid")
	p.happen(t, "acct_neighbour", "account.updated")
	p.happen(t, tutorHub, "charge.succeeded")
	p.happen(t, tutor, webhook.Deauthorized)

	var heard []string
	for _, d := range p.deliveries(t, connected.ID) {
		heard = append([]string{d.EventType}, heard...)
	}
	if len(heard) != 3 || heard[0] != "account.updated" || heard[1] != "account.updated" || heard[2] != webhook.Deauthorized {
		t.Errorf("the platform hears %v", heard)
	}
	if got := p.deliveries(t, own.ID); len(got) != 1 || got[0].EventType != "charge.succeeded" {
		t.Errorf("of itself it hears %v", got)
	}
}

func TestARetryStopsWhenTheAccountIsLost(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 20 * time.Millisecond})
	server := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	e, _ := p.endpoint(t, hub, ofAccounts(server.URL))
	p.happen(t, tutor, "account.updated")
	stop := p.run(t)
	until(t, "the first try failed", func() bool {
		d := p.deliveries(t, e.ID)
		return len(d) == 1 && d[0].Attempts == 1 && d[0].NextAttemptAt.Before(time.Now().Add(time.Hour)) && server.count() == 1
	})
	stop()
	p.lost.Store(tutor, true)
	if _, err := p.pool.ExecContext(t.Context(), "UPDATE connect.webhook_deliveries SET next_attempt_at = now()"); err != nil {
		t.Fatal(err)
	}
	p.happen(t, tutor, webhook.Deauthorized)
	p.run(t)
	until(t, "the retry is kept back and the last word delivered", func() bool {
		d := p.deliveries(t, e.ID)
		return d[1].Status == webhook.Undelivered && d[0].Status == webhook.Delivered
	})
	if n := server.count(); n != 2 {
		t.Errorf("%d requests, want the first try and the deauthorization", n)
	}
}

func TestThePayloadOfALostAccountIsNotShownEither(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, ofAccounts("https://example.com/"))
	p.happen(t, tutor, "account.updated")
	p.happen(t, tutor, webhook.Deauthorized)
	last, kept := p.deliveries(t, e.ID)[0], p.deliveries(t, e.ID)[1]
	shown := func(d webhook.Delivery) bool {
		t.Helper()
		body, err := p.endpoints.Payload(t.Context(), p.pool, p, hub, d)
		if err != nil {
			t.Fatal(err)
		}
		return body != nil
	}
	if !shown(kept) {
		t.Error("the payload of an account that is connected is missing")
	}
	p.lost.Store(tutor, true)
	if shown(kept) {
		t.Error("the payload of a lost account is shown")
	}
	if !shown(last) {
		t.Error("what told that it was lost is not shown")
	}
}

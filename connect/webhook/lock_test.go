package webhook_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
)

// beside runs work while a transaction holds what held says, until work waits for it;
// then the transaction does the rest and commits.
func (p *post) beside(t *testing.T, held string, work func() error, rest string) {
	t.Helper()
	tx, err := p.pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // fails after the commit, as it should
	if _, err := tx.ExecContext(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- work() }()
	until(t, "the work waits for the lock", func() bool {
		return p.number(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	})
	if _, err := tx.ExecContext(t.Context(), "SET LOCAL lock_timeout = '500ms';"+rest); err != nil {
		t.Errorf("they wait for one another: %v", err)
		_ = tx.Rollback()
	} else if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhoEnablesOrJudgesAnEndpointLocksInTheOrderOfWhoRecordsASend(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.happen(t, tutorHub, "charge.succeeded")
	const recording, health = "UPDATE connect.webhook_deliveries SET attempts = attempts + 1", "SELECT FROM connect.webhook_health FOR UPDATE"
	p.exec(t, "UPDATE connect.webhook_health SET first_failure_at = ?, last_failure_at = ?, warned = 2", time.Now().Add(-200*time.Hour), time.Now())
	p.beside(t, recording, func() error { return p.dispatcher.Judge(context.Background()) }, health)
	if n := p.with(t, webhook.Undelivered); n != 1 {
		t.Fatal("the endpoint was not disabled")
	}
	no := false
	p.beside(t, recording, func() error {
		return db.InTx(context.Background(), p.pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := p.endpoints.Update(ctx, tx, time.Now(), hub, e.ID, webhook.EndpointPatch{Disabled: &no})
			return err
		})
	}, health)
	if n := p.with(t, webhook.Pending); n != 1 {
		t.Fatal("what was missed is not due")
	}
}

func TestAJudgementIsTakenBackWhenASendGoesWellMeanwhile(t *testing.T) {
	bell := &bell{}
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Notifier: bell})
	p.endpoint(t, hub, all("https://example.com/"))
	p.happen(t, tutorHub, "charge.succeeded")
	p.exec(t, "UPDATE connect.webhook_health SET first_failure_at = ?, last_failure_at = ?, warned = 2", time.Now().Add(-200*time.Hour), time.Now())
	p.beside(t, "UPDATE connect.webhook_deliveries SET attempts = attempts + 1", func() error { return p.dispatcher.Judge(context.Background()) },
		"UPDATE connect.webhook_health SET failures = 0, first_failure_at = NULL, warned = 0")
	if n := p.number(t, "SELECT count(*) FROM connect.webhook_endpoints WHERE disabled"); n != 0 || len(bell.heard()) != 0 {
		t.Error("an endpoint that has recovered was disabled")
	}
	if n := p.with(t, webhook.Pending); n != 1 {
		t.Error("its delivery is not pending any more")
	}
}

func TestAPayloadStaysForADeliveryThatIsJustBeingWritten(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/1"))
	late, _ := p.endpoint(t, hub, all("https://example.com/2"))
	p.past(t, e.ID, 1, webhook.Delivered)
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	p.beside(t, "SELECT FROM connect.webhook_payloads FOR SHARE", func() error {
		_, err := webhook.Sweep(context.Background(), p.pool, noon.Add(webhook.Retention+time.Hour))
		return err
	}, `INSERT INTO connect.webhook_deliveries (id, endpoint, event, event_type, status, next_attempt_at, created_at)
		VALUES ('whd_zzz', '`+late.ID+`', 'evt_missed000000', 'charge.updated', 'pending', now(), now())`)
	if n := p.number(t, "SELECT count(*) FROM connect.webhook_deliveries JOIN connect.webhook_payloads USING (event)"); n != 1 {
		t.Errorf("%d deliveries with a payload, want 1", n)
	}
}

func TestWhatIsGivenBackUntriedAfterItWasMadePendingAnewIsTriedLikeTheFirstTime(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	started, release := make(chan struct{}), make(chan struct{})
	server := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			close(started)
			<-release
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	e, _ := p.endpoint(t, hub, all(server.URL))
	stop := p.run(t)
	p.happen(t, tutorHub, "charge.succeeded")
	<-started
	p.happen(t, tutorHub, "charge.succeeded") // waits for the endpoint's one place
	yes, no := true, false
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no})
	stop()
	close(release)
	p.exec(t, "UPDATE connect.webhook_deliveries SET next_attempt_at = ? WHERE leased_until IS NULL", time.Now())
	p.twin(clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond}).run(t)
	until(t, "both were tried and wait", func() bool {
		return p.number(t, "SELECT count(DISTINCT delivery) FROM connect.webhook_attempts") == 2 && p.with(t, webhook.Pending) == 2
	})
}

func TestAnErasedBodyIsNotSentWhenItsEndpointIsEnabledAgain(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	server := newReceiver(t, nil)
	e, _ := p.endpoint(t, hub, all(server.URL))
	yes, no := true, false
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &yes})
	p.happen(t, tutorHub, "charge.succeeded")
	p.happen(t, tutorHub, "charge.succeeded")
	if err := p.expunge(t, p.deliveries(t, e.ID)[1].ID); err != nil {
		t.Fatal(err)
	}
	p.update(t, e.ID, webhook.EndpointPatch{Disabled: &no})
	p.run(t)
	until(t, "nothing is pending", func() bool { return p.with(t, webhook.Pending) == 0 })
	if n := p.with(t, webhook.Delivered); n != 1 || server.count() != 1 || len(server.raw[0]) == 0 {
		t.Errorf("%d delivered, %d requests", n, server.count())
	}
}

func TestAnAnswerThatSaysGoneEndsNothingOnceTheEndpointHasAnotherURL(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	started, release := make(chan struct{}), make(chan struct{})
	before := newReceiver(t, func(_ int, w http.ResponseWriter) {
		close(started)
		<-release
		w.WriteHeader(http.StatusGone)
	})
	now := newReceiver(t, nil)
	e, _ := p.endpoint(t, hub, all(before.URL))
	p.run(t)
	p.happen(t, tutorHub, "charge.succeeded")
	<-started
	p.update(t, e.ID, webhook.EndpointPatch{URL: &now.URL})
	close(release)
	until(t, "the answer is recorded", func() bool { return p.number(t, "SELECT count(*) FROM connect.webhook_attempts") == 1 })
	p.exec(t, "UPDATE connect.webhook_deliveries SET next_attempt_at = ?", time.Now())
	until(t, "the event reaches the new URL", func() bool { return p.with(t, webhook.Delivered) == 1 })
	if n := p.number(t, "SELECT count(*) FROM connect.webhook_endpoints WHERE disabled"); n != 0 || now.count() != 1 {
		t.Errorf("%d disabled, %d requests", n, now.count())
	}
	log := p.attempts(t, e.ID) // says of each try where it went
	if len(log) != 2 || log[0].URL != before.URL || log[1].URL != now.URL {
		t.Errorf("logged tries %+v", log)
	}
}

func TestDeliveriesOfNoObjectDoNotWaitForOneAnother(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	server := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.past(t, e.ID, 3, webhook.Undelivered)
	p.exec(t, "UPDATE connect.webhook_deliveries SET object_id = '', ordered = true, status = 'pending', attempts_before = attempts")
	p.run(t)
	until(t, "the others are delivered", func() bool { return p.with(t, webhook.Delivered) == 2 })
}

// while runs work beside an open transaction that holds what held says.
func (p *post) while(t *testing.T, held string, work func(), args ...any) {
	t.Helper()
	tx, err := p.pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	res, err := tx.NewRaw(held, args...).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		t.Fatalf("nothing is held: %v", err)
	}
	work()
}

func TestTheOutcomeOfAHealthySendWaitsForNoneOfTheSick(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{Poll: 10 * time.Millisecond})
	wrong := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	sick, _ := p.endpoint(t, hub, all(wrong.URL))
	p.run(t)
	healthy := newReceiver(t, nil)
	p.while(t, "SELECT FROM connect.webhook_health WHERE endpoint = ? FOR UPDATE", func() {
		p.happen(t, tutorHub, "charge.succeeded")
		until(t, "the outcome of the sick one waits for the lock", func() bool {
			return wrong.count() == 1 && p.number(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
		})
		well, _ := p.endpoint(t, hub, all(healthy.URL))
		p.exec(t, "UPDATE connect.webhook_endpoints SET paused = true WHERE id = ?", sick.ID)
		p.happen(t, tutorHub, "charge.succeeded")
		until(t, "the healthy one's is recorded", func() bool {
			return p.deliveries(t, well.ID)[0].Status == webhook.Delivered
		})
		if n := p.number(t, "SELECT count(*) FROM connect.webhook_attempts WHERE endpoint = ?", sick.ID); n != 0 {
			t.Error("the sick one's did not wait")
		}
	}, sick.ID)
	until(t, "the sick one's is recorded when the lock is free", func() bool {
		return p.number(t, "SELECT count(*) FROM connect.webhook_attempts WHERE endpoint = ?", sick.ID) == 1
	})
}

func TestABatchOfEventsWaitsForNoEndpointThatWantsNoneOfThem(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	other, _ := p.endpoint(t, hub, webhook.NewEndpoint{URL: "https://example.com/other", EnabledEvents: []string{"payout.*"}})
	p.endpoint(t, hub, all("https://example.com/all"))
	p.endpoint(t, hub, webhook.NewEndpoint{URL: "https://example.com/family", EnabledEvents: []string{"charge.*"}})
	p.endpoint(t, hub, webhook.NewEndpoint{URL: "https://example.com/type", EnabledEvents: []string{"charge.dispute.created"}})
	p.while(t, "SELECT FROM connect.webhook_endpoints WHERE id = ? FOR UPDATE", func() {
		p.happen(t, tutorHub, "charge.dispute.created") // would time out behind the lock
	}, other.ID)
	if n := p.number(t, "SELECT count(*) FROM connect.webhook_deliveries"); n != 3 {
		t.Errorf("%d deliveries, three endpoints want the event", n)
	}
}

package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/jsonpack"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

// charge is an event on a charge of acct_tutor, connected to acct_hub.
func charge(id string, version int64, typ string) event.Event {
	return event.Event{
		Type: typ, Account: "acct_tutor", Platform: "acct_hub", ObjectID: id, ObjectVersion: version,
		Object: json.RawMessage(fmt.Sprintf(`{ "id": "%s", "amount":60000.0, "note": "what? <b> \\ 'x' \u0000 {NULL}" }`, id)), CreatedAt: noon,
	}
}

func add(t testing.TB, pool *bun.DB, events ...event.Event) error {
	t.Helper()
	return db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		return event.Log{}.Append(ctx, tx, events...)
	})
}

func mustAdd(t testing.TB, pool *bun.DB, events ...event.Event) {
	t.Helper()
	if err := add(t, pool, events...); err != nil {
		t.Fatal(err)
	}
}

func TestAppendKeepsEveryByteOfTheObject(t *testing.T) {
	pool := dbtest.New(t)
	want := charge("ch_1", 1, "charge.succeeded")
	want.ID = "evt_1"
	want.Previous = json.RawMessage(`{"status" : "pending"}`)
	want.RequestID, want.IdempotencyKey = "req_1", "key ?0 ' \\"
	mustAdd(t, pool, want)

	got, err := event.Get(t.Context(), pool, tenant.Scope{Platform: "acct_hub", Account: "acct_tutor"}, noon, "evt_1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAppendTakesTheOriginFromTheRequest(t *testing.T) {
	pool := dbtest.New(t)
	err := db.InTx(event.WithOrigin(t.Context(), event.Origin{RequestID: "req_9", IdempotencyKey: "k"}), pool,
		func(ctx context.Context, tx bun.Tx) error {
			return event.Log{}.Append(ctx, tx, charge("ch_1", 1, "charge.succeeded"))
		})
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.List(t.Context(), pool, tenant.Scope{Account: "acct_tutor"}, noon, event.Filter{})
	if err != nil || len(got.Items) != 1 || got.Items[0].RequestID != "req_9" || got.Items[0].IdempotencyKey != "k" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestVersionsOfAnObjectHaveNoGapAndNoTwin(t *testing.T) {
	pool := dbtest.New(t)
	mustAdd(t, pool, charge("ch_1", 1, "charge.succeeded"), charge("ch_2", 1, "charge.succeeded"), charge("ch_1", 2, "charge.updated"))
	mustAdd(t, pool, charge("ch_1", 3, "charge.updated"))

	for name, events := range map[string][]event.Event{
		"a twin":                      {charge("ch_1", 3, "charge.updated")},
		"a gap":                       {charge("ch_1", 5, "charge.updated")},
		"no beginning":                {charge("ch_3", 2, "charge.updated")},
		"a gap inside a batch":        {charge("ch_2", 2, "charge.updated"), charge("ch_2", 4, "charge.updated")},
		"a falling batch":             {charge("ch_2", 3, "charge.updated"), charge("ch_2", 2, "charge.updated")},
		"version zero":                {charge("ch_4", 0, "charge.updated")},
		"a good one beside a gap":     {charge("ch_2", 2, "charge.updated"), charge("ch_1", 9, "charge.updated")},
		"a good one beside a bad one": {charge("ch_2", 2, "charge.updated"), charge("ch_1", 1, "charge.updated")},
	} {
		if err := add(t, pool, events...); !errors.Is(err, event.ErrVersion) {
			t.Errorf("%s: got %v, want ErrVersion", name, err)
		}
	}
	got, err := event.List(t.Context(), pool, tenant.Scope{Account: "acct_tutor"}, noon, event.Filter{})
	if err != nil || len(got.Items) != 4 {
		t.Errorf("%d events remain, %v; want the 4 good ones", len(got.Items), err)
	}
}

func TestObjectsComeBackByteForByte(t *testing.T) {
	pool := dbtest.New(t)
	first, second := charge("ch_1", 1, "charge.succeeded"), charge("ch_1", 2, "charge.updated")
	first.Object = json.RawMessage(`{ "id" : "ch_1",  "amount":60000.0, "note": "\u0000 é" }`)
	second.Object = json.RawMessage(`{"id":"ch_1","object":"charge","amount":60000,"amount_captured":60000,"amount_refunded":100}`)
	second.Previous = json.RawMessage(`{"amount_refunded":0}`)
	mustAdd(t, pool, first, second)
	got, err := event.Of(t.Context(), pool, "ch_1")
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range []event.Event{first, second} {
		if string(got[i].Object) != string(want.Object) || string(got[i].Previous) != string(want.Previous) || (got[i].Previous == nil) != (want.Previous == nil) {
			t.Errorf("%s and %s came back as %s and %s", want.Object, want.Previous, got[i].Object, got[i].Previous)
		}
	}
}

func TestAnEventWithoutAnObjectIsRefused(t *testing.T) {
	pool := dbtest.New(t)
	e := charge("ch_1", 1, "charge.succeeded")
	e.Object = nil
	if err := add(t, pool, e); err == nil {
		t.Error("taken")
	}
}

func TestADamagedObjectIsNotTold(t *testing.T) {
	pool := dbtest.New(t)
	mustAdd(t, pool, charge("ch_1", 1, "charge.succeeded"))
	if _, err := pool.ExecContext(t.Context(), `UPDATE platform.events SET content = substr(content, 1, length(content) - 2)`); err != nil {
		t.Fatal(err)
	}
	if got, err := event.Of(t.Context(), pool, "ch_1"); !errors.Is(err, jsonpack.ErrDamaged) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAppendRefusesWhatKafkaCouldNotCarry(t *testing.T) {
	pool := dbtest.New(t)
	e := charge("ch_1", 1, "charge.succeeded")
	e.Object = json.RawMessage(`"` + string(make([]byte, event.MaxBytes)) + `"`)
	if err := add(t, pool, e); err == nil {
		t.Error("an event over MaxBytes was taken")
	}
}

// The horizon is not enough: a transaction may get its number first and the
// object's row lock second, and then builds on a younger transaction's version.
func TestALaterVersionNeverSettlesBeforeTheOneItBuildsOn(t *testing.T) {
	pool := dbtest.New(t)
	ctx := t.Context()
	begin := func() bun.Tx {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_current_xact_id()`); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	commit := func(tx bun.Tx) {
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	log := event.Log{}
	early, between, late := begin(), begin(), begin()
	if err := log.Append(ctx, late, charge("ch_1", 1, "charge.pending")); err != nil {
		t.Fatal(err)
	}
	commit(late)
	if err := log.Append(ctx, early, charge("ch_1", 2, "charge.succeeded"), charge("ch_1", 3, "charge.updated"), charge("ch_2", 1, "charge.pending")); err != nil {
		t.Fatal(err)
	}
	commit(early)

	got := settledVersions(t, pool, 1)
	if diff := cmp.Diff([]string{"ch_2 1"}, got); diff != "" {
		t.Errorf("while a transaction between the two is open: %s", diff)
	}
	commit(between)
	if diff := cmp.Diff([]string{"ch_2 1", "ch_1 1", "ch_1 2", "ch_1 3"}, settledVersions(t, pool, 4)); diff != "" {
		t.Errorf("after it: %s", diff)
	}
}

// settledVersions waits until so many events have settled: transactions of other
// tests on the same server hold the horizon back.
func settledVersions(t *testing.T, pool *bun.DB, count int) []string {
	t.Helper()
	var out []string
	for _, e := range awaitSettled(t, pool, count, 1<<20) {
		out = append(out, fmt.Sprintf("%s %d", e.ObjectID, e.ObjectVersion))
	}
	return out
}

func laneOf(t testing.TB, pool *bun.DB, account string) (lane int) {
	t.Helper()
	if err := pool.NewRaw(`SELECT lane FROM platform.events WHERE account = ? LIMIT 1`, account).Scan(t.Context(), &lane); err != nil {
		t.Fatal(err)
	}
	return lane
}

func awaitSettled(t *testing.T, pool *bun.DB, count, maxBytes int) []event.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		entries, err := event.Settled(ctx, pool, event.Cursor{Lane: laneOf(t, pool, "acct_tutor")}, 100, maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) >= count {
			return entries
		}
		// The next look costs a round trip; the server is not asked faster than it answers.
		if _, err := pool.ExecContext(ctx, "SELECT pg_sleep(0.01)"); err != nil {
			t.Fatalf("%d of %d events have settled: %v", len(entries), count, err)
		}
	}
}

func TestSettledReadsAreBoundedInBytes(t *testing.T) {
	pool := dbtest.New(t)
	mustAdd(t, pool, charge("ch_1", 1, "a"), charge("ch_1", 2, "b"), charge("ch_1", 3, "c"))
	awaitSettled(t, pool, 3, 1<<20)
	if entries := awaitSettled(t, pool, 1, 100); len(entries) != 2 {
		t.Errorf("got %d events; want 2", len(entries))
	}
}

func TestListShowsOnlyTheScopesOwnRecentEventsNewestFirst(t *testing.T) {
	pool := dbtest.New(t)
	mine := func(n int, typ string, at time.Time) event.Event {
		e := charge(fmt.Sprintf("ch_%d", n), 1, typ)
		e.ID, e.CreatedAt = fmt.Sprintf("evt_%d", n), at
		return e
	}
	hubs, live := mine(6, "charge.succeeded", noon), mine(7, "charge.succeeded", noon)
	hubs.Account, live.Livemode = "acct_hub", true
	mustAdd(t, pool,
		mine(1, "charge.succeeded", noon.Add(-event.Visible)), mine(2, "charge.succeeded", noon.Add(-time.Hour)),
		mine(3, "charge.refunded", noon), mine(4, "charger.plugged", noon), mine(5, "charge_x", noon), hubs, live)

	scope := tenant.Scope{Platform: "acct_hub", Account: "acct_tutor"}
	two, second := int64(2), noon.Unix()
	for name, c := range map[string]struct {
		filter event.Filter
		want   string
		more   bool
	}{
		"all":           {event.Filter{}, "evt_5 evt_4 evt_3 evt_2 ", false},
		"first page":    {event.Filter{Params: page.Params{Limit: &two}}, "evt_5 evt_4 ", true},
		"next page":     {event.Filter{Params: page.Params{Limit: &two, StartingAfter: "evt_4"}}, "evt_3 evt_2 ", false},
		"page before":   {event.Filter{Params: page.Params{Limit: &two, EndingBefore: "evt_2"}}, "evt_4 evt_3 ", true},
		"wildcard":      {event.Filter{Types: []string{"charge.*"}}, "evt_3 evt_2 ", false},
		"several types": {event.Filter{Types: []string{"charge.refunded", "charge_x"}}, "evt_5 evt_3 ", false},
		"time from":     {event.Filter{Created: page.Range{From: &second}}, "evt_5 evt_4 evt_3 ", false},
		"time until":    {event.Filter{Created: page.Range{Until: &second}}, "evt_2 ", false},
		"none of SQL's": {event.Filter{Types: []string{"%"}}, "", false},
	} {
		events, err := event.List(t.Context(), pool, scope, noon, c.filter)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range events.Items {
			got += e.ID + " "
		}
		if got != c.want || events.HasMore != c.more {
			t.Errorf("%s: got %q more %v, want %q more %v", name, got, events.HasMore, c.want, c.more)
		}
	}
	elsewhere := event.Filter{Params: page.Params{StartingAfter: "evt_6"}}
	if _, err := event.List(t.Context(), pool, scope, noon, elsewhere); !fault.Is(err, fault.Invalid) {
		t.Errorf("another account's event as cursor: %v, want Invalid", err)
	}
	for _, id := range []string{"evt_1", "evt_6", "evt_7", "evt_none"} {
		if _, err := event.Get(t.Context(), pool, scope, noon, id); !fault.Is(err, fault.NotFound) {
			t.Errorf("Get %s: %v, want NotFound", id, err)
		}
	}
}

func TestAnEffectHappensOnceHoweverOftenItIsDelivered(t *testing.T) {
	pool := dbtest.New(t)
	if _, err := pool.ExecContext(t.Context(), `CREATE TABLE effects (event text)`); err != nil {
		t.Fatal(err)
	}
	handle := func(fail bool) error {
		return db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			fresh, err := event.Inbox{}.Claim(ctx, tx, "sluice.payouts", []string{"evt_1", "evt_1"})
			if err != nil || !fresh["evt_1"] {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO effects VALUES ('evt_1')`); err != nil {
				return err
			}
			if fail {
				return errors.New("crash before commit")
			}
			return nil
		})
	}
	if handle(true) == nil {
		t.Fatal("the crash did not happen")
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := handle(false); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, _ := pool.NewSelect().Table("effects").Count(t.Context()); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
}

func TestBehindCountsWhatTheConsumerHasNotHad(t *testing.T) {
	pool := dbtest.New(t)
	a, b, c := charge("ch_1", 1, "charge.succeeded"), charge("ch_1", 2, "charge.refunded"), charge("po_1", 1, "payout.paid")
	a.ID = "evt_a"
	mustAdd(t, pool, a, b, c)
	behind := func(types ...string) int {
		n, err := event.Behind(t.Context(), pool, "payouts", types)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := []int{behind(), behind("charge.*"), behind("payout.paid")}; !cmp.Equal(got, []int{3, 2, 1}) {
		t.Errorf("before: %v", got)
	}
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := event.Inbox{}.Claim(ctx, tx, "payouts", []string{"evt_a"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := []int{behind(), behind("charge.*"), behind("payout.paid")}; !cmp.Equal(got, []int{2, 1, 1}) {
		t.Errorf("after: %v", got)
	}
}

func TestEnvelopeIsStripesEventPlusTheObjectVersion(t *testing.T) {
	e := charge("ch_1", 2, "charge.updated")
	e.ID, e.Object, e.Previous, e.RequestID = "evt_1", json.RawMessage(`{"id":"ch_1","note":"<b>"}`), json.RawMessage(`{"note":null}`), "req_1"
	got, err := e.Envelope()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"evt_1","object":"event","account":"acct_tutor","api_version":"2026-08-26.dahlia","created":1795348800,` +
		`"data":{"object":{"id":"ch_1","note":"<b>"},"previous_attributes":{"note":null}},"livemode":false,"pending_webhooks":0,` +
		`"request":{"id":"req_1","idempotency_key":null},"type":"charge.updated","object_version":2}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	e.Account, e.Previous = e.Platform, nil
	w := e.Wire()
	if w.Account != "" || w.Data.PreviousAttributes != nil {
		t.Errorf("a platform's own event names an account: %+v", w)
	}
}

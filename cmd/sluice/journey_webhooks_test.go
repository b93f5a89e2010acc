package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/sluicepay/sluice/platform/tenant"
)

// What a platform's developer does with webhooks through the API.

// doorbell is somebody's server: it keeps what it gets and answers as it is told.
type doorbell struct {
	url, id, secret string
	rung            chan ring

	mu     sync.Mutex
	status int
	answer string
}

type ring struct {
	header http.Header
	body   []byte
}

func (d *doorbell) answers(status int, answer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status, d.answer = status, answer
}

// doorbell registers an endpoint; form is what more is asked of it.
func (c clerk) doorbell(form string) *doorbell {
	c.t.Helper()
	d := &doorbell{rung: make(chan ring, 1000), status: 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.rung <- ring{r.Header, body}
		d.mu.Lock()
		defer d.mu.Unlock()
		w.WriteHeader(d.status)
		_, _ = io.WriteString(w, d.answer)
	}))
	c.t.Cleanup(server.Close)
	d.url = server.URL + "/hooks?shop=7"
	made := c.post("/v1/webhook_endpoints", "url="+url.QueryEscape(d.url)+"&"+form)
	d.id, d.secret = made["id"].(string), made["secret"].(string)
	return d
}

// next is the next request about an event of this type; others before it are passed over.
func (d *doorbell) next(t testing.TB, eventType string) ring {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case got := <-d.rung:
			var e struct{ Type string }
			if err := json.Unmarshal(got.body, &e); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			if e.Type == eventType {
				return got
			}
		case <-late:
			t.Fatalf("no %s arrived", eventType)
		}
	}
}

// until reads path until what comes is as it should be.
func (c clerk) until(path, fact string, holds func(answer map[string]any) bool) map[string]any {
	c.t.Helper()
	late := time.Now().Add(time.Minute)
	for {
		answer := c.get(path)
		if holds(answer) {
			return answer
		}
		if time.Now().After(late) {
			c.t.Fatalf("waited for %s: %v", fact, answer)
		}
	}
}

func (c clerk) delivered(deliveryID string) map[string]any {
	c.t.Helper()
	return c.until("/v1/webhook_deliveries/"+deliveryID, "a delivery", func(d map[string]any) bool { return d["status"] == "delivered" })
}

func thinking(t testing.TB, client *stripe.Client, d *doorbell, got ring) *stripe.UnknownEventNotification {
	t.Helper()
	seen, err := client.ParseEventNotification(got.body, got.header.Get("Stripe-Signature"), d.secret)
	if err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	return seen.(*stripe.UnknownEventNotification)
}

func TestThinWebhooksLeadTheOfficialSDKsToEventAndObject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, client, node := clerk{house: h}, h.stripe(), h.node()
	may := ada.tutor()
	own := ada.doorbell("enabled_events[]=charge.succeeded&event_payload=thin")
	theirs := ada.doorbell("enabled_events[]=charge.succeeded&event_payload=thin&connect=true")
	charge := ada.post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa")["id"].(string)
	direct := ada.of(may).post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa")["id"].(string)
	for _, c := range []struct {
		door            *doorbell
		account, charge string
	}{{own, "", charge}, {theirs, may, direct}} {
		got := c.door.next(t, "charge.succeeded")
		n := thinking(t, client, c.door, got)
		if strings.Contains(string(got.body), `"amount"`) || n.Livemode || n.RelatedObject == nil || n.RelatedObject.ID != c.charge || n.Reason == nil {
			t.Errorf("%s", got.body)
		}
		event, err := n.FetchEvent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var data struct{ Object struct{ Amount int } }
		if raw, ok := event.(*stripe.V2CoreRawEvent); !ok || raw.ID != n.ID || raw.Context != c.account || json.Unmarshal(*raw.Data, &data) != nil || data.Object.Amount != 1000 {
			t.Errorf("fetched %+v, %+v", event, data)
		}
		object, err := n.FetchRelatedObject(t.Context())
		if err != nil || !strings.Contains(string(object.LastResponse.RawJSON), c.charge) {
			t.Errorf("related %v, %v", object, err)
		}

		var parsed, fetched struct {
			ID, Type      string
			RelatedObject struct{ URL string } `json:"related_object"`
			Data          struct{ Object struct{ ID string } }
		}
		if err := node.call(&parsed, []string{"parseEventNotification"}, string(got.body), got.header.Get("Stripe-Signature"), c.door.secret); err != nil || parsed.ID != n.ID || parsed.RelatedObject.URL != "/v1/charges/"+c.charge {
			t.Errorf("node parsed %+v, %v", parsed, err)
		}
		options := params{}
		if c.account != "" {
			options["stripeContext"] = c.account
		}
		if err := node.call(&fetched, []string{"v2", "core", "events", "retrieve"}, n.ID, params{}, options); err != nil || fetched.Data.Object.ID != c.charge {
			t.Errorf("node fetched %+v, %v", fetched, err)
		}
	}
}

func TestAThinEventIsFetchedOnlyWhileItsAccountIsConnected(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	app, _ := h.client("TutorHub HK")
	tutor := h.guest("en")
	tutor.signIn("May")
	may := h.connects(tutor, app, tenant.ReadWrite, "new").account
	door := ada.doorbell("enabled_events[]=*&event_payload=thin&connect=true")
	ada.of(may).post("/v1/customers", "name=Lok")
	n := thinking(t, h.stripe(), door, door.next(t, "customer.created"))
	fetch := "/v2/core/events/" + n.ID
	if ada.get(fetch)["context"] != may || ada.of(may).get(fetch)["context"] != may {
		t.Errorf("%v, %v", ada.get(fetch), ada.of(may).get(fetch))
	}
	_, bobs := h.moveInNextDoor()
	if status, _ := ada.raw("GET", fetch, "", bobs); status != 404 {
		t.Errorf("another platform got %d", status)
	}

	h.send(http.StatusOK, letter{method: "POST", path: "/oauth/deauthorize", form: url.Values{"client_id": {app.ID}, "stripe_user_id": {may}}.Encode()})
	thinking(t, h.stripe(), door, door.next(t, "account.application.deauthorized"))
	if status, _ := ada.raw("GET", fetch, "", h.key); status != 404 {
		t.Errorf("after the end: %d", status)
	}
	if _, err := n.FetchEvent(t.Context()); err == nil {
		t.Error("the SDK still fetches it")
	}
	refused := ada.refused(404, "POST", "/v1/events/"+n.ID+"/retry", "webhook_endpoint="+door.id+"&account="+may)
	if refused["code"] != "resource_missing" {
		t.Errorf("%v", refused)
	}
}

func TestADeliveryTellsWhatWasTriedAndIsSentAgainAndErased(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	door := ada.doorbell("enabled_events[]=charge.succeeded&retry_schedule[]=604800")
	door.answers(503, "out of cheese")
	charge := ada.post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa")["id"].(string)
	sent := door.next(t, "charge.succeeded")
	listed := ada.until("/v1/webhook_attempts?webhook_endpoint="+door.id+"&status[gte]=500&failure=status", "the first try", func(l map[string]any) bool { return len(idsOf(l)) == 1 })
	try := listed["data"].([]any)[0]
	if at(try, "response", "body") != "out of cheese" || at(try, "response", "status") != 503.0 || at(try, "request", "url") != door.url ||
		at(try, "request", "headers", "Webhook-Signature") != "(not kept)" || at(try, "request", "headers", "Webhook-Id") != sent.header.Get("webhook-id") ||
		at(try, "remote_ip") != "127.0.0.1" || at(try, "retry_at") == nil || at(try, "number") != 1.0 {
		t.Errorf("%v", try)
	}
	for _, empty := range []string{"status[lt]=500", "failure=none", "failure=response_timeout", "created[lt]=1"} {
		if got := idsOf(ada.get("/v1/webhook_attempts?" + empty)); len(got) != 0 {
			t.Errorf("%s: %v", empty, got)
		}
	}
	id := at(try, "webhook_delivery").(string)
	for _, query := range []string{"", "status=pending", "type=charge.*", "type=charge.succeeded&object=" + charge, "event=" + sent.header.Get("webhook-id"),
		"created[gte]=1&limit=1", "webhook_endpoint=" + door.id} {
		if got := idsOf(ada.get("/v1/webhook_deliveries?" + query)); len(got) != 1 || got[0] != id {
			t.Errorf("%q lists %v", query, got)
		}
	}
	for _, query := range []string{"status=failed", "type=charge", "object=ch_x", "event=evt_x", "created[lt]=1"} {
		if got := idsOf(ada.get("/v1/webhook_endpoints/" + door.id + "/deliveries?" + query)); len(got) != 0 {
			t.Errorf("%q lists %v", query, got)
		}
	}
	if f := ada.refused(400, "GET", "/v1/webhook_deliveries?status=lost", ""); f["param"] != "status" {
		t.Errorf("%v", f)
	}
	whole := ada.get("/v1/webhook_deliveries/" + id)
	if at(whole, "payload", "data", "object", "id") != charge || at(whole, "payload", "pending_webhooks") != 1.0 || len(idsOf(whole["attempts"].(map[string]any))) != 1 {
		t.Errorf("%v", whole)
	}

	door.answers(200, "thanks")
	if again := ada.post("/v1/webhook_deliveries/"+id+"/resend", ""); again["status"] != "pending" || again["ordered"] != true {
		t.Errorf("%v", again)
	}
	if second := door.next(t, "charge.succeeded"); second.header.Get("webhook-id") != sent.header.Get("webhook-id") || string(second.body) != string(sent.body) {
		t.Errorf("%s", second.body)
	}
	done := ada.delivered(id)
	if tries := done["attempts"].(map[string]any)["data"].([]any); len(tries) != 2 || at(tries[0], "number") != 1.0 || at(tries[1], "response", "body") != "thanks" || at(tries[1], "failure") != nil {
		t.Errorf("%v", tries)
	}
	ada.post("/v1/webhook_deliveries/"+id+"/resend", "") // also what was delivered
	door.next(t, "charge.succeeded")
	ada.delivered(id)

	cleared := ada.post("/v1/webhook_deliveries/"+id+"/expunge", "")
	for _, try := range cleared["attempts"].(map[string]any)["data"].([]any) {
		if at(try, "response", "body") != "" || at(try, "expunged_at") == nil || at(try, "response", "status") == nil {
			t.Errorf("%v", try)
		}
	}
	if cleared["payload"] == nil {
		t.Error("the payload is gone, too")
	}
	if cleared = ada.post("/v1/webhook_deliveries/"+id+"/expunge", "payload=true"); cleared["payload"] != nil {
		t.Errorf("%v", cleared)
	}
	if f := ada.refused(400, "POST", "/v1/webhook_deliveries/"+id+"/resend", ""); f["code"] != "webhook_payload_erased" {
		t.Errorf("%v", f)
	}
	ada.post("/v1/events/"+sent.header.Get("webhook-id")+"/retry", "webhook_endpoint="+door.id)
	door.next(t, "charge.succeeded")

	ada.post("/v1/webhook_endpoints/"+door.id, "disabled=true")
	for _, path := range []string{"/v1/webhook_deliveries/" + id + "/resend", "/v1/webhook_endpoints/" + door.id + "/test"} {
		if f := ada.refused(400, "POST", path, ""); f["code"] != "webhook_endpoint_disabled" {
			t.Errorf("%s: %v", path, f)
		}
	}
}

func TestEventsTellWhatIsPendingAndAreSentAgainAsTheCLIAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	may := ada.tutor()
	paused := ada.doorbell("enabled_events[]=charge.succeeded&paused=true")
	working := ada.doorbell("enabled_events[]=charge.succeeded")
	late := ada.doorbell("enabled_events[]=payout.paid")
	theirs := ada.doorbell("enabled_events[]=payout.paid&connect=true")
	ada.post("/v1/charges", "amount=1000&currency=hkd&source=tok_visa")
	id := working.next(t, "charge.succeeded").header.Get("webhook-id")
	ada.until("/v1/events/"+id, "one pending webhook", func(e map[string]any) bool { return e["pending_webhooks"] == 1.0 })
	only := func(query string) []string { return idsOf(ada.get("/v1/events?type=charge.succeeded&" + query)) }
	if yes, no := only("delivery_success=true"), only("delivery_success=false"); len(yes) != 0 || len(no) != 1 || no[0] != id {
		t.Errorf("delivered %v, not %v", yes, no)
	}
	if e := ada.get("/v1/events?type=charge.succeeded")["data"].([]any)[0]; at(e, "pending_webhooks") != 1.0 {
		t.Errorf("listed %v", e)
	}

	// What `stripe events resend --webhook-endpoint` asks: also for one that never had it.
	if e := ada.post("/v1/events/"+id+"/retry", "webhook_endpoint="+late.id); e["id"] != id || e["pending_webhooks"] != 2.0 {
		t.Errorf("%v", e)
	}
	if got := late.next(t, "charge.succeeded"); got.header.Get("webhook-id") != id {
		t.Errorf("%v", got.header)
	}
	ada.post("/v1/webhook_endpoints/"+paused.id, "paused=false")
	paused.next(t, "charge.succeeded")
	ada.until("/v1/events/"+id, "nothing pending", func(e map[string]any) bool { return e["pending_webhooks"] == 0.0 })
	if yes := only("delivery_success=true"); len(yes) != 1 {
		t.Errorf("delivered %v", yes)
	}

	wanting := ada.doorbell("enabled_events[]=customer.created&connect=true")
	ada.of(may).post("/v1/customers", "name=Lok")
	direct := wanting.next(t, "customer.created").header.Get("webhook-id")
	ada.post("/v1/events/"+direct+"/retry", "webhook_endpoint="+theirs.id+"&account="+may)
	var e struct{ Account string }
	if err := json.Unmarshal(theirs.next(t, "customer.created").body, &e); err != nil || e.Account != may {
		t.Errorf("%+v, %v", e, err)
	}
	for _, c := range []struct{ path, form, param string }{
		{id, "webhook_endpoint=" + theirs.id, "webhook_endpoint"},   // gets none of Ada's own
		{direct, "webhook_endpoint=" + late.id, "webhook_endpoint"}, // gets none of May's
		{id, "", "webhook_endpoint"},
		{id, "for_stripecli=true", "for_stripecli"}, // nobody listens
	} {
		if f := ada.refused(400, "POST", "/v1/events/"+c.path+"/retry", c.form); f["param"] != c.param {
			t.Errorf("%+v: %v", c, f)
		}
	}
	for _, form := range []string{"webhook_endpoint=we_x", "webhook_endpoint=" + late.id + "&account=" + may} {
		ada.refused(404, "POST", "/v1/events/"+id+"/retry", form)
	}
}

func TestATestSendCannotBeTakenForAnEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	door := ada.doorbell("enabled_events[]=charge.*&enabled_events[]=payout.paid")
	sent := ada.post("/v1/webhook_endpoints/"+door.id+"/test", "")
	got := door.next(t, "payout.paid")
	if !strings.HasPrefix(sent["event"].(string), "evt_test_") || got.header.Get("webhook-id") != sent["event"] {
		t.Errorf("%v: %v", sent, got.header)
	}
	event, err := h.stripe().ConstructEvent(got.body, got.header.Get("Stripe-Signature"), door.secret)
	if err != nil || event.Livemode || !strings.HasPrefix(event.Data.Object["id"].(string), "sample_") {
		t.Errorf("%s, %v", got.body, err)
	}
	ada.delivered(sent["id"].(string))
	ada.refused(404, "GET", "/v1/events/"+sent["event"].(string), "")
	ada.post("/v1/webhook_deliveries/"+sent["id"].(string)+"/resend", "")
	door.next(t, "payout.paid")
	for _, bad := range []string{"charge.*", "no way", "*"} {
		if f := ada.refused(400, "POST", "/v1/webhook_endpoints/"+door.id+"/test", "type="+url.QueryEscape(bad)); f["param"] != "type" {
			t.Errorf("%s: %v", bad, f)
		}
	}
}

func TestWhatAnEndpointMissedArrivesInOrderWhenItIsBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	door := ada.doorbell("enabled_events[]=customer.*")
	customer := ada.post("/v1/customers", "name=0")["id"].(string)
	door.next(t, "customer.created")
	ada.post("/v1/webhook_endpoints/"+door.id, "disabled=true")
	for i := range 5 {
		ada.post("/v1/customers/"+customer, fmt.Sprintf("name=%d", i+1))
	}
	since := "/v1/webhook_deliveries?webhook_endpoint=" + door.id + "&status=undelivered&created[gte]=1"
	ada.until(since, "five kept", func(l map[string]any) bool { return len(idsOf(l)) == 5 })
	if dry := ada.post("/v1/webhook_replays", "dry_run=true&status[]=undelivered&webhook_endpoint="+door.id); dry["total"] != 5.0 || dry["status"] != "dry_run" || dry["id"] != nil {
		t.Errorf("%v", dry)
	}
	ada.post("/v1/webhook_endpoints/"+door.id, "disabled=false")
	names := func() (names []any) {
		for range 5 {
			var e map[string]any
			if err := json.Unmarshal(door.next(t, "customer.updated").body, &e); err != nil {
				t.Fatal(err)
			}
			names = append(names, at(e, "data", "object", "name"))
		}
		return names
	}
	if got := names(); fmt.Sprint(got) != "[1 2 3 4 5]" {
		t.Errorf("missed %v", got)
	}
	ada.until("/v1/webhook_deliveries?status=pending", "the last answer", func(l map[string]any) bool { return len(idsOf(l)) == 0 })

	replay := ada.post("/v1/webhook_replays", "status[]=delivered&types[]=customer.updated&webhook_endpoint="+door.id)
	if replay["total"] != 5.0 || replay["status"] != "running" {
		t.Errorf("%v", replay)
	}
	if got := names(); fmt.Sprint(got) != "[1 2 3 4 5]" {
		t.Errorf("replayed %v", got)
	}
	done := ada.until("/v1/webhook_replays/"+replay["id"].(string), "the end of the replay", func(r map[string]any) bool { return r["status"] == "done" })
	if done["percent"] != 100.0 || done["replayed"] != 5.0 || done["ended_at"] == nil {
		t.Errorf("%v", done)
	}
	if got := idsOf(ada.get("/v1/webhook_replays")); len(got) != 1 || got[0] != replay["id"] {
		t.Errorf("%v", got)
	}
}

func TestAnAccountsEventsReachNoOtherPlatform(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := clerk{house: h}
	_, bobsKey := h.moveInNextDoor()
	next := *h
	next.key = bobsKey
	bob := clerk{house: &next}
	bobs := []*doorbell{bob.doorbell("enabled_events[]=*"), bob.doorbell("enabled_events[]=*&connect=true")}
	own, theirs := ada.doorbell("enabled_events[]=customer.created"), ada.doorbell("enabled_events[]=customer.created&connect=true")
	may := ada.tutor()
	ada.post("/v1/customers", "name=Ada's")
	ada.of(may).post("/v1/customers", "name=May's")
	adas, mays := own.next(t, "customer.created").header.Get("webhook-id"), theirs.next(t, "customer.created").header.Get("webhook-id")
	for _, event := range []string{adas, mays} {
		bob.refused(404, "POST", "/v1/events/"+event+"/retry", "webhook_endpoint="+bobs[0].id)
	}
	bob.refused(404, "POST", "/v1/webhook_replays", "webhook_endpoint="+own.id)
	bob.refused(404, "GET", "/v1/webhook_deliveries?webhook_endpoint="+own.id, "")
	bob.refused(404, "GET", "/v1/webhook_attempts?webhook_endpoint="+own.id, "")
	bob.post("/v1/customers", "name=Bob's") // in the order of the log, after all that is Ada's
	bobs[0].next(t, "customer.created")
	if got := idsOf(bob.get("/v1/webhook_deliveries?type=customer.*")); len(got) != 1 || len(bobs[1].rung) != 0 {
		t.Errorf("Bob has %v", got)
	}
	for _, d := range bob.get("/v1/webhook_deliveries?limit=100")["data"].([]any) {
		bob.get("/v1/events/" + at(d, "event").(string)) // his own
	}
	if len(own.rung) != 0 || len(theirs.rung) != 0 {
		t.Error("an endpoint of Ada's got more than its own")
	}
}

package eventhttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/eventhttp"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// hub is a platform that reaches acct_tutor and nobody else.
type hub struct{}

func (hub) Authenticate(context.Context, string) (rest.Principal, error) {
	return rest.Principal{KeyID: "key_1", Account: "acct_hub", Kind: rest.Secret}, nil
}

func (hub) Reach(_ context.Context, _, account string, _ bool) (tenant.Access, error) {
	if account == "acct_tutor" {
		return tenant.ReadWrite, nil
	}
	return tenant.NoAccess, nil
}

// Hears lets the platform hear of acct_tutor alone.
func (hub) Hears(_ context.Context, _ bun.IDB, platform, account string, _ bool) (bool, error) {
	return platform == "acct_hub" && account == "acct_tutor", nil
}

// posts has three webhooks to come about evt_1, and nothing failed but them.
type posts struct{}

func (posts) Pending(_ context.Context, _ bun.IDB, events []string) (map[string]int, error) {
	if !slices.Contains(events, "evt_1") {
		return nil, nil
	}
	return map[string]int{"evt_1": 3}, nil
}

func (posts) Succeeded(all bool) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("(e.id <> 'evt_1') = ?", all) }
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestEventsOfAConnectedAccountNeedItsHeader(t *testing.T) {
	pool := dbtest.New(t)
	of := func(id, account, typ string) event.Event {
		return event.Event{ID: id, Type: typ, Account: account, Platform: "acct_hub", ObjectID: id, ObjectVersion: 1, Object: json.RawMessage(`{"id":"x"}`), CreatedAt: noon}
	}
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		return event.Log{}.Append(ctx, tx, of("evt_1", "acct_hub", "charge.succeeded"), of("evt_2", "acct_tutor", "account.updated"), of("evt_3", "acct_hub", "payout.paid"))
	})
	if err != nil {
		t.Fatal(err)
	}
	at := clock.NewFixed(noon)
	s := rest.New(rest.Config{Pool: pool, Authenticator: hub{}, Accounts: hub{}})
	s.Mount(eventhttp.Routes(s, pool, clock.Modes{Live: at, Test: at}, posts{}, hub{})...)

	checked := openapi.Wrap(t, s)
	for _, c := range []struct {
		path, account string
		status        int
		ids           []string
	}{
		{"/v1/events", "", 200, []string{"evt_3", "evt_1"}},
		{"/v1/events", "acct_tutor", 200, []string{"evt_2"}},
		{"/v1/events?type=charge.*", "", 200, []string{"evt_1"}},
		{"/v1/events?types[]=payout.paid&types[]=x&limit=1&created[gte]=1", "", 200, []string{"evt_3"}},
		{"/v1/events?delivery_success=false&created[lt]=1", "", 200, []string{}},
		{"/v1/events?delivery_success=false", "", 200, []string{"evt_1"}},
		{"/v1/events?delivery_success=true", "", 200, []string{"evt_3"}},
		{"/v1/events?type=a&types[]=b", "", 400, nil},
		{"/v1/events?object_id=evt_3", "", 200, []string{"evt_3"}},
		{"/v1/events?object_ids[]=evt_1&object_ids[]=evt_2", "", 200, []string{"evt_1"}},
		{"/v1/events?object_id=evt_2", "", 200, []string{}},
		{"/v1/events?object_id=a&object_ids[]=b", "", 400, nil},
		{"/v1/events?wat=1", "", 400, nil},
		{"/v1/events/evt_1", "", 200, []string{"evt_1"}},
		{"/v1/events/evt_2", "", 404, nil},
		{"/v1/events/evt_2", "acct_tutor", 200, []string{"evt_2"}},
		{"/v1/events/evt_1", "acct_tutor", 404, nil},
	} {
		req := httptest.NewRequest(http.MethodGet, c.path, nil)
		req.Header.Set("Authorization", "Bearer sk_test_x")
		if c.account != "" {
			req.Header.Set("Stripe-Account", c.account)
		}
		rec := httptest.NewRecorder()
		checked.ServeHTTP(rec, req)
		if rec.Code != c.status {
			t.Errorf("%s for %q: %d %s", c.path, c.account, rec.Code, rec.Body)
			continue
		}
		if diff := cmp.Diff(c.ids, ids(t, rec.Body.Bytes())); diff != "" {
			t.Errorf("%s for %q: %s", c.path, c.account, diff)
		}
	}
}

// ids are the event ids of an answer, a list or a single event; nil for an error.
func ids(t *testing.T, body []byte) []string {
	t.Helper()
	var answer struct {
		ID   string
		Data json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.ID != "" {
		return []string{answer.ID}
	}
	if answer.Data == nil {
		return nil
	}
	var events []struct{ ID string }
	if err := json.Unmarshal(answer.Data, &events); err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

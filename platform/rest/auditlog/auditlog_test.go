package auditlog_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/auditlog"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

type keys struct{}

func (keys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	switch key {
	case "hub":
		return rest.Principal{KeyID: "key_hub", Account: "acct_hub", Kind: rest.Secret}, nil
	case "ada":
		return rest.Principal{KeyID: "usr_ada", Account: "acct_hub", Kind: rest.Restricted, Member: true}, nil
	case "next door":
		return rest.Principal{KeyID: "key_other", Account: "acct_other", Kind: rest.Secret}, nil
	}
	return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
}

func (keys) Reach(context.Context, string, string, bool) (tenant.Access, error) {
	return tenant.NoAccess, nil
}

var made = id.New("key")

type house struct {
	t    *testing.T
	pool *bun.DB
	log  *auditlog.Log
	s    *rest.Server
	done int // how often a change happened
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, pool: dbtest.New(t)}
	quiet := slog.New(slog.DiscardHandler)
	h.log = auditlog.New(h.pool, clock.System{}, quiet, "api_keys")
	h.s = rest.New(rest.Config{Log: quiet, Pool: h.pool, Authenticator: keys{}, Accounts: keys{}, Audit: h.log})
	change := h.s.Write(func(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
		h.done++
		if strings.HasSuffix(r.URL.Path, "roll") {
			return nil, fault.Invalidf("api_key_inactive", "id", "This API key is revoked.")
		}
		err := event.Log{}.Append(ctx, tx, event.Event{
			Type: "account.updated", Account: "acct_hub", Platform: "acct_hub", ObjectID: id.New("acct"), ObjectVersion: 1, CreatedAt: time.Now(),
			Object: json.RawMessage(`{"id":"acct_1","name":"new","other":1}`), Previous: json.RawMessage(`{"name":"old"}`),
		})
		return map[string]string{"id": made}, err
	})
	h.s.Mount(
		rest.Route{Method: "POST", Path: "/v1/api_keys", Resource: "api_keys", Handler: change},
		rest.Route{Method: "POST", Path: "/v1/api_keys/{id}/roll", Resource: "api_keys", Handler: change},
		rest.Route{Method: "POST", Path: "/v1/charges", Resource: "charges", Handler: change},
		rest.Route{Method: "GET", Path: "/v1/charges", Resource: "charges", Handler: h.s.Read(func(context.Context, *rest.Request) (any, error) { return "", nil })},
	)
	h.s.Mount(auditlog.Routes(h.s, h.log, auditlog.NewSeal(secret.RandomPepper()))...)
	return h
}

func (h *house) ask(key, method, target, body string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.s.ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(answer)
}

func (h *house) list(key, query string) []wire.AuditRecord {
	h.t.Helper()
	var found wire.List[wire.AuditRecord]
	status, answer := h.ask(key, "GET", "/v1/audit_log?limit=100&"+query, "")
	if status != 200 || json.Unmarshal([]byte(answer), &found) != nil {
		h.t.Fatalf("%d %s", status, answer)
	}
	return found.Data
}

func TestWhatPeopleChangeAndWhatKeysChangeAboutAccessIsRemembered(t *testing.T) {
	h := newHouse(t)
	h.ask("ada", "POST", "/v1/charges", "amount=5&reason=asked+by+phone&description=Chan+Ka+Yan")
	h.ask("hub", "POST", "/v1/charges", "amount=5") // a program's charge is not a change of who may do what
	h.ask("ada", "GET", "/v1/charges", "")
	h.ask("hub", "POST", "/v1/api_keys", "type=secret")
	h.ask("hub", "POST", "/v1/api_keys/"+made+"/roll", "")
	h.ask("next door", "POST", "/v1/api_keys", "type=secret")
	var seen []string
	for _, r := range h.list("hub", "") {
		seen = append(seen, r.Actor+" "+r.Action+" "+r.Outcome+" "+*r.RelatedObject)
	}
	want := "key_hub api_keys.roll refused " + made + "\nkey_hub api_keys.create done " + made + "\nusr_ada charges.create done " + made
	if got := strings.Join(seen, "\n"); got != want {
		t.Errorf("remembered\n%s\nwant\n%s", got, want)
	}
	first := h.list("ada", "actor=usr_ada")[0]
	if *first.Reason != "asked by phone" || strings.Contains(string(first.Params), "Chan") || *first.IP != "192.0.2.1" || *first.Status != 200 {
		t.Errorf("remembered %+v", first)
	}
	for query, n := range map[string]int{
		"action=api_keys": 2, "action=api_keys.roll": 1, "outcome=refused": 1, "outcome=done": 2, "outcome=unknown": 0, "related_object=" + made: 3, "created[lt]=5": 0,
	} {
		if got := h.list("hub", query); len(got) != n {
			t.Errorf("%s finds %d, want %d", query, len(got), n)
		}
	}
	if status, _ := h.ask("next door", "GET", "/v1/audit_log/"+first.ID, ""); status != 404 {
		t.Errorf("a neighbour reads it: %d", status)
	}
}

func TestARecordShowsBeforeAndAfter(t *testing.T) {
	h := newHouse(t)
	h.ask("ada", "POST", "/v1/charges", "amount=5")
	var r wire.AuditRecord
	_, answer := h.ask("hub", "GET", "/v1/audit_log/"+h.list("hub", "")[0].ID, "")
	if err := json.Unmarshal([]byte(answer), &r); err != nil || len(r.Changes) != 1 {
		t.Fatalf("%v %s", err, answer)
	}
	squeeze := func(raw json.RawMessage) string { return strings.Join(strings.Fields(string(raw)), "") }
	if c := r.Changes[0]; squeeze(c.Before) != `{"name":"old"}` || squeeze(c.After) != `{"name":"new"}` || c.Type != "account.updated" {
		t.Errorf("changes %+v", r.Changes)
	}
}

func TestAChangeThatCannotBeRecordedIsNotMade(t *testing.T) {
	h := newHouse(t)
	if _, err := h.pool.ExecContext(t.Context(), "ALTER TABLE platform.audit_acts RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	if status, answer := h.ask("ada", "POST", "/v1/charges", "amount=5"); status != 503 || h.done != 0 {
		t.Errorf("%d %s, done %d times", status, answer, h.done)
	}
}

func TestTheLogCannotBeEdited(t *testing.T) {
	h := newHouse(t)
	h.ask("ada", "POST", "/v1/charges", "amount=5")
	for _, statement := range []string{
		"UPDATE platform.audit_acts SET actor = 'usr_bob'", "DELETE FROM platform.audit_acts", "TRUNCATE platform.audit_acts",
		"UPDATE platform.audit_outcomes SET status = 500", "DELETE FROM platform.audit_outcomes", "TRUNCATE platform.audit_outcomes",
	} {
		if _, err := h.pool.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s was obeyed", statement)
		}
	}
}

func TestActionsSayWhatIsDone(t *testing.T) {
	for route, want := range map[string]string{
		"POST /v1/api_keys": "api_keys.create", "POST /v1/api_keys/{id}/roll": "api_keys.roll", "POST /v1/webhook_endpoints/{id}": "webhook_endpoints.update",
		"DELETE /v1/webhook_endpoints/{id}": "webhook_endpoints.delete", "POST /v1/payout_policy": "payout_policy.update", "POST /v1/balance_settings": "balance_settings.update",
		"POST /v1/payout_policy/approve": "payout_policy.approve", "POST /v1/accounts/{id}/external_accounts": "accounts.external_accounts.create",
		"DELETE /v1/accounts/{id}/external_accounts/{external}": "accounts.external_accounts.delete", "POST /v1/test_helpers/world_clock/advance": "test_helpers.world_clock.advance",
	} {
		method, path, _ := strings.Cut(route, " ")
		if got := auditlog.Action(method, path); got != want {
			t.Errorf("%s is called %s, want %s", route, got, want)
		}
	}
}

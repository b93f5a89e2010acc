package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWebhookCommandsAskWhatTheySay(t *testing.T) {
	t.Chdir(t.TempDir())
	const endpoint = `{"id": "we_1", "url": "https://a.example/", "enabled_events": ["charge.*", "payout.paid"], "connect": true, "status": "disabled", "disabled_reason": "gone", "health": {"state": "open"}}`
	const delivery = `{"id": "whd_1", "event_type": "charge.failed", "related_object": "ch_1", "status": "pending", "attempt_count": 3, "next_attempt": 1795971180}`
	for _, c := range []struct{ line, asks, answer, prints string }{
		{"webhooks list", "GET /v1/webhook_endpoints?limit=20", `{"data": [` + endpoint + `]}`, "charge.* payout.paid  connected accounts  disabled (gone)  open"},
		{"webhooks get we_1", "GET /v1/webhook_endpoints/we_1?", endpoint, "we_1"},
		{"webhooks create --url https://a.example/ --event charge.*,payout.paid --connect --payload thin --ordered true --rate-limit 5 --retry 5,60",
			"POST /v1/webhook_endpoints?connect=true&enabled_events[]=charge.*&enabled_events[]=payout.paid&event_payload=thin&ordered=true&rate_limit=5&retry_schedule[]=5&retry_schedule[]=60&url=https://a.example/",
			`{"id": "we_1", "secret": "whsec_plain"}`, "whsec_plain"},
		{"webhooks update we_1 --description  --disabled false --leave-missed", "POST /v1/webhook_endpoints/we_1?description=&disabled=false&replay_missed=false", endpoint, "we_1"},
		{"webhooks pause we_1", "POST /v1/webhook_endpoints/we_1?paused=true", `{"id": "we_1", "status": "enabled", "paused": true}`, "paused"},
		{"webhooks resume we_1", "POST /v1/webhook_endpoints/we_1?paused=false", `{"id": "we_1", "status": "enabled"}`, "enabled"},
		{"webhooks delete we_1", "DELETE /v1/webhook_endpoints/we_1?", `{"id": "we_1", "deleted": true}`, "we_1 is deleted"},
		{"webhooks roll-secret we_1 --overlap 2d", "POST /v1/webhook_endpoints/we_1/roll_secret?overlap_seconds=172800", `{"id": "we_1", "secret": "whsec_new"}`, "whsec_new"},
		{"webhooks roll-secret we_1 --now", "POST /v1/webhook_endpoints/we_1/roll_secret?overlap_seconds=0", `{"id": "we_1", "secret": "whsec_new"}`, "whsec_new"},
		{"webhooks test we_1 --type charge.failed", "POST /v1/webhook_endpoints/we_1/test?type=charge.failed", delivery, "charge.failed  ch_1    pending      3  2026-11-29 16:53"},
		{"webhooks resend whd_1", "POST /v1/webhook_deliveries/whd_1/resend?", delivery, "whd_1"},
		{"webhooks deliveries we_1 --status undelivered --since 1795971180 --until 2026-11-29T16:53:01Z",
			"GET /v1/webhook_deliveries?created[gte]=1795971180&created[lte]=1795971181&limit=20&status=undelivered&webhook_endpoint=we_1", `{"data": [` + delivery + `]}`, "whd_1"},
		{"webhooks attempts --failure timeout --limit 5", "GET /v1/webhook_attempts?failure=timeout&limit=5",
			`{"data": [{"id": "wha_1", "number": 2, "failure": "timeout", "duration_ms": 10000, "webhook_delivery": "whd_1", "response": {"status": null}}]}`, "2  timeout  10000"},
		{"webhooks replay we_1 --type charge.* --status failed --rate-limit 9 --dry-run",
			"POST /v1/webhook_replays?dry_run=true&rate_limit=9&status[]=failed&types[]=charge.*&webhook_endpoint=we_1",
			`{"id": null, "status": "dry_run", "total": 12000, "webhook_endpoint": "we_1"}`, "we_1      dry_run         0  12000"},
	} {
		asked := answering(t, http.StatusOK, c.answer)
		args := strings.Split(c.line, " ")
		code, out, errout := run(t, args...)
		if code != 0 || !strings.Contains(out, c.prints) {
			t.Errorf("sluice %s: exit %d %s\n%s", c.line, code, errout, out)
			continue
		}
		r := (*asked)[0]
		form, err := url.QueryUnescape(r.Form.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Method + " " + r.URL.Path + "?" + form; got != c.asks {
			t.Errorf("sluice %s asked %s, want %s", c.line, got, c.asks)
		}
	}
}

func TestTimesOfWebhooksAreSaidInThreeWays(t *testing.T) {
	asked := answering(t, http.StatusOK, `{"data": []}`)
	if code, _, errout := run(t, "webhooks", "deliveries", "--since", "3d"); code != 0 {
		t.Fatal(errout)
	}
	since, _ := strconv.ParseInt((*asked)[0].Form.Get("created[gte]"), 10, 64)
	if ago := time.Since(time.Unix(since, 0)); ago < 72*time.Hour || ago > 73*time.Hour {
		t.Errorf("3d is %s ago", ago)
	}
	for _, line := range []string{"webhooks deliveries --since yesterday", "webhooks replay we_1 --until soon", "webhooks update we_1", "webhooks roll-secret we_1 --now --overlap 1d"} {
		if code, _, _ := run(t, strings.Fields(line)...); code != 2 {
			t.Errorf("sluice %s: exit %d", line, code)
		}
	}
}

func TestAReplayIsFollowedToItsEnd(t *testing.T) {
	for end, want := range map[string]int{"done": 0, "canceled": 5} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			status := "running"
			if asked > 2 {
				status = end
			}
			_, _ = io.WriteString(w, fmt.Sprintf(`{"id": "whr_1", "status": %q, "total": 300, "replayed": %d, "percent": %d, "webhook_endpoint": "we_1"}`, status, asked*100, asked*33))
		}))
		defer server.Close()
		t.Setenv("SLUICE_BASE_URL", server.URL)
		t.Setenv("SLUICE_API_KEY", "sk_test_1")
		code, out, errout := run(t, "webhooks", "replay", "we_1", "--wait")
		if code != want || !strings.Contains(out, end) || !strings.HasPrefix(errout, "200 of 300 (66 %)\n300 of 300 (99 %)\n") {
			t.Errorf("exit %d\n%s%s", code, out, errout)
		}
	}
}

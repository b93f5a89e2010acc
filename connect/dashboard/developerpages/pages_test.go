package developerpages

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, root+path, nil))
	return w
}

func post(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, root+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryPageAnswersInBothLanguages(t *testing.T) {
	_, _, h := desk(t)
	for name, path := range addressesOfPages {
		for _, lang := range []string{"en", "zh-Hant-HK"} {
			glue := "?"
			if strings.Contains(path, "?") {
				glue = "&"
			}
			if w := get(h, path+glue+"lang="+lang); w.Code != http.StatusOK {
				t.Errorf("%s in %s: %d", name, lang, w.Code)
			}
		}
	}
}

func TestANewKeyIsShownOnceWithItsPermissions(t *testing.T) {
	a, _, h := desk(t)
	w := post(h, "/api-keys/new", url.Values{"type": {"restricted"}, "name": {"Shop"}, "life": {"never"}, "scope_charges": {"write"}, "idempotency_key": {"once-1"}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "rk_test_1aAbBcCdDeEfFgG2hHiIjJkK9Qx2") || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if !strings.Contains(a.asked[0], "scopes%5B%5D=charges%3Awrite") {
		t.Errorf("asked %v", a.asked)
	}
	if w := post(h, "/api-keys/new", url.Values{"type": {"restricted"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a restricted key without a permission: %d", w.Code)
	}
}

func TestAKeysLimitIsWrittenALineEachAndLiftedByNone(t *testing.T) {
	a, _, h := desk(t)
	for written, want := range map[string]string{
		"203.0.113.7\r\n2001:db8::/32, 10.0.0.0/8": "allowed_ips%5B%5D=203.0.113.7&allowed_ips%5B%5D=2001%3Adb8%3A%3A%2F32&allowed_ips%5B%5D=10.0.0.0%2F8", "": "allowed_ips=&",
	} {
		a.asked = nil
		w := post(h, "/api-keys/"+keyID+"/edit", url.Values{"name": {"Shop"}, "allowed_ips": {written}, "idempotency_key": {"once-9"}})
		if asked := strings.Join(a.asked, "\n"); w.Code != http.StatusSeeOther || !strings.Contains(asked, want) {
			t.Errorf("%d, asked %s", w.Code, asked)
		}
	}
}

func TestASignedExportIsOfWhatThePageShows(t *testing.T) {
	a, _, h := desk(t)
	page := get(h, "/audit?outcome=refused&from=2026-11-01").Body.String()
	if !strings.Contains(page, "/audit/export?as=jsonl&amp;from=2026-11-01&amp;outcome=refused") {
		t.Error("the page does not lead to an export of what it shows")
	}
	a.asked = nil
	w := get(h, "/audit/export?as=jsonl&from=2026-11-01&outcome=refused")
	asked := strings.Join(a.asked, "\n")
	if w.Body.String() != "PK archive" || !strings.Contains(w.Header().Get("Content-Disposition"), "audit_log.zip") ||
		!strings.Contains(asked, "created%5Bgte%5D=1793462400") || !strings.Contains(asked, "format=jsonl&outcome=refused&signed=true") {
		t.Errorf("%d %v, asked %s", w.Code, w.Header(), asked)
	}
}

func TestAReplayIsCountedInDaysOfTheAccount(t *testing.T) {
	a, _, h := desk(t)
	w := get(h, addressesOfPages["replay-counted"])
	if !strings.Contains(w.Body.String(), "10000") {
		t.Errorf("%d: no count", w.Code)
	}
	// 1 November begins in Hong Kong at 16:00 UTC of the day before.
	if asked := strings.Join(a.asked, "\n"); !strings.Contains(asked, "created%5Bgte%5D=1793462400") || !strings.Contains(asked, "dry_run=true") {
		t.Errorf("asked %s", asked)
	}
	w = post(h, "/webhooks/"+endpointID+"/replay", url.Values{"from": {"2026-11-03"}, "to": {"2026-11-01"}, "status[]": {"failed"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a range that ends before it begins: %d", w.Code)
	}
	w = post(h, "/webhooks/"+endpointID+"/replay", url.Values{"from": {"2026-11-01"}, "status[]": {"failed"}, "idempotency_key": {"once-2"}})
	if w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "/replays/"+replayID) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestARequestCanBeAskedAgain(t *testing.T) {
	_, _, h := desk(t)
	body := get(h, "/requests/"+requestID).Body.String()
	for _, part := range []string{
		"https://pay.example/v1/charges", "-X POST", "Stripe-Account: acct_tutor", "transfer_data[destination]=acct_1", "amount=60000", "card_declined", eventID,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}

func TestSuccessAndP95AreOfTheLatestAttempts(t *testing.T) {
	_, _, h := desk(t)
	body := get(h, "/webhooks/"+endpointID).Body.String()
	for _, part := range []string{"50 %", "41 ms", "No answer in time", "1 of the last 2 attempts"} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}

func TestTimeIsMovedOnlyAfterSayingWhatHappens(t *testing.T) {
	a, _, h := desk(t)
	body := get(h, "/sandbox?advance=2d").Body.String()
	if !strings.Contains(body, "HK$510.00") || !strings.Contains(body, "HK$1,200.00") {
		t.Error("the forecast lacks what becomes available or arrives")
	}
	for _, asked := range a.asked {
		if strings.HasPrefix(asked, "POST") {
			t.Errorf("looking moved something: %s", asked)
		}
	}
}

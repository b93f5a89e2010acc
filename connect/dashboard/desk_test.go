package dashboard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/ui"
)

const threeCharges = `{"object": "list", "has_more": true, "data": [
	{"id": "ch_3", "amount": 60000, "currency": "hkd", "status": "succeeded", "created": 1795996800},
	{"id": "ch_2", "amount": 45000, "currency": "hkd", "status": "failed", "created": 1795996700},
	{"id": "ch_1", "amount": 9007199254740993, "currency": "hkd", "status": "pending", "created": 1795996600}]}`

func kit(t testing.TB) *ui.Kit {
	t.Helper()
	k, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// api answers every request alike and remembers the last one.
type api struct {
	mu     sync.Mutex
	answer string
	status int
	asked  *http.Request
}

func (a *api) say(answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = r
	if a.status != 0 {
		w.Header().Set("Request-Id", "req_inside")
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.answer)
}

func welcome(t testing.TB, a http.Handler, chairs ...dashboard.Chair) (http.Handler, *dashboardtest.Gate) {
	t.Helper()
	desk, gate := dashboardtest.New(t, kit(t), a, chairs...)
	addPayments(t, desk, dashboard.ForPlatform, "")
	return dashboardtest.Handler(desk), gate
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestAPageAsksTheAPIWithACredentialThatEndsWithIt(t *testing.T) {
	a := &api{answer: threeCharges}
	h, gate := welcome(t, a)
	w := get(h, "/dashboard/acct_platform/test")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "HK$600.00") || !strings.Contains(w.Body.String(), "HK$90,071,992,547,409.93") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := a.asked.Header.Get("Authorization"); got != "Bearer dsk_test" {
		t.Errorf("asked with %q", got)
	}
	if gate.Opened != 0 {
		t.Errorf("%d credentials are still open", gate.Opened)
	}
}

package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/webhook"
)

func TestDevInboxKeepsTheNewest200(t *testing.T) {
	inbox := webhook.NewInbox()
	for i := range 205 {
		r := httptest.NewRequest(http.MethodPost, "/_dev/hooks", strings.NewReader(fmt.Sprintf(`{"type":"charge.succeeded","n":%d}`, i)))
		r.Header.Set("webhook-id", fmt.Sprintf("evt_%d", i))
		inbox.ServeHTTP(httptest.NewRecorder(), r)
	}
	w := httptest.NewRecorder()
	inbox.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_dev/hooks", nil))
	var got struct{ Data []webhook.Received }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 200 || got.Data[0].ID != "evt_204" || got.Data[199].ID != "evt_5" || got.Data[0].Type != "charge.succeeded" {
		t.Fatalf("%d kept, first %s", len(got.Data), got.Data[0].ID)
	}
}

func TestDevInboxShowsHTMLEscaped(t *testing.T) {
	inbox := webhook.NewInbox()
	inbox.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"type":"<script>"}`)))
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	r.Header.Set("Accept", "text/html,*/*")
	inbox.ServeHTTP(w, r)
	if !strings.Contains(w.Header().Get("Content-Type"), "text/html") || strings.Contains(w.Body.String(), "<script>") {
		t.Fatalf("page: %s", w.Body)
	}
}

func TestDevInboxRefusesWhatIsNoEvent(t *testing.T) {
	for method, want := range map[string]int{http.MethodPost: 400, http.MethodPut: 405} {
		w := httptest.NewRecorder()
		webhook.NewInbox().ServeHTTP(w, httptest.NewRequest(method, "/", strings.NewReader("hello")))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", method, w.Code, want)
		}
	}
}

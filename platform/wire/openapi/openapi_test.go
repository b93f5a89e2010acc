package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// fixture is the file's own example of an object.
func fixture(t *testing.T, name string) map[string]any {
	t.Helper()
	var all struct {
		Resources map[string]map[string]any `json:"resources"`
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &all); err != nil {
		t.Fatal(err)
	}
	return all.Resources[name]
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryOwnExampleFits(t *testing.T) {
	for _, name := range []string{"charge", "transfer", "payout", "account", "refund", "payment_intent", "balance", "event"} {
		if err := openapi.ValidateObject(name, encode(t, fixture(t, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersThatDoNotFitAreNamed(t *testing.T) {
	const path = "/v1/charges/ch_1"
	for _, c := range []struct {
		rule   string
		change func(charge map[string]any)
		want   string
	}{
		{"fits", func(map[string]any) {}, ""},
		{"own fields are allowed", func(c map[string]any) { c["splits"] = []any{1} }, ""},
		{"nullable", func(c map[string]any) { c["balance_transaction"] = nil }, ""},
		{"required", func(c map[string]any) { delete(c, "amount") }, "amount is missing"},
		{"not nullable", func(c map[string]any) { c["amount"] = nil }, "amount is null"},
		{"integer", func(c map[string]any) { c["amount"] = 1.5 }, "amount is not an integer"},
		{"enumeration", func(c map[string]any) { c["status"] = "great" }, "status is great"},
		{"values of maps", func(c map[string]any) { c["metadata"] = map[string]any{"a": 1} }, "metadata.a is not a string"},
		{"expanded object", func(c map[string]any) { c["balance_transaction"] = map[string]any{"object": "balance_transaction"} }, "balance_transaction."},
	} {
		charge := fixture(t, "charge")
		c.change(charge)
		err := openapi.Validate("GET", path+"?expand[]=x", 200, encode(t, charge))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.rule, err, c.want)
		}
	}
}

func TestExpandedObjectFits(t *testing.T) {
	charge := fixture(t, "charge")
	charge["balance_transaction"] = fixture(t, "balance_transaction")
	if err := openapi.Validate("POST", "/v1/charges", 200, encode(t, charge)); err != nil {
		t.Error(err)
	}
}

func TestErrorsHaveOneShapeOnEveryPath(t *testing.T) {
	if err := openapi.Validate("GET", "/v1/ledger/entries", 404, []byte(`{"error":{"type":"invalid_request_error"}}`)); err != nil {
		t.Error(err)
	}
	if err := openapi.Validate("GET", "/v1/ledger/entries", 404, []byte(`{"error":"no"}`)); err == nil {
		t.Error("an error that is a string was let through")
	}
}

func TestUnknownPathsAreSkipped(t *testing.T) {
	if err := openapi.Validate("GET", "/v1/ledger/entries", 200, []byte(`{"anything":1}`)); err != nil {
		t.Error(err)
	}
	if openapi.Known("GET", "/v1/ledger/entries") || !openapi.Known("POST", "/v1/accounts/acct_1/reject") {
		t.Error("the file's own paths are not told from others")
	}
}

type recorder struct {
	testing.TB
	failures int
}

func (r *recorder) Errorf(string, ...any) { r.failures++ }

func TestWrapFailsTheTestOnce(t *testing.T) {
	r := &recorder{TB: t}
	h := openapi.Wrap(r, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{}`))
	}))
	for range 2 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/charges/ch_1", nil))
	}
	if r.failures != 1 {
		t.Errorf("%d failures, want 1", r.failures)
	}
}

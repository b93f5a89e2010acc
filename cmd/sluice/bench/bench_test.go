package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestPercentilesAreNearestRank(t *testing.T) {
	var took []time.Duration
	for n := 1; n <= 200; n++ {
		took = append(took, time.Duration(n)*time.Millisecond)
	}
	for percent, want := range map[int]float64{50: 100, 99: 198, 100: 200} {
		if got := percentile(took, percent); got != want {
			t.Errorf("p%d = %v ms, want %v", percent, got, want)
		}
	}
	if percentile(nil, 99) != 0 {
		t.Error("no requests took time")
	}
}

// till counts the charges it takes and refuses every tenth.
type till struct {
	mu           sync.Mutex
	keys         map[string]bool
	destinations map[string]int
	charges      int
}

func (b *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.Path == "/v1/accounts" {
		_, _ = fmt.Fprintf(w, `{"id": "acct_%d"}`, len(b.keys))
		b.keys[r.Header.Get("Idempotency-Key")] = true
		return
	}
	b.charges++
	b.keys[r.Header.Get("Idempotency-Key")] = true
	b.destinations[r.FormValue("transfer_data[destination]")]++
	if b.charges%10 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error": {"message": "The queue is full."}}`)
	}
}

func newTill(t *testing.T) (*till, string) {
	t.Helper()
	b := &till{keys: map[string]bool{}, destinations: map[string]int{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return b, server.URL
}

func TestLoadCountsWhatWasAnsweredUnderFreshKeys(t *testing.T) {
	b, address := newTill(t)
	c := client.New(address, secret.New("sk_test_1"), 4)
	defer c.Close()
	r, err := load(t.Context(), c, 4, 100*time.Millisecond, profile{"spread", []string{"acct_1", "acct_2"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Charges+r.Errors != b.charges || len(b.keys) != b.charges {
		t.Errorf("%d charges and %d errors of %d requests under %d keys", r.Charges, r.Errors, b.charges, len(b.keys))
	}
	if r.Errors != b.charges/10 || r.FirstError != "The queue is full." {
		t.Errorf("%d errors, the first %q", r.Errors, r.FirstError)
	}
	if len(b.destinations) != 2 {
		t.Errorf("destinations %v", b.destinations)
	}
}

func TestProfilesFollowTheFlags(t *testing.T) {
	accounts := []string{"acct_1", "acct_2"}
	for _, c := range []struct {
		o    options
		want string
	}{
		{options{}, "hot/1 spread/2"}, {options{hot: true}, "hot/1"}, {options{spread: true}, "spread/2"}, {options{hot: true, spread: true}, "hot/1 spread/2"},
	} {
		var got []string
		for _, p := range c.o.profiles(accounts) {
			got = append(got, fmt.Sprintf("%s/%d", p.name, len(p.destinations)))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.o, got, c.want)
		}
	}
}

func TestAGivenServerIsUsedAndNotStarted(t *testing.T) {
	_, address := newTill(t)
	start := func(context.Context, io.Writer) (Server, error) {
		t.Error("a private server was started")
		return Server{}, nil
	}
	var out, errout bytes.Buffer
	args := []string{"charges", "--base-url", address, "--api-key", "sk_test_1", "--hot", "--clients", "2", "--duration", "20ms", "--accounts", "1"}
	if code := cli.Execute(t.Context(), Command(start, nil), args, &out, &errout); code != 0 {
		t.Fatalf("exit %d: %s", code, &errout)
	}
	if !strings.Contains(out.String(), "CHARGES/S") || !strings.Contains(errout.String(), "not verified") {
		t.Errorf("printed:\n%s%s", &out, &errout)
	}
}

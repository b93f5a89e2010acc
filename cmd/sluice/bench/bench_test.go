package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

// TestMain makes the test binary behave as sluice when a bench starts itself for its load.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "bench" && os.Args[2] == "load" {
		root := &cobra.Command{Use: "sluice"}
		root.AddCommand(Command(Hands{}))
		os.Exit(cli.Execute(context.Background(), root, os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

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
	if got := permille(took, 999); got != 200 {
		t.Errorf("p99.9 = %v ms, want 200", got)
	}
	if percentile(nil, 99) != 0 {
		t.Error("no requests took time")
	}
}

// till counts the charges it takes and refuses every tenth.
type till struct {
	mu           sync.Mutex
	keys         map[string]int
	sellers      map[string]int
	destinations map[string]int
	charges      int
	wait         time.Duration
	malformed    string
}

func (b *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.Path == "/v1/accounts" {
		_, _ = fmt.Fprintf(w, `{"id": "acct_%03d"}`, len(b.keys))
		b.keys[r.Header.Get("Idempotency-Key")]++
		return
	}
	time.Sleep(b.wait) // a slow server is slow for one after the other
	b.charges++
	b.keys[r.Header.Get("Idempotency-Key")]++
	b.sellers[r.Header.Get("Authorization")]++
	b.destinations[r.FormValue("transfer_data[destination]")]++
	if r.FormValue("amount") != "60000" || r.FormValue("source") != "tok_visa" {
		b.malformed = fmt.Sprint(r.Form)
	}
	switch {
	case b.charges%10 == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error": {"message": "The queue is full."}}`)
	case b.charges%10 == 5:
		w.WriteHeader(http.StatusPaymentRequired)
		_, _ = io.WriteString(w, `{"error": {"message": "Declined."}}`)
	default: // long enough to be sent in chunks
		_, _ = io.WriteString(w, `{"id": "ch_1", "status": "succeeded", "rest": "`+strings.Repeat("x", 5000)+`"}`)
	}
}

func newTill(t *testing.T) (*till, string) {
	t.Helper()
	b := &till{keys: map[string]int{}, sellers: map[string]int{}, destinations: map[string]int{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return b, server.URL
}

// chargePlan is a load of charges for two platforms with two accounts each.
func chargePlan(t *testing.T, address string, o options, connections int) Plan {
	t.Helper()
	s := stage{run: "bench_1", parties: []party{{"sk_test_1", []string{"acct_1", "acct_2"}}, {"sk_test_2", []string{"acct_3", "acct_4"}}}}
	plan, err := shapes[0].plan(s, []string{strings.TrimPrefix(address, "http://")}, o, connections)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func driven(t *testing.T, plan Plan) Outcome {
	t.Helper()
	d, err := newDriver(plan, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	o, err := d.run(plan.Duration)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestLoadCountsWhatWasAnsweredUnderFreshKeys(t *testing.T) {
	b, address := newTill(t)
	o := driven(t, chargePlan(t, address, options{duration: 200 * time.Millisecond}, 4))
	if b.charges < 20 || o.Done+o.Errors+o.Refused != b.charges || len(b.keys) != b.charges {
		t.Errorf("%+v of %d requests under %d keys", o, b.charges, len(b.keys))
	}
	if o.Refused != b.charges/10 || o.Errors != (b.charges+5)/10 || !strings.Contains(o.FirstError, "status 402") {
		t.Errorf("%+v", o)
	}
	if len(b.destinations) != 4 || b.sellers["Bearer sk_test_1"] == 0 || b.sellers["Bearer sk_test_2"] == 0 || b.malformed != "" {
		t.Errorf("destinations %v of %v; malformed %s", b.destinations, b.sellers, b.malformed)
	}
	if o.Times.P50 <= 0 || o.Times.Max < o.Times.P99 || o.CPUSeconds <= 0 {
		t.Errorf("%+v", o)
	}
}

// One connection to a server that takes 10 ms, and a request due every millisecond:
// they stand in line, and the line is part of the time.
func TestOpenLoopTimesRunFromWhenARequestWasDue(t *testing.T) {
	b, address := newTill(t)
	b.wait = 10 * time.Millisecond
	o := driven(t, chargePlan(t, address, options{duration: 300 * time.Millisecond, rate: 1000}, 1))
	if o.Times.Max < 200 || o.Unsent < 200 {
		t.Errorf("the last of a line took %v ms and %d were left; want most of 300 ms and of 300", o.Times.Max, o.Unsent)
	}
}

func TestOpenLoopSendsAtItsRate(t *testing.T) {
	b, address := newTill(t)
	o := driven(t, chargePlan(t, address, options{duration: 300 * time.Millisecond, rate: 200}, 64))
	if b.charges+o.Unsent < 59 || b.charges > 61 {
		t.Errorf("%d requests in 300 ms at 200 a second, %d unsent", b.charges, o.Unsent)
	}
}

func TestALoadOutlivesItsConnections(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := served.Add(1)
		if n%3 == 0 {
			w.Header().Set("Connection", "close")
		}
		if n%5 == 0 {
			panic(http.ErrAbortHandler) // breaks the connection
		}
		_, _ = io.WriteString(w, `{"status": "succeeded"}`)
	}))
	defer server.Close()
	o := driven(t, chargePlan(t, server.URL, options{duration: 200 * time.Millisecond}, 1))
	if o.Done < 10 || o.Errors == 0 || int64(o.Done+o.Errors) != served.Load() {
		t.Errorf("%+v of %d", o, served.Load())
	}
}

func TestTurnsFollowTheShares(t *testing.T) {
	turns := shuffle([]int{3, 1})
	if fmt.Sprint(turns) != "[0 0 1 0]" {
		t.Errorf("turns %v", turns)
	}
}

func TestHotIsOnePlatformAndSpreadIsAll(t *testing.T) {
	all := []party{{"sk_1", []string{"a", "b", "c", "d"}}, {"sk_2", []string{"e", "f"}}}
	for _, c := range []struct {
		o    options
		want string
	}{
		{options{hot: true, accounts: 4}, "hot [{sk_1 [a b c d]}]"},
		{options{spread: true, accounts: 4}, "spread [{sk_1 [a b]} {sk_2 [e f]}]"},
		{options{hot: true, accounts: 4, oneDestination: true}, "hot [{sk_1 [a]}]"},
		{options{hot: true, spread: true, accounts: 4, oneDestination: true}, "hot [{sk_1 [a]}] spread [{sk_1 [a]} {sk_2 [e]}]"},
	} {
		names, by := (&bench{options: c.o}).profiles(all)
		var got []string
		for _, name := range names {
			got = append(got, name+" "+fmt.Sprint(by[name]))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.o, got, c.want)
		}
	}
}

func TestAGivenServerIsUsedAndNotStarted(t *testing.T) {
	_, address := newTill(t)
	serve := func(context.Context, io.Writer, Setup) (Served, error) {
		t.Error("a private server was started")
		return Served{}, nil
	}
	var out, errout bytes.Buffer
	args := []string{"charges", "--base-url", address, "--api-key", "sk_test_1", "--clients", "2", "--duration", "50ms", "--warm-up", "50ms", "--accounts", "1", "--json"}
	if code := cli.Execute(t.Context(), Command(Hands{Serve: serve}), args, &out, &errout); code != 0 {
		t.Fatalf("exit %d: %s", code, &errout)
	}
	if !strings.Contains(errout.String(), "not verified") {
		t.Errorf("printed:\n%s", &errout)
	}
	var last map[string]any
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		last = nil
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"charges_per_second", "p50_ms", "p99_ms", "errors", "floor_ratio", "cost", "backlog"} {
		if _, ok := last[name]; !ok {
			t.Errorf("the line of JSON has no %s: %v", name, last)
		}
	}
	if last["connections"] != 2.0 || last["charges_per_second"].(float64) <= 0 {
		t.Errorf("%v", last)
	}
}

func TestWhatALoadCannotDoIsAMistakeInTheCommandLine(t *testing.T) {
	good := options{connections: []int{1}, accounts: 1, platforms: 1, processes: 1, duration: time.Second, warmUp: time.Second, output: "table"}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*options){
		"no connection":        func(o *options) { o.connections = []int{0} },
		"no account":           func(o *options) { o.accounts = 0 },
		"a rate below nothing": func(o *options) { o.rate = -1 },
		"an unknown output":    func(o *options) { o.output = "xml" },
		"a server and no key":  func(o *options) { o.baseURL = "http://localhost" },
		"a floor under others": func(o *options) { o.baseURL, o.apiKey, o.floor = "http://localhost", "sk_test_1", true },
	} {
		o := good
		spoil(&o)
		if err := o.check(); cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package payoutshttp_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/payoutshttp"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/delivery"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// keys are callers of the platform, by what stands in their key.
type keys struct{ people }

func (keys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	p := rest.Principal{KeyID: "key_" + key, Account: "acct_hub", Kind: rest.Secret}
	switch {
	case strings.Contains(key, "restricted"):
		p.Kind, p.Scopes = rest.Restricted, []string{"payout_batches:write", "payouts:write"}
	case strings.Contains(key, "stranger"):
		p.Account = "acct_stranger"
	}
	return p, nil
}

// fussy is a folder that gives no answer until it is told to.
type fussy struct {
	delivery.Folder
	silent bool
}

func (f *fussy) Deliver(ctx context.Context, name string, write func(io.Writer) error) rail.Receipt {
	if f.silent {
		return rail.Receipt{State: rail.Unknown, Err: errors.New("no answer")}
	}
	return f.Folder.Deliver(ctx, name, write)
}

func openFiled(t *testing.T, folder *fussy) (*door, *bun.DB) {
	pool, book, now := dbtest.New(t), ledger.NewBook(), clock.NewFixed(noon)
	ring, err := secret.NewKeyring(secret.Master{ID: "m1", Key: []byte("a master key of thirty-two bytes")})
	if err != nil {
		t.Fatal(err)
	}
	folder.Out = t.TempDir()
	service := payouts.New(pool, payouts.Config{
		Book: book, Clocks: clock.Modes{Live: now, Test: now}, Accounts: people{}, Keyring: ring,
		Rails: rail.Modes{Test: rail.Set{rail.File{
			Way: rail.Capabilities{Name: "paper", Debits: true}, Agreement: rail.Terms{Debtor: rail.Debtor{Number: secret.New("024388001234")}},
			Format: railtest.Paper{}, Delivery: folder,
		}}},
	})
	err = db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := book.Post(ctx, tx, journal.ChargeSucceeded(journal.Charge{
			ID: "ch_2", Owner: "acct_may", Platform: "acct_hub", Amount: money.New(10000, "hkd"), At: noon, Direct: &journal.Direct{},
		}, func() string { return id.New("txn") }))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	api := rest.New(rest.Config{Pool: pool, Authenticator: keys{}, Accounts: people{}})
	api.Mount(payoutshttp.DeliveryRoutes(api, pool, service, reconcile.New(pool, reconcile.Config{}))...)
	api.Mount(payoutshttp.Routes(api, pool, service)...)
	api.Mount(payoutshttp.BatchRoutes(api, pool, service)...)
	server := httptest.NewServer(openapi.Wrap(t, api))
	t.Cleanup(server.Close)
	return &door{T: t, url: server.URL, clock: now, service: service}, pool
}

// as is a request with another key; it returns the body as it is.
func (d *door) as(key, method, path string, form url.Values) (int, http.Header, string) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.Fatal(err)
	}
	r.SetBasicAuth(key, "")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

// send makes a payout of HK$70.00 and brings it to the bank.
func (d *door) send() (payout string) {
	d.Helper()
	_, made := d.call("POST", "/v1/payouts", "acct_may", url.Values{"amount": {"7000"}, "currency": {"hkd"}})
	d.clock.Advance(time.Hour)
	if _, err := d.service.Send(d.Context(), false, d.clock.Now()); err != nil {
		d.Fatal(err)
	}
	return made["id"].(string)
}

func TestABatchOverTheAPI(t *testing.T) {
	d, pool := openFiled(t, &fussy{})
	payout := d.send()
	status, body := d.call("GET", "/v1/payout_batches?rail=paper&status=delivered", "", nil)
	b := body["data"].([]any)[0].(map[string]any)
	d.expect("200 payout_batch 7000 1 hkd delivered 1 standard paper", status, b, "object", "amount", "count", "currency", "status", "number", "method", "rail")
	if _, shown := b["uploads"]; shown {
		t.Error("a list shows uploads")
	}
	one := "/v1/payout_batches/" + b["id"].(string)
	_, body = d.call("GET", one, "", nil)
	if upload := body["uploads"].([]any)[0].(map[string]any); upload["outcome"] != "accepted" {
		t.Errorf("%v", upload)
	}
	_, body = d.call("GET", one+"/payouts", "", nil)
	if p := body["data"].([]any)[0].(map[string]any); p["id"] != payout || p["batch"] != b["id"] || p["status"] != "in_transit" {
		t.Errorf("%v", p)
	}

	status, header, file := d.as("sk_test_hub", "GET", one+"/file", nil)
	sum := sha256.Sum256([]byte(file))
	about := b["file"].(map[string]any)
	if status != 200 || header.Get("Content-Disposition") != `attachment; filename=`+about["name"].(string) || hex.EncodeToString(sum[:]) != about["sha256"] || fmt.Sprint(about["size"]) != fmt.Sprint(len(file)) {
		t.Errorf("%d %v %v\n%s", status, header, about, file)
	}
	var seen string
	if err := pool.NewRaw("SELECT string_agg(batch || ' ' || actor, ',') FROM payouts.downloads").Scan(t.Context(), &seen); err != nil || seen != b["id"].(string)+" key_sk_test_hub" {
		t.Errorf("the audit says %q, %v", seen, err)
	}
}

func TestAFileIsSeenOnlyWithASecretKeyOfItsPlatform(t *testing.T) {
	d, pool := openFiled(t, &fussy{})
	d.send()
	_, body := d.call("GET", "/v1/payout_batches", "", nil)
	one := "/v1/payout_batches/" + body["data"].([]any)[0].(map[string]any)["id"].(string)
	for path, want := range map[string]string{"": "200 404", "/payouts": "200 404", "/file": "403 404"} {
		restricted, _, text := d.as("rk_restricted", "GET", one+path, nil)
		stranger, _, _ := d.as("sk_stranger", "GET", one+path, nil)
		if got := fmt.Sprint(restricted, " ", stranger); got != want || strings.Contains(text, "000111111116") {
			t.Errorf("%s answers %s, want %s", path, got, want)
		}
		if status, _ := d.call("GET", one+path, "acct_may", nil); status != 403 {
			t.Errorf("%s answers a connected account %d", path, status)
		}
	}
	if status, _ := d.call("GET", "/v1/payout_batches", "acct_may", nil); status != 403 {
		t.Errorf("a connected account lists batches: %d", status)
	}
	var seen int
	if err := pool.NewRaw("SELECT count(*) FROM payouts.downloads").Scan(t.Context(), &seen); err != nil || seen != 0 {
		t.Errorf("%d downloads were noted, %v", seen, err)
	}
}

func TestTwoKeysResolveADelivery(t *testing.T) {
	folder := &fussy{silent: true}
	d, _ := openFiled(t, folder)
	payout := d.send()
	_, body := d.call("GET", "/v1/payout_batches?status=unknown", "", nil)
	one := "/v1/payout_batches/" + body["data"].([]any)[0].(map[string]any)["id"].(string)
	resolve := func(key, outcome, want string) {
		t.Helper()
		status, _, text := d.as(key, "POST", one+"/resolve", url.Values{"outcome": {outcome}})
		if !strings.Contains(fmt.Sprint(status, " ", text), want) {
			t.Errorf("%s %s: %d %s, want %s", key, outcome, status, text, want)
		}
	}
	resolve("rk_restricted", "delivered", "403")
	resolve("sk_first", "perhaps", "400")
	resolve("sk_first", "not_delivered", `"api_key": "key_sk_first"`)
	resolve("sk_first", "not_delivered", `"status": "unknown"`)
	resolve("sk_second", "not_delivered", `"found_by": "people"`)
	resolve("sk_third", "not_delivered", "payout_batch_not_unknown")
	folder.silent = false
	if _, err := d.service.Send(t.Context(), false, d.clock.Now()); err != nil {
		t.Fatal(err)
	}
	_, body = d.call("GET", "/v1/payouts/"+payout, "acct_may", nil)
	d.expect("200 in_transit", 200, body, "status")
}

func TestRecallReverseAndRetryOverTheAPI(t *testing.T) {
	d, _ := openFiled(t, &fussy{})
	one := "/v1/payouts/" + d.send()
	status, body := d.call("POST", one+"/recall", "acct_may", url.Values{})
	d.expect("400 payout_recall_unsupported", status, body, "code")
	status, body = d.call("POST", one+"/retry", "acct_may", url.Values{})
	d.expect("400 payout_not_retryable", status, body, "code")
	status, body = d.call("POST", one+"/reverse", "acct_may", url.Values{"metadata[why]": {"wrong tutor"}})
	d.expect("400 payout_not_reversible", status, body, "code")
	id, _ := strings.CutPrefix(one, "/v1/payouts/")
	if _, err := d.service.Apply(t.Context(), false, "paper", []rail.Report{{Reference: id, State: rail.Paid}}, d.clock.Now()); err != nil {
		t.Fatal(err)
	}
	status, body = d.call("POST", one+"/reverse", "acct_may", url.Values{"metadata[why]": {"wrong tutor"}})
	d.expect("200 -7000 "+id+" map[why:wrong tutor] pending", status, body, "amount", "original_payout", "metadata", "status")
	back := body["id"]
	_, body = d.call("GET", one, "acct_may", nil)
	d.expect(fmt.Sprint("200 ", back), 200, body, "reversed_by")
}

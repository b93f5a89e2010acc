package ledgerhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/ledger/ledgerhttp"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// town is two platforms; acct_c and acct_d belong to acct_p.
type town struct{}

func (town) Authenticate(_ context.Context, secret string) (rest.Principal, error) {
	return rest.Principal{KeyID: "key_1", Account: secret, Kind: rest.Secret}, nil // the key is the account's name
}

func (t town) Reach(ctx context.Context, platform, account string, livemode bool) (tenant.Access, error) {
	if connected, _ := t.ConnectedTo(ctx, platform, account, livemode); connected {
		return tenant.ReadWrite, nil
	}
	return tenant.NoAccess, nil
}

func (town) ConnectedTo(_ context.Context, platform, account string, _ bool) (bool, error) {
	return platform == "acct_p" && (account == "acct_c" || account == "acct_d"), nil
}

func (town) ConnectedAccounts(_ context.Context, platform string, _ bool) ([]string, error) {
	if platform == "acct_p" {
		return []string{"acct_c", "acct_d"}, nil
	}
	return nil, nil
}

func (town) DefaultCurrency(context.Context, tenant.Scope) (money.Currency, error) { return "hkd", nil }

type api struct {
	*testing.T
	url  string
	pool *bun.DB
}

// serve posts a destination charge of HK$600 with a fee of HK$60 and serves the ledger.
func serve(t *testing.T) api {
	pool, book := dbtest.New(t), ledger.NewBook()
	charge := journal.Charge{ID: "ch_1", Owner: "acct_p", Platform: "acct_p", Amount: money.New(60000, "hkd"), ProcessingFee: 2340,
		At: noon, MaturesOn: noon.AddDate(0, 0, 1), Description: "Algebra",
		Legs: []journal.Leg{{Transfer: "tr_1", Payment: "py_1", Destination: "acct_c", Amount: 60000, ApplicationFee: 6000, FeeID: "fee_1", Application: "ca_1"}}}
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := book.Post(ctx, tx, journal.ChargeSucceeded(charge, func() string { return id.New("txn") })); err != nil {
			return err
		}
		topup := journal.Topup{ID: "tu_1", Platform: "acct_p", Amount: money.New(500, "hkd"), At: noon}
		_, err := book.Post(ctx, tx, journal.TopupSucceeded(topup, func() string { return id.New("txn") }))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := rest.New(rest.Config{Log: slog.New(slog.DiscardHandler), Pool: pool, Authenticator: town{}, Accounts: town{}, Loaders: rest.Loaders{"txn": ledgerhttp.Loader}})
	server.Mount(ledgerhttp.Routes(server, pool, town{})...)
	server.Mount(ledgerhttp.VerificationRoutes(server, pool, town{}, clock.NewFixed(noon))...)
	srv := httptest.NewServer(openapi.Wrap(t, server))
	t.Cleanup(srv.Close)
	return api{t, srv.URL, pool}
}

// get asks as a platform, for one of its accounts if that is not "".
func (a api) get(platform, account, path string, into any) int {
	a.Helper()
	return a.ask(http.MethodGet, platform, account, path, into)
}

func (a api) ask(method, platform, account, path string, into any) int {
	a.Helper()
	req, err := http.NewRequestWithContext(a.Context(), method, a.url+path, nil)
	if err != nil {
		a.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+platform)
	if account != "" {
		req.Header.Set("Stripe-Account", account)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		a.Fatal(err)
	}
	return res.StatusCode
}

func TestBalanceShowsEachSideOfTheMoney(t *testing.T) {
	a := serve(t)
	for _, c := range []struct {
		platform, account           string
		available, pending, instant int64
	}{
		{"acct_p", "", 500, 3660, 500},
		{"acct_p", "acct_c", 0, 54000, 0},
		{"acct_p", "acct_d", 0, 0, 0}, // never had any: still one entry
	} {
		var b wire.Balance
		if status := a.get(c.platform, c.account, "/v1/balance", &b); status != http.StatusOK {
			t.Fatal(status)
		}
		got := []int64{b.Available[0].Amount, b.Pending[0].Amount, b.InstantAvailable[0].Amount}
		if diff := cmp.Diff([]int64{c.available, c.pending, c.instant}, got); diff != "" || b.Available[0].Currency != "hkd" {
			t.Errorf("%s %s: %s", c.platform, c.account, diff)
		}
		if reserved := b.ConnectReserved != nil; reserved != (c.account == "") {
			t.Errorf("%s: connect_reserved %v", c.account, b.ConnectReserved)
		}
	}
}

func TestBalanceTransactionsAreListedNewestFirstAndFiltered(t *testing.T) {
	a := serve(t)
	for query, want := range map[string][]string{
		"":                                 {"topup", "application_fee", "transfer", "charge"},
		"?limit=1":                         {"topup"},
		"?type=transfer":                   {"transfer"},
		"?source=fee_1":                    {"application_fee"},
		"?currency=usd":                    nil,
		"?payout=po_1":                     nil,
		"?created[gt]=1795348800":          nil,
		"?created[lte]=1795348800&limit=2": {"topup", "application_fee"},
	} {
		for _, path := range []string{"/v1/balance_transactions", "/v1/balance/history"} {
			var list wire.List[wire.BalanceTransaction]
			if status := a.get("acct_p", "", path+query, &list); status != http.StatusOK {
				t.Fatal(path, query, status)
			}
			var got []string
			for _, line := range list.Data {
				got = append(got, line.Type)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", path, query, diff)
			}
		}
	}
}

func TestABalanceTransactionTellsItsFees(t *testing.T) {
	a := serve(t)
	var list wire.List[wire.BalanceTransaction]
	a.get("acct_p", "acct_c", "/v1/balance_transactions", &list)
	if len(list.Data) != 1 {
		t.Fatal(list)
	}
	var line wire.BalanceTransaction
	if status := a.get("acct_p", "acct_c", "/v1/balance_transactions/"+list.Data[0].ID, &line); status != http.StatusOK {
		t.Fatal(status)
	}
	if line.Type != "payment" || line.Amount != 60000 || line.Fee != 6000 || line.Net != 54000 || line.Status != "pending" ||
		line.ReportingCategory != "charge" || line.AvailableOn != time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Unix() {
		t.Errorf("%+v", line)
	}
	if len(line.FeeDetails) != 1 || line.FeeDetails[0].Type != "application_fee" || *line.FeeDetails[0].Application != "ca_1" {
		t.Errorf("%+v", line.FeeDetails)
	}
	if status := a.get("acct_p", "", "/v1/balance_transactions/"+line.ID, &struct{}{}); status != http.StatusNotFound {
		t.Errorf("the platform sees its account's line as its own: %d", status)
	}
}

func TestEntriesShowEveryPostingOnlyToThoseConcerned(t *testing.T) {
	a := serve(t)
	for _, c := range []struct {
		platform, account string
		want              []string
	}{
		{"acct_p", "", []string{"processor_clearing acct_p 60000/0", "processor_fees acct_p 0/2340", "pending acct_p 0/57660",
			"pending acct_p 60000/0", "pending acct_c 0/54000", "pending acct_p 0/6000"}},
		{"acct_p", "acct_c", []string{"pending acct_c 0/54000"}},
		{"acct_p", "acct_d", nil},
		{"acct_stranger", "", nil},
	} {
		var list wire.List[wire.LedgerEntry]
		if status := a.get(c.platform, c.account, "/v1/ledger/entries?source=ch_1", &list); status != http.StatusOK {
			t.Fatal(status)
		}
		var got []string
		for _, e := range list.Data {
			for _, p := range e.Postings {
				got = append(got, fmt.Sprintf("%s %s %d/%d", p.Account, p.Owner, p.Debit, p.Credit))
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.platform, c.account, diff)
		}
	}
}

func TestEntriesOfAnAccountArePaged(t *testing.T) {
	a := serve(t)
	var first, second wire.List[wire.LedgerEntry]
	a.get("acct_p", "", "/v1/ledger/entries?limit=1", &first)
	if len(first.Data) != 1 || !first.HasMore || first.Data[0].Kind != "topup_succeeded" {
		t.Fatalf("%+v", first)
	}
	a.get("acct_p", "", "/v1/ledger/entries?limit=1&starting_after="+first.Data[0].ID, &second)
	if len(second.Data) != 1 || second.HasMore || second.Data[0].Kind != "charge_succeeded" {
		t.Fatalf("%+v", second)
	}
	if status := a.get("acct_p", "", "/v1/ledger/entries?starting_after=le_x", &struct{}{}); status != http.StatusBadRequest {
		t.Error(status)
	}
}

func TestTrialBalanceOfAPlatformSumsToZero(t *testing.T) {
	a := serve(t)
	var tb wire.TrialBalance
	a.get("acct_p", "", "/v1/ledger/trial_balance", &tb)
	got := map[string]string{}
	for _, r := range tb.Rows {
		got[r.Account] = r.Balance
	}
	want := map[string]string{"processor_clearing": "-60000", "processor_fees": "2340", "pending": "57660", "available": "500", "bank": "-500"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

package ledgerhttp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/wire"
)

func TestTheChartOfAccountsShowsWhatAPlatformMaySee(t *testing.T) {
	a := serve(t)
	before := fmt.Sprint(noon.Unix() - 1)
	for query, want := range map[string]string{
		"":                           "acct_c/pending 54000, acct_p/available 500, acct_p/bank -500, acct_p/pending 3660, acct_p/processor_clearing -60000, acct_p/processor_fees 2340",
		"?owner=acct_c":              "acct_c/pending 54000",
		"?kind=pending":              "acct_c/pending 54000, acct_p/pending 3660",
		"?currency=HKD&kind=bank":    "acct_p/bank -500",
		"?currency=jpy":              "",
		"?kind=bank&as_of=" + before: "acct_p/bank 0",
		"?kind=bank&as_of=" + fmt.Sprint(noon.Unix()): "acct_p/bank -500",
	} {
		var list wire.List[wire.LedgerAccount]
		if status := a.get("acct_p", "", "/v1/ledger/accounts"+query, &list); status != http.StatusOK {
			t.Fatal(query, status)
		}
		var got []string
		for _, one := range list.Data {
			got = append(got, fmt.Sprintf("%s/%s %d", one.Owner.ID, one.Kind, one.Balance))
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
	var list wire.List[wire.LedgerAccount]
	a.get("acct_p", "acct_c", "/v1/ledger/accounts", &list)
	if len(list.Data) != 1 || list.Data[0].Owner.ID != "acct_c" {
		t.Errorf("a connected account sees %v", list.Data)
	}
	for _, c := range []struct {
		platform, account, path string
		want                    int
	}{
		{"acct_p", "", "/v1/ledger/accounts/" + list.Data[0].ID, http.StatusOK},
		{"acct_stranger", "", "/v1/ledger/accounts/" + list.Data[0].ID, http.StatusNotFound},
		{"acct_p", "acct_d", "/v1/ledger/accounts/" + list.Data[0].ID + "/lines", http.StatusNotFound},
		{"acct_p", "", "/v1/ledger/accounts/la_0", http.StatusNotFound},
		{"acct_p", "", "/v1/ledger/accounts?owner=acct_stranger", http.StatusBadRequest},
		{"acct_p", "", "/v1/ledger/accounts?as_of=-1", http.StatusBadRequest},
		{"acct_p", "", "/v1/ledger/accounts?starting_after=la_9999", http.StatusBadRequest},
		{"acct_p", "", "/v1/ledger/accounts/" + list.Data[0].ID + "/lines?starting_after=le_1", http.StatusBadRequest},
	} {
		if status := a.get(c.platform, c.account, c.path, &struct{}{}); status != c.want {
			t.Errorf("%s as %s %s: %d, want %d", c.path, c.platform, c.account, status, c.want)
		}
	}
}

func TestAccountsAndTheirLinesArePaged(t *testing.T) {
	a := serve(t)
	var all, page wire.List[wire.LedgerAccount]
	a.get("acct_p", "", "/v1/ledger/accounts", &all)
	var walked []wire.LedgerAccount
	for after := ""; ; after = "&starting_after=" + page.Data[0].ID {
		page = wire.List[wire.LedgerAccount]{}
		a.get("acct_p", "", "/v1/ledger/accounts?limit=1"+after, &page)
		if walked = append(walked, page.Data...); !page.HasMore {
			break
		}
	}
	if diff := cmp.Diff(all.Data, walked); diff != "" {
		t.Error(diff)
	}
	pending := walked[slices.IndexFunc(walked, func(l wire.LedgerAccount) bool { return l.Kind == "pending" && l.Owner.ID == "acct_p" })]
	var lines, older wire.List[wire.LedgerAccountLine]
	a.get("acct_p", "", "/v1/ledger/accounts/"+pending.ID+"/lines", &lines)
	var got []string
	for _, l := range lines.Data {
		got = append(got, fmt.Sprintf("%d/%d %d", l.Debit, l.Credit, l.Balance))
	}
	if diff := cmp.Diff([]string{"0/6000 3660", "60000/0 -2340", "0/57660 57660"}, got); diff != "" {
		t.Error(diff)
	}
	a.get("acct_p", "", "/v1/ledger/accounts/"+pending.ID+"/lines?limit=1&starting_after="+lines.Data[1].ID, &older)
	if len(older.Data) != 1 || older.HasMore || older.Data[0] != lines.Data[2] {
		t.Errorf("behind the second is %v", older)
	}
	var none wire.List[wire.LedgerAccountLine]
	a.get("acct_p", "", fmt.Sprintf("/v1/ledger/accounts/%s/lines?as_of=%d", pending.ID, noon.Unix()-1), &none)
	if len(none.Data) != 0 {
		t.Errorf("before the first there is %v", none.Data)
	}
}

func TestEntriesAreNarrowedByKindOwnerAndTime(t *testing.T) {
	a := serve(t)
	for query, want := range map[string]string{
		"":                         "topup_succeeded charge_succeeded",
		"?kind=charge_succeeded":   "charge_succeeded",
		"?kind=refunded":           "",
		"?owner=acct_c":            "charge_succeeded",
		"?owner=acct_d":            "",
		"?created[gt]=1795348800":  "",
		"?created[gte]=1795348800": "topup_succeeded charge_succeeded",
		"?created[lt]=1795348800":  "",
		"?kind=topup_succeeded&created[lte]=1795348800": "topup_succeeded",
	} {
		var list wire.List[wire.LedgerEntry]
		if status := a.get("acct_p", "", "/v1/ledger/entries"+query, &list); status != http.StatusOK {
			t.Fatal(query, status)
		}
		var got []string
		for _, e := range list.Data {
			got = append(got, e.Kind)
		}
		if got := strings.Join(got, " "); got != want || list.HasMore {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var newest, back wire.List[wire.LedgerEntry]
	a.get("acct_p", "", "/v1/ledger/entries", &newest)
	a.get("acct_p", "", "/v1/ledger/entries?ending_before="+newest.Data[1].ID, &back)
	if len(back.Data) != 1 || back.Data[0].ID != newest.Data[0].ID {
		t.Errorf("before the older one is %v", back.Data)
	}
}

func TestAnEntryAndItsProofAreShownToThoseConcerned(t *testing.T) {
	a := serve(t)
	if _, err := audit.Seal(t.Context(), a.pool); err != nil {
		t.Fatal(err)
	}
	var list wire.List[wire.LedgerEntry]
	a.get("acct_p", "", "/v1/ledger/entries?kind=charge_succeeded", &list)
	path := "/v1/ledger/entries/" + list.Data[0].ID
	var one wire.LedgerEntry
	var proof wire.LedgerProof
	if status := a.get("acct_p", "", path, &one); status != http.StatusOK || len(one.Postings) != 6 || one.Postings[0].LedgerAccount == "" {
		t.Errorf("%d %+v", status, one)
	}
	if status := a.get("acct_p", "acct_c", path+"/proof", &proof); status != http.StatusOK || !proof.DigestHolds || proof.ChainHolds == nil || !*proof.ChainHolds || len(proof.Digest) != 64 {
		t.Errorf("%d %+v", status, proof)
	}
	for _, c := range []struct{ platform, account string }{{"acct_p", "acct_d"}, {"acct_stranger", ""}} {
		for _, p := range []string{path, path + "/proof"} {
			if status := a.get(c.platform, c.account, p, &struct{}{}); status != http.StatusNotFound {
				t.Errorf("%s %s sees %s: %d", c.platform, c.account, p, status)
			}
		}
	}
}

func TestTheTrialBalanceAsOfAnInstantSumsToZero(t *testing.T) {
	a := serve(t)
	for second, rows := range map[int64]int{noon.Unix() - 1: 0, noon.Unix(): 5} {
		var tb wire.TrialBalance
		a.get("acct_p", "", fmt.Sprintf("/v1/ledger/trial_balance?as_of=%d", second), &tb)
		if len(tb.Rows) != rows || tb.AsOf == nil || *tb.AsOf != second {
			t.Errorf("as of %d: %+v", second, tb)
		}
	}
	var now, then wire.TrialBalance
	a.get("acct_p", "", "/v1/ledger/trial_balance", &now)
	a.get("acct_p", "", fmt.Sprintf("/v1/ledger/trial_balance?as_of=%d", noon.Unix()), &then)
	if diff := cmp.Diff(now.Rows, then.Rows); diff != "" {
		t.Errorf("now and as of now differ:\n%s", diff)
	}
}

func TestAPlatformHasTheLedgerVerified(t *testing.T) {
	a := serve(t)
	var asked, done wire.LedgerVerification
	if status := a.ask(http.MethodPost, "acct_p", "", "/v1/ledger/verifications", &asked); status != http.StatusOK || asked.Status != "pending" {
		t.Fatal(status, asked)
	}
	if _, err := audit.Work(t.Context(), a.pool, time.Now); err != nil {
		t.Fatal(err)
	}
	if a.get("acct_p", "", "/v1/ledger/verifications/"+asked.ID, &done); done.Status != "passed" || done.Postings != 8 || len(done.Findings) != 0 {
		t.Errorf("%+v", done)
	}
	var list wire.List[wire.LedgerVerification]
	if a.get("acct_p", "", "/v1/ledger/verifications", &list); len(list.Data) != 1 {
		t.Errorf("%+v", list)
	}
	if status := a.ask(http.MethodPost, "acct_p", "acct_c", "/v1/ledger/verifications", &struct{}{}); status != http.StatusForbidden {
		t.Error(status)
	}
	if status := a.get("acct_stranger", "", "/v1/ledger/verifications/"+asked.ID, &struct{}{}); status != http.StatusNotFound {
		t.Error(status)
	}
}

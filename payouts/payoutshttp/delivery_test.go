package payoutshttp_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"
)

func TestAPlatformListsThePayoutsOfAllItsAccounts(t *testing.T) {
	d := open(t)
	d.call("POST", "/v1/payouts", "", url.Values{"amount": {"1000"}, "currency": {"hkd"}})
	d.clock.Advance(time.Hour)
	for _, run := range []func(context.Context, bool, time.Time) (int, error){d.service.Send, d.service.Settle} {
		if _, err := run(t.Context(), false, d.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	d.call("POST", "/v1/payouts", "acct_may", url.Values{"amount": {"2000"}, "currency": {"hkd"}})
	_, failed := d.call("GET", "/v1/payouts?account=all&status=failed", "", nil)
	trace, _ := failed["data"].([]any)[0].(map[string]any)["trace_id"].(map[string]any)["value"].(string)
	if trace == "" {
		t.Fatalf("the bank gave no reference: %v", failed)
	}
	for query, want := range map[string]string{
		"":                                    "[1000]",
		"?account=all":                        "[2000 1000]",
		"?account=acct_may":                   "[2000]",
		"?account=acct_hub":                   "[1000]",
		"?account=acct_stranger":              "[]",
		"?account=all&status=failed":          "[1000]",
		"?account=all&rail=banksim":           "[2000 1000]",
		"?account=all&rail=other":             "[]",
		"?account=all&trace_id=" + trace:      "[1000]",
		"?account=all&trace_id=nobody":        "[]",
		"?account=all&limit=1":                "[2000]",
		"?account=acct_may&trace_id=" + trace: "[]",
		"?account=all&created[gt]=" + fmt.Sprint(noon.Unix()): "[2000]",
	} {
		status, body := d.call("GET", "/v1/payouts"+query, "", nil)
		amounts := []any{}
		for _, p := range body["data"].([]any) {
			amounts = append(amounts, p.(map[string]any)["amount"])
		}
		if got := fmt.Sprint(amounts); status != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", query, status, got, want)
		}
	}
	_, all := d.call("GET", "/v1/payouts?account=all", "", nil)
	first := all["data"].([]any)[0].(map[string]any)
	if first["account"] != "acct_may" {
		t.Errorf("the list does not say whose payout it is: %v", first)
	}
	status, body := d.call("GET", "/v1/payouts?account=all&starting_after="+first["id"].(string), "", nil)
	if rest := body["data"].([]any); status != 200 || len(rest) != 1 {
		t.Errorf("the second page has %d: %v", status, body)
	}
	_, counts := d.call("GET", "/v1/payout_counts", "", nil)
	if got, want := fmt.Sprint(counts["statuses"]), "[map[count:1 has_more:false status:pending] map[count:0 has_more:false status:in_transit] "+
		"map[count:0 has_more:false status:paid] map[count:1 has_more:false status:failed] map[count:0 has_more:false status:canceled]]"; got != want {
		t.Errorf("counted %v", counts)
	}
}

func TestNoAccountAsksForThePayoutsOfOthers(t *testing.T) {
	d := open(t)
	status, body := d.call("GET", "/v1/payouts?account=all", "acct_may", nil)
	d.expect("403 platform_account_required", status, body, "code")
	d.key = "token"
	for _, path := range []string{"/v1/payouts?account=all", "/v1/payouts?account=acct_hub", "/v1/payout_counts"} {
		status, body = d.call("GET", path, "", nil)
		d.expect("403 platform_account_required", status, body, "code")
	}
}

func TestAPayoutTellsItsFileItsLineAndTheAttempts(t *testing.T) {
	folder := &fussy{}
	d, _ := openFiled(t, folder)
	for range 2 {
		d.call("POST", "/v1/payouts", "acct_may", url.Values{"amount": {"1000"}, "currency": {"hkd"}})
	}
	_, list := d.call("GET", "/v1/payouts?account=all", "", nil)
	id := list["data"].([]any)[0].(map[string]any)["id"].(string)
	status, before := d.call("GET", "/v1/payouts/"+id+"/delivery", "", nil)
	d.expect("200 acct_may <nil> <nil> key_sk_test_hub []", status, before, "account", "batch", "line", "created_by", "statement_lines")

	d.clock.Advance(24 * time.Hour)
	if _, err := d.service.Send(t.Context(), false, d.clock.Now()); err != nil {
		t.Fatal(err)
	}
	status, after := d.call("GET", "/v1/payouts/"+id+"/delivery", "", nil)
	d.expect("200 2", status, after, "line")
	batch, _ := after["batch"].(map[string]any)
	if batch == nil || fmt.Sprint(batch["count"]) != "2" || len(batch["uploads"].([]any)) != 1 || after["handed_over_at"] == nil {
		t.Errorf("the delivery is %v", after)
	}
	d.key = "stranger"
	status, body := d.call("GET", "/v1/payouts/"+id+"/delivery", "", nil)
	d.expect("404 resource_missing", status, body, "code")
}

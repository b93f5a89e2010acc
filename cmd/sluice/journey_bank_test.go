package main

import (
	"strings"
	"testing"

	"github.com/sluicepay/sluice/payouts/rail"
)

const sandboxBank = `{"test": [{
	"name": "hk_fps", "format": "iso20022", "profile": {"base": "hk-fps"},
	"currencies": ["hkd"], "countries": ["HK"], "calendar": "every_day", "zone": "Asia/Hong_Kong", "gather": "0s",
	"debtor": {"name": "TutorHub HK", "id": "TH01", "routing": "024", "number_file": "$DIR/number", "address": {"town": "Hong Kong", "country": "HK"}},
	"delivery": {"sandbox": true}
}]}`

// A bank that takes files: a payout goes out in a sealed pain.001, the bank's status
// file and statement come back and are read, one payout is paid and the other returns
// its money, and each explains itself.
func TestPayoutsGoToABankInFilesAndItsFilesSettleThem(t *testing.T) {
	t.Parallel()
	rails, err := readRails(writeRails(t, sandboxBank))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(cfg *Config) { cfg.Rails = rails })
	ada := clerk{h, h.platform}
	tutor := ada.tutor()
	ada.post("/v1/accounts/"+tutor, "settings[payouts][schedule][interval]=manual")
	ada.post("/v1/charges", "amount=100000&currency=hkd&source=tok_bypassPending&transfer_data[destination]="+tutor)
	may := ada.of(tutor)
	good := idsOf(ada.get("/v1/accounts/" + tutor + "/external_accounts"))[0]
	closed := ada.post("/v1/accounts/"+tutor+"/external_accounts", "external_account[object]=bank_account&external_account[country]=HK&external_account[currency]=hkd"+
		"&external_account[account_holder_name]=May%20Wong&external_account[routing_number]=110-000&external_account[account_number]=000111111113")["id"].(string)
	paid := may.post("/v1/payouts", "amount=30000&currency=hkd&destination="+good)["id"].(string)
	refused := may.post("/v1/payouts", "amount=20000&currency=hkd&destination="+closed)["id"].(string)

	h.days("2d")
	batch, _ := may.get("/v1/payouts/" + paid)["batch"].(string)
	if batch == "" || may.get("/v1/payouts/" + paid)["rail"] != "hk_fps" {
		t.Fatalf("the payout went with no file: %v", may.get("/v1/payouts/"+paid))
	}
	h.days("2d") // the bank's files of the day come the day after

	p := may.get("/v1/payouts/" + paid)
	if p["status"] != "paid" {
		t.Errorf("the good payout is %v", p["status"])
	}
	r := may.get("/v1/payouts/" + refused)
	if r["status"] != "failed" || r["failure_code"] != "account_closed" || rail.Codes["account_closed"] != r["failure_message"] {
		t.Errorf("the payout to a closed account is %v, %v", r["status"], r["failure_code"])
	}
	funds := may.get("/v1/balance")["available"].([]any)[0].(map[string]any)["amount"].(float64)
	if int64(funds) != 100000-30000 {
		t.Errorf("%v is available, want all but what was paid", funds)
	}
	if x := may.get("/v1/payouts/" + paid + "/explanation"); int64(x["sum"].(float64)) != 30000 {
		t.Errorf("the explanation sums to %v", x["sum"])
	}
	files := ada.get("/v1/bank_statements?limit=100")["data"].([]any)
	var kinds []string
	for _, f := range files {
		file := f.(map[string]any)
		kinds = append(kinds, file["format"].(string)+" "+file["status"].(string))
	}
	said := strings.Join(kinds, ", ")
	if !strings.Contains(said, "pain.002") || !strings.Contains(said, "camt imported") || strings.Contains(said, "quarantined") {
		t.Errorf("the bank's files: %s", said)
	}
	h.closeBooks()
}

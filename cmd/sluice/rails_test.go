package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/delivery"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// paperBank is a bank in test mode that takes Hong Kong dollars on paper.
func paperBank(t *testing.T) func(*Config) {
	return func(cfg *Config) {
		cfg.Rails.Test = []rail.File{{
			Way:       rail.Capabilities{Name: "paper", Currencies: []money.Currency{"hkd"}},
			Agreement: rail.Terms{Debtor: rail.Debtor{Name: "TutorHub HK", Number: secret.New("024388001234")}},
			Format:    railtest.Paper{}, Delivery: delivery.Folder{Out: t.TempDir(), Keeps: true},
		}}
	}
}

// sealBatch makes a payout of Ada's and brings it to the bank in a file; it returns the batch.
func (h *house) sealBatch(ada clerk, bank string) string {
	h.t.Helper()
	payout := ada.post("/v1/payouts", "amount=100&currency=hkd&destination="+bank)["id"]
	if _, err := h.app.pool.NewRaw("UPDATE payouts.payouts SET send_after = created_at WHERE id = ?", payout).Exec(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.app.payouts.Send(h.t.Context(), false, h.app.clocks.Test.Now()); err != nil {
		h.t.Fatal(err)
	}
	batch, ok := ada.get("/v1/payouts/" + payout.(string))["batch"].(string)
	if !ok {
		h.t.Fatal("the payout is in no batch")
	}
	return batch
}

// writeRails puts a rails_file down beside the secrets it names.
func writeRails(t *testing.T, text string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"number": "024388001234\n", "empty": "\n", "password": "hunter2\n", "rails.json": strings.ReplaceAll(text, "$DIR", dir)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "rails.json")
}

// withPaper offers the format of tests.
func withPaper(t *testing.T) {
	t.Helper()
	formats["paper"] = func(profile json.RawMessage) (rail.Format, error) {
		var p struct{ Traced bool }
		if len(profile) > 0 {
			if err := json.Unmarshal(profile, &p); err != nil {
				return nil, errors.New("not a profile")
			}
		}
		return railtest.Paper{Traced: p.Traced}, nil
	}
	t.Cleanup(func() { delete(formats, "paper") })
}

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEpTZzXTFvwvVYGXWnhtHNXV5PkIBl2BnnUJkrZ0bQFk"

const goodRails = `{
	"live": [{
		"name": "hsbc_fps", "format": "paper", "profile": {"traced": true},
		"currencies": ["hkd"], "countries": ["HK"], "most": {"hkd": 100000000}, "calendar": "hong_kong", "cut_off": "16:00", "zone": "Asia/Hong_Kong",
		"batch_most": 5000, "gather": "5m",
		"debtor": {"name": "TutorHub HK", "id": "TH01", "routing": "004", "number_file": "$DIR/number", "address": {"town": "Hong Kong", "country": "HK"}},
		"delivery": {"sftp": {"addr": "bank.example:22", "user": "tutorhub", "host_key": "` + hostKey + `", "password_file": "$DIR/password", "out": "/in", "in": "/out"}}
	}],
	"test": [{
		"name": "folder", "format": "paper", "debits": true, "steps": {"huf": 100},
		"debtor": {"name": "TutorHub HK", "number_file": "$DIR/number"}, "delivery": {"dir": {"out": "$DIR", "keeps": true}}
	}]
}`

func TestRailsFileDescribesTheBanks(t *testing.T) {
	t.Parallel()
	withPaper(t)
	path := writeRails(t, goodRails)
	_, cfg, err := chosenFrom(t, []string{"--rails-file", path}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Rails.Live) != 1 || len(cfg.Rails.Test) != 1 {
		t.Fatalf("%+v", cfg.Rails)
	}
	live, test := cfg.Rails.Live[0], cfg.Rails.Test[0]
	if live.Way.CutOff != 16*time.Hour || live.Way.Most["hkd"] != 100000000 || !live.Way.Takes(rail.Use{Currency: "hkd", Country: "HK"}) || live.Way.Takes(rail.Use{Currency: "usd", Country: "HK"}) {
		t.Errorf("%+v", live.Way)
	}
	if live.Agreement.Most != 5000 || live.Agreement.Gather != 5*time.Minute || live.Agreement.Debtor.Number.Reveal() != "024388001234" || live.Agreement.Debtor.Address.Town != "Hong Kong" {
		t.Errorf("%+v", live.Agreement)
	}
	if p, ok := live.Format.(railtest.Paper); !ok || !p.Traced {
		t.Errorf("%+v", live.Format)
	}
	if d, ok := live.Delivery.(delivery.SFTP); !ok || d.Password.Reveal() != "hunter2" || d.In != "/out" {
		t.Errorf("%+v", live.Delivery)
	}
	if !test.Way.Debits || test.Way.Step("huf") != 100 || test.Agreement.Gather != defaultGather {
		t.Errorf("%+v", test)
	}
	if set := set(cfg.Rails.Test); len(set) != 1 || set[0].Capabilities().Name != "folder" {
		t.Errorf("%+v", set)
	}
}

func TestWrongRailsAreToldByTheirKey(t *testing.T) {
	t.Parallel()
	withPaper(t)
	for says, change := range map[string][2]string{
		"live[0].name":                        {`"hsbc_fps"`, `"HSBC FPS"`},
		`"banksim"`:                           {`"folder"`, `"banksim"`},
		"live[0].format: there is no format":  {`"format": "paper", "profile"`, `"format": "papyrus", "profile"`},
		"choose from ":                        {`"format": "paper", "profile"`, `"format": "papyrus", "profile"`},
		"live[0].profile":                     {`{"traced": true}`, `[]`},
		"live[0].currencies":                  {`["hkd"]`, `["HKD"]`},
		"live[0].countries":                   {`["HK"]`, `["Hong Kong"]`},
		"live[0].most":                        {`{"hkd": 100000000}`, `{"hkd": 0}`},
		"live[0].cut_off":                     {`"16:00"`, `"4pm"`},
		"live[0].zone":                        {`"Asia/Hong_Kong"`, `"Asia/Kowloon"`},
		"live[0].batch_most":                  {`5000`, `5000000`},
		"live[0].gather":                      {`"5m"`, `"soon"`},
		"live[0].debtor.name":                 {`"name": "TutorHub HK", "id"`, `"name": "", "id"`},
		"live[0].debtor.number_file":          {`$DIR/number", "address"`, `$DIR/nowhere", "address"`},
		"empty is empty":                      {`$DIR/number", "address"`, `$DIR/empty", "address"`},
		"live[0].delivery.sftp: say either":   {`"password_file": "$DIR/password", `, ``},
		"live[0].delivery.sftp.password_file": {`$DIR/password`, `$DIR/nowhere`},
		"live[0].delivery.sftp: the host key": {hostKey, `SHA256:abc`},
		"live[0].delivery.sftp: the address":  {`bank.example:22`, `bank.example`},
		"live[0].delivery.sftp.user":          {`"tutorhub"`, `""`},
		"live[0].delivery.sftp.in":            {`"/out"`, `"/in"`},
		"test[0].delivery: say one of dir":    {`"dir": {"out": "$DIR", "keeps": true}`, ``},
		"test[0].delivery.dir.out":            {`{"out": "$DIR", "keeps": true}`, `{}`},
		`unknown field "cutoff"`:              {`"cut_off"`, `"cutoff"`},
		"rails_file (flag --rails-file)":      {`"live"`, `live`},
	} {
		path := writeRails(t, strings.Replace(goodRails, change[0], change[1], 1))
		_, _, err := chosenFrom(t, []string{"--rails-file", path}, nil, "")
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "024388001234") {
			t.Errorf("%s: got %v", says, err)
		}
	}
}

func TestDoctorTriesTheWayToTheBanksAndShowsNoSecrets(t *testing.T) {
	t.Parallel()
	withPaper(t)
	cfg := Config{}
	if said, err := lookForBanks(t.Context(), cfg); err != nil || !strings.Contains(said, "names none") {
		t.Errorf("%q, %v", said, err)
	}
	rails, err := readRails(writeRails(t, goodRails))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Rails.Test = rails.Test
	said, err := lookForBanks(t.Context(), cfg)
	if err != nil || !strings.HasPrefix(said, "folder (") {
		t.Errorf("%q, %v", said, err)
	}
	folder := cfg.Rails.Test[0].Delivery.(delivery.Folder)
	folder.Out = filepath.Join(folder.Out, "nowhere")
	cfg.Rails.Test[0].Delivery = folder
	if _, err := lookForBanks(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "folder: ") {
		t.Errorf("a folder that is not there: %v", err)
	}
	if said := where(rails.Live[0].Delivery); said != "sftp://bank.example:22/in" {
		t.Error(said)
	}
}

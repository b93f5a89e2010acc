package nacha_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/nacha"
	"github.com/sluicepay/sluice/platform/money"
)

// sample is a file of moov-io/ach (Apache-2.0), from the module that go.sum pins.
func sample(t *testing.T, name string) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moov-io/ach").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

func TestReturnsBecomeReports(t *testing.T) {
	got, err := nacha.Read(strings.NewReader(sample(t, "test/testdata/return-WEB.ach")))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2018, 10, 17, 0, 0, 0, 0, time.UTC)
	want := []rail.Report{
		{Trace: "091400600000001", State: rail.Failed, Code: "insufficient_funds", Reason: "R01", BankTrace: "091000017611242", Amount: money.New(12354, "usd"), At: at},
		{Trace: "091400600000003", State: rail.Failed, Code: "no_account", Reason: "R03", BankTrace: "021000029461242", Amount: money.New(4565, "usd"), At: at},
	}
	if diff := cmp.Diff(want, got.Reports); diff != "" || len(got.Changes) > 0 {
		t.Errorf("the file says (-want +got):\n%s", diff)
	}
}

func TestNoticeOfChangeWaitsForPeople(t *testing.T) {
	got, err := nacha.Read(strings.NewReader(sample(t, "test/testdata/cor-example.ach")))
	if err != nil || len(got.Reports) > 0 || len(got.Changes) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	c := got.Changes[0]
	if c.Trace != "121042880000001" || c.Change.Code != "C01" || c.Change.Number.Reveal() != "1918171614" || c.State != rail.Unknown {
		t.Errorf("%+v", c)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", got, got), "1918171614") {
		t.Error("the corrected number can be printed")
	}
}

func TestEachKindOfNoticeSaysWhatItCorrects(t *testing.T) {
	file := sample(t, "test/testdata/cor-example.ach")
	const said = "C01121042880000001      121042881918171614                   "
	for _, c := range []struct{ code, data, routing, number, holder, kind string }{
		{"C01", "1918171614", "", "1918171614", "", ""},
		{"C02", "121042882", "121042882", "", "", ""},
		{"C03", "121042882   1918171614", "121042882", "1918171614", "", ""},
		{"C04", "Ada Wong", "", "", "Ada Wong", ""},
		{"C05", "32", "", "", "", "savings"},
		{"C06", "1918171614          22", "", "1918171614", "", "checking"},
		{"C07", "1210428821918171614       32", "121042882", "1918171614", "", "savings"},
	} {
		line := c.code + "121042880000001      12104288" + fmt.Sprintf("%-29s", c.data)
		got, err := nacha.Returns(strings.NewReader(strings.Replace(file, said, line, 1)))
		if err != nil || len(got) != 1 || got[0].Change == nil {
			t.Errorf("%s: %+v, %v", c.code, got, err)
			continue
		}
		said := got[0].Change
		if said.Code != c.code || said.Routing != c.routing || said.Number.Reveal() != c.number || said.Holder != c.holder || said.AccountType != c.kind {
			t.Errorf("%s says %+v with the number %s", c.code, said, said.Number.Reveal())
		}
	}
}

// The library hands out what it understood beside its error: a file with one
// fault would be applied in part.
func TestAFileWithOneFaultSaysNothing(t *testing.T) {
	good := sample(t, "test/testdata/return-WEB.ach")
	for name, file := range map[string]string{
		"empty":              "",
		"no batch control":   sample(t, "test/testdata/return-no-batch-controls.ach"),
		"no batch header":    sample(t, "test/testdata/return-no-batch-header.ach"),
		"forward entries":    sample(t, "test/testdata/ppd-debit.ach"),
		"international":      sample(t, "test/testdata/iat-addenda99.ach"),
		"other total":        strings.Replace(good, "0000012354MjM", "0000012355MjM", 1),
		"unknown reason":     strings.Replace(good, "799R03", "799R99", 1),
		"cut off":            good[:strings.LastIndex(good, "\n9")],
		"half a record":      good[:800],
		"check digit":        strings.Replace(good, "621091400606867", "621091400605867", 1),
		"file control":       strings.Replace(good, "9000002000001", "9000003000001", 1),
		"dishonored":         sample(t, "examples/testdata/dishonored-return.ach"),
		"something else":     "<Document/>",
		"second file behind": good + good,
	} {
		got, err := nacha.Read(strings.NewReader(file))
		if err == nil || got.Reports != nil || got.Changes != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "867530999999") || strings.Contains(err.Error(), "12354")) {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
}

func TestEveryReasonHasACodeThatAPayoutCanShow(t *testing.T) {
	for n := 1; n <= 85; n++ {
		if code := nacha.Code(fmt.Sprintf("R%02d", n)); rail.Codes[code] == "" {
			t.Errorf("R%02d has the code %q", n, code)
		}
	}
	for reason, want := range map[string]string{
		"R01": "insufficient_funds", "R02": "account_closed", "R03": "no_account", "R04": "invalid_account_number", "R10": "debit_not_authorized",
		"R16": "account_frozen", "R20": "bank_account_restricted", "R23": "declined", "R29": "debit_not_authorized", "R61": "could_not_process",
	} {
		if got := nacha.Code(reason); got != want {
			t.Errorf("%s has the code %s, want %s", reason, got, want)
		}
	}
}

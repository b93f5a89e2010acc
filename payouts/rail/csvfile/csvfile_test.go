package csvfile_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/csvfile"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

func instruction() rail.Instruction {
	return rail.Instruction{
		Reference: "po_1", Amount: money.New(1250, "hkd"), Statement: "Lessons, \"May\"",
		Creditor: rail.Creditor{Name: "=cmd|' /C calc'!A0", Country: "HK", Routing: "004-001", Number: secret.New("123456789")},
	}
}

func batch(i rail.Instruction) rail.Batch {
	return rail.Batch{
		ID: "bat_1", Number: 3, Currency: "hkd", Count: 1, Total: 1250, ExecuteOn: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC),
		Instructions: func(yield func(rail.Instruction, error) bool) { yield(i, nil) },
	}
}

func TestTemplatesSayWhereThingsStand(t *testing.T) {
	for name, want := range map[string]string{
		"local-hkd": "Reference,Value date,Bank and branch,Account or proxy,Beneficiary,Currency,Amount,Particulars\r\n" +
			"po_1,26/11/2026,004-001,123456789,cmd|' /C calc'!A0,HKD,12.50,\"Lessons, \"\"May\"\"\"\r\n",
		"payroll-semicolon": "PAY;1;1-1;cmd|' /C calc'!A0;123456789;1250;HKD;20261126\n",
	} {
		f, err := csvfile.Make([]byte(`{"template": "` + name + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := f.Write(&file, batch(instruction())); err != nil || file.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", name, err, &file, want)
		}
	}
}

func TestPayeesThatDoNotFitAreRefused(t *testing.T) {
	f, err := csvfile.Make([]byte(`{"template": "local-hkd"}`))
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*rail.Instruction){
		"name of its holder is missing": func(i *rail.Instruction) { i.Creditor.Name = " =+ " },
		"number is missing":             func(i *rail.Instruction) { i.Creditor.Number = secret.Text{} },
		"number has characters":         func(i *rail.Instruction) { i.Creditor.Number = secret.New("=1+1") },
		"number has more than 7":        func(i *rail.Instruction) { i.Creditor.Routing = "004-001-002" },
		"taken from":                    func(i *rail.Instruction) { i.Debit = true },
	} {
		i := instruction()
		spoil(&i)
		var misfit *rail.Misfit
		if err := f.Check(i); !errors.As(err, &misfit) || !strings.Contains(misfit.Reason, want) {
			t.Errorf("%v does not say: %s", err, want)
		}
	}
}

func TestErrorsOfTemplatesNameTheKey(t *testing.T) {
	const rest = `{"field":"reference"},{"field":"number"},`
	for want, given := range map[string]string{
		"file_suffix":      `{}`,
		"delimiter":        `{"file_suffix":".csv","delimiter":"ab"}`,
		"columns: no":      `{"file_suffix":".csv","columns":[{"field":"number"}]}`,
		"columns[2].form":  `{"file_suffix":".csv","columns":[` + rest + `{"field":"amount"}]}`,
		"columns[0].field": `{"file_suffix":".csv","columns":[{"field":"nothing"}]}`,
		"columns[0].title": `{"file_suffix":".csv","header":true,"columns":[{"field":"name"}]}`,
		"columns[0].value": `{"file_suffix":".csv","columns":[{"field":"name","value":"x"}]}`,
		"colour":           `{"colour":1}`,
		"template: ":       `{"template":"none"}`,
	} {
		if _, err := csvfile.Make([]byte(given)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not name %s", given, err, want)
		}
	}
}

package csvfile_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

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
		"encoding":         `{"file_suffix":".csv","encoding":"utf-16"}`,
		"characters":       `{"file_suffix":".csv","characters":"greek"}`,
		"columns[0]: lett": `{"file_suffix":".csv","encoding":"iso-8859-1","columns":[{"value":"陳"}]}`,
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

const table = `{"file_suffix":".csv","header":false,"columns":[{"field":"reference"},{"field":"number"},{"field":"amount","form":"major"},{"field":"name","required":true}]`

func TestFilesAreInTheEncodingAndTheLettersOfTheirTemplate(t *testing.T) {
	for given, want := range map[string]string{
		`}`:                        "po_1,123456789,12.50,Zoë 陳\n",
		`,"encoding":"utf-8-bom"}`: "\xef\xbb\xbfpo_1,123456789,12.50,Zoë 陳\n",
		`,"characters":"latin"}`:   "po_1,123456789,12.50,Zoe\n",
		`,"characters":"latin","encoding":"windows-1252"}`: "po_1,123456789,12.50,Zoe\n",
		`,"encoding":"windows-1252"}`:                      "",
	} {
		f, err := csvfile.Make([]byte(table + given))
		if err != nil {
			t.Fatal(err)
		}
		i := instruction()
		i.Creditor.Name = "Zoë 陳"
		var file bytes.Buffer
		err = f.Write(&file, batch(i))
		if want == "" {
			var misfit *rail.Misfit
			if !errors.As(err, &misfit) || !strings.Contains(misfit.Reason, "letters") {
				t.Errorf("%s: %v", given, err)
			}
			continue
		}
		if err != nil || file.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", given, err, &file, want)
		}
	}
	big5, err := csvfile.Make([]byte(table + `,"encoding":"big5"}`))
	if err != nil {
		t.Fatal(err)
	}
	i := instruction()
	i.Creditor.Name = "陳"
	var file bytes.Buffer
	if err := big5.Write(&file, batch(i)); err != nil || file.String() != "po_1,123456789,12.50,\xb3\xaf\n" {
		t.Errorf("%v %q", err, &file)
	}
}

func FuzzNoCellIsAFormula(f *testing.F) {
	for _, seed := range []string{"May", "=1+1", " \t=1", "a;=1+1", "a,\"=1\"", "-5 %;+x|@y", "＝1", "\"", "a\r\nb", "'=1", "陳\u200b=1", ";;=1", "x;\u00a0=1"} {
		f.Add(seed)
	}
	format, err := csvfile.Make([]byte(table + `}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		i := instruction()
		i.Creditor.Name = name
		var file bytes.Buffer
		if err := format.Write(&file, batch(i)); err != nil {
			var misfit *rail.Misfit
			if !errors.As(err, &misfit) || strings.ContainsFunc(name, unicode.IsLetter) && !strings.ContainsAny(name, "=+-@＝＋－＠\u200b") {
				t.Fatalf("%q: %v", name, err)
			}
			return
		}
		rows, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 4 {
			t.Fatalf("%q is written %q: %v", name, &file, err)
		}
		for _, cell := range strings.FieldsFunc(rows[0][3], func(r rune) bool { return strings.ContainsRune(",;|\t", r) }) {
			if cell = strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\'' }); cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]) {
				t.Fatalf("%q is written %q: a formula", name, &file)
			}
		}
	})
}
